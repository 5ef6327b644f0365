import { useState } from "react";
import { copyText } from "../state/actions";
import { usePanel } from "../state/panel";
import { Button } from "./Button";
import styles from "./Copy.module.css";

/** Copies a text, and says so in the button itself. */
export function CopyButton(props: { text: string; label: string; testId?: string }) {
  const panel = usePanel();
  const [copied, setCopied] = useState<string | undefined>();
  const done = copied === props.text;
  return (
    <Button
      icon={done ? "check" : "copy"}
      data-testid={props.testId}
      onBlur={() => setCopied(undefined)}
      onClick={async () => {
        if (await copyText(panel, props.text)) setCopied(props.text);
      }}
    >
      <span className={styles.words}>
        <span aria-hidden={done} data-hidden={done || undefined}>
          {props.label}
        </span>
        <span role="status" data-hidden={!done || undefined}>
          {done ? "Copied" : ""}
        </span>
      </span>
    </Button>
  );
}

/** An address or a path that can be copied. */
export function Copyable({
  text,
  label,
  testId,
}: {
  text: string;
  label: string;
  testId?: string;
}) {
  return (
    <div className={styles.copyable}>
      <code className={styles.text} data-testid={testId}>
        {text}
      </code>
      <CopyButton text={text} label={label} />
    </div>
  );
}
