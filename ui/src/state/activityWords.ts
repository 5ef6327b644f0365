import type { ActivityDecision } from "../ipc/bindings/ActivityDecision";
import type { ActivityEntry } from "../ipc/bindings/ActivityEntry";
import type { ActivityKind } from "../ipc/bindings/ActivityKind";
import type { ActivityReason } from "../ipc/bindings/ActivityReason";

/** What happened, to choose from. In the order in which it is offered. */
export const KIND_WORDS: Record<ActivityKind, string> = {
  toolCall: "Tool used",
  promptUse: "Prompt used",
  resourceRead: "Resource read",
  modelRequest: "Model asked",
  requestRefused: "Request turned away",
  serverStarted: "Server started",
  serverStopped: "Server stopped",
  serverCrashed: "Server ended by itself",
  toolsChanged: "Tools new or changed",
  answerGiven: "Answer remembered",
  answerTakenBack: "Answer taken back",
  settingChanged: "Setting changed",
  recordShortened: "Record shortened",
};

export const DECISION_WORDS: Record<ActivityDecision, string> = {
  allowed: "Allowed",
  refused: "Refused",
};

/** Why it was decided so, to choose from. */
export const REASON_WORDS: Record<ActivityReason, string> = {
  mode: "How the tool is set",
  rememberedAnswer: "A remembered answer",
  person: "Your answer",
  timeOut: "No answer in time",
  nobodyToAsk: "Nobody to ask",
  pause: "A pause",
  limit: "A limit",
  pin: "Tool new or changed",
  scan: "Keys and tokens",
  guard: "The check at the door",
  quitting: "Drawbridge was quitting",
};

const ALLOWED: Partial<Record<ActivityReason, string>> = {
  mode: "Allowed, because the tool is set to run.",
  rememberedAnswer: "Allowed by an answer you gave earlier.",
  person: "Allowed by you.",
  pin: "Allowed, because the tool is as you accepted it.",
  scan: "Allowed, because you let it through.",
};

const REFUSED: Record<ActivityReason, string> = {
  mode: "Refused, because the tool or its server is off.",
  rememberedAnswer: "Refused, because of a remembered answer.",
  person: "Denied by you.",
  timeOut: "Refused, because nobody answered in time.",
  nobodyToAsk: "Refused, because nobody was there to ask.",
  pause: "Refused, because of a pause.",
  limit: "Refused, because it went over a limit.",
  pin: "Refused, because the tool is new or changed and nobody had looked at it.",
  scan: "Refused, because of what looks like a key or token.",
  guard: "Turned away at the door, before it reached a tool.",
  quitting: "Refused, because Drawbridge was quitting.",
};

/** What was decided and why, as a sentence. */
export function decisionSentence(
  entry: Pick<ActivityEntry, "decision" | "reason">,
): string | undefined {
  const { decision, reason } = entry;
  if (decision === null) return undefined;
  if (reason === null) return `${DECISION_WORDS[decision]}.`;
  if (decision === "refused") return REFUSED[reason];
  return ALLOWED[reason] ?? "Allowed.";
}
