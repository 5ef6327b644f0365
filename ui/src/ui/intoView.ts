/** Brings a part into view as it appears. The same function each time, so that it runs once. */
export function intoView(section: HTMLElement | null) {
  section?.scrollIntoView({ block: "start" });
}

/** Brings a part into view as it appears, and the keyboard goes on there. */
export function ledHere(part: HTMLElement | null) {
  part?.scrollIntoView({ block: "center" });
  part?.focus({ preventScroll: true });
}
