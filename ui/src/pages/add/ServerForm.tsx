import { type Form, type FormValue, keeps } from "../../state/draft";
import { canKeep } from "../../state/secrets";
import { Button, IconButton } from "../../ui/Button";
import { Choice } from "../../ui/Choice";
import { Field, inputClass } from "../../ui/Field";
import styles from "./Add.module.css";

type ServerFormProps = {
  form: Form;
  onChange: (form: Form) => void;
  /** Which field is not taken, and why. */
  wrong: { field: string; text: string } | undefined;
  /** A server keeps the way it is reached while it is edited. */
  fixedKind?: boolean;
};

export function ServerForm({ form, onChange, wrong, fixedKind }: ServerFormProps) {
  const set = (part: Partial<Form>) => onChange({ ...form, ...part });
  const errorOf = (field: string) => (wrong?.field === field ? wrong.text : undefined);
  return (
    <div className={styles.form}>
      <Field label="Name" hint="What it is called here and in apps." error={errorOf("name")}>
        {(input) => (
          <input
            {...input}
            autoComplete="off"
            spellCheck={false}
            data-testid="server-name"
            value={form.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
      </Field>
      {!fixedKind && (
        <Choice
          label="Where is it?"
          value={form.kind}
          onChange={(kind) => set({ kind })}
          options={[
            {
              value: "local",
              title: "A program on this computer",
              detail: "Drawbridge starts it and ends it.",
            },
            {
              value: "remote",
              title: "A server elsewhere",
              detail: "Drawbridge connects to its address.",
            },
          ]}
        />
      )}
      {form.kind === "local" ? (
        <LocalFields form={form} set={set} errorOf={errorOf} />
      ) : (
        <>
          <Field label="Address" error={errorOf("url")}>
            {(input) => (
              <input
                {...input}
                inputMode="url"
                autoComplete="off"
                spellCheck={false}
                placeholder="https://example.org/mcp"
                data-testid="server-url"
                value={form.url}
                onChange={(event) => set({ url: event.target.value })}
              />
            )}
          </Field>
          <Values
            title="Headers"
            one="header"
            hint="Sent with each request, such as Authorization."
            values={form.headers}
            onChange={(headers) => set({ headers })}
          />
        </>
      )}
    </div>
  );
}

function LocalFields(props: {
  form: Form;
  set: (part: Partial<Form>) => void;
  errorOf: (field: string) => string | undefined;
}) {
  const { form, set, errorOf } = props;
  return (
    <>
      <Field label="Program" hint="Its name, or the path to it." error={errorOf("command")}>
        {(input) => (
          <input
            {...input}
            autoComplete="off"
            spellCheck={false}
            placeholder="npx"
            data-testid="server-command"
            value={form.command}
            onChange={(event) => set({ command: event.target.value })}
          />
        )}
      </Field>
      <fieldset className={styles.list}>
        <legend>Arguments</legend>
        <p className={styles.hint}>One to a line, each exactly as the program gets it.</p>
        {form.args.map((arg, index) => (
          <div key={index} className={styles.listRow}>
            <span className={styles.index} aria-hidden="true">
              {index + 1}
            </span>
            <input
              className={`${inputClass} ${styles.mono}`}
              aria-label={`Argument ${index + 1}`}
              autoComplete="off"
              spellCheck={false}
              value={arg}
              onChange={(event) =>
                set({
                  args: form.args.map((each, at) => (at === index ? event.target.value : each)),
                })
              }
            />
            <IconButton
              icon="close"
              label={`Remove argument ${index + 1}`}
              onClick={() => set({ args: form.args.filter((_, at) => at !== index) })}
            />
          </div>
        ))}
        <div>
          <Button
            icon="plus"
            data-testid="add-argument"
            onClick={() => set({ args: [...form.args, ""] })}
          >
            Add an argument
          </Button>
        </div>
      </fieldset>
      <Values
        title="Variables"
        one="variable"
        hint="Settings the program reads from its environment, such as a key."
        values={form.env}
        onChange={(env) => set({ env })}
      />
      <Field label="Folder it starts in" hint="Your home folder when this is empty.">
        {(input) => (
          <input
            {...input}
            autoComplete="off"
            spellCheck={false}
            value={form.cwd}
            onChange={(event) => set({ cwd: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

/** Names with values that are not shown. A stored value stays until another one is typed. */
function Values(props: {
  title: string;
  one: string;
  hint: string;
  values: FormValue[];
  onChange: (values: FormValue[]) => void;
}) {
  const { title, one, hint, values, onChange } = props;
  const change = (index: number, part: Partial<FormValue>) =>
    onChange(values.map((each, at) => (at === index ? { ...each, ...part } : each)));
  return (
    <fieldset className={styles.list}>
      <legend>{title}</legend>
      <p className={styles.hint}>{hint}</p>
      {values.map((each, index) => (
        <div key={index} className={styles.value}>
          <div className={`${styles.listRow} ${styles.pair}`}>
            <input
              className={`${inputClass} ${styles.mono}`}
              aria-label={`Name of ${one} ${index + 1}`}
              placeholder="Name"
              autoComplete="off"
              spellCheck={false}
              value={each.name}
              onChange={(event) => change(index, { name: event.target.value })}
            />
            <input
              className={inputClass}
              type="password"
              aria-label={`Value of ${one} ${index + 1}`}
              placeholder={each.value === null ? "Stored, unchanged" : "Value"}
              autoComplete="off"
              value={each.value ?? ""}
              onChange={(event) => change(index, { value: event.target.value })}
            />
            <IconButton
              icon="close"
              label={`Remove ${one} ${index + 1}`}
              onClick={() => onChange(values.filter((_, at) => at !== index))}
            />
          </div>
          <label className={styles.keep} data-idle={!canKeep(each) || undefined}>
            <input
              type="checkbox"
              checked={keeps(each)}
              disabled={!canKeep(each)}
              aria-label={`Keep the value of ${one} ${index + 1} in the keyring`}
              data-testid={`keep-${index + 1}`}
              onChange={(event) => change(index, { keep: event.target.checked })}
            />
            Keep in the keyring
          </label>
        </div>
      ))}
      <div>
        <Button icon="plus" onClick={() => onChange([...values, { name: "", value: "" }])}>
          Add a {one}
        </Button>
      </div>
    </fieldset>
  );
}
