import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { readyToAnswer, withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  questionsShown: number;
  snapshot: {
    questions: { id: number }[];
    allowedAnswers: { id: number; client: string; tool: string; lasts: string }[];
    servers: { name: string; tools: { name: string; mode: string }[] }[];
  };
  ask(rest?: Record<string, unknown>): number;
  withdraw(ids: number[]): void;
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<Awaited<T>> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<Awaited<T>>;

const modeOfWriteFile = (page: Page) =>
  withFake(page, (fake) => {
    const files = fake.snapshot.servers.find(({ name }) => name === "files");
    return files?.tools.find(({ name }) => name === "write_file")?.mode;
  });
const waiting = (page: Page) =>
  withFake(page, (fake) => fake.snapshot.questions.map(({ id }) => id));
const remembered = (page: Page) =>
  withFake(page, (fake) =>
    fake.snapshot.allowedAnswers.map(({ client, tool, lasts }) => `${client} ${tool} ${lasts}`),
  );
const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("data-testid"));

const asked = (use: (page: Page) => Promise<void>, play = "scene=questions") =>
  withPanel({ page: "question.html", play, width: 520, height: 640 }, async (page) => {
    await readyToAnswer(page);
    await use(page);
  });

const WAYS = [
  { key: "o", button: "allowOnce", answers: [], mode: "ask" },
  { key: "s", button: "allowForSession", answers: ["vscode write_file session"], mode: "ask" },
  { key: "w", button: "alwaysAllow", answers: ["vscode write_file always"], mode: "ask" },
  { key: "d", button: "deny", answers: [], mode: "ask" },
  { key: "x", button: "denyAndSwitchOff", answers: [], mode: "off" },
];

describe.each(WAYS)("the answer $button", ({ key, button, answers, mode }) => {
  const done = async (page: Page) => {
    await expect.poll(() => waiting(page)).toEqual([12, 13, 14]);
    await expect.poll(() => remembered(page)).toEqual(answers);
    await expect.poll(() => modeOfWriteFile(page)).toBe(mode);
    await page.getByTestId("last-words").getByText("write_file for VS Code.").waitFor();
    await page.getByTestId("open-question").getByText("Run a command").waitFor();
  };

  test("is given by its key", () =>
    asked(async (page) => {
      await page.keyboard.press(key);
      await done(page);
    }));

  test("is given by its button", () =>
    asked(async (page) => {
      await page.getByTestId(`answer-${button}`).click();
      await done(page);
    }));

  test("is given by Space on its button", () =>
    asked(async (page) => {
      await page.getByTestId(`answer-${button}`).focus();
      await page.keyboard.press("Space");
      await done(page);
    }));
});

test("nothing answers in the first half second, not after a change either", async () => {
  await withPanel({ page: "question.html" }, async (page) => {
    await page.getByRole("heading", { name: "Nothing is waiting" }).waitFor();
    const early = () =>
      withFake(page, async (fake) => {
        const begun = performance.now();
        fake.ask({ tool: `tool_${Math.round(begun)}`, askedAt: 1 });
        const sizes = new Set<string>();
        let tries = 0;
        while (performance.now() - begun < 440) {
          await new Promise((resolve) => setTimeout(resolve, 15));
          for (const button of document.querySelectorAll<HTMLElement>("[data-testid^=answer-]")) {
            const box = button.getBoundingClientRect();
            if (button.dataset.testid === "answer-deny") {
              sizes.add(`${box.x} ${box.y} ${box.width} ${box.height}`);
            }
            button.click();
            tries += 1;
          }
          for (const key of ["o", "s", "w", "d", "x"]) {
            window.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
          }
        }
        return { tries, sizes: [...sizes] };
      });
    const first = await early();
    expect(first.tries).toBeGreaterThan(10);
    await expect.poll(() => waiting(page)).toHaveLength(1);
    await readyToAnswer(page);
    const box = await page.getByTestId("answer-deny").boundingBox();
    expect(first.sizes, "nothing moves when the answers begin to work").toEqual([
      `${box?.x} ${box?.y} ${box?.width} ${box?.height}`,
    ]);
    // The one that is open goes away, and the next one takes its place under the pointer.
    await withFake(page, (fake) => fake.ask({ tool: "next", askedAt: Date.now() }));
    await page.getByTestId("closed-question").waitFor();
    const changed = await withFake(page, async (fake) => {
      const begun = performance.now();
      fake.withdraw(fake.snapshot.questions.slice(0, 1).map(({ id }) => id));
      let tries = 0;
      while (performance.now() - begun < 440) {
        await new Promise((resolve) => setTimeout(resolve, 15));
        document.querySelector<HTMLElement>("[data-testid=answer-alwaysAllow]")?.click();
        window.dispatchEvent(new KeyboardEvent("keydown", { key: "w", cancelable: true }));
        tries += 1;
      }
      return tries;
    });
    expect(changed).toBeGreaterThan(2);
    await expect.poll(() => waiting(page)).toHaveLength(1);
    await expect.poll(() => remembered(page)).toEqual([]);
    await readyToAnswer(page);
    await page.keyboard.press("w");
    await expect.poll(() => waiting(page)).toEqual([]);
  });
});

