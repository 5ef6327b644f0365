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
  hasLog,
  type OllamaAction,
  ollamaActions,
  ollamaCounts,
  ollamaSentence,
  ollamaWord,
} from "../../state/ollama";
import { type Panel, useNow, usePanel } from "../../state/panel";
import { go, href } from "../../state/route";
import { Button } from "../../ui/Button";
import { focusIfLost } from "../../ui/Difference";
import type { IconName } from "../../ui/Icon";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { Card } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { Details, ProblemNote, Remark } from "../../ui/Problem";
import styles from "./Models.module.css";
import { OllamaPort } from "./OllamaPort";

type Does = { word: string; icon: IconName; run: (panel: Panel) => unknown };

const DOES: Record<Exclude<OllamaAction, "port">, Does> = {
  use: {
    word: "Use Ollama",
    icon: "play",
    run: (panel) => setOllama(panel, (settings) => ({ ...settings, enabled: true })),
  },
  get: { word: "Get Ollama", icon: "outside", run: getOllama },
  look: { word: "Look again", icon: "search", run: lookForOllama },
  start: { word: "Start Ollama", icon: "play", run: startOllama },
  tryNow: { word: "Try now", icon: "play", run: startOllama },
  restart: { word: "Restart Ollama", icon: "restart", run: restartOllama },
  stop: { word: "Stop Ollama", icon: "stop", run: stopOllama },
};

/** How Ollama is, and the one thing to do about it. */
export function OllamaCard({ ollama }: { ollama: OllamaView }) {
  const { state, problem, notice, restartNeeded } = ollama;
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
              {!calm && !problem && <Actions ollama={ollama} />}
            </div>
            <More ollama={ollama} />
          </div>
          {problem && state.kind === "notInstalled" && (
            <Remark testId="ollama-problem" actions={<Actions ollama={ollama} />}>
              <p>{problem.message}</p>
              <Details text={problem.detail} />
            </Remark>
          )}
          {problem && state.kind !== "notInstalled" && (
            <ProblemNote problem={problem} testId="ollama-problem">
              <Actions ollama={ollama} />
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

/** The first is the one to do. */
function Actions({ ollama }: { ollama: OllamaView }) {
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
      {ollama.state.kind === "notInstalled" && (
        <a className={styles.inLine} href={href({ page: "settings", part: "ollama" })}>
          It is somewhere else
        </a>
      )}
      {ollama.problem && hasLog(ollama) && (
        <Button icon="activity" onClick={() => go({ page: "ollamaLog" })}>
          Open its log
        </Button>
      )}
      {moving && <OllamaPort ollama={ollama} />}
    </>
  );
}

/** What is seldom wanted while all is well. */
function More({ ollama }: { ollama: OllamaView }) {
  const panel = usePanel();
  const calm = ollama.state.kind === "ready";
  return (
    <Menu label="More for Ollama" testId="ollama-menu">
      {calm &&
        ollamaActions(ollama).map((action) => {
          if (action === "port") return null;
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
        <MenuItem icon="search" onClick={() => void lookForOllama(panel)}>
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
