import { useEffect, useSyncExternalStore } from "react";
import type { CommandError } from "../ipc/bindings/CommandError";
import type { ModelsView } from "../ipc/bindings/ModelsView";
import type { PullView } from "../ipc/bindings/PullView";
import { commandError, type Host } from "../ipc/host";
import type { Notices } from "./notices";
import { usePanel } from "./panel";

/** What is being done with a model, whichever page began it. */
export type Doing = "loading" | "unloading";

export type ModelsState = {
  kind: "loading" | "ready" | "failed";
  view: ModelsView | undefined;
  error: CommandError | undefined;
  doing: ReadonlyMap<string, Doing>;
};

/** Models and downloads: read when a page shows them, and again as they change. */
export class Models {
  readonly #host: Host;
  #state: ModelsState = { kind: "loading", view: undefined, error: undefined, doing: new Map() };
  #listeners = new Set<() => void>();
  #followed = 0;
  #reading = false;
  #again = false;
  /** The newest word on downloads since the reading under way began. */
  #pulls: PullView[] | undefined;
  #told = new Map<string, PullView["state"]["kind"]>();

  constructor(host: Host) {
    this.#host = host;
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = () => this.#state;

  /** Hears of downloads wherever the person is, and says when one ends out of sight. */
  listen(notices: Notices): () => void {
    return this.#host.on((event) => {
      if (event.event === "modelsChanged" && this.#followed > 0) void this.refresh();
      if (event.event !== "pullsMoved") return;
      this.#take(event.payload);
      this.#say(notices, event.payload);
    });
  }

  /** Keeps all of it up to date until the returned function is called. */
  follow(): () => void {
    this.#followed += 1;
    void this.refresh();
    let following = true;
    return () => {
      if (following) this.#followed -= 1;
      following = false;
    };
  }

  /** Reads it anew. Several requests at once become one more reading. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#again = false;
        this.#pulls = undefined;
        const view = await this.#host.call("models");
        this.#set({
          kind: "ready",
          view: this.#pulls ? { ...view, pulls: this.#pulls } : view,
          error: undefined,
        });
      } while (this.#again);
    } catch (thrown) {
      const error = commandError(thrown);
      this.#set({ kind: this.#state.view ? "ready" : "failed", error });
    } finally {
      this.#reading = false;
    }
  }

  /** Does something with a model that takes a while. */
  async during<T>(model: string, doing: Doing, action: () => Promise<T>): Promise<T> {
    this.#set({ doing: new Map(this.#state.doing).set(model, doing) });
    try {
      return await action();
    } finally {
      const rest = new Map(this.#state.doing);
      // What was begun in its place goes on.
      if (rest.get(model) === doing) rest.delete(model);
      this.#set({ doing: rest });
      if (this.#followed > 0) await this.refresh();
    }
  }

  #take(pulls: PullView[]) {
    this.#pulls = pulls;
    const { view } = this.#state;
    if (view) this.#set({ view: { ...view, pulls } });
  }

  #say(notices: Notices, pulls: PullView[]) {
    for (const { name, state } of pulls) {
      const before = this.#told.get(name);
      this.#told.set(name, state.kind);
      // A page that shows them says it itself.
      if (before === undefined || before === state.kind || this.#followed > 0) continue;
      if (state.kind === "done") notices.show({ tone: "done", text: `${name} is downloaded.` });
      if (state.kind === "failed") {
        const text = `${name} was not downloaded. ${state.problem.message}`;
        notices.show({ tone: "trouble", text, detail: state.problem.detail });
      }
    }
    for (const name of this.#told.keys()) {
      if (!pulls.some((pull) => pull.name === name)) this.#told.delete(name);
    }
  }

  #set(next: Partial<ModelsState>) {
    this.#state = { ...this.#state, ...next };
    for (const listener of this.#listeners) listener();
  }
}

/** Models and downloads, followed for as long as the page shows them. */
export function useModels(): ModelsState {
  const { models } = usePanel();
  useEffect(() => models.follow(), [models]);
  return useSyncExternalStore(models.subscribe, models.state);
}
