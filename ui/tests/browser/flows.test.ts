import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  snapshot: {
    paused: object | null;
    servers: {
      name: string;
      enabled: boolean;
      preset: string;
      tools: { name: string; mode: string }[];
    }[];
  };
  call(client: string, server: string, tool: string): void;
  say(server: string, text: string): void;
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<T> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<T>;

const modeOf = (page: Page, tool: string, mode: string) =>
  page.getByTestId(`tool-${tool}`).getByTestId(`mode-${mode}`);

const SNIPPET = `{ "mcpServers": {
  "notes": { "command": "npx", "args": ["-y", "@scope/notes-mcp", "/home/me/My notes"], "env": { "KEY": "hush" } },
  "wiki": { "url": "https://wiki.example.org/mcp", "headers": { "Authorization": "Bearer hush" } }
} }`;

test("a tool is switched, and the next call follows the switch", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await modeOf(page, "files-read_file", "off").click();
    await expect
      .poll(() => modeOf(page, "files-read_file", "off").getAttribute("aria-pressed"))
      .toBe("true");
    await page.waitForFunction(() => document.body.textContent?.includes("3 of 8 tools allowed"));
    await expect
      .poll(() =>
        withFake(page, (fake) => {
          const files = fake.snapshot.servers.find(({ name }) => name === "files");
          return files?.tools.find(({ name }) => name === "read_file")?.mode;
        }),
      )
      .toBe("off");
    await withFake(page, (fake) => fake.call("vscode", "files", "read_file"));
    await page.getByTestId("nav-activity").click();
    await page.getByText("read_file of files is off").first().waitFor();
  });
});

test("a switch that fails goes back and says why", async () => {
  await withPanel({ play: "fail=set_tool_mode&delay=400", hash: "#/tools" }, async (page) => {
    await modeOf(page, "files-read_file", "off").click();
    await expect
      .poll(() => modeOf(page, "files-read_file", "off").getAttribute("aria-pressed"))
      .toBe("true");
    const alert = page.getByRole("alert").getByTestId("notice-trouble");
    await alert.waitFor();
    await expect.poll(() => alert.textContent()).toContain("read_file was not set to Off.");
    await expect
      .poll(() => modeOf(page, "files-read_file", "allow").getAttribute("aria-pressed"))
      .toBe("true");
  });
});

test("every action that fails says so", async () => {
  await withPanel({ play: "fail=all", hash: "#/tools" }, async (page) => {
    const troubles = page.getByTestId("notice-trouble");
    await page.getByTestId("switch-files").click();
    await troubles.filter({ hasText: "files was not switched off." }).waitFor();
    await page.getByRole("button", { name: "More for git" }).click();
    await page.getByRole("menuitem", { name: "Restart" }).click();
    await troubles.filter({ hasText: "git was not restarted." }).waitFor();
    await page.getByRole("button", { name: "More for git" }).click();
    await page.getByTestId("remove-server").click();
    await troubles.filter({ hasText: "git was not removed." }).waitFor();
    await page.getByTestId("nav-home").click();
    await page.getByTestId("pause").click();
    await troubles.filter({ hasText: "All tools are not paused." }).waitFor();
    await page.getByTestId("copy-vscode-setup").click();
    await page.getByTestId("problem").first().waitFor();
  });
});

test("a pause is seen on every page and can be lifted there", async () => {
  await withPanel({}, async (page) => {
    await page.getByTestId("pause").click();
    await page.getByRole("heading", { name: "All tools are paused" }).waitFor();
    await page.getByTestId("nav-tools").click();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor({ state: "detached" });
    await expect.poll(() => withFake(page, (fake) => fake.snapshot.paused)).toBe(null);
  });
});

test("a pasted server is added only after its exact command was shown", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await page.getByTestId("add-server").click();
    await page.getByTestId("snippet").fill(SNIPPET);
    await page.getByTestId("read-snippet").click();
    await page.getByTestId("found").getByRole("button", { name: "Look at it notes" }).click();
    await page.getByTestId("review").waitFor();
    const words = page.getByTestId("argv").getByRole("listitem").locator("code");
    await expect
      .poll(() => words.allTextContents())
      .toEqual(["npx", "-y", "@scope/notes-mcp", "/home/me/My notes"]);
    const review = await page.getByTestId("review").textContent();
    expect(review).toContain("This runs a program on this computer with your rights.");
    expect(review).toContain("KEY");
    expect(review, "values are not shown").not.toContain("hush");
    await expect
      .poll(() => page.getByTestId("choice-keepOff").getAttribute("aria-checked"))
      .toBe("true");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("data-testid")))
      .toBe("choice-keepOff");
    await expect
      .poll(() =>
        withFake(page, (fake) => fake.snapshot.servers.some(({ name }) => name === "notes")),
      )
      .toBe(false);
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("found").getByText("Added").waitFor();
    await page.getByTestId("found").getByRole("button", { name: "Look at it wiki" }).click();
    await page.getByTestId("choice-letRun").click();
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("add-dialog").waitFor({ state: "detached" });
    const presets = await withFake(page, (fake) =>
      fake.snapshot.servers.slice(-2).map(({ name, preset }) => `${name} ${preset}`),
    );
    expect(presets).toEqual(["notes off", "wiki allow"]);
    await page.getByTestId("tool-search").fill("notes");
    await page.getByTestId("state-notes").getByText("Running").waitFor();
  });
});

