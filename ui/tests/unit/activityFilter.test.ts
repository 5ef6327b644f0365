import { describe, expect, test } from "vitest";
import {
  ANYTHING,
  type Chosen,
  chipsOf,
  dateField,
  filterOf,
  isChosen,
  KINDS,
  OUTCOMES,
  REASONS,
  readChosen,
  readDate,
  spanOf,
  spanWords,
  tidied,
  writeChosen,
} from "../../src/state/activityFilter";
import { href, parseRoute } from "../../src/state/route";

const NOW = new Date(2026, 7, 14, 15, 30, 20).getTime();
const at = (day: number, hour = 0, minute = 0) => new Date(2026, 7, day, hour, minute).getTime();

const ALL: Chosen = {
  text: "train to oslo",
  from: at(1),
  until: at(4),
  client: "vscode",
  server: "files",
  subject: "read_file",
  decisions: ["refused"],
  reasons: ["mode", "pause"],
  outcomes: ["failed", "refused"],
  kinds: ["toolCall", "promptUse"],
};

describe("what was chosen stands in the address", () => {
  const odd = [
    "a b",
    " a",
    "a&b=c#d?e/f%g+h",
    "100%",
    "“Grüße” 日本 👩‍👩‍👧",
    'quote" \\ back',
    "app=x&text=y",
    "line\nbreak\ttab",
  ];
  test.each<Chosen>([
    {},
    ALL,
    { time: "week", kinds: [...KINDS], reasons: [...REASONS], outcomes: [...OUTCOMES] },
    { from: 0 },
    ...odd.map((text) => ({ text })),
    ...odd.map((name) => ({ client: name, server: name, subject: name })),
  ])("%j is read as it was written", (chosen) => {
    expect(readChosen(writeChosen(chosen))).toEqual(chosen);
    for (const entry of [undefined, 12]) {
      const route = parseRoute(href({ page: "activity", entry, chosen }));
      expect(route).toEqual({
        page: "activity",
        entry,
        ...(isChosen(chosen) && { chosen }),
      });
    }
  });

  test("what was not chosen is not written", () => {
    expect(writeChosen({ text: "  ", kinds: [] })).toBe("");
    expect(href({ page: "activity", entry: 3, chosen: {} })).toBe("#/activity/3");
    expect(href({ page: "activity", entry: 12, chosen: { text: "a" } })).toBe(
      "#/activity/12?text=a",
    );
  });

  test("what is not known, or no moment, is left out", () => {
    expect(readChosen("?time=noon&kind=toolCall,sandwich&reason=&from=-1&until=1e99&x=y")).toEqual({
      kinds: ["toolCall"],
    });
    expect(readChosen("?from=99999999999999999999")).toEqual({});
    expect(readChosen("?from=5&time=today"), "a name stands over moments").toEqual({
      time: "today",
    });
  });
});

describe("what is asked of the record", () => {
  test("nothing chosen is anything", () => {
    expect(filterOf({}, NOW)).toEqual(ANYTHING);
    expect(filterOf(tidied({ text: " " }), NOW)).toEqual(ANYTHING);
  });

  test("everything chosen is asked for", () => {
    expect(filterOf({ ...ALL, text: " train " }, NOW)).toEqual({
      text: "train",
      from: at(1),
      until: at(4),
      client: "vscode",
      server: "files",
      subject: "read_file",
      decisions: ["refused"],
      reasons: ["mode", "pause"],
      outcomes: ["failed", "refused"],
      kinds: ["toolCall", "promptUse"],
    });
  });

  test("a span by its name is worked out from now", () => {
    expect(spanOf({ time: "hour" }, NOW)).toEqual({ from: at(14, 14, 30), until: null });
    expect(spanOf({ time: "today" }, NOW)).toEqual({ from: at(14), until: null });
    expect(spanOf({ time: "yesterday" }, NOW)).toEqual({ from: at(13), until: at(14) });
    expect(spanOf({ time: "week" }, NOW)).toEqual({ from: at(8), until: null });
    expect(spanOf({ time: "month" }, NOW).from).toBe(new Date(2026, 6, 16).getTime());
  });
});

describe("chips", () => {
  test("each says what it stands for, and what is left without it", () => {
    const chips = chipsOf(ALL);
    expect(chips.map(({ label }) => label)).toEqual([
      "“train to oslo”",
      "1 Aug 2026 to 3 Aug 2026",
      "App: VS Code",
      "Server: files",
      "Tool: read_file",
      "Refused",
      "Because: How the tool is set",
      "Because: A pause",
      "Ended: Failed",
      "Ended: Refused",
      "Tool used",
      "Prompt used",
    ]);
    expect(new Set(chips.map(({ key }) => key)).size, "each by a key of its own").toBe(12);
    const { from: _from, until: _until, ...rest } = ALL;
    expect(chips[1]?.rest).toEqual(rest);
    expect(chips[7]?.rest).toEqual({ ...ALL, reasons: ["mode"] });
  });

  test("a name that hides characters shows them", () => {
    expect(chipsOf({ client: "chat\u202Etxt" })[0]?.label).toBe("App: chat[U+202E]txt");
    expect(chipsOf({ client: "chat\u202Etxt" })[0]?.rest).toEqual({});
  });

  test("taking away one after the other leaves nothing", () => {
    let chosen = ALL;
    for (let [chip] = chipsOf(chosen); chip; [chip] = chipsOf(chosen)) chosen = chip.rest;
    expect(chosen).toEqual({});
    expect(chipsOf({ time: "today" })[0]).toMatchObject({ label: "Today", rest: {} });
  });

  test("days are told as days, the rest with the clock", () => {
    expect(spanWords({ from: at(3), until: at(4) })).toBe("3 Aug 2026");
    expect(spanWords({ from: at(3) })).toBe("Since 3 Aug 2026");
    expect(spanWords({ until: at(3) })).toBe("Until 2 Aug 2026");
    expect(spanWords({ from: at(3, 10), until: at(3, 11) })).toBe("3 Aug 2026, 10:00 to 11:00");
    expect(spanWords({ from: at(3, 23), until: at(4, 1) })).toBe(
      "3 Aug 2026, 23:00 to 4 Aug 2026, 01:00",
    );
    expect(spanWords({ from: at(3, 23, 5) })).toBe("Since 3 Aug 2026, 23:05");
    expect(spanWords({})).toBeUndefined();
  });
});

test("a date is written and read by the person's clock, whole days from midnight", () => {
  expect(dateField(at(3, 17))).toBe("2026-08-03");
  expect(readDate("2026-08-03")).toBe(at(3));
  expect(readDate("2026-08-03", 1)).toBe(at(4));
  expect(readDate("2026-12-31", 1)).toBe(new Date(2027, 0, 1).getTime());
  for (const wrong of ["", "2026-02-30", "0020-08-03", "tomorrow", "2026-8"]) {
    expect(readDate(wrong), wrong).toBeUndefined();
  }
});
