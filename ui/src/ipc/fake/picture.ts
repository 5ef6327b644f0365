import type { ActivityEntry } from "../bindings/ActivityEntry";
import type { ActivityFilter } from "../bindings/ActivityFilter";
import type { ActivityGrouping } from "../bindings/ActivityGrouping";
import type { ActivityPicture } from "../bindings/ActivityPicture";
import type { ActivitySeries } from "../bindings/ActivitySeries";
import { matcher } from "./matching";
import { COUNTED, type FakeRecord } from "./record";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1, 5, 15]
  .map((minutes) => minutes * MINUTE)
  .concat([1, 3, 6, 12].map((hours) => hours * HOUR))
  .concat([1, 7, 30, 90, 365, 3650].map((days) => days * DAY));
const MOST_BARS = 60;
const MOST_SERIES = 6;
/** Entries looked at for one bar; a bar of more is drawn from these. */
const SAMPLE = 160;

/** Counts what happened over time, about where there is much of it. */
export function pictureOf(
  record: FakeRecord,
  filter: ActivityFilter,
  grouping: ActivityGrouping,
  utcOffsetMinutes: number,
): ActivityPicture {
  const matches = matcher({ ...filter, text: null });
  const counts = (entry: ActivityEntry) => COUNTED.includes(entry.kind) && matches(entry);
  const none = { from: 0, barMs: STEPS[0] ?? 1, bars: 0, series: [], withoutText: !!filter.text };
  const [low, high] = record.range(filter);
  const first = record.entry(low)?.at;
  const last = record.entry(high)?.at;
  if (first === undefined || last === undefined || low > high) return none;
  const shift = utcOffsetMinutes * MINUTE;
  const begin = (at: number, step: number) => Math.floor((at + shift) / step) * step - shift;
  const barMs = STEPS.find((step) => (last - begin(first, step)) / step < MOST_BARS) ?? DAY;
  const from = begin(first, barMs);
  const bars = Math.floor((last - from) / barMs) + 1;
  const found = new Map<string, number[]>();
  for (let bar = 0; bar < bars; bar += 1) {
    const start = Math.max(low, record.firstSince(from + bar * barMs));
    const end = Math.min(high, record.firstSince(from + (bar + 1) * barMs) - 1);
    const step = Math.max(1, (end - start + 1) / SAMPLE);
    for (let at = start; at <= end; at += step) {
      const entry = record.entry(Math.floor(at));
      if (!entry || !counts(entry)) continue;
      const name =
        grouping === "client"
          ? JSON.stringify([entry.client])
          : JSON.stringify([entry.server, entry.subject]);
      const line = found.get(name) ?? new Array<number>(bars).fill(0);
      line[bar] = (line[bar] ?? 0) + step;
      found.set(name, line);
    }
  }
  if (found.size === 0) return none;
  return { ...none, from, barMs, bars, series: seriesOf(found, grouping, bars) };
}

const sum = (counts: readonly number[]) => counts.reduce((all, each) => all + each, 0);

function seriesOf(
  found: ReadonlyMap<string, number[]>,
  grouping: ActivityGrouping,
  bars: number,
): ActivitySeries[] {
  const rest = new Array<number>(bars).fill(0);
  const nameless = { client: null, server: null, tool: null };
  const series: ActivitySeries[] = [];
  for (const [key, counts] of [...found].sort(([, a], [, b]) => sum(b) - sum(a))) {
    const names = JSON.parse(key) as (string | null)[];
    if (series.length === MOST_SERIES || names.includes(null)) {
      counts.forEach((count, bar) => {
        rest[bar] = (rest[bar] ?? 0) + count;
      });
      continue;
    }
    const [one = null, two = null] = names;
    series.push({
      ...nameless,
      ...(grouping === "client" ? { client: one } : { server: one, tool: two }),
      counts: counts.map(Math.round),
    });
  }
  if (sum(rest) > 0) series.push({ ...nameless, counts: rest.map(Math.round) });
  return series;
}
