import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { type ReactNode, type Ref, useId } from "react";
import styles from "./Choice.module.css";

type Option<T extends string> = { value: T; title: string; detail: ReactNode };

/** One of a few, each with a sentence. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: Option<T>[];
  onChange: (value: T) => void;
  /** The first option, for the focus to start on. */
  firstRef?: Ref<HTMLElement>;
}) {
  const id = useId();
  return (
    <RadioGroup
      aria-labelledby={id}
      className={styles.choice}
      value={props.value}
      onValueChange={(value) => props.onChange(value as T)}
    >
      <div id={id} className={styles.label}>
        {props.label}
      </div>
      {props.options.map(({ value, title, detail }, index) => (
        <label
          key={value}
          className={styles.option}
          data-chosen={props.value === value || undefined}
        >
          <Radio.Root
            ref={index === 0 ? props.firstRef : undefined}
            value={value}
            className={styles.radio}
            data-testid={`choice-${value}`}
            aria-labelledby={`${id}-${value}`}
            aria-describedby={`${id}-${value}-detail`}
          >
            <Radio.Indicator className={styles.dot} />
          </Radio.Root>
          <span className={styles.words}>
            <span id={`${id}-${value}`} className={styles.title}>
              {title}
            </span>
            <span id={`${id}-${value}-detail`} className={styles.detail}>
              {detail}
            </span>
          </span>
        </label>
      ))}
    </RadioGroup>
  );
}
