import { useEffect, useState } from "react";
import type { CommandError } from "../ipc/bindings/CommandError";
import { commandError } from "../ipc/host";

export type Query<T> =
  | { kind: "loading"; value: undefined }
  | { kind: "ready"; value: T }
  | { kind: "failed"; value: undefined; error: CommandError };

/**
 * Reads something when the page opens and each time `key` changes. An answer that comes after the
 * key has changed is dropped. While a changed key is read, the last value stays.
 */
export function useQuery<T>(
  key: string,
  load: () => Promise<T>,
): Query<T> & { reload: () => void } {
  const [query, setQuery] = useState<Query<T>>({ kind: "loading", value: undefined });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what `load` reads.
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => wanted && setQuery({ kind: "ready", value }),
      (thrown: unknown) =>
        wanted && setQuery({ kind: "failed", value: undefined, error: commandError(thrown) }),
    );
    return () => {
      wanted = false;
    };
  }, [key, turn]);
  return { ...query, reload: () => setTurn((last) => last + 1) };
}

/** Runs an action once at a time and keeps its error for the place where it was started. */
export function useAction<A extends unknown[]>(action: (...args: A) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CommandError | undefined>();
  const start = async (...args: A): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setError(undefined);
    try {
      await action(...args);
      return true;
    } catch (thrown) {
      setError(commandError(thrown));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { start, busy, error, clear: () => setError(undefined) };
}
