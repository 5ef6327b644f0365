import type { ReactNode } from "react";
import styles from "./Blank.module.css";
import { Icon, type IconName } from "./Icon";

/** An empty page says what will be there and offers what fills it. */
export function Blank(props: {
  icon: IconName;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={styles.blank} data-testid="blank">
      <span className={styles.picture}>
        <Icon name={props.icon} />
      </span>
      <h2>{props.title}</h2>
      <p>{props.children}</p>
      {props.action && <div className={styles.action}>{props.action}</div>}
    </div>
  );
}

/** Stands where rows will be, as high as they will be. */
export function Skeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div className={styles.skeleton} role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles.bone}>
          <span />
          <span />
        </div>
      ))}
    </div>
  );
}
