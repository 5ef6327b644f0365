import type { ActivityEntry } from "../ipc/bindings/ActivityEntry";
import type { ActivityFilter } from "../ipc/bindings/ActivityFilter";
import type { CommandError } from "../ipc/bindings/CommandError";
import { commandError, type Host } from "../ipc/host";
import { ANYTHING } from "./activityFilter";

const PAGE = 100;
/** Most pages fetched to close the gap to what is loaded; past that the list begins anew. */
const GAP_PAGES = 5;
/** Most unfinished calls outside the newest page that are looked at again. */
const UNFINISHED = 20;
/** With so many found, reading on ends: it goes on when the person scrolls there. */
const ENOUGH = 20;

export type FeedView = {
  kind: "loading" | "ready" | "failed";
  error: CommandError | undefined;
  /** What the list shows, newest first. */
  entries: readonly ActivityEntry[];
  /** The newest there is, for the short list on the home page. */
  latest: readonly ActivityEntry[];
  /** How many newer entries wait while the person reads further down. */
  held: number;
  /** Whether older ones can be loaded. */
  more: boolean;
  loadingMore: boolean;
  /** The person broke off looking for older ones. */
  stopped: boolean;
  /** About how many entries were looked through for these. */
  lookedThrough: number;
  /** Whether the entries are those of the filter; before, they are those of the last one. */
  settled: boolean;
};

/**
 * The loaded part of what fits a filter: grows at the top as things happen, at the bottom by
 * reading on.
 */
export class ActivityFeed {
  readonly #host: Host;
  #filter: ActivityFilter = ANYTHING;
  /** Grows with each other filter: what was read for the last one is dropped. */
  #turn = 0;
  #all: readonly ActivityEntry[] = [];
  #kind: FeedView["kind"] = "loading";
  #error: CommandError | undefined;
  /** The newest on record when the newest were last read; absent before. */
  #head: number | undefined;
  /** Where reading on begins; `null` where nothing older is left. */
  #next: number | null = null;
  #loadingMore = false;
  #stopped = false;
  #holdAt: number | undefined;
  /** Something between what is shown waits until nothing is held. */
  #leftOut = false;
  /** The turn that is being read. */
  #reading: number | undefined;
  #again = false;
  #followed = 0;
  #listeners = new Set<() => void>();
  #view: FeedView;

  constructor(host: Host) {
    this.#host = host;
    this.#view = this.#look();
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly view = () => this.#view;

  follow(): () => void {
    const stop = this.#host.on(({ event }) => {
      if (event === "activityRecorded") void this.refresh();
    });
    if (this.#reading !== this.#turn) void this.refresh();
    this.#followed += 1;
    return () => {
      this.#followed -= 1;
      stop();
    };
  }

