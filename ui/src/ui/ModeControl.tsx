import type { KeyboardEvent } from "react";
import type { Mode } from "../ipc/bindings/Mode";
import styles from "./ModeControl.module.css";

export const MODES: { mode: Mode; word: string; meaning: string }[] = [
  { mode: "off", word: "Off", meaning: "Apps do not see this tool, and calls are refused." },
  {
    mode: "ask",
    word: "Ask",
    meaning: "Apps see this tool, and you are asked before a call goes through.",
  },
  { mode: "allow", word: "Allow", meaning: "Calls go through." },
];

/** The word and meaning of a mode. */
export function meaningOf(mode: Mode): { word: string; meaning: string } {
  if (mode === "ask-every-time") {
    return {
      word: "Ask every time",
      meaning: "Apps see this tool, and you are asked before each call. No answer is remembered.",
    };
  }
  return MODES.find((each) => each.mode === mode) ?? { word: mode, meaning: "" };
}

type ModeControlProps = { label: string; value: Mode; onChange: (mode: Mode) => void };

/**
 * Off, Ask, Allow. The arrow keys move, Space and Enter choose, so that nobody allows a tool by
 * passing over it. Plain buttons: dozens are mounted while a long list scrolls.
 */
export function ModeControl({ label, value, onChange }: ModeControlProps) {
  const shown = value === "ask-every-time" ? "ask" : value;
  return (
    <div className={styles.group} role="group" aria-label={label} onKeyDown={moveFocus}>
      {MODES.map(({ mode, word, meaning }) => (
        <button
          key={mode}
          type="button"
          className={styles.segment}
          aria-pressed={mode === shown}
          tabIndex={mode === shown ? 0 : -1}
          data-mode={mode}
          data-testid={`mode-${mode}`}
          title={mode === shown ? meaningOf(value).meaning : meaning}
          onClick={() => mode !== shown && onChange(mode)}
        >
          {word}
        </button>
      ))}
    </div>
  );
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/** One stop for Tab, the arrows inside it. */
function moveFocus(event: KeyboardEvent<HTMLDivElement>) {
  const step = STEPS[event.key];
  if (step === undefined) return;
  const segments = [...event.currentTarget.querySelectorAll("button")];
  const at = segments.indexOf(document.activeElement as HTMLButtonElement);
  event.preventDefault();
  segments[(at + step + segments.length) % segments.length]?.focus();
}
