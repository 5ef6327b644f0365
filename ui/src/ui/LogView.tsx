import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState } from "react";
import type { LogLine } from "../ipc/bindings/LogLine";
import { openLogFolder } from "../state/actions";
import type { LogView as Log } from "../state/log";
import { usePanel } from "../state/panel";
import { formatClockSeconds, formatExact, plural } from "../state/words";
import { Blank, Skeleton } from "./Blank";
import { Button } from "./Button";
import { CopyButton } from "./Copy";
import styles from "./LogView.module.css";
import { ProblemNote } from "./Problem";
import { Switch } from "./Switch";

const SOURCES: Record<LogLine["source"], string> = {
  stderr: "",
  stdout: "out",
  drawbridge: "Drawbridge",
};

/** What a program writes, as it writes it. */
export function LogView({ log, of }: { log: Log; of: string }) {
  const panel = usePanel();
  const [follow, setFollow] = useState(true);
  if (log.kind === "loading") return <Skeleton rows={6} label="Reading the log" />;
  if (log.kind === "failed") return <ProblemNote problem={log.error.problem} alert />;
  const text = () => log.lines.map((line) => `${new Date(line.at).toISOString()} ${line.text}`);
  return (
    <div className={styles.log}>
      <div className={styles.logBar}>
        <span className={styles.logCount}>{plural(log.lines.length, "line")}</span>
        <label className={styles.follow} htmlFor="follow">
          <span id="follow-label">Follow</span>
          <Switch checked={follow} onChange={setFollow} labelledBy="follow-label" testId="follow" />
        </label>
        <CopyButton text={text().join("\n")} label="Copy" testId="copy-log" />
        <Button icon="folder" onClick={() => void openLogFolder(panel)}>
          Open folder
        </Button>
      </div>
      {log.lines.length === 0 ? (
        <Blank icon="file" title="Nothing written yet">
          What {of} writes will stand here, and when it starts and stops.
        </Blank>
      ) : (
        <Lines
          lines={log.lines}
          follow={follow}
          onLeave={() => setFollow(false)}
          onEnd={() => setFollow(true)}
        />
      )}
    </div>
  );
}

type LinesProps = {
  lines: readonly LogLine[];
  follow: boolean;
  onLeave: () => void;
  onEnd: () => void;
};

function Lines({ lines, follow, onLeave, onEnd }: LinesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 22,
    getItemKey: (index) => lines[index]?.seq ?? index,
    overscan: 12,
  });
  return (
    <div
      ref={scroller}
      className={styles.logLines}
      role="log"
      aria-live="off"
      aria-label="Log"
      tabIndex={0}
      data-testid="log"
      onWheel={(event) => {
        if (event.deltaY < 0) onLeave();
        else if (atEnd(event.currentTarget)) onEnd();
      }}
      onKeyDown={(event) => {
        if (["ArrowUp", "PageUp", "Home"].includes(event.key)) onLeave();
        if (event.key === "End") onEnd();
      }}
    >
      <div
        className={styles.logInner}
        style={{ height: virtualizer.getTotalSize() }}
        ref={follow ? (inner) => stayAtEnd(inner) : undefined}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (!line) return null;
          return (
            <div
              key={item.key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              className={styles.logLine}
              data-source={line.source}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <time className={styles.logTime} title={formatExact(line.at)}>
                {formatClockSeconds(line.at)}
              </time>
              <span className={styles.logText}>
                {SOURCES[line.source] && <b>{SOURCES[line.source]}: </b>}
                {line.text}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

const atEnd = (element: HTMLElement) =>
  element.scrollHeight - element.scrollTop - element.clientHeight < 32;

/** A fresh function at each drawing, so that it runs each time lines were added or measured. */
function stayAtEnd(inner: HTMLElement | null) {
  const scroller = inner?.parentElement;
  if (scroller) scroller.scrollTop = scroller.scrollHeight;
}
