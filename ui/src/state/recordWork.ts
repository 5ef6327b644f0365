import { useEffect, useState, useSyncExternalStore } from "react";
import type { ActivityFilter } from "../ipc/bindings/ActivityFilter";
import type { Away } from "../ipc/bindings/Away";
import type { ExportForm } from "../ipc/bindings/ExportForm";
import type { RecordRule } from "../ipc/bindings/RecordRule";
import type { RecordTask } from "../ipc/bindings/RecordTask";
import type { RecordWork } from "../ipc/bindings/RecordWork";
import { orSay, withServer } from "./actions";
import { type Panel, usePanel } from "./panel";
import { formatBytes, formatCount, plural } from "./words";

export function useRecordWork(): RecordWork | null {
  const { work } = usePanel();
  return useSyncExternalStore(work.subscribe, work.work);
}

/** Grows after something was put on record, at most once in so many milliseconds. */
export function useRecorded(everyMs: number): number {
  const { host } = usePanel();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = host.on(({ event }) => {
      if (event !== "activityRecorded" || timer !== undefined) return;
      timer = setTimeout(
        () => {
          timer = undefined;
          last = Date.now();
          setTurn((before) => before + 1);
        },
        Math.max(0, last + everyMs - Date.now()),
      );
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [host, everyMs]);
  return turn;
}

/** Says that all up to this entry was seen. What comes of it shows the next time it is asked. */
export function lookedAt(panel: Panel, newest: number): Promise<void> {
  const told = panel.host.call("looked_at_activity", { newest }).then(
    () => {},
    () => {
      // The card on the home page stays: nothing is lost by that.
    },
  );
  telling = Promise.all([telling, told]);
  return told;
}

/** What was said to be seen and has not arrived yet: it has to before one asks what was not. */
let telling: Promise<unknown> = Promise.resolve();

export async function readAway(panel: Panel): Promise<Away | null> {
  await telling;
  return panel.host.call("away");
}

/** Whoever opens or leaves the whole list has seen what was newest in it. */
export function useLookingAtAll(all: boolean) {
  const panel = usePanel();
  useEffect(() => {
    if (!all) return;
    const { feed } = panel;
    let told = 0;
    const tell = () => {
      const newest = feed.view().entries[0]?.id ?? 0;
      if (newest <= told) return;
      told = newest;
      void lookedAt(panel, newest);
    };
    tell();
    const stop = feed.subscribe(() => told === 0 && tell());
    return () => {
      stop();
      tell();
    };
  }, [panel, all]);
}

export const WORK_WORDS: Record<RecordTask, { doing: string; name: string }> = {
  check: { doing: "Checking the record", name: "check" },
  export: { doing: "Writing entries to a file", name: "export" },
  index: { doing: "Making older entries findable", name: "search index" },
};

/** How far it is, in words. */
export function workWords({ task, done, total }: RecordWork): string {
  return `${WORK_WORDS[task].doing}: ${formatCount(done)} of about ${formatCount(Math.max(done, total))}`;
}

export async function exportActivity(panel: Panel, filter: ActivityFilter, form: ExportForm) {
  const action = async () => {
    const made = await panel.host.call("export_activity", { filter, form });
    if (made === null) return;
    const { path, entries, bytes } = made;
    const text = `${plural(entries, "entry was", "entries were")} written to ${path} (${formatBytes(bytes)}).`;
    panel.notices.show({ tone: "done", text });
  };
  return orSay(panel, "The entries were not exported.", action());
}

export const cancelRecordWork = (panel: Panel) =>
  orSay(panel, "It goes on.", panel.host.call("cancel_record_work"));

export function setRecordRule(panel: Panel, server: string, rule: RecordRule) {
  const action = panel.store.guess(
    withServer(server, (each) => ({ ...each, record: rule })),
    () => panel.host.call("set_record_rule", { server, rule }),
  );
  return orSay(panel, `The choice for ${server} was not changed.`, action);
}
