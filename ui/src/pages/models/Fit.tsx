import type { ModelFit } from "../../ipc/bindings/ModelFit";
import { barWords, verdictWord } from "../../state/modelWords";
import { Pill } from "../../ui/Pill";
import styles from "./Fit.module.css";

/** Whether a model fits, in a word, in sentences and in a picture. */
export function Fit({ fit }: { fit: ModelFit }) {
  const { tone, word, icon } = verdictWord(fit.verdict);
  return (
    <div className={styles.fit}>
      <div className={styles.verdict}>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
        <p className={styles.words}>
          {fit.first === `${word}.` ? "" : `${fit.first} `}
          {fit.numbers}
        </p>
      </div>
      <FitBar fit={fit} />
      {fit.remark && <p className={styles.remark}>{fit.remark}</p>}
    </div>
  );
}

const percent = (share: number) => `${Math.min(100, Math.max(0, share * 100))}%`;

/** The memory there is, how much of it is free, and over it what the model needs. */
function FitBar({ fit }: { fit: ModelFit }) {
  const { need, free, total, verdict } = fit;
  const words = barWords(fit);
  if (words === undefined || need === null || total === null) return null;
  const scale = Math.max(need, total, 1);
  return (
    <div
      className={styles.bar}
      role="img"
      aria-label={words}
      title={words}
      data-verdict={verdict.kind}
    >
      <div className={styles.total} style={{ width: percent(total / scale) }}>
        <div
          className={styles.free}
          style={{ width: percent(Math.min(free ?? total, total) / total) }}
        />
      </div>
      <div className={styles.need} style={{ width: percent(need / scale) }} />
    </div>
  );
}
