import { useId } from "react";
import type { FieldDifference } from "../../ipc/bindings/FieldDifference";
import type { ToolDifference } from "../../ipc/bindings/ToolDifference";
import type { ToolView } from "../../ipc/bindings/ToolView";
import { setToolMode } from "../../state/actions";
import { textNow } from "../../state/difference";
import { FIELD_WORDS, neverSeen, whyHeld } from "../../state/held";
import { usePanel } from "../../state/panel";
import { spelledOut } from "../../state/visible";
import { Button } from "../../ui/Button";
import { Difference, focusIfLost } from "../../ui/Difference";
import { Folded } from "../../ui/Folded";
import { Foreign } from "../../ui/Foreign";
import { HeldMark } from "../../ui/HeldMark";
import { Icon } from "../../ui/Icon";
import { meaningOf } from "../../ui/ModeControl";
import styles from "./Changes.module.css";
import { Findings } from "./Findings";

type ToolChangeProps = {
  server: string;
  difference: ToolDifference;
  /** Its mode now, which may have been set since it was loaded. */
  mode: ToolView["mode"];
  done: boolean;
  busy: boolean;
  primary: boolean;
  onAccept: () => void;
};

/** One tool that is held back: why, what is different, and what can be done. */
export function ToolChange(props: ToolChangeProps) {
  const { server, difference, mode, done, busy, primary, onAccept } = props;
  const panel = usePanel();
  const id = useId();
  const { tool } = difference;
  const name = spelledOut(tool.name);
  const off = mode === "off";
  return (
    <article
      className={styles.card}
      aria-labelledby={id}
      data-done={done || undefined}
      data-testid={`change-${tool.name}`}
    >
      <header className={styles.cardHead}>
        <h2 id={id}>
          <Foreign text={tool.name} />
        </h2>
        {tool.held && <HeldMark held={tool.held} />}
        <span className={styles.mode}>Its mode is {meaningOf(mode).word}.</span>
      </header>
      <p className={styles.why}>{whyHeld(difference)}</p>
      <Findings findings={tool.findings} />
      <Fields difference={difference} />
      {done ? (
        // In the place of the buttons, so that nothing else moves under the pointer.
        <p className={styles.done} tabIndex={-1} ref={focusIfLost} role="status">
          <Icon name="check" />
          <span>
            {off
              ? "You have seen it. It is off, so apps cannot use it."
              : "Apps can use it from the next call on."}
          </span>
        </p>
      ) : (
        <div className={styles.actions}>
          <Button
            kind={primary && !off ? "primary" : "plain"}
            icon={off ? "eye" : "check"}
            busy={busy}
            data-testid="accept"
            onClick={onAccept}
          >
            {off ? "Mark as seen" : "Let apps use it"}
            <span className="unseen">: {name}</span>
          </Button>
          <Button
            icon={off ? "undo" : "none"}
            data-testid="switch-off"
            onClick={() => void setToolMode(panel, server, tool.name, off ? "ask" : "off")}
          >
            {off ? "Set it to Ask" : "Switch it off"}
            <span className="unseen">: {name}</span>
          </Button>
        </div>
      )}
    </article>
  );
}

function Fields({ difference }: { difference: ToolDifference }) {
  const { tool, fields } = difference;
  const plain = neverSeen(difference);
  if (fields.length === 0) {
    return <Text label={FIELD_WORDS.description} text={tool.description} />;
  }
  return fields.map((each) =>
    plain ? (
      <WholeField key={each.field} field={each} />
    ) : (
      <div key={each.field} className={styles.field}>
        <h3>{FIELD_WORDS[each.field]}</h3>
        <Difference
          pieces={each.pieces}
          label={FIELD_WORDS[each.field]}
          mono={isJson(each.field)}
        />
      </div>
    ),
  );
}

const isJson = (field: FieldDifference["field"]) => field !== "title" && field !== "description";

/** A part of a tool that was never seen: there is nothing it could differ from. */
function WholeField({ field: { field, pieces } }: { field: FieldDifference }) {
  const text = textNow(pieces);
  if (!isJson(field)) return <Text label={FIELD_WORDS[field]} text={text} />;
  return (
    <div className={styles.field}>
      <h3>{FIELD_WORDS[field]}</h3>
      <Folded text={text} of={FIELD_WORDS[field]}>
        {(shown) => (
          <div className={styles.json} dir="ltr">
            <Foreign text={shown} lines />
          </div>
        )}
      </Folded>
    </div>
  );
}

function Text({ label, text }: { label: string; text: string }) {
  return (
    <div className={styles.field}>
      <h3>{label}</h3>
      <p className={styles.text}>
        {text ? <Foreign text={text} lines /> : "The server does not say what it does."}
      </p>
    </div>
  );
}
