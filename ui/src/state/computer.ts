import { useEffect, useState } from "react";
import type { CommandError } from "../ipc/bindings/CommandError";
import type { ComputerView } from "../ipc/bindings/ComputerView";
import { commandError, type Host } from "../ipc/host";
import { usePanel } from "./panel";

export type ComputerState =
  | { kind: "loading" }
  | { kind: "failed"; error: CommandError }
  | { kind: "ready"; computer: ComputerView };

/** Starting and stopping keep their order, whichever page is opened and left how quickly. */
let order: Promise<unknown> = Promise.resolve();
const inOrder = (action: () => Promise<unknown>): Promise<unknown> => {
  const done = order.then(action, action);
  order = done.catch(() => {});
  return done;
};

/** Watches the computer until the returned function is called. */
export function watchComputer(host: Host, show: (state: ComputerState) => void): () => void {
  let watching = true;
  let stop = () => {};
  void inOrder(async () => {
    if (!watching) return;
    stop = host.on((event) => {
      if (event.event === "computerMeasured" && watching) {
        show({ kind: "ready", computer: event.payload });
      }
    });
    const computer = await host.call("computer", { watch: true });
    if (watching) show({ kind: "ready", computer });
  }).catch((thrown: unknown) => {
    if (watching) show({ kind: "failed", error: commandError(thrown) });
  });
  return () => {
    if (!watching) return;
    watching = false;
    void inOrder(async () => {
      stop();
      await host.call("stop_computer");
    }).catch(() => {
      // Nothing is shown any more, and the next watching takes the place of this one.
    });
  };
}

/** What the computer does, while the window is looked at. */
export function useComputer(): ComputerState {
  const { host } = usePanel();
  const [state, show] = useState<ComputerState>({ kind: "loading" });
  useEffect(() => {
    let stop: (() => void) | undefined;
    const follow = () => {
      const wanted = document.visibilityState === "visible";
      if (wanted && !stop) stop = watchComputer(host, show);
      if (!wanted) {
        stop?.();
        stop = undefined;
      }
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      stop?.();
    };
  }, [host]);
  return state;
}
