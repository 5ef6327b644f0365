import { Tabs } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import styles from "./Parts.module.css";

type Part<T extends string> = { part: T; word: string; content: () => ReactNode };

/** The parts of a page, one at a time. */
export function Parts<T extends string>(props: {
  label: string;
  value: T;
  parts: Part<T>[];
  onChange: (part: T) => void;
}) {
  return (
    <Tabs.Root
      className={styles.tabs}
      value={props.value}
      onValueChange={(next) => props.onChange(next as T)}
    >
      <Tabs.List className={styles.tabList} aria-label={props.label}>
        {props.parts.map(({ part, word }) => (
          <Tabs.Tab key={part} value={part} className={styles.tab} data-testid={`tab-${part}`}>
            {word}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {props.parts.map(({ part, content }) => (
        <Tabs.Panel key={part} value={part} className={styles.panel}>
          {part === props.value && content()}
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  );
}
