import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  downloadsOpened: number;
  snapshot: {
    ollama: { settings: { contextLength: number | null; cacheType: string | null; port: number } };
  };
  ollama: { watched: boolean; say(text: string): void };
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<T> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<T>;

const settings = (page: Page) => withFake(page, (fake) => fake.snapshot.ollama.settings);
const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("data-testid"));

const STATES: [play: string, word: string, action: string | undefined][] = [
  ["off", "Off", "ollama-use"],
  ["looking", "Looking", undefined],
  ["not-installed", "Not installed", "ollama-get"],
  ["stopped", "Stopped", "ollama-start"],
  ["starting", "Starting", undefined],
  ["ready", "Running", undefined],
  ["service", "Running", undefined],
  ["app", "Running", undefined],
  ["waiting", "Trying again", "ollama-tryNow"],
  ["stopping", "Stopping", undefined],
  ["failed", "Failed", "ollama-start"],
  ["offline", "Not there", "ollama-look"],
  ["port-taken", "Port taken", "ollama-port"],
  ["not-responding", "Not responding", "ollama-restart"],
  ["restart", "Running", "ollama-restart"],
];

test.each(STATES)("Ollama that is %s says “%s” and what to do", async (play, word, action) => {
  await withPanel({ play: `ollama=${play}`, hash: "#/models" }, async (page) => {
    const card = page.getByTestId("ollama");
    await page.getByTestId("ollama-state").getByText(word, { exact: true }).waitFor();
    const first = card
      .locator('button[data-testid^="ollama-"]:not([data-testid="ollama-menu"])')
      .first();
    if (action === undefined) expect(await first.count()).toBe(0);
    else await expect.poll(() => first.getAttribute("data-testid")).toBe(action);
    const words = (await card.textContent()) ?? "";
    if (play === "service") expect(words).toContain("Run by the system's service");
    if (play === "app") expect(words).toContain("Run by the Ollama app");
    if (play === "ready") expect(words).toContain("Runs with Drawbridge. Version 0.31.2.");
  });
});

test("Ollama is got, looked for, stopped and started", async () => {
  await withPanel({ play: "ollama=not-installed", hash: "#/models" }, async (page) => {
    const state = page.getByTestId("ollama-state");
    await page.getByTestId("ollama-get").click();
    await expect.poll(() => withFake(page, (fake) => fake.downloadsOpened)).toBe(1);
    const look = page.getByTestId("ollama-look");
    await look.click();
    await expect
      .poll(() => look.getAttribute("aria-busy"), { message: "something happens" })
      .toBe("true");
    await state.getByText("Running").waitFor();
    await page.getByTestId("ollama-menu").click();
    await page.getByTestId("menu-stop").click();
    await page.getByTestId("ollama-start").click();
    await state.getByText("Running").waitFor();
  });
  await withPanel({ play: "ollama=port-taken", hash: "#/models" }, async (page) => {
    await page.getByTestId("ollama-problem").getByText("node (process 4711)").waitFor();
    await page.getByTestId("ollama-port").click();
    const field = page.getByTestId("ollama-port-field");
    await expect.poll(() => focused(page)).toBe("ollama-port-field");
    await expect.poll(() => field.inputValue()).toBe("11435");
    await field.fill("80");
    await page.getByText("A port is a number from 1024 to 65535.").waitFor();
    await field.fill("11500");
    await page.keyboard.press("Enter");
    await page.getByTestId("ollama-state").getByText("Running").waitFor();
    await expect.poll(async () => (await settings(page)).port).toBe(11_500);
  });
});

test("what fails about Ollama is said", async () => {
  await withPanel({ play: "ollama=stopped&fail=start_ollama", hash: "#/models" }, async (page) => {
    await page.getByTestId("ollama-start").click();
    await page.getByRole("alert").getByText("Ollama was not started.").waitFor();
  });
});

test("a download begins, is paused, goes on where it was, and is done", async () => {
  await withPanel({ hash: "#/models/catalog" }, async (page) => {
    const row = page.getByTestId("pull-qwen3:4b");
    const bar = page.getByRole("progressbar", { name: "Download of qwen3:4b" });
    await page.getByTestId("download-qwen3:4b").click();
    await row.getByText(/GB of 2.4 GB, 38 MB a second, about/).waitFor();
    await page.getByTestId("catalog-qwen3:4b").getByText("Downloading").waitFor();
    await page.getByTestId("pause-qwen3:4b").click();
    await row.getByText(/^Paused, /).waitFor();
    await expect.poll(() => focused(page), { message: "the same button" }).toBe("resume-qwen3:4b");
    const at = Number(await bar.getAttribute("aria-valuenow"));
    expect(at).toBeGreaterThan(0);
    // It is there on the other page and after having been elsewhere.
    await page.getByTestId("nav-home").click();
    await page.getByTestId("nav-models").click();
    await expect.poll(async () => Number(await bar.getAttribute("aria-valuenow"))).toBe(at);
    await page.getByTestId("resume-qwen3:4b").click();
    await row.getByText("Downloaded").waitFor();
    const said = page.getByTestId("pull-words");
    await said.getByText("qwen3:4b is downloaded.").waitFor({ state: "attached" });
    await page.getByTestId("model-qwen3:4b").waitFor();
    await page.getByTestId("put-away-qwen3:4b").click();
    await row.waitFor({ state: "detached" });
  });
});

