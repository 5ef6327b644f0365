import { useId, useRef, useState } from "react";
import type { BackendCheck } from "../../ipc/bindings/BackendCheck";
import type { BackendKind } from "../../ipc/bindings/BackendKind";
import type { BackendView } from "../../ipc/bindings/BackendView";
import { useBackendDraft } from "../../state/backendDraft";
import { KIND_WORDS, secretChoices, someModels } from "../../state/backends";
import { treatment } from "../../state/errors";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { href } from "../../state/route";
import { plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { Foreign } from "../../ui/Foreign";
import { ProblemNote, Remark } from "../../ui/Problem";
import { Select } from "../../ui/Select";
import styles from "./Settings.module.css";

const KINDS: BackendKind[] = ["ollama", "openai"];

type BackendDialogProps = { backend: BackendView | undefined; onClose: () => void };

/** Adds a place or changes one. What it answers is shown before it is saved. */
export function BackendDialog({ backend, onClose }: BackendDialogProps) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const form = useBackendDraft(backend, onClose);
  const { draft, missing, found, check, save, error, change, leave } = form;
  const [tried, setTried] = useState(false);
  const nameError = error && treatment(error) === "name" ? error.problem.message : undefined;
  const wrong = (of: "name" | "url") => (tried && missing?.field === of ? missing.text : undefined);
  return (
    <Dialog
      open
      onClose={leave}
      title={backend ? `Edit ${backend.name}` : "Add a place with models"}
      initialFocus={field}
      testId="backend-dialog"
      footer={
        <>
          <Button onClick={leave}>Cancel</Button>
          {found && (
            <Button busy={check.busy} data-testid="check-again" onClick={() => void check.start()}>
              Check again
            </Button>
          )}
          <Button
            kind="primary"
            type="submit"
            form={id}
            busy={check.busy || save.busy}
            data-testid={found ? "save-backend" : "check-backend"}
          >
            {found ? (found.problem ? "Save anyway" : "Save") : "Check"}
          </Button>
        </>
      }
    >
      <form
        id={id}
        className={styles.stack}
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (missing) return;
          void (found ? save.start() : check.start());
        }}
      >
        <Field
          label="Name"
          hint={`Stands before its models: ${form.name || "workshop"}/qwen3:8b.`}
          error={nameError ?? wrong("name")}
        >
          {(input) => (
            <input
              {...input}
              ref={field}
              autoComplete="off"
              spellCheck={false}
              data-testid="backend-name"
              value={draft.name}
              onChange={(event) => change({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label="What it is">
          {({ className: _, ...input }) => (
            <Select
              {...input}
              wide
              data-testid="backend-kind"
              value={draft.kind}
              onChange={({ target }) => change({ kind: target.value as BackendKind })}
            >
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {KIND_WORDS[kind]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label="Address"
          hint={
            draft.kind === "ollama"
              ? "Such as http://192.168.1.20:11434."
              : "Such as http://192.168.1.20:8000, without /v1."
          }
          error={wrong("url")}
        >
          {(input) => (
            <input
              {...input}
              inputMode="url"
              autoComplete="off"
              spellCheck={false}
              data-testid="backend-url"
              value={draft.url}
              onChange={(event) => change({ url: event.target.value })}
            />
          )}
        </Field>
        <SecretField
          value={draft.secret}
          typed={form.key}
          onChange={(secret) => change({ secret })}
          onType={form.typeKey}
          onLeave={leave}
        />
      </form>
      <div role="status" className={styles.stack}>
        {found && <Found check={found} />}
      </div>
      {error && !nameError && <ProblemNote problem={error.problem} alert />}
    </Dialog>
  );
}

type SecretFieldProps = {
  value: string | null;
  /** The key that is typed, where it is a new one. */
  typed: string | undefined;
  onChange: (secret: string | null) => void;
  onType: (value: string) => void;
  onLeave: () => void;
};

const NEW = " new";

function SecretField({ value, typed, onChange, onType, onLeave }: SecretFieldProps) {
  const { host } = usePanel();
  const stored = useQuery("secrets", () => host.call("secrets"));
  const names = secretChoices(stored.value?.secrets ?? [], value);
  const picked = typed === undefined ? (value ?? "") : NEW;
  return (
    <>
      <Field
        label="Secret"
        hint={
          <>
            Given to it as a bearer token, if it wants one.{" "}
            <a href={href({ page: "settings", part: "secrets" })} onClick={onLeave}>
              Secrets
            </a>
          </>
        }
      >
        {({ className: _, ...input }) => (
          <Select
            {...input}
            wide
            data-testid="backend-secret"
            value={picked}
            onChange={({ target }) => {
              if (target.value === NEW) onType("");
              else onChange(target.value === "" ? null : target.value);
            }}
          >
            <option value="">None</option>
            <option value={NEW}>A new one</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {typed !== undefined && (
        <Field label="Key or token" hint="It goes to the keyring of this computer as you check it.">
          {(input) => (
            <input
              {...input}
              type="password"
              autoComplete="off"
              spellCheck={false}
              data-testid="backend-key"
              value={typed}
              onChange={(event) => onType(event.target.value)}
            />
          )}
        </Field>
      )}
    </>
  );
}

/** What it answered, and what deserves a second look. */
function Found({ check }: { check: BackendCheck }) {
  const { models, problem, cautions } = check;
  return (
    <div className={styles.stack} ref={nearest}>
      {problem ? (
        <ProblemNote problem={problem} testId="check-problem" />
      ) : (
        <Remark icon="check" testId="check-models">
          <p>
            It answers, with {plural(models.length, "model")}
            {models.length > 0 && (
              <>
                : <Foreign text={someModels(models)} />
              </>
            )}
            .
          </p>
        </Remark>
      )}
      {cautions.map((caution) => (
        <Remark key={caution} tone="caution">
          <p>{caution}</p>
        </Remark>
      ))}
    </div>
  );
}

/** The answer may come below what is in view. The same function, so that it runs once. */
function nearest(answer: HTMLElement | null) {
  answer?.scrollIntoView({ block: "nearest" });
}
