import styles from "./Icon.module.css";

/** Drawn on a grid of 16 by 16, with a line of 1.5. */
const PATHS = {
  home: "M2.5 7.5 8 2.75l5.5 4.75M4 6.5v6.75h3V9.5h2v3.75h3V6.5",
  tools:
    "M2.5 4.5h5.25M11.25 4.5h2.25M2.5 11.5h2.25M8.25 11.5h5.25M9.5 2.75a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5ZM6.5 9.75a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5Z",
  activity: "M2.5 3.5h1M6 3.5h7.5M2.5 8h1M6 8h7.5M2.5 12.5h1M6 12.5h7.5",
  settings:
    "M8 5.75a2.25 2.25 0 1 1 0 4.5 2.25 2.25 0 0 1 0-4.5ZM8 1.75v1.5M8 12.75v1.5M14.25 8h-1.5M3.25 8h-1.5M12.42 3.58l-1.06 1.06M4.64 11.36l-1.06 1.06M12.42 12.42l-1.06-1.06M4.64 4.64 3.58 3.58",
  search: "M7 2.75a4.25 4.25 0 1 1 0 8.5 4.25 4.25 0 0 1 0-8.5ZM10.25 10.25l3.25 3.25",
  copy: "M5.75 5.75h7.5v7.5h-7.5zM10.25 5.75v-3h-7.5v7.5h3",
  check: "m3 8.5 3.25 3.25L13 4.75",
  down: "m4 6 4 4 4-4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  more: "M8 3.5h.01M8 8h.01M8 12.5h.01",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  remove: "M3 4.25h10M6.25 4V2.75h3.5V4M4.25 4.5l.5 8.75h6.5l.5-8.75M6.75 7v3.75M9.25 7v3.75",
  folder: "M2.25 12.75v-9.5h4l1.5 1.75h6v7.75z",
  file: "M4 2.25h5L12 5.5v8.25H4zM8.75 2.5v3.25H12",
  play: "M5 3.25v9.5L12.5 8z",
  stop: "M4.25 4.25h7.5v7.5h-7.5z",
  restart: "M12.75 8a4.75 4.75 0 1 1-1.5-3.46M12.75 2.5v2.75H10",
  edit: "m3 13 .75-3L10.5 3.25 12.75 5.5 6 12.25z",
  trouble: "M8 2.5 14.25 13.25H1.75zM8 6.5v3M8 11.4h.01",
  outside: "M6.5 3.25H3v9.75h9.75V9.5M9.25 2.75h4v4M13 3 7.5 8.5",
  undo: "M5.75 3 3 5.75 5.75 8.5M3.25 5.75h6a3.5 3.5 0 0 1 0 7H6",
  key: "M10.25 2.75a3 3 0 1 1-2.6 4.5L2.75 12.1v1.4h2.5v-1.5h1.5v-1.5h1.4",
  info: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2ZM8 7.25v3.5M8 5.1h.01",
  question:
    "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2ZM6.4 6.4a1.65 1.65 0 1 1 2.5 1.4c-.6.35-.9.7-.9 1.35M8 11.1h.01",
  none: "M4.5 8h7",
  pause: "M5.75 3.5v9M10.25 3.5v9",
  eye: "M1.75 8S4 3.75 8 3.75 14.25 8 14.25 8 12 12.25 8 12.25 1.75 8 1.75 8ZM8 6.25a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5Z",
  filter: "M2.25 4h11.5M4.5 8h7M6.75 12h2.5",
  save: "M8 2.5v7.25M4.75 6.75 8 10l3.25-3.25M2.75 12.75h10.5",
  away: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2ZM8 4.75V8l2.25 1.5",
  running: "M8 2.25A5.75 5.75 0 0 1 13.75 8",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside a word; the word carries the meaning. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg
      className={`${styles.icon} ${className ?? ""}`}
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