test("cancelling adds nothing, and a wrong text is marked", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await page.getByTestId("add-server").click();
    await page.getByTestId("snippet").fill("npx something");
    await page.getByTestId("read-snippet").click();
    await page.getByText("This could not be read as JSON").waitFor();
    await expect.poll(() => page.getByTestId("snippet").getAttribute("aria-invalid")).toBe("true");
    await page.getByTestId("snippet").fill('{ "command": "npx", "args": [] }');
    await page.getByTestId("read-snippet").click();
    await page.getByTestId("review-draft").click();
    await page.getByText("Give the server a name.").waitFor();
    await page.getByTestId("server-name").fill("files");
    await page.getByTestId("review-draft").click();
    await page.getByText("There is a server named “files” already").waitFor();
    await expect.poll(() => page.getByTestId("confirm-add").isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await page.getByTestId("add-dialog").waitFor({ state: "detached" });
    await expect.poll(() => withFake(page, (fake) => fake.snapshot.servers.length)).toBe(4);
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("data-testid")), {
        message: "the focus is back",
      })
      .toBe("add-server");
  });
});

test("a server is edited by way of what it will start", async () => {
  await withPanel({ hash: "#/tools/git/settings" }, async (page) => {
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Argument 3" }).fill("/home/me/other recipes");
    await page.getByTestId("review-edit").click();
    await page.getByTestId("argv").getByText("/home/me/other recipes").waitFor();
    await page.getByTestId("confirm-edit").click();
    await page.getByTestId("edit-dialog").waitFor({ state: "detached" });
    await page.getByText("/home/me/other recipes").waitFor();
  });
});

test("a removed server comes back by Undo, which has the focus", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await page.getByRole("button", { name: "More for git" }).click();
    await page.getByTestId("remove-server").click();
    await page.getByTestId("server-git").waitFor({ state: "detached" });
    await page.waitForFunction(
      () => document.activeElement?.getAttribute("data-testid") === "undo",
    );
    await page.keyboard.press("Enter");
    await page.getByTestId("server-git").waitFor();
  });
});

test("all tools of a server are set at once and put back by Undo", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await page.getByRole("button", { name: "More for files" }).click();
    await page.getByTestId("all-off").click();
    await page.getByTestId("server-files").getByText("0 of 8 tools allowed").waitFor();
    await page.getByTestId("undo").click();
    await page.getByTestId("server-files").getByText("4 of 8 tools allowed").waitFor();
    await expect
      .poll(() => modeOf(page, "files-move_file", "off").getAttribute("aria-pressed"))
      .toBe("true");
  });
});

test("the setup is written after its difference was shown, again when the file changed, and undone", async () => {
  await withPanel({ play: "changed=1", hash: "#/settings" }, async (page) => {
    await page.getByTestId("export-folder").click();
    await page.getByTestId("diff").getByText('"drawbridge": {').waitFor();
    await page.getByTestId("write-file").click();
    await page.getByText("The file was changed by another program").waitFor();
    await page.getByTestId("write-file").click();
    await page.getByText("VS Code finds the setup here").waitFor();
    await page.getByTestId("undo-write").click();
    await page.getByText("What was there before is back").waitFor();
  });
});

test("the token never stands in the page", async () => {
  await withPanel({ hash: "#/settings" }, async (page) => {
    await page.getByTestId("choice-inline").click();
    await page.getByTestId("export-show").click();
    await page.getByTestId("export-text").getByText("db_••••••••").waitFor();
    expect(await page.content()).not.toMatch(/db_[A-Za-z0-9_-]{20,}/);
  });
});

test("what can be pressed in the settings keeps its place while the rest is read", async () => {
  await withPanel({ play: "delay=2000", hash: "#/settings/record" }, async (page) => {
    const places = () =>
      page.evaluate(() =>
        ["export-show", "keep-days", "check-record", "delete-activity", "start-at-login"].map(
          (id) => document.querySelector(`[data-testid="${id}"]`)?.getBoundingClientRect().top,
        ),
      );
    await page.getByText("Reading how large the record is.").waitFor();
    expect(await page.getByTestId("record-folder").count(), "it is still read").toBe(0);
    const before = await places();
    expect(before).not.toContain(undefined);
    await page.getByTestId("record-folder").waitFor();
    await page.getByLabel("Reading the secrets").waitFor({ state: "detached" });
    expect(await places()).toEqual(before);
  });
});

