import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { BackendView } from "../../src/ipc/bindings/BackendView";
import type { OllamaSettings } from "../../src/ipc/bindings/OllamaSettings";
import { withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  snapshot: {
    ollama: { settings: OllamaSettings };
    backends: BackendView[];
    clients: { name: string; mayManageModels: boolean }[];
  };
  secrets: { store: Map<string, string> };
  change(next: { backends: BackendView[] }): void;
  failing: Set<string>;
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<T> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<T>;

const settings = (page: Page) => withFake(page, (fake) => fake.snapshot.ollama.settings);
const backends = (page: Page) => withFake(page, (fake) => fake.snapshot.backends);
const stored = (page: Page) => withFake(page, (fake) => [...fake.secrets.store]);

test("each setting of Ollama counts as it is made, and says when a restart is needed", async () => {
  await withPanel({ hash: "#/settings/ollama" }, async (page) => {
    const section = page.getByTestId("ollama-settings");
    await section.getByText("OLLAMA_KEEP_ALIVE").waitFor();
    await page.getByTestId("ollama-keepAlive").selectOption("30 minutes");
    await expect.poll(async () => (await settings(page)).keepAlive).toBe("30m");
    await page.getByTestId("settings-restart").waitFor();
    await page.getByTestId("ollama-keepAlive").selectOption("own");
    const own = page.getByTestId("ollama-keepAlive-own");
    await own.fill("soon");
    await page.getByText("A time is written like 45m or 8h.").waitFor();
    await expect.poll(() => page.getByTestId("ollama-keepAlive-use").isDisabled()).toBe(true);
    await own.fill("8h");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await settings(page)).keepAlive).toBe("8h");
    await page.getByTestId("ollama-contextLength").selectOption("32k");
    await page.getByTestId("choose-models-folder").click();
    await page.getByTestId("ollama-folder").getByText("/home/me/recipes").waitFor();
    await page.getByTestId("ollama-more").click();
    await page.getByTestId("ollama-gpu-GPU-5f0c2a7e").uncheck();
    await page.getByTestId("ollama-cacheType").selectOption("q8_0");
    await page.getByTestId("ollama-flashAttention").selectOption("Off");
    await page.getByText("Compressed conversations need quicker computing").waitFor();
    await page.getByTestId("ollama-cloud").click();
    await page.getByTestId("ollama-path").fill("/opt/ollama/ollama");
    await page.keyboard.press("Enter");
    await expect
      .poll(() => settings(page))
      .toMatchObject({
        contextLength: 32_768,
        modelsFolder: "/home/me/recipes",
        gpus: [],
        cacheType: "q8_0",
        flashAttention: false,
        cloud: true,
        path: "/opt/ollama/ollama",
      });
    await page.getByTestId("own-models-folder").click();
    await page.getByTestId("settings-restart-do").click();
    await page.getByTestId("settings-restart").waitFor({ state: "detached" });
    await page.getByTestId("ollama-enabled").click();
    await page.getByTestId("ollama-keepAlive").waitFor({ state: "detached" });
    await expect.poll(async () => (await settings(page)).modelsFolder).toBeNull();
  });
});

test("a setting that is not taken goes back and says why", async () => {
  await withPanel(
    { play: "fail=set_ollama&delay=300", hash: "#/settings/ollama" },
    async (page) => {
      const cloud = page.getByTestId("ollama-cloud");
      await cloud.click();
      await expect
        .poll(() => cloud.getAttribute("aria-checked"), { message: "a guess" })
        .toBe("true");
      await page.getByTestId("ollama-not-set").getByText("nothing was changed").waitFor();
      await expect.poll(() => cloud.getAttribute("aria-checked")).toBe("false");
    },
  );
  await withPanel({ play: "ollama=app", hash: "#/settings/ollama" }, async (page) => {
    await page.getByText("The Ollama app runs Ollama now").waitFor();
  });
});

