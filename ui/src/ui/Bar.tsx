import styles from "./Bar.module.css";

type BarProps = {
  /** What it is the share of. */
  label: string;
  /** The same in words. */
  words: string;
  /** From 0 to 1. */
  share: number;
  /** Something that fills up, or how full something is. */
  kind: "progress" | "meter";
  quiet?: boolean;
};

/** A share of a whole. The words stand beside it. */
export function Bar({ label, words, share, kind, quiet }: BarProps) {
  const part = Math.min(1, Math.max(0, share));
  const aria = {
    role: kind === "progress" ? "progressbar" : "meter",
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": Math.round(part * 100),
    "aria-valuetext": words,
  };
  return (
    <div className={styles.bar} data-quiet={quiet || undefined} {...aria}>
      <div className={styles.done} style={{ transform: `scaleX(${part})` }} />
    </div>
  );
}
