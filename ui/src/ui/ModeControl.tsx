import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import type { Mode } from "../ipc/bindings/Mode";
import styles from "./ModeControl.module.css";

export const MODES: { mode: Mode; word: string; meaning: string }[] = [
  { mode: "off", word: "Off", meaning: "Apps do not see this tool, and calls are refused." },
  {
    mode: "ask",
    word: "Ask",
    meaning: "Apps see this tool, but calls are refused: Drawbridge cannot ask you yet.",
  },
  { mode: "allow", word: "Allow", meaning: "Calls go through." },
];

type ModeControlProps = { label: string; value: Mode | undefined; onChange: (mode: Mode) => void };

/**
 * Off, Ask, Allow. The arrow keys move, Space and Enter choose, so that nobody allows a tool by
 * passing over it.
 */
export function ModeControl({ label, value, onChange }: ModeControlProps) {
  return (
    <ToggleGroup
      className={styles.group}
      aria-label={label}
      value={value ? [value] : []}
      onValueChange={(next) => {
        const [mode] = next;
        if (mode && mode !== value) onChange(mode as Mode);
      }}
    >
      {MODES.map(({ mode, word, meaning }) => (
        <Toggle
          key={mode}
          value={mode}
          className={styles.segment}
          data-mode={mode}
          data-testid={`mode-${mode}`}
          title={meaning}
        >
          {word}
        </Toggle>
      ))}
    </ToggleGroup>
  );
}
