import { describe, expect, test } from "vitest";
import type { ActivityPicture } from "../../src/ipc/bindings/ActivityPicture";
import type { ActivitySeries } from "../../src/ipc/bindings/ActivitySeries";
import {
  barsOf,
  edgeWords,
  isAdded,
  legendOf,
  REST,
  scaleWords,
  toggled,
} from "../../src/state/picture";

const HOUR = 3_600_000;
const FROM = new Date(2026, 7, 14, 10).getTime();

const of = (names: Partial<ActivitySeries>, ...counts: number[]): ActivitySeries => ({
  client: null,
  server: null,
  tool: null,
  ...names,
  counts,
});
const picture = (rest: Partial<ActivityPicture> = {}): ActivityPicture => ({
  from: FROM,
  barMs: HOUR,
  bars: 3,
  series: [of({ client: "vscode" }, 8, 0, 1), of({ client: "chat" }, 2, 0, 4), of({}, 0, 0, 5)],
  withoutText: false,
  ...rest,
});

describe("bars", () => {
  test("stand side by side without a gap, as high as they are many", () => {
    const bars = barsOf(picture());
    expect(bars.map(({ total }) => total)).toEqual([10, 0, 10]);
    expect(bars.map(({ height }) => height)).toEqual([1, 0, 1]);
    expect(bars.map(({ from, until }) => [from, until])).toEqual([
      [FROM, FROM + HOUR],
      [FROM + HOUR, FROM + 2 * HOUR],
      [FROM + 2 * HOUR, FROM + 3 * HOUR],
    ]);
  });

  test("are divided in the order of the legend, and the rest has a place of its own", () => {
    const [first, second, third] = barsOf(picture());
    expect(first?.parts).toEqual([
      { place: 0, count: 8 },
      { place: 1, count: 2 },
    ]);
    expect(second?.parts).toEqual([]);
    expect(third?.parts.at(-1)).toEqual({ place: REST, count: 5 });
    const six = Array.from({ length: 6 }, (_, n) => of({ client: `app-${n}` }, 1));
    const whole = picture({ bars: 1, series: [...six, of({}, 1)] });
    expect(barsOf(whole)[0]?.parts.map(({ place }) => place)).toEqual([0, 1, 2, 3, 4, 5, REST]);
  });

  test("say when, how many and of whom", () => {
    const [first, second] = barsOf(picture());
    expect(first?.label).toBe("14 Aug 2026, 10:00 to 11:00: 10. VS Code 8, chat 2");
    expect(second?.label).toBe("14 Aug 2026, 11:00 to 12:00: nothing");
  });

  test("of days begin at midnight, also where the clock moved by an hour", () => {
    const midnight = new Date(2026, 7, 14).getTime();
    const day = picture({ from: midnight + HOUR, barMs: 24 * HOUR, bars: 1 });
    expect(barsOf(day)[0]?.from).toBe(midnight);
    const before = picture({ from: midnight - HOUR, barMs: 24 * HOUR, bars: 1 });
    expect(barsOf(before)[0]?.from).toBe(midnight);
    expect(barsOf(before)[0]?.label).toMatch(/^14 Aug 2026: /);
  });

  test("one that is tiny beside another is still there", () => {
    const bars = barsOf(picture({ bars: 2, series: [of({ client: "a" }, 1, 1_000_000)] }));
    expect(bars[0]?.height).toBeGreaterThan(0);
    expect(barsOf(picture({ bars: 0, series: [] }))).toEqual([]);
  });
});

describe("the legend", () => {
  test("names each with its number and what it adds to the filter", () => {
    expect(legendOf(picture())).toEqual([
      { place: 0, label: "VS Code", total: 9, adds: { client: "vscode" } },
      { place: 1, label: "chat", total: 6, adds: { client: "chat" } },
      { place: REST, label: "All others", total: 5, adds: undefined },
    ]);
    const tools = picture({ series: [of({ server: "files", tool: "read_file" }, 1, 1, 1)] });
    expect(legendOf(tools)).toEqual([
      {
        place: 0,
        label: "read_file of files",
        total: 3,
        adds: { server: "files", subject: "read_file" },
      },
    ]);
  });

  test("a name is set by a press and taken away by another", () => {
    const adds = { server: "files", subject: "read_file" };
    const set = toggled({ text: "a", server: "git" }, adds);
    expect(set).toEqual({ text: "a", server: "files", subject: "read_file" });
    expect(isAdded(set, adds)).toBe(true);
    expect(toggled(set, adds)).toEqual({ text: "a" });
    expect(isAdded({ server: "files" }, adds)).toBe(false);
  });
});

test("the scale is told in words", () => {
  const words = (barMs: number) => {
    const one = picture({ barMs });
    return scaleWords(one, barsOf(one));
  };
  expect(words(HOUR)).toBe("A bar is 1 hour, the highest holds 10.");
  expect(words(15 * 60_000)).toBe("A bar is 15 minutes, the highest holds 10.");
  expect(words(7 * 24 * HOUR)).toBe("A bar is 7 days, the highest holds 10.");
  expect(edgeWords(FROM, HOUR, FROM)).toBe("14 Aug 2026, 10:00");
  expect(edgeWords(FROM, 24 * HOUR, FROM)).toBe("14 Aug 2026");
  expect(edgeWords(FROM + HOUR, HOUR, FROM)).toBe("now");
});
