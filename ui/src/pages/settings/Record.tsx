import { useId, useState } from "react";
import type { RecordCheck } from "../../ipc/bindings/RecordCheck";
import type { RecordState } from "../../ipc/bindings/RecordState";
import { treatment } from "../../state/errors";
import {
  amountWords,
  DAYS,
  daysWords,
  type Limits,
  MEGABYTES,
  megabytesWords,
  readNumber,
  removedWords,
} from "../../state/limits";
import { usePanel } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { useRecorded, useRecordWork } from "../../state/recordWork";
import { href } from "../../state/route";
import { formatDate, plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { Copyable } from "../../ui/Copy";
import { Question } from "../../ui/Dialog";
import { Field } from "../../ui/Field";
import { intoView } from "../../ui/intoView";
import { Card, Row, Section } from "../../ui/Page";
import { ProblemNote, Remark } from "../../ui/Problem";
import { Select } from "../../ui/Select";
import { WorkLine } from "../../ui/WorkLine";
import styles from "./Settings.module.css";

/** The space it takes is not counted anew with each call. */
const AGAIN_MS = 5_000;

/** What the record takes, how long it is kept, whether it is whole, and the way to empty it. */
export function Record({ first }: { first: boolean }) {
  const { host, work } = usePanel();
  const [changed, setChanged] = useState(0);
  const turn = useRecorded(AGAIN_MS);
  const read = useQuery(`record ${changed} ${turn}`, async () => {
    const state = await host.call("record_state");
    // What was begun before this window was opened.
    if (state.work !== null && work.work() === null) work.take(state.work);
    return state;
  });
  return (
    <Section
      title="Activity record"
      intro="What apps asked for and what came of it, kept on this computer alone."
      testId="record"
      sectionRef={first ? intoView : null}
    >
      <Card flush>
        {read.kind === "failed" && (
          <div className={styles.inset}>
            <ProblemNote problem={read.error.problem}>
              <Button icon="restart" onClick={read.reload}>
                Try again
              </Button>
            </ProblemNote>
          </div>
        )}
        {read.kind !== "failed" && (
          <Present state={read.value} onChanged={() => setChanged((last) => last + 1)} />
        )}
      </Card>
    </Section>
  );
}

/** As high before its state is known as after, so that what stands below keeps its place. */
function Present({ state, onChanged }: { state: RecordState | undefined; onChanged: () => void }) {
  return (
    <div className={styles.parts}>
      <div className={`${styles.inset} ${styles.amount}`} data-testid="record-amount">
        {state ? (
          <>
            <p>{amountWords(state)}</p>
            <Copyable text={state.folder} label="Copy folder" testId="record-folder" />
          </>
        ) : (
          <p role="status">Reading how large the record is.</p>
        )}
      </div>
      <LimitRows state={state} onChanged={onChanged} />
      <Check />
      <DeleteAll onDeleted={onChanged} />
    </div>
  );
}

function LimitRows({
  state,
  onChanged,
}: {
  state: RecordState | undefined;
  onChanged: () => void;
}) {
  const { host } = usePanel();
  const [asked, setAsked] = useState<Limits | undefined>();
  const [guess, setGuess] = useState<{ limits: Limits; over: string } | undefined>();
  const over = `${state?.keepDays} ${state?.keepMegabytes}`;
  // What was chosen shows until the record says the same.
  const shown: Limits | undefined = guess?.over === over ? guess.limits : state;
  const write = async (limits: Limits) => {
    setGuess({ limits, over });
    try {
      await host.call("set_record_limits", limits);
    } catch (thrown) {
      setGuess(undefined);
      throw thrown;
    }
    onChanged();
  };
  const set = useAction(write);
  const removed = (limits: Limits) => state && removedWords(state, limits, Date.now());
  const choose = (change: Partial<Limits>) => {
    if (shown === undefined) return;
    const { keepDays, keepMegabytes } = shown;
    const limits = { keepDays, keepMegabytes, ...change };
    if (removed(limits) === undefined) void set.start(limits);
    else setAsked(limits);
  };
  return (
    <>
      <LimitRow
        title="Keep for"
        detail="Older entries are removed by themselves."
        value={shown?.keepDays}
        offered={DAYS}
        words={daysWords}
        none="For good"
        unit="Days"
        onChange={(keepDays) => choose({ keepDays })}
        testId="keep-days"
      />
      <LimitRow
        title="At most"
        detail="The oldest entries are removed while the record takes more."
        value={shown?.keepMegabytes}
        offered={MEGABYTES}
        words={megabytesWords}
        none="No limit"
        unit="Megabytes"
        onChange={(keepMegabytes) => choose({ keepMegabytes })}
        testId="keep-megabytes"
      />
      {set.error && (
        <div className={styles.inset}>
          <ProblemNote problem={set.error.problem} alert />
        </div>
      )}
      <Question
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title="Keep less on record?"
        doIt="Keep less"
        action={async () => {
          if (asked) await write(asked);
        }}
      >
        <p>
          {asked && removed(asked)} They cannot be brought back. Export them first if you may need
          them.
        </p>
      </Question>
    </>
  );
}

function LimitRow(props: {
  title: string;
  detail: string;
  /** None where it is not known yet. */
  value: number | null | undefined;
  offered: readonly number[];
  words: (value: number | null) => string;
  none: string;
  unit: string;
  onChange: (value: number | null) => void;
  testId: string;
}) {
  const { value, offered, words, unit, testId } = props;
  const id = useId();
  const [wantsOwn, setWantsOwn] = useState(false);
  const [draft, setDraft] = useState<string | undefined>();
  const known = value !== undefined;
  const own = wantsOwn || (known && value !== null && !offered.includes(value));
  const text = draft ?? String(value ?? "");
  const number = readNumber(text);
  return (
    <div>
      <Row titleId={id} title={props.title} detail={props.detail}>
        <Select
          aria-labelledby={id}
          data-testid={testId}
          disabled={!known}
          value={own ? "own" : known ? (value ?? "none") : ""}
          onChange={({ target }) => {
            setWantsOwn(target.value === "own");
            setDraft(undefined);
            if (target.value === "own") return;
            props.onChange(target.value === "none" ? null : Number(target.value));
          }}
        >
          {!known && <option value="" />}
          <option value="none">{props.none}</option>
          {offered.map((each) => (
            <option key={each} value={each}>
              {words(each)}
            </option>
          ))}
          <option value="own">Own number</option>
        </Select>
      </Row>
      {own && (
        <form
          className={`${styles.portForm} ${styles.inset}`}
          onSubmit={(event) => {
            event.preventDefault();
            if (number !== undefined && number !== value) props.onChange(number);
          }}
        >
          <Field
            label={unit}
            error={text !== "" && number === undefined ? "A whole number from 1 on." : undefined}
          >
            {(input) => (
              <input
                {...input}
                inputMode="numeric"
                autoComplete="off"
                data-testid={`${testId}-own`}
                value={text}
                onChange={(event) => setDraft(event.target.value)}
              />
            )}
          </Field>
          <Button
            type="submit"
            disabled={number === undefined || number === value}
            data-testid={`${testId}-use`}
          >
            Use this number
          </Button>
        </form>
      )}
    </div>
  );
}

function Check() {
  const { host } = usePanel();
  const work = useRecordWork();
  const [found, setFound] = useState<RecordCheck | undefined>();
  const check = useAction(async () => {
    setFound(undefined);
    setFound(await host.call("check_record"));
  });
  const error = check.error && treatment(check.error) !== "silent" ? check.error : undefined;
  return (
    <div>
      <Row
        title="Check the record"
        detail="Each row is bound to the one before it, so that a later change shows."
      >
        <Button
          icon="check"
          busy={check.busy}
          disabled={work !== null && !check.busy}
          data-testid="check-record"
          onClick={() => void check.start()}
        >
          Check
        </Button>
      </Row>
      {work && (
        <div className={styles.inset}>
          <WorkLine work={work} />
        </div>
      )}
      <div role="status">
        {found && (
          <div className={styles.inset} data-testid="check-result">
            <Found check={found} />
          </div>
        )}
      </div>
      {error && (
        <div className={styles.inset}>
          <ProblemNote problem={error.problem} alert />
        </div>
      )}
    </div>
  );
}

function Found({ check }: { check: RecordCheck }) {
  const { rows, from, broken } = check;
  const since = from === null ? "" : ` since ${formatDate(from)}`;
  if (broken === null) {
    return (
      <Remark icon="check">
        <p>
          All is well: {plural(rows, "row")}
          {since} {rows === 1 ? "is as it was" : "are as they were"} written.
        </p>
      </Remark>
    );
  }
  const { entry, at, message } = broken;
  return (
    <ProblemNote
      title="The record is not as it was written"
      problem={{
        message: `${message}${at === null ? "" : ` It was written about ${formatDate(at)}.`} ${plural(rows, "row")}${since} before it ${rows === 1 ? "is" : "are"} well.`,
        detail: "",
      }}
    >
      {entry !== null && (
        <a href={href({ page: "activity", entry })} data-testid="to-broken">
          Look at the entry
        </a>
      )}
    </ProblemNote>
  );
}

function DeleteAll({ onDeleted }: { onDeleted: () => void }) {
  const { host, notices } = usePanel();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Row title="Delete all activity" detail="The record begins anew.">
        <Button
          kind="danger"
          icon="remove"
          data-testid="delete-activity"
          onClick={() => setAsking(true)}
        >
          Delete…
        </Button>
      </Row>
      <Question
        open={asking}
        onClose={() => setAsking(false)}
        title="Delete all activity?"
        doIt="Delete all"
        action={async () => {
          await host.call("delete_activity");
          notices.show({ tone: "done", text: "All activity was deleted." });
          onDeleted();
        }}
      >
        <p>
          Every entry goes, with what was asked and what came back, and cannot be brought back. What
          stays: servers, tools and how they are set, apps, allowed answers, secrets, files you
          exported, and one entry that says when the record was deleted.
        </p>
      </Question>
    </>
  );
}
