import { useId, useState } from "react";
import type { OllamaSettings } from "../../ipc/bindings/OllamaSettings";
import type { OllamaView } from "../../ipc/bindings/OllamaView";
import type { SettingsChange } from "../../state/modelActions";
import { toggleGpu } from "../../state/ollamaForm";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Foreign } from "../../ui/Foreign";
import { Row } from "../../ui/Page";
import { Explained } from "./OfferRow";
import styles from "./Settings.module.css";

type Props = { settings: OllamaSettings; onChange: (change: SettingsChange) => void };

/** The graphics cards Ollama may use. */
export function GpuChoice({ settings, onChange }: Props) {
  const { host } = usePanel();
  const id = useId();
  const computer = useQuery("graphics cards", () => host.call("computer", { watch: false }));
  const cards = computer.value?.gpus ?? [];
  const known = cards.map((card) => card.id);
  // One that is set and was taken out of the computer can still be unticked.
  const gone = (settings.gpus ?? []).filter((each) => !known.includes(each));
  const all = [...known, ...gone];
  const nameOf = (card: string) =>
    cards.find((each) => each.id === card)?.name ?? `${card}, which is not there now`;
  return (
    <div>
      <Row
        titleId={id}
        title="Graphics cards it may use"
        detail={
          <Explained
            text={
              computer.kind === "ready" && all.length === 0
                ? "No graphics card was found on this computer."
                : "Without any of them models run on the processor."
            }
            variable="CUDA_, ROCR_, GGML_VK_VISIBLE_DEVICES"
          />
        }
      />
      {all.length > 0 && (
        <div role="group" aria-labelledby={id} className={styles.ticks}>
          {all.map((card) => (
            <label key={card}>
              <input
                type="checkbox"
                checked={settings.gpus === null || settings.gpus.includes(card)}
                data-testid={`ollama-gpu-${card}`}
                onChange={() => {
                  const gpus = toggleGpu(settings.gpus, all, card);
                  onChange((now) => ({ ...now, gpus }));
                }}
              />
              <Foreign text={nameOf(card)} />
            </label>
          ))}
        </div>
      )}
    </div>
  );
}

type ProgramRowProps = { ollama: OllamaView; onChange: (change: SettingsChange) => void };

/** Where Ollama's program is, for one that is not found by itself. */
export function ProgramRow({ ollama, onChange }: ProgramRowProps) {
  const { settings, program } = ollama;
  const [text, setText] = useState(settings.path ?? "");
  const next = text.trim() === "" ? null : text.trim();
  return (
    <form
      className={`${styles.portForm} ${styles.inset}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (next !== settings.path) onChange((now) => ({ ...now, path: next }));
      }}
    >
      <Field
        label="Ollama's program"
        hint={
          program === null ? (
            "It was not found by itself. Write where it is."
          ) : (
            <>
              Found at <Foreign text={program} />. Leave it empty to let Drawbridge look for it.
            </>
          )
        }
      >
        {(input) => (
          <input
            {...input}
            autoComplete="off"
            spellCheck={false}
            data-testid="ollama-path"
            placeholder={program ?? "/path/to/ollama"}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" disabled={next === settings.path} data-testid="ollama-path-use">
        Use this<span className="unseen"> program</span>
      </Button>
    </form>
  );
}
