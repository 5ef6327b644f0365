import type { ActivityDecision } from "../ipc/bindings/ActivityDecision";
import type { ActivityFilter } from "../ipc/bindings/ActivityFilter";
import type { ActivityKind } from "../ipc/bindings/ActivityKind";
import type { ActivityOutcome } from "../ipc/bindings/ActivityOutcome";
import type { ActivityReason } from "../ipc/bindings/ActivityReason";
import { DECISION_WORDS, KIND_WORDS, REASON_WORDS } from "./activityWords";
import { spelledOut } from "./visible";
import { appName, formatClock, formatDate, OUTCOME_WORDS, startOfDay } from "./words";

/** A span of time by its name. It is worked out anew as time goes on. */
export type TimeWord = "hour" | "today" | "yesterday" | "week" | "month";

export const TIME_WORDS: Record<TimeWord, string> = {
  hour: "Last hour",
  today: "Today",
  yesterday: "Yesterday",
  week: "Last 7 days",
  month: "Last 30 days",
};

/** What the person chose to see. Nothing is set where all is shown. */
export type Chosen = {
  text?: string;
  /** A span by its name; where there is one, the two moments are not set. */
  time?: TimeWord;
  from?: number;
  until?: number;
  client?: string;
  server?: string;
  subject?: string;
  kinds?: readonly ActivityKind[];
  decisions?: readonly ActivityDecision[];
  reasons?: readonly ActivityReason[];
  outcomes?: readonly ActivityOutcome[];
};

export const KINDS = Object.keys(KIND_WORDS) as ActivityKind[];
export const DECISIONS = Object.keys(DECISION_WORDS) as ActivityDecision[];
export const REASONS = Object.keys(REASON_WORDS) as ActivityReason[];
export const OUTCOMES = Object.keys(OUTCOME_WORDS) as ActivityOutcome[];
export const TIMES = Object.keys(TIME_WORDS) as TimeWord[];

/** A filter that lets everything through. */
export const ANYTHING: ActivityFilter = {
  text: null,
  from: null,
  until: null,
  client: null,
  server: null,
  subject: null,
  kinds: [],
  decisions: [],
  reasons: [],
  outcomes: [],
};

/** Without what is set to nothing, so that two that mean the same are written the same. */
export function tidied(chosen: Chosen): Chosen {
  const set = Object.entries(chosen).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== "",
  );
  const tidy = Object.fromEntries(set) as Chosen;
  if (tidy.text?.trim() === "") delete tidy.text;
  if (tidy.time !== undefined) {
    delete tidy.from;
    delete tidy.until;
  }
  return tidy;
}

