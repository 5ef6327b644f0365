import type { BlockedView } from "../ipc/bindings/BlockedView";
import { listWords } from "./held";
import { spelledOut } from "./visible";
import { appName } from "./words";

/** What it looks like: "a GitHub token and a password". */
export const looksLikeWords = (looksLike: readonly string[]): string =>
  looksLike.length === 0
    ? "a key or a token"
    : listWords(
        looksLike.map((each) => spelledOut(each)),
        "and",
      );

/** What was stopped, and why. */
export function blockedSentence(blocked: BlockedView): string {
  const app = spelledOut(appName(blocked.client));
  const tool = `“${spelledOut(blocked.subject)}” of “${spelledOut(blocked.server)}”`;
  const what = looksLikeWords(blocked.looksLike);
  return blocked.direction === "arguments"
    ? `A call of ${app} to ${tool} was stopped: its arguments hold what looks like ${what}.`
    : `The result of ${tool} for ${app} was withheld: it holds what looks like ${what}.`;
}
