import { useState } from "react";
import type { BackendView } from "../../ipc/bindings/BackendView";
import type { Problem } from "../../ipc/bindings/Problem";
import {
  askPlaces,
  backendDetail,
  backendWord,
  removeBackend,
  setBackendEnabled,
  setDefaultBackend,
  useAskPlaces,
} from "../../state/backends";
import { usePanel, useSnapshot } from "../../state/panel";
import { useAction } from "../../state/query";
import { Blank } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { focusIfLost } from "../../ui/Difference";
import { Foreign } from "../../ui/Foreign";
import { intoView } from "../../ui/intoView";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { Card, Row, Section } from "../../ui/Page";
import { Claim, Pill } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import { Switch } from "../../ui/Switch";
import { BackendDialog } from "./BackendDialog";
import styles from "./Settings.module.css";

/** Other places that models are at. */
export function Backends({ first }: { first: boolean }) {
  const { backends } = useSnapshot();
  useAskPlaces();
  const [editing, setEditing] = useState<BackendView | "new" | undefined>();
  const add = (
    <Button icon="plus" data-testid="add-backend" onClick={() => setEditing("new")}>
      Add a place
    </Button>
  );
  return (
    <Section
      title="Other places with models"
      intro="Ollama on another computer, or a server that speaks as OpenAI does. Apps reach them at the same address, with the place's name in front."
      testId="backends"
      sectionRef={first ? intoView : null}
      aside={backends.length > 0 && add}
    >
      <Card flush>
        {backends.length === 0 && (
          <Blank icon="outside" title="No other place yet" action={add}>
            Each will stand here with the models it has, and whether it answers.
          </Blank>
        )}
        <div className={styles.parts}>
          {backends.map((backend) => (
            <OneBackend key={backend.name} backend={backend} onEdit={() => setEditing(backend)} />
          ))}
        </div>
      </Card>
      {editing && (
        <BackendDialog
          backend={editing === "new" ? undefined : editing}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Section>
  );
}

function OneBackend({ backend, onEdit }: { backend: BackendView; onEdit: () => void }) {
  const panel = usePanel();
  const { name, url, enabled, isDefault, state } = backend;
  const { tone, word } = backendWord(backend);
  const ask = useAction(() => askPlaces(panel));
  const problem = useLastProblem(backend);
  const [asked, setAsked] = useState(false);
  return (
    <div data-testid={`backend-${name}`}>
      <Row
        title={
          <span className={styles.named}>
            <Foreign text={name} />
            {isDefault && <Claim strong>Default</Claim>}
          </span>
        }
        detail={
          <>
            {backendDetail(backend)} <Foreign text={url} />
          </>
        }
      >
        <span
          role="status"
          tabIndex={-1}
          // The button that had the focus goes once the place answers.
          ref={asked && !problem ? focusIfLost : undefined}
        >
          <Pill tone={tone}>{word}</Pill>
        </span>
        <Switch
          checked={enabled}
          onChange={(next) => void setBackendEnabled(panel, name, next)}
          label={`${name} is used`}
          testId={`backend-on-${name}`}
        />
        <Menu label={`More for ${name}`} testId={`backend-menu-${name}`}>
          <MenuItem icon="edit" testId="edit-backend" onClick={onEdit}>
            Edit
          </MenuItem>
          <MenuItem
            icon="check"
            testId="default-backend"
            disabled={!enabled && !isDefault}
            onClick={() => void setDefaultBackend(panel, isDefault ? null : name)}
          >
            {isDefault ? "Look in Ollama first again" : "Look here first"}
          </MenuItem>
          <MenuLine />
          <MenuItem
            icon="remove"
            danger
            testId="remove-backend"
            onClick={() => void removeBackend(panel, backend)}
          >
            Remove
          </MenuItem>
        </Menu>
      </Row>
      {problem && (
        <div className={styles.inset}>
          <ProblemNote problem={problem}>
            <Button
              icon="restart"
              busy={ask.busy || state.kind === "checking"}
              data-testid={`ask-${name}`}
              onClick={() => {
                setAsked(true);
                void ask.start();
              }}
            >
              Try again<span className="unseen"> {name}</span>
            </Button>
          </ProblemNote>
        </div>
      )}
    </div>
  );
}

/** Why it was not reached. It stands there while it is asked again, so that nothing jumps. */
function useLastProblem({ enabled, state }: BackendView): Problem | undefined {
  const [last, setLast] = useState<Problem | undefined>();
  const now = enabled && state.kind === "unreachable" ? state.problem : undefined;
  const problem = enabled && state.kind === "checking" ? last : now;
  if (problem !== last) setLast(problem);
  return problem;
}
