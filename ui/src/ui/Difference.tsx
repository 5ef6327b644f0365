import { useState } from "react";
import type { DiffPiece } from "../ipc/bindings/DiffPiece";
import { blankWords, foldUnchanged, withoutIslands, wordsIn } from "../state/difference";
import { plural } from "../state/words";
import styles from "./Difference.module.css";
import { seen } from "./Foreign";

type DifferenceProps = {
  pieces: readonly DiffPiece[];
  /** What the text is, for those who hear it. */
  label: string;
  /** A command or a schema, written from left to right in letters of one width. */
  mono?: boolean;
};

/** What comes and what goes, word by word: told by lines through and under it, and aloud. */
export function Difference({ pieces, label, mono }: DifferenceProps) {
  return (
    <div
      className={styles.text}
      data-mono={mono || undefined}
      dir={mono ? "ltr" : "auto"}
      role="group"
      aria-label={`${label}, with what has changed`}
      data-testid="difference"
    >
      {foldUnchanged(withoutIslands(pieces)).map((passage, index) =>
        passage.kind === "fold" ? (
          <Unchanged key={index} text={passage.text} />
        ) : (
          <Piece key={index} piece={passage.piece} />
        ),
      )}
    </div>
  );
}

function Piece({ piece: { kind, text } }: { piece: DiffPiece }) {
  if (kind === "same") return seen(text, true);
  const Tag = kind === "added" ? "ins" : "del";
  const blank = blankWords(text);
  return (
    <Tag className={styles[kind]}>
      <span className="unseen"> {kind}: </span>
      {blank !== undefined && <span className={styles.blank}>{blank}</span>}
      {seen(text, true)}
      <span className="unseen"> (end of {kind}) </span>
    </Tag>
  );
}

/** A long stretch that stays, folded until it is asked for. */
function Unchanged({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  if (open) {
    return (
      <span tabIndex={-1} ref={focusIfLost} className={styles.opened}>
        {seen(text, true)}
      </span>
    );
  }
  return (
    <button type="button" className={styles.fold} onClick={() => setOpen(true)}>
      … {plural(wordsIn(text), "word")} unchanged
    </button>
  );
}

/** The button that had the focus is gone: the reading goes on in its place. */
export function focusIfLost(element: HTMLElement | null) {
  if (element && document.activeElement === document.body) element.focus({ preventScroll: true });
}
