import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { waitingWords } from "../../state/questions";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Waiting.module.css";

/** Leads to the questions that wait. It is there before there are any, so that it is read aloud. */
export function Waiting({ questions }: { questions: number }) {
  const { host } = usePanel();
  const show = useAction(() => host.call("show_questions"));
  return (
    <div role="status" className={styles.place}>
      {questions > 0 && (
        <div className={styles.waiting} data-testid="questions-wait">
          <Icon name="question" className={styles.sign} />
          <p className={styles.words}>{waitingWords(questions)}</p>
          <Button
            kind="primary"
            busy={show.busy}
            data-testid="show-questions"
            onClick={() => void show.start()}
          >
            Show<span className="unseen"> what waits</span>
          </Button>
        </div>
      )}
      {questions > 0 && show.error && <ProblemNote problem={show.error.problem} alert />}
    </div>
  );
}
