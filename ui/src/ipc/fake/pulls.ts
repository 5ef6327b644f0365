import type { PullView } from "../bindings/PullView";
import { GB } from "./fits";
import { Refusal } from "./refusal";

const TICK_MS = 120;
/** How many ticks a download takes. */
const TICKS = 25;
const SPEED = 38 * 2 ** 20;

export type PullEnds = {
  /** How large a model is. */
  size: (name: string) => number;
  done: (name: string) => void;
  moved: (pulls: PullView[]) => void;
};

/** Downloads that go on by themselves, one after the other. */
export class FakePulls {
  all: PullView[] = [];
  readonly #ends: PullEnds;
  /** Those that stop halfway, once. */
  readonly #breaks = new Set<string>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(play: string | null, ends: PullEnds) {
    this.#ends = ends;
    if (play === "some") {
      this.all = [
        made("qwen3:4b", 2.4 * GB, 0.4, { kind: "paused" }),
        made("gpt-oss:20b", 12.8 * GB, 0.7, {
          kind: "failed",
          problem: {
            message: "The connection broke off. What is here stays, and the download can go on.",
            detail: "read tcp 192.0.2.7:443: connection reset by peer",
          },
        }),
        made("llama3.2:3b", 1.9 * GB, 1, { kind: "done" }),
        { ...made("gemma3:4b", null, 0, { kind: "waiting" }), waitsFor: "nextTry" },
      ];
    }
    if (play === "breaks") this.#breaks.add("qwen3:4b");
  }

  start(name: string) {
    if (/nowhere|missing/.test(name)) {
      throw new Refusal(
        "other",
        `There is no model “${name}”. Look at how its name is written.`,
        "pull model manifest: file does not exist",
      );
    }
    const known = this.all.find((each) => each.name === name);
    if (known?.state.kind === "running") return;
    this.all = [
      ...this.all.filter((each) => each.name !== name),
      { ...made(name, null, 0, { kind: "waiting" }), completed: known?.completed ?? 0 },
    ];
    this.#go();
  }

  pause(name: string) {
    this.#set(name, { state: { kind: "paused" }, speed: null, secondsLeft: null, waitsFor: null });
  }

  resume(name: string) {
    this.#set(name, { state: { kind: "waiting" }, waitsFor: "turn" });
    this.#go();
  }

  cancel(name: string) {
    this.all = this.all.filter((each) => each.name !== name);
    this.#ends.moved(this.all);
  }

  #set(name: string, next: Partial<PullView>) {
    if (!this.all.some((each) => each.name === name)) {
      throw new Refusal("other", `${name} is not being downloaded any more.`);
    }
    this.all = this.all.map((each) => (each.name === name ? { ...each, ...next } : each));
    this.#ends.moved(this.all);
  }

  #go() {
    this.#ends.moved(this.all);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const ended: string[] = [];
    let busy = this.all.some(({ state }) => state.kind === "running");
    this.all = this.all.map((pull) => {
      if (pull.state.kind === "waiting") {
        if (busy) return { ...pull, waitsFor: "turn" };
        busy = true;
        const state = { kind: "running", step: "pulling manifest" } as const;
        return { ...pull, state, total: this.#ends.size(pull.name), waitsFor: null };
      }
      if (pull.state.kind !== "running") return pull;
      const total = pull.total ?? this.#ends.size(pull.name);
      const completed = Math.min(total, pull.completed + total / TICKS);
      if (completed > total / 2 && this.#breaks.delete(pull.name)) {
        const problem = {
          message: "The connection broke off. What is here stays, and the download can go on.",
          detail: "read tcp 192.0.2.7:443: connection reset by peer",
        };
        const none = { speed: null, secondsLeft: null };
        return { ...pull, ...none, completed, state: { kind: "failed", problem } };
      }
      if (completed < total) {
        const state = { kind: "running", step: "pulling 9f438cb9cd58" } as const;
        const secondsLeft = Math.ceil((total - completed) / SPEED);
        return { ...pull, state, total, completed, speed: SPEED, secondsLeft };
      }
      ended.push(pull.name);
      return { ...pull, total, completed, state: { kind: "done" }, speed: null, secondsLeft: null };
    });
    if (!this.all.some(({ state }) => state.kind === "running" || state.kind === "waiting")) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const name of ended) this.#ends.done(name);
    this.#ends.moved(this.all);
  }
}

function made(
  name: string,
  total: number | null,
  share: number,
  state: PullView["state"],
): PullView {
  const completed = Math.round((total ?? 0) * share);
  return {
    name,
    state,
    completed,
    total: total && Math.round(total),
    speed: null,
    secondsLeft: null,
    waitsFor: state.kind === "waiting" ? "turn" : null,
  };
}