/** The part of the address behind the question mark, with it; empty where all is shown. */
export function writeChosen(chosen: Chosen): string {
  const tidy = tidied(chosen);
  const query = new URLSearchParams();
  const set = (name: string, value: string | number | readonly string[] | undefined) => {
    if (value !== undefined) query.set(name, String(value));
  };
  set("text", tidy.text);
  set("time", tidy.time);
  set("from", tidy.from);
  set("until", tidy.until);
  set("app", tidy.client);
  set("server", tidy.server);
  set("tool", tidy.subject);
  set("decision", tidy.decisions);
  set("reason", tidy.reasons);
  set("outcome", tidy.outcomes);
  set("kind", tidy.kinds);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Reads what [`writeChosen`] wrote, by whomever: what is not known here is left out. */
export function readChosen(query: string): Chosen {
  const read = new URLSearchParams(query);
  const name = (key: string) => read.get(key) ?? undefined;
  const some = <T extends string>(key: string, all: readonly T[]) => {
    const words = (read.get(key) ?? "").split(",");
    return all.filter((each) => words.includes(each));
  };
  const moment = (key: string) => {
    const text = read.get(key) ?? "";
    const at = Number(text);
    // Past what a date can be, nothing could be shown.
    return /^\d+$/.test(text) && at <= 8.64e15 ? at : undefined;
  };
  const [time] = some("time", TIMES);
  return tidied({
    text: name("text"),
    time,
    from: moment("from"),
    until: moment("until"),
    client: name("app"),
    server: name("server"),
    subject: name("tool"),
    decisions: some("decision", DECISIONS),
    reasons: some("reason", REASONS),
    outcomes: some("outcome", OUTCOMES),
    kinds: some("kind", KINDS),
  } as Chosen);
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** So many midnights before the one that today began with, also where a day has 23 hours. */
function daysBefore(now: number, days: number): number {
  const at = new Date(startOfDay(now));
  at.setDate(at.getDate() - days);
  return at.getTime();
}

/** The moments a span stands for. The last hour moves on with each minute. */
export function spanOf(chosen: Chosen, now: number): { from: number | null; until: number | null } {
  switch (chosen.time) {
    case "hour":
      return { from: Math.floor((now - HOUR_MS) / MINUTE_MS) * MINUTE_MS, until: null };
    case "today":
      return { from: startOfDay(now), until: null };
    case "yesterday":
      return { from: daysBefore(now, 1), until: startOfDay(now) };
    case "week":
      return { from: daysBefore(now, 6), until: null };
    case "month":
      return { from: daysBefore(now, 29), until: null };
    default:
      return { from: chosen.from ?? null, until: chosen.until ?? null };
  }
}

/** As it is asked of the record. */
export function filterOf(chosen: Chosen, now: number): ActivityFilter {
  return {
    text: chosen.text?.trim() ?? null,
    ...spanOf(chosen, now),
    client: chosen.client ?? null,
    server: chosen.server ?? null,
    subject: chosen.subject ?? null,
    kinds: [...(chosen.kinds ?? [])],
    decisions: [...(chosen.decisions ?? [])],
    reasons: [...(chosen.reasons ?? [])],
    outcomes: [...(chosen.outcomes ?? [])],
  };
}

export const isChosen = (chosen: Chosen): boolean => Object.keys(tidied(chosen)).length > 0;

/** One thing that was chosen, and what is left without it. */
export type Chip = { key: string; label: string; rest: Chosen };

/** What was chosen, each to be taken away by itself. */
export function chipsOf(chosen: Chosen): Chip[] {
  const tidy = tidied(chosen);
  const chips: Chip[] = [];
  const chip = (label: string | undefined, ...keys: (keyof Chosen)[]) => {
    if (label === undefined) return;
    const rest = Object.entries(tidy).filter(([key]) => !keys.includes(key as keyof Chosen));
    chips.push({ key: keys.join(" "), label, rest: Object.fromEntries(rest) as Chosen });
  };
  const each = <T extends string>(
    key: "kinds" | "decisions" | "reasons" | "outcomes",
    chosenOnes: readonly T[] | undefined,
    words: Record<T, string>,
    before = "",
  ) => {
    for (const one of chosenOnes ?? []) {
      const rest = tidied({ ...tidy, [key]: chosenOnes?.filter((other) => other !== one) });
      chips.push({ key: `${key} ${one}`, label: `${before}${words[one]}`, rest });
    }
  };
  chip(tidy.text && `“${tidy.text.trim()}”`, "text");
  chip(tidy.time && TIME_WORDS[tidy.time], "time");
  chip(spanWords(tidy), "from", "until");
  chip(tidy.client && `App: ${spelledOut(appName(tidy.client))}`, "client");
  chip(tidy.server && `Server: ${spelledOut(tidy.server)}`, "server");
  chip(tidy.subject && `Tool: ${spelledOut(tidy.subject)}`, "subject");
  each("decisions", tidy.decisions, DECISION_WORDS);
  each("reasons", tidy.reasons, REASON_WORDS, "Because: ");
  each("outcomes", tidy.outcomes, OUTCOME_WORDS, "Ended: ");
  each("kinds", tidy.kinds, KIND_WORDS);
  return chips;
}

const isMidnight = (at: number) => at === startOfDay(at);
const lastDayBefore = (until: number) => startOfDay(until - 1);

/** Whether two moments stand for days from beginning to end. */
export const isWholeDays = ({ from, until }: Pick<Chosen, "from" | "until">): boolean =>
  (from === undefined || isMidnight(from)) && (until === undefined || isMidnight(until));

/** Two moments as a person writes them: whole days as days, the rest with the clock. */
export function spanWords(span: Pick<Chosen, "from" | "until">): string | undefined {
  const { from, until } = span;
  if (from === undefined && until === undefined) return undefined;
  if (isWholeDays(span)) {
    const first = from === undefined ? undefined : formatDate(from);
    const last = until === undefined ? undefined : formatDate(lastDayBefore(until));
    if (first === undefined) return `Until ${last}`;
    if (last === undefined) return `Since ${first}`;
    return first === last ? first : `${first} to ${last}`;
  }
  const moment = (at: number) => `${formatDate(at)}, ${formatClock(at)}`;
  if (from === undefined) return until === undefined ? undefined : `Until ${moment(until)}`;
  if (until === undefined) return `Since ${moment(from)}`;
  const sameDay = startOfDay(from) === lastDayBefore(until);
  return `${moment(from)} to ${sameDay ? formatClock(until) : moment(until)}`;
}

/** A moment as a date field takes it: `2026-08-14`, by the person's clock. */
export function dateField(at: number | undefined): string {
  if (at === undefined) return "";
  const day = new Date(at);
  const two = (part: number) => String(part).padStart(2, "0");
  return `${String(day.getFullYear()).padStart(4, "0")}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The midnight a written date begins with; `after` so many days. Nothing for what is no date. */
export function readDate(text: string, after = 0): number | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  const date = new Date(year, month - 1, day);
  if (date.getMonth() !== month - 1 || year < 1970) return undefined;
  date.setDate(date.getDate() + after);
  return date.getTime();
}
