import { useEffect, useSyncExternalStore } from "react";
import { type Chosen, isChosen, readChosen, writeChosen } from "./activityFilter";

/** Where the person is. It stands in the address, so that it stays on reload. */
export type Route =
  | { page: "home" }
  | { page: "tools" }
  | { page: "server"; server: string; tab: ServerTab }
  | { page: "activity"; entry: number | undefined; chosen?: Chosen }
  | { page: "changes"; server: string }
  | { page: "start"; server: string }
  | { page: "models"; part: ModelsPart; model?: string }
  | { page: "ollamaLog" }
  | { page: "settings"; part?: SettingsPart }
  | { page: "answers" };
export type ServerTab = "state" | "log" | "settings";
export type ModelsPart = "installed" | "catalog" | "computer";
/** What the settings can be opened at; `program` is the field for Ollama's program. */
export type SettingsPart = (typeof SETTINGS_PARTS)[number];
const SETTINGS_PARTS = ["apps", "secrets", "ollama", "program", "backends", "record"] as const;

export function parseRoute(hash: string): Route {
  const [path = "", ...query] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decode);
  if (page === "tools") {
    const [server, tab] = rest;
    if (!server) return { page: "tools" };
    if (tab === "changes" || tab === "start") return { page: tab, server };
    return { page: "server", server, tab: tab === "log" || tab === "settings" ? tab : "state" };
  }
  if (page === "activity") {
    const number = Number(rest[0]);
    const entry = Number.isSafeInteger(number) && number > 0 ? number : undefined;
    const chosen = readChosen(query.join("?"));
    return { page: "activity", entry, ...(isChosen(chosen) && { chosen }) };
  }
  if (page === "models") {
    const [part, model] = rest;
    if (part === "log") return { page: "ollamaLog" };
    if (part === "catalog" && model) return { page: "models", part, model };
    return { page: "models", part: part === "catalog" || part === "computer" ? part : "installed" };
  }
  if (page !== "settings") return { page: "home" };
  if (rest[0] === "answers") return { page: "answers" };
  const part = SETTINGS_PARTS.find((each) => each === rest[0]);
  return part ? { page: "settings", part } : { page: "settings" };
}

export function href(route: Route): string {
  switch (route.page) {
    case "home":
      return "#/";
    case "server": {
      const server = `#/tools/${encodeURIComponent(route.server)}`;
      return route.tab === "state" ? server : `${server}/${route.tab}`;
    }
    case "changes":
    case "start":
      return `#/tools/${encodeURIComponent(route.server)}/${route.page}`;
    case "activity": {
      const list = route.entry === undefined ? "#/activity" : `#/activity/${route.entry}`;
      return `${list}${writeChosen(route.chosen ?? {})}`;
    }
    case "models": {
      if (route.part === "installed") return "#/models";
      const part = `#/models/${route.part}`;
      return route.model === undefined ? part : `${part}/${encodeURIComponent(route.model)}`;
    }
    case "ollamaLog":
      return "#/models/log";
    case "answers":
      return "#/settings/answers";
    case "settings":
      return route.part === undefined ? "#/settings" : `#/settings/${route.part}`;
    default:
      return `#/${route.page}`;
  }
}

export function go(route: Route) {
  window.location.hash = href(route);
  tell();
}

/** The same without a step to go back to, for what changes with each letter. */
export function goInPlace(route: Route) {
  window.location.replace(href(route));
  tell();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  window.addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("hashchange", listener);
  };
};
/** The event comes a moment later: until then a box that was ticked would stand unticked. */
function tell() {
  for (const listener of listeners) listener();
}
const hash = () => window.location.hash;

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, hash));
}

/**
 * Names the window after the page. When what had the focus went with the last page, the focus goes
 * to the new page's title, so that the keyboard goes on from there.
 */
export function usePageTitle(title: string, key: string) {
  useEffect(() => {
    document.title = `${title} – Drawbridge`;
  }, [title]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is what the effect waits for.
  useEffect(() => {
    const focused = document.activeElement;
    if (focused && focused !== document.body) return;
    if (!document.hasFocus() && focused === null) return;
    if (firstPage) {
      firstPage = false;
      return;
    }
    focusPageTitle();
  }, [key]);
}
/** What had the focus is gone: the keyboard goes on from the page's title. */
export function focusPageTitle() {
  document.querySelector<HTMLElement>("[data-page-title]")?.focus({ preventScroll: true });
}
/** The page the window opens with leaves the focus where the system put it. */
let firstPage = true;
