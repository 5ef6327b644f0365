import type { ReactNode } from "react";
import type { Tone } from "../state/health";
import { Ring } from "./Button";
import { Icon, type IconName } from "./Icon";
import styles from "./Pill.module.css";

const SHAPES: Record<Exclude<Tone, "moving">, IconName> = {
  open: "check",
  paused: "pause",
  trouble: "trouble",
  still: "none",
};

/** A state, told by shape, word and colour together. */
type PillProps = { tone: Tone; quiet?: boolean; icon?: IconName; children: ReactNode };

export function Pill({ tone, quiet, icon, children }: PillProps) {
  return (
    <span className={styles.pill} data-tone={tone} data-quiet={quiet || undefined}>
      {tone === "moving" ? <Ring /> : <Icon name={icon ?? SHAPES[tone]} />}
      <span>{children}</span>
    </span>
  );
}

/** Something a server says of itself. */
export function Claim({ children, strong }: { children: ReactNode; strong?: boolean }) {
  return (
    <span className={styles.claim} data-strong={strong || undefined}>
      {children}
    </span>
  );
}
