import type { ComputerView } from "../ipc/bindings/ComputerView";
import type { GpuUserView } from "../ipc/bindings/GpuUserView";
import type { GpuView } from "../ipc/bindings/GpuView";
import { formatMemory } from "./modelWords";
import { plural } from "./words";

export const memoryWords = (free: number, total: number): string =>
  `${formatMemory(free, "down")} free of ${formatMemory(total, "down")}`;

export const shareUsed = (free: number, total: number): number =>
  total > 0 ? 1 - free / total : 0;

export function coresWords({ cores, threads }: ComputerView): string {
  const at = plural(threads, "thread");
  return cores === null ? at : `${plural(cores, "core")} with ${at}`;
}

/** A card that does not tell what its memory is, or only a part of it. */
export function cardWords({ total, free, integrated }: GpuView, unified: boolean): string {
  if (total !== null)
    return `${formatMemory(total, "down")} in all. How much is free is not known.`;
  if (free !== null) return `${formatMemory(free, "down")} are free.`;
  if (integrated || unified) return "It shares the main memory.";
  return "How much memory it has is not known.";
}

/** A program that holds memory of a card. */
export const userWords = ({ name, bytes }: GpuUserView): string =>
  bytes === null ? name : `${name}: ${formatMemory(bytes, "up")}`;
