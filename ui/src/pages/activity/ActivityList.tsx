import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { ActivityEntry } from "../../ipc/bindings/ActivityEntry";
import type { FeedView } from "../../state/activity";
import { useKept } from "../../state/memory";
import { usePanel } from "../../state/panel";
import { formatDay, plural, startOfDay } from "../../state/words";
import { Button, Ring } from "../../ui/Button";
import styles from "./Activity.module.css";
import { ActivityRow } from "./ActivityRow";

type Line =
  | { kind: "day"; key: string; word: string }
  | { kind: "entry"; key: number; entry: ActivityEntry }
  | { kind: "end"; key: "end" };

const ROW = 58;
const DAY_ROW = 36;

/** The loaded entries with the days between them. Only the rows in sight are in the document. */
export function ActivityList(props: { view: FeedView; now: number; current: number | undefined }) {
  const { view, now, current } = props;
  const { feed } = usePanel();
  const scroller = useRef<HTMLDivElement>(null);
  const [offset, keepOffset] = useKept("activityOffset", { at: 0 });
  const today = startOfDay(now);
  const lines = useMemo(() => linesOf(view.entries, today), [view.entries, today]);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (lines[index]?.kind === "entry" ? ROW : DAY_ROW),
    getItemKey: (index) => lines[index]?.key ?? index,
    overscan: 8,
    initialOffset: offset.at,
    onChange: (instance) => {
      const at = instance.scrollOffset ?? 0;
      if (Math.abs(at - offset.at) > ROW * 4 || (at === 0) !== (offset.at === 0))
        keepOffset({ at });
      feed.hold(at > ROW);
      const last = instance.range?.endIndex ?? 0;
      if (last >= lines.length - 10) void feed.loadMore();
    },
  });
  return (
    <div className={styles.listBox}>
      {view.held > 0 && (
        <div className={styles.held}>
          <Button
            kind="primary"
            data-testid="show-held"
            onClick={() => {
              // At the top nothing is held: what is newer comes by itself.
              virtualizer.scrollToOffset(0);
            }}
          >
            {plural(view.held, "newer entry", "newer entries")}
          </Button>
        </div>
      )}
      <div className={styles.scroller} ref={scroller} data-testid="activity-list">
        <div
          className={styles.lines}
          role="list"
          aria-label="Activity"
          style={{ height: virtualizer.getTotalSize() }}
        >
          {virtualizer.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            return (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className={styles.line}
                role="listitem"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {line.kind === "day" && <h2 className={styles.day}>{line.word}</h2>}
                {line.kind === "entry" && (
                  <ActivityRow entry={line.entry} now={now} current={line.entry.id === current} />
                )}
                {line.kind === "end" && <End view={view} />}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function End({ view }: { view: FeedView }) {
  const { feed } = usePanel();
  if (view.error) {
    return (
      <div className={styles.endLine} role="alert">
        Older entries could not be read. {view.error.problem.message}{" "}
        <Button onClick={() => void feed.loadMore()}>Try again</Button>
      </div>
    );
  }
  return (
    <div className={styles.endLine}>
      {view.more ? (
        <>
          <Ring /> Reading older entries
        </>
      ) : (
        "This is where the record begins."
      )}
    </div>
  );
}

function linesOf(entries: readonly ActivityEntry[], today: number): Line[] {
  const lines: Line[] = [];
  let last = Number.NaN;
  for (const entry of entries) {
    const day = startOfDay(entry.at);
    if (day !== last) {
      lines.push({ kind: "day", key: `day ${day} ${entry.id}`, word: formatDay(day, today) });
    }
    last = day;
    lines.push({ kind: "entry", key: entry.id, entry });
  }
  lines.push({ kind: "end", key: "end" });
  return lines;
}
