import { describe, expect, test } from "vitest";
import type { ActivityDetail } from "../../src/ipc/bindings/ActivityDetail";
import type { ActivityEntry } from "../../src/ipc/bindings/ActivityEntry";
import type { ActivityKind } from "../../src/ipc/bindings/ActivityKind";
import type { Away } from "../../src/ipc/bindings/Away";
import type { RecordState } from "../../src/ipc/bindings/RecordState";
import { pictureOf } from "../../src/ipc/fake/picture";
import { FakeRecord } from "../../src/ipc/fake/record";
import { ANYTHING, DECISIONS, KINDS, REASONS } from "../../src/state/activityFilter";
import { decisionSentence } from "../../src/state/activityWords";
import { awaySentence, awayTroubles } from "../../src/state/away";
import { amountWords, readNumber, removedWords } from "../../src/state/limits";
import { workWords } from "../../src/state/recordWork";
import { storyOf } from "../../src/state/story";
import { activityNote, activityOutcome, activityTitle } from "../../src/state/words";

const NOW = new Date(2026, 7, 14, 15).getTime();
const DAY = 86_400_000;

const entry = (part: Partial<ActivityEntry>): ActivityEntry => ({
  id: 1,
  at: NOW,
  kind: "toolCall",
  client: "vscode",
  server: "files",
  subject: "read_file",
  decision: "allowed",
  reason: "mode",
  outcome: "succeeded",
  durationMs: 40,
  note: null,
  ...part,
});

describe("the made-up record", () => {
  const record = new FakeRecord(1_000_000);
  const quickly = <T>(action: () => T): T => {
    const began = performance.now();
    const result = action();
    expect(performance.now() - began, "milliseconds").toBeLessThan(500);
    return result;
  };

  test("a page is a bounded search, and says where to go on", () => {
    const filter = { ...ANYTHING, text: "nothing holds this" };
    const page = quickly(() => record.page(filter, null, 100));
    expect(page.entries).toEqual([]);
    expect(page.next).toBeLessThan(1_000_000);
    const second = record.page(filter, page.next, 100);
    expect(second.next).toBeLessThan(page.next ?? 0);
    expect(record.page(filter, 5, 100).next, "the oldest").toBeNull();
  });

  test("picture, choices and state are quick with a million entries", () => {
    const picture = quickly(() => pictureOf(record, ANYTHING, "tool", 0));
    expect(picture.bars).toBeGreaterThan(10);
    expect(picture.bars).toBeLessThanOrEqual(60);
    expect(picture.series.length).toBe(7);
    const choices = quickly(() => record.choices());
    expect(choices.clients[0]?.name).toBe("vscode");
    expect(choices.clients[0]?.entries).toBeGreaterThan(100_000);
    expect(quickly(() => record.range({ from: NOW - 3 * DAY, until: NOW }))).toHaveLength(2);
  });

  test("all that is asked for has to hold", () => {
    const filter = {
      ...ANYTHING,
      text: "bergen PLAT",
      client: "vscode",
      server: "files",
      decisions: ["allowed" as const],
      reasons: ["mode" as const],
      outcomes: ["succeeded" as const],
      kinds: ["toolCall" as const],
    };
    const { entries } = record.page(filter, null, 50);
    expect(entries).toHaveLength(50);
    for (const each of entries) {
      expect(each).toMatchObject({
        client: "vscode",
        server: "files",
        decision: "allowed",
        reason: "mode",
        outcome: "succeeded",
      });
    }
    const middle = record.entry(500_000)?.at ?? 0;
    const span = record.page({ ...ANYTHING, from: middle, until: middle + 1 }, null, 10);
    expect(span.entries.map(({ id }) => id)).toEqual([500_000]);
    expect(span.next).toBeNull();
  });

  test("it is emptied, and goes on with higher numbers", () => {
    const small = new FakeRecord(50, 20);
    expect(small.away()?.calls).toBeGreaterThan(0);
    small.clear();
    expect(small.away()).toBeNull();
    expect(small.length).toBe(0);
    expect(small.page(ANYTHING, null, 10)).toEqual({ entries: [], next: null });
    expect(small.add({ kind: "recordShortened" }).id).toBe(51);
    expect(small.page(ANYTHING, null, 10).entries).toHaveLength(1);
  });
});

