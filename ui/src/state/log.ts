import { useEffect, useState } from "react";
import type { CommandError } from "../ipc/bindings/CommandError";
import type { LogLine } from "../ipc/bindings/LogLine";
import { commandError, type Host } from "../ipc/host";
import { usePanel } from "./panel";

/** As many lines as the engine keeps. */
const MOST = 2_000;

export type LogView =
  | { kind: "loading" }
  | { kind: "failed"; error: CommandError }
  | { kind: "ready"; lines: readonly LogLine[] };

/** The engine watches one log at a time, so starting and stopping keep their order. */
let order: Promise<unknown> = Promise.resolve();
const inOrder = <T>(action: () => Promise<T>): Promise<T> => {
  const done = order.then(action, action);
  order = done.catch(() => {});
  return done;
};

/** Whose log it is: how it is read and told, and how telling ends. */
type Source = {
  event: "logAppended" | "ollamaLogAppended";
  read: () => Promise<LogLine[]>;
  end: () => Promise<unknown>;
};

export function follow(host: Host, server: string, show: (view: LogView) => void): () => void {
  const read = () => host.call("server_log", { server, watch: true });
  const end = () => host.call("stop_log");
  return followSource(host, { event: "logAppended", read, end }, show);
}

export function followOllama(host: Host, show: (view: LogView) => void): () => void {
  const read = () => host.call("ollama_log", { watch: true });
  const end = () => host.call("stop_ollama_log");
  return followSource(host, { event: "ollamaLogAppended", read, end }, show);
}

function followSource(host: Host, source: Source, show: (view: LogView) => void): () => void {
  let lines: readonly LogLine[] = [];
  let listening = true;
  let answered = false;
  let stop = () => {};
  const add = (more: readonly LogLine[]) => {
    const last = lines.at(-1)?.seq ?? 0;
    const later = more.filter(({ seq }) => seq > last);
    lines = [...lines, ...later].slice(-MOST);
    if (answered) show({ kind: "ready", lines });
  };
  void inOrder(async () => {
    if (!listening) return;
    // Lines that come before the answer are part of it: what it says first is older.
    const early: LogLine[] = [];
    stop = host.on((event) => {
      if (event.event !== source.event || !listening) return;
      if (answered) add(event.payload);
      else early.push(...event.payload);
    });
    const first = await source.read();
    answered = true;
    add(first);
    add(early);
  }).catch((thrown: unknown) => {
    if (listening) show({ kind: "failed", error: commandError(thrown) });
  });
  return () => {
    if (!listening) return;
    listening = false;
    void inOrder(async () => {
      stop();
      await source.end();
    }).catch(() => {
      // Nothing is shown any more, and the next log that is opened ends this one.
    });
  };
}

/** A server's log, as it grows. Give the component a `key` of the server's name. */
export function useServerLog(server: string): LogView {
  const { host } = usePanel();
  const [view, show] = useState<LogView>({ kind: "loading" });
  useEffect(() => follow(host, server, show), [host, server]);
  return view;
}

/** The log of the Ollama that Drawbridge starts, as it grows. */
export function useOllamaLog(): LogView {
  const { host } = usePanel();
  const [view, show] = useState<LogView>({ kind: "loading" });
  useEffect(() => followOllama(host, show), [host]);
  return view;
}