test("a window that comes to the front waits again, with the focus on Deny", async () => {
  await asked(async (page) => {
    await page.getByTestId("answer-alwaysAllow").focus();
    await page.evaluate(async () => {
      window.dispatchEvent(new Event("focus"));
      await new Promise((resolve) => setTimeout(resolve, 60));
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "w", cancelable: true }));
    });
    await expect.poll(() => focused(page)).toBe("answer-deny");
    await page.waitForTimeout(200);
    await expect.poll(() => remembered(page)).toEqual([]);
    await expect.poll(() => waiting(page)).toHaveLength(4);
    await readyToAnswer(page);
  });
});

test("a press that begins too early does not answer when it ends", async () => {
  await asked(async (page) => {
    const box = await page.getByTestId("answer-alwaysAllow").boundingBox();
    await page.mouse.move((box?.x ?? 0) + 20, (box?.y ?? 0) + 10);
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await page.locator('[data-testid="answer-deny"][aria-disabled="true"]').waitFor();
    await page.mouse.down();
    await readyToAnswer(page);
    await page.mouse.up();
    await page.waitForTimeout(200);
    await expect.poll(() => waiting(page)).toHaveLength(4);
    await page.mouse.down();
    await page.mouse.up();
    await expect.poll(() => waiting(page)).toHaveLength(3);
  });
});

test("Enter never allows, Escape does nothing, and a letter counts alone", async () => {
  await asked(async (page) => {
    for (const button of ["allowOnce", "allowForSession", "alwaysAllow"]) {
      await page.getByTestId(`answer-${button}`).focus();
      await page.keyboard.press("Enter");
    }
    for (const keys of ["Escape", "Control+o", "Alt+o", "Meta+o", "Shift+o"]) {
      await page.keyboard.press(keys);
    }
    await page.evaluate(() =>
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "o", repeat: true })),
    );
    await page.waitForTimeout(200);
    await expect.poll(() => waiting(page)).toHaveLength(4);
    await expect.poll(() => remembered(page)).toEqual([]);
    await page.getByTestId("answer-deny").focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => waiting(page)).toHaveLength(3);
    await expect.poll(() => remembered(page)).toEqual([]);
  });
});

test("Deny has the focus, is what Tab meets first, and has it again at the next question", async () => {
  await asked(async (page) => {
    await expect.poll(() => focused(page)).toBe("answer-deny");
    await expect
      .poll(() =>
        page.evaluate(() =>
          document.querySelector("button, a, input, [tabindex]")?.getAttribute("data-testid"),
        ),
      )
      .toBe("answer-deny");
    await page.getByTestId("answer-allowOnce").focus();
    await page.keyboard.press("Space");
    await page.getByTestId("open-question").getByText("Run a command").waitFor();
    await expect.poll(() => focused(page)).toBe("answer-deny");
  });
});

test("equal questions are one, and are answered together", async () => {
  await asked(async (page) => {
    const closed = page.getByTestId("closed-question");
    await expect.poll(() => closed.count()).toBe(2);
    await closed.filter({ hasText: "2 equal questions" }).click();
    await page.getByTestId("open-question").getByText("which calls itself “Chatty 2").waitFor();
    await readyToAnswer(page);
    await page.keyboard.press("o");
    await expect.poll(() => waiting(page)).toEqual([11, 12]);
  });
});

test("an equal question that has only just joined is not answered with the others", async () => {
  await asked(async (page) => {
    await page.getByTestId("closed-question").last().click();
    await readyToAnswer(page);
    const joined = await withFake(page, async (fake) => {
      const like = fake.snapshot.questions.at(-1);
      const id = fake.ask({ ...like, id: 77, askedAt: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, 60));
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "o", cancelable: true }));
      return id;
    });
    await expect.poll(() => waiting(page)).toEqual([11, 12, joined]);
  });
});

