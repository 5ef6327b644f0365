import { describe, expect, test, vi } from "vitest";
import type { PanelEvent } from "../../src/ipc/bindings/PanelEvent";
import type { Snapshot } from "../../src/ipc/bindings/Snapshot";
import { snapshotOf } from "../../src/ipc/fake/scenes";
import type { Host } from "../../src/ipc/host";
import { Store } from "../../src/state/store";

const PAUSE = { since: 0, until: null, fromBefore: false };

const at = (revision: number, paused = false): Snapshot => ({
  ...snapshotOf("full"),
  revision,
  paused: paused ? PAUSE : null,
});

function testHost(snapshot: () => Promise<Snapshot>) {
  const listeners = new Set<(event: PanelEvent) => void>();
  const host = {
    call: (name: string) => (name === "snapshot" ? snapshot() : Promise.resolve(null)),
    on: (listener: (event: PanelEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Host;
  const tell = (payload: Snapshot) => {
    for (const listener of listeners) listener({ event: "snapshotChanged", payload });
  };
  return { host, tell, listeners };
}

const pausedOf = (store: Store) => {
  const state = store.state();
  return state.kind === "ready" ? state.snapshot.paused !== null : undefined;
};

describe("the store", () => {
  test("a late snapshot is not taken for a newer one", async () => {
    const { host, tell } = testHost(async () => at(5));
    const store = new Store(host);
    store.follow();
    await vi.waitFor(() => expect(pausedOf(store)).toBe(false));
    tell(at(7, true));
    tell(at(6, false));
    expect(pausedOf(store)).toBe(true);
  });

  test("a guess shows at once and gives way to what the engine says", async () => {
    let now = at(1);
    const { host } = testHost(async () => now);
    const store = new Store(host);
    store.follow();
    await vi.waitFor(() => expect(pausedOf(store)).toBe(false));
    const seen: (boolean | undefined)[] = [];
    store.subscribe(() => seen.push(pausedOf(store)));
    await store.guess(
      (snapshot) => ({ ...snapshot, paused: PAUSE }),
      async () => {
        now = at(2, true);
      },
    );
    expect(pausedOf(store)).toBe(true);
    expect(seen, "it never flickers back in between").not.toContain(false);
  });

  test("a guess that was wrong goes back, and the error goes on", async () => {
    const { host } = testHost(async () => at(1));
    const store = new Store(host);
    store.follow();
    await vi.waitFor(() => expect(pausedOf(store)).toBe(false));
    const action = store.guess(
      (snapshot) => ({ ...snapshot, paused: PAUSE }),
      () => Promise.reject(new Error("no")),
    );
    expect(pausedOf(store)).toBe(true);
    await expect(action).rejects.toThrow("no");
    expect(pausedOf(store)).toBe(false);
  });

  test("two guesses at a time keep apart", async () => {
    const { host } = testHost(async () => at(1));
    const store = new Store(host);
    store.follow();
    await vi.waitFor(() => expect(pausedOf(store)).toBe(false));
    const waiting: (() => void)[] = [];
    const slow = store.guess(
      (snapshot) => ({ ...snapshot, paused: PAUSE }),
      () => new Promise<void>((resolve) => waiting.push(resolve)),
    );
    const failing = store.guess(
      (snapshot) => ({ ...snapshot, version: "guessed" }),
      () => Promise.reject(new Error("no")),
    );
    await expect(failing).rejects.toThrow("no");
    expect(pausedOf(store), "the other one still stands").toBe(true);
    for (const resolve of waiting) resolve();
    await slow;
    expect(pausedOf(store)).toBe(false);
  });

  test("a first reading that fails is a state, and can be tried again", async () => {
    let works = false;
    const { host } = testHost(() => (works ? Promise.resolve(at(1)) : Promise.reject("gone")));
    const store = new Store(host);
    store.follow();
    await vi.waitFor(() => expect(store.state().kind).toBe("failed"));
    works = true;
    store.retry();
    await vi.waitFor(() => expect(store.state().kind).toBe("ready"));
  });

  test("it stops listening when it is told to", () => {
    const { host, listeners } = testHost(async () => at(1));
    const stop = new Store(host).follow();
    expect(listeners.size).toBe(1);
    stop();
    expect(listeners.size).toBe(0);
  });
});
