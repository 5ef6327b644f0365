import type { Away } from "../ipc/bindings/Away";
import { listWords } from "./held";
import { formatMoment } from "./pause";
import { appName, plural } from "./words";

/** Who called, how often and since when, as one sentence. */
export function awaySentence({ since, calls, clients }: Away, now: number): string {
  const when = `Since ${formatMoment(since, now)}`;
  if (calls === 0) return `${when} no app called a tool.`;
  const names = clients.map(({ name }) => appName(name));
  const counted = clients.reduce((sum, { entries }) => sum + entries, 0);
  const all = counted < calls && clients.length > 0 ? [...names, "others"] : names;
  const by = all.length === 0 ? "" : ` by ${listWords(all, "and")}`;
  return `${when}: ${plural(calls, "call")}${by}.`;
}

/** What did not go as asked; nothing where all did. */
export function awayTroubles({ refused, failed, crashes }: Away): string | undefined {
  const words = [
    refused > 0 && `${plural(refused, "call")} ${refused === 1 ? "was" : "were"} refused`,
    failed > 0 && `${plural(failed, "call")} failed`,
    crashes > 0 && `a server ended by itself${crashes === 1 ? "" : ` ${plural(crashes, "time")}`}`,
  ].filter((word) => word !== false);
  if (words.length === 0) return undefined;
  const text = listWords(words, "and");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
