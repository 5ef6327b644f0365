import type { ComponentProps } from "react";
import { Icon } from "./Icon";
import styles from "./Select.module.css";

/** One of several, each a word. The system's own list, which every keyboard knows. */
export function Select({ wide, ...rest }: ComponentProps<"select"> & { wide?: boolean }) {
  return (
    <span className={styles.box} data-wide={wide || undefined}>
      <select {...rest} className={styles.select} />
      <Icon name="down" className={styles.arrow} />
    </span>
  );
}
