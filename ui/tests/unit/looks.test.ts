import { describe, expect, test } from "vitest";
import type { DiffPiece } from "../../src/ipc/bindings/DiffPiece";
import type { ServerView } from "../../src/ipc/bindings/ServerView";
import type { ToolFinding } from "../../src/ipc/bindings/ToolFinding";
import { wordDifference } from "../../src/ipc/fake/difference";
import { FakeHeld } from "../../src/ipc/fake/held";
import { type Scene, snapshotOf } from "../../src/ipc/fake/scenes";
import { someBlocked } from "../../src/ipc/fake/secrets";
import { blockedSentence, looksLikeWords } from "../../src/state/blocked";
import {
  blankWords,
  foldUnchanged,
  textNow,
  withoutIslands,
  wordsIn,
} from "../../src/state/difference";
import {
  allowedWords,
  health,
  looks,
  needsYou,
  serverWord,
  troubles,
} from "../../src/state/health";
import {
  acceptableTogether,
  bySeverity,
  findingWords,
  heldSentence,
  isOutdated,
  listWords,
  neverSeen,
  placeWords,
  shownKey,
  waitingTools,
  whyHeld,
} from "../../src/state/held";
import { formatMoment, withPause } from "../../src/state/pause";

function serverOf(scene: Scene, name: string): ServerView {
  const server = snapshotOf(scene).servers.find((each) => each.name === name);
  if (!server) throw new Error(`no server ${name}`);
  return server;
}

const NONE: ReadonlySet<string> = new Set();

describe("tools that are held back", () => {
  const files = serverOf("held", "files");
  const loaded = new FakeHeld().differences(files);
  const find = (name: string) => {
    const found = loaded.find(({ tool }) => tool.name === name);
    if (!found) throw new Error(name);
    return found;
  };

  test("are told in a sentence that fits them", () => {
    const [found, changed, fresh] = waitingTools(files);
    if (!found || !changed || !fresh) throw new Error("three tools");
    expect(heldSentence("files", [fresh])).toBe("1 tool of “files” is new.");
    expect(heldSentence("files", [fresh, changed])).toBe("2 tools of “files” are new or changed.");
    expect(heldSentence("files", [found])).toBe(
      "1 tool of “files” is held back for what the server says of it.",
    );
    expect(heldSentence("files", [found, changed, fresh])).toBe(
      "3 tools of “files” are new, changed or held back for what the server says of them.",
    );
    expect(listWords(["a"], "and")).toBe("a");
  });

  test("one that is off does not wait, and none that is held counts as allowed", () => {
    const tools = files.tools.map((tool) =>
      tool.name === "share_file" ? { ...tool, mode: "off" as const } : tool,
    );
    expect(waitingTools({ ...files, tools }).map(({ name }) => name)).toEqual([
      "write_file",
      "edit_file",
    ]);
    const allowed = files.tools.map((tool) => ({ ...tool, mode: "allow" as const }));
    expect(allowedWords([{ ...files, tools: allowed }])).toBe("6 of 9 tools allowed");
  });

  test("say why, and whether there is anything to compare", () => {
    expect(neverSeen(find("share_file"))).toBe(true);
    expect(whyHeld(find("share_file"))).toBe("You have not seen this tool yet.");
    expect(neverSeen(find("edit_file"))).toBe(false);
    expect(whyHeld(find("edit_file"))).toContain("no longer what you saw");
    const known = { ...find("write_file"), fields: [] };
    expect(neverSeen(known)).toBe(false);
    expect(whyHeld(known)).toContain("It is as you saw it.");
    // Only a title came: the rest was seen.
    const titled = {
      ...find("write_file"),
      fields: [{ field: "title" as const, pieces: [{ kind: "added" as const, text: "Write" }] }],
    };
    expect(neverSeen(titled)).toBe(false);
    const never = { ...find("share_file"), tool: { ...find("share_file").tool, held: "found" } };
    expect(neverSeen(never as typeof titled)).toBe(true);
  });

  test("severe findings come first, in words", () => {
    const { findings } = find("write_file").tool;
    expect(findings.map(({ severe }) => severe)).toEqual([false, true, true]);
    expect(bySeverity(findings).map(findingWords)).toEqual([
      "Held back because it gives orders to the model behind the app.",
      "Held back because it holds characters that cannot be seen.",
      "It speaks of tools of other servers.",
    ]);
    const kinds: ToolFinding["kind"][] = ["shadowedName", "encodedContent", "secret", "unreadable"];
    for (const kind of kinds) {
      const finding = { kind, severe: true, place: "", passage: "" };
      expect(findingWords(finding)).toMatch(/^Held back because .+\.$/);
      expect(findingWords({ ...finding, severe: false })).not.toContain("Held back");
    }
  });

  test("places are told for people", () => {
    expect(placeWords("inputSchema.properties.path.description")).toBe("in what it takes");
    expect(placeWords("description")).toBe("in its description");
    expect(placeWords("annotations[0]")).toBe("in what the server claims about it");
    expect(placeWords("elsewhere")).toBe("in what the server says of it");
  });

  test("are outdated when anything but the person's own doing has changed", () => {
    expect(isOutdated(loaded, files.tools, NONE, NONE)).toBe(false);
    const change = (name: string, part: object) =>
      files.tools.map((tool) => (tool.name === name ? { ...tool, ...part } : tool));
    expect(isOutdated(loaded, change("edit_file", { mode: "off" }), NONE, NONE)).toBe(false);
    expect(isOutdated(loaded, change("edit_file", { description: "x" }), NONE, NONE)).toBe(true);
    expect(isOutdated(loaded, change("make_folder", { held: "new" }), NONE, NONE)).toBe(true);
    const accepted = change("edit_file", { held: null });
    const key = new Set([shownKey(find("edit_file"))]);
    expect(isOutdated(loaded, accepted, NONE, NONE), "accepted elsewhere").toBe(true);
    expect(isOutdated(loaded, accepted, key, NONE)).toBe(false);
    expect(isOutdated(loaded, files.tools, key, NONE), "held once more").toBe(true);
    expect(isOutdated(loaded, accepted, NONE, key)).toBe(false);
    expect(isOutdated(loaded, files.tools, NONE, key)).toBe(false);
  });

  test("go together only when none is severe, and those that are off stay out", () => {
    const modeOf = ({ mode }: { mode: ServerView["tools"][number]["mode"] }) => mode;
    expect(acceptableTogether(loaded, modeOf)).toEqual([]);
    const mild = loaded.filter(({ tool }) => tool.name !== "write_file");
    expect(acceptableTogether(mild, modeOf)).toHaveLength(2);
    expect(acceptableTogether(mild.slice(0, 1), modeOf)).toEqual([]);
    expect(acceptableTogether(mild, () => "off")).toEqual([]);
  });
});

