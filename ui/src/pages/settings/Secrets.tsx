import { useId, useRef, useState } from "react";
import type { SecretView } from "../../ipc/bindings/SecretView";
import type { Tone } from "../../state/health";
import { listWords } from "../../state/held";
import { usePanel, useSnapshot } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { storedWords } from "../../state/secrets";
import { appName, plural } from "../../state/words";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Dialog, Question } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { Foreign } from "../../ui/Foreign";
import { intoView } from "../../ui/intoView";
import { Card, Row, Section } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Settings.module.css";

/** Most that are listed; each is one the config file names. */
const MOST = 100;

/** What the config refers to and the keyring holds. No value is ever shown. */
export function Secrets({ first }: { first: boolean }) {
  const { host, notices } = usePanel();
  const loaded = useQuery("secrets", () => host.call("secrets"));
  const [storing, setStoring] = useState<SecretView | undefined>();
  const [removing, setRemoving] = useState<SecretView | undefined>();
  return (
    <Section
      title="Secrets"
      intro="Keys and passwords that servers and apps need. They are kept in the keyring of this computer and never shown."
      testId="secrets"
      sectionRef={first ? intoView : null}
    >
      <Card flush>
        {loaded.kind === "loading" && <Skeleton rows={2} label="Reading the secrets" />}
        {loaded.kind === "failed" && (
          <div className={styles.inset}>
            <ProblemNote problem={loaded.error.problem}>
              <Button icon="restart" onClick={loaded.reload}>
                Try again
              </Button>
            </ProblemNote>
          </div>
        )}
        {loaded.kind === "ready" && (
          <>
            {loaded.value.problem && (
              <div className={styles.inset}>
                <ProblemNote problem={loaded.value.problem} testId="keyring-problem">
                  <Button icon="restart" data-testid="try-keyring" onClick={loaded.reload}>
                    Try again
                  </Button>
                </ProblemNote>
              </div>
            )}
            {loaded.value.secrets.length === 0 && (
              <Blank icon="key" title="No secret is needed yet">
                When you add a server with a key or a password, it can be kept in the keyring
                instead of the config file. Each will stand here by its name.
              </Blank>
            )}
            {loaded.value.secrets.slice(0, MOST).map((secret) => (
              <OneSecret
                key={secret.name}
                secret={secret}
                usable={loaded.value.problem === null}
                onStore={() => setStoring(secret)}
                onRemove={() => setRemoving(secret)}
              />
            ))}
            {loaded.value.secrets.length > MOST && (
              <p className={styles.inset}>
                The config file names {plural(loaded.value.secrets.length - MOST, "more secret")}.
              </p>
            )}
          </>
        )}
      </Card>
      {storing && (
        <StoreSecret
          secret={storing}
          onClose={() => setStoring(undefined)}
          onStored={loaded.reload}
        />
      )}
      <Question
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${removing?.name ?? "it"}?`}
        doIt="Remove"
        action={async () => {
          const name = removing?.name ?? "";
          await host.call("remove_secret", { name });
          notices.show({ tone: "done", text: `${name} was removed from the keyring.` });
          loaded.reload();
        }}
      >
        <p>
          Its value is forgotten and cannot be brought back.{" "}
          {removing && lackWords(removing, removing.backends)}
        </p>
      </Question>
    </Section>
  );
}

const TONES = { Stored: "open", Missing: "trouble", "Cannot be told": "still" } as const;

function OneSecret(props: {
  secret: SecretView;
  usable: boolean;
  onStore: () => void;
  onRemove: () => void;
}) {
  const { secret, usable } = props;
  const { name, stored } = secret;
  const places = secret.backends;
  const word = storedWords(stored) as keyof typeof TONES;
  const tone: Tone = TONES[word];
  return (
    <Row
      title={
        <code data-testid={`secret-${name}`}>
          <Foreign text={name} />
        </code>
      }
      detail={neededWords(secret, places)}
    >
      <Pill tone={tone}>{word}</Pill>
      <Button icon="key" disabled={!usable} data-testid={`store-${name}`} onClick={props.onStore}>
        {stored ? "Replace…" : "Store…"}
        <span className="unseen"> {name}</span>
      </Button>
      {stored && (
        <Button icon="remove" data-testid={`forget-${name}`} onClick={props.onRemove}>
          Remove<span className="unseen"> {name}</span>
        </Button>
      )}
    </Row>
  );
}

function neededWords({ servers, clients }: SecretView, places: readonly string[]): string {
  const words = [
    ...servers.map((server) => `“${server}”`),
    ...clients.map((client) => `${appName(client)}, as its token`),
    ...places.map((place) => `“${place}”, a place with models`),
  ];
  return words.length === 0 ? "Nothing needs it." : `Needed by ${listWords(words, "and")}.`;
}

function lackWords({ servers, clients }: SecretView, places: readonly string[]): string {
  const words = [...[...servers, ...places].map((each) => `“${each}”`), ...clients.map(appName)];
  if (words.length === 0) return "";
  return `${listWords(words, "and")} ${words.length === 1 ? "does" : "do"} not work without it.`;
}

type StoreSecretProps = { secret: SecretView; onClose: () => void; onStored: () => void };

function StoreSecret({ secret, onClose, onStored }: StoreSecretProps) {
  const panel = usePanel();
  const { servers } = useSnapshot();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [value, setValue] = useState("");
  const { name, stored } = secret;
  const store = useAction(async (sent: string) => {
    await panel.host.call("store_secret", { name, value: sent });
    onClose();
    onStored();
    const again = secret.servers.filter((needing) =>
      servers.some((server) => server.name === needing && server.enabled),
    );
    const verb = again.length === 1 ? "is" : "are";
    panel.notices.show({
      tone: "done",
      text:
        again.length === 0
          ? `${name} is stored.`
          : `${name} is stored. ${listWords(
              again.map((server) => `“${server}”`),
              "and",
            )} ${verb} started again with it.`,
    });
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={`${stored ? "Replace" : "Store"} ${name}`}
      description={
        stored
          ? "The value that is stored now is lost."
          : "It goes to the keyring of this computer and is not shown again."
      }
      initialFocus={field}
      testId="store-dialog"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            form={id}
            busy={store.busy}
            disabled={value === "" && !store.busy}
            data-testid="store-secret"
          >
            {stored ? "Replace" : "Store"}
          </Button>
        </>
      }
    >
      <form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          if (value === "") return;
          // Once it is sent the panel has no more use for it.
          setValue("");
          void store.start(value);
        }}
      >
        <Field label="Value" hint="Type or paste it. A blank at either end is kept.">
          {(input) => (
            <input
              {...input}
              ref={field}
              type="password"
              autoComplete="off"
              spellCheck={false}
              data-testid="secret-value"
              value={value}
              onChange={(event) => setValue(event.target.value)}
            />
          )}
        </Field>
      </form>
      {store.error && <ProblemNote problem={store.error.problem} alert />}
    </Dialog>
  );
}
