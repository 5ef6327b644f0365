import type { ToolFinding } from "../../ipc/bindings/ToolFinding";
import { bySeverity, findingWords, placeWords } from "../../state/held";
import { Foreign } from "../../ui/Foreign";
import { Icon } from "../../ui/Icon";
import styles from "./Changes.module.css";

/** What deserves a second look: what it is, where it stands, and the very words. */
export function Findings({ findings }: { findings: readonly ToolFinding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul className={styles.findings} data-testid="findings">
      {bySeverity(findings).map((finding, index) => (
        <li
          key={index}
          className={styles.finding}
          data-severe={finding.severe || undefined}
          data-testid="finding"
        >
          <Icon name={finding.severe ? "trouble" : "info"} className={styles.findingSign} />
          <div className={styles.findingText}>
            <p className={styles.findingWords}>{findingWords(finding)}</p>
            <blockquote className={styles.passage}>
              <Foreign text={finding.passage} lines />
            </blockquote>
            <p className={styles.place}>
              It stands {placeWords(finding.place)} (
              <code>
                <Foreign text={finding.place} />
              </code>
              ).
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}
