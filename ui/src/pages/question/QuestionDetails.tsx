import { argumentsOf } from "../../state/arguments";
import { looksLikeWords } from "../../state/blocked";
import { allowedBeforeWords, claimSentences, type QuestionGroup } from "../../state/questions";
import { appName } from "../../state/words";
import { Folded } from "../../ui/Folded";
import { Foreign, ForeignValue } from "../../ui/Foreign";
import { Icon } from "../../ui/Icon";
import { Pill } from "../../ui/Pill";
import { Remark } from "../../ui/Problem";
import styles from "./QuestionDetails.module.css";

const equalWords = (count: number) => `${count} equal questions`;

/** A question whole: who asks, for what, with what, and what is said about it. */
export function QuestionDetails({ group }: { group: QuestionGroup }) {
  const { first, ids, saysIt } = group;
  const { client, server, tool, title, description } = first;
  return (
    <article className={styles.question} ref={toItsBeginning} data-testid="open-question">
      <header className={styles.head}>
        <h2 className={styles.title}>
          <Foreign text={appName(client)} /> asks to use{" "}
          <span className={styles.tool}>
            <Foreign text={title ?? tool} />
          </span>
        </h2>
        {ids.length > 1 && (
          <p className={styles.equal}>
            <Pill tone="paused">{equalWords(ids.length)}</Pill> They are answered together.
          </p>
        )}
        <dl className={styles.facts}>
          <div>
            <dt>Tool</dt>
            <dd>
              <code>
                <Foreign text={tool} />
              </code>{" "}
              of the server{" "}
              <b>
                <Foreign text={server} />
              </b>
            </dd>
          </div>
          {saysIt.length > 0 && (
            <div>
              <dt>App</dt>
              <dd>
                <Foreign text={appName(client)} />, which calls itself{" "}
                {saysIt.map((name, index) => (
                  <span key={name}>
                    {index > 0 && ", "}“<Foreign text={name} />”
                  </span>
                ))}
              </dd>
            </div>
          )}
          <div>
            <dt>Before</dt>
            <dd>{allowedBeforeWords(first.allowedBefore)}</dd>
          </div>
        </dl>
      </header>
      {first.looksLike.length > 0 && (
        <Remark tone="caution" icon="key" testId="looks-like">
          <p>The arguments hold what looks like {looksLikeWords(first.looksLike)}.</p>
        </Remark>
      )}
      <Arguments json={first.arguments} />
      <section className={styles.part}>
        <h3>The server says</h3>
        <Claims group={group} />
        {description ? (
          <blockquote className={styles.said}>
            <Folded text={description} of="the description">
              {(shown) => <Foreign text={shown} lines />}
            </Folded>
          </blockquote>
        ) : (
          <p className={styles.muted}>It does not say what the tool does.</p>
        )}
      </section>
    </article>
  );
}

/** A question that opens is read from its beginning, wherever the one before was left. */
function toItsBeginning(question: HTMLElement | null) {
  question?.scrollIntoView({ block: "start" });
}

/** Words of the server, told as such. */
function Claims({ group }: { group: QuestionGroup }) {
  const said = claimSentences(group.first.claims);
  if (said.length === 0) {
    return (
      <p className={styles.muted}>It does not say whether the tool only reads or may destroy.</p>
    );
  }
  return (
    <ul className={styles.claims}>
      {said.map(({ text, strong }) => (
        <li key={text} data-strong={strong || undefined}>
          {strong && <Icon name="trouble" />}
          <span>
            <span className="unseen">The server says: </span>
            {text}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Arguments({ json }: { json: string }) {
  const all = argumentsOf(json);
  return (
    <section className={styles.part} data-testid="arguments">
      <h3>What the tool is given</h3>
      {all.length === 0 && <p className={styles.muted}>Nothing.</p>}
      {all.length > 0 && (
        <dl className={styles.arguments}>
          {all.map(({ name, value }, index) => (
            <div key={index} data-long={isLong(value) || undefined}>
              {name !== undefined && (
                <dt>
                  <Foreign text={name} />
                </dt>
              )}
              <dd data-whole={name === undefined || undefined}>
                {value === "" ? (
                  <span className={styles.empty}>empty text</span>
                ) : (
                  <Folded text={value} of={name ?? "what the tool is given"}>
                    {(shown) => <ForeignValue text={shown} name={name} />}
                  </Folded>
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

/** A long value takes the whole width, below its name. */
const isLong = (value: string) => value.includes("\n") || value.length > 72;

/** A question that waits behind the open one, on one line. */
export function QuestionSummary({ group, onOpen }: { group: QuestionGroup; onOpen: () => void }) {
  const { client, server, tool, title } = group.first;
  return (
    <button
      type="button"
      className={styles.summary}
      aria-expanded={false}
      data-testid="closed-question"
      onClick={onOpen}
    >
      <Icon name="right" className={styles.arrow} />
      <span className={styles.summaryWords}>
        <Foreign text={appName(client)} /> asks to use{" "}
        <b>
          <Foreign text={title ?? tool} />
        </b>{" "}
        of <Foreign text={server} />
      </span>
      {group.ids.length > 1 && <span className={styles.count}>{equalWords(group.ids.length)}</span>}
    </button>
  );
}