test("the way to another program leads to its field, which says what is wrong", async () => {
  await withPanel({ play: "ollama=not-installed", hash: "#/models" }, async (page) => {
    await page.getByRole("link", { name: "It is somewhere else" }).click();
    const field = page.getByTestId("ollama-path");
    await page.waitForFunction(
      () => document.activeElement?.getAttribute("data-testid") === "ollama-path",
    );
    await page.waitForFunction(() => {
      const box = document.activeElement?.getBoundingClientRect();
      return box !== undefined && box.top > 0 && box.bottom < innerHeight;
    });
    expect(await page.getByTestId("ollama-gpu-GPU-5f0c2a7e").count(), "it alone").toBe(0);
    await field.fill("/nowhere/ollama");
    await page.keyboard.press("Enter");
    await page.getByText("No program that can be started was found there.").waitFor();
    await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
    await field.fill("/opt/ollama");
    await page.keyboard.press("Enter");
    await page.getByText("Found at /opt/ollama.").waitFor();
    await page.getByTestId("ollama-settings").getByText("Running").waitFor();
    await expect.poll(() => field.count(), { message: "it stays" }).toBe(1);
  });
  await withPanel({ play: "ollama=failed", hash: "#/models" }, async (page) => {
    await page.getByRole("link", { name: "Choose another program" }).waitFor();
  });
  await withPanel({ play: "ollama=failed&fail=set_ollama", hash: "#/settings" }, async (page) => {
    const field = page.getByTestId("ollama-path");
    await field.fill("/opt/ollama");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("nothing was changed").waitFor();
    await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByTestId("ollama-not-set").count(), "at the field alone").toBe(0);
  });
});

test("cards that Ollama cannot be told of are not ticked, and what fails is tried again", async () => {
  await withPanel({ hash: "#/settings/ollama" }, async (page) => {
    await page.getByTestId("ollama-more").click();
    await page.getByTestId("ollama-gpu-GPU-5f0c2a7e").waitFor();
    await page.getByTestId("gpu-by-itself-0000:00:02.0").getByText("by itself").waitFor();
    expect(await page.getByTestId("ollama-gpu-0000:00:02.0").count()).toBe(0);
    await page.getByText("CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, OLLAMA_VULKAN").waitFor();
    await page.getByTestId("ollama-gpu-GPU-5f0c2a7e").uncheck();
    await page.getByTestId("gpu-by-itself-0000:00:02.0").getByText("leaves it alone").waitFor();
  });
  await withPanel({ play: "fail=computer", hash: "#/settings/ollama" }, async (page) => {
    await page.getByTestId("ollama-more").click();
    const failed = page.getByTestId("gpus-not-read");
    await failed.waitFor();
    await withFake(page, (fake) => fake.failing.clear());
    await failed.getByRole("button", { name: "Try again" }).click();
    await page.getByTestId("ollama-gpu-GPU-5f0c2a7e").waitFor();
  });
});

test("a place that was not reached is asked again, and the note stays until it answers", async () => {
  await withPanel({ play: "backends=some", hash: "#/settings/backends" }, async (page) => {
    const attic = page.getByTestId("backend-attic");
    await attic.getByText("Checking").waitFor();
    await attic.getByText("Nothing answers at").waitFor();
    await attic.getByText("Not reached").waitFor();
    await expect
      .poll(() => page.getByTestId("backend-workshop").getByText("Answers").count())
      .toBe(1);
    await withFake(page, (fake) =>
      fake.change({
        backends: fake.snapshot.backends.map((each) => ({
          ...each,
          url: each.url.replace(".31:", ".32:"),
        })),
      }),
    );
    await page.getByTestId("ask-attic").click();
    await attic.getByText("Checking").waitFor();
    await expect
      .poll(() => attic.getByText("Nothing answers at").count(), { message: "nothing jumps" })
      .toBe(1);
    await attic.getByText("Answers", { exact: true }).waitFor();
    expect(await page.getByTestId("ask-attic").count()).toBe(0);
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent))
      .toBe("Answers");
  });
});

test("a place is checked before it is saved, and its key goes to the keyring", async () => {
  await withPanel({ hash: "#/settings/backends" }, async (page) => {
    await page.getByTestId("add-backend").click();
    await page.getByTestId("check-backend").click();
    await page.getByText("Give it a name").waitFor();
    await page.getByTestId("backend-name").fill("lab");
    await page.getByTestId("backend-kind").selectOption("openai");
    await page.getByTestId("backend-url").fill("lab");
    await page.getByText("An address begins with http:// or https://.").waitFor();
    await page.getByTestId("backend-url").fill("http://192.168.1.20:8000/");
    await page.getByTestId("backend-secret").selectOption("A new one");
    await page.getByTestId("backend-key").fill("hush");
    await page.getByTestId("check-backend").click();
    await page.getByTestId("check-models").getByText("2 models").waitFor();
    await page.getByText("leaves this computer.").last().waitFor();
    await page.getByText("The secret travels there in the open").waitFor();
    expect(await page.content()).not.toContain("hush");
    // What was checked is what is saved: a change asks for another check.
    await page.getByTestId("backend-name").fill("attic");
    expect(await page.getByTestId("save-backend").count()).toBe(0);
    await page.getByTestId("check-backend").click();
    await page.getByTestId("save-backend").click();
    await page.getByTestId("backend-attic").getByText("Answers").waitFor();
    await expect
      .poll(() => backends(page))
      .toMatchObject([
        { name: "attic", url: "http://192.168.1.20:8000", secret: "lab-key", kind: "openai" },
      ]);
    await expect.poll(() => stored(page)).toEqual([["lab-key", "hush"]]);
    await page.getByTestId("secrets").waitFor();
  });
});

