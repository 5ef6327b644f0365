import type { ActivityEntry } from "../bindings/ActivityEntry";
import type { ActivityFilter } from "../bindings/ActivityFilter";
import { placeOf } from "./made";

/** Words as the search knows them: small letters and digits, everything else parts them. */
export const wordsOf = (text: string): string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Whether an entry holds all the words; the last may be the beginning of one. */
function holds(entry: ActivityEntry, words: readonly string[]): boolean {
  const { client, server, subject, note, kind, id } = entry;
  const content = kind === "toolCall" ? `trips ${placeOf(id)} train platform 4` : "";
  const text = ` ${wordsOf(`${client} ${server} ${subject} ${note} ${content}`).join(" ")} `;
  return words.every((word, at) =>
    text.includes(at === words.length - 1 ? ` ${word}` : ` ${word} `),
  );
}

/** The filter as a question to one entry; its moments are left to who knows where they lie. */
export function matcher(filter: ActivityFilter): (entry: ActivityEntry) => boolean {
  const words = wordsOf(filter.text ?? "");
  const { client, server, subject } = filter;
  const oneOf = <T>(list: readonly T[], value: T | null) =>
    list.length === 0 || (value !== null && list.includes(value));
  return (entry) =>
    (client === null || entry.client === client) &&
    (server === null || entry.server === server) &&
    (subject === null || entry.subject === subject) &&
    oneOf(filter.kinds, entry.kind) &&
    oneOf(filter.decisions, entry.decision) &&
    oneOf(filter.reasons, entry.reason) &&
    oneOf(filter.outcomes, entry.outcome) &&
    (words.length === 0 || holds(entry, words));
}
