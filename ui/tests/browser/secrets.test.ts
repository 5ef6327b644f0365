import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { withBrowser, withPanel } from "./panel";

withBrowser();

type Fake = {
  snapshot: { servers: { name: string }[] };
  secrets: { store: Map<string, string>; unlock(): void };
  drafts: Map<string, unknown>;
};

/** Runs something inside the page with the fake engine at hand. */
const withFake = <T>(page: Page, use: (fake: Fake) => T): Promise<T> =>
  page.evaluate(`(${use.toString()})(globalThis.drawbridgeFake)`) as Promise<T>;

const stored = (page: Page) => withFake(page, (fake) => [...fake.secrets.store]);
const drafts = (page: Page) => withFake(page, (fake) => JSON.stringify([...fake.drafts.values()]));
const isAdded = (page: Page) =>
  withFake(page, (fake) => fake.snapshot.servers.some(({ name }) => name === "wiki"));

const SNIPPET = JSON.stringify({
  mcpServers: {
    wiki: { command: "npx", args: ["-y", "wiki-mcp"], env: { API_KEY: "hush-hush", LANG: "en" } },
  },
});

async function review(page: Page) {
  await page.getByTestId("add-server").click();
  await page.getByTestId("snippet").fill(SNIPPET);
  await page.getByTestId("read-snippet").click();
  await page.getByTestId("review").waitFor();
}

test("a server that lacks a secret leads to where it is stored, and starts with it", async () => {
  await withPanel({ play: "scene=secrets" }, async (page) => {
    await page.getByTestId("to-secrets").click();
    const section = page.getByTestId("secrets");
    await section.getByText("Missing").waitFor();
    await section.getByText("Needed by “notes”.").waitFor();
    await section.getByText("Needed by VS Code, as its token.").waitFor();
    await page.getByTestId("store-notes-API_KEY").click();
    const field = page.getByTestId("secret-value");
    await expect.poll(() => field.getAttribute("type")).toBe("password");
    await expect.poll(() => field.getAttribute("autocomplete")).toBe("off");
    await page.waitForFunction(
      () => document.activeElement?.getAttribute("data-testid") === "secret-value",
    );
    await expect.poll(() => page.getByTestId("store-secret").isDisabled()).toBe(true);
    await page.evaluate(() => navigator.clipboard.writeText("pasted value"));
    await page.keyboard.press("ControlOrMeta+v");
    await page.keyboard.press("Enter");
    await page.getByTestId("store-dialog").waitFor({ state: "detached" });
    await expect.poll(() => stored(page)).toContainEqual(["notes-API_KEY", "pasted value"]);
    await section.getByText("Missing").waitFor({ state: "detached" });
    expect(await page.content(), "no value is shown").not.toContain("pasted value");
    await page.getByText("“notes” is started again with it.").waitFor();
    await page.getByTestId("nav-tools").click();
    await page.getByTestId("tool-search").fill("notes");
    await page.getByTestId("state-notes").getByText("Running").waitFor();
  });
});

test("a value leaves the field as it is sent, also when it is not taken", async () => {
  const play = "scene=secrets&fail=store_secret&delay=700";
  await withPanel({ play, hash: "#/settings/secrets" }, async (page) => {
    await page.getByTestId("store-weather-Authorization").click();
    await page.getByText("The value that is stored now is lost.").waitFor();
    await page.getByTestId("secret-value").fill("hush");
    await page.getByTestId("store-secret").click();
    await expect.poll(() => page.getByTestId("secret-value").inputValue()).toBe("");
    await page.getByTestId("store-dialog").getByTestId("problem").waitFor();
    await expect.poll(() => stored(page)).toContainEqual(["weather-Authorization", "example"]);
  });
});

test("a secret is removed after one question that says what follows", async () => {
  await withPanel({ play: "scene=secrets", hash: "#/settings/secrets" }, async (page) => {
    await page.getByTestId("forget-weather-Authorization").click();
    await page.getByText("“weather” does not work without it.").waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "Cancel");
    await expect.poll(() => stored(page)).toHaveLength(2);
    await page.getByTestId("question-do").click();
    await page.getByTestId("forget-weather-Authorization").waitFor({ state: "detached" });
    await expect.poll(() => stored(page)).toEqual([["client-vscode", "db_example"]]);
  });
});

