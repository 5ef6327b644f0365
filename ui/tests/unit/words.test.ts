import { describe, expect, test } from "vitest";
import type { ActivityEntry } from "../../src/ipc/bindings/ActivityEntry";
import {
  activityOutcome,
  activityTitle,
  formatAgo,
  formatBytes,
  formatDay,
  formatDuration,
  formatTokens,
  plural,
} from "../../src/state/words";

const NOON = new Date(2026, 7, 14, 12).getTime();
const HOUR = 3_600_000;

const entry = (part: Partial<ActivityEntry>): ActivityEntry => ({
  id: 1,
  at: NOON,
  kind: "toolCall",
  client: "vscode",
  server: "files",
  subject: "read_file",
  decision: "allowed",
  reason: "mode",
  outcome: "succeeded",
  durationMs: 4,
  note: null,
  ...part,
});

describe("words", () => {
  test("numbers carry their units", () => {
    expect(plural(1, "tool")).toBe("1 tool");
    expect(plural(1200, "tool")).toBe("1,200 tools");
    expect(formatDuration(640.4)).toBe("640 ms");
    expect(formatDuration(2_340)).toBe("2.3 s");
    expect(formatDuration(125_000)).toBe("2 min 5 s");
    expect(formatBytes(1)).toBe("1 byte");
    expect(formatBytes(16_384)).toBe("16.4 kB");
    expect(formatTokens(1_834)).toBe("about 1,800 tokens");
    expect(formatTokens(3)).toBe("about 10 tokens");
  });

  test("times are told in the largest unit that fits", () => {
    expect(formatAgo(NOON - 20_000, NOON)).toBe("just now");
    expect(formatAgo(NOON + 5_000, NOON), "a clock that was set back").toBe("just now");
    expect(formatAgo(NOON - 90_000, NOON)).toBe("1 minute ago");
    expect(formatAgo(NOON - 3 * HOUR, NOON)).toBe("3 hours ago");
    expect(formatAgo(NOON - 50 * HOUR, NOON)).toBe("2 days ago");
    expect(formatDay(NOON - 2 * HOUR, NOON)).toBe("Today");
    expect(formatDay(NOON - 13 * HOUR, NOON)).toBe("Yesterday");
    expect(formatDay(NOON - 72 * HOUR, NOON)).toBe("Tuesday 11 August");
  });

  test("what was refused was not used", () => {
    expect(activityTitle(entry({}))).toBe("VS Code used read_file of files");
    expect(activityTitle(entry({ outcome: "refused", client: null }))).toBe(
      "An app asked for read_file of files",
    );
    expect(activityOutcome(entry({ outcome: null }))).toBe("Running");
    expect(activityOutcome(entry({ kind: "serverStarted" }))).toBeUndefined();
  });
});
