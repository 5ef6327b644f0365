import type { Host } from "./host";

export type { CommandName, Host, Result } from "./host";
export { commandError } from "./host";

/** The desktop where there is one; else the fake, which runs the whole panel in a browser. */
export async function openHost(): Promise<Host> {
  if ("__TAURI_INTERNALS__" in window) return (await import("./tauri")).tauriHost();
  return (await import("./fake")).fakeHost(new URLSearchParams(window.location.search));
}
