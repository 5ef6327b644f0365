import type { ReactNode } from "react";
import { standOut } from "../state/standOut";
import { stretches } from "../state/visible";
import styles from "./Foreign.module.css";

type ForeignProps = {
  /** What an app or a server wrote. */
  text: string;
  /** Breaks and tabs do what they are for. */
  lines?: boolean;
};

/**
 * A text that Drawbridge did not write: only ever text, on a ground of its own direction, with the
 * code of each character that would not be seen.
 */
export function Foreign({ text, lines = false }: ForeignProps) {
  return <bdi className={lines ? styles.lines : undefined}>{seen(text, lines)}</bdi>;
}

/**
 * The value of an argument: the same, with what a person looks for first marked. It is written from
 * left to right, as what carries it out reads it, whatever letter it begins with.
 */
export function ForeignValue({ text, name }: { text: string; name?: string | undefined }) {
  return (
    <bdi dir="ltr" className={styles.lines}>
      {standOut(text, name).map((run, index) =>
        run.marked ? (
          <mark key={index} className={styles.mark}>
            {seen(run.text, true)}
          </mark>
        ) : (
          <span key={index}>{seen(run.text, true)}</span>
        ),
      )}
    </bdi>
  );
}

/** The characters of such a text, for what sets its own ground. */
export function seen(text: string, lines: boolean): ReactNode {
  return stretches(text, lines).map((stretch, index) =>
    stretch.code ? (
      <span key={index} className={styles.code} title="A character that does not show itself">
        {stretch.text}
      </span>
    ) : (
      stretch.text
    ),
  );
}