test("a busy port can be tried again or moved away from", async () => {
  await withPanel({ play: "scene=port-in-use" }, async (page) => {
    await page.getByTestId("retry-port").click();
    await page.getByText("Port 7337 is still taken").waitFor();
    await page.getByTestId("move-port").click();
    await page.getByTestId("port").fill("80");
    await page.getByText("A port is a number from 1024 to 65535.").waitFor();
    await page.getByTestId("port").fill("7444");
    await page.getByTestId("use-port").click();
    await page.getByRole("heading", { name: "The bridge is open" }).waitFor();
    await expect
      .poll(() => page.getByTestId("address").textContent())
      .toBe("http://127.0.0.1:7444/mcp");
  });
});

test("three clicks at most lead from the first start to the first app", async () => {
  await withPanel({ play: "scene=first-start" }, async (page) => {
    await page.getByTestId("add-to-vscode").click();
    await page.getByText("It asks for a token once.").waitFor();
    await page.getByTestId("copy-token").click();
    await page.getByText("The token is on the clipboard.").waitFor();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/^db_/);
  });
});

test("an app is removed only after a question whose focus is on Cancel", async () => {
  await withPanel({ hash: "#/settings" }, async (page) => {
    await page.getByTestId("remove-app-chat").click();
    await page.getByRole("alertdialog").waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "Cancel");
    await page.getByTestId("question-do").click();
    await page.getByTestId("remove-app-chat").waitFor({ state: "detached" });
  });
});

test("activity grows at the top, waits while one reads below, and opens by its address", async () => {
  await withPanel({ play: "scene=many", hash: "#/activity" }, async (page) => {
    const rows = page.getByTestId("activity-row");
    await rows.first().waitFor();
    await withFake(page, (fake) => fake.call("chat", "computer", "time"));
    await rows.first().filter({ hasText: "chat used time of computer" }).waitFor();
    await rows.first().filter({ hasText: "Done" }).waitFor();
    await page.waitForFunction(() => {
      const list = document.querySelector('[data-testid="activity-list"]');
      list?.scrollBy(0, 3000);
      return (list?.scrollTop ?? 0) > 20_000;
    });
    await expect.poll(() => rows.count()).toBeLessThanOrEqual(100);
    await withFake(page, (fake) => fake.call("chat", "computer", "time"));
    await page.getByTestId("show-held").click();
    await page.waitForFunction(
      () => document.querySelector('[data-testid="activity-list"]')?.scrollTop === 0,
    );
    await rows.filter({ hasText: "VS Code used git_status" }).first().click();
    await page.getByTestId("activity-detail").getByText("What was asked").waitFor();
    await page.reload();
    await page.getByTestId("activity-detail").getByText("What was asked").waitFor();
  });
});

test("a thousand tools keep at most a hundred rows mounted, are searched, and scroll without a long task", async () => {
  await withPanel({ play: "scene=many", hash: "#/tools" }, async (page) => {
    await page.getByTestId("fold-all").click();
    await page.getByTestId("tool-service-01-get_invoice").waitFor();
    const most = await page.evaluate(async () => {
      const longTasks: number[] = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) longTasks.push(entry.duration);
      }).observe({ type: "longtask" });
      const main = document.getElementById("main");
      let mounted = 0;
      for (let turn = 0; turn < 60; turn += 1) {
        main?.scrollBy(0, 700);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const rows = document.querySelectorAll('[role="listitem"]').length;
        mounted = Math.max(mounted, rows);
      }
      return { mounted, longTasks, top: main?.scrollTop ?? 0 };
    });
    console.info(
      `${most.mounted} rows at most; tasks over 50 ms: ${most.longTasks.join(", ") || "none"}`,
    );
    expect(most.top).toBeGreaterThan(30_000);
    expect(most.mounted).toBeGreaterThan(5);
    expect(most.mounted).toBeLessThanOrEqual(100);
    await page.getByTestId("tool-search").fill("delete photo service-07");
    await page.getByText("0 of 1,000 tools").waitFor();
    await page.getByTestId("tool-search").fill("delete invoice service-07");
    await page.getByText("1 of 1,000 tools").waitFor();
    await page.getByTestId("tool-service-07-delete_invoice").waitFor();
  });
});

