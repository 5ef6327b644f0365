import { memo } from "react";
import type { ActivityEntry } from "../../ipc/bindings/ActivityEntry";
import type { Tone } from "../../state/health";
import { href } from "../../state/route";
import {
  activityNote,
  activityOutcome,
  activityTitle,
  formatAgo,
  formatClock,
  formatDuration,
  formatExact,
} from "../../state/words";
import { Icon, type IconName } from "../../ui/Icon";
import { Pill } from "../../ui/Pill";
import styles from "./Activity.module.css";

function outcomeTone(entry: ActivityEntry): Tone {
  switch (entry.outcome) {
    case null:
      return "moving";
    case "failed":
    case "unknown":
      return "trouble";
    case "refused":
      return "paused";
    case "cancelled":
      return "still";
    case "succeeded":
      return "open";
  }
}

export function OutcomePill({ entry, word }: { entry: ActivityEntry; word: string }) {
  const { outcome } = entry;
  return (
    <Pill
      tone={outcomeTone(entry)}
      quiet={outcome === "succeeded"}
      icon={outcome === "refused" ? "close" : undefined}
    >
      {word}
    </Pill>
  );
}

const KIND_ICONS: Record<ActivityEntry["kind"], IconName> = {
  toolCall: "tools",
  promptUse: "file",
  resourceRead: "file",
  requestRefused: "stop",
  serverStarted: "play",
  serverStopped: "stop",
  serverCrashed: "trouble",
  settingChanged: "settings",
  toolsChanged: "eye",
  answerGiven: "check",
  answerTakenBack: "undo",
  modelRequest: "question",
  recordShortened: "remove",
};

type ActivityRowProps = {
  entry: ActivityEntry;
  now: number;
  ago?: boolean;
  current?: boolean;
  /** The filter of the list it stands in, which stays while it is open. */
  query?: string;
};

/** One thing that happened; opens into all that is on record about it. */
export const ActivityRow = memo(function ActivityRow(props: ActivityRowProps) {
  const { entry, now, ago, current, query = "" } = props;
  const outcome = activityOutcome(entry);
  const note = activityNote(entry);
  return (
    <a
      className={styles.row}
      href={`${href({ page: "activity", entry: entry.id })}${query}`}
      aria-current={current ? "true" : undefined}
      data-testid="activity-row"
      data-entry={entry.id}
    >
      <Icon name={KIND_ICONS[entry.kind]} className={styles.kind} />
      <span className={styles.what}>
        <span className={styles.title}>{activityTitle(entry)}</span>
        {note && <span className={styles.note}>{note}</span>}
      </span>
      <span className={styles.end}>
        {outcome && <OutcomePill entry={entry} word={outcome} />}
        <span className={styles.when} data-ago={ago || undefined} title={formatExact(entry.at)}>
          {entry.durationMs !== null && (
            <span className={styles.duration}>{formatDuration(entry.durationMs)}</span>
          )}
          <time dateTime={new Date(entry.at).toISOString()}>
            {ago ? formatAgo(entry.at, now) : formatClock(entry.at)}
          </time>
        </span>
      </span>
    </a>
  );
});
