import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { findings, overflowing, withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  snapshot: { servers: { name: string; record: string }[] };
  record: { length: number; newest: number };
  call(client: string, server: string, tool: string, ms?: number): void;
  remove(server: string): string;
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<T> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<T>;

const rows = (page: Page) => page.getByTestId("activity-row");
const chips = (page: Page) => page.locator("[data-chip]").allTextContents();
const hash = (page: Page) => page.evaluate(() => location.hash);
const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");
const allRows = async (page: Page, text: string) => {
  const texts = await rows(page).allTextContents();
  return texts.length > 0 && texts.every((each) => each.includes(text));
};

describe("finding something", () => {
  test("words are looked for a moment after they are typed, and stand in the address", () =>
    withPanel({ hash: "#/activity" }, async (page) => {
      await rows(page).first().waitFor();
      const steps = await page.evaluate(() => history.length);
      await page.getByTestId("activity-search").pressSequentially("forecast", { delay: 20 });
      await expect.poll(() => hash(page)).toBe("#/activity?text=forecast");
      await expect.poll(() => allRows(page, "forecast")).toBe(true);
      await expect
        .poll(() => page.evaluate(() => history.length), { message: "no step for each letter" })
        .toBe(steps);
      await expect.poll(() => chips(page)).toEqual(["“forecast”"]);
      await page.getByTestId("without-text").waitFor();
      await page.getByTestId("activity-search").press("Escape");
      await expect.poll(() => hash(page)).toBe("#/activity");
      await expect.poll(() => page.getByTestId("activity-search").inputValue()).toBe("");
      await rows(page).filter({ hasText: "git_status" }).first().waitFor();
      await expect.poll(() => focused(page)).toBe("activity-search");
    }));

  test("filters combine, are shown as chips, and each can be taken away", () =>
    withPanel({ hash: "#/activity" }, async (page) => {
      await page.getByTestId("more-filters").click();
      const choices = page.getByTestId("filter-choices");
      await choices.getByRole("option", { name: /VS Code/ }).waitFor({ state: "attached" });
      await page.getByTestId("filter-app").selectOption("vscode");
      await page.getByTestId("filter-tool").selectOption('["files","read_file"]');
      await page.getByTestId("filter-decision-allowed").check();
      await page.getByTestId("filter-reason-mode").check();
      await page.getByTestId("filter-reason-person").check();
      await page.getByTestId("filter-outcome-failed").check();
      await page.getByTestId("filter-kind-toolCall").check();
      await page.keyboard.press("Escape");
      await choices.waitFor({ state: "detached" });
      await expect.poll(() => focused(page)).toBe("more-filters");
      await page.getByTestId("filter-time").selectOption("week");
      await expect
        .poll(() => chips(page))
        .toEqual([
          "Last 7 days",
          "App: VS Code",
          "Server: files",
          "Tool: read_file",
          "Allowed",
          "Because: How the tool is set",
          "Because: Your answer",
          "Ended: Failed",
          "Tool used",
        ]);
      await expect.poll(() => allRows(page, "read_file")).toBe(true);
      await expect.poll(() => allRows(page, "Failed")).toBe(true);
      await page.getByTestId("filter-status").getByText("fit the filters").waitFor({
        state: "attached",
      });
      await page.getByTestId("chip-outcomes failed").click();
      await rows(page).filter({ hasText: "Done" }).first().waitFor();
      await expect
        .poll(() => focused(page), { message: "the keyboard goes on from the next chip" })
        .toBe("chip-kinds toolCall");
      await page.goBack();
      await expect.poll(() => allRows(page, "Failed")).toBe(true);
      await page.reload();
      await expect.poll(() => allRows(page, "Failed")).toBe(true);
      await expect.poll(async () => (await chips(page)).length).toBe(9);
      await page.getByTestId("clear-filters").click();
      await expect.poll(() => hash(page)).toBe("#/activity");
      await expect.poll(() => focused(page)).toBe("activity-search");
      await rows(page).filter({ hasText: "git_status" }).first().waitFor();
    }));

  test("days of one's own are chosen from midnight to midnight", () =>
    withPanel({ play: "scene=many", hash: "#/activity" }, async (page) => {
      await page.getByTestId("filter-time").selectOption("own");
      await page.getByTestId("date-from").fill("2025-08-01");
      await page.getByTestId("date-until").fill("2025-08-03");
      const from = await page.evaluate(() => new Date(2025, 7, 1).getTime());
      const until = await page.evaluate(() => new Date(2025, 7, 4).getTime());
      await expect.poll(() => hash(page)).toBe(`#/activity?from=${from}&until=${until}`);
      await expect.poll(() => chips(page)).toEqual(["1 Aug 2025 to 3 Aug 2025"]);
      await page.getByRole("heading", { name: "3 August 2025" }).waitFor();
      await page.getByTestId("date-until").fill("2025-07-01");
      await page.getByText("This day is before the first.").waitFor();
      await page.getByTestId("clear-empty").waitFor();
    }));

  test("where nothing fits it says so and offers to clear the filters", () =>
    withPanel({ hash: "#/activity?text=xyzzy&app=chat" }, async (page) => {
      await page.getByRole("heading", { name: "Nothing on record fits" }).waitFor();
      await page.getByTestId("clear-empty").click();
      await rows(page).first().waitFor();
      await expect.poll(() => hash(page)).toBe("#/activity");
      await expect.poll(() => focused(page)).toBe("activity-search");
    }));

  test("what is new comes in at the top only where it fits", () =>
    withPanel({ hash: "#/activity?app=chat" }, async (page) => {
      await rows(page).first().waitFor();
      const first = () => rows(page).first().getAttribute("data-entry");
      const before = await first();
      await withFake(page, (fake) => fake.call("vscode", "computer", "time", 10));
      await page.waitForTimeout(150);
      await expect.poll(() => first()).toBe(before);
      await withFake(page, (fake) => fake.call("chat", "computer", "time", 10));
      await rows(page).first().filter({ hasText: "chat used time of computer" }).waitFor();
      await expect.poll(() => allRows(page, "chat")).toBe(true);
    }));

  test("an open entry and the filter stand in the address together", () =>
    withPanel({ hash: "#/activity?app=chat" }, async (page) => {
      await rows(page).filter({ hasText: "Done" }).first().click();
      await page.getByTestId("activity-detail").getByText("What was asked").waitFor();
      await expect.poll(() => hash(page)).toMatch(/^#\/activity\/\d+\?app=chat$/);
      await page.reload();
      await page.getByTestId("activity-detail").getByText("What was asked").waitFor();
      await expect.poll(() => allRows(page, "chat")).toBe(true);
      await page.keyboard.press("Tab");
      await page.getByRole("button", { name: "Close details" }).click();
      await expect.poll(() => hash(page)).toBe("#/activity?app=chat");
    }));
});

describe("with a million entries", () => {
  test("at most a hundred rows are mounted, whatever is filtered, and nothing jumps", () =>
    withPanel({ play: "scene=many", hash: "#/activity?app=vscode" }, async (page) => {
      await rows(page).first().waitFor();
      const most = await page.evaluate(async () => {
        const list = document.querySelector('[data-testid="activity-list"]');
        let mounted = 0;
        let jumps = 0;
        for (let turn = 0; turn < 80; turn += 1) {
          const top = list?.scrollTop ?? 0;
          list?.scrollBy(0, 500);
          const aimed = list?.scrollTop ?? 0;
          await new Promise((resolve) => requestAnimationFrame(resolve));
          await new Promise((resolve) => requestAnimationFrame(resolve));
          if (aimed > top && Math.abs((list?.scrollTop ?? 0) - aimed) > 60) jumps += 1;
          mounted = Math.max(mounted, document.querySelectorAll('[role="listitem"]').length);
        }
        return { mounted, jumps, top: list?.scrollTop ?? 0 };
      });
      expect(most.top).toBeGreaterThan(15_000);
      expect(most.mounted).toBeGreaterThan(5);
      expect(most.mounted).toBeLessThanOrEqual(100);
      expect(most.jumps).toBe(0);
      const shown = await rows(page).first().getAttribute("data-entry");
      await withFake(page, (fake) => fake.call("vscode", "computer", "time", 10));
      await page.getByTestId("show-held").waitFor();
      await expect.poll(() => rows(page).first().getAttribute("data-entry")).toBe(shown);
    }));

  test("looking for what is rare shows how far it is, and can be stopped and gone on with", () =>
    withPanel({ play: "scene=many&delay=120", hash: "#/activity?text=xyzzy" }, async (page) => {
      await page.getByTestId("stop-looking").click();
      await page.getByText("entries were looked through. There are older ones.").waitFor();
      await page.getByTestId("go-on-looking").click();
      await page.getByTestId("stop-looking").waitFor();
      await page.getByTestId("activity-search").fill("");
      await rows(page).first().waitFor();
    }));
});

describe("the picture", () => {
  const bar = (page: Page, at: number) => page.getByTestId("bars").getByRole("button").nth(at);

  test("a bar leads to its time, and the way back leads back", () =>
    withPanel({ play: "scene=many", hash: "#/activity" }, async (page) => {
      const label = await bar(page, 3).getAttribute("aria-label");
      expect(label).toMatch(/^\d+ \w+ \d{4} to \d+ \w+ \d{4}: [\d,]+\. VS Code [\d,]+, chat/);
      await bar(page, 3).click();
      await expect.poll(() => hash(page)).toMatch(/^#\/activity\?from=\d+&until=\d+$/);
      await expect.poll(() => chips(page)).toEqual([label?.split(": ")[0]]);
      await page.getByTestId("bars").getByText(/.*/).first().waitFor({ state: "attached" });
      await page.goBack();
      await expect.poll(() => hash(page)).toBe("#/activity");
      await expect.poll(() => chips(page)).toEqual([]);
    }));

  test("a name in the legend shows only its own, and again all", () =>
    withPanel({ hash: "#/activity" }, async (page) => {
      const legend = page.getByTestId("legend");
      await legend.getByRole("button", { name: "chat" }).click();
      await expect.poll(() => allRows(page, "chat")).toBe(true);
      await expect.poll(() => chips(page)).toEqual(["App: chat"]);
      await legend.getByRole("button", { name: "chat", pressed: true }).click();
      await rows(page).filter({ hasText: "VS Code" }).first().waitFor();
      await page.getByTestId("by-tool").click();
      await legend.getByRole("button", { name: "git_status of git" }).click();
      await expect.poll(() => allRows(page, "git_status")).toBe(true);
      await expect.poll(() => chips(page)).toEqual(["Server: git", "Tool: git_status"]);
    }));

  test("everything in it can be done with the keyboard alone", () =>
    withPanel({ hash: "#/activity" }, async (page) => {
      await bar(page, 0).waitFor();
      const bars = await page.getByTestId("bars").getByRole("button").count();
      await page.getByTestId("by-tool").focus();
      await page.keyboard.press("Tab");
      const at = () =>
        page.evaluate(() => {
          const { activeElement } = document;
          return [...(activeElement?.parentElement?.children ?? [])].indexOf(
            activeElement as Element,
          );
        });
      await expect.poll(() => at(), { message: "one stop for Tab, at the newest" }).toBe(bars - 1);
      await page.keyboard.press("Home");
      await expect.poll(() => at()).toBe(0);
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowLeft");
      await expect.poll(() => at()).toBe(1);
      await page.keyboard.press("Enter");
      await expect.poll(() => hash(page)).toMatch(/from=\d+&until=\d+/);
      await expect.poll(at).toBe(0);
      await page.keyboard.press("Tab");
      await expect
        .poll(() =>
          page.evaluate(() => document.activeElement?.closest('[data-testid="legend"]') !== null),
        )
        .toBe(true);
      await page.getByTestId("fold-picture").focus();
      await page.keyboard.press("Enter");
      await page.getByTestId("bars").waitFor({ state: "detached" });
      await expect
        .poll(() => page.getByTestId("fold-picture").getAttribute("aria-expanded"))
        .toBe("false");
    }));

  test("it is folded where the window is narrow, and not there where nothing is", async () => {
    await withPanel({ hash: "#/activity", width: 380 }, async (page) => {
      await rows(page).first().waitFor();
      expect(await page.getByTestId("bars").count()).toBe(0);
      await page.getByTestId("fold-picture").click();
      await page.getByTestId("bars").waitFor();
      expect(await overflowing(page)).toEqual([]);
      expect(await findings(page)).toEqual([]);
    });
    await withPanel({ play: "scene=empty", hash: "#/activity" }, async (page) => {
      await page.getByText("Nothing has happened yet").waitFor();
      expect(await page.getByTestId("picture").count()).toBe(0);
      expect(await page.getByTestId("export").count()).toBe(0);
    });
  });

  test("it goes where the filter leaves no call, and says so where it cannot be counted", async () => {
    await withPanel({ hash: "#/activity?kind=serverStarted" }, async (page) => {
      await rows(page).first().waitFor();
      await page.getByTestId("picture").waitFor({ state: "detached" });
      await page.getByTestId("clear-filters").click();
      await page.getByTestId("bars").waitFor();
    });
    await withPanel({ play: "fail=activity_picture", hash: "#/activity" }, async (page) => {
      await page.getByText("It could not be counted.").waitFor();
      await rows(page).first().waitFor();
    });
  });

  test("each of its colours has a pattern of its own, so that it is told apart without them", () =>
    withPanel({ play: "scene=many", hash: "#/activity" }, async (page) => {
      await page.getByTestId("by-tool").click();
      await page.getByTestId("legend").getByText("read_file of files").waitFor();
      const looks = await page.evaluate(() =>
        [...document.querySelectorAll('[data-testid="legend"] [data-place]')].map((swatch) => {
          const style = getComputedStyle(swatch);
          return { colour: style.backgroundColor, pattern: style.backgroundImage };
        }),
      );
      expect(looks).toHaveLength(7);
      expect(new Set(looks.map(({ colour }) => colour)).size).toBe(7);
      // The first and the rest are plain; they stand at the two ends.
      expect(new Set(looks.map(({ pattern }) => pattern)).size).toBe(6);
    }));
});

describe("the details", () => {
  test("tell the story of a call, and lead to its tool, app and server", () =>
    withPanel({ hash: "#/activity/254" }, async (page) => {
      const story = page.getByTestId("story");
      const words = await story.textContent();
      expect(words).toContain("By VS Code, which calls itself “Visual Studio Code 1.104.2”");
      expect(words).toContain("Allowed, because the tool is set to run.");
      expect(words).toMatch(/To files, as request \d+\./);
      expect(words).toMatch(/Done, at .* It took/);
      const links = page.getByTestId("links");
      await links.getByRole("link", { name: "list_folder", exact: true }).click();
      await page.getByTestId("tool-files-list_folder").waitFor();
      await expect
        .poll(() => page.getByTestId("tool-search").inputValue())
        .toBe("files list_folder");
      await page.goBack();
      await links.getByRole("link", { name: "files", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "files" }).waitFor();
      await page.goBack();
      await links.getByRole("link", { name: "VS Code", exact: true }).click();
      await page.waitForFunction(() => {
        const { top } =
          document.querySelector('[data-testid="apps"]')?.getBoundingClientRect() ?? {};
        return top !== undefined && top < 120;
      });
    }));

  test("set the filter to the same tool, app or server", () =>
    withPanel({ hash: "#/activity/254" }, async (page) => {
      await page.getByTestId("only-tool").click();
      await expect.poll(() => chips(page)).toEqual(["Server: files", "Tool: list_folder"]);
      await expect.poll(() => allRows(page, "list_folder")).toBe(true);
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
      await rows(page).first().click();
      await page.getByTestId("only-app").click();
      await expect.poll(() => chips(page)).toEqual(["App: VS Code"]);
      await rows(page).filter({ hasText: "of git" }).first().click();
      await page.getByTestId("only-server").click();
      await expect.poll(() => chips(page)).toEqual(["Server: git"]);
    }));

  test("what does not exist any more is a word, not a link", () =>
    withPanel({ hash: "#/activity/254" }, async (page) => {
      const link = page.getByTestId("links").getByRole("link", { name: "files", exact: true });
      await link.waitFor();
      await withFake(page, (fake) => fake.remove("files"));
      await link.waitFor({ state: "detached" });
      await page.getByTestId("links").getByText("list_folder", { exact: true }).waitFor();
      expect(await page.getByRole("link", { name: "list_folder", exact: true }).count()).toBe(0);
      await page.getByTestId("only-server").waitFor();
    }));

  test("say where less was kept", () =>
    withPanel({ hash: "#/tools/computer/settings" }, async (page) => {
      await page.getByTestId("choice-nothing").click();
      await expect
        .poll(() =>
          withFake(
            page,
            (fake) => fake.snapshot.servers.find(({ name }) => name === "computer")?.record,
          ),
        )
        .toBe("nothing");
      await withFake(page, (fake) => fake.call("vscode", "computer", "time", 10));
      await page.getByTestId("nav-activity").click();
      // Until the new call is in the list, an older one stands first.
      const less = page.getByTestId("kept-less").getByText("The content was not kept");
      await expect
        .poll(async () => {
          await rows(page).filter({ hasText: "time of computer" }).first().click();
          return less.isVisible();
        })
        .toBe(true);
      expect(await page.getByText("What was asked").count()).toBe(0);
    }));
});

describe("while one was away", () => {
  test("the card says what happened, and is gone once it was seen", () =>
    withPanel({ play: "scene=away" }, async (page) => {
      const card = page.getByTestId("away");
      await card.getByText(/calls by VS Code and chat\./).waitFor();
      await card.getByText(/were refused, .* failed and a server ended by itself/).waitFor();
      await page.getByTestId("away-show").click();
      await expect.poll(() => hash(page)).toMatch(/^#\/activity\?from=\d+$/);
      await rows(page).first().waitFor();
      await page.getByTestId("nav-home").click();
      await page.getByTestId("recent").waitFor();
      await page.waitForTimeout(200);
      expect(await card.count()).toBe(0);
      await withFake(page, (fake) => fake.call("chat", "computer", "time", 10));
      await card.getByText(/: 1 call by chat\./).waitFor();
    }));

  test("it is put away, and the keyboard goes on from the title", () =>
    withPanel({ play: "scene=away" }, async (page) => {
      await page.getByTestId("away-dismiss").click();
      await page.getByTestId("away").waitFor({ state: "detached" });
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    }));

  test("whoever opens all activity has seen it", () =>
    withPanel({ play: "scene=away" }, async (page) => {
      await page.getByTestId("away").waitFor();
      await page.getByTestId("nav-activity").click();
      await rows(page).first().waitFor();
      await withFake(page, (fake) => fake.call("chat", "computer", "time", 10));
      await rows(page)
        .first()
        .filter({ hasText: "chat used time" })
        .filter({ hasText: "Done" })
        .waitFor();
      await page.getByTestId("nav-home").click();
      await page.getByTestId("recent").waitFor();
      await page.waitForTimeout(200);
      expect(await page.getByTestId("away").count()).toBe(0);
    }));

  test("where nothing happened there is no card", () =>
    withPanel({}, async (page) => {
      await page.getByTestId("recent").getByTestId("activity-row").first().waitFor();
      expect(await page.getByTestId("away").count()).toBe(0);
    }));
});

describe("export", () => {
  const begin = async (page: Page, form: "csv" | "lines") => {
    await page.getByTestId("export").click();
    await page.getByTestId(`export-${form}`).click();
  };
  const done = (page: Page) => page.getByTestId("notice-done");

  test("writes what the filter lets through, and says where", () =>
    withPanel({ hash: "#/activity?app=chat" }, async (page) => {
      await begin(page, "lines");
      await page.getByTestId("record-work").getByText("Writing entries to a file").waitFor();
      await done(page)
        .getByText(/^7\d entries were written to \/home\/me\/Documents\/.*\.jsonl \(.* kB\)\.$/)
        .waitFor();
      await page.getByTestId("record-work").waitFor({ state: "detached" });
    }));

  test("shows how far it is, on every page of the record, and can be broken off in silence", () =>
    withPanel({ play: "scene=many", hash: "#/activity" }, async (page) => {
      await begin(page, "csv");
      await page.getByRole("progressbar", { name: "Progress of the export" }).waitFor();
      await page.waitForFunction(
        () =>
          Number(document.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")) > 4,
      );
      expect(await findings(page)).toEqual([]);
      await page.getByTestId("nav-settings").click();
      await page.getByTestId("record").getByTestId("cancel-work").click();
      await page.getByTestId("record-work").waitFor({ state: "detached" });
      await page.waitForTimeout(100);
      expect(await page.locator('[data-testid^="notice-"]').count()).toBe(0);
    }));

  test("says nothing where no file was chosen, and why where it failed", async () => {
    await withPanel({ play: "chooses=nothing", hash: "#/activity" }, async (page) => {
      await begin(page, "csv");
      await page.waitForTimeout(200);
      expect(await page.locator('[data-testid^="notice-"]').count()).toBe(0);
    });
    await withPanel({ play: "fail=export_activity", hash: "#/activity" }, async (page) => {
      await begin(page, "csv");
      await page
        .getByTestId("notice-trouble")
        .filter({ hasText: "The entries were not exported." })
        .waitFor();
    });
  });
});

describe("the record in the settings", () => {
  const open = (use: (page: Page) => Promise<void>, play = "") =>
    withPanel({ play, hash: "#/settings/record" }, use);

  test("says how much there is, since when and where", () =>
    open(async (page) => {
      await page
        .getByTestId("record-amount")
        .getByText(/^260 entries since .*, taking/)
        .waitFor();
      await expect
        .poll(() => page.getByTestId("record-folder").textContent())
        .toBe("/home/me/.local/share/drawbridge");
    }));

  test("a limit that takes nothing away counts at once, another asks first", () =>
    open(async (page) => {
      await page.getByTestId("keep-megabytes").selectOption("2000");
      await expect.poll(() => page.getByTestId("keep-megabytes").inputValue()).toBe("2000");
      await page.getByTestId("keep-days").selectOption("30");
      await page.getByRole("alertdialog").getByText("They cannot be brought back.").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("alertdialog").waitFor({ state: "detached" });
      await expect.poll(() => page.getByTestId("keep-days").inputValue()).toBe("none");
      await page.getByTestId("keep-days").selectOption("90");
      await page.getByTestId("question-do").click();
      await page.getByRole("alertdialog").waitFor({ state: "detached" });
      await expect.poll(() => page.getByTestId("keep-days").inputValue()).toBe("90");
      await page.getByTestId("keep-days").selectOption("own");
      await page.getByTestId("keep-days-own").fill("0");
      await page.getByText("A whole number from 1 on.").waitFor();
      await expect.poll(() => page.getByTestId("keep-days-use").isDisabled()).toBe(true);
      await page.getByTestId("keep-days-own").fill("2000");
      await page.getByTestId("keep-days-use").click();
      await expect.poll(() => page.getByTestId("keep-days-use").isDisabled()).toBe(true);
      await page.reload();
      await page.getByTestId("keep-days").waitFor();
    }, "scene=many"));

  test("a check says that all is well, or leads to where it breaks", async () => {
    await open(async (page) => {
      await page.getByTestId("check-record").click();
      await page
        .getByTestId("check-result")
        .getByText(/^All is well: 520 rows since .* are as they were written\.$/)
        .waitFor();
    });
    await open(async (page) => {
      await page.getByTestId("check-record").click();
      await page.getByTestId("check-result").getByText("A row was changed").waitFor();
      await page.getByTestId("to-broken").click();
      await page.getByTestId("activity-detail").getByTestId("story").waitFor();
      await expect.poll(() => hash(page)).toBe("#/activity/230");
    }, "scene=record-broken");
  });

  test("a check can be broken off, in silence", () =>
    open(async (page) => {
      await page.getByTestId("check-record").click();
      await page.getByTestId("record-work").getByText("Checking the record").waitFor();
      await page.getByTestId("cancel-work").click();
      await page.getByTestId("record-work").waitFor({ state: "detached" });
      await page.waitForTimeout(100);
      expect(await page.getByTestId("check-result").count()).toBe(0);
      expect(await page.getByTestId("record").getByTestId("problem").count()).toBe(0);
      expect(await page.locator('[data-testid^="notice-"]').count()).toBe(0);
    }, "scene=many"));

  test("all is deleted after one question that says what goes and what stays", () =>
    open(async (page) => {
      await page.getByTestId("delete-activity").click();
      const question = page.getByRole("alertdialog");
      await question.getByText("Every entry goes").waitFor();
      await question.getByText("What stays: servers, tools").waitFor();
      await page.waitForFunction(() => document.activeElement?.textContent === "Cancel");
      await expect.poll(() => withFake(page, (fake) => fake.record.length)).toBe(260);
      await page.getByTestId("question-do").click();
      await page.getByText("All activity was deleted.").first().waitFor();
      await page
        .getByTestId("record-amount")
        .getByText(/^1 entry since/)
        .waitFor();
      await page.getByTestId("nav-activity").click();
      await rows(page).first().waitFor();
      await expect.poll(() => rows(page).count()).toBe(1);
    }));
});

test("how much is kept of a server's calls is chosen, and goes back where that fails", async () => {
  const record = (page: Page) =>
    withFake(page, (fake) => fake.snapshot.servers.find(({ name }) => name === "git")?.record);
  await withPanel({ hash: "#/tools/git/settings" }, async (page) => {
    await expect
      .poll(() => page.getByTestId("choice-content").getAttribute("aria-checked"))
      .toBe("true");
    await page.getByTestId("choice-shapes").click();
    await expect.poll(() => record(page)).toBe("shapes");
  });
  await withPanel({ play: "fail=set_record_rule", hash: "#/tools/git/settings" }, async (page) => {
    await page.getByTestId("choice-shapes").click();
    await page
      .getByTestId("notice-trouble")
      .filter({ hasText: "The choice for git was not changed." })
      .waitFor();
    await expect
      .poll(() => page.getByTestId("choice-content").getAttribute("aria-checked"))
      .toBe("true");
  });
});