describe("a difference", () => {
  const words = (count: number, word: string) => Array(count).fill(word).join(" ");
  const piece = (kind: DiffPiece["kind"], text: string): DiffPiece => ({ kind, text });
  const before = (pieces: readonly DiffPiece[]) =>
    pieces
      .filter(({ kind }) => kind !== "added")
      .map(({ text }) => text)
      .join("");

  test("folds what stays, but for what stands beside a change", () => {
    const long = `${words(60, "same")} `;
    const shown = foldUnchanged([piece("same", long), piece("added", "new"), piece("same", long)]);
    expect(
      shown.map((each) => (each.kind === "fold" ? wordsIn(each.text) : each.piece.kind)),
    ).toEqual([48, "same", "added", "same", 48]);
    const whole = shown
      .map((each) => (each.kind === "fold" ? each.text : each.piece.text))
      .join("");
    expect(whole, "nothing is lost").toBe(`${long}new${long}`);
  });

  test("keeps short stretches and every change whole", () => {
    const pieces = [
      piece("same", words(15, "a")),
      piece("removed", words(90, "b")),
      piece("same", ` ${words(40, "c")} `),
      piece("added", words(90, "d")),
    ];
    expect(foldUnchanged(pieces)).toEqual(pieces.map((each) => ({ kind: "piece", piece: each })));
    expect(foldUnchanged([])).toEqual([]);
  });

  test("has no islands of blanks and signs, and both texts stay what they are", () => {
    const old = 'Writes a file. What was there before is lost. {"a": 1, "b": 2}';
    const now = 'Writes a file and keeps a copy of what was there. <NOW> read {"c": 3, "d": 4}';
    const raw = wordDifference(old, now);
    const tidy = withoutIslands(raw);
    expect(tidy.length).toBeLessThan(raw.length);
    expect(before(tidy)).toBe(old);
    expect(textNow(tidy)).toBe(now);
    const oneWay = [piece("removed", "a"), piece("same", " "), piece("removed", "b")];
    expect(withoutIslands(oneWay), "nothing is made up").toEqual(oneWay);
    expect(withoutIslands([piece("same", ".")])).toEqual([piece("same", ".")]);
  });

  test("names blanks that nobody would see", () => {
    expect(blankWords(" ")).toBe("blank");
    expect(blankWords("   ")).toBe("blanks");
    expect(blankWords(" \n")).toBe("line break");
    expect(blankWords("a ")).toBeUndefined();
    expect(blankWords("")).toBeUndefined();
  });
});

