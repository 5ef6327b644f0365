import { useState } from "react";
import type { CommandError } from "../ipc/bindings/CommandError";
import type { OllamaSettings } from "../ipc/bindings/OllamaSettings";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import { commandError } from "../ipc/host";
import { orSay } from "./actions";
import { formatMemory } from "./modelWords";
import { stillWords } from "./ollama";
import { type Panel, usePanel } from "./panel";
import { appName, plural } from "./words";

/** What changes about the settings, whatever else is changed meanwhile. */
export type SettingsChange = (settings: OllamaSettings) => OllamaSettings;

/** One after the other: each is sent with all that was taken before it. */
let order: Promise<unknown> = Promise.resolve();

/** Sets something about Ollama; it shows at once, and rejects where it was not taken. */
export function writeOllama(panel: Panel, change: SettingsChange): Promise<void> {
  const { store, host } = panel;
  const send = async () => {
    const known = store.known();
    if (!known) return;
    await host.call("set_ollama", { settings: change(known.ollama.settings) });
    await store.refresh();
  };
  const guess = (snapshot: Snapshot) => ({
    ...snapshot,
    ollama: { ...snapshot.ollama, settings: change(snapshot.ollama.settings) },
  });
  return store.guess(guess, () => {
    const done = order.then(send, send);
    order = done.catch(() => {});
    return done;
  });
}

/** The same for a page with many settings: none is lost, and the last error stands there. */
export function useOllamaSettings() {
  const panel = usePanel();
  const [error, setError] = useState<CommandError | undefined>();
  const change = async (next: SettingsChange) => {
    setError(undefined);
    try {
      await writeOllama(panel, next);
    } catch (thrown) {
      setError(commandError(thrown));
    }
  };
  return { change: (next: SettingsChange) => void change(next), error };
}

/** The same, where the place it was set at may be gone by then. */
export const setOllama = (panel: Panel, change: SettingsChange) =>
  orSay(panel, "Nothing was changed about Ollama.", writeOllama(panel, change));

/**
 * Sets something that counts for all models, and says from when on it counts, with the restart it
 * needs where that is ours to do. `done` says what was set.
 */
export async function setForAll(panel: Panel, change: SettingsChange, done: string) {
  await writeOllama(panel, change);
  const ollama = panel.store.known()?.ollama;
  const ours = ollama?.runBy === "drawbridge";
  // Also while ours is still starting, when it is not yet known whose it is.
  const needed = ollama?.restartNeeded ?? false;
  const when = needed
    ? " It counts once Ollama is restarted."
    : ours
      ? ""
      : " It counts once Drawbridge starts Ollama.";
  panel.notices.show({
    tone: "done",
    text: `${done}${when}`,
    ...(needed && {
      action: {
        label: "Restart Ollama",
        icon: "restart",
        run: () => void restartOllama(panel),
        focus: false,
      },
    }),
  });
}

export const startOllama = (panel: Panel) =>
  orSay(panel, "Ollama was not started.", panel.host.call("start_ollama"));
export const stopOllama = (panel: Panel) =>
  orSay(panel, "Ollama was not stopped.", panel.host.call("stop_ollama"));
export const restartOllama = (panel: Panel) =>
  orSay(panel, "Ollama was not restarted.", panel.host.call("restart_ollama"));
/** Looks for Ollama again, and says what was found where nothing else shows it. */
export function lookForOllama(panel: Panel) {
  const look = async () => {
    const before = panel.store.known()?.ollama.state.kind;
    await panel.host.call("look_for_ollama");
    await panel.store.refresh();
    const ollama = panel.store.known()?.ollama;
    if (!ollama || ollama.state.kind !== before) return;
    panel.notices.show({ tone: "done", text: `Looked again: ${stillWords(ollama)}.` });
  };
  return orSay(panel, "Ollama was not looked for.", look());
}
export const getOllama = (panel: Panel) =>
  orSay(panel, "The page was not opened.", panel.host.call("open_ollama_download"));

export const pullModel = (panel: Panel, model: string) =>
  orSay(panel, `${model} is not downloaded.`, panel.host.call("pull_model", { model }));
export const pausePull = (panel: Panel, model: string) =>
  orSay(panel, `The download of ${model} goes on.`, panel.host.call("pause_pull", { model }));
export const resumePull = (panel: Panel, model: string) =>
  orSay(
    panel,
    `The download of ${model} does not go on.`,
    panel.host.call("resume_pull", { model }),
  );
export const cancelPull = (panel: Panel, model: string) =>
  orSay(
    panel,
    `The download of ${model} was not given up.`,
    panel.host.call("cancel_pull", { model }),
  );

/** Loads a model and says what it takes, as it was measured. */
export async function loadModel(panel: Panel, model: string) {
  const action = panel.models.during(model, "loading", () =>
    panel.host.call("load_model", { model }),
  );
  if (!(await orSay(panel, `${model} is not in memory.`, action))) return;
  await panel.store.refresh();
  const state = panel.store.state();
  const loaded =
    state.kind === "ready"
      ? state.snapshot.ollama.loaded.find(({ name }) => name === model)
      : undefined;
  const takes = loaded ? ` It takes ${formatMemory(loaded.size, "up")}, as measured.` : "";
  panel.notices.show({ tone: "done", text: `${model} is in memory.${takes}` });
}

/** Takes a model out of memory; one that is being loaded is not loaded. */
export function unloadModel(panel: Panel, model: string) {
  const action = panel.models.during(model, "unloading", () =>
    panel.host.call("unload_model", { model }),
  );
  return orSay(panel, `${model} stays in memory.`, action);
}

export async function unloadAll(panel: Panel) {
  let count = 0;
  const unload = async () => {
    count = await panel.host.call("unload_all_models");
    await panel.models.refresh();
  };
  if (!(await orSay(panel, "The models stay in memory.", unload()))) return;
  const text =
    count === 0
      ? "No model was in memory any more."
      : `${plural(count, "model")} ${count === 1 ? "was" : "were"} taken out of memory.`;
  panel.notices.show({ tone: "done", text });
}

/** Says which model apps are offered first, and offers the way back. */
export async function setDefaultModel(panel: Panel, model: string | null, before: string | null) {
  const set = (defaultModel: string | null) =>
    setOllama(panel, (settings) => ({ ...settings, defaultModel }));
  if (!(await set(model))) return;
  panel.notices.show({
    tone: "done",
    text: model === null ? "No model is offered first." : `Apps are offered ${model} first.`,
    action: { label: "Undo", run: () => void set(before), focus: false },
  });
}

/** Lets an app change models, or no longer. */
export function setClientManagesModels(panel: Panel, client: string, may: boolean) {
  const action = panel.store.guess(
    (snapshot) => ({
      ...snapshot,
      clients: snapshot.clients.map((each) =>
        each.name === client ? { ...each, mayManageModels: may } : each,
      ),
    }),
    () => panel.host.call("set_client_manages_models", { client, may }),
  );
  return orSay(panel, `What ${appName(client)} may do was not changed.`, action);
}
