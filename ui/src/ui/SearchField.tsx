import { type RefObject, useRef } from "react";
import { IconButton } from "./Button";
import { Icon } from "./Icon";
import styles from "./SearchField.module.css";

type SearchFieldProps = {
  label: string;
  value: string;
  testId: string;
  onType: (text: string) => void;
  /** By Escape or by the button; the keyboard stays in the field. */
  onClear: () => void;
  onEnter?: () => void;
  inputRef?: RefObject<HTMLInputElement | null>;
};

/** A field to search in what the page lists. */
export function SearchField(props: SearchFieldProps) {
  const { label, value, testId, onType, onClear, onEnter } = props;
  const own = useRef<HTMLInputElement>(null);
  const input = props.inputRef ?? own;
  return (
    <div className={styles.search}>
      <Icon name="search" className={styles.icon} />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        data-testid={testId}
        data-search
        onChange={(event) => onType(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClear();
          if (event.key === "Enter") onEnter?.();
        }}
      />
      {value && (
        <IconButton
          icon="close"
          label="Clear the search"
          onClick={() => {
            input.current?.focus();
            onClear();
          }}
        />
      )}
    </div>
  );
}
