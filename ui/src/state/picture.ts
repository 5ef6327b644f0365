import type { ActivityPicture } from "../ipc/bindings/ActivityPicture";
import type { ActivitySeries } from "../ipc/bindings/ActivitySeries";
import { type Chosen, spanWords, tidied } from "./activityFilter";
import { spelledOut } from "./visible";
import { appName, formatClock, formatCount, formatDate, plural, startOfDay } from "./words";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** The rest of the series has this place, whatever its index. */
export const REST = 6;

export type BarPart = {
  /** Which of the series, for its colour and pattern. */
  place: number;
  count: number;
};

export type Bar = {
  from: number;
  until: number;
  total: number;
  /** From 0 to 1, of the highest. */
  height: number;
  /** From the bottom up; without what is empty. */
  parts: BarPart[];
  /** When, how many, and of whom. */
  label: string;
};

export type LegendLine = {
  place: number;
  label: string;
  total: number;
  /** What choosing it adds to the filter; the rest cannot be chosen. */
  adds: Chosen | undefined;
};

export const placeOf = (series: ActivitySeries, index: number): number =>
  series.client === null && series.tool === null ? REST : Math.min(index, REST - 1);

const sum = (counts: readonly number[]) => counts.reduce((all, each) => all + each, 0);

function labelOf({ client, server, tool }: ActivitySeries): string {
  if (client !== null) return spelledOut(appName(client));
  if (tool === null) return "All others";
  return spelledOut(server === null ? tool : `${tool} of ${server}`);
}

/** A day's bar begins at midnight, also after the clock was put forward or back. */
function moment(at: number, barMs: number): number {
  return barMs < DAY_MS ? at : startOfDay(at + 2 * HOUR_MS);
}

export function barsOf(picture: ActivityPicture): Bar[] {
  const { from, barMs, bars, series } = picture;
  const totals = Array.from({ length: bars }, (_, at) =>
    sum(series.map(({ counts }) => counts[at] ?? 0)),
  );
  const highest = Math.max(1, ...totals);
  return totals.map((total, at) => {
    const begin = moment(from + at * barMs, barMs);
    const end = moment(from + (at + 1) * barMs, barMs);
    const parts = series.map((each, index) => ({
      place: placeOf(each, index),
      count: each.counts[at] ?? 0,
      name: labelOf(each),
    }));
    const there = parts.filter(({ count }) => count > 0);
    const words = there.map(({ name, count }) => `${name} ${formatCount(count)}`).join(", ");
    const when = spanWords({ from: begin, until: end }) ?? "";
    return {
      from: begin,
      until: end,
      total,
      height: total / highest,
      parts: there.map(({ place, count }) => ({ place, count })),
      label: total === 0 ? `${when}: nothing` : `${when}: ${formatCount(total)}. ${words}`,
    };
  });
}

export function legendOf(picture: ActivityPicture): LegendLine[] {
  return picture.series.map((series, index) => {
    const { client, server, tool } = series;
    const place = placeOf(series, index);
    const adds = client !== null ? { client } : { server, subject: tool };
    return {
      place,
      label: labelOf(series),
      total: sum(series.counts),
      adds: place === REST ? undefined : (tidied(adds as Chosen) as Chosen),
    };
  });
}

/** Whether what a name in the legend stands for is what the filter is set to. */
export const isAdded = (chosen: Chosen, adds: Chosen): boolean =>
  Object.entries(adds).every(([key, value]) => chosen[key as keyof Chosen] === value);

/** Sets or takes away what a name in the legend stands for. */
export function toggled(chosen: Chosen, adds: Chosen): Chosen {
  if (!isAdded(chosen, adds)) return tidied({ ...chosen, ...adds });
  const rest = Object.entries(chosen).filter(([key]) => !(key in adds));
  return Object.fromEntries(rest) as Chosen;
}

/** How long one bar is and how much the highest holds, for the line below the picture. */
export function scaleWords(picture: ActivityPicture, bars: readonly Bar[]): string {
  const { barMs } = picture;
  const long =
    barMs >= DAY_MS
      ? plural(Math.round(barMs / DAY_MS), "day")
      : barMs >= HOUR_MS
        ? plural(Math.round(barMs / HOUR_MS), "hour")
        : plural(Math.max(1, Math.round(barMs / 60_000)), "minute");
  const highest = Math.max(0, ...bars.map(({ total }) => total));
  return `A bar is ${long}, the highest holds ${formatCount(highest)}.`;
}

/** A moment at an end of the picture: the day, and the clock where a bar is shorter than one. */
export const edgeWords = (at: number, barMs: number, now: number): string =>
  at > now ? "now" : barMs >= DAY_MS ? formatDate(at) : `${formatDate(at)}, ${formatClock(at)}`;
