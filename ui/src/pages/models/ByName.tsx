import { useId, useRef, useState } from "react";
import { modelNameProblem, readModelName } from "../../state/modelName";
import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { ProblemNote } from "../../ui/Problem";

/** Downloads a model that is not in the catalog. */
export function ByName({ onClose }: { onClose: () => void }) {
  const { host } = usePanel();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const name = readModelName(text);
  const wrong = modelNameProblem(name);
  const pull = useAction(async () => {
    await host.call("pull_model", { model: name });
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title="Download by name"
      description="Any model of Ollama's library, or one in GGUF form from Hugging Face. Look at who made it: a model is a file from the internet."
      initialFocus={field}
      testId="by-name-dialog"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon="save"
            type="submit"
            form={id}
            busy={pull.busy}
            data-testid="download-name"
          >
            Download
          </Button>
        </>
      }
    >
      <form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (wrong === undefined) void pull.start();
        }}
      >
        <Field
          label="Name"
          hint="Such as qwen3:8b, or hf.co/someone/model:Q4_K_M."
          error={wrong !== undefined && (tried || text.trim() !== "") ? wrong : undefined}
        >
          {(input) => (
            <input
              {...input}
              ref={field}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              data-testid="model-name"
              value={text}
              onChange={(event) => {
                pull.clear();
                setText(event.target.value);
              }}
            />
          )}
        </Field>
      </form>
      {pull.error && <ProblemNote problem={pull.error.problem} alert />}
    </Dialog>
  );
}
