import { useEffect, useState } from "react";
import type { BackendDraft } from "../ipc/bindings/BackendDraft";
import type { BackendKind } from "../ipc/bindings/BackendKind";
import type { BackendView } from "../ipc/bindings/BackendView";
import type { SecretView } from "../ipc/bindings/SecretView";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import { orSay } from "./actions";
import type { ServerWord } from "./health";
import { type Panel, usePanel, useSnapshot } from "./panel";
import { plural } from "./words";

export const KIND_WORDS: Record<BackendKind, string> = {
  ollama: "Ollama on another computer",
  openai: "A server that speaks as OpenAI does",
};

export function backendWord({ enabled, state }: BackendView): ServerWord {
  if (!enabled) return { tone: "still", word: "Off" };
  switch (state.kind) {
    case "off":
      return { tone: "still", word: "Off" };
    case "checking":
      return { tone: "moving", word: "Checking" };
    case "ready":
      return { tone: "open", word: "Answers" };
    case "unreachable":
      return { tone: "trouble", word: "Not reached" };
  }
}

export function backendDetail({ kind, models, state, url }: BackendView): string {
  const here = isOnThisComputer(url);
  const what = here && kind === "ollama" ? "Another Ollama on this computer" : KIND_WORDS[kind];
  const has = state.kind === "ready" ? ` ${plural(models.length, "model")}.` : "";
  return `${what}.${has}${here ? "" : " What apps ask of its models leaves this computer."}`;
}

/** Whether an address is on this computer. */
export function isOnThisComputer(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Asks the places anew as a page with them opens. What each answers stands beside it. */
export function useAskPlaces() {
  const { host } = usePanel();
  const { backends } = useSnapshot();
  // As the page opens: one that is added later is asked by its being added.
  const [any] = useState(() => backends.some(({ enabled }) => enabled));
  useEffect(() => {
    // Nobody asked for it: what was known stands where it fails.
    if (any) host.call("look_for_ollama").catch(() => {});
  }, [host, any]);
}

/** Asks the places again, as the person wants it. */
export const askPlaces = (panel: Panel) =>
  orSay(panel, "The places were not asked.", panel.host.call("look_for_ollama"));

export const EMPTY_BACKEND: BackendDraft = {
  name: "",
  kind: "ollama",
  url: "",
  secret: null,
};

export const draftOfBackend = ({ name, kind, url, secret }: BackendView): BackendDraft => ({
  name,
  kind,
  url,
  secret,
});

/** What is still missing, by the field that lacks it. */
export function backendMissing(
  draft: BackendDraft,
): { field: "name" | "url"; text: string } | null {
  const name = draft.name.trim();
  if (name === "") return { field: "name", text: "Give it a name: its models get it in front." };
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    return { field: "name", text: "A name is made of small letters, digits and hyphens." };
  }
  if (!/^https?:\/\/[^\s/]+/i.test(draft.url.trim())) {
    return { field: "url", text: "An address begins with http:// or https://." };
  }
  return null;
}

export const tidyBackend = (draft: BackendDraft): BackendDraft => ({
  ...draft,
  name: draft.name.trim(),
  url: draft.url.trim().replace(/\/+$/, ""),
});

/** Secrets that can be given to a place: the token of an app is none of them. */
export function secretChoices(secrets: readonly SecretView[], chosen: string | null): string[] {
  const names = secrets
    .filter(({ clients, stored }) => clients.length === 0 && stored !== false)
    .map(({ name }) => name);
  return chosen === null || names.includes(chosen) ? names : [...names, chosen];
}

/** The models it has, as many as are worth reading. */
export function someModels(models: readonly string[], most = 8): string {
  const rest = models.length - most;
  const named = models.slice(0, most).join(", ");
  return rest > 0 ? `${named} and ${plural(rest, "more", "more")}` : named;
}

const withBackend =
  (name: string, change: (backend: BackendView) => BackendView) => (snapshot: Snapshot) => ({
    ...snapshot,
    backends: snapshot.backends.map((each) => (each.name === name ? change(each) : each)),
  });

export function setBackendEnabled(panel: Panel, name: string, enabled: boolean) {
  const action = panel.store.guess(
    withBackend(name, (each) => ({ ...each, enabled })),
    () => panel.host.call("set_backend_enabled", { name, enabled }),
  );
  return orSay(panel, `${name} was not switched ${enabled ? "on" : "off"}.`, action);
}

/** Says where models without a prefix are looked for; Ollama with nothing. */
export function setDefaultBackend(panel: Panel, name: string | null) {
  const action = panel.store.guess(
    (snapshot) => ({
      ...snapshot,
      backends: snapshot.backends.map((each) => ({ ...each, isDefault: each.name === name })),
    }),
    () => panel.host.call("set_default_backend", { name }),
  );
  return orSay(panel, "The default was not changed.", action);
}

/** Removes a place at once and offers to put it back. */
export function removeBackend(panel: Panel, backend: BackendView) {
  const { name } = backend;
  const restore = async () => {
    await panel.host.call("save_backend", { draft: draftOfBackend(backend), replaces: null });
    if (!backend.enabled) await panel.host.call("set_backend_enabled", { name, enabled: false });
    if (backend.isDefault) await panel.host.call("set_default_backend", { name });
  };
  const remove = async () => {
    await panel.host.call("remove_backend", { name });
    panel.notices.show({
      tone: "done",
      text: `${name} was removed.`,
      action: {
        label: "Undo",
        run: () => void orSay(panel, `${name} was not put back.`, restore()),
        focus: true,
      },
    });
  };
  return orSay(panel, `${name} was not removed.`, remove());
}
