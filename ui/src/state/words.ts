import type { ActivityEntry } from "../ipc/bindings/ActivityEntry";
import type { ActivityKind } from "../ipc/bindings/ActivityKind";
import type { ActivityOutcome } from "../ipc/bindings/ActivityOutcome";

/** The panel speaks English; the clock and the numbers follow the person's English where set. */
const LOCALE =
  typeof navigator !== "undefined" && navigator.language.startsWith("en")
    ? navigator.language
    : "en-GB";

const number = new Intl.NumberFormat(LOCALE);
const oneDecimal = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(LOCALE, { weekday: "long", day: "numeric", month: "long" });
const date = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium" });
const dayYear = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long" });

const DAY_MS = 86_400_000;

export const formatDate = (at: number): string => date.format(at);
export const formatCount = (value: number): string => number.format(value);
export const formatClock = (at: number): string => clock.format(at);
export const formatClockSeconds = (at: number): string => clockSeconds.format(at);
export const formatExact = (at: number): string => exact.format(at);

/** `count` with its word: `plural(1, "tool")` is "1 tool". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** The midnight a moment's day began with. */
export const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

/** The day as a heading. */
export function formatDay(at: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 300 ? day.format(at) : dayYear.format(at);
}

/** How long ago, in the largest unit that fits. */
export function formatAgo(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return "just now";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${plural(minutes, "minute")} ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${plural(hours, "hour")} ago`;
  return `${plural(Math.floor(hours / 24), "day")} ago`;
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${formatCount(Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${oneDecimal.format(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return plural(bytes, "byte");
  if (bytes < 1_000_000) return `${oneDecimal.format(bytes / 1000)} kB`;
  if (bytes < 1_000_000_000) return `${oneDecimal.format(bytes / 1_000_000)} MB`;
  return `${oneDecimal.format(bytes / 1_000_000_000)} GB`;
}

/** Estimates say "about" and are rounded to what they are worth. */
export function formatTokens(tokens: number): string {
  const step = tokens >= 10_000 ? 1000 : tokens >= 1000 ? 100 : 10;
  return `about ${plural(Math.max(step, Math.round(tokens / step) * step), "token")}`;
}

/** An app by the name people know it by. */
export function appName(client: string | null): string {
  if (client === null) return "An app";
  return client === "vscode" ? "VS Code" : client;
}

export const OUTCOME_WORDS: Record<ActivityOutcome, string> = {
  succeeded: "Done",
  failed: "Failed",
  refused: "Refused",
  cancelled: "Cancelled",
  unknown: "End not known",
};

/** What an app does. The rest is about servers and settings. */
const CALLS: readonly ActivityKind[] = ["toolCall", "promptUse", "resourceRead", "modelRequest"];

/** What happened, in a few words. */
export function activityTitle(entry: ActivityEntry): string {
  const app = appName(entry.client);
  const subject = entry.subject ?? "something";
  // What was refused was not used.
  const ran = entry.outcome !== "refused";
  const of = entry.server === null ? "" : ` of ${entry.server}`;
  switch (entry.kind) {
    case "toolCall":
      return `${app} ${ran ? "used" : "asked for"} ${subject}${of}`;
    case "promptUse":
      return `${app} ${ran ? "used" : "asked for"} the prompt ${subject}${of}`;
    case "resourceRead":
      return `${app} ${ran ? "read" : "asked for"} ${subject}${of}`;
    case "requestRefused":
      return "A request was turned away";
    case "serverStarted":
      return `${entry.server ?? "A server"} started`;
    case "serverStopped":
      return `${entry.server ?? "A server"} stopped`;
    case "serverCrashed":
      return `${entry.server ?? "A server"} ended by itself`;
    case "modelRequest":
      return `${app} ${ran ? "asked" : "wanted to ask"} the model ${subject}`;
    case "settingChanged":
      return entry.note ?? "A setting was changed";
    case "toolsChanged":
      return entry.note ?? `Tools${of} are new or changed`;
    case "answerGiven":
      return entry.note ?? `An answer for ${subject}${of} is remembered`;
    case "answerTakenBack":
      return entry.note ?? `An answer for ${subject}${of} was taken back`;
    case "recordShortened":
      return entry.note ?? "Old activity was removed";
  }
}

/** The note, where it says more than the title does. */
export const activityNote = (entry: ActivityEntry): string | null =>
  entry.note === activityTitle(entry) ? null : entry.note;

/** The outcome, where it says more than the title does. */
export function activityOutcome(entry: ActivityEntry): string | undefined {
  if (entry.outcome === null) return "Running";
  const call = CALLS.includes(entry.kind);
  if (!call && entry.outcome === "succeeded") return undefined;
  return OUTCOME_WORDS[entry.outcome];
}

/** A sentence as it goes on in the middle of another. */
export const lower = (text: string) => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