test("all are denied at once", async () => {
  await asked(async (page) => {
    await page.getByTestId("answer-denyAll").click();
    await page.getByRole("heading", { name: "Nothing is waiting" }).waitFor();
    await expect.poll(() => waiting(page)).toEqual([]);
    await expect.poll(() => remembered(page)).toEqual([]);
  });
});

test("one question alone offers no Deny all", async () => {
  await asked(async (page) => {
    await withFake(page, (fake) => fake.withdraw([12, 13, 14]));
    await page.getByTestId("closed-question").first().waitFor({ state: "detached" });
    expect(await page.getByTestId("answer-denyAll").count()).toBe(0);
  });
});

test("no answer moves when another question comes", async () => {
  await asked(async (page) => {
    const places = () =>
      page
        .locator("[data-testid=answers] button")
        .evaluateAll((buttons) =>
          buttons.map((button) => JSON.stringify(button.getBoundingClientRect())),
        );
    await withFake(page, (fake) => fake.withdraw([12, 13, 14]));
    await page.getByTestId("closed-question").first().waitFor({ state: "detached" });
    const alone = await places();
    expect(alone).toHaveLength(5);
    await withFake(page, (fake) => fake.ask());
    await page.getByTestId("answer-denyAll").waitFor();
    await expect.poll(() => places()).toEqual(alone);
  });
});

test("a question that goes by itself leaves, and says so", async () => {
  await asked(async (page) => {
    await withFake(page, (fake) => fake.withdraw([11]));
    await page.getByTestId("last-words").getByText("A question went away").waitFor();
    await page.getByTestId("open-question").getByText("Run a command").waitFor();
    await withFake(page, (fake) => fake.withdraw([12, 13, 14]));
    await page.getByRole("heading", { name: "Nothing is waiting" }).waitFor();
  });
});

test("an answer that is not taken says why, and the question stays", async () => {
  await asked(async (page) => {
    await page.keyboard.press("o");
    await page.getByRole("alert").getByText("The config file could not be written").waitFor();
    await expect.poll(() => waiting(page)).toHaveLength(4);
    await page.getByTestId("answer-denyAll").click();
    await page.getByRole("heading", { name: "Nothing is waiting" }).waitFor();
  }, "scene=questions&fail=answer_questions");
});

test("everything is shown whole, marked, and with what would not be seen", async () => {
  await asked(async (page) => {
    const args = page.getByTestId("arguments");
    expect(await args.textContent()).not.toContain("The end.");
    await args.getByRole("button", { name: /Show all \d+ lines/ }).click();
    await expect.poll(() => args.textContent()).toContain("The end.");
    await expect
      .poll(() => args.locator("mark").allTextContents())
      .toEqual(
        expect.arrayContaining([
          "/home/me/My notes/trips/oslo.md",
          "https://rail.example.org/booking/8812",
          "me@example.org",
          "€412.50",
          "64 EUR",
        ]),
      );
    await page.getByTestId("closed-question").first().click();
    await page.getByTestId("open-question").getByText("Run a command").waitFor();
    await expect.poll(() => args.textContent()).toContain("pay.example.org/U+202Etxt.hs");
    expect(await page.getByTestId("open-question").textContent()).not.toMatch(/[\u202E\u200B]/);
    const time = page.getByTestId("time-left");
    await expect.poll(() => time.getAttribute("aria-live")).toBe("off");
    await expect.poll(() => time.textContent()).toMatch(/^Denied by itself in 4 min/);
    await expect.poll(() => page.title()).toBe("A question – Drawbridge");
  });
});

test("the home page tells of questions and leads to them", async () => {
  await withPanel({ play: "scene=questions" }, async (page) => {
    await page.getByText("4 questions wait for your answer").waitFor();
    await page.getByTestId("show-questions").click();
    await expect.poll(() => withFake(page, (fake) => fake.questionsShown)).toBe(1);
    await withFake(page, (fake) => fake.withdraw([11, 12, 13, 14]));
    await page.getByTestId("questions-wait").waitFor({ state: "detached" });
  });
});

