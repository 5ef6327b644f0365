import type { ActivityChoices } from "../bindings/ActivityChoices";
import type { ActivityDetail } from "../bindings/ActivityDetail";
import type { ActivityEntry } from "../bindings/ActivityEntry";
import type { ActivityFilter } from "../bindings/ActivityFilter";
import type { ActivityKind } from "../bindings/ActivityKind";
import type { ActivityOutcome } from "../bindings/ActivityOutcome";
import type { ActivityPage } from "../bindings/ActivityPage";
import type { Away } from "../bindings/Away";
import type { RecordRule } from "../bindings/RecordRule";
import { BLANK, madeDetail, madeEntry } from "./made";
import { matcher } from "./matching";

type Draft = Partial<ActivityEntry> & { kind: ActivityKind };

/** Most entries that are looked at for one page: the rest is asked for with `next`. */
const LOOKED_AT = 10_000;
/** From so many entries the counts of the whole record are drawn. */
const SAMPLE = 4_000;

/** Calls, uses and refusals: what the picture counts. */
export const COUNTED: readonly ActivityKind[] = [
  "toolCall",
  "promptUse",
  "resourceRead",
  "modelRequest",
  "requestRefused",
];

/** A record of any length: old entries are made up when they are read, later ones are kept. */
export class FakeRecord {
  #kept: ActivityEntry[] = [];
  #rules = new Map<number, RecordRule>();
  /** The oldest entry that is still there. */
  #first = 1;
  #looked: number;
  readonly #made: number;
  readonly #rule: RecordRule;
  readonly #opened = Date.now();

  /** `unseen`: how many of the made-up ones the person has not looked at; `rule`: what is kept of them. */
  constructor(made: number, unseen = 0, rule: RecordRule = "content") {
    this.#made = made;
    this.#rule = rule;
    this.#looked = made - unseen;
  }

  get newest(): number {
    return this.#made + this.#kept.length;
  }

  get length(): number {
    return this.newest - this.#first + 1;
  }

  get oldestAt(): number | null {
    return this.entry(this.#first)?.at ?? null;
  }

  add(draft: Draft, rule: RecordRule = "content"): ActivityEntry {
    const entry: ActivityEntry = { ...BLANK, ...draft, id: this.newest + 1, at: Date.now() };
    this.#kept.push(entry);
    this.#rules.set(entry.id, rule);
    return entry;
  }

  finish(id: number, outcome: ActivityOutcome, durationMs: number, note: string | null = null) {
    this.#kept = this.#kept.map((entry) =>
      entry.id === id ? { ...entry, outcome, durationMs, note } : entry,
    );
  }

  /** Removes all there is. */
  clear() {
    this.#first = this.newest + 1;
    this.#looked = this.newest;
  }

  entry(id: number): ActivityEntry | undefined {
    if (id < this.#first || id > this.newest) return undefined;
    if (id > this.#made) return this.#kept[id - this.#made - 1];
    return madeEntry(id, this.#made, this.#opened);
  }

  page(filter: ActivityFilter, before: number | null, limit: number): ActivityPage {
    const [low, high] = this.range(filter);
    const matches = matcher(filter);
    const entries: ActivityEntry[] = [];
    let id = Math.min(before === null ? high : before - 1, high);
    const end = Math.max(low, id - LOOKED_AT + 1);
    for (; id >= end && entries.length < Math.min(limit, 200); id -= 1) {
      const entry = this.entry(id);
      if (entry && matches(entry)) entries.push(entry);
    }
    return { entries, next: id >= low ? id + 1 : null };
  }

  detail(id: number): ActivityDetail | undefined {
    const entry = this.entry(id);
    return entry && madeDetail(entry, this.#rules.get(id) ?? this.#rule);
  }

  /** The first and the last entry of the filter's time: they lie in the order of their numbers. */
  range({ from, until }: Pick<ActivityFilter, "from" | "until">): [low: number, high: number] {
    const low = from === null ? this.#first : this.firstSince(from);
    const high = until === null ? this.newest : this.firstSince(until) - 1;
    return [low, high];
  }

  firstSince(at: number): number {
    let low = this.#first;
    let high = this.newest + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.entry(middle)?.at ?? 0) >= at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** About how many entries hold to a rule between two, drawn from a sample where there are many. */
  count(
    low: number,
    high: number,
    rule: (entry: ActivityEntry) => boolean,
    sample: number,
  ): number {
    const there = high - low + 1;
    if (there <= 0) return 0;
    const step = Math.max(1, there / sample);
    let found = 0;
    let looked = 0;
    for (let at = low; at <= high; at += step) {
      const entry = this.entry(Math.floor(at));
      looked += 1;
      if (entry && rule(entry)) found += 1;
    }
    return Math.round((found * there) / Math.max(1, looked));
  }

  choices(): ActivityChoices {
    const clients = new Map<string, number>();
    const servers = new Map<string, number>();
    const tools = new Map<string, number>();
    const add = (to: Map<string, number>, name: string) => to.set(name, (to.get(name) ?? 0) + 1);
    const looked = Math.min(this.length, SAMPLE);
    for (let id = this.newest; id > this.newest - looked; id -= 1) {
      const entry = this.entry(id);
      if (!entry) continue;
      if (entry.client !== null) add(clients, entry.client);
      if (entry.server !== null) add(servers, entry.server);
      if (entry.server !== null && entry.subject !== null) {
        add(tools, JSON.stringify([entry.server, entry.subject]));
      }
    }
    const times = this.length / Math.max(1, looked);
    const sorted = (from: Map<string, number>) =>
      [...from]
        .sort(([, a], [, b]) => b - a)
        .map(([name, entries]) => ({ name, entries: Math.round(entries * times) }));
    return {
      clients: sorted(clients),
      servers: sorted(servers),
      tools: sorted(tools).map(({ name, entries }) => {
        const [server, tool] = JSON.parse(name) as [string, string];
        return { server, tool, entries };
      }),
    };
  }

  away(): Away | null {
    const low = Math.max(this.#first, this.#looked + 1);
    const seen = { calls: 0, refused: 0, failed: 0, crashes: 0 };
    const clients = new Map<string, number>();
    for (let id = Math.max(low, this.newest - SAMPLE); id <= this.newest; id += 1) {
      const entry = this.entry(id);
      if (entry?.kind === "serverCrashed") seen.crashes += 1;
      if (!entry || entry.kind === "requestRefused" || !COUNTED.includes(entry.kind)) continue;
      seen.calls += 1;
      if (entry.outcome === "refused") seen.refused += 1;
      if (entry.outcome === "failed") seen.failed += 1;
      if (entry.client !== null) clients.set(entry.client, (clients.get(entry.client) ?? 0) + 1);
    }
    if (seen.calls === 0 && seen.crashes === 0) return null;
    return {
      ...seen,
      since: (this.entry(low)?.at ?? this.#opened) - 1,
      clients: [...clients]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 5)
        .map(([name, entries]) => ({ name, entries })),
      newest: this.newest,
    };
  }

  looked(newest: number) {
    this.#looked = Math.max(this.#looked, Math.min(newest, this.newest));
  }
}
