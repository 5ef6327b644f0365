import { useState } from "react";
import type { OllamaView } from "../../ipc/bindings/OllamaView";
import { writeOllama } from "../../state/modelActions";
import { PORT } from "../../state/ollamaForm";
import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import styles from "./Models.module.css";

/** Another port for Ollama, where its own is taken. */
export function OllamaPort({ ollama: { settings } }: { ollama: OllamaView }) {
  const panel = usePanel();
  const [text, setText] = useState(String((settings.port ?? 11_434) + 1));
  const port = PORT.read(text);
  const move = useAction(async (value: string) => {
    await writeOllama(panel, (now) => PORT.set(now, value));
    await panel.host.call("start_ollama");
  });
  return (
    <form
      className={styles.portForm}
      onSubmit={(event) => {
        event.preventDefault();
        if (port !== undefined) void move.start(port);
      }}
    >
      <Field
        label="Port for Ollama"
        hint="Other apps look for Ollama at 11434, and would have to be told."
        error={port === undefined ? PORT.own?.wrong : move.error?.problem.message}
      >
        {(input) => (
          <input
            {...input}
            ref={selectAll}
            inputMode="numeric"
            autoComplete="off"
            data-testid="ollama-port-field"
            value={text}
            onChange={(event) => {
              move.clear();
              setText(event.target.value);
            }}
          />
        )}
      </Field>
      <Button
        kind="primary"
        type="submit"
        busy={move.busy}
        disabled={port === undefined}
        data-testid="ollama-use-port"
      >
        Start it there
      </Button>
    </form>
  );
}

/** The button that opened the field is gone: the keyboard goes on in it. */
function selectAll(input: HTMLInputElement | null) {
  input?.select();
  input?.focus();
}
