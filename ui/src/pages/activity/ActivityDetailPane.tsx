import type { ReactNode } from "react";
import type { ActivityDetail } from "../../ipc/bindings/ActivityDetail";
import type { FeedView } from "../../state/activity";
import type { Chosen } from "../../state/activityFilter";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { go, href } from "../../state/route";
import { storyOf } from "../../state/story";
import { activityNote, activityOutcome, activityTitle } from "../../state/words";
import { Skeleton } from "../../ui/Blank";
import { Button, IconButton } from "../../ui/Button";
import { CopyButton } from "../../ui/Copy";
import { ProblemNote, Remark } from "../../ui/Problem";
import styles from "./Activity.module.css";
import { OutcomePill } from "./ActivityRow";
import { Links } from "./Links";

type ActivityDetailPaneProps = { id: number; chosen: Chosen; view: FeedView };

/** All that is on record about one thing. */
export function ActivityDetailPane({ id, chosen, view }: ActivityDetailPaneProps) {
  const { host } = usePanel();
  // A call under way ends while it is looked at: the list's word says when to read again.
  const listed = view.entries.find((entry) => entry.id === id);
  const query = useQuery(`${id} ${listed?.outcome}`, () => host.call("activity_detail", { id }));
  const close = () => {
    go({ page: "activity", entry: undefined, chosen });
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
          href={href({ page: "activity", entry: undefined, chosen })}
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
  const note = activityNote(entry);
  return (
    <>
      <h2 className={styles.detailTitle}>{activityTitle(entry)}</h2>
      {outcome && (
        <div>
          <OutcomePill entry={entry} word={outcome} />
        </div>
      )}
      {note && <p>{note}</p>}
      <ol className={styles.story} aria-label="What happened, in order" data-testid="story">
        {storyOf(detail).map(({ title, words }) => (
          <li key={title}>
            <span className={styles.step}>{title}</span>
            <span>
              <bdi>{words}</bdi>
            </span>
          </li>
        ))}
      </ol>
      {detail.keptLess && (
        <Remark testId="kept-less">
          <p>
            {detail.arguments === null && detail.result === null
              ? "The content was not kept: the server is set so."
              : "Only names and shapes were kept, not the content: the server is set so."}
          </p>
        </Remark>
      )}
      {detail.arguments !== null && <Raw title="What was asked" text={detail.arguments} />}
      {detail.result !== null && <Raw title="What came back" text={detail.result} />}
      <Links entry={entry} />
    </>
  );
}

function Raw({ title, text }: { title: string; text: string }): ReactNode {
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
