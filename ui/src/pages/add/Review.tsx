import type { ReactNode } from "react";
import type { FirstModes } from "../../ipc/bindings/FirstModes";
import type { StartPreview } from "../../ipc/bindings/StartPreview";
import { Choice } from "../../ui/Choice";
import { ProblemNote, Remark } from "../../ui/Problem";
import styles from "./Add.module.css";

type ReviewProps = {
  preview: StartPreview;
  /** It is there already and is to be started as it is. */
  start?: boolean;
  /** Names of values that go to the keyring. */
  kept?: ReadonlySet<string>;
  /** Absent while a server is edited: its tools keep their modes. */
  first?: { value: FirstModes; onChange: (value: FirstModes) => void };
};

/** Exactly what will be started, whole, for the person to agree to. */
export function Review({ preview, start, kept, first }: ReviewProps) {
  const { draft, argv, cautions } = preview;
  const local = draft.transport.kind === "local";
  return (
    <div className={styles.review} data-testid="review">
      {local ? (
        <Remark tone="caution">
          <p>
            <strong>This runs a program on this computer with your rights.</strong> It can read and
            change what you can. {start ? "Start" : "Add"} it only when you trust where it comes
            from.
          </p>
        </Remark>
      ) : (
        <Remark tone="caution">
          <p>
            <strong>This server runs elsewhere.</strong> It sees what apps send to its tools.
          </p>
        </Remark>
      )}
      {draft.transport.kind === "remote" ? (
        <Part title="Address">
          <code className={styles.word}>{draft.transport.url}</code>
        </Part>
      ) : (
        <Part title="What is started">
          <ol className={styles.argv} aria-label="Program and arguments" data-testid="argv">
            {argv.map((word, index) => (
              <li key={index}>
                <span className={styles.index}>{index === 0 ? "Program" : index}</span>
                <code className={styles.word}>{word === "" ? <em>empty</em> : word}</code>
              </li>
            ))}
          </ol>
        </Part>
      )}
      <dl className={styles.facts}>
        {local && (
          <>
            <dt>Found at</dt>
            <dd>
              {preview.resolvedPath === null ? (
                `Not found on this computer. It can be ${start ? "started" : "added"}, and fails until the program is installed.`
              ) : (
                <code>{preview.resolvedPath}</code>
              )}
            </dd>
            <dt>Starts in</dt>
            <dd>{preview.cwd === null ? "Your home folder" : <code>{preview.cwd}</code>}</dd>
          </>
        )}
        <dt>{local ? "Variables" : "Headers"}</dt>
        <dd>
          {preview.valueNames.length === 0
            ? "None"
            : preview.valueNames.map((name) => (
                <code key={name} className={styles.valueName}>
                  {name}
                  {kept?.has(name) && <span className={styles.kept}> (kept in the keyring)</span>}
                </code>
              ))}
        </dd>
      </dl>
      {cautions.length > 0 && (
        <Part title="Look twice">
          <ul className={styles.cautions} data-testid="cautions">
            {cautions.map((caution) => (
              <li key={caution}>{caution}</li>
            ))}
          </ul>
        </Part>
      )}
      {preview.problem && <ProblemNote problem={preview.problem} alert testId="review-problem" />}
      {first && (
        <Choice
          label="What may its tools do at first?"
          value={first.value}
          onChange={first.onChange}
          firstRef={focusSafe}
          options={[
            {
              value: "keepOff",
              title: "Keep its tools off for now",
              detail: "The server starts. You switch on the tools you want, one by one.",
            },
            {
              value: "letRun",
              title: "Let them run",
              detail: "Every app can use all its tools without a question.",
            },
          ]}
        />
      )}
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={styles.part}>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** The safe choice takes the focus as it appears. It does not move the command out of sight. */
function focusSafe(choice: HTMLElement | null) {
  choice?.focus({ preventScroll: true });
}
