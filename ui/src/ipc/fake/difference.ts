import type { DiffKind } from "../bindings/DiffKind";
import type { DiffPiece } from "../bindings/DiffPiece";

/** What stays, comes and goes between two texts, word by word, blanks included. */
export function wordDifference(before: string, after: string): DiffPiece[] {
  const a = before.match(/\s+|\w+|[^\s\w]/gu) ?? [];
  const b = after.match(/\s+|\w+|[^\s\w]/gu) ?? [];
  const common = Array.from({ length: a.length + 1 }, () =>
    new Array<number>(b.length + 1).fill(0),
  );
  const at = (row: number, column: number) => common[row]?.[column] ?? 0;
  for (let row = a.length - 1; row >= 0; row -= 1) {
    for (let column = b.length - 1; column >= 0; column -= 1) {
      const line = common[row];
      if (!line) continue;
      line[column] =
        a[row] === b[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pieces: DiffPiece[] = [];
  const push = (kind: DiffKind, text = "") => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  };
  let row = 0;
  let column = 0;
  while (row < a.length || column < b.length) {
    if (row < a.length && a[row] === b[column]) {
      push("same", a[row]);
      row += 1;
      column += 1;
    } else if (
      column >= b.length ||
      (row < a.length && at(row + 1, column) >= at(row, column + 1))
    ) {
      push("removed", a[row]);
      row += 1;
    } else {
      push("added", b[column]);
      column += 1;
    }
  }
  return pieces;
}
