import type { RecordState } from "../ipc/bindings/RecordState";
import { formatBytes, formatCount, formatDate, plural } from "./words";

const DAY_MS = 86_400_000;
const MEGABYTE = 1_000_000;

export type Limits = Pick<RecordState, "keepDays" | "keepMegabytes">;

/** What is offered; anything else is a number of one's own. */
export const DAYS = [30, 90, 365];
export const MEGABYTES = [500, 2_000];

export const daysWords = (days: number | null): string =>
  days === null ? "For good" : plural(days, "day");
export const megabytesWords = (megabytes: number | null): string =>
  megabytes === null ? "No limit" : formatBytes(megabytes * MEGABYTE);

/** A whole number from 1 on, as the engine takes it. */
export function readNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,9}$/.test(trimmed)) return undefined;
  const number = Number(trimmed);
  return number > 0 ? number : undefined;
}

/** What goes at once when the limits are set so; nothing where all of it stays. */
export function removedWords(state: RecordState, next: Limits, now: number): string | undefined {
  const { oldest, bytes } = state;
  const words: string[] = [];
  if (next.keepDays !== null && next.keepDays !== state.keepDays && oldest !== null) {
    const since = now - next.keepDays * DAY_MS;
    if (oldest < since) words.push(`Entries from before ${formatDate(since)} are removed.`);
  }
  if (next.keepMegabytes !== null && next.keepMegabytes !== state.keepMegabytes) {
    if (bytes > next.keepMegabytes * MEGABYTE) {
      words.push(
        `The record takes ${formatBytes(bytes)}: the oldest entries are removed until it takes ${megabytesWords(next.keepMegabytes)}.`,
      );
    }
  }
  return words.length === 0 ? undefined : words.join(" ");
}

/** How much there is, and since when. */
export function amountWords({ entries, oldest, bytes }: RecordState): string {
  if (entries === 0 || oldest === null) return "Nothing is on record yet.";
  const since = formatDate(oldest);
  const many = entries === 1 ? "1 entry" : `${formatCount(entries)} entries`;
  return `${many} since ${since}, taking ${formatBytes(bytes)}.`;
}
