import type { ActivityDetail } from "../bindings/ActivityDetail";
import type { ActivityEntry } from "../bindings/ActivityEntry";
import type { ActivityKind } from "../bindings/ActivityKind";
import type { ActivityOutcome } from "../bindings/ActivityOutcome";
import type { ActivityPage } from "../bindings/ActivityPage";

type Draft = Partial<ActivityEntry> & { kind: ActivityKind };

const CALLS: [client: string, server: string, tool: string][] = [
  ["vscode", "files", "read_file"],
  ["vscode", "git", "git_status"],
  ["vscode", "files", "list_folder"],
  ["chat", "weather", "forecast"],
  ["vscode", "computer", "time"],
  ["chat", "files", "find_files"],
];

/** A record of any length: old entries are made up when they are read, later ones are kept. */
export class FakeRecord {
  #kept: ActivityEntry[] = [];
  readonly #synthesised: number;
  readonly #opened = Date.now();

  constructor(synthesised: number) {
    this.#synthesised = synthesised;
  }

  get newest(): number {
    return this.#synthesised + this.#kept.length;
  }

  add(draft: Draft): ActivityEntry {
    const entry: ActivityEntry = {
      id: this.newest + 1,
      at: Date.now(),
      client: null,
      server: null,
      subject: null,
      outcome: "succeeded",
      durationMs: null,
      note: null,
      ...draft,
    };
    this.#kept.push(entry);
    return entry;
  }

  finish(id: number, outcome: ActivityOutcome, durationMs: number, note: string | null = null) {
    this.#kept = this.#kept.map((entry) =>
      entry.id === id ? { ...entry, outcome, durationMs, note } : entry,
    );
  }

  entry(id: number): ActivityEntry | undefined {
    if (id < 1 || id > this.newest) return undefined;
    if (id > this.#synthesised) return this.#kept[id - this.#synthesised - 1];
    return this.#synthesise(id);
  }

  page(before: number | null, limit: number): ActivityPage {
    const from = before === null ? this.newest : Math.min(before - 1, this.newest);
    const entries: ActivityEntry[] = [];
    for (let id = from; id > 0 && entries.length < Math.min(limit, 200); id -= 1) {
      const entry = this.entry(id);
      if (entry) entries.push(entry);
    }
    return { entries, more: from - entries.length > 0 };
  }

  detail(id: number): ActivityDetail | undefined {
    const entry = this.entry(id);
    if (!entry) return undefined;
    const call = entry.kind === "toolCall";
    const ran = entry.outcome === "succeeded" || entry.outcome === "failed";
    const result =
      entry.outcome === "failed"
        ? `{\n  "content": [\n    {\n      "type": "text",\n      "text": "ENOENT: no such file or directory, open 'trips/oslo.md'"\n    }\n  ],\n  "isError": true\n}`
        : `{\n  "content": [\n    {\n      "type": "text",\n      "text": "# Oslo\\n\\nTrain at 9.12, platform 4. Ask for window seats, and mind that the return ticket is only valid on the same line."\n    }\n  ]\n}`;
    return {
      entry,
      arguments: call ? `{\n  "path": "trips/oslo.md"\n}` : null,
      result: call && ran ? result : null,
      resultBytes: call && ran ? result.length : null,
    };
  }

  #synthesise(id: number): ActivityEntry {
    const age = this.#synthesised - id;
    const base = {
      id,
      at: this.#opened - 45_000 - age * 73_000,
      client: null,
      server: null,
      subject: null,
      outcome: "succeeded" as ActivityOutcome,
      durationMs: null,
      note: null,
    };
    if (id % 41 === 0) {
      return {
        ...base,
        kind: "requestRefused",
        outcome: "refused",
        note: "A web page on https://example.org tried to connect. Pages are not let in.",
      };
    }
    if (id % 29 === 0) return { ...base, kind: "serverStarted", server: "files" };
    if (id % 23 === 0) {
      return {
        ...base,
        kind: "settingChanged",
        server: "files",
        subject: "write_file",
        note: "write_file of files was set to Ask.",
      };
    }
    const [client, server, subject] = CALLS[id % CALLS.length] ?? ["vscode", "files", "read_file"];
    const call = { ...base, kind: "toolCall" as const, client, server, subject };
    if (id % 11 === 0) {
      return {
        ...call,
        subject: "move_file",
        server: "files",
        outcome: "refused",
        note: "Drawbridge refused this: move_file of files is off. It can be switched on in the panel under Tools.",
      };
    }
    if (id % 7 === 0) {
      return {
        ...call,
        outcome: "failed",
        durationMs: 31,
        note: "The server said: ENOENT: no such file or directory, open 'trips/oslo.md'",
      };
    }
    return { ...call, durationMs: 8 + ((id * 131) % 2400) };
  }
}
