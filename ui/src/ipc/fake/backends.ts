import type { BackendCheck } from "../bindings/BackendCheck";
import type { BackendDraft } from "../bindings/BackendDraft";
import type { BackendView } from "../bindings/BackendView";
import type { FakeEngine } from "./engine";
import type { Handlers } from "./index";
import { Refusal } from "./refusal";

type Names =
  | "check_backend"
  | "save_backend"
  | "set_backend_enabled"
  | "set_default_backend"
  | "remove_backend";

const CHECK_MS = 1_500;

function unreachable(url: string) {
  return {
    message: `Nothing answers at ${url}. Look whether it runs, and whether the address is right.`,
    detail: `GET ${url}/v1/models: no route to host (os error 113)`,
  };
}

/** `?backends=` none or some. */
export function backendsOf(play: string | null): BackendView[] {
  if (play !== "some") return [];
  const one: BackendView = {
    name: "workshop",
    kind: "ollama",
    url: "http://192.168.1.20:11434",
    enabled: true,
    isDefault: false,
    secret: null,
    state: { kind: "ready" },
    models: ["gemma3:27b", "qwen3:32b"],
  };
  return [
    {
      ...one,
      name: "attic",
      kind: "openai",
      url: "http://192.168.1.31:8000",
      secret: "attic-key",
      state: { kind: "unreachable", problem: unreachable("http://192.168.1.31:8000") },
      models: [],
    },
    { ...one, name: "lab", kind: "openai", enabled: false, state: { kind: "off" }, models: [] },
    one,
  ];
}

/** Asks places, as the engine does: one that answers stands until it has answered again. */
export function askBackends(engine: FakeEngine, wanted: (backend: BackendView) => boolean) {
  const asked = engine.snapshot.backends.filter((each) => each.enabled && wanted(each));
  const set = (next: (backend: BackendView) => BackendView) =>
    engine.change({
      backends: engine.snapshot.backends.map((each) =>
        asked.some(({ name }) => name === each.name) && each.enabled ? next(each) : each,
      ),
    });
  if (asked.length === 0) return;
  set((each) =>
    each.state.kind === "ready" ? each : { ...each, state: { kind: "checking" }, models: [] },
  );
  setTimeout(
    () =>
      set((each) => {
        const { models, problem } = answerOf(each);
        const state: BackendView["state"] = problem
          ? { kind: "unreachable", problem }
          : { kind: "ready" };
        return { ...each, models, state };
      }),
    CHECK_MS,
  );
}

export function backendHandlers(engine: FakeEngine): Pick<Handlers, Names> {
  const set = (backends: BackendView[]) =>
    engine.change({ backends: backends.sort((a, b) => a.name.localeCompare(b.name)) });
  const change = (name: string, next: Partial<BackendView>) => {
    const all = engine.snapshot.backends;
    if (!all.some((each) => each.name === name)) {
      throw new Refusal("other", `“${name}” is not here any more.`);
    }
    set(all.map((each) => (each.name === name ? { ...each, ...next } : each)));
  };
  const ask = (name: string) => askBackends(engine, (each) => each.name === name);
  return {
    check_backend: async ({ draft }) => {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      return answerOf(draft);
    },
    save_backend: ({ draft, replaces }) => {
      const all = engine.snapshot.backends;
      if (!/^[a-z0-9][a-z0-9-]*$/.test(draft.name)) {
        throw new Refusal("invalidInput", "A name is made of small letters, digits and hyphens.");
      }
      if (all.some(({ name }) => name === draft.name && name !== replaces)) {
        throw new Refusal("nameTaken", `There is a place named “${draft.name}” already.`);
      }
      const before = all.find(({ name }) => name === replaces);
      const view: BackendView = {
        ...draft,
        enabled: before?.enabled ?? true,
        isDefault: before?.isDefault ?? false,
        state: { kind: "off" },
        models: [],
      };
      set([...all.filter((each) => each !== before), view]);
      engine.setting(`The place ${draft.name} was ${before ? "changed" : "added"}.`);
      if (view.enabled) ask(draft.name);
      return null;
    },
    set_backend_enabled: ({ name, enabled }) => {
      const before = engine.snapshot.backends.find((each) => each.name === name);
      // One that is used already is not asked again by being switched on.
      if (before?.enabled === enabled) return null;
      change(name, { enabled, state: { kind: "off" } });
      if (enabled) ask(name);
      return null;
    },
    set_default_backend: ({ name }) => {
      set(engine.snapshot.backends.map((each) => ({ ...each, isDefault: each.name === name })));
      return null;
    },
    remove_backend: ({ name }) => {
      set(engine.snapshot.backends.filter((each) => each.name !== name));
      engine.setting(`The place ${name} was removed.`);
      return null;
    },
  };
}

function answerOf({ url, kind, secret }: BackendDraft): BackendCheck {
  const away = /localhost|127\.0\.0\.1/.test(url)
    ? []
    : ["It is not on this computer: what apps send to its models leaves this computer."];
  const cautions =
    url.startsWith("http:") && secret !== null && away.length > 0
      ? [...away, "The secret travels there in the open, because the address begins with http."]
      : away;
  if (/\.31\b|nowhere/.test(url)) return { models: [], problem: unreachable(url), cautions };
  const models =
    kind === "ollama" ? ["gemma3:27b", "qwen3:32b"] : ["mistral-small-24b", "qwen3-30b-a3b"];
  return { models, problem: null, cautions };
}
