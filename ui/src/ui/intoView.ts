/** Brings a part into view as it appears. The same function each time, so that it runs once. */
export function intoView(section: HTMLElement | null) {
  section?.scrollIntoView({ block: "start" });
}
