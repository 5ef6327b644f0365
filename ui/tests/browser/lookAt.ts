import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { findings, overflowing, type View, withPanel } from "./panel";

/** Screenshots are written when this names a folder. */
const SHOTS = process.env.SHOTS;

export type Place = {
  name: string;
  page?: "question.html";
  play?: string;
  hash?: string;
  open?: (page: Page) => Promise<void>;
};

/** The window for questions is small from the start. */
const SMALL: View = { width: 520, height: 640 };

/** `axe` where colours or the order of things differ. */
const VIEWS: { name: string; view: View; axe?: true }[] = [
  { name: "light", view: {}, axe: true },
  { name: "dark", view: { dark: true }, axe: true },
  { name: "wide", view: { width: 1400, height: 900 } },
  { name: "narrow", view: { width: 380, height: 800 }, axe: true },
  { name: "large-text", view: { text: 200 } },
  { name: "narrow-large-text", view: { width: 380, height: 800, text: 200, dark: true } },
];

/** Looks at each place in each view. */
export function lookAt(places: readonly Place[]) {
  for (const place of places) {
    for (const { name, view, axe } of VIEWS) {
      test(`${place.name} fits and can be used by everyone: ${name}`, async () => {
        await withPanel({ ...(place.page && SMALL), ...place, ...view }, async (page) => {
          await page.waitForFunction(
            () =>
              location.search.includes("loading") ||
              ![...document.querySelectorAll('[role="status"]')].some((status) =>
                /^Reading/.test(status.getAttribute("aria-label") ?? status.textContent ?? ""),
              ),
          );
          await place.open?.(page);
          if (SHOTS) {
            await mkdir(SHOTS, { recursive: true });
            await page.screenshot({ path: join(SHOTS, `${place.name}-${name}.png`) });
          }
          expect((await overflowing(page)).join("\n"), "nothing sticks out").toBe("");
          if (axe) expect((await findings(page)).join("\n"), "axe finds nothing").toBe("");
        });
      });
    }
  }
}
