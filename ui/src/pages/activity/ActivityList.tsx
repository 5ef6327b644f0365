import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { ActivityEntry } from "../../ipc/bindings/ActivityEntry";
import type { ActivityFeed, FeedView } from "../../state/activity";
import { type Chosen, isChosen, writeChosen } from "../../state/activityFilter";
import { useKept } from "../../state/memory";
import { formatCount, formatDay, plural, startOfDay } from "../../state/words";
import { Button, Ring } from "../../ui/Button";
import styles from "./Activity.module.css";
import { ActivityRow } from "./ActivityRow";

type Line =
  | { kind: "day"; key: string; word: string }
  | { kind: "entry"; key: number; entry: ActivityEntry }
  | { kind: "end"; key: "end" };

const ROW = 58;
const DAY_ROW = 36;
/** Past so many it is worth saying how far back one has come. */
const LONG = 20_000;

type ActivityListProps = {
  /** What is listed. */
  id: string;
  feed: ActivityFeed;
  view: FeedView;
  now: number;
  current: number | undefined;
  chosen: Chosen;
};

/** The loaded entries with the days between them. Only the rows in sight are in the document. */
export function ActivityList(props: ActivityListProps) {
  const { id, feed, view, now, current, chosen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [kept, keepOffset] = useKept("activityOffset", { id, at: 0 });
  // Another filter is another list, which is read from its top.
  const offset = kept.id === id ? kept : { id, at: 0 };
  const query = writeChosen(chosen);
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
        keepOffset({ id, at });
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
      <div
        className={styles.scroller}
        ref={scroller}
        aria-busy={!view.settled}
        data-testid="activity-list"
      >
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
                  <ActivityRow
                    entry={line.entry}
                    now={now}
                    current={line.entry.id === current}
                    query={query}
                  />
                )}
                {line.kind === "end" && <End feed={feed} view={view} narrowed={isChosen(chosen)} />}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function End(props: { feed: ActivityFeed; view: FeedView; narrowed: boolean }) {
  const { feed, view, narrowed } = props;
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
      {view.more && !view.stopped && (
        <>
          <Ring /> Reading older entries
          {view.loadingMore && view.lookedThrough > LONG && (
            <>
              <span className={styles.through}>
                {formatCount(view.lookedThrough)} looked through
              </span>
              <Button data-testid="stop-looking" onClick={() => feed.stop()}>
                Stop
              </Button>
            </>
          )}
        </>
      )}
      {view.more && view.stopped && (
        <>
          {formatCount(view.lookedThrough)} entries were looked through. There are older ones.
          <Button data-testid="go-on-looking" onClick={() => feed.goOn()}>
            Go on
          </Button>
        </>
      )}
      {!view.more && (narrowed ? "Nothing older fits." : "This is where the record begins.")}
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