  /** Shows what fits another filter. What is shown stays until the first of them are read. */
  show(filter: ActivityFilter) {
    if (same(filter, this.#filter)) return;
    const moved = onlyLater(this.#filter, filter);
    this.#filter = filter;
    if (moved && this.#head !== undefined) {
      // The last hour has moved on: what fell out of it goes, unless it is being read.
      const { from } = filter;
      if (this.#holdAt === undefined) this.#all = this.#all.filter(({ at }) => at >= (from ?? 0));
      this.#tell();
      return;
    }
    this.#turn += 1;
    this.#head = undefined;
    this.#next = null;
    this.#loadingMore = false;
    this.#stopped = false;
    this.#holdAt = undefined;
    this.#error = undefined;
    // Nobody looks at what the last filter let through: it need not stand until the new is there.
    if (this.#followed === 0) this.#all = [];
    if (this.#all.length === 0) this.#kind = "loading";
    this.#tell();
    void this.refresh();
  }

  /** While held, what is newer waits, so that the text being read does not move away. */
  hold(held: boolean) {
    const at = held ? (this.#holdAt ?? this.#all[0]?.id ?? 0) : undefined;
    if (at === this.#holdAt) return;
    this.#holdAt = at;
    if (!held && this.#leftOut) {
      this.#leftOut = false;
      void this.refresh();
    }
    this.#tell();
  }

  /** Reads the newest entries. Several requests at once become one more reading. */
  async refresh(): Promise<void> {
    const turn = this.#turn;
    if (this.#reading === turn) {
      this.#again = true;
      return;
    }
    this.#reading = turn;
    try {
      do {
        this.#again = false;
        await this.#readNewest(turn);
      } while (this.#again && turn === this.#turn);
      if (turn === this.#turn) this.#error = undefined;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.#error = commandError(thrown);
      if (this.#head === undefined) this.#all = [];
      if (this.#all.length === 0) this.#kind = "failed";
    } finally {
      if (turn === this.#turn) {
        this.#reading = undefined;
        this.#tell();
      }
    }
  }

  /** Reads on, page by page until enough was found: a page may hold little of what fits. */
  async loadMore(): Promise<void> {
    if (this.#loadingMore || this.#stopped || this.#next === null) return;
    const turn = this.#turn;
    this.#loadingMore = true;
    this.#tell();
    try {
      for (let found = 0; found < ENOUGH && this.#next !== null && !this.#stopped; ) {
        const before: number = this.#next;
        const page = await this.#page(before, PAGE);
        if (turn !== this.#turn) return;
        found += page.entries.length;
        this.#all = merge(this.#all, page.entries);
        this.#next = page.next === null || page.next >= before ? null : page.next;
        this.#error = undefined;
        this.#tell();
      }
    } catch (thrown) {
      if (turn === this.#turn) this.#error = commandError(thrown);
    } finally {
      if (turn === this.#turn) {
        this.#loadingMore = false;
        this.#tell();
      }
    }
  }

  /** Breaks off reading on, until the person goes on with it. */
  stop() {
    this.#stopped = true;
    this.#tell();
  }

  goOn() {
    this.#stopped = false;
    void this.loadMore();
  }

  async #readNewest(turn: number) {
    const known = this.#head;
    const head = await this.#newest();
    const first = await this.#page(null, PAGE);
    let fresh = first.entries;
    let { next } = first;
    let anew = known === undefined;
    for (let pages = 1; known !== undefined && next !== null && next > known + 1; pages += 1) {
      if (pages === GAP_PAGES) {
        anew = true;
        break;
      }
      const page = await this.#page(next, PAGE);
      fresh = [...fresh, ...page.entries];
      next = page.next;
    }
    if (turn !== this.#turn) return;
    const oldest = fresh.at(-1)?.id ?? 0;
    if (!anew && next !== null) {
      const unfinished = this.#all
        .filter(({ id, outcome }) => outcome === null && id < oldest)
        .slice(0, UNFINISHED);
      for (const { id } of unfinished) {
        const { entries } = await this.#page(id + 1, 1);
        if (turn !== this.#turn) return;
        fresh = [...fresh, ...entries];
      }
    }
    this.#head = Math.max(head, fresh[0]?.id ?? 0);
    this.#take(fresh, next, anew);
    this.#kind = "ready";
    this.#tell();
    if (known === undefined && fresh.length < ENOUGH) void this.loadMore();
  }

  #take(fresh: readonly ActivityEntry[], next: number | null, anew: boolean) {
    if (anew) {
      this.#holdAt = undefined;
      this.#all = fresh;
      this.#next = next;
      return;
    }
    const holdAt = this.#holdAt;
    const shown = new Set(this.#all.map(({ id }) => id));
    const fits = fresh.filter(({ id }) => holdAt === undefined || id > holdAt || shown.has(id));
    if (fits.length < fresh.length) this.#leftOut = true;
    // What was read reaches to the end: what is not among it is gone.
    this.#all = next === null ? fits : merge(this.#all, fits);
    if (next === null) this.#next = null;
  }

  /** The newest on record, whether it fits or not: all up to it is looked at after this. */
  async #newest(): Promise<number> {
    if (same(this.#filter, ANYTHING)) return 0;
    const query = { filter: ANYTHING, before: null, limit: 1 };
    return (await this.#host.call("activity_page", { query })).entries[0]?.id ?? 0;
  }

  #page(before: number | null, limit: number) {
    const filter = this.#filter;
    return this.#host.call("activity_page", { query: { filter, before, limit } });
  }

  #look(): FeedView {
    const holdAt = this.#holdAt;
    const held = holdAt === undefined ? 0 : this.#all.findIndex(({ id }) => id <= holdAt);
    return {
      kind: this.#kind,
      error: this.#error,
      entries: held > 0 ? this.#all.slice(held) : this.#all,
      latest: this.#all.slice(0, 5),
      held: Math.max(held, 0),
      more: this.#next !== null,
      loadingMore: this.#loadingMore,
      stopped: this.#stopped,
      lookedThrough: this.#next === null ? 0 : Math.max(0, (this.#head ?? 0) - this.#next + 1),
      settled: this.#head !== undefined,
    };
  }

  #tell() {
    this.#view = this.#look();
    for (const listener of this.#listeners) listener();
  }
}

const same = (a: ActivityFilter, b: ActivityFilter) => JSON.stringify(a) === JSON.stringify(b);

const onlyLater = (last: ActivityFilter, next: ActivityFilter) =>
  same({ ...last, from: next.from }, next) &&
  last.from !== null &&
  next.from !== null &&
  next.until === null &&
  last.from <= next.from &&
  next.from - last.from < 3_600_000;

/** Joins two lists by id, newest first; the second one's word stands. */
export function merge(
  known: readonly ActivityEntry[],
  fresh: readonly ActivityEntry[],
): readonly ActivityEntry[] {
  const byId = new Map(known.map((entry) => [entry.id, entry]));
  for (const entry of fresh) byId.set(entry.id, entry);
  return [...byId.values()].sort((a, b) => b.id - a.id);
}
