import { useRef, useState } from "react";
import type { FeedView } from "../../state/activity";
import {
  type Chosen,
  chipsOf,
  dateField,
  isWholeDays,
  readDate,
  TIME_WORDS,
  TIMES,
  type TimeWord,
  tidied,
} from "../../state/activityFilter";
import { useTyped } from "../../state/typed";
import { plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Icon } from "../../ui/Icon";
import { SearchField } from "../../ui/SearchField";
import { Select } from "../../ui/Select";
import styles from "./Filter.module.css";
import { FilterChoices } from "./FilterChoices";

type FilterBarProps = {
  chosen: Chosen;
  view: FeedView;
  onChoose: (next: Chosen) => void;
  /** The same for what changes with each letter. */
  onType: (next: Chosen) => void;
};

/** What to look for in the record: words, a time, and the rest behind a button. */
export function FilterBar({ chosen, view, onChoose, onType }: FilterBarProps) {
  const search = useRef<HTMLInputElement>(null);
  const [own, setOwn] = useState(false);
  const typed = useTyped(chosen.text ?? "", (text) => onType(tidied({ ...chosen, text })));
  const hasDates = chosen.from !== undefined || chosen.until !== undefined;
  const dates = own || (hasDates && isWholeDays(chosen));
  const time = chosen.time ?? (dates ? "own" : hasDates ? "span" : "any");
  const chips = chipsOf(chosen);
  const clear = () => {
    search.current?.focus();
    setOwn(false);
    typed.drop();
    onChoose({});
  };
  return (
    <div className={styles.filter} role="search" aria-label="Activity">
      <div className={styles.bar}>
        <SearchField
          label="Search activity"
          value={typed.text}
          testId="activity-search"
          inputRef={search}
          onType={(text) => typed.set(text)}
          onClear={() => typed.set("", true)}
          onEnter={() => typed.set(typed.text, true)}
        />
        <Select
          aria-label="Time"
          data-testid="filter-time"
          value={time}
          onChange={({ target: { value } }) => {
            setOwn(value === "own");
            if (value === "own" || value === "span") return;
            const next = value === "any" ? undefined : (value as TimeWord);
            onChoose(tidied({ ...without(chosen), ...(next && { time: next }) }));
          }}
        >
          <option value="any">Any time</option>
          {TIMES.map((word) => (
            <option key={word} value={word}>
              {TIME_WORDS[word]}
            </option>
          ))}
          {time === "span" && <option value="span">Other span</option>}
          <option value="own">Own dates</option>
        </Select>
        <FilterChoices chosen={chosen} onChoose={onChoose} />
      </div>
      {time === "own" && <OwnDates chosen={chosen} onChoose={onType} />}
      {chips.length > 0 && (
        <ul className={styles.chipList} aria-label="Filters that are set" data-testid="chips">
          {chips.map(({ key, label, rest }) => (
            <li key={key}>
              <button
                type="button"
                className={styles.chip}
                data-chip
                aria-label={`Take away: ${label}`}
                data-testid={`chip-${key}`}
                onClick={({ currentTarget }) => {
                  // What was pressed goes: the keyboard goes on from what stands beside it.
                  const item = currentTarget.parentElement;
                  const beside = item?.nextElementSibling ?? item?.previousElementSibling;
                  (beside?.querySelector<HTMLElement>("[data-chip]") ?? search.current)?.focus();
                  if (key === "text") typed.drop();
                  if (key === "from until") setOwn(false);
                  onChoose(rest);
                }}
              >
                <bdi>{label}</bdi>
                <Icon name="close" />
              </button>
            </li>
          ))}
          <li className={styles.clear}>
            <Button kind="quiet" data-testid="clear-filters" onClick={clear}>
              Clear filters
            </Button>
          </li>
        </ul>
      )}
      <p className="unseen" role="status" data-testid="filter-status">
        {chips.length > 0 && view.settled && view.kind === "ready" ? foundWords(view) : ""}
      </p>
    </div>
  );
}

function foundWords({ entries, more }: FeedView): string {
  if (more) return entries.length === 0 ? "Looking for entries that fit" : "The newest that fit";
  return entries.length === 0
    ? "Nothing fits the filters"
    : `${plural(entries.length, "entry fits", "entries fit")} the filters`;
}

/** The rest, when the time is chosen anew. */
function without({ time: _time, from: _from, until: _until, ...rest }: Chosen): Chosen {
  return rest;
}

/** From one day to another, both included. */
function OwnDates({ chosen, onChoose }: Pick<FilterBarProps, "chosen" | "onChoose">) {
  const { from, until } = chosen;
  const wrong = from !== undefined && until !== undefined && from >= until;
  return (
    <div className={styles.dates} data-testid="own-dates">
      <OneDate
        label="From"
        value={dateField(from)}
        testId="date-from"
        onDate={(text) => {
          const at = readDate(text);
          if (at !== undefined || text === "") {
            onChoose(tidied({ ...without(chosen), until, from: at } as Chosen));
          }
        }}
      />
      <OneDate
        label="To"
        value={dateField(until === undefined ? undefined : until - 1)}
        testId="date-until"
        error={wrong ? "This day is before the first." : undefined}
        onDate={(text) => {
          const at = readDate(text, 1);
          if (at !== undefined || text === "") {
            onChoose(tidied({ ...without(chosen), from, until: at } as Chosen));
          }
        }}
      />
    </div>
  );
}

function OneDate(props: {
  label: string;
  value: string;
  testId: string;
  error?: string | undefined;
  onDate: (text: string) => void;
}) {
  // A year is typed digit by digit: what stands in the field is not taken away in between.
  const [draft, setDraft] = useState<string | undefined>();
  return (
    <Field label={props.label} error={props.error}>
      {(input) => (
        <input
          {...input}
          type="date"
          placeholder="2026-12-31"
          data-testid={props.testId}
          value={draft ?? props.value}
          onChange={({ target: { value } }) => {
            setDraft(value);
            props.onDate(value);
          }}
          onBlur={() => setDraft(undefined)}
        />
      )}
    </Field>
  );
}
