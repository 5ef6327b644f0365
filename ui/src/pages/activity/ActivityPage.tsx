import { type Chosen, filterOf, isChosen } from "../../state/activityFilter";
import { useFeed, useNow, usePanel, useShownFeed } from "../../state/panel";
import { exportActivity, useLookingAtAll, useRecordWork } from "../../state/recordWork";
import { go, goInPlace, usePageTitle } from "../../state/route";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Menu, MenuItem } from "../../ui/Menu";
import { ProblemNote } from "../../ui/Problem";
import { WorkLine } from "../../ui/WorkLine";
import styles from "./Activity.module.css";
import { ActivityDetailPane } from "./ActivityDetailPane";
import { ActivityList } from "./ActivityList";
import { ActivityPicture } from "./ActivityPicture";
import { FilterBar } from "./FilterBar";

type ActivityPageProps = { entry: number | undefined; chosen: Chosen };

export function ActivityPage({ entry, chosen }: ActivityPageProps) {
  const panel = usePanel();
  const now = useNow(60_000);
  const filter = filterOf(chosen, now);
  const narrowed = isChosen(chosen);
  const { feed, view } = useShownFeed(filter);
  const whole = useFeed();
  const work = useRecordWork();
  usePageTitle("Activity", "activity");
  useLookingAtAll(!narrowed);
  const choose = (next: Chosen) => go({ page: "activity", entry, chosen: next });
  // With nothing on record there is nothing to look for in it.
  const empty = whole.kind === "ready" && whole.latest.length === 0 && !narrowed;
  return (
    <div className={styles.page} data-detail={entry !== undefined || undefined}>
      <div className={styles.listSide}>
        <header className={styles.head}>
          <div className={styles.titles}>
            <h1 tabIndex={-1} data-page-title>
              Activity
            </h1>
            <p className={styles.intro}>What apps asked for and what came of it, newest first.</p>
          </div>
          {!empty && (
            <Menu label="Export…" icon="save" worded testId="export">
              <MenuItem
                icon="file"
                testId="export-csv"
                onClick={() => void exportActivity(panel, filter, "csv")}
              >
                CSV, for spreadsheets
              </MenuItem>
              <MenuItem
                icon="file"
                testId="export-lines"
                onClick={() => void exportActivity(panel, filter, "jsonLines")}
              >
                JSON Lines, for programs
              </MenuItem>
            </Menu>
          )}
        </header>
        {work && (
          <div className={styles.inset}>
            <WorkLine work={work} />
          </div>
        )}
        {!empty && (
          <>
            <FilterBar
              chosen={chosen}
              view={view}
              onChoose={choose}
              onType={(next) => goInPlace({ page: "activity", entry, chosen: next })}
            />
            <ActivityPicture filter={filter} chosen={chosen} onChoose={choose} />
          </>
        )}
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
        {view.kind === "ready" && view.entries.length === 0 && !view.more && (
          <NothingThere narrowed={narrowed} onClear={() => choose({})} />
        )}
        {(view.entries.length > 0 || view.more) && view.kind === "ready" && (
          <ActivityList
            key={JSON.stringify({ ...filter, from: chosen.time ?? filter.from })}
            id={JSON.stringify(chosen)}
            feed={feed}
            view={view}
            now={now}
            current={entry}
            chosen={chosen}
          />
        )}
      </div>
      {entry !== undefined && (
        <ActivityDetailPane key={entry} id={entry} chosen={chosen} view={view} />
      )}
    </div>
  );
}

function NothingThere({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }) {
  if (narrowed) {
    return (
      <Blank
        icon="search"
        title="Nothing on record fits"
        action={
          <Button
            kind="primary"
            data-testid="clear-empty"
            onClick={() => {
              document.querySelector<HTMLElement>("[data-search]")?.focus();
              onClear();
            }}
          >
            Clear filters
          </Button>
        }
      >
        The filters above leave nothing over. Take one away to see more.
      </Blank>
    );
  }
  return (
    <Blank
      icon="activity"
      title="Nothing has happened yet"
      action={
        <Button kind="primary" onClick={() => go({ page: "home" })}>
          Connect an app
        </Button>
      }
    >
      Each call an app makes will stand here, with what it asked and what it got. Refused calls and
      changed settings too.
    </Blank>
  );
}
