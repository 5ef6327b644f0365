import type { PullView } from "../../ipc/bindings/PullView";
import { cancelPull, pausePull, resumePull } from "../../state/modelActions";
import { pullAnnouncement, pullShare, pullWords } from "../../state/modelWords";
import { usePanel } from "../../state/panel";
import { focusPageTitle } from "../../state/route";
import { Bar } from "../../ui/Bar";
import { Button } from "../../ui/Button";
import { Foreign } from "../../ui/Foreign";
import { Card, Section } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Pulls.module.css";

/** What is being downloaded, or was and waits for the person. */
export function Pulls({ pulls }: { pulls: readonly PullView[] }) {
  return (
    <div className={styles.place}>
      {/* Always there, so that what comes into it is read aloud. */}
      <div role="status" aria-atomic="false" className="unseen" data-testid="pull-words">
        {pulls.map((pull) => (
          <p key={pull.name}>{pullAnnouncement(pull)}</p>
        ))}
      </div>
      {pulls.length > 0 && (
        <Section title="Downloads" testId="pulls">
          <Card flush>
            <ul className={styles.list}>
              {pulls.map((pull) => (
                <li key={pull.name} className={styles.pull} data-testid={`pull-${pull.name}`}>
                  <OnePull pull={pull} />
                </li>
              ))}
            </ul>
          </Card>
        </Section>
      )}
    </div>
  );
}

function OnePull({ pull }: { pull: PullView }) {
  const { name, state } = pull;
  const words = pullWords(pull);
  return (
    <>
      <div className={styles.head}>
        <div className={styles.words}>
          <p className={styles.name}>
            <Foreign text={name} />
          </p>
          <p className={styles.how}>
            {state.kind === "done" ? <Pill tone="open">{words}</Pill> : words}
          </p>
        </div>
        <div className={styles.buttons}>
          <Buttons pull={pull} />
        </div>
      </div>
      {state.kind !== "done" && (
        <Bar
          kind="progress"
          label={`Download of ${name}`}
          words={words}
          share={pullShare(pull)}
          quiet={state.kind !== "running"}
        />
      )}
      {state.kind === "failed" && <ProblemNote problem={state.problem} />}
    </>
  );
}

function Buttons({ pull: { name, state } }: { pull: PullView }) {
  const panel = usePanel();
  const of = <span className="unseen"> the download of {name}</span>;
  const goOn = state.kind === "paused" || state.kind === "failed";
  if (state.kind === "done") {
    return (
      <Button
        icon="check"
        data-testid={`put-away-${name}`}
        onClick={() => {
          // The button goes with its row.
          focusPageTitle();
          void cancelPull(panel, name);
        }}
      >
        Put away{of}
      </Button>
    );
  }
  return (
    <>
      {/* The same button throughout, so that the focus and the place stay. */}
      <Button
        icon={goOn ? (state.kind === "failed" ? "restart" : "play") : "pause"}
        data-testid={`${goOn ? "resume" : "pause"}-${name}`}
        onClick={() => void (goOn ? resumePull(panel, name) : pausePull(panel, name))}
      >
        {state.kind === "failed" ? "Try again" : goOn ? "Resume" : "Pause"}
        {of}
      </Button>
      <Button
        icon="close"
        data-testid={`cancel-${name}`}
        onClick={() => {
          // The button goes with its row.
          focusPageTitle();
          void cancelPull(panel, name);
        }}
      >
        Cancel{of}
      </Button>
    </>
  );
}
