import { describe, expect, test, vi } from "vitest";
import type { ActivityFilter } from "../../src/ipc/bindings/ActivityFilter";
import type { ActivityQuery } from "../../src/ipc/bindings/ActivityQuery";
import type { PanelEvent } from "../../src/ipc/bindings/PanelEvent";
import { FakeRecord } from "../../src/ipc/fake/record";
import type { Host } from "../../src/ipc/host";
import { ActivityFeed } from "../../src/state/activity";
import { ANYTHING } from "../../src/state/activityFilter";

function feedOver(record: FakeRecord, slow?: (filter: ActivityFilter) => number) {
  const listeners = new Set<(event: PanelEvent) => void>();
  let failing = false;
  let pages = 0;
  const host = {
    call: async (_: string, args: { query: ActivityQuery }) => {
      pages += 1;
      const ms = slow?.(args.query.filter);
      if (ms !== undefined) await new Promise((resolve) => setTimeout(resolve, ms));
      if (failing) throw { code: "other", problem: { message: "The disk is gone.", detail: "" } };
      return record.page(args.query.filter, args.query.before, args.query.limit);
    },
    on: (listener: (event: PanelEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Host;
  const feed = new ActivityFeed(host);
  return {
    feed,
    recorded: () => {
      for (const listener of listeners) listener({ event: "activityRecorded" });
    },
    fail: (fails: boolean) => {
      failing = fails;
    },
    pages: () => pages,
  };
}

const ids = (feed: ActivityFeed) => feed.view().entries.map(({ id }) => id);
const descending = (list: number[]) => list.every((id, at) => at === 0 || id < (list[at - 1] ?? 0));

describe("the feed", () => {
  test("it reads on without a gap or a double", async () => {
    const { feed } = feedOver(new FakeRecord(1_000_000));
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    await feed.loadMore();
    await feed.loadMore();
    expect(ids(feed).length).toBe(300);
    expect(ids(feed)[299]).toBe(1_000_000 - 299);
    expect(descending(ids(feed))).toBe(true);
  });

  test("it knows where the record begins", async () => {
    const { feed } = feedOver(new FakeRecord(120));
    feed.follow();
    await vi.waitFor(() => expect(feed.view().more).toBe(true));
    await feed.loadMore();
    expect(feed.view().more).toBe(false);
    expect(ids(feed).length).toBe(120);
  });

  test("what is newer waits while it is held", async () => {
    const record = new FakeRecord(50);
    const { feed, recorded } = feedOver(record);
    feed.follow();
    await vi.waitFor(() => expect(ids(feed)[0]).toBe(50));
    feed.hold(true);
    record.add({ kind: "toolCall" });
    recorded();
    await vi.waitFor(() => expect(feed.view().held).toBe(1));
    expect(ids(feed)[0]).toBe(50);
    expect(feed.view().latest[0]?.id, "the home page shows it").toBe(51);
    feed.hold(false);
    expect(ids(feed)[0]).toBe(51);
  });

  test("a burst longer than a page leaves no gap, and a flood begins the list anew", async () => {
    const record = new FakeRecord(150);
    const { feed, recorded } = feedOver(record);
    feed.follow();
    await vi.waitFor(() => expect(ids(feed)[0]).toBe(150));
    for (let n = 0; n < 250; n += 1) record.add({ kind: "toolCall" });
    recorded();
    await vi.waitFor(() => expect(ids(feed)[0]).toBe(400));
    expect(new Set(ids(feed)).size).toBe(350);
    for (let n = 0; n < 2_000; n += 1) record.add({ kind: "toolCall" });
    recorded();
    await vi.waitFor(() => expect(ids(feed)[0]).toBe(2_400));
    expect(descending(ids(feed))).toBe(true);
    expect(feed.view().more).toBe(true);
    expect(ids(feed).at(-1)).toBe(2_400 - ids(feed).length + 1);
  });

  test("many events at once are few readings", async () => {
    const { feed, recorded, pages } = feedOver(new FakeRecord(20));
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    const before = pages();
    for (let n = 0; n < 100; n += 1) recorded();
    await vi.waitFor(() => expect(pages()).toBeGreaterThan(before));
    await new Promise((resolve) => setTimeout(resolve));
    expect(pages() - before).toBeLessThanOrEqual(2);
  });

  test("a call under way gets its end, also when it is no longer on the newest page", async () => {
    const record = new FakeRecord(0);
    const running = record.add({ kind: "toolCall", outcome: null });
    const { feed, recorded } = feedOver(record);
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    for (let n = 0; n < 130; n += 1) record.add({ kind: "toolCall" });
    recorded();
    await vi.waitFor(() => expect(ids(feed).length).toBe(131));
    record.finish(running.id, "failed", 12);
    recorded();
    await vi.waitFor(() => expect(feed.view().entries.at(-1)?.outcome).toBe("failed"));
  });

  test("a reading that fails keeps what was read and can be tried again", async () => {
    const { feed, fail } = feedOver(new FakeRecord(300));
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    fail(true);
    await feed.loadMore();
    expect(feed.view().error?.problem.message).toBe("The disk is gone.");
    expect(ids(feed).length).toBe(100);
    fail(false);
    await feed.loadMore();
    expect(feed.view().error).toBeUndefined();
    expect(ids(feed).length).toBe(200);
  });
});

describe("the feed of a filter", () => {
  const chat = { ...ANYTHING, client: "chat" };
  const rare = { ...ANYTHING, text: "nothing holds this" };

  test("it holds only what fits, and only that comes in at the top", async () => {
    const record = new FakeRecord(1_000);
    const { feed, recorded } = feedOver(record);
    feed.show(chat);
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    const before = ids(feed);
    expect(before).toHaveLength(100);
    expect(feed.view().entries.every(({ client }) => client === "chat")).toBe(true);
    record.add({ kind: "toolCall", client: "vscode" });
    record.add({ kind: "toolCall", client: "chat" });
    recorded();
    await vi.waitFor(() => expect(ids(feed)).toEqual([1_002, ...before]));
    feed.hold(true);
    record.add({ kind: "toolCall", client: "chat" });
    recorded();
    await vi.waitFor(() => expect(feed.view().held).toBe(1));
  });

  test("a page that holds little is followed by the next until there is enough", async () => {
    const record = new FakeRecord(0);
    for (let n = 0; n < 45_000; n += 1) {
      record.add({ kind: "toolCall", client: n % 9_000 === 0 ? "rare" : "other" });
    }
    const { feed, pages } = feedOver(record);
    feed.show({ ...ANYTHING, client: "rare" });
    feed.follow();
    await vi.waitFor(() => expect(feed.view()).toMatchObject({ kind: "ready", more: false }));
    expect(ids(feed)).toEqual([36_001, 27_001, 18_001, 9_001, 1]);
    expect(pages()).toBeLessThan(10);
  });

  test("what is new does not make it look through the whole record again", async () => {
    const record = new FakeRecord(200_000);
    const { feed, recorded, pages } = feedOver(record);
    feed.show(rare);
    feed.follow();
    await vi.waitFor(
      () => expect(feed.view()).toMatchObject({ kind: "ready", more: false }),
      5_000,
    );
    const before = pages();
    expect(before).toBeGreaterThan(19);
    record.add({ kind: "toolCall" });
    recorded();
    await vi.waitFor(() => expect(pages()).toBeGreaterThan(before));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pages() - before).toBeLessThanOrEqual(4);
  });

  test("looking further back can be broken off and gone on with", async () => {
    const { feed } = feedOver(new FakeRecord(1_000_000), () => 0);
    feed.show(rare);
    feed.follow();
    await vi.waitFor(() => expect(feed.view().lookedThrough).toBeGreaterThan(20_000));
    feed.stop();
    await vi.waitFor(() => expect(feed.view().loadingMore).toBe(false));
    const { lookedThrough, more } = feed.view();
    expect(more).toBe(true);
    await feed.loadMore();
    expect(feed.view().lookedThrough, "scrolling does not go on with it").toBe(lookedThrough);
    feed.goOn();
    await vi.waitFor(() => expect(feed.view().lookedThrough).toBeGreaterThan(lookedThrough));
    feed.stop();
  });

  test("another filter takes the place of one that is still being read", async () => {
    const record = new FakeRecord(0);
    for (let n = 0; n < 90_000; n += 1) {
      const client = n % 3_000 === 0 ? "rare" : n % 1_000 === 1 ? "chat" : "other";
      record.add({ kind: "toolCall", client });
    }
    const { feed } = feedOver(record, ({ client }) => (client === "rare" ? 60 : 0));
    feed.show({ ...ANYTHING, client: "rare" });
    const stop = feed.follow();
    await vi.waitFor(() => expect(feed.view().entries.length).toBeGreaterThan(3), { interval: 1 });
    expect(feed.view().loadingMore).toBe(true);
    feed.show(chat);
    expect(feed.view().settled).toBe(false);
    await vi.waitFor(() => expect(feed.view().more).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const clients = new Set(feed.view().entries.map(({ client }) => client));
    expect([...clients], "nothing of the first comes after").toEqual(["chat"]);
    stop();
  });

  test("what is shown stays until the new is there, if somebody looks", async () => {
    const { feed } = feedOver(new FakeRecord(1_000));
    feed.show(chat);
    const stop = feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    feed.show({ ...ANYTHING, client: "vscode" });
    expect(feed.view()).toMatchObject({ kind: "ready", settled: false });
    expect(feed.view().entries[0]?.client).toBe("chat");
    await vi.waitFor(() => expect(feed.view().entries[0]?.client).toBe("vscode"));
    stop();
    feed.show(chat);
    expect(feed.view()).toMatchObject({ kind: "loading", entries: [] });
  });

  test("the last hour moves on without being read anew", async () => {
    const { feed, pages } = feedOver(new FakeRecord(100));
    const from = Date.now() - 3_600_000;
    feed.show({ ...ANYTHING, from });
    feed.follow();
    await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
    const [before, read] = [ids(feed).length, pages()];
    feed.show({ ...ANYTHING, from: from + 600_000 });
    expect(feed.view().settled).toBe(true);
    expect(ids(feed).length).toBeLessThan(before);
    expect(pages()).toBe(read);
  });
});

test("after the record was emptied nothing of it is shown", async () => {
  const record = new FakeRecord(1_000);
  const { feed, recorded } = feedOver(record);
  feed.follow();
  await vi.waitFor(() => expect(feed.view().kind).toBe("ready"));
  record.clear();
  record.add({ kind: "recordShortened" });
  recorded();
  await vi.waitFor(() => expect(ids(feed)).toEqual([1_001]));
  expect(feed.view().more).toBe(false);
});

test("what ends between the shown while one reads further down does not move them", async () => {
  const record = new FakeRecord(0);
  const running = record.add({ kind: "toolCall", outcome: null });
  for (let n = 0; n < 30; n += 1) record.add({ kind: "toolCall", outcome: "failed" });
  const { feed, recorded } = feedOver(record);
  feed.show({ ...ANYTHING, outcomes: ["failed"] });
  feed.follow();
  await vi.waitFor(() => expect(ids(feed)).toHaveLength(30));
  record.add({ kind: "toolCall", outcome: "failed" });
  feed.hold(true);
  for (let n = 0; n < 120; n += 1) record.add({ kind: "toolCall", outcome: "failed" });
  record.finish(running.id, "failed", 3);
  recorded();
  await vi.waitFor(() => expect(feed.view().held).toBeGreaterThan(0));
  expect(ids(feed)).toHaveLength(30);
});
