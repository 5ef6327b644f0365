import { useRef, useState } from "react";
import type { BlockedView } from "../../ipc/bindings/BlockedView";
import { blockedSentence } from "../../state/blocked";
import type { Look } from "../../state/health";
import { heldSentence } from "../../state/held";
import { dismissBlocked, letThroughOnce } from "../../state/lookActions";
import { useNow, usePanel } from "../../state/panel";
import { focusPageTitle, go } from "../../state/route";
import { formatAgo, formatExact, plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Section } from "../../ui/Page";
import { Remark } from "../../ui/Problem";
import styles from "./Home.module.css";

/** Most blocked calls on the page; the rest is in a list of its own. */
const MOST = 3;
/** Most in that list: the record has all of them. */
const MOST_LISTED = 50;

/** What waits for the person to look at it: starts, tools, and calls that were stopped. */
export function Looks({ looks }: { looks: Look[] }) {
  const blocked = looks.flatMap((look) => (look.kind === "blocked" ? [look.blocked] : []));
  return (
    <Section title="For you to look at" testId="looks">
      <ul className={styles.troubles}>
        {looks.map((look) => {
          if (look.kind === "blocked") return null;
          const { name } = look.server;
          return (
            <li key={`${look.kind} ${name}`}>
              {look.kind === "start" ? <StartWaits name={name} /> : <HeldTools look={look} />}
            </li>
          );
        })}
        {blocked.slice(0, MOST).map((each) => (
          <li key={`blocked ${each.id}`}>
            <Blocked blocked={each} />
          </li>
        ))}
      </ul>
      {blocked.length > 0 && <More blocked={blocked} />}
    </Section>
  );
}

function StartWaits({ name }: { name: string }) {
  return (
    <Remark
      tone="caution"
      testId={`start-waits-${name}`}
      actions={
        <Button
          icon="eye"
          data-testid={`review-start-${name}`}
          onClick={() => go({ page: "start", server: name })}
        >
          Look at it<span className="unseen">: how {name} is started</span>
        </Button>
      }
    >
      <p>“{name}” was added or changed outside Drawbridge. It waits until you have looked.</p>
    </Remark>
  );
}

function HeldTools({ look: { server, tools } }: { look: Extract<Look, { kind: "held" }> }) {
  const { name } = server;
  const one = tools.length === 1;
  return (
    <Remark
      tone="caution"
      icon="tools"
      testId={`held-${name}`}
      actions={
        <Button
          icon="eye"
          data-testid={`look-${name}`}
          onClick={() => go({ page: "changes", server: name })}
        >
          Look at {one ? "it" : "them"}
          <span className="unseen">: tools of {name}</span>
        </Button>
      }
    >
      <p>
        {heldSentence(name, tools)} Apps cannot use {one ? "it" : "them"} until you have looked.
      </p>
    </Remark>
  );
}

/** A call that was stopped, or whose result was withheld. */
function Blocked({ blocked }: { blocked: BlockedView }) {
  const panel = usePanel();
  const now = useNow(30_000);
  const away = useRef<HTMLButtonElement>(null);
  const { subject, letThrough, at } = blocked;
  return (
    <Remark
      tone="caution"
      icon="key"
      testId={`blocked-${blocked.id}`}
      actions={
        <>
          {!letThrough && (
            <Button
              data-testid="let-through"
              onClick={async () => {
                if (await letThroughOnce(panel, blocked)) away.current?.focus();
              }}
            >
              Let it through once<span className="unseen">: {subject}</span>
            </Button>
          )}
          <Button
            data-testid="put-away"
            ref={away}
            onClick={async ({ currentTarget }) => {
              const dialog = currentTarget.closest<HTMLElement>('[role="dialog"] [role="group"]');
              if (!(await dismissBlocked(panel, blocked))) return;
              // What was pressed is gone: the keyboard goes on from what it stood in.
              if (dialog?.isConnected) dialog.focus();
              else focusPageTitle();
            }}
          >
            Put away<span className="unseen">: {subject}</span>
          </Button>
        </>
      }
    >
      <p>
        {blockedSentence(blocked)}{" "}
        <time className={styles.ago} dateTime={new Date(at).toISOString()} title={formatExact(at)}>
          {formatAgo(at, now)}
        </time>
      </p>
      <div role="status">
        {letThrough && (
          <p className={styles.crosses}>The same may cross once if the app tries again.</p>
        )}
      </div>
    </Remark>
  );
}

/** Stays while its list is open, also when no more than fits the page is left. */
function More({ blocked }: { blocked: BlockedView[] }) {
  const [open, setOpen] = useState(false);
  const rest = blocked.length - MOST;
  return (
    <>
      {rest > 0 && (
        <div>
          <Button kind="quiet" data-testid="more-blocked" onClick={() => setOpen(true)}>
            and {rest} more
            <span className="unseen"> that {rest === 1 ? "was" : "were"} stopped</span>
          </Button>
        </div>
      )}
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="Stopped for keys and tokens"
        description={
          blocked.length > MOST_LISTED
            ? `The newest ${MOST_LISTED} of ${plural(blocked.length, "call")}. The record has all of them.`
            : "Calls that were stopped, and results that were withheld, the newest first."
        }
        testId="blocked-list"
      >
        <ul className={styles.troubles}>
          {blocked.slice(0, MOST_LISTED).map((each) => (
            <li key={each.id}>
              <Blocked blocked={each} />
            </li>
          ))}
        </ul>
      </Dialog>
    </>
  );
}
