import type { PauseScope } from "../ipc/bindings/PauseScope";
import type { PauseView } from "../ipc/bindings/PauseView";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import { formatClock, formatDay, startOfDay } from "./words";

/** A moment near now: the clock alone today, with the day otherwise. */
export function formatMoment(at: number, now: number): string {
  if (startOfDay(at) === startOfDay(now)) return formatClock(at);
  const day = formatDay(at, now);
  return `${day === "Yesterday" ? "yesterday" : day}, ${formatClock(at)}`;
}

/** The snapshot with a pause begun or ended. */
export function withPause(
  snapshot: Snapshot,
  scope: PauseScope,
  paused: PauseView | null,
): Snapshot {
  if (scope.kind === "all") return { ...snapshot, paused };
  if (scope.kind === "server") {
    const servers = snapshot.servers.map((each) =>
      each.name === scope.server ? { ...each, paused } : each,
    );
    return { ...snapshot, servers };
  }
  const clients = snapshot.clients.map((each) =>
    each.name === scope.client ? { ...each, paused } : each,
  );
  return { ...snapshot, clients };
}
