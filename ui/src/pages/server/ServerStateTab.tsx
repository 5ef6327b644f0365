import type { ReactNode } from "react";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { restartServer, startServer, stopServer } from "../../state/actions";
import { allowedWords, tokensOf } from "../../state/health";
import { heldSentence, waitingTools } from "../../state/held";
import { useNow, usePanel } from "../../state/panel";
import { go } from "../../state/route";
import { wantsSecret } from "../../state/secrets";
import { formatAgo, formatExact, formatTokens, plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { PausedWords } from "../../ui/Moment";
import { Card, Row } from "../../ui/Page";
import { PauseControl } from "../../ui/PauseControl";
import { ProblemNote, Remark } from "../../ui/Problem";
import { ToSecrets } from "../../ui/ToSecrets";
import styles from "./Server.module.css";

export function ServerStateTab({ server }: { server: ServerView }) {
  const panel = usePanel();
  const { name, state, identity, tools, prompts, resources, restarts, transport } = server;
  const running = state.kind === "ready" || state.kind === "starting";
  const cost = tokensOf(server);
  const held = waitingTools(server);
  return (
    <div className={styles.stack}>
      {server.startWaits && (
        <Remark
          tone="caution"
          testId="start-waits"
          actions={
            <Button
              kind="primary"
              icon="eye"
              data-testid="review-start"
              onClick={() => go({ page: "start", server: name })}
            >
              Look at it
            </Button>
          }
        >
          <p>It was added or changed outside Drawbridge. It waits until you have looked.</p>
        </Remark>
      )}
      {held.length > 0 && (
        <Remark
          tone="caution"
          icon="tools"
          actions={
            <Button icon="eye" onClick={() => go({ page: "changes", server: name })}>
              Look at {held.length === 1 ? "it" : "them"}
            </Button>
          }
        >
          <p>{heldSentence(name, held)}</p>
        </Remark>
      )}
      {server.problem && !server.startWaits && (
        <ProblemNote problem={server.problem} open>
          {wantsSecret(server.problem) && <ToSecrets />}
        </ProblemNote>
      )}
      <Card flush>
        <Row
          title={<StateSentence server={server} />}
          detail={
            restarts > 0
              ? `Started again by itself ${plural(restarts, "time")} since Drawbridge started.`
              : undefined
          }
        >
          {running ? (
            <>
              <Button
                icon="restart"
                data-testid="restart"
                onClick={() => void restartServer(panel, name)}
              >
                Restart
              </Button>
              <Button icon="stop" data-testid="stop" onClick={() => void stopServer(panel, name)}>
                Stop
              </Button>
            </>
          ) : (
            <Button
              kind={server.startWaits ? "plain" : "primary"}
              icon="play"
              data-testid="start"
              disabled={!server.enabled || server.startWaits || state.kind === "stopping"}
              onClick={() => void startServer(panel, name)}
            >
              {state.kind === "waiting" ? "Try now" : "Start"}
            </Button>
          )}
        </Row>
        <Row
          title={server.paused ? "All it offers is paused" : "Pause all it offers"}
          detail={
            server.paused ? (
              <PausedWords paused={server.paused} />
            ) : (
              "Apps stay connected, and each call is refused."
            )
          }
        >
          <PauseControl
            scope={{ kind: "server", server: name }}
            paused={server.paused}
            of={name}
            testId="pause-server"
          />
        </Row>
        {tools.length + prompts + resources > 0 && (
          <Row title="What it offers" detail={offerWords(tools.length, prompts, resources)} />
        )}
        {tools.length > 0 && (
          <Row
            title={allowedWords([server])}
            detail={
              cost > 0
                ? `An app that is given them reads ${formatTokens(cost)} of description in each request.`
                : "They cost an app nothing while none is listed."
            }
          />
        )}
      </Card>
      <Card flush>
        <Fact name="How it is reached">
          {transport.kind === "builtIn" && "It is part of Drawbridge."}
          {transport.kind === "remote" && <code>{transport.url}</code>}
          {transport.kind === "local" &&
            "A program on this computer. Its command is under Settings."}
        </Fact>
        <Fact name="It calls itself">
          {identity === null
            ? "It has not answered yet."
            : `${identity.title ?? identity.name} ${identity.version}`}
        </Fact>
        {identity !== null && <Fact name="Protocol">MCP {identity.protocol}</Fact>}
      </Card>
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <span className={styles.factName}>{name}</span>
      <span className={styles.factValue}>{children}</span>
    </div>
  );
}

function offerWords(tools: number, prompts: number, resources: number): string {
  const parts = [plural(tools, "tool")];
  if (prompts > 0) parts.push(plural(prompts, "prompt"));
  if (resources > 0) parts.push(plural(resources, "resource"));
  return `${parts.join(", ")}.`;
}

function StateSentence({ server: { state, enabled, startWaits } }: { server: ServerView }) {
  if (startWaits) return "Waits for you";
  switch (state.kind) {
    case "ready":
      return (
        <Ago at={state.since} everyMs={30_000}>
          {(ago) => `Running. Started ${ago}.`}
        </Ago>
      );
    case "starting":
      return (
        <Ago at={state.since} everyMs={1_000}>
          {(_, seconds) =>
            seconds < 10
              ? "Starting"
              : `Starting for ${seconds} s. A first start may download the program.`
          }
        </Ago>
      );
    case "waiting":
      return (
        <Ago at={state.retryAt} everyMs={1_000}>
          {(_, seconds) =>
            `Failed ${plural(state.attempt, "time")} in a row. ${seconds < 0 ? `Tried again in ${-seconds} s.` : "Tried again now."}`
          }
        </Ago>
      );
    case "stopping":
      return "Stopping";
    case "failed":
      return "Given up until you start it again";
    case "stopped":
      return enabled ? "Stopped" : "Switched off";
  }
}

function Ago(props: {
  at: number;
  everyMs: number;
  children: (ago: string, seconds: number) => string;
}) {
  const now = useNow(props.everyMs);
  const seconds = Math.round((now - props.at) / 1000);
  return (
    <span title={formatExact(props.at)}>{props.children(formatAgo(props.at, now), seconds)}</span>
  );
}
