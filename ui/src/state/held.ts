import type { Held } from "../ipc/bindings/Held";
import type { ServerView } from "../ipc/bindings/ServerView";
import type { ToolDifference } from "../ipc/bindings/ToolDifference";
import type { ToolField } from "../ipc/bindings/ToolField";
import type { ToolFinding } from "../ipc/bindings/ToolFinding";
import type { ToolFindingKind } from "../ipc/bindings/ToolFindingKind";
import type { ToolView } from "../ipc/bindings/ToolView";
import { plural } from "./words";

export const HELD_WORDS: Record<Held, string> = {
  new: "New",
  changed: "Changed",
  found: "Held back",
};

export const FIELD_WORDS: Record<ToolField, string> = {
  title: "Title",
  description: "What the server says it does",
  inputSchema: "What it takes",
  outputSchema: "What it gives back",
  annotations: "What the server claims about it",
};

/** Held tools that apps could use once they are accepted: one that is off can wait. */
export const waitingTools = ({ tools }: ServerView): ToolView[] =>
  tools.filter(({ held, mode }) => held !== null && mode !== "off");

/** What waits, in a sentence: "2 tools of “files” are new or changed." */
export function heldSentence(server: string, tools: readonly ToolView[]): string {
  const states = [
    tools.some(({ held }) => held === "new") && "new",
    tools.some(({ held }) => held === "changed") && "changed",
    tools.some(({ held }) => held === "found") && "held back for what the server says of them",
  ].filter((word) => word !== false);
  const one = tools.length === 1;
  const words = listWords(states, "or");
  return `${plural(tools.length, "tool")} of “${server}” ${one ? "is" : "are"} ${one ? words.replace("of them", "of it") : words}.`;
}

/** "a, b and c". */
export function listWords(words: readonly string[], last: "and" | "or"): string {
  if (words.length < 2) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** What was found, after "Held back because" or standing alone. */
const FOUND: Record<ToolFindingKind, { because: string; remark: string }> = {
  hiddenCharacters: {
    because: "it holds characters that cannot be seen.",
    remark: "It holds characters that cannot be seen.",
  },
  instructionsToTheModel: {
    because: "it gives orders to the model behind the app.",
    remark: "It may give orders to the model behind the app.",
  },
  otherServersTools: {
    because: "it speaks of tools of other servers.",
    remark: "It speaks of tools of other servers.",
  },
  shadowedName: {
    because: "its name is, or looks like, that of another server’s tool.",
    remark: "Its name looks like that of another server’s tool.",
  },
  encodedContent: {
    because: "it holds text that has to be decoded to be read.",
    remark: "It holds text that has to be decoded to be read.",
  },
  secret: {
    because: "it holds what looks like a key, token or password.",
    remark: "It holds what looks like a key, token or password.",
  },
  unreadable: {
    because: "it could not be looked through.",
    remark: "A part of it could not be looked through.",
  },
};

export function findingWords({ kind, severe }: ToolFinding): string {
  return severe ? `Held back because ${FOUND[kind].because}` : FOUND[kind].remark;
}

/** The severe ones first, the rest in their order. */
export const bySeverity = (findings: readonly ToolFinding[]): ToolFinding[] =>
  [...findings].sort((a, b) => Number(b.severe) - Number(a.severe));

const PLACES: Record<string, string> = {
  name: "in its name",
  title: "in its title",
  description: "in its description",
  inputSchema: "in what it takes",
  outputSchema: "in what it gives back",
  annotations: "in what the server claims about it",
};

/** Where it stands, for people; the exact place stands beside it. */
export const placeWords = (place: string): string =>
  PLACES[place.split(/[.[]/, 1)[0] ?? ""] ?? "in what the server says of it";

/** Whether the person has never seen the tool, so that there is nothing to compare it with. */
export function neverSeen({ tool, fields }: ToolDifference): boolean {
  if (tool.held === "new") return true;
  const whole = fields.some(({ field }) => field === "inputSchema");
  return whole && fields.every(({ pieces }) => pieces.every(({ kind }) => kind === "added"));
}

/** Why apps cannot use the tool. */
export function whyHeld(difference: ToolDifference): string {
  const { tool, fields } = difference;
  if (neverSeen(difference)) return "You have not seen this tool yet.";
  if (tool.held === "changed" || fields.length > 0) {
    return "What the server says of it is no longer what you saw.";
  }
  return "It is as you saw it. What the server says of it deserves a second look.";
}

/** Names what was shown, so that the same tool counts as another one once it has changed. */
export const shownKey = ({ tool, fingerprint }: ToolDifference): string =>
  JSON.stringify([tool.name, fingerprint]);

/** All of a held tool that the person looks at; its mode is theirs and does not count. */
function appearance({ mode: _, modeSource: __, ...rest }: ToolView): string {
  return JSON.stringify(rest);
}

/**
 * Whether the tools that are held now are others than those that were loaded. `done` are those the
 * person has accepted meanwhile, `pending` those that are being accepted: of these either is right.
 */
export function isOutdated(
  loaded: readonly ToolDifference[],
  now: readonly ToolView[],
  done: ReadonlySet<string>,
  pending: ReadonlySet<string>,
): boolean {
  const held = new Map(
    now.filter((tool) => tool.held !== null).map((tool) => [tool.name, appearance(tool)]),
  );
  for (const difference of loaded) {
    const { name } = difference.tool;
    const current = held.get(name);
    held.delete(name);
    if (pending.has(shownKey(difference))) continue;
    if (done.has(shownKey(difference))) {
      if (current !== undefined) return true;
    } else if (current !== appearance(difference.tool)) return true;
  }
  return held.size > 0;
}

/** Those of the shown tools that can be let through together; none when one has to be looked at alone. */
export function acceptableTogether(
  shown: readonly ToolDifference[],
  modeOf: (tool: ToolView) => ToolView["mode"],
): ToolDifference[] {
  if (shown.some(({ tool }) => tool.findings.some(({ severe }) => severe))) return [];
  const usable = shown.filter(({ tool }) => modeOf(tool) !== "off");
  return usable.length > 1 ? usable : [];
}
