import { useState } from "react";
import { useLastWords } from "../../state/answering";
import {
  type Panel,
  PanelProvider,
  SnapshotProvider,
  usePanelState,
  useSnapshot,
} from "../../state/panel";
import { groupsOf, waitingWords } from "../../state/questions";
import { Skeleton } from "../../ui/Blank";
import { Icon } from "../../ui/Icon";
import { Mark } from "../../ui/Mark";
import { StartFailed } from "../Starting";
import { Answers } from "./Answers";
import { QuestionDetails, QuestionSummary } from "./QuestionDetails";
import styles from "./QuestionWindow.module.css";

/** The window a question to the person has to itself. */
export function QuestionWindow({ panel }: { panel: Panel }) {
  return (
    <PanelProvider panel={panel} record={false}>
      <Questions />
    </PanelProvider>
  );
}

function Questions() {
  const state = usePanelState();
  if (state.kind === "failed") return <StartFailed error={state.error} />;
  if (state.kind === "loading") {
    return (
      <main className={styles.window}>
        <h1 className="unseen">A question</h1>
        <Skeleton rows={4} label="Reading what is asked" />
      </main>
    );
  }
  return (
    <SnapshotProvider snapshot={state.snapshot}>
      <Waiting />
    </SnapshotProvider>
  );
}

/** The questions that wait, one of them open. */
function Waiting() {
  const { questions } = useSnapshot();
  const [chosen, choose] = useState<string | undefined>();
  const last = useLastWords(questions);
  const groups = groupsOf(questions);
  const open = groups.find(({ key }) => key === chosen) ?? groups[0];
  const status = (
    <p className={styles.last} role="status" data-testid="last-words">
      {last.words}
    </p>
  );
  if (!open) {
    return (
      <main className={styles.window}>
        <div className={styles.none} data-testid="nothing-waits">
          <span className={styles.nonePicture}>
            <Icon name="check" />
          </span>
          <h1>Nothing is waiting</h1>
          <p>When an app wants to use a tool that is set to Ask, its question stands here.</p>
          {status}
        </div>
      </main>
    );
  }
  return (
    <main className={styles.window}>
      <div className={styles.frame}>
        <header className={styles.head}>
          <Mark up={false} sign className={styles.mark} />
          <h1>{waitingWords(questions.length)}</h1>
          {status}
        </header>
        {/* Before what it answers, so that the keyboard meets Deny first; shown below it. */}
        <Answers key={open.key} group={open} groups={groups.length} last={last} />
        <section className={styles.body} aria-label="What is asked" tabIndex={0}>
          <ol className={styles.list}>
            {groups.map((group) => (
              <li key={group.key} className={styles.item} data-open={group === open || undefined}>
                {group === open ? (
                  <QuestionDetails group={group} />
                ) : (
                  <QuestionSummary group={group} onOpen={() => choose(group.key)} />
                )}
              </li>
            ))}
          </ol>
        </section>
      </div>
    </main>
  );
}
