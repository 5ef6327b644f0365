import { formatCount } from "./words";

/** A stretch of a text: as it stands, or the code of a character that is not seen. */
export type Stretch = { text: string; code: boolean };

/**
 * Every character that shows nothing, or moves what stands beside it: controls, format characters
 * (zero-width, bidirectional, tags), separators, blanks that are not the space bar's, fillers,
 * variation selectors, and what no font knows. The selector that makes an emoji colourful is not
 * worth a box.
 */
const UNSEEN =
  /(?!(?<=\p{Extended_Pictographic})\uFE0F)(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** `U+202E` for the character that turns the direction of writing. */
export function codeOf(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Splits a text of others so that nothing in it stays unseen. In text of several lines, breaks and
 * tabs do what they are for; in a name they are codes too.
 */
export function stretches(text: string, lines: boolean): Stretch[] {
  const found: Stretch[] = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    const [character] = match;
    if (lines && (character === "\n" || character === "\t")) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index), code: false });
    found.push({ text: codeOf(character), code: true });
    from = match.index + character.length;
  }
  if (from < text.length) found.push({ text: text.slice(from), code: false });
  return found;
}

/** The same as one text, for names that are read aloud and attributes. */
export const spelledOut = (text: string): string =>
  stretches(text, false)
    .map((stretch) => (stretch.code ? `[${stretch.text}]` : stretch.text))
    .join("");

/** Lines that show before the rest is folded, and how many more are not worth a fold. */
const SHOWN_LINES = 12;
const SLACK = 2;
/** About how many characters a line of the question window holds. */
const LINE_LENGTH = 56;

export type Fold = {
  /** What shows at first. */
  head: string;
  /** What the button says. */
  label: string;
};

/** How a long text is folded; nothing for one that is short enough to stand whole. */
export function foldOf(text: string): Fold | undefined {
  const lines = text.split("\n");
  const room = (line: string) => Math.max(1, Math.ceil(shownLength(line) / LINE_LENGTH));
  const rooms = lines.map(room);
  const all = rooms.reduce((sum, each) => sum + each, 0);
  if (all <= SHOWN_LINES + SLACK) return undefined;
  let left = SHOWN_LINES;
  const head: string[] = [];
  for (const [index, line] of lines.entries()) {
    const needs = rooms[index] ?? 1;
    if (needs > left) {
      if (left > 0 && head.length < 4) head.push(start(line, left * LINE_LENGTH));
      break;
    }
    head.push(line);
    left -= needs;
  }
  const label =
    lines.length > SHOWN_LINES
      ? `Show all ${formatCount(lines.length)} lines`
      : `Show all ${formatCount([...text].length)} characters`;
  return { head: head.join("\n"), label };
}

/** A code takes the room of several letters. */
const shownLength = (line: string) => line.length + 7 * (line.match(UNSEEN)?.length ?? 0);

/** The beginning of a line, whole characters only. */
function start(line: string, length: number): string {
  let room = length;
  let text = "";
  for (const character of line) {
    room -= shownLength(character);
    if (room < 0) break;
    text += character;
  }
  return text;
}