describe("words", () => {
  test("every kind has a title that is a sentence's beginning", () => {
    for (const kind of KINDS) {
      const title = activityTitle(entry({ kind }));
      expect(title, kind).toMatch(/^[A-Za-z]/);
      expect(title, kind).not.toMatch(/null|undefined/);
    }
    expect(activityTitle(entry({ kind: "modelRequest", subject: "qwen3" }))).toBe(
      "VS Code asked the model qwen3",
    );
  });

  test("a note that is the title is not told twice", () => {
    const note = "write_file of files was set to Ask.";
    for (const kind of ["settingChanged", "toolsChanged", "answerGiven"] as ActivityKind[]) {
      expect(activityNote(entry({ kind, note })), kind).toBeNull();
    }
    expect(activityNote(entry({ note }))).toBe(note);
    expect(activityOutcome(entry({ kind: "answerGiven" }))).toBeUndefined();
    expect(activityOutcome(entry({ kind: "modelRequest" }))).toBe("Done");
  });

  test("every decision has a reason in words", () => {
    for (const decision of DECISIONS) {
      for (const reason of [...REASONS, null]) {
        expect(decisionSentence({ decision, reason }), `${decision} ${reason}`).toMatch(/^\w.*\.$/);
      }
    }
    expect(decisionSentence({ decision: null, reason: null })).toBeUndefined();
  });

  test("the story of a call is told in its order", () => {
    const detail: ActivityDetail = {
      entry: entry({ decision: "allowed", reason: "person" }),
      clientSays: "Visual Studio Code 1.104",
      waitedMs: 12_000,
      endedAt: NOW + 12_040,
      request: "7",
      upstreamRequest: "12",
      arguments: "{}",
      argumentsBytes: 2,
      result: "{}",
      resultBytes: 4_096,
      keptLess: false,
    };
    const story = storyOf(detail);
    expect(story.map(({ title }) => title)).toEqual([
      "Asked",
      "Waited",
      "Decided",
      "Sent",
      "Ended",
      "Result",
    ]);
    const words = story.map((step) => step.words).join("\n");
    expect(words).toContain("By VS Code, which calls itself “Visual Studio Code 1.104”");
    expect(words).toContain("12 s for you.");
    expect(words).toContain("Allowed by you.");
    expect(words).toContain("To files, as request 12.");
    expect(words).toMatch(/Done, at 15:00:12\. It took 40 ms\./);
    expect(words).toContain("4.1 kB");
    const none = { clientSays: null, waitedMs: null, endedAt: null, request: null };
    const bare = { ...detail, ...none, upstreamRequest: null, argumentsBytes: null };
    const started = { decision: null, reason: null, client: null, durationMs: null };
    const lone = storyOf({
      ...bare,
      resultBytes: null,
      entry: entry({ ...started, kind: "serverStarted" }),
    });
    expect(lone.map(({ title }) => title)).toEqual(["When"]);
    const running = storyOf({ ...bare, entry: entry({ outcome: null, durationMs: null }) });
    expect(running.find(({ title }) => title === "Ended")?.words).toBe("Not yet.");
  });

  test("what happened while one was away is one or two sentences", () => {
    const away: Away = {
      since: NOW - 3 * 3_600_000,
      calls: 14,
      refused: 1,
      failed: 2,
      crashes: 0,
      clients: [
        { name: "vscode", entries: 9 },
        { name: "chat", entries: 5 },
      ],
      newest: 99,
    };
    expect(awaySentence(away, NOW)).toBe("Since 12:00: 14 calls by VS Code and chat.");
    expect(awaySentence({ ...away, calls: 20 }, NOW)).toContain("by VS Code, chat and others");
    expect(awaySentence({ ...away, calls: 0, clients: [] }, NOW)).toBe(
      "Since 12:00 no app called a tool.",
    );
    expect(awayTroubles(away)).toBe("1 call was refused and 2 calls failed.");
    expect(awayTroubles({ ...away, refused: 0, failed: 0, crashes: 1 })).toBe(
      "A server ended by itself.",
    );
    expect(awayTroubles({ ...away, refused: 0, failed: 0 })).toBeUndefined();
  });

  test("a limit that takes something away says what", () => {
    const state: RecordState = {
      entries: 4_000,
      bytes: 800_000_000,
      oldest: NOW - 100 * DAY,
      folder: "/data",
      keepDays: null,
      keepMegabytes: null,
      work: null,
    };
    const words = (keepDays: number | null, keepMegabytes: number | null) =>
      removedWords(state, { keepDays, keepMegabytes }, NOW);
    expect(words(30, null)).toBe("Entries from before 15 Jul 2026 are removed.");
    expect(words(null, 500)).toContain("the oldest entries are removed until it takes 500 MB");
    expect(words(365, 2_000)).toBeUndefined();
    expect(words(null, null)).toBeUndefined();
    expect(amountWords(state)).toBe("4,000 entries since 6 May 2026, taking 800 MB.");
    expect(amountWords({ ...state, entries: 0, oldest: null })).toBe("Nothing is on record yet.");
    expect(["1", " 45 "].map(readNumber)).toEqual([1, 45]);
    for (const wrong of ["0", "-3", "1.5", "x", "", "99999999999"]) {
      expect(readNumber(wrong), wrong).toBeUndefined();
    }
    expect(workWords({ task: "index", done: 20_000, total: 90_000 })).toBe(
      "Making older entries findable: 20,000 of about 90,000",
    );
    expect(workWords({ task: "export", done: 1_200, total: 1_000 })).toBe(
      "Writing entries to a file: 1,200 of about 1,200",
    );
  });
});
