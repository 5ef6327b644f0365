import { Popover } from "@base-ui/react/popover";
import type { ReactNode } from "react";
import type { ActivityChoices } from "../../ipc/bindings/ActivityChoices";
import type { RecordedTool } from "../../ipc/bindings/RecordedTool";
import {
  type Chosen,
  DECISIONS,
  KINDS,
  OUTCOMES,
  REASONS,
  tidied,
} from "../../state/activityFilter";
import { DECISION_WORDS, KIND_WORDS, REASON_WORDS } from "../../state/activityWords";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { appName, formatCount, OUTCOME_WORDS } from "../../state/words";
import { Button, IconButton } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { ProblemNote } from "../../ui/Problem";
import { Select } from "../../ui/Select";
import styles from "./Filter.module.css";

type FilterChoicesProps = { chosen: Chosen; onChoose: (next: Chosen) => void };

/** Everything else to filter by. It takes effect at once, beside the list. */
export function FilterChoices({ chosen, onChoose }: FilterChoicesProps) {
  return (
    <Popover.Root>
      <Popover.Trigger
        render={
          <Button icon="filter" className={styles.more ?? ""} data-testid="more-filters">
            Filters
          </Button>
        }
      />
      <Popover.Portal>
        <Popover.Positioner
          className={styles.positioner}
          align="end"
          sideOffset={4}
          collisionPadding={8}
        >
          <Popover.Popup className={styles.popup} data-testid="filter-choices">
            <header className={styles.popupHead}>
              <Popover.Title className={styles.popupTitle}>Show only</Popover.Title>
              <Popover.Close render={<IconButton icon="close" label="Close the filters" />} />
            </header>
            <Choices chosen={chosen} onChoose={onChoose} />
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

const NONE: ActivityChoices = { clients: [], servers: [], tools: [] };

function Choices({ chosen, onChoose }: FilterChoicesProps) {
  const { host } = usePanel();
  const read = useQuery("choices", () => host.call("activity_choices"));
  const { clients, servers, tools } = read.value ?? NONE;
  const change = (next: { [K in keyof Chosen]?: Chosen[K] | undefined }) =>
    onChoose(tidied({ ...chosen, ...next } as Chosen));
  return (
    <div className={styles.choices}>
      {read.kind === "failed" && (
        <ProblemNote problem={read.error.problem}>
          <Button icon="restart" onClick={read.reload}>
            Try again
          </Button>
        </ProblemNote>
      )}
      <div className={styles.selects}>
        <Names
          label="App"
          all="All apps"
          value={chosen.client ?? ""}
          names={clients.map(({ name, entries }) => ({ name, word: appName(name), entries }))}
          onChange={(client) => change({ client })}
          testId="filter-app"
        />
        <Names
          label="Server"
          all="All servers"
          value={chosen.server ?? ""}
          names={servers.map(({ name, entries }) => ({ name, word: name, entries }))}
          onChange={(server) =>
            // A tool belongs to its server.
            change({ server, ...(server !== chosen.server && { subject: undefined }) })
          }
          testId="filter-server"
        />
        <Tools tools={tools} chosen={chosen} onChange={change} />
      </div>
      <Boxes
        title="What was decided"
        name="decision"
        all={DECISIONS}
        words={DECISION_WORDS}
        set={chosen.decisions}
        onChange={(decisions) => change({ decisions })}
      />
      <Boxes
        title="Because of"
        name="reason"
        all={REASONS}
        words={REASON_WORDS}
        set={chosen.reasons}
        onChange={(reasons) => change({ reasons })}
      />
      <Boxes
        title="How it ended"
        name="outcome"
        all={OUTCOMES}
        words={OUTCOME_WORDS}
        set={chosen.outcomes}
        onChange={(outcomes) => change({ outcomes })}
      />
      <Boxes
        title="What happened"
        name="kind"
        all={KINDS}
        words={KIND_WORDS}
        set={chosen.kinds}
        onChange={(kinds) => change({ kinds })}
      />
    </div>
  );
}

function Names(props: {
  label: string;
  all: string;
  value: string;
  names: { name: string; word: string; entries: number }[];
  onChange: (name: string | undefined) => void;
  testId: string;
}) {
  const { value, names } = props;
  const known = value === "" || names.some(({ name }) => name === value);
  return (
    <Field label={props.label}>
      {({ className: _plain, ...input }) => (
        <Select
          {...input}
          wide
          value={value}
          data-testid={props.testId}
          onChange={(event) => props.onChange(event.target.value || undefined)}
        >
          <option value="">{props.all}</option>
          {!known && <option value={value}>{value}</option>}
          {names.map(({ name, word, entries }) => (
            <option key={name} value={name}>
              {word} ({formatCount(entries)})
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

const keyOf = (server: string | undefined, tool: string) => JSON.stringify([server ?? null, tool]);

function Tools(props: {
  tools: readonly RecordedTool[];
  chosen: Chosen;
  onChange: (next: { server?: string; subject?: string | undefined }) => void;
}) {
  const { server, subject } = props.chosen;
  // With a server chosen, only what it offers is worth reading.
  const offered = props.tools.filter((each) => server === undefined || each.server === server);
  const servers = [...new Set(offered.map((each) => each.server))].sort();
  const value = subject === undefined ? "" : keyOf(server, subject);
  const known =
    subject === undefined ||
    offered.some((each) => each.server === server && each.tool === subject);
  return (
    <Field label="Tool">
      {({ className: _plain, ...input }) => (
        <Select
          {...input}
          wide
          value={value}
          data-testid="filter-tool"
          onChange={({ target }) => {
            if (target.value === "") props.onChange({ subject: undefined });
            else {
              const [of, tool] = JSON.parse(target.value) as [string | null, string];
              props.onChange({ ...(of !== null && { server: of }), subject: tool });
            }
          }}
        >
          <option value="">All tools</option>
          {!known && <option value={value}>{subject}</option>}
          {servers.map((each) => (
            <optgroup key={each} label={each}>
              {offered
                .filter((tool) => tool.server === each)
                .map(({ tool, entries }) => (
                  <option key={tool} value={keyOf(each, tool)}>
                    {tool} ({formatCount(entries)})
                  </option>
                ))}
            </optgroup>
          ))}
        </Select>
      )}
    </Field>
  );
}

function Boxes<T extends string>(props: {
  title: string;
  name: string;
  all: readonly T[];
  words: Record<T, string>;
  set: readonly T[] | undefined;
  onChange: (next: T[]) => void;
}): ReactNode {
  const { all, words, set = [], onChange } = props;
  return (
    <fieldset className={styles.boxes}>
      <legend>{props.title}</legend>
      <div className={styles.boxGrid}>
        {all.map((each) => (
          <label key={each} className={styles.box}>
            <input
              type="checkbox"
              checked={set.includes(each)}
              data-testid={`filter-${props.name}-${each}`}
              onChange={({ target }) =>
                onChange(all.filter((one) => (one === each ? target.checked : set.includes(one))))
              }
            />
            {words[each]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
