import { useState } from "react";
import type { Snapshot } from "../../ipc/bindings/Snapshot";
import { allowedWords, health, looks, stopsAll, troubles } from "../../state/health";
import { useFeed, useNow, useSnapshot } from "../../state/panel";
import { href, usePageTitle } from "../../state/route";
import { lower, plural } from "../../state/words";
import { Blank, Skeleton } from "../../ui/Blank";
import { Copyable } from "../../ui/Copy";
import { Mark } from "../../ui/Mark";
import { PausedWords } from "../../ui/Moment";
import { Card, Section } from "../../ui/Page";
import page from "../../ui/Page.module.css";
import { PauseControl } from "../../ui/PauseControl";
import { ProblemNote } from "../../ui/Problem";
import { ActivityRow } from "../activity/ActivityRow";
import { AddServer } from "../add/AddServer";
import { AwayCard } from "./AwayCard";
import { ConnectVscode } from "./ConnectVscode";
import { FirstSteps, useFirstSteps } from "./FirstSteps";
import styles from "./Home.module.css";
import { Looks } from "./Looks";
import { Ollama } from "./Ollama";
import { Pauses } from "./Pauses";
import { Troubles } from "./Troubles";
import { Waiting } from "./Waiting";

export function HomePage() {
  const snapshot = useSnapshot();
  const steps = useFirstSteps();
  const [adding, setAdding] = useState(false);
  const waiting = troubles(snapshot);
  const toLookAt = looks(snapshot);
  usePageTitle("Home", "home");
  return (
    <div className={page.page}>
      <Waiting questions={snapshot.questions.length} />
      <Wellbeing snapshot={snapshot} />
      {waiting.length > 0 && <Troubles troubles={waiting} />}
      {toLookAt.length > 0 && <Looks looks={toLookAt} />}
      <AwayCard />
      <Pauses />
      {!steps.shown && <Ollama />}
      {steps.shown ? <FirstSteps onAddServer={() => setAdding(true)} /> : <Connect />}
      <Recent />
      <AddServer open={adding} onClose={() => setAdding(false)} />
    </div>
  );
}

function Wellbeing({ snapshot }: { snapshot: Snapshot }) {
  const { up, sign, tone } = health(snapshot);
  const { title, sentence } = wellbeingWords(snapshot);
  return (
    <header className={styles.hero} data-tone={tone} data-testid="wellbeing">
      <div className={styles.picture}>
        <Mark up={up} sign={sign} className={styles.mark} />
      </div>
      <div className={styles.heroText}>
        <h1 tabIndex={-1} data-page-title>
          {title}
        </h1>
        <p>{sentence}</p>
        {snapshot.paused && (
          <p className={styles.since} data-before={snapshot.paused.fromBefore || undefined}>
            <PausedWords paused={snapshot.paused} />
          </p>
        )}
      </div>
      <PauseControl large scope={ALL} paused={snapshot.paused} of="all tools" testId="pause" />
    </header>
  );
}

const ALL = { kind: "all" } as const;

function wellbeingWords(snapshot: Snapshot): { title: string; sentence: string } {
  const { kind } = snapshot.gateway.state;
  if (kind === "starting") {
    return { title: "Starting", sentence: "The address opens in a moment." };
  }
  if (kind === "draining") {
    return { title: "Quitting", sentence: "Calls under way may end. New ones are refused." };
  }
  if (snapshot.paused) {
    return {
      title: "All tools are paused",
      sentence: "Apps stay connected, and each call is refused.",
    };
  }
  const running = snapshot.servers.filter(({ state }) => state.kind === "ready").length;
  const counts = `${plural(running, "server")} running, ${lower(allowedWords(snapshot.servers))}.`;
  const waiting = troubles(snapshot).length;
  if (stopsAll(snapshot)) {
    return { title: "No call can cross", sentence: "What stands in the way is below." };
  }
  if (waiting > 0) {
    return {
      title: waiting === 1 ? "One thing needs a look" : `${waiting} things need a look`,
      sentence: `The rest goes on: ${counts}`,
    };
  }
  return { title: "The bridge is open", sentence: counts };
}

function Connect() {
  const { gateway } = useSnapshot();
  return (
    <Section
      title="Connect an app"
      intro="Apps on this computer use one address for all tools, each with a token of its own."
    >
      <Card>
        <div className={styles.connect}>
          <Copyable text={`${gateway.address}/mcp`} label="Copy address" testId="address" />
          <ConnectVscode primary={false} />
        </div>
      </Card>
    </Section>
  );
}

function Recent() {
  const { kind, latest, error } = useFeed();
  const now = useNow(30_000);
  return (
    <Section
      title="Recent activity"
      aside={
        latest.length > 0 && (
          <a className={styles.all} href={href({ page: "activity", entry: undefined })}>
            All activity
          </a>
        )
      }
      testId="recent"
    >
      <Card flush>
        {kind === "loading" && <Skeleton rows={5} label="Reading the record" />}
        {kind === "failed" && error && (
          <div className={styles.inset}>
            <ProblemNote problem={error.problem} />
          </div>
        )}
        {kind === "ready" && latest.length === 0 && (
          <Blank icon="activity" title="Nothing has happened yet">
            Each call an app makes will stand here, with what it asked and what it got.
          </Blank>
        )}
        {latest.length > 0 && (
          <ul className={styles.recent}>
            {latest.map((entry) => (
              <li key={entry.id}>
                <ActivityRow entry={entry} now={now} ago />
              </li>
            ))}
          </ul>
        )}
      </Card>
    </Section>
  );
}