test("a download that broke off is tried again, one that ends elsewhere is told", async () => {
  await withPanel({ play: "pulls=breaks", hash: "#/models/catalog" }, async (page) => {
    const row = page.getByTestId("pull-qwen3:4b");
    await page.getByTestId("download-qwen3:4b").click();
    await row.getByText("The connection broke off.").waitFor();
    await row.getByRole("button", { name: "Try again" }).click();
    await page.getByTestId("nav-home").click();
    await page.getByText("qwen3:4b is downloaded.").waitFor();
  });
  await withPanel({ play: "pulls=some", hash: "#/models" }, async (page) => {
    await page.getByTestId("cancel-qwen3:4b").click();
    await page.getByTestId("pull-qwen3:4b").waitFor({ state: "detached" });
  });
});

test("a model is downloaded by its name, once the name can be one", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByTestId("by-name").click();
    const name = page.getByTestId("model-name");
    await page.getByTestId("download-name").click();
    await page.getByText("Write the name of a model").waitFor();
    await name.fill("nowhere");
    await page.getByTestId("download-name").click();
    await page.getByTestId("by-name-dialog").getByText("There is no model “nowhere”.").waitFor();
    await name.fill("ollama pull phi4-mini");
    await page.keyboard.press("Enter");
    await page.getByTestId("by-name-dialog").waitFor({ state: "detached" });
    await page.getByTestId("pull-phi4-mini").waitFor();
    await page.getByTestId("model-phi4-mini").waitFor();
  });
});

test("a model is deleted after one question that says what comes free", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByRole("button", { name: "More for gemma3:12b" }).click();
    await page.getByTestId("delete-model").click();
    await page.getByRole("alertdialog").getByText("Up to 6.8 GB on the disk come free").waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "Cancel");
    await expect.poll(() => page.getByTestId("model-gemma3:12b").count()).toBe(1);
    await page.getByTestId("question-do").click();
    await page.getByTestId("model-gemma3:12b").waitFor({ state: "detached" });
    await page.getByText("gemma3:12b was deleted.").waitFor();
  });
});

test("a model is loaded and measured, taken out, and loading is broken off", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByTestId("loaded-qwen3:8b").getByText("on the graphics card").waitFor();
    await page.getByTestId("unload-qwen3:8b").click();
    await page.getByTestId("loaded-qwen3:8b").waitFor({ state: "detached" });
    const gemma = page.getByTestId("model-gemma3:12b");
    await gemma.getByText("Runs fully on your graphics card.").waitFor();
    await page.getByTestId("load-gemma3:12b").click();
    await page.getByTestId("cancel-load-gemma3:12b").click();
    await page.getByTestId("load-gemma3:12b").waitFor();
    expect(await page.getByTestId("notice-trouble").count(), "it was asked for").toBe(0);
    await page.getByTestId("load-gemma3:12b").click();
    await page.getByText(/gemma3:12b is in memory. It takes .* GB, as measured./).waitFor();
    await gemma.getByText("Measured on this computer.").waitFor();
    await page.getByTestId("load-llama3.3:70b").click();
    await page.getByRole("alert").getByText("there is not enough memory for it").waitFor();
  });
});

test("each action that would help does what it says", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    const gemma = page.getByTestId("model-gemma3:12b");
    await gemma.getByTestId("fit-closeOthers").click();
    await page.getByTestId("computer").getByText("Firefox: 0.6 GB").waitFor();
    await page.getByTestId("tab-installed").click();
    const large = page.getByTestId("model-qwen3:14b");
    await large.scrollIntoViewIfNeeded();
    await large.getByTestId("fit-shortenContext").click();
    await page.getByRole("alertdialog").getByText("It counts for all models").waitFor();
    await expect.poll(async () => (await settings(page)).contextLength).toBe(16_384);
    await page.getByTestId("question-do").click();
    await page.getByText("It counts once Ollama is restarted.").waitFor();
    await expect.poll(async () => (await settings(page)).contextLength).toBe(4_096);
    await page.getByTestId("restart-needed").waitFor();
    await page.getByRole("button", { name: "Restart Ollama" }).last().click();
    await page.getByTestId("restart-needed").waitFor({ state: "detached" });
    await page.getByTestId("ollama-state").getByText("Running").waitFor();
  });
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByTestId("model-gemma3:12b").getByTestId("fit-unload").click();
    await page.getByTestId("loaded-qwen3:8b").waitFor({ state: "detached" });
    await page.getByTestId("model-deepseek-r1:32b").getByTestId("fit-smallerModel").click();
    const led = page.getByTestId("catalog-qwen3:4b");
    await led.waitFor();
    await expect.poll(() => focused(page)).toBe("catalog-qwen3:4b");
    await expect.poll(() => led.getAttribute("data-current")).toBe("true");
  });
});

