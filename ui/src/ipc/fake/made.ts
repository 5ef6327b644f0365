import type { ActivityDetail } from "../bindings/ActivityDetail";
import type { ActivityEntry } from "../bindings/ActivityEntry";
import type { ActivityReason } from "../bindings/ActivityReason";
import type { RecordRule } from "../bindings/RecordRule";

const CALLS: [client: string, server: string, tool: string][] = [
  ["vscode", "files", "read_file"],
  ["vscode", "git", "git_status"],
  ["vscode", "files", "list_folder"],
  ["chat", "weather", "forecast"],
  ["vscode", "computer", "time"],
  ["chat", "files", "find_files"],
];
const PLACES = ["oslo", "bergen", "lisbon", "kyoto", "granada"];
/** How far made-up entries lie apart, in milliseconds. */
const APART_MS = 73_000;

const REFUSALS: [reason: ActivityReason, note: string][] = [
  ["mode", "move_file of files is off. It can be switched on in the panel under Tools."],
  ["pause", "all tools are paused. They can be resumed from the tray or the panel."],
  ["person", "you denied this call."],
  ["timeOut", "nobody answered in time."],
  ["pin", "move_file of files is new or changed, and nobody has looked at it yet."],
];

export const BLANK: Omit<ActivityEntry, "id" | "at" | "kind"> = {
  client: null,
  server: null,
  subject: null,
  decision: null,
  reason: null,
  outcome: "succeeded",
  durationMs: null,
  note: null,
};

/** An entry that is made up when it is read: always the same for the same number. */
export function madeEntry(id: number, length: number, opened: number): ActivityEntry {
  const base = { ...BLANK, id, at: opened - 45_000 - (length - id) * APART_MS };
  if (id % 41 === 0) {
    return {
      ...base,
      kind: "requestRefused",
      decision: "refused",
      reason: "guard",
      outcome: "refused",
      note: "A web page on https://example.org tried to connect. Pages are not let in.",
    };
  }
  if (id % 61 === 0) {
    return {
      ...base,
      kind: "serverCrashed",
      server: "weather",
      outcome: "failed",
      note: "It ended with code 1 and is started again.",
    };
  }
  if (id % 53 === 0) {
    return {
      ...base,
      kind: "answerGiven",
      client: "vscode",
      server: "git",
      subject: "git_commit",
      note: "VS Code may use git_commit of git from now on.",
    };
  }
  if (id % 37 === 0) {
    return {
      ...base,
      kind: "toolsChanged",
      server: "files",
      subject: "write_file",
      note: "write_file of files is not as it was. It waits until you have looked at it.",
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
  return madeCall(id, base);
}

function madeCall(id: number, base: Omit<ActivityEntry, "kind">): ActivityEntry {
  const [client, server, subject] = CALLS[id % CALLS.length] ?? ["vscode", "files", "read_file"];
  const call = { ...base, kind: "toolCall" as const, client, server, subject };
  if (id % 11 === 0) {
    const [reason, note] = REFUSALS[id % REFUSALS.length] ?? ["mode", "it is off."];
    return {
      ...call,
      subject: "move_file",
      server: "files",
      decision: "refused",
      reason,
      outcome: "refused",
      note: `Drawbridge refused this: ${note}`,
    };
  }
  const decision = "allowed" as const;
  if (id % 7 === 0) {
    return {
      ...call,
      decision,
      reason: "mode",
      outcome: "failed",
      durationMs: 31,
      note: `The server said: ENOENT: no such file or directory, open 'trips/${placeOf(id)}.md'`,
    };
  }
  const reason = id % 13 === 0 ? "person" : id % 5 === 0 ? "rememberedAnswer" : "mode";
  return { ...call, decision, reason, durationMs: 8 + ((id * 131) % 2400) };
}

export const placeOf = (id: number) => PLACES[id % PLACES.length] ?? "oslo";

/** What was asked and what came back, as far as the rule keeps it. */
export function madeDetail(entry: ActivityEntry, rule: RecordRule): ActivityDetail {
  const call = entry.kind === "toolCall";
  const ran = call && (entry.outcome === "succeeded" || entry.outcome === "failed");
  const place = placeOf(entry.id);
  const said =
    entry.outcome === "failed"
      ? `ENOENT: no such file or directory, open 'trips/${place}.md'`
      : `# ${place}\n\nTrain at 9.12, platform 4. Ask for window seats, and mind that the return ticket is only valid on the same line.`;
  const asked = { path: `trips/${place}.md` };
  const back = {
    content: [{ type: "text", text: said }],
    ...(entry.outcome === "failed" && { isError: true }),
  };
  const waitedMs = entry.reason === "person" ? 12_400 : entry.reason === "timeOut" ? 120_000 : null;
  return {
    entry,
    clientSays: entry.client === "vscode" ? "Visual Studio Code 1.104.2" : null,
    waitedMs: call ? waitedMs : null,
    endedAt:
      call && entry.outcome !== null ? entry.at + (waitedMs ?? 0) + (entry.durationMs ?? 0) : null,
    request: call ? String(entry.id % 400) : null,
    upstreamRequest: ran ? String((entry.id * 3) % 900) : null,
    arguments: call ? kept(asked, rule) : null,
    argumentsBytes: call ? JSON.stringify(asked).length : null,
    result: ran ? kept(back, rule) : null,
    resultBytes: ran ? JSON.stringify(back).length : null,
    keptLess: call && rule !== "content",
  };
}

function kept(value: unknown, rule: RecordRule): string | null {
  if (rule === "nothing") return null;
  return JSON.stringify(rule === "content" ? value : shapeOf(value), null, 2);
}

function shapeOf(value: unknown): unknown {
  if (typeof value === "string") return `text of ${value.length} characters`;
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}
