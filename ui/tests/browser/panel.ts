import AxeSource from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, inject } from "vitest";

/** The system's browser: none is downloaded. */
const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How many times slower than it is the computer plays, so that a test that does not wait shows. */
const SLOWNESS = Number(process.env.DRAWBRIDGE_TEST_SLOWNESS ?? 1);

export type View = {
  /** The window's page, where it is not the panel. */
  page?: "question.html";
  /** What the fake plays, such as `scene=trouble&fail=pause`. */
  play?: string;
  hash?: string;
  width?: number;
  height?: number;
  dark?: boolean;
  /** Size of the text in percent of what is usual. */
  text?: number;
};

let browser: Browser | undefined;

/** Starts the browser around all tests of a file. */
export function withBrowser() {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
  });
}

/** Opens the panel, gives it to `use`, and fails when anything was written to the console. */
export async function withPanel(view: View, use: (page: Page) => Promise<void>): Promise<void> {
  if (!browser) throw new Error("withBrowser() has to be called in this file");
  const context = await browser.newContext({
    viewport: { width: view.width ?? 1000, height: view.height ?? 800 },
    colorScheme: view.dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  // As the desktop does it, so that nothing can be slipped into every object.
  await page.addInitScript(() => Object.freeze(Object.prototype));
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  if (view.text !== undefined) {
    await page.addInitScript((percent) => {
      const apply = () => {
        if (document.documentElement) document.documentElement.style.fontSize = `${percent}%`;
      };
      apply();
      new MutationObserver(apply).observe(document, { childList: true });
    }, view.text);
  }
  if (SLOWNESS > 1) {
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWNESS });
  }
  try {
    await page.goto(`${inject("panel")}/${view.page ?? ""}?${view.play ?? ""}${view.hash ?? "#/"}`);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await use(page);
    if (complaints.length > 0) throw new Error(`the console says: ${complaints.join("\n")}`);
  } finally {
    await context.close();
  }
}

/** Waits until a question has been in view for long enough to be answered. */
export async function readyToAnswer(page: Page): Promise<void> {
  await page.locator('[data-testid="answer-deny"][aria-disabled="false"]').waitFor();
}

/** Elements that stick out of the window or out of what holds them, by their selector. */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const unseen = (element: Element | null): boolean =>
      element !== null &&
      (getComputedStyle(element).clipPath !== "none" || unseen(element.parentElement));
    const width = document.documentElement.clientWidth;
    for (const element of document.querySelectorAll<HTMLElement>("body *")) {
      const style = getComputedStyle(element);
      if (unseen(element) || style.visibility === "hidden") continue;
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      const name = `${element.tagName.toLowerCase()}.${String(element.className)} “${element.textContent?.slice(0, 30)}”`;
      if (box.right > width + 1 || box.left < -1) found.push(`${name} leaves the window`);
      // A field shows a part of its text by its nature.
      if (element instanceof HTMLInputElement) continue;
      const scrolls = ["auto", "scroll"].includes(style.overflowX);
      const clamped = style.webkitLineClamp !== "none";
      if (!scrolls && !clamped && element.clientWidth > 0) {
        const more = element.scrollWidth - element.clientWidth;
        if (more > 1 && style.display !== "inline") found.push(`${name} is ${more} px too narrow`);
      }
      if (scrolls && element.scrollWidth > element.clientWidth + 1) {
        found.push(`${name} scrolls sideways`);
      }
    }
    return found;
  });
}

/** Serious and critical findings of axe. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(`${AxeSource.source};0`);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    // The guards that lead the focus around an open menu are met by the keyboard alone, on purpose.
    const around = { exclude: [["[data-base-ui-focus-guard]"]] };
    const { violations } = await axe.run(around, {
      // A menu stands outside of the landmarks, and is gone before one could look for it there.
      rules: { region: { enabled: document.querySelector('[role="menu"]') === null } },
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations
      .filter(
        ({ impact }) => impact === "serious" || impact === "critical" || impact === "moderate",
      )
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  });
}
