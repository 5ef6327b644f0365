import type { CommandError } from "./bindings/CommandError";
import type { Commands } from "./bindings/commands";
import type { PanelEvent } from "./bindings/PanelEvent";

export type CommandName = keyof Commands;
export type Args<K extends CommandName> = Commands[K]["args"];
export type Result<K extends CommandName> = Commands[K]["result"];

/** A command's arguments may be left out where it takes none. */
type Given<K extends CommandName> = [keyof Args<K>] extends [never]
  ? []
  : string extends keyof Args<K>
    ? []
    : [args: Args<K>];

/**
 * Whoever answers the panel: the desktop, or the fake in a browser. A call rejects with a
 * [`CommandError`] and with nothing else.
 */
export interface Host {
  call<K extends CommandName>(name: K, ...args: Given<K>): Promise<Result<K>>;
  /**
   * Hears every event until the returned function is called, which may be at once, before the
   * subscription has landed, and more than once.
   */
  on(listener: (event: PanelEvent) => void): () => void;
}

/** Makes whatever was thrown a [`CommandError`], so that there is always a sentence to show. */
export function commandError(thrown: unknown): CommandError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "problem" in thrown) {
    return thrown as CommandError;
  }
  return {
    code: "other",
    problem: {
      message: "Drawbridge did not carry this out, and did not say why.",
      detail: thrown instanceof Error ? thrown.message : String(thrown),
    },
  };
}
