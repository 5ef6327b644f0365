import type { ReactNode } from "react";
import type { Problem } from "../ipc/bindings/Problem";
import { Icon, type IconName } from "./Icon";
import styles from "./Problem.module.css";

type ProblemNoteProps = {
  problem: Problem;
  title?: string;
  /** Whether it is read aloud as it appears: so for what just failed, not for what stands. */
  alert?: boolean;
  /** Whether the details are unfolded from the start. */
  open?: boolean;
  children?: ReactNode;
  testId?: string;
};

/** What went wrong, what to do, and the technical words behind "Details". */
export function ProblemNote({ problem, title, alert, open, children, testId }: ProblemNoteProps) {
  return (
    <div
      className={styles.problem}
      role={alert ? "alert" : undefined}
      data-testid={testId ?? "problem"}
    >
      <Icon name="trouble" className={styles.sign} />
      <div className={styles.body}>
        {title && <h3 className={styles.title}>{title}</h3>}
        <p>{problem.message}</p>
        <Details text={problem.detail} open={open} />
        {children && <div className={styles.actions}>{children}</div>}
      </div>
    </div>
  );
}

/** Technical words, folded away. */
export function Details({ text, open }: { text: string; open?: boolean | undefined }) {
  if (!text) return null;
  return (
    <details className={styles.details} open={open}>
      <summary>Details</summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}

/** A remark that is no error. */
export function Remark(props: {
  children: ReactNode;
  tone?: "info" | "caution";
  icon?: IconName;
  actions?: ReactNode;
  testId?: string;
}) {
  const { tone = "info" } = props;
  return (
    <div className={styles.remark} data-tone={tone} data-testid={props.testId}>
      <Icon
        name={props.icon ?? (tone === "caution" ? "trouble" : "info")}
        className={styles.sign}
      />
      <div className={styles.body}>
        {props.children}
        {props.actions && <div className={styles.actions}>{props.actions}</div>}
      </div>
    </div>
  );
}
