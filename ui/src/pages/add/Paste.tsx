import type { CommandError } from "../../ipc/bindings/CommandError";
import { treatment } from "../../state/errors";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Add.module.css";

const EXAMPLE = `{
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/me/notes"]
    }
  }
}`;

type PasteProps = {
  text: string;
  onChange: (text: string) => void;
  error: CommandError | undefined;
  onForm: () => void;
};

export function Paste({ text, onChange, error, onForm }: PasteProps) {
  const onField = error !== undefined && treatment(error) === "field";
  return (
    <div className={styles.form}>
      <Field
        label="Block from the server’s page"
        hint="Most servers show a block of text to copy, with the word mcpServers or servers in it. Nothing starts before you have seen the exact command."
        error={onField ? error.problem.message : undefined}
      >
        {(input) => (
          <textarea
            {...input}
            rows={9}
            spellCheck={false}
            placeholder={EXAMPLE}
            data-testid="snippet"
            value={text}
            onChange={(event) => onChange(event.target.value)}
          />
        )}
      </Field>
      {error && !onField && <ProblemNote problem={error.problem} alert />}
      <div className={styles.or}>
        <span>No block at hand?</span>
        <Button data-testid="use-form" onClick={onForm}>
          Fill in a form
        </Button>
      </div>
    </div>
  );
}
