import type { ComponentProps, ReactNode } from "react";
import styles from "./Button.module.css";
import { Icon, type IconName } from "./Icon";

type Kind = "primary" | "plain" | "quiet" | "danger";

type ButtonProps = ComponentProps<"button"> & {
  kind?: Kind;
  icon?: IconName;
  /** Under way: it cannot be pressed again, and after a second a ring turns. */
  busy?: boolean;
  children: ReactNode;
};

export function Button({ kind = "plain", icon, busy, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? undefined : rest.onClick}
      className={`${styles.button} ${styles[kind]} ${className ?? ""}`}
    >
      {busy ? <Ring /> : icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

/** A button that is only a picture; its name is read aloud and shown on hover. */
export function IconButton({
  icon,
  label,
  className,
  ...rest
}: Omit<ComponentProps<"button">, "children"> & { icon: IconName; label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`${styles.iconButton} ${className ?? ""}`}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Turns while something is under way. It keeps its place from the start and shows after a second. */
export function Ring() {
  return (
    <span className={styles.ring} aria-hidden="true">
      <Icon name="running" />
    </span>
  );
}
