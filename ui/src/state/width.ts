import { useSyncExternalStore } from "react";

/** Below so many times the text's size the pages stand in one column. */
const NARROW_REM = 44;

const subscribe = (listener: () => void) => {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
};

function isNarrow(): boolean {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return window.innerWidth < NARROW_REM * (rem || 16);
}

/** Whether the window is narrow for the size of its text. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow);
}
