import { useState } from "react";
import type { OllamaView } from "../../ipc/bindings/OllamaView";
import {
  getOllama,
  lookForOllama,
  restartOllama,
  setOllama,
  startOllama,
  stopOllama,
  unloadAll,
} from "../../state/modelActions";
import {
  asksForProgram,
  hasLog,
  type OllamaAction,
  ollamaActions,
  ollamaCounts,
  ollamaSentence,
  ollamaWord,
} from "../../state/ollama";
import { type Panel, useNow, usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { go, href } from "../../state/route";
import { Button } from "../../ui/Button";
import { focusIfLost } from "../../ui/Difference";
import type { IconName } from "../../ui/Icon";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { Card } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { ProblemNote, Remark } from "../../ui/Problem";
import styles from "./Models.module.css";
import { OllamaPort } from "./OllamaPort";

type Does = { word: string; icon: IconName; run: (panel: Panel) => unknown };

const DOES: Record<Exclude<OllamaAction, "port" | "look">, Does> = {
  use: {
    word: "Use Ollama",
    icon: "play",
    run: (panel) => setOllama(panel, (settings) => ({ ...settings, enabled: true })),
  },
  get: { word: "Get Ollama", icon: "outside", run: getOllama },
  start: { word: "Start Ollama", icon: "play", run: startOllama },
  tryNow: { word: "Try now", icon: "play", run: startOllama },
  restart: { word: "Restart Ollama", icon: "restart", run: restartOllama },
  stop: { word: "Stop Ollama", icon: "stop", run: stopOllama },
};

/** How Ollama is, and the one thing to do about it. */
export function OllamaCard({ ollama }: { ollama: OllamaView }) {
  const { state, problem, notice, restartNeeded } = ollama;
  const panel = usePanel();
  const look = useAction(() => lookForOllama(panel));
  const actions = <Actions ollama={ollama} look={look} />;
  const calm = state.kind === "ready";
  const { tone, word } = ollamaWord(ollama);
  return (
    <section aria-label="Ollama" data-testid="ollama">
      <Card>
        <div className={styles.card}>
          <div className={styles.cardHead}>
            <div className={styles.cardMain}>
              <h2>Ollama</h2>
              <span role="status" data-testid="ollama-state">
                <Pill tone={tone}>{word}</Pill>
              </span>
              <Sentence ollama={ollama} />
            </div>
            <More ollama={ollama} look={look} />
          </div>
          {!problem && !calm && ollamaActions(ollama).length > 0 && (
            <div className={styles.actions}>{actions}</div>
          )}
          {problem && (
            <ProblemNote problem={problem} testId="ollama-problem">
              {actions}
            </ProblemNote>
          )}
          {calm && restartNeeded && <RestartNeeded />}
          {notice && (
            <Remark testId="ollama-notice">
              <p>{notice}</p>
            </Remark>
          )}
        </div>
      </Card>
    </section>
  );
}

function Sentence({ ollama }: { ollama: OllamaView }) {
  const { kind } = ollama.state;
  const [first] = useState(kind);
  return (
    <p
      key={kind}
      className={styles.sentence}
      tabIndex={-1}
      ref={kind === first ? undefined : focusIfLost}
    >
      {ollamaCounts(ollama) ? <Counting ollama={ollama} /> : ollamaSentence(ollama, Date.now())}
    </p>
  );
}

function Counting({ ollama }: { ollama: OllamaView }) {
  const now = useNow(1_000);
  return ollamaSentence(ollama, now);
}

function RestartNeeded() {
  const panel = usePanel();
  return (
    <Remark
      testId="restart-needed"
      actions={
        <Button
          kind="primary"
          icon="restart"
          data-testid="ollama-restart"
          onClick={() => void restartOllama(panel)}
        >
          Restart Ollama
        </Button>
      }
    >
      <p>Settings were changed, and count once Ollama is restarted.</p>
    </Remark>
  );
}

type ActionsProps = { ollama: OllamaView; look: { start: () => unknown; busy: boolean } };

/** The first is the one to do. */
function Actions({ ollama, look }: ActionsProps) {
  const panel = usePanel();
  const [moving, setMoving] = useState(false);
  const actions = ollamaActions(ollama);
  return (
    <>
      {actions.map((action, index) => {
        const kind = index === 0 ? "primary" : "plain";
        if (action === "port") {
          return (
            !moving && (
              <Button
                key={action}
                kind={kind}
                data-testid="ollama-port"
                onClick={() => setMoving(true)}
              >
                Use another port
              </Button>
            )
          );
        }
        if (action === "look") {
          return (
            <Button
              key={action}
              kind={kind}
              icon="search"
              busy={look.busy}
              data-testid="ollama-look"
              onClick={() => void look.start()}
            >
              Look again
            </Button>
          );
        }
        const { word, icon, run } = DOES[action];
        return (
          <Button
            key={action}
            kind={kind}
            icon={icon}
            data-testid={`ollama-${action}`}
            onClick={() => void run(panel)}
          >
            {word}
          </Button>
        );
      })}
      {ollama.problem && hasLog(ollama) && (
        <Button icon="activity" onClick={() => go({ page: "ollamaLog" })}>
          Open its log
        </Button>
      )}
      {asksForProgram(ollama) && (
        <a
          className={styles.inLine}
          href={href({ page: "settings", part: "program" })}
          data-testid="to-program"
        >
          {ollama.state.kind === "notInstalled" && ollama.settings.path === null
            ? "It is somewhere else"
            : "Choose another program"}
        </a>
      )}
      {moving && <OllamaPort ollama={ollama} />}
    </>
  );
}

/** What is seldom wanted while all is well. */
function More({ ollama, look }: ActionsProps) {
  const panel = usePanel();
  const calm = ollama.state.kind === "ready";
  return (
    <Menu label="More for Ollama" testId="ollama-menu">
      {calm &&
        ollamaActions(ollama).map((action) => {
          if (action === "port" || action === "look") return null;
          const { word, icon, run } = DOES[action];
          return (
            <MenuItem
              key={action}
              icon={icon}
              testId={`menu-${action}`}
              onClick={() => void run(panel)}
            >
              {word}
            </MenuItem>
          );
        })}
      {ollama.loaded.length > 0 && (
        <MenuItem icon="eject" testId="menu-unload-all" onClick={() => void unloadAll(panel)}>
          Take all out of memory
        </MenuItem>
      )}
      {calm && <MenuLine />}
      {hasLog(ollama) && (
        <MenuItem icon="activity" testId="menu-log" onClick={() => go({ page: "ollamaLog" })}>
          Open its log
        </MenuItem>
      )}
      {calm && (
        <MenuItem icon="search" testId="menu-look" onClick={() => void look.start()}>
          Look again
        </MenuItem>
      )}
      <MenuItem
        icon="settings"
        testId="menu-settings"
        onClick={() => go({ page: "settings", part: "ollama" })}
      >
        Settings of Ollama
      </MenuItem>
    </Menu>
  );
}
