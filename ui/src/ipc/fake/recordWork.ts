import type { RecordState } from "../bindings/RecordState";
import type { RecordTask } from "../bindings/RecordTask";
import type { RecordWork } from "../bindings/RecordWork";
import type { FakeEngine } from "./engine";
import type { Handlers } from "./index";
import { matcher } from "./matching";
import { pictureOf } from "./picture";
import { Refusal } from "./refusal";
import type { Scene } from "./scenes";

type Names =
  | "activity_page"
  | "activity_detail"
  | "activity_choices"
  | "activity_picture"
  | "away"
  | "looked_at_activity"
  | "record_state"
  | "set_record_limits"
  | "set_record_rule"
  | "check_record"
  | "cancel_record_work"
  | "delete_activity"
  | "export_activity";

/** How long a step of a check or an export takes, and how many steps there are. */
const STEP_MS = 90;
const steps = (entries: number) => Math.min(60, Math.max(3, Math.ceil(entries / 20_000)));
const BYTES_EACH = 640;

/** The record: what stands in it, how long it is kept, and what is done with the whole of it. */
export function recordHandlers(engine: FakeEngine, scene: Scene): Pick<Handlers, Names> {
  const { record } = engine;
  let limits = { keepDays: null as number | null, keepMegabytes: null as number | null };
  let work: RecordWork | null = null;
  let cancelled = false;

  const move = (next: RecordWork | null) => {
    work = next;
    engine.tell({ event: "recordWorkMoved", payload: next });
  };
  const go = async (task: RecordTask, total: number) => {
    if (work) throw new Refusal("other", "Something is being done with the record already.");
    cancelled = false;
    try {
      const all = steps(total);
      for (let step = 0; step < all; step += 1) {
        move({ task, done: Math.floor((total * step) / all), total });
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
        if (cancelled) throw new Refusal("cancelled", "It was broken off.");
      }
    } finally {
      move(null);
    }
  };

  return {
    activity_page: ({ query }) => record.page(query.filter, query.before, query.limit),
    activity_detail: ({ id }) => {
      const detail = record.detail(id);
      if (!detail) throw new Refusal("other", "This entry is not on record any more.");
      return detail;
    },
    activity_choices: () => record.choices(),
    activity_picture: ({ filter, grouping, utcOffsetMinutes }) =>
      pictureOf(record, filter, grouping, utcOffsetMinutes),
    away: () => record.away(),
    looked_at_activity: ({ newest }) => {
      record.looked(newest);
      return null;
    },
    record_state: (): RecordState => ({
      entries: record.length,
      bytes: 98_304 + record.length * BYTES_EACH,
      oldest: record.oldestAt,
      folder: "/home/me/.local/share/drawbridge",
      ...limits,
      work,
    }),
    set_record_limits: ({ keepDays, keepMegabytes }) => {
      if (keepDays === 0 || keepMegabytes === 0) {
        throw new Refusal("invalidInput", "A limit is a number from 1 on.");
      }
      limits = { keepDays, keepMegabytes };
      engine.setting("How long the record is kept was changed.");
      return null;
    },
    set_record_rule: ({ server, rule }) => {
      engine.changeServer(server, { record: rule });
      engine.setting(`What is kept of the calls of ${server} was changed.`, server);
      return null;
    },
    check_record: async () => {
      const rows = record.length * 2;
      const from = record.oldestAt;
      await go("check", record.length);
      if (scene !== "record-broken") return { rows, from, broken: null };
      const entry = record.entry(Math.max(1, record.newest - 30));
      return {
        rows: rows - 60,
        from,
        broken: {
          entry: entry?.id ?? null,
          at: entry?.at ?? null,
          message: "A row was changed after it was written.",
        },
      };
    },
    cancel_record_work: () => {
      cancelled = true;
      return null;
    },
    delete_activity: () => {
      record.clear();
      engine.note({ kind: "recordShortened", note: "All activity was deleted." });
      return null;
    },
    export_activity: async ({ filter, form }) => {
      if (new URLSearchParams(location.search).get("chooses") === "nothing") return null;
      const [low, high] = record.range(filter);
      const entries = record.count(low, high, matcher(filter), 4_000);
      await go("export", entries);
      const ending = form === "csv" ? "csv" : "jsonl";
      return {
        path: `/home/me/Documents/activity-2026-08-14.${ending}`,
        entries,
        bytes: entries * (form === "csv" ? 210 : 480),
      };
    },
  };
}
