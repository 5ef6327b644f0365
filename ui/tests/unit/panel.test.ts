import { describe, expect, test, vi } from "vitest";
import type { PanelEvent } from "../../src/ipc/bindings/PanelEvent";
import { SCENES, snapshotOf } from "../../src/ipc/fake/scenes";
import { previewStart, readSnippet } from "../../src/ipc/fake/snippet";
import type { Host } from "../../src/ipc/host";
import { draftOf, EMPTY_FORM, formOf, missing } from "../../src/state/draft";
import { health, troubles } from "../../src/state/health";
import { follow } from "../../src/state/log";
import { Notices } from "../../src/state/notices";
import { href, parseRoute, type Route } from "../../src/state/route";
import { toolLines } from "../../src/state/toolList";

describe("routes", () => {
  test("each survives a reload, whatever the server is called", () => {
    const routes: Route[] = [
      { page: "home" },
      { page: "tools" },
      { page: "server", server: "my notes & Größe 100", tab: "log" },
      { page: "server", server: "files", tab: "state" },
      { page: "activity", entry: 12 },
      { page: "settings", part: "record" },
      { page: "settings", part: "apps" },
      { page: "activity", entry: undefined },
      { page: "settings" },
      { page: "settings", part: "secrets" },
      { page: "changes", server: "my notes & Größe" },
      { page: "start", server: "files" },
      { page: "answers" },
      { page: "models", part: "installed" },
      { page: "models", part: "catalog" },
      { page: "models", part: "catalog", model: "hf.co/someone/model:Q4_K_M" },
      { page: "models", part: "computer" },
      { page: "ollamaLog" },
      { page: "settings", part: "ollama" },
      { page: "settings", part: "backends" },
    ];
    for (const route of routes) expect(parseRoute(href(route))).toEqual(route);
    expect(parseRoute("#/nowhere")).toEqual({ page: "home" });
    expect(parseRoute("#/activity/x")).toEqual({ page: "activity", entry: undefined });
    expect(parseRoute("#/tools/%E0%A4%A")).toMatchObject({ page: "server" });
  });
});

describe("health", () => {
  test("each scene is told as it is", () => {
    const told = (scene: (typeof SCENES)[number]) => {
      const { up, sign, word } = health(snapshotOf(scene));
      return `${up ? "up" : "down"} ${sign ? "sign" : "-"} ${word}`;
    };
    expect(told("full")).toBe("down - Open");
    expect(told("paused")).toBe("up - Paused");
    expect(told("trouble"), "the rest goes on").toBe("down sign Needs a look");
    expect(told("port-in-use"), "no call can cross").toBe("up sign Needs a look");
    expect(told("record-trouble")).toBe("up sign Needs a look");
    expect(troubles(snapshotOf("trouble")).map(({ kind }) => kind)).toEqual(["server", "server"]);
  });

  test("a question that waits is a sign, and no trouble", () => {
    const snapshot = snapshotOf("questions");
    expect(health(snapshot)).toEqual({ up: false, sign: true, word: "Open", tone: "open" });
    expect(troubles(snapshot)).toEqual([]);
  });

  test("a server that is switched off is no trouble", () => {
    const snapshot = snapshotOf("trouble");
    const servers = snapshot.servers.map((server) => ({ ...server, enabled: false }));
    expect(troubles({ ...snapshot, servers })).toEqual([]);
  });
});

describe("the list of tools", () => {
  const { servers } = snapshotOf("full");
  const names = (search: string) =>
    toolLines(servers, search, () => false).flatMap((line) =>
      line.kind === "tool" ? [`${line.server.name} ${line.tool.name}`] : [],
    );

  test("each word of a search has to be found, in any order, folded servers too", () => {
    expect(names("")).toEqual([]);
    expect(names("files FOLDER")).toContain("files make_folder");
    expect(names("commit git")).toEqual(["git git_log", "git git_commit"]);
    expect(names("nothing like this")).toEqual([]);
  });

  test("the last row of a group is known, for its border", () => {
    const lines = toolLines(servers, "", () => true);
    const lasts = lines.filter((line) => line.kind !== "server" && line.last);
    expect(lasts.length).toBe(servers.length);
  });
});

