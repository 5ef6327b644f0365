import { describe, expect, test } from "vitest";
import type { SecretView } from "../../src/ipc/bindings/SecretView";
import type { ServerDraft } from "../../src/ipc/bindings/ServerDraft";
import { missingSecret } from "../../src/ipc/fake/secrets";
import type { Host } from "../../src/ipc/host";
import { draftOf, EMPTY_FORM, keeps, keptNames } from "../../src/state/draft";
import { canKeep, keepThen, secretName, storedWords, wantsSecret } from "../../src/state/secrets";

const draft = (env: Record<string, string | null>): ServerDraft => ({
  name: "my files",
  transport: {
    kind: "local",
    command: "x",
    args: [],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    cwd: null,
  },
});

const ref = (to: string) => `\${${to}}`;

const secret = (name: string, servers: string[], clients: string[] = []): SecretView => ({
  name,
  stored: true,
  servers,
  clients,
  backends: [],
});

function testHost(secrets: SecretView[], failing?: string) {
  const calls: string[] = [];
  const host = {
    call: async (name: string, args?: { name: string; value?: string }) => {
      if (name === "secrets") return { problem: null, secrets };
      calls.push([name, args?.name, args?.value].filter(Boolean).join(" "));
      if (name === "store_secret" && args?.name === failing) throw new Error("locked");
      return null;
    },
  } as unknown as Host;
  return { host, calls };
}

describe("what goes to the keyring", () => {
  test("is suggested by the name, and the person's word counts", () => {
    for (const name of [
      "API_KEY",
      "github_token",
      "Authorization",
      "DB_PASSWORD",
      "clientSecret",
    ]) {
      expect(keeps({ name, value: "v" }), name).toBe(true);
    }
    for (const name of ["HOME", "LANG", "X-Request-Id"]) {
      expect(keeps({ name, value: "v" }), name).toBe(false);
    }
    expect(keeps({ name: "HOME", value: "v", keep: true })).toBe(true);
    expect(keeps({ name: "API_KEY", value: "v", keep: false })).toBe(false);
  });

  test("is never a reference, a stored value or nothing", () => {
    for (const value of [ref("secret:a"), `Bearer ${ref("env:B")}`, ref("input:c"), "", null]) {
      expect(canKeep({ name: "API_KEY", value }), String(value)).toBe(false);
      expect(keeps({ name: "API_KEY", value, keep: true })).toBe(false);
    }
  });

  test("is told by the way the server is reached, and no mark of the form leaves it", () => {
    const form = {
      ...EMPTY_FORM,
      name: "a",
      env: [{ name: "API_KEY", value: "1", keep: true }],
      headers: [{ name: "Authorization", value: "2" }],
    };
    expect([...keptNames(form)]).toEqual(["API_KEY"]);
    expect([...keptNames({ ...form, kind: "remote" })]).toEqual(["Authorization"]);
    expect(JSON.stringify(draftOf(form))).not.toContain("keep");
  });

  test("is named after the server and the variable", () => {
    expect(secretName("files", "API_KEY", new Set())).toBe("files-API_KEY");
    expect(secretName("my files", "X/ä.key", new Set())).toBe("my-files-X--.key");
    expect(secretName("a", "b", new Set(["a-b", "a-b-2"]))).toBe("a-b-3");
  });
});

describe("keeping values", () => {
  const run = async (
    secrets: SecretView[],
    env: Record<string, string | null>,
    kept: string[],
    more: { failing?: string; replaces?: string; used?: () => void } = {},
  ) => {
    const { host, calls } = testHost(secrets, more.failing);
    let used: ServerDraft | undefined;
    let error: unknown;
    await keepThen(host, draft(env), new Set(kept), more.replaces ?? null, async (next) => {
      more.used?.();
      used = next;
    }).catch((thrown: unknown) => {
      error = thrown;
    });
    const values = used?.transport.kind === "local" ? used.transport.env : undefined;
    return { calls, values: values?.map(({ value }) => value), error };
  };

  test("stores first and refers to what was stored", async () => {
    const done = await run([], { API_KEY: "hush", LANG: "en", OLD: null }, ["API_KEY"]);
    expect(done.calls).toEqual(["store_secret my-files-API_KEY hush"]);
    expect(done.values).toEqual([ref("secret:my-files-API_KEY"), "en", null]);
  });

  test("leaves the keyring alone where there is nothing to keep", async () => {
    const done = await run([], { LANG: "en", API_KEY: ref("secret:x") }, ["API_KEY"]);
    expect(done).toMatchObject({ calls: [], values: ["en", ref("secret:x")] });
  });

  test("adds nothing when storing fails, and takes back what it stored", async () => {
    const done = await run([], { A_KEY: "1", B_KEY: "2" }, ["A_KEY", "B_KEY"], {
      failing: "my-files-B_KEY",
    });
    expect(done.values).toBeUndefined();
    expect(done.error).toBeInstanceOf(Error);
    expect(done.calls.at(-1)).toBe("remove_secret my-files-A_KEY");
  });

  test("takes back what it stored when adding fails, but not what was there before", async () => {
    const fails = () => {
      throw new Error("taken");
    };
    const fresh = await run([], { A_KEY: "1" }, ["A_KEY"], { used: fails });
    expect(fresh.calls).toEqual(["store_secret my-files-A_KEY 1", "remove_secret my-files-A_KEY"]);
    const known = [secret("my-files-A_KEY", ["my files"])];
    const edit = { used: fails, replaces: "my files" };
    expect((await run(known, { A_KEY: "1" }, ["A_KEY"], edit)).calls).toEqual([
      "store_secret my-files-A_KEY 1",
    ]);
  });

  test("never overwrites what another server or an app needs", async () => {
    const others = [secret("my-files-A", ["my"]), secret("my-files-B", [], ["vscode"])];
    const done = await run(others, { A: "1", B: "2", "A ": "3" }, ["A", "B", "A "]);
    expect(done.calls).toEqual([
      "store_secret my-files-A-2 1",
      "store_secret my-files-B-2 2",
      "store_secret my-files-A- 3",
    ]);
    const twice = await run([], { "A/B": "1", "A B": "2" }, ["A/B", "A B"]);
    expect(twice.values).toEqual([ref("secret:my-files-A-B"), ref("secret:my-files-A-B-2")]);
  });
});

test("words", () => {
  expect([true, false, null].map(storedWords)).toEqual(["Stored", "Missing", "Cannot be told"]);
  expect(wantsSecret(missingSecret("a"))).toBe(true);
  expect(wantsSecret({ message: "The command “npx” was not found.", detail: "" })).toBe(false);
});
