/** One sentence at the edge of the window, which never takes the focus by itself. */
export type Notice = {
  id: number;
  /** `trouble` is announced at once and stays until it is closed. */
  tone: "done" | "trouble";
  text: string;
  detail: string;
  action: NoticeAction | undefined;
};

export type NoticeAction = {
  label: string;
  /** What its button shows; the way back where nothing else is said. */
  icon?: "stop" | "restart";
  run: () => void;
  focus: boolean;
};

type NewNotice = Pick<Notice, "tone" | "text"> & Partial<Notice>;

/** Longest time a notice stays, in milliseconds. One that can be undone stays longer. */
const SHORT_MS = 6_000;
const UNDO_MS = 20_000;
/** Most notices at a time; the oldest gives way. */
const MOST = 3;

export class Notices {
  #all: readonly Notice[] = [];
  #listeners = new Set<() => void>();
  #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #held = false;
  #next = 1;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly all = () => this.#all;

  show(notice: NewNotice): number {
    const id = this.#next;
    this.#next += 1;
    const whole: Notice = { detail: "", action: undefined, ...notice, id };
    const others = this.#all.filter(({ text }) => text !== whole.text);
    this.#set([...others, whole].slice(-MOST));
    this.#time(whole);
    return id;
  }

  close(id: number) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#set(this.#all.filter((notice) => notice.id !== id));
  }

  /** While the pointer or the focus is on a notice, none goes away. */
  hold(held: boolean) {
    if (held === this.#held) return;
    this.#held = held;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    if (!held) for (const notice of this.#all) this.#time(notice);
  }

  #time(notice: Notice) {
    if (notice.tone === "trouble" || this.#held) return;
    const ms = notice.action ? UNDO_MS : SHORT_MS;
    this.#timers.set(
      notice.id,
      setTimeout(() => this.close(notice.id), ms),
    );
  }

  #set(all: readonly Notice[]) {
    this.#all = all;
    for (const listener of this.#listeners) listener();
  }
}
