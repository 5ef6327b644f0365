import { useState } from "react";
import type { AllowedAnswer } from "../../ipc/bindings/AllowedAnswer";
import { takeBackAnswers } from "../../state/actions";
import { type AppAnswers, answersByApp, LASTS_WORDS } from "../../state/allowed";
import { useNow, usePanel, useSnapshot } from "../../state/panel";
import { focusPageTitle, href } from "../../state/route";
import { spelledOut } from "../../state/visible";
import { appName, formatAgo, formatExact, plural } from "../../state/words";
import { Blank } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Question } from "../../ui/Dialog";
import { Foreign } from "../../ui/Foreign";
import { Card, Page, Section } from "../../ui/Page";
import styles from "./Answers.module.css";

/** What apps may use without asking, because the person said so once. */
export function AnswersPage() {
  const { allowedAnswers } = useSnapshot();
  const panel = usePanel();
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set());
  const [asking, setAsking] = useState(false);
  const selected = allowedAnswers.map(({ id }) => id).filter((id) => marked.has(id));
  const all = allowedAnswers.map(({ id }) => id);

  const takeBack = async (ids: readonly number[]) => {
    // What was pressed goes with its answer.
    if (await takeBackAnswers(panel, ids)) focusPageTitle();
  };
  const mark = (id: number, on: boolean) => {
    const next = new Set(marked);
    if (on) next.add(id);
    else next.delete(id);
    setMarked(next);
  };

  return (
    <Page
      title="Allowed answers"
      above={
        <a className={styles.back} href={href({ page: "settings" })}>
          Settings
        </a>
      }
      intro="What apps may use without asking, because you said so. Take an answer back, and you are asked again from the next call on."
    >
      {all.length === 0 ? (
        <Card>
          <Blank
            icon="check"
            title="No answer is remembered"
            action={<a href={href({ page: "tools" })}>See which tools ask</a>}
          >
            When an app asks for a tool, you can allow it for the session or for always. Each such
            answer will stand here, to be taken back.
          </Blank>
        </Card>
      ) : (
        <>
          <div className={styles.bar}>
            <Button
              icon="undo"
              disabled={selected.length === 0}
              data-testid="take-back-selected"
              onClick={() => void takeBack(selected)}
            >
              Take back selected{selected.length > 0 && ` (${selected.length})`}
            </Button>
            <Button kind="danger" data-testid="take-back-all" onClick={() => setAsking(true)}>
              Take back all
            </Button>
          </div>
          {answersByApp(allowedAnswers).map((app) => (
            <OneApp
              key={app.client}
              app={app}
              marked={marked}
              onMark={mark}
              onTakeBack={takeBack}
            />
          ))}
        </>
      )}
      <Question
        open={asking}
        onClose={() => setAsking(false)}
        title="Take back all answers?"
        doIt="Take back all"
        action={async () => {
          await panel.host.call("take_back_answers", { answers: all });
          await panel.store.refresh();
          panel.notices.show({ tone: "done", text: "All answers were taken back." });
        }}
      >
        <p>
          {plural(all.length, "answer")} will be forgotten. Each app is asked about again from its
          next call on.
        </p>
      </Question>
    </Page>
  );
}

type OneAppProps = {
  app: AppAnswers;
  marked: ReadonlySet<number>;
  onMark: (id: number, on: boolean) => void;
  onTakeBack: (ids: readonly number[]) => void;
};

function OneApp({ app, marked, onMark, onTakeBack }: OneAppProps) {
  const name = spelledOut(appName(app.client));
  return (
    <Section
      title={name}
      aside={
        <Button
          kind="quiet"
          data-testid={`take-back-app-${app.client}`}
          onClick={() => void onTakeBack(app.ids)}
        >
          Take back all of this app<span className="unseen">, {name}</span>
        </Button>
      }
    >
      <Card flush>
        {app.servers.map(({ server, answers }) => (
          <div key={server} className={styles.server}>
            <h3 className={styles.serverName}>
              <Foreign text={server} />
            </h3>
            <ul>
              {answers.map((answer) => (
                <OneAnswer
                  key={answer.id}
                  answer={answer}
                  marked={marked.has(answer.id)}
                  onMark={(on) => onMark(answer.id, on)}
                  onTakeBack={() => onTakeBack([answer.id])}
                />
              ))}
            </ul>
          </div>
        ))}
      </Card>
    </Section>
  );
}

function OneAnswer(props: {
  answer: AllowedAnswer;
  marked: boolean;
  onMark: (on: boolean) => void;
  onTakeBack: () => void;
}) {
  const { answer, marked } = props;
  const now = useNow(30_000);
  const named = `${spelledOut(answer.tool)} of ${spelledOut(answer.server)}`;
  return (
    <li className={styles.answer} data-testid={`answer-${answer.id}`}>
      <label className={styles.choose}>
        <input
          type="checkbox"
          checked={marked}
          aria-label={`Select ${named}`}
          onChange={(event) => props.onMark(event.target.checked)}
        />
        <span className={styles.tool}>
          <Foreign text={answer.tool} />
        </span>
      </label>
      <div className={styles.facts}>
        <p className={styles.lasts}>{LASTS_WORDS[answer.lasts]}</p>
        <p>
          Given <Ago at={answer.givenAt} now={now} />
        </p>
        <p>
          {answer.lastUsed === null ? (
            "Not used yet"
          ) : (
            <>
              Used {answer.used === 1 ? "once" : plural(answer.used, "time")}, last{" "}
              <Ago at={answer.lastUsed} now={now} />
            </>
          )}
        </p>
      </div>
      <Button icon="undo" data-testid={`take-back-${answer.id}`} onClick={props.onTakeBack}>
        Take back<span className="unseen"> {named}</span>
      </Button>
    </li>
  );
}

function Ago({ at, now }: { at: number; now: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
