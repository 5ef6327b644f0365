import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { PanelEvent } from "./bindings/PanelEvent";
import { commandError, type Host } from "./host";

/** The desktop. The only file that knows Tauri. */
export function tauriHost(): Host {
  return {
    call(name, ...args) {
      return invoke<never>(name, args[0] ?? {}).catch((thrown: unknown) => {
        throw commandError(thrown);
      });
    },
    on(listener) {
      let stopped = false;
      let stop: (() => void) | undefined;
      listen<PanelEvent>("panel-event", ({ payload }) => {
        if (!stopped) listener(payload);
      }).then(
        (unlisten) => {
          if (stopped) unlisten();
          else stop = unlisten;
        },
        // Without events the panel still answers to clicks: each action reads the state anew.
        (thrown: unknown) => console.error("no events from Drawbridge:", thrown),
      );
      return () => {
        stopped = true;
        stop?.();
        stop = undefined;
      };
    },
  };
}
