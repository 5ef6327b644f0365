import type { RecordWork } from "../ipc/bindings/RecordWork";
import { usePanel } from "../state/panel";
import { cancelRecordWork, WORK_WORDS, workWords } from "../state/recordWork";
import { Button } from "./Button";
import styles from "./WorkLine.module.css";

/** How far a check or an export is, with the way to break it off. */
export function WorkLine({ work }: { work: RecordWork }) {
  const panel = usePanel();
  const words = workWords(work);
  const share = Math.min(1, work.done / Math.max(1, work.total));
  return (
    <div className={styles.work} data-testid="record-work">
      <div className={styles.words}>
        <span>{words}</span>
        <div
          className={styles.bar}
          role="progressbar"
          aria-label={`Progress of the ${WORK_WORDS[work.task].name}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(share * 100)}
          aria-valuetext={words}
        >
          <div className={styles.done} style={{ transform: `scaleX(${share})` }} />
        </div>
      </div>
      {work.task !== "index" && (
        <Button data-testid="cancel-work" onClick={() => void cancelRecordWork(panel)}>
          Cancel
          <span className="unseen">: the {WORK_WORDS[work.task].name}</span>
        </Button>
      )}
    </div>
  );
}