test("a key is forgotten where nothing is saved, and what does not answer can be saved anyway", async () => {
  await withPanel({ hash: "#/settings/backends" }, async (page) => {
    await page.getByTestId("add-backend").click();
    await page.getByTestId("backend-name").fill("gone");
    await page.getByTestId("backend-url").fill("http://nowhere:8000");
    await page.getByTestId("backend-secret").selectOption("A new one");
    await page.getByTestId("backend-key").fill("hush");
    await page.getByTestId("check-backend").click();
    await page.getByTestId("check-problem").waitFor();
    await expect.poll(() => page.getByTestId("save-backend").textContent()).toBe("Save anyway");
    await expect.poll(() => stored(page)).toEqual([["gone-key", "hush"]]);
    await page.keyboard.press("Escape");
    await expect.poll(() => stored(page)).toEqual([]);
    await expect.poll(() => backends(page)).toEqual([]);
  });
});

test("a place is switched, made the default, edited, removed and put back", async () => {
  await withPanel({ play: "backends=some", hash: "#/settings/backends" }, async (page) => {
    const workshop = page.getByTestId("backend-workshop");
    await page.getByTestId("backend-attic").getByText("Nothing answers at").waitFor();
    await page.getByTestId("backend-on-workshop").click();
    await workshop.getByText("Off", { exact: true }).waitFor();
    await page.getByTestId("backend-on-workshop").click();
    await workshop.getByText("Answers").waitFor();
    await page.getByTestId("backend-menu-workshop").click();
    await page.getByTestId("default-backend").click();
    await workshop.getByText("Default").waitFor();
    await page.getByTestId("backend-menu-workshop").click();
    await page.getByTestId("edit-backend").click();
    await page.getByTestId("backend-name").fill("attic");
    await page.getByTestId("check-backend").click();
    await page.getByTestId("save-backend").click();
    await page.getByText("There is a place named “attic” already.").waitFor();
    await expect
      .poll(() => page.getByTestId("backend-name").getAttribute("aria-invalid"))
      .toBe("true");
    await page.keyboard.press("Escape");
    await page.getByTestId("backend-menu-workshop").click();
    await page.getByTestId("remove-backend").click();
    await workshop.waitFor({ state: "detached" });
    await page.getByTestId("undo").click();
    await workshop.getByText("Default").waitFor();
    await expect
      .poll(async () => (await backends(page)).map(({ name }) => name))
      .toEqual(["attic", "lab", "workshop"]);
  });
});

test("models of other places stand under their own heading, with their prefix", async () => {
  await withPanel({ play: "backends=some&models=none", hash: "#/models" }, async (page) => {
    await page.getByTestId("place-workshop").getByText("Answers").waitFor();
    await expect
      .poll(() => page.getByTestId("elsewhere").allTextContents())
      .toEqual(["workshop/gemma3:27b", "workshop/qwen3:32b"]);
    expect(await page.getByTestId("place-lab").count(), "it is off").toBe(0);
  });
});

test("an app may change models only once it was let to", async () => {
  const may = (page: Page) =>
    withFake(page, (fake) =>
      fake.snapshot.clients.filter((each) => each.mayManageModels).map(({ name }) => name),
    );
  await withPanel({ hash: "#/settings/apps" }, async (page) => {
    const vscode = page.getByTestId("manages-models-vscode");
    await expect.poll(() => vscode.getAttribute("aria-checked")).toBe("false");
    await vscode.click();
    await page.getByText("It can change what Ollama has installed").waitFor();
    await expect.poll(() => may(page)).toEqual(["vscode"]);
    await vscode.click();
    await expect.poll(() => may(page)).toEqual([]);
  });
  await withPanel(
    { play: "fail=set_client_manages_models", hash: "#/settings/apps" },
    async (page) => {
      await page.getByTestId("manages-models-chat").click();
      await page.getByRole("alert").getByText("What chat may do was not changed.").waitFor();
      await expect
        .poll(() => page.getByTestId("manages-models-chat").getAttribute("aria-checked"))
        .toBe("false");
    },
  );
});