test("another limit is tried without anything being set", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByTestId("details-gemma3:12b").click();
    const tried = page.getByTestId("tried");
    await tried.getByText("Needs about 10.1 GB").waitFor();
    await page.getByTestId("try-context").selectOption("131072");
    await tried.getByText("Runs, but slower").waitFor();
    await page.getByTestId("try-context").selectOption("65536");
    await page.getByTestId("try-cache").selectOption("q8_0");
    await tried.getByText(/Needs about 12\.\d GB/).waitFor();
    await expect
      .poll(() => settings(page))
      .toMatchObject({ contextLength: 16_384, cacheType: null });
  });
});

test("the model apps are offered first is chosen, and put back by Undo", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    const gemma = page.getByTestId("model-gemma3:12b");
    await page.getByRole("button", { name: "More for gemma3:12b" }).click();
    await page.getByTestId("make-default").click();
    await gemma.getByText("Default").waitFor();
    await page.getByTestId("undo").click();
    await gemma.getByText("Default").waitFor({ state: "detached" });
  });
});

test("the catalog is searched and narrowed, and stays in order while memory comes and goes", async () => {
  await withPanel({ hash: "#/models/catalog" }, async (page) => {
    const names = () => page.locator('[data-testid^="catalog-"] h2').allTextContents();
    await page.getByTestId("catalog-qwen3:8b").waitFor();
    const before = await names();
    expect(before[0]).toBe("Qwen 3, 8 B");
    expect(before.slice(-2)).toEqual(["Llama 3.3, 70 B", "Nomic Embed Text"]);
    await page.getByTestId("ollama-menu").click();
    await page.getByTestId("menu-unload-all").click();
    await page.getByText("1 model was taken out of memory.").waitFor();
    await expect.poll(() => names()).toEqual(before);
    await page.getByTestId("catalog-fitting").click();
    await page.getByText(/^\d of 10 models$/).waitFor();
    expect(await names()).not.toContain("Llama 3.3, 70 B");
    await page.getByTestId("catalog-search").fill("code");
    await page.getByText("1 of 10 models").waitFor();
    await expect.poll(() => names()).toEqual(["Qwen 2.5 Coder, 7 B"]);
  });
});

test("one that the person was led to shows, and the search goes on being theirs", async () => {
  await withPanel({ hash: "#/models/catalog" }, async (page) => {
    const search = page.getByTestId("catalog-search");
    await search.fill("gpt");
    await page.getByText("1 of 10 models").waitFor();
    await page.getByTestId("tab-installed").click();
    await page.getByTestId("model-deepseek-r1:32b").getByTestId("fit-smallerModel").click();
    const led = page.getByTestId("catalog-qwen3:4b");
    await led.waitFor();
    await expect.poll(() => focused(page)).toBe("catalog-qwen3:4b");
    await expect.poll(() => search.inputValue(), { message: "it would hide it" }).toBe("");
    await search.fill("code");
    await page.getByText("1 of 10 models").waitFor();
    await expect.poll(() => focused(page), { message: "the same field" }).toBe("catalog-search");
    expect(page.url()).toMatch(/#\/models\/catalog$/);
    await search.fill("");
    await page.getByTestId("catalog-fitting").click();
    await page.getByText(/^\d of 10 models$/).waitFor();
  });
  await withPanel({ hash: "#/models/catalog/qwen3%3A4b" }, async (page) => {
    await page.getByTestId("catalog-fitting").click();
    await page.getByText(/^\d of 10 models$/).waitFor();
  });
});

test("what has no room on the disk says so, and can still be downloaded", async () => {
  await withPanel({ play: "computer=full", hash: "#/models/catalog" }, async (page) => {
    const room = page.getByTestId("room-gpt-oss:20b");
    await room.getByText("12.8 GB to download, 5.0 GB free.").waitFor();
    await page.getByTestId("download-gpt-oss:20b").waitFor();
    expect(await page.getByTestId("room-llama3.2:3b").count()).toBe(0);
  });
});

test("looking again that finds nothing says so", async () => {
  await withPanel({ play: "ollama=not-installed&found=no", hash: "#/models" }, async (page) => {
    await page.getByTestId("ollama-look").click();
    await page.getByText("Looked again: still not found.").waitFor();
    await expect.poll(() => focused(page), { message: "it stays" }).toBe("ollama-look");
  });
  await withPanel({ play: "ollama=app", hash: "#/models" }, async (page) => {
    await page.getByTestId("ollama-menu").click();
    await page.getByTestId("menu-look").click();
    await page.getByText("Looked again: Ollama runs as before.").waitFor();
  });
});

test("the computer is watched while it is looked at, and no longer", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    const watched = () => withFake(page, (fake) => fake.ollama.watched);
    await expect.poll(() => watched()).toBe(false);
    await page.getByTestId("tab-computer").click();
    await page.getByText(/\d+ % busy, 8 cores with 16 threads/).waitFor();
    await expect.poll(() => watched()).toBe(true);
    await page.getByTestId("tab-catalog").click();
    await expect.poll(watched).toBe(false);
    await page.getByTestId("tab-computer").click();
    await expect.poll(watched).toBe(true);
    await page.getByTestId("nav-home").click();
    await expect.poll(watched).toBe(false);
  });
});

