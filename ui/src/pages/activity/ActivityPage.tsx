import { useFeed, useNow, usePanel } from "../../state/panel";
import { go, usePageTitle } from "../../state/route";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Activity.module.css";
import { ActivityDetailPane } from "./ActivityDetailPane";
import { ActivityList } from "./ActivityList";

export function ActivityPage({ entry }: { entry: number | undefined }) {
  const { feed } = usePanel();
  const view = useFeed();
  const now = useNow(60_000);
  usePageTitle("Activity", "activity");
  return (
    <div className={styles.page} data-detail={entry !== undefined || undefined}>
      <div className={styles.listSide}>
        <header className={styles.head}>
          <h1 tabIndex={-1} data-page-title>
            Activity
          </h1>
          <p className={styles.intro}>What apps asked for and what came of it, newest first.</p>
        </header>
        {view.kind === "loading" && <Skeleton rows={8} label="Reading the record" />}
        {view.kind === "failed" && view.error && (
          <div className={styles.inset}>
            <ProblemNote problem={view.error.problem} alert title="The record could not be read">
              <Button icon="restart" onClick={() => void feed.refresh()}>
                Try again
              </Button>
            </ProblemNote>
          </div>
        )}
        {view.kind === "ready" && view.entries.length === 0 && (
          <Blank
            icon="activity"
            title="Nothing has happened yet"
            action={
              <Button kind="primary" onClick={() => go({ page: "home" })}>
                Connect an app
              </Button>
            }
          >
            Each call an app makes will stand here, with what it asked and what it got. Refused
            calls and changed settings too.
          </Blank>
        )}
        {view.entries.length > 0 && <ActivityList view={view} now={now} current={entry} />}
      </div>
      {entry !== undefined && <ActivityDetailPane key={entry} id={entry} />}
    </div>
  );
}