describe("what waits for a look", () => {
  test("is told on the home page and is a sign, and no trouble", () => {
    expect(looks(snapshotOf("full"))).toEqual([]);
    for (const scene of ["held", "start-waits", "blocked"] as const) {
      const snapshot = snapshotOf(scene);
      expect(troubles(snapshot), scene).toEqual([]);
      expect(health(snapshot), scene).toMatchObject({ up: false, sign: true, word: "Open" });
    }
    expect(looks(snapshotOf("held")).map(({ kind }) => kind)).toEqual(["held"]);
    expect(looks(snapshotOf("start-waits")).map(({ kind }) => kind)).toEqual(["start"]);
    expect(needsYou(snapshotOf("blocked")), "what may cross does not wait").toBe(4);
  });

  test("is not told of a server that is off", () => {
    for (const scene of ["held", "start-waits"] as const) {
      const snapshot = snapshotOf(scene);
      const servers = snapshot.servers.map((server) => ({ ...server, enabled: false }));
      expect(looks({ ...snapshot, servers }), scene).toEqual([]);
    }
  });

  test("a server says that it waits, or is paused", () => {
    expect(serverWord(serverOf("start-waits", "git"))).toEqual({
      tone: "paused",
      word: "Waits for you",
    });
    expect(serverWord(serverOf("pauses", "files"))).toEqual({ tone: "paused", word: "Paused" });
    expect(serverWord(serverOf("pauses", "git")).word).toBe("Running");
    const waits = { ...serverOf("start-waits", "git"), problem: { message: "x", detail: "" } };
    expect(troubles({ ...snapshotOf("full"), servers: [waits] })).toEqual([]);
  });
});

describe("blocked content", () => {
  test("is told by its way and by what it looks like", () => {
    const [call, result, , , unknown] = someBlocked();
    if (!call || !result || !unknown) throw new Error("five of them");
    expect(blockedSentence(call)).toBe(
      "A call of VS Code to “forecast” of “weather” was stopped: its arguments hold what looks like a GitHub token.",
    );
    expect(blockedSentence(result)).toBe(
      "The result of “read_file” of “files” for chat was withheld: it holds what looks like a private key and an AWS access key.",
    );
    expect(blockedSentence(unknown)).toContain("what looks like a key or a token.");
    expect(blockedSentence({ ...call, subject: "a\u202Eb" })).toContain("a[U+202E]b");
    expect(looksLikeWords(["a", "b", "c"])).toBe("a, b and c");
  });
});

describe("pauses", () => {
  const noon = new Date(2026, 7, 14, 12).getTime();
  const hour = 3_600_000;

  test("a moment carries its day when that is not today", () => {
    expect(formatMoment(noon - hour, noon)).toBe("11:00");
    expect(formatMoment(noon - 24 * hour, noon)).toBe("yesterday, 12:00");
    expect(formatMoment(noon - 72 * hour, noon)).toBe("Tuesday 11 August, 12:00");
  });

  test("each scope is paused alone", () => {
    const full = snapshotOf("full");
    const pause = { since: noon, until: null, fromBefore: false };
    expect(withPause(full, { kind: "all" }, pause).paused).toBe(pause);
    const server = withPause(full, { kind: "server", server: "git" }, pause);
    expect(server.servers.filter(({ paused }) => paused).map(({ name }) => name)).toEqual(["git"]);
    const app = withPause(full, { kind: "app", client: "chat" }, pause);
    expect(app.clients.filter(({ paused }) => paused).map(({ name }) => name)).toEqual(["chat"]);
    expect(app.paused).toBeNull();
  });
});
