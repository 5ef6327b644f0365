import type { DiffPiece } from "../ipc/bindings/DiffPiece";

/** A stretch of a difference as it is shown. */
export type Passage = { kind: "piece"; piece: DiffPiece } | { kind: "fold"; text: string };

/** Words that stay in view beside a change. */
const BESIDE = 12;
/** Fewer hidden words than this are not worth a fold. */
const WORTH = 20;

/** Folds long stretches that stay, all but what stands beside a change. */
export function foldUnchanged(pieces: readonly DiffPiece[]): Passage[] {
  return pieces.flatMap((piece, index): Passage[] => {
    if (piece.kind !== "same") return [{ kind: "piece", piece }];
    const words = piece.text.match(/\s*\S+(?:\s+$)?/g) ?? [];
    const before = index === 0 ? 0 : BESIDE;
    const after = index === pieces.length - 1 ? 0 : BESIDE;
    const hidden = words.slice(before, words.length - after);
    if (hidden.length < WORTH) return [{ kind: "piece", piece }];
    const same = (text: string): Passage[] =>
      text === "" ? [] : [{ kind: "piece", piece: { kind: "same", text } }];
    return [
      ...same(words.slice(0, before).join("")),
      { kind: "fold", text: hidden.join("") },
      ...same(words.slice(words.length - after).join("")),
    ];
  });
}

export const wordsIn = (text: string): number => text.match(/\S+/g)?.length ?? 0;

/** The text as it is now, without what has gone. */
export const textNow = (pieces: readonly DiffPiece[]): string =>
  pieces
    .filter(({ kind }) => kind !== "removed")
    .map(({ text }) => text)
    .join("");

/** A change of blanks alone, in words: nobody would see it. */
export function blankWords(text: string): string | undefined {
  if (text === "" || text.trim() !== "") return undefined;
  if (text.includes("\n")) return "line break";
  return [...text].length === 1 ? "blank" : "blanks";
}

/**
 * The same difference without islands of mere blanks and signs between two changes, so that whole
 * phrases come and go and not every other word. Both texts stay what they are.
 */
export function withoutIslands(pieces: readonly DiffPiece[]): DiffPiece[] {
  const tidy: DiffPiece[] = [];
  let at = 0;
  while (at < pieces.length) {
    let end = at;
    while (
      isChange(pieces[end]) ||
      (end > at && isIsland(pieces[end]) && isChange(pieces[end + 1]))
    ) {
      end += 1;
    }
    if (end === at) {
      tidy.push(...pieces.slice(at, at + 1));
      at += 1;
      continue;
    }
    const run = pieces.slice(at, end);
    const text = (other: DiffPiece["kind"]) =>
      run
        .filter(({ kind }) => kind !== other)
        .map((piece) => piece.text)
        .join("");
    const both =
      run.some(({ kind }) => kind === "removed") && run.some(({ kind }) => kind === "added");
    if (both) {
      tidy.push({ kind: "removed", text: text("added") }, { kind: "added", text: text("removed") });
    } else tidy.push(...run);
    at = end;
  }
  return tidy;
}

const isChange = (piece: DiffPiece | undefined) => piece !== undefined && piece.kind !== "same";
const isIsland = (piece: DiffPiece | undefined) =>
  piece !== undefined && piece.kind === "same" && !/[\p{L}\p{N}]/u.test(piece.text);
