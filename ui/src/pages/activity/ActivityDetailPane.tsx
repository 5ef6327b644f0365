import type { ReactNode } from "react";
import type { ActivityDetail } from "../../ipc/bindings/ActivityDetail";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { go, href } from "../../state/route";
import {
  activityOutcome,
  activityTitle,
  appName,
  formatBytes,
  formatDuration,
  formatExact,
} from "../../state/words";
import { Skeleton } from "../../ui/Blank";
import { Button, IconButton } from "../../ui/Button";
import { CopyButton } from "../../ui/Copy";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Activity.module.css";
import { OutcomePill } from "./ActivityRow";

/** All that is on record about one thing. */
export function ActivityDetailPane({ id }: { id: number }) {
  const { host, feed } = usePanel();
  // A call under way ends while it is looked at: the list's word says when to read again.
  const listed = feed.view().entries.find((entry) => entry.id === id);
  const query = useQuery(`${id} ${listed?.outcome}`, () => host.call("activity_detail", { id }));
  const close = () => {
    go({ page: "activity", entry: undefined });
    requestAnimationFrame(() => {
      document.querySelector<HTMLElement>(`[data-entry="${id}"]`)?.focus({ preventScroll: true });
    });
  };
  return (
    <section
      className={styles.detail}
      aria-label="Details"
      data-testid="activity-detail"
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <div className={styles.detailHead}>
        <a
          className={styles.back}
          href={href({ page: "activity", entry: undefined })}
          ref={focusIfAlone}
        >
          All activity
        </a>
        <IconButton icon="close" label="Close details" onClick={close} />
      </div>
      {query.kind === "loading" && <Skeleton rows={4} label="Reading the entry" />}
      {query.kind === "failed" && (
        <ProblemNote problem={query.error.problem} alert>
          <Button icon="restart" onClick={query.reload}>
            Try again
          </Button>
        </ProblemNote>
      )}
      {query.kind === "ready" && <Detail detail={query.value} />}
    </section>
  );
}

function Detail({ detail }: { detail: ActivityDetail }) {
  const { entry } = detail;
  const outcome = activityOutcome(entry);
  return (
    <>
      <h2 className={styles.detailTitle}>{activityTitle(entry)}</h2>
      {outcome && (
        <div>
          <OutcomePill entry={entry} word={outcome} />
        </div>
      )}
      {entry.note && entry.kind !== "settingChanged" && <p>{entry.note}</p>}
      <dl className={styles.facts}>
        <Fact name="When">{formatExact(entry.at)}</Fact>
        {entry.client !== null && <Fact name="App">{appName(entry.client)}</Fact>}
        {entry.server !== null && (
          <Fact name="Server">
            <a href={href({ page: "server", server: entry.server, tab: "state" })}>
              {entry.server}
            </a>
          </Fact>
        )}
        {entry.subject !== null && entry.kind === "toolCall" && (
          <Fact name="Tool">{entry.subject}</Fact>
        )}
        {entry.durationMs !== null && <Fact name="Took">{formatDuration(entry.durationMs)}</Fact>}
        {detail.resultBytes !== null && (
          <Fact name="Result">{formatBytes(detail.resultBytes)}</Fact>
        )}
      </dl>
      {detail.arguments !== null && <Raw title="What was asked" text={detail.arguments} />}
      {detail.result !== null && <Raw title="What came back" text={detail.result} />}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Raw({ title, text }: { title: string; text: string }) {
  return (
    <div className={styles.raw}>
      <div className={styles.rawHead}>
        <h3>{title}</h3>
        <CopyButton text={text} label="Copy" />
      </div>
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}

/** Where the window is narrow the detail takes the list's place, and the focus goes with it. */
function focusIfAlone(link: HTMLAnchorElement | null) {
  if (link && link.offsetParent !== null) link.focus({ preventScroll: true });
}
