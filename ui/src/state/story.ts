import type { ActivityDetail } from "../ipc/bindings/ActivityDetail";
import { decisionSentence } from "./activityWords";
import { spelledOut } from "./visible";
import {
  appName,
  formatBytes,
  formatClockSeconds,
  formatDuration,
  formatExact,
  OUTCOME_WORDS,
} from "./words";

/** One step of what happened. */
export type Step = { title: string; words: string };

/** What happened with one entry, in the order in which it did. */
export function storyOf(detail: ActivityDetail): Step[] {
  const { entry } = detail;
  const steps: Step[] = [];
  const step = (title: string, words: string | false | null | undefined) => {
    if (words) steps.push({ title, words });
  };
  if (entry.client === null) step("When", `${formatExact(entry.at)}.`);
  else {
    const says =
      detail.clientSays === null ? "" : `, which calls itself “${spelledOut(detail.clientSays)}”`;
    const request = detail.request === null ? "" : `, as its request ${detail.request}`;
    const size =
      detail.argumentsBytes === null ? "" : `, with ${formatBytes(detail.argumentsBytes)}`;
    const who = `By ${spelledOut(appName(entry.client))}${says}${request}${size}`;
    step("Asked", `${who}. ${formatExact(entry.at)}.`);
  }
  step("Waited", detail.waitedMs !== null && `${formatDuration(detail.waitedMs)} for you.`);
  step("Decided", decisionSentence(entry));
  step(
    "Sent",
    detail.upstreamRequest !== null &&
      `To ${spelledOut(entry.server ?? "the server")}, as request ${detail.upstreamRequest}.`,
  );
  step("Ended", endWords(detail));
  step(
    "Result",
    detail.resultBytes !== null && `${formatBytes(detail.resultBytes)} from the server.`,
  );
  return steps;
}

/** How it ended, where that is more than that it happened. */
function endWords({ entry, endedAt }: ActivityDetail): string | undefined {
  if (entry.outcome === null) return "Not yet.";
  const took = entry.durationMs === null ? "" : ` It took ${formatDuration(entry.durationMs)}.`;
  if (endedAt === null && took === "" && entry.decision === null) return undefined;
  const word = OUTCOME_WORDS[entry.outcome];
  return endedAt === null
    ? `${word}.${took}`
    : `${word}, at ${formatClockSeconds(endedAt)}.${took}`;
}
