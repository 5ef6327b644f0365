import { type KeyboardEvent, useState } from "react";
import type { ActivityFilter } from "../../ipc/bindings/ActivityFilter";
import type { ActivityGrouping } from "../../ipc/bindings/ActivityGrouping";
import type { ActivityPicture as Picture } from "../../ipc/bindings/ActivityPicture";
import type { Chosen } from "../../state/activityFilter";
import { useKept } from "../../state/memory";
import { useNow, usePanel } from "../../state/panel";
import {
  barsOf,
  edgeWords,
  isAdded,
  type LegendLine,
  legendOf,
  scaleWords,
  toggled,
} from "../../state/picture";
import { useQuery } from "../../state/query";
import { useRecorded } from "../../state/recordWork";
import { useNarrow } from "../../state/width";
import { formatCount } from "../../state/words";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import styles from "./Picture.module.css";

/** The picture grows with the list, but is not counted anew for each call. */
const AGAIN_MS = 3_000;

const GROUPINGS: { grouping: ActivityGrouping; word: string }[] = [
  { grouping: "client", word: "By app" },
  { grouping: "tool", word: "By tool" },
];

type PictureProps = { filter: ActivityFilter; chosen: Chosen; onChoose: (next: Chosen) => void };

/** How much happened when, and by whom: bars that lead to what they stand for. */
export function ActivityPicture({ filter, chosen, onChoose }: PictureProps) {
  const { host } = usePanel();
  const narrow = useNarrow();
  const [wanted, setWanted] = useKept<boolean | undefined>("pictureOpen", undefined);
  const [grouping, setGrouping] = useKept<ActivityGrouping>("pictureGrouping", "client");
  const turn = useRecorded(AGAIN_MS);
  const open = wanted ?? !narrow;
  const read = useQuery(`${open} ${grouping} ${turn} ${JSON.stringify(filter)}`, async () => {
    // What is folded is not counted.
    if (!open) return null;
    const utcOffsetMinutes = -new Date().getTimezoneOffset();
    return host.call("activity_picture", { filter, grouping, utcOffsetMinutes });
  });
  if (open && read.value?.bars === 0) return null;
  return (
    <section className={styles.picture} aria-label="Over time" data-testid="picture">
      <div className={styles.head}>
        <button
          type="button"
          className={styles.fold}
          aria-expanded={open}
          data-testid="fold-picture"
          onClick={() => setWanted(!open)}
        >
          <Icon name={open ? "down" : "right"} />
          Over time
        </button>
        {open && (
          <div className={styles.groupings} role="group" aria-label="Divided">
            {GROUPINGS.map((each) => (
              <button
                key={each.grouping}
                type="button"
                className={styles.grouping}
                aria-pressed={each.grouping === grouping}
                data-testid={`by-${each.grouping}`}
                onClick={() => setGrouping(each.grouping)}
              >
                {each.word}
              </button>
            ))}
          </div>
        )}
      </div>
      {open && read.kind === "failed" && (
        <p className={styles.words}>
          It could not be counted.{" "}
          <Button kind="quiet" onClick={read.reload}>
            Try again
          </Button>
        </p>
      )}
      {open && read.kind !== "failed" && !read.value && <div className={styles.waiting} />}
      {open && read.value && (
        <Drawn picture={read.value} filter={filter} chosen={chosen} onChoose={onChoose} />
      )}
    </section>
  );
}

function Drawn({ picture, chosen, onChoose }: PictureProps & { picture: Picture }) {
  const now = useNow(60_000);
  const bars = barsOf(picture);
  const [kept, setAt] = useState<number | undefined>();
  const at = Math.min(kept ?? bars.length - 1, bars.length - 1);
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const steps: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: bars.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(bars.length - 1, next));
    setAt(to);
    event.currentTarget.querySelectorAll<HTMLElement>("button")[to]?.focus();
  };
  const [first] = bars;
  const last = bars.at(-1);
  return (
    <>
      <div
        className={styles.bars}
        role="group"
        aria-label="Bars over time. The arrow keys move, Enter shows what a bar stands for."
        data-testid="bars"
        onKeyDown={move}
      >
        {bars.map((bar, index) => (
          <button
            key={index}
            type="button"
            className={styles.bar}
            tabIndex={index === at ? 0 : -1}
            aria-label={bar.label}
            aria-disabled={bar.total === 0 || undefined}
            title={bar.label}
            onFocus={() => setAt(index)}
            onClick={({ currentTarget }) => {
              if (bar.total === 0) return;
              // Other bars take the place of these: the keyboard goes on from the first of them.
              currentTarget.parentElement?.querySelector("button")?.focus();
              const { time: _time, ...rest } = chosen;
              onChoose({ ...rest, from: bar.from, until: bar.until });
            }}
          >
            <span className={styles.stack} style={{ height: `${bar.height * 100}%` }}>
              {bar.parts.map(({ place, count }) => (
                <span
                  key={place}
                  className={styles.part}
                  data-place={place}
                  style={{ flexGrow: count }}
                />
              ))}
            </span>
          </button>
        ))}
      </div>
      <div className={styles.edges}>
        <span>{first && edgeWords(first.from, picture.barMs, now)}</span>
        <span className={styles.scale}>{scaleWords(picture, bars)}</span>
        <span>{last && edgeWords(last.until, picture.barMs, now)}</span>
      </div>
      <Legend lines={legendOf(picture)} chosen={chosen} onChoose={onChoose} />
      {picture.withoutText && (
        <p className={styles.words} data-testid="without-text">
          The searched words are left out here: calls count with and without them.
        </p>
      )}
    </>
  );
}

function Legend(props: { lines: LegendLine[] } & Pick<PictureProps, "chosen" | "onChoose">) {
  const { lines, chosen, onChoose } = props;
  return (
    <ul className={styles.legend} aria-label="Who, and how many" data-testid="legend">
      {lines.map(({ place, label, total, adds }) => {
        const words = (
          <>
            <span className={styles.swatch} data-place={place} />
            <bdi className={styles.name}>{label}</bdi>
            <span className={styles.number}>{formatCount(total)}</span>
          </>
        );
        return (
          <li key={label}>
            {adds ? (
              <button
                type="button"
                className={styles.line}
                aria-pressed={isAdded(chosen, adds)}
                onClick={() => onChoose(toggled(chosen, adds))}
              >
                {words}
                <span className="unseen">: show only these</span>
              </button>
            ) : (
              <span className={styles.line}>{words}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
