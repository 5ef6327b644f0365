import { useState } from "react";
import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import styles from "./Settings.module.css";

/** Moves the address to another port. Apps that know the old one have to be told. */
export function PortForm(props: { port: number; suggest?: number; focus?: boolean }) {
  const { host } = usePanel();
  const [text, setText] = useState(String(props.suggest ?? props.port));
  const move = useAction((port: number) => host.call("move_gateway", { port }));
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : Number.NaN;
  const wrong = !(port >= 1024 && port <= 65_535);
  return (
    <form
      className={styles.portForm}
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong && port !== props.port) void move.start(port);
      }}
    >
      <Field
        label="Port"
        hint="Apps that use the address now need the new one."
        error={wrong ? "A port is a number from 1024 to 65535." : move.error?.problem.message}
      >
        {(input) => (
          <input
            {...input}
            ref={props.focus ? selectAll : undefined}
            inputMode="numeric"
            autoComplete="off"
            data-testid="port"
            value={text}
            onChange={(event) => {
              move.clear();
              setText(event.target.value);
            }}
          />
        )}
      </Field>
      <Button
        type="submit"
        busy={move.busy}
        disabled={wrong || port === props.port}
        data-testid="use-port"
      >
        Use this port
      </Button>
    </form>
  );
}

/** Ready to be typed over. The same function each time, so that it runs as the field appears. */
function selectAll(input: HTMLInputElement | null) {
  input?.select();
}
