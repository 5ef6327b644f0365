import { describe, expect, test, vi } from "vitest";
import type { PanelEvent } from "../../src/ipc/bindings/PanelEvent";
import { FakeRecord } from "../../src/ipc/fake/record";
import type { Host } from "../../src/ipc/host";
import { ActivityFeed } from "../../src/state/activity";

function feedOver(record: FakeRecord) {
  const listeners = new Set<(event: PanelEvent) => void>();
  let failing = false;
  let pages = 0;
  const host = {
    call: async (_: string, args: { query: { before: number | null; limit: number } }) => {
      pages += 1;
      if (failing) throw { code: "other", problem: { message: "The disk is gone.", detail: "" } };
      return record.page(args.query.before, args.query.limit);
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