test("a locked keyring is a problem that can be tried again", async () => {
  await withPanel({ play: "scene=keyring-locked", hash: "#/settings/secrets" }, async (page) => {
    await page.getByTestId("keyring-problem").getByText("Unlock the keyring").waitFor();
    await expect.poll(() => page.getByText("Cannot be told").count()).toBe(3);
    await expect.poll(() => page.getByTestId("store-notes-API_KEY").isDisabled()).toBe(true);
    await withFake(page, (fake) => fake.secrets.unlock());
    await page.getByTestId("try-keyring").click();
    await page.getByTestId("keyring-problem").waitFor({ state: "detached" });
    await page.getByTestId("secrets").getByText("Missing").waitFor();
  });
  await withPanel({ play: "scene=keyring-missing", hash: "#/settings/secrets" }, async (page) => {
    await page.getByTestId("keyring-problem").getByText("has no keyring").waitFor();
  });
  await withPanel({ hash: "#/settings/secrets" }, async (page) => {
    await page.getByText("No secret is needed yet").waitFor();
  });
});

test("a pasted key goes to the keyring, and the config gets a reference", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await review(page);
    const words = await page.getByTestId("review").textContent();
    expect(words).toContain("API_KEY (kept in the keyring)");
    expect(words).not.toContain("LANG (kept");
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("add-dialog").waitFor({ state: "detached" });
    await expect.poll(() => stored(page)).toEqual([["wiki-API_KEY", "hush-hush"]]);
    const added = await drafts(page);
    expect(added).toContain("$" + "{secret:wiki-API_KEY}");
    expect(added).toContain('"value":"en"');
    expect(added).not.toContain("hush-hush");
    await page.getByTestId("nav-settings").click();
    await page.getByTestId("secret-wiki-API_KEY").waitFor();
  });
});

test("what is kept is the person's choice, and a reference stays one", async () => {
  await withPanel({ hash: "#/tools" }, async (page) => {
    await review(page);
    await page.getByRole("button", { name: "Change" }).click();
    await expect.poll(() => page.getByTestId("keep-1").isChecked()).toBe(true);
    await expect.poll(() => page.getByTestId("keep-2").isChecked()).toBe(false);
    await page.getByTestId("keep-2").check();
    const value = page.getByLabel("Value of variable 1", { exact: true });
    await value.fill("$" + "{env:MY_KEY}");
    await expect.poll(() => page.getByTestId("keep-1").isDisabled()).toBe(true);
    await expect.poll(() => page.getByTestId("keep-1").isChecked()).toBe(false);
    await page.getByTestId("review-draft").click();
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("add-dialog").waitFor({ state: "detached" });
    await expect.poll(() => stored(page)).toEqual([["wiki-LANG", "en"]]);
    await expect.poll(() => drafts(page)).toContain("$" + "{env:MY_KEY}");
  });
});

test("when a value cannot be stored nothing is added, and the sentence stands there", async () => {
  await withPanel({ play: "scene=keyring-locked", hash: "#/tools" }, async (page) => {
    await review(page);
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("add-dialog").getByText("Unlock the keyring and try again.").waitFor();
    await expect.poll(() => isAdded(page)).toBe(false);
    await withFake(page, (fake) => fake.secrets.unlock());
    await page.getByTestId("confirm-add").click();
    await page.getByTestId("add-dialog").waitFor({ state: "detached" });
    await expect.poll(() => isAdded(page)).toBe(true);
  });
});

test("a new value of an edited server goes to the keyring too", async () => {
  await withPanel({ hash: "#/tools/weather/settings" }, async (page) => {
    await page.getByRole("button", { name: "Edit" }).click();
    await expect
      .poll(() => page.getByTestId("keep-1").isDisabled(), { message: "stored, unchanged" })
      .toBe(true);
    await page.getByLabel("Value of header 1", { exact: true }).fill("Bearer hush");
    await expect.poll(() => page.getByTestId("keep-1").isChecked()).toBe(true);
    await page.getByTestId("review-edit").click();
    await page.getByTestId("confirm-edit").click();
    await page.getByTestId("edit-dialog").waitFor({ state: "detached" });
    await expect.poll(() => stored(page)).toEqual([["weather-Authorization", "Bearer hush"]]);
    expect(await drafts(page)).not.toContain("hush");
  });
});
