import { useState, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** A yes or no that this window remembers, such as "do not show the first steps". */
export function useRemembered(key: string): [boolean, (value: boolean) => void] {
  const name = `drawbridge.${key}`;
  const value = useSyncExternalStore(subscribe, () => localStorage.getItem(name) === "yes");
  return [
    value,
    (next) => {
      if (next) localStorage.setItem(name, "yes");
      else localStorage.removeItem(name);
      for (const listener of listeners) listener();
    },
  ];
}

const kept = new Map<string, unknown>();

/** Sets what a page will find when it opens. */
export function keep(key: string, value: unknown) {
  kept.set(key, value);
}

/** State that outlives its page for as long as the window is open. */
export function useKept<T>(key: string, first: T): [T, (next: T) => void] {
  const [value, setValue] = useState<T>(() => (kept.has(key) ? (kept.get(key) as T) : first));
  return [
    value,
    (next) => {
      kept.set(key, next);
      setValue(next);
    },
  ];
}