test("the log follows, and stops following when one scrolls up", async () => {
  await withPanel({ play: "scene=many", hash: "#/tools/service-01/log" }, async (page) => {
    const log = page.getByTestId("log");
    await log.waitFor();
    await withFake(page, (fake) => fake.say("service-01", "the newest line"));
    await log.getByText("the newest line").waitFor();
    await expect.poll(() => log.locator("[data-index]").count()).toBeLessThanOrEqual(100);
    await log.hover();
    await page.mouse.wheel(0, -2000);
    await page.waitForFunction(
      () =>
        document.querySelector('[data-testid="follow"]')?.getAttribute("aria-checked") === "false",
    );
  });
});

test("everything can be done with the keyboard alone", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    const focused = () =>
      page.evaluate(
        () =>
          document.activeElement?.getAttribute("aria-label") ??
          document.activeElement?.getAttribute("data-testid") ??
          document.activeElement?.textContent,
      );
    const tabTo = async (name: string) => {
      for (let turn = 0; turn < 80; turn += 1) {
        if ((await focused()) === name) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`no way to ${name} by Tab`);
    };
    await page.getByTestId("switch-computer").waitFor();
    await tabTo("computer is on");
    await page.keyboard.press("Space");
    await page.waitForFunction(
      () =>
        document.querySelector('[data-testid="switch-computer"]')?.getAttribute("aria-checked") ===
        "false",
    );
    // Into the three modes by one Tab, inside them by arrows; only Space chooses.
    await tabTo("mode-off");
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => focused()).toBe("mode-ask");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-pressed")))
      .toBe("false");
    await page.keyboard.press("Space");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-pressed")))
      .toBe("true");
    // The menu by arrows; Escape gives the focus back.
    await tabTo("More for files");
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "detached" });
    await expect.poll(() => focused()).toBe("More for files");
    // A page opened by Enter takes the focus to its title.
    await page.getByRole("link", { name: "files" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "files" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "files");
    await page.getByTestId("tab-state").waitFor();
    await tabTo("tab-state");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByTestId("log").waitFor();
  });
});

test("without a tray the window can end Drawbridge, after one question", async () => {
  await withPanel({ play: "scene=no-tray", hash: "#/settings" }, async (page) => {
    await page.getByTestId("quit").click();
    await page.getByTestId("question-do").click();
    await page.getByTestId("bridge-state").getByText("Quitting").waitFor();
  });
  await withPanel({ hash: "#/settings" }, async (page) => {
    await page.getByText("Version 0.1.0").waitFor();
    expect(await page.getByTestId("quit").count()).toBe(0);
  });
});

test("a panel that cannot reach the engine says so and tries again", async () => {
  await withPanel({ play: "scene=broken" }, async (page) => {
    await page.getByRole("heading", { name: "The panel cannot reach Drawbridge" }).waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "The panel cannot reach Drawbridge" }).waitFor();
  });
});

test("what tools without a mode get is chosen, and what only reads is confirmed first", async () => {
  await withPanel({ hash: "#/tools/files/settings" }, async (page) => {
    const files = () =>
      page.evaluate(() => {
        const { snapshot } = (globalThis as unknown as { drawbridgeFake: Fake }).drawbridgeFake;
        return snapshot.servers.find(({ name }) => name === "files");
      });
    await page.getByTestId("choice-allow").click();
    await expect.poll(async () => (await files())?.preset).toBe("allow");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await files())?.preset).toBe("ask");

    // Two tools that read and have no mode of their own.
    await page.evaluate(() => {
      type Tool = { name: string; mode: string; modeSource: string };
      const fake = (globalThis as unknown as { drawbridgeFake: unknown }).drawbridgeFake as {
        snapshot: { servers: { name: string; tools: Tool[] }[] };
        changeServer(name: string, change: { tools: Tool[] }): void;
      };
      const tools = fake.snapshot.servers.find(({ name }) => name === "files")?.tools ?? [];
      fake.changeServer("files", {
        tools: tools.map((tool) =>
          ["read_file", "list_folder"].includes(tool.name)
            ? { ...tool, mode: "ask", modeSource: "preset" }
            : tool,
        ),
      });
    });
    await page.getByTestId("choice-read").click();
    await page.getByTestId("confirm-reading").getByText("It may be wrong").waitFor();
    expect((await files())?.preset, "nothing is changed before it is confirmed").toBe("ask");
    await page.getByTestId("reads-list_folder").uncheck();
    await page.getByTestId("let-read").click();
    await expect.poll(async () => (await files())?.preset).toBe("read");
    await page.getByText("1 tool of files may run, the rest asks.").waitFor();
    await page.getByTestId("nav-tools").click();
    await expect
      .poll(() => modeOf(page, "files-read_file", "allow").getAttribute("aria-pressed"))
      .toBe("true");
    await expect
      .poll(() => modeOf(page, "files-list_folder", "ask").getAttribute("aria-pressed"))
      .toBe("true");
  });
});
