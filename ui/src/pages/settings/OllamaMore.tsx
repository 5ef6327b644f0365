import { useId, useState } from "react";
import type { ComputerView } from "../../ipc/bindings/ComputerView";
import type { OllamaSettings } from "../../ipc/bindings/OllamaSettings";
import type { OllamaView } from "../../ipc/bindings/OllamaView";
import { type SettingsChange, writeOllama } from "../../state/modelActions";
import { programProblem } from "../../state/ollama";
import { gpuChoice, toggleGpu } from "../../state/ollamaForm";
import { usePanel } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { Button } from "../../ui/Button";
import { focusIfLost } from "../../ui/Difference";
import { Field } from "../../ui/Field";
import { Foreign } from "../../ui/Foreign";
import { ledHere } from "../../ui/intoView";
import { Row } from "../../ui/Page";
import { ProblemNote } from "../../ui/Problem";
import { Explained } from "./OfferRow";
import styles from "./Settings.module.css";

type Props = { settings: OllamaSettings; onChange: (change: SettingsChange) => void };

/** The graphics cards Ollama may use. */
export function GpuChoice({ settings, onChange }: Props) {
  const { host } = usePanel();
  const id = useId();
  const [retried, setRetried] = useState(false);
  const computer = useQuery("graphics cards", () => host.call("computer", { watch: false }));
  const choice = computer.kind === "ready" ? gpuChoice(settings.gpus, computer.value.gpus) : null;
  return (
    <div>
      <Row
        titleId={id}
        title="Graphics cards it may use"
        detail={
          <Explained
            text={choice?.words ?? "Without any of them models run on the processor."}
            variable="CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, OLLAMA_VULKAN"
          />
        }
      />
      {computer.kind === "failed" && (
        <div className={styles.inset}>
          <ProblemNote problem={computer.error.problem} testId="gpus-not-read">
            <Button
              icon="restart"
              onClick={() => {
                setRetried(true);
                computer.reload();
              }}
            >
              Try again<span className="unseen"> to read which graphics cards there are</span>
            </Button>
          </ProblemNote>
        </div>
      )}
      {computer.kind === "ready" && choice && (
        <div
          role="group"
          aria-labelledby={id}
          className={styles.ticks}
          tabIndex={-1}
          ref={retried ? focusIfLost : undefined}
        >
          {choice.choosable.map((card) => (
            <label key={card}>
              <input
                type="checkbox"
                checked={settings.gpus === null || settings.gpus.includes(card)}
                data-testid={`ollama-gpu-${card}`}
                onChange={() => {
                  const gpus = toggleGpu(settings.gpus, choice.choosable, card);
                  onChange((now) => ({ ...now, gpus }));
                }}
              />
              <Foreign text={cardName(card, computer.value)} />
            </label>
          ))}
          {choice.byItself.map(({ id: card, name }) => (
            <p key={card} className={styles.byItself} data-testid={`gpu-by-itself-${card}`}>
              <Foreign text={name} />:{" "}
              {settings.gpus === null
                ? "Ollama decides by itself whether to use it."
                : "Ollama leaves it alone while cards are chosen here."}
            </p>
          ))}
        </div>
      )}
    </div>
  );
}

function cardName(card: string, { gpus }: ComputerView): string {
  const found = gpus.find(({ id }) => id === card);
  if (!found) return `${card}, which is not there now`;
  return found.choosable ? found.name : `${found.name}, which cannot be chosen like this`;
}

type ProgramRowProps = {
  ollama: OllamaView;
  /** The person was led to this field. */
  led: boolean;
};

/** Where Ollama's program is, for one that is not found by itself. */
export function ProgramRow({ ollama, led }: ProgramRowProps) {
  const panel = usePanel();
  const { settings, program } = ollama;
  const [text, setText] = useState(settings.path ?? "");
  const next = text.trim() === "" ? null : text.trim();
  const set = useAction((path: string | null) => writeOllama(panel, (now) => ({ ...now, path })));
  // What is wrong with the one that is set says nothing of another one that is being written.
  const wrong = next === settings.path && !set.busy ? programProblem(ollama) : undefined;
  return (
    <form
      className={`${styles.portForm} ${styles.inset}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (next !== settings.path) void set.start(next);
      }}
    >
      <Field
        label="Ollama's program"
        error={set.error?.problem.message ?? wrong}
        hint={
          program !== null ? (
            <>
              Found at <Foreign text={program} />. Leave it empty to let Drawbridge look for it.
            </>
          ) : settings.path !== null ? (
            "Write where it is, or leave it empty to let Drawbridge look for it."
          ) : (
            "It was not found by itself. Write where it is."
          )
        }
      >
        {(input) => (
          <input
            {...input}
            ref={led ? ledHere : null}
            autoComplete="off"
            spellCheck={false}
            data-testid="ollama-path"
            placeholder={program ?? "/path/to/ollama"}
            value={text}
            onChange={(event) => {
              set.clear();
              setText(event.target.value);
            }}
          />
        )}
      </Field>
      <Button
        type="submit"
        busy={set.busy}
        disabled={next === settings.path && !set.busy}
        data-testid="ollama-path-use"
      >
        Use this<span className="unseen"> program</span>
      </Button>
    </form>
  );
}
