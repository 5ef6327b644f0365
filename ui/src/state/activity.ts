import type { ActivityEntry } from "../ipc/bindings/ActivityEntry";
import type { CommandError } from "../ipc/bindings/CommandError";
import { commandError, type Host } from "../ipc/host";

const PAGE = 100;
/** Most pages fetched to close the gap to what is loaded; past that the list begins anew. */
const GAP_PAGES = 5;
/** Most unfinished calls outside the newest page that are looked at again. */
const UNFINISHED = 20;

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
};

/** The loaded part of the record: grows at the top as things happen, at the bottom by reading on. */
export class ActivityFeed {
  readonly #host: Host;
  #all: readonly ActivityEntry[] = [];
  #kind: FeedView["kind"] = "loading";
  #error: CommandError | undefined;
  #more = false;
  #loadingMore = false;
  #holdAt: number | undefined;
  #refreshing = false;
  #again = false;
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
    void this.refresh();
    return stop;
  }

  /** While held, what is newer waits, so that the text being read does not move away. */
  hold(held: boolean) {
    const at = held ? (this.#holdAt ?? this.#all[0]?.id ?? 0) : undefined;
    if (at === this.#holdAt) return;
    this.#holdAt = at;
    this.#tell();
  }

  /** Reads the newest entries. Several requests at once become one more reading. */
  async refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return;
    }
    this.#refreshing = true;
    try {
      do {
        this.#again = false;
        await this.#readNewest();
      } while (this.#again);
      this.#kind = "ready";
      this.#error = undefined;
    } catch (thrown) {
      this.#error = commandError(thrown);
      if (this.#all.length === 0) this.#kind = "failed";
    } finally {
      this.#refreshing = false;
      this.#tell();
    }
  }

  async loadMore(): Promise<void> {
    const last = this.#all.at(-1);
    if (this.#loadingMore || !this.#more || !last) return;
    this.#loadingMore = true;
    this.#tell();
    try {
      const page = await this.#page(last.id, PAGE);
      this.#all = merge(this.#all, page.entries);
      this.#more = page.more;
      this.#error = undefined;
    } catch (thrown) {
      this.#error = commandError(thrown);
    } finally {
      this.#loadingMore = false;
      this.#tell();
    }
  }

  async #readNewest() {
    const known = this.#all[0]?.id;
    const first = await this.#page(null, PAGE);
    let fresh = first.entries;
    let { more } = first;
    for (let pages = 1; known !== undefined && more; pages += 1) {
      const oldest = fresh.at(-1)?.id ?? 0;
      if (oldest <= known) break;
      if (pages === GAP_PAGES) {
        this.#all = fresh;
        this.#more = more;
        this.#holdAt = undefined;
        this.#tell();
        return;
      }
      const next = await this.#page(oldest, PAGE);
      fresh = [...fresh, ...next.entries];
      more = next.more;
    }
    const oldest = fresh.at(-1)?.id ?? 0;
    if (known === undefined) this.#more = more;
    const unfinished = this.#all
      .filter(({ id, outcome }) => outcome === null && id < oldest)
      .slice(0, UNFINISHED);
    for (const { id } of unfinished) {
      const { entries } = await this.#page(id + 1, 1);
      fresh = [...fresh, ...entries];
    }
    this.#all = merge(this.#all, fresh);
    this.#kind = "ready";
    this.#tell();
  }

  #page(before: number | null, limit: number) {
    return this.#host.call("activity_page", { query: { before, limit } });
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
      more: this.#more,
      loadingMore: this.#loadingMore,
    };
  }

  #tell() {
    this.#view = this.#look();
    for (const listener of this.#listeners) listener();
  }
}

/** Joins two lists by id, newest first; the second one's word stands. */
export function merge(
  known: readonly ActivityEntry[],
  fresh: readonly ActivityEntry[],
): readonly ActivityEntry[] {
  const byId = new Map(known.map((entry) => [entry.id, entry]));
  for (const entry of fresh) byId.set(entry.id, entry);
  return [...byId.values()].sort((a, b) => b.id - a.id);
}
