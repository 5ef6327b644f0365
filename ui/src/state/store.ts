import type { CommandError } from "../ipc/bindings/CommandError";
import type { PanelEvent } from "../ipc/bindings/PanelEvent";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import { commandError, type Host } from "../ipc/host";

/** What the pages are functions of. */
export type PanelState =
  | { kind: "loading" }
  | { kind: "failed"; error: CommandError }
  | { kind: "ready"; snapshot: Snapshot };

/** What a switch already shows while the engine has not answered yet. */
type Guess = { apply: (snapshot: Snapshot) => Snapshot };

/**
 * Holds the newest snapshot, with the guesses of actions under way laid over it. A guess goes when
 * its action has ended: by then the snapshot says the same, or the guess was wrong and the switch
 * goes back.
 */
export class Store {
  readonly #host: Host;
  #newest: Snapshot | undefined;
  #guesses: Guess[] = [];
  #state: PanelState = { kind: "loading" };
  #listeners = new Set<() => void>();

  constructor(host: Host) {
    this.#host = host;
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = () => this.#state;
  /** How everything stood when the engine last said so, without any guess. */
  readonly known = () => this.#newest;

  /** Follows the engine until the returned function is called. */
  follow(): () => void {
    const stop = this.#host.on((event: PanelEvent) => {
      if (event.event === "snapshotChanged") this.#take(event.payload);
    });
    void this.refresh();
    return stop;
  }

  /** Reads how everything stands. Never rejects: a failure is a state. */
  async refresh(): Promise<void> {
    try {
      this.#take(await this.#host.call("snapshot"));
    } catch (thrown) {
      if (this.#newest) return;
      this.#state = { kind: "failed", error: commandError(thrown) };
      this.#tell();
    }
  }

  retry() {
    this.#state = { kind: "loading" };
    this.#tell();
    void this.refresh();
  }

  /** Shows the guess, does the action, and lets the engine's word stand in the end. */
  async guess<T>(apply: Guess["apply"], action: () => Promise<T>): Promise<T> {
    const guess = { apply };
    this.#guesses.push(guess);
    this.#lay();
    try {
      const answer = await action();
      // The answer may overtake the event: with the snapshot in hand nothing flickers back.
      await this.refresh();
      return answer;
    } finally {
      this.#guesses = this.#guesses.filter((each) => each !== guess);
      this.#lay();
    }
  }

  #take(snapshot: Snapshot) {
    if (this.#newest && snapshot.revision < this.#newest.revision) return;
    if (this.#newest?.revision === snapshot.revision && this.#state.kind === "ready") return;
    this.#newest = snapshot;
    this.#lay();
  }

  #lay() {
    if (!this.#newest) return;
    const snapshot = this.#guesses.reduce((laid, { apply }) => apply(laid), this.#newest);
    this.#state = { kind: "ready", snapshot };
    this.#tell();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}