test("about a tool that asks every time no answer is remembered", () =>
  withPanel(
    { page: "question.html", play: "scene=full", width: 520, height: 640 },
    async (page) => {
      await page.getByTestId("nothing-waits").waitFor();
      await withFake(page, (fake) => fake.ask({ everyTime: true }));
      await readyToAnswer(page);
      await page.getByText("no answer is remembered").waitFor();
      expect(await page.getByTestId("answer-allowForSession").count()).toBe(0);
      expect(await page.getByTestId("answer-alwaysAllow").count()).toBe(0);
      const before = await remembered(page);
      for (const key of ["s", "w"]) await page.keyboard.press(key);
      await page.waitForTimeout(200);
      await expect.poll(() => waiting(page)).toHaveLength(1);
      await page.keyboard.press("o");
      await expect.poll(() => waiting(page)).toEqual([]);
      await expect.poll(() => remembered(page)).toEqual(before);
    },
  ));

test("a tool can be set to ask every time, and back", () =>
  withPanel({ play: "scene=full", hash: "#/tools" }, async (page) => {
    const row = page.getByTestId("tool-files-write_file");
    await row.getByTestId("mode-ask").click();
    await row.locator("button[aria-expanded]").click();
    const box = row.getByTestId("every-time");
    await box.check();
    await expect.poll(() => modeOfWriteFile(page)).toBe("ask-every-time");
    await expect.poll(() => row.getByTestId("mode-ask").getAttribute("aria-pressed")).toBe("true");
    await box.uncheck();
    await expect.poll(() => modeOfWriteFile(page)).toBe("ask");
    await row.getByTestId("mode-allow").click();
    await box.waitFor({ state: "detached" });
  }));

describe("allowed answers", () => {
  const ids = (page: Page) =>
    withFake(page, (fake) => fake.snapshot.allowedAnswers.map(({ id }) => id));
  const open = (use: (page: Page) => Promise<void>, play = "scene=answers") =>
    withPanel({ play, hash: "#/settings/answers" }, use);

  test("are found from the tools and from the settings", async () => {
    await withPanel({ hash: "#/tools" }, async (page) => {
      await page.getByTestId("to-answers").click();
      await page.getByRole("heading", { level: 1, name: "Allowed answers" }).waitFor();
      await page.getByText("No answer is remembered").waitFor();
      await expect
        .poll(() => page.getByTestId("nav-settings").getAttribute("aria-current"))
        .toBe("page");
      await page.getByTestId("nav-settings").click();
      await page.getByTestId("to-answers").click();
      await page.getByText("No answer is remembered").waitFor();
    });
  });

  test("one is taken back, and the keyboard goes on from the title", () =>
    open(async (page) => {
      await page.getByTestId("take-back-2").click();
      await expect.poll(() => ids(page)).toEqual([1, 3, 4, 5]);
      await page.getByTestId("answer-2").waitFor({ state: "detached" });
      await page.getByText("1 answer was taken back.").waitFor();
      await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    }));

  test("those selected are taken back", () =>
    open(async (page) => {
      await expect.poll(() => page.getByTestId("take-back-selected").isDisabled()).toBe(true);
      await page.getByRole("checkbox", { name: "Select git_commit of git" }).check();
      await page.getByRole("checkbox", { name: "Select forecast of weather" }).check();
      await page.getByRole("checkbox", { name: "Select edit_file of files" }).check();
      await page.getByRole("checkbox", { name: "Select edit_file of files" }).uncheck();
      await page.getByTestId("take-back-selected").click();
      await expect.poll(() => ids(page)).toEqual([1, 2, 5]);
    }));

  test("all of one app are taken back", () =>
    open(async (page) => {
      await page.getByTestId("take-back-app-vscode").click();
      await expect.poll(() => ids(page)).toEqual([4, 5]);
    }));

  test("all are taken back after one question", () =>
    open(async (page) => {
      await page.getByTestId("take-back-all").click();
      await page.getByRole("alertdialog").waitFor();
      await expect.poll(() => ids(page)).toHaveLength(5);
      await page.getByTestId("question-do").click();
      await page.getByText("No answer is remembered").waitFor();
      await expect.poll(() => ids(page)).toEqual([]);
    }));

  test("one that is not taken back stays, and says why", () =>
    open(async (page) => {
      await page.getByTestId("take-back-2").click();
      await page
        .getByTestId("notice-trouble")
        .filter({ hasText: "The answer was not taken back." })
        .waitFor();
      await page.getByTestId("answer-2").waitFor();
    }, "scene=answers&fail=take_back_answers"));
});
