import { useEffect, useSyncExternalStore } from "react";

/** Where the person is. It stands in the address, so that it stays on reload. */
export type Route =
  | { page: "home" }
  | { page: "tools" }
  | { page: "server"; server: string; tab: ServerTab }
  | { page: "activity"; entry: number | undefined }
  | { page: "changes"; server: string }
  | { page: "start"; server: string }
  | { page: "settings"; part?: "secrets" }
  | { page: "answers" };
export type ServerTab = "state" | "log" | "settings";

export function parseRoute(hash: string): Route {
  const [page = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (page === "tools") {
    const [server, tab] = rest;
    if (!server) return { page: "tools" };
    if (tab === "changes" || tab === "start") return { page: tab, server };
    return { page: "server", server, tab: tab === "log" || tab === "settings" ? tab : "state" };
  }
  if (page === "activity") {
    const entry = Number(rest[0]);
    return {
      page: "activity",
      entry: Number.isSafeInteger(entry) && entry > 0 ? entry : undefined,
    };
  }
  if (page !== "settings") return { page: "home" };
  if (rest[0] === "answers") return { page: "answers" };
  return rest[0] === "secrets" ? { page: "settings", part: "secrets" } : { page: "settings" };
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
    case "activity":
      return route.entry === undefined ? "#/activity" : `#/activity/${route.entry}`;
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
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const subscribe = (listener: () => void) => {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
};
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
