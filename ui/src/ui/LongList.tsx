import { useVirtualizer } from "@tanstack/react-virtual";
import type { ReactNode } from "react";
import { useOwnTop } from "../state/listTop";
import { useKept } from "../state/memory";
import styles from "./LongList.module.css";

type LongListProps<T> = {
  /** What is in it, and where the person was in it is kept under this. */
  label: string;
  items: readonly T[];
  /** How high a row about is. */
  estimate: (item: T) => number;
  children: (item: T) => ReactNode;
};

/** A list that scrolls with its page and mounts only what is in view. */
export function LongList<T extends { key: string }>(props: LongListProps<T>) {
  const { label, items, estimate, children } = props;
  const { list, top } = useOwnTop<HTMLDivElement>();
  const [offset] = useKept(`offset ${label}`, { at: 0 });
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => document.getElementById("main"),
    estimateSize: (index) => {
      const item = items[index];
      return item ? estimate(item) : 0;
    },
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 6,
    scrollMargin: top,
    initialOffset: offset.at,
    onChange: (instance) => {
      offset.at = instance.scrollOffset ?? 0;
    },
  });
  return (
    <div
      ref={list}
      className={styles.lines}
      role="list"
      aria-label={label}
      style={{ height: virtualizer.getTotalSize() }}
    >
      {virtualizer.getVirtualItems().map((row) => {
        const item = items[row.index];
        if (!item) return null;
        return (
          <div
            key={row.key}
            ref={virtualizer.measureElement}
            data-index={row.index}
            role="listitem"
            className={styles.line}
            style={{ transform: `translateY(${row.start - top}px)` }}
          >
            {children(item)}
          </div>
        );
      })}
    </div>
  );
}