test("the log of Ollama grows, and ends with its page", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    await page.getByTestId("ollama-menu").click();
    await page.getByTestId("menu-log").click();
    const log = page.getByTestId("log");
    await log.waitFor();
    await withFake(page, (fake) => fake.ollama.say("the newest line"));
    await log.getByText("the newest line").waitFor();
    await page.getByRole("link", { name: "Models", exact: true }).first().click();
    await page.getByTestId("tab-installed").waitFor();
  });
});

test("two hundred models keep few rows mounted, are searched, and scroll without a long task", async () => {
  await withPanel({ play: "models=many", hash: "#/models" }, async (page) => {
    await page.getByTestId("model-family-001:1b").waitFor();
    const most = await page.evaluate(async () => {
      const longTasks: number[] = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) longTasks.push(entry.duration);
      }).observe({ type: "longtask" });
      const main = document.getElementById("main");
      let mounted = 0;
      for (let turn = 0; turn < 40; turn += 1) {
        main?.scrollBy(0, 700);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await new Promise((resolve) => requestAnimationFrame(resolve));
        mounted = Math.max(mounted, document.querySelectorAll('[role="listitem"]').length);
      }
      return { mounted, longTasks, top: main?.scrollTop ?? 0 };
    });
    console.info(
      `${most.mounted} rows at most; tasks over 50 ms: ${most.longTasks.join(", ") || "none"}`,
    );
    expect(most.top).toBeGreaterThan(15_000);
    expect(most.mounted).toBeGreaterThan(5);
    expect(most.mounted).toBeLessThanOrEqual(40);
    await page.getByTestId("model-search").fill("family-123");
    await page.getByTestId("model-family-123:11b").waitFor();
    await expect.poll(() => page.getByRole("listitem").count()).toBeGreaterThanOrEqual(1);
  });
});

test("models can be used with the keyboard alone", async () => {
  await withPanel({ hash: "#/models" }, async (page) => {
    const tabTo = async (testId: string) => {
      await page.getByTestId(testId).waitFor();
      for (let turn = 0; turn < 80; turn += 1) {
        if ((await focused(page)) === testId) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`no way to ${testId} by Tab`);
    };
    await page.getByTestId("model-gemma3:12b").waitFor();
    await tabTo("tab-installed");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByTestId("catalog-search").waitFor();
    await tabTo("catalog-fitting");
    await page.keyboard.press("Space");
    await page.getByText(/^\d of 10 models$/).waitFor();
    await tabTo("download-qwen2.5-coder:7b");
    await page.keyboard.press("Enter");
    await page.getByTestId("pull-qwen2.5-coder:7b").waitFor();
    // The button is gone, and what took its place has the focus.
    await page.waitForFunction(() =>
      /Waiting|Downloading|Installed/.test(document.activeElement?.textContent ?? ""),
    );
    await page.goto(page.url().replace(/#.*/, "#/models"));
    await tabTo("details-gemma3:12b");
    await page.keyboard.press("Enter");
    await tabTo("try-context");
  });
});

test("the home page says what is in memory, and is quiet while Ollama is off", async () => {
  await withPanel({}, async (page) => {
    await page.getByTestId("home-ollama").getByText("qwen3:8b is in memory.").waitFor();
    await page.getByTestId("home-ollama").getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
  });
  await withPanel({ play: "ollama=off" }, async (page) => {
    expect(await page.getByTestId("home-ollama").count()).toBe(0);
  });
  await withPanel({ play: "scene=first-start&ollama=ready" }, async (page) => {
    expect(await page.getByTestId("home-ollama").count(), "first things first").toBe(0);
  });
});
