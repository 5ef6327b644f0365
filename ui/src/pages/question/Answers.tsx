import { type KeyboardEvent, type Ref, useRef } from "react";
import type { QuestionAnswer } from "../../ipc/bindings/QuestionAnswer";
import {
  useAnswerKeys,
  useFocusInFront,
  type useLastWords,
  useSettled,
} from "../../state/answering";
import { useNow, usePanel, useSnapshot } from "../../state/panel";
import { useAction } from "../../state/query";
import {
  type AnswerWay,
  answerWays,
  type QuestionGroup,
  timeLeftShare,
  timeLeftWords,
} from "../../state/questions";
import { spelledOut } from "../../state/visible";
import { appName } from "../../state/words";
import { Foreign } from "../../ui/Foreign";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Answers.module.css";

type AnswersProps = {
  group: QuestionGroup;
  /** How many different questions wait. */
  groups: number;
  last: ReturnType<typeof useLastWords>;
};

/** The ways to answer. Give it a `key` of what is asked: nothing carries over to another question. */
export function Answers({ group, groups, last }: AnswersProps) {
  const { host, store } = usePanel();
  const { questions } = useSnapshot();
  const deny = useRef<HTMLButtonElement>(null);
  const ready = useSettled(group.ids);
  // Until the snapshot tells that they have gone, they are not to be answered once more.
  const give = useAction(
    async (ids: readonly number[], done: string, command: () => Promise<unknown>) => {
      last.expect(ids);
      try {
        await command();
        last.say(done);
        await store.refresh();
      } catch (thrown) {
        last.unexpect(ids);
        throw thrown;
      }
    },
  );
  const inert = ready.length === 0 || give.busy;
  const { client, tool, everyTime } = group.first;
  const ways = answerWays(everyTime);

  const answer = (meant: QuestionAnswer) => {
    const way = ways.find((each) => each.answer === meant);
    if (inert || !way) return;
    const ids = [...ready];
    void give.start(
      ids,
      `${way.done}: ${spelledOut(tool)} for ${spelledOut(appName(client))}.`,
      () => host.call("answer_questions", { questions: ids, answer: meant }),
    );
  };
  const denyAll = () => {
    if (inert) return;
    const ids = questions.map(({ id }) => id);
    void give.start(ids, "All were denied.", () => host.call("deny_all_questions"));
  };
  useAnswerKeys(answer);
  useFocusInFront(deny);

  const button = (way: AnswerWay) => (
    <AnswerButton
      key={way.answer}
      way={way}
      inert={inert}
      buttonRef={way.answer === "deny" ? deny : undefined}
      onAnswer={() => answer(way.answer)}
    />
  );
  const equal = group.ids.length;
  return (
    <>
      <section className={styles.answers} aria-label="Your answer" data-testid="answers">
        <TimeBar group={group} />
        <div className={styles.inner}>
          <TimeLeft group={group} />
          {give.error && <ProblemNote problem={give.error.problem} alert />}
          {groups > 1 && (
            <p className={styles.to}>
              Your answer to{" "}
              <b>
                <Foreign text={appName(client)} />
              </b>{" "}
              about{" "}
              <b>
                <Foreign text={tool} />
              </b>
              {equal > 1 && ` (${equal} equal questions)`}
            </p>
          )}
          <div className={styles.row}>{ways.filter(({ allows }) => !allows).map(button)}</div>
          <div className={styles.row}>{ways.filter(({ allows }) => allows).map(button)}</div>
          <p className={styles.legend}>
            Each letter is a key. Enter never allows.
            {everyTime && " This tool asks every time, so no answer is remembered."}
          </p>
        </div>
      </section>
      {/* Stands at the top: as it comes and goes, no other answer moves. */}
      {groups > 1 && (
        <div className={styles.all}>
          <AnswerButton
            way={{ word: "Deny all", detail: undefined, letter: undefined, allows: false }}
            inert={inert}
            onAnswer={denyAll}
          />
        </div>
      )}
    </>
  );
}

type AnswerButtonProps = {
  way: Pick<AnswerWay, "word" | "detail" | "allows"> & {
    letter: string | undefined;
    answer?: QuestionAnswer;
  };
  inert: boolean;
  buttonRef?: Ref<HTMLButtonElement> | undefined;
  onAnswer: () => void;
};

function AnswerButton({ way, inert, buttonRef, onAnswer }: AnswerButtonProps) {
  // A press that began too early was meant for something else, however late it ends.
  const early = useRef(false);
  const begin = () => {
    early.current = inert;
  };
  return (
    <button
      ref={buttonRef}
      type="button"
      className={styles.answer}
      data-first={way.answer === "deny" || undefined}
      data-testid={`answer-${way.answer ?? "denyAll"}`}
      aria-disabled={inert}
      aria-keyshortcuts={way.letter}
      onPointerDown={begin}
      onKeyDown={(event: KeyboardEvent) => {
        begin();
        // Enter is pressed too easily; a key held down is no second decision.
        if (event.key === "Enter" && (way.allows || event.repeat)) event.preventDefault();
      }}
      onClick={() => {
        if (!inert && !early.current) onAnswer();
        early.current = false;
      }}
    >
      <span className={styles.words}>
        <span className={styles.word}>{way.word}</span>
        {way.detail && <span className={styles.detail}>{way.detail}</span>}
      </span>
      {way.letter && (
        <span className={styles.key} aria-hidden="true">
          {way.letter}
        </span>
      )}
    </button>
  );
}

/** A clock that is looked at, and never read aloud by itself. */
function TimeLeft({ group }: { group: QuestionGroup }) {
  const now = useNow(1_000);
  return (
    <p className={styles.time} role="timer" aria-live="off" data-testid="time-left">
      {timeLeftWords(group.expiresAt, now)}
    </p>
  );
}

function TimeBar({ group }: { group: QuestionGroup }) {
  const now = useNow(1_000);
  const share = timeLeftShare(group.first.askedAt, group.expiresAt, now);
  return (
    <div className={styles.bar} aria-hidden="true">
      <div style={{ width: `${share * 100}%` }} />
    </div>
  );
}
