import type { DiffLine } from "../../ipc/bindings/DiffLine";
import styles from "./Settings.module.css";

const SIGNS: Record<DiffLine["kind"], string> = { same: " ", added: "+", removed: "−" };
const WORDS: Record<DiffLine["kind"], string> = {
  same: "",
  added: "Added: ",
  removed: "Removed: ",
};

/** What comes and what goes, by sign and by colour. */
export function Diff({ lines }: { lines: DiffLine[] }) {
  return (
    <div
      className={styles.diff}
      role="group"
      aria-label="Difference"
      tabIndex={0}
      data-testid="diff"
    >
      {lines.map(({ kind, text }, index) => (
        <div key={index} className={styles.diffLine} data-kind={kind}>
          <span className={styles.sign} aria-hidden="true">
            {SIGNS[kind]}
          </span>
          <code className={styles.diffText}>
            <span className="unseen">{WORDS[kind]}</span>
            {text}
          </code>
        </div>
      ))}
    </div>
  );
}