describe("drafts", () => {
  test("a draft comes back from the form as it went in", () => {
    const [draft] = readSnippet(
      '{"mcpServers":{"a":{"command":"npx","args":["-y"," two  spaces ",""],"env":{"K":"v"},"cwd":"/x"}}}',
    );
    if (!draft) throw new Error("one server");
    expect(draftOf(formOf(draft))).toEqual(draft);
    expect(missing(formOf(draft))).toBeUndefined();
    expect(missing(EMPTY_FORM)?.field).toBe("name");
    expect(missing({ ...EMPTY_FORM, name: "a", kind: "remote", url: "wiki" })?.field).toBe("url");
  });

  test("the fake shows hidden characters in a preview", () => {
    const preview = previewStart({
      name: "a",
      transport: { kind: "local", command: "sh", args: ["-c", "a\u202Eb"], env: [], cwd: null },
    });
    expect(preview.argv).toEqual(["sh", "-c", "a\\u{202e}b"]);
    expect(preview.cautions.length).toBe(1);
  });
});

describe("notices", () => {
  test("what can be undone stays longer, trouble stays, and none goes while it is held", () => {
    vi.useFakeTimers();
    const notices = new Notices();
    notices.show({ tone: "done", text: "short" });
    notices.show({ tone: "done", text: "undo", action: { label: "Undo", run() {}, focus: false } });
    notices.show({ tone: "trouble", text: "trouble" });
    vi.advanceTimersByTime(7_000);
    expect(notices.all().map(({ text }) => text)).toEqual(["undo", "trouble"]);
    notices.hold(true);
    vi.advanceTimersByTime(60_000);
    expect(notices.all().length).toBe(2);
    notices.hold(false);
    vi.advanceTimersByTime(21_000);
    expect(notices.all().map(({ text }) => text)).toEqual(["trouble"]);
    vi.useRealTimers();
  });
});

describe("a log", () => {
  test("lines that come before the answer are not lost or doubled, and the end is in order", async () => {
    const calls: string[] = [];
    let tell: (event: PanelEvent) => void = () => {};
    let answer: (lines: unknown) => void = () => {};
    const host = {
      call: (name: string, args?: { server: string }) => {
        calls.push(args ? `${name} ${args.server}` : name);
        return name === "server_log"
          ? new Promise((resolve) => {
              answer = resolve;
            })
          : Promise.resolve(null);
      },
      on: (listener: typeof tell) => {
        tell = listener;
        return () => {};
      },
    } as unknown as Host;
    const line = (seq: number) => ({ seq, at: 0, source: "stderr" as const, text: `line ${seq}` });
    const shown: number[][] = [];
    const stop = follow(host, "a", (view) => {
      if (view.kind === "ready") shown.push(view.lines.map(({ seq }) => seq));
    });
    await vi.waitFor(() => expect(calls).toEqual(["server_log a"]));
    tell({ event: "logAppended", payload: [line(3)] });
    answer([line(1), line(2), line(3)]);
    await vi.waitFor(() => expect(shown.at(-1)).toEqual([1, 2, 3]));
    tell({ event: "logAppended", payload: [line(4)] });
    expect(shown.at(-1)).toEqual([1, 2, 3, 4]);
    stop();
    stop();
    follow(host, "b", () => {});
    await vi.waitFor(() => expect(calls).toEqual(["server_log a", "stop_log", "server_log b"]));
  });
});

test("every scene has a snapshot", () => {
  for (const scene of SCENES) {
    const { revision, questions, allowedAnswers } = snapshotOf(scene);
    expect(revision).toBe(1);
    expect(questions.length > 0, scene).toBe(/^question/.test(scene));
    expect(allowedAnswers.length > 0, scene).toBe(scene === "answers");
  }
});
