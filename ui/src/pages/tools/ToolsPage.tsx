import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useState } from "react";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { allowedWords, tokensOf } from "../../state/health";
import { useListTop } from "../../state/listTop";
import { useKept } from "../../state/memory";
import { useSnapshot } from "../../state/panel";
import { href, usePageTitle } from "../../state/route";
import { wantsSecret } from "../../state/secrets";
import { FOLD_ABOVE, type ToolLine, toolLines } from "../../state/toolList";
import { formatCount, formatTokens, plural } from "../../state/words";
import { Blank } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/Problem";
import { SearchField } from "../../ui/SearchField";
import { ToSecrets } from "../../ui/ToSecrets";
import { AddServer } from "../add/AddServer";
import { EditServer } from "../add/EditServer";
import { ServerRow } from "./ServerRow";
import { ToolRow } from "./ToolRow";
import styles from "./Tools.module.css";

const SERVER_ROW = 60;
const TOOL_ROW = 68;

export function ToolsPage() {
  const { servers } = useSnapshot();
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState<string | undefined>();
  const [search, setSearch] = useKept("toolSearch", "");
  const [folded, setFolded] = useKept<ReadonlyMap<string, boolean>>("toolFolded", new Map());
  const { list, above, top } = useListTop<HTMLDivElement, HTMLDivElement>();
  usePageTitle("Tools", "tools");

  const count = servers.reduce((sum, { tools }) => sum + tools.length, 0);
  const isOpen = ({ name }: ServerView) => !(folded.get(name) ?? count > FOLD_ABOVE);
  const lines = toolLines(servers, search, isOpen);
  const shown = lines.filter(({ kind }) => kind === "tool").length;
  const fold = (next: boolean) => setFolded(new Map(servers.map(({ name }) => [name, next])));
  const allOpen = servers.every(isOpen);

  return (
    <div className={styles.page}>
      <div className={styles.above} ref={above}>
        <header className={styles.head}>
          <div className={styles.titles}>
            <h1 tabIndex={-1} data-page-title>
              Tools
            </h1>
            <p className={styles.intro}>
              {count > 0
                ? `${allowedWords(servers)}. An app that is given all of them reads ${formatTokens(costOf(servers))} of description in each request.`
                : "What apps may use on this computer, by the server that offers it."}
            </p>
          </div>
          <Button
            kind="primary"
            icon="plus"
            data-testid="add-server"
            onClick={() => setAdding(true)}
          >
            Add a server
          </Button>
        </header>
        {count > 0 && (
          <>
            <div className={styles.bar}>
              <SearchField
                label="Search all tools"
                value={search}
                testId="tool-search"
                onType={setSearch}
                onClear={() => setSearch("")}
              />
              <p className={styles.found} role="status">
                {search ? `${formatCount(shown)} of ${plural(count, "tool")}` : ""}
              </p>
              {!search && servers.length > 1 && (
                <Button kind="quiet" data-testid="fold-all" onClick={() => fold(allOpen)}>
                  {allOpen ? "Fold all" : "Unfold all"}
                </Button>
              )}
            </div>
            <p className={styles.legend}>
              <b>Off</b> hides a tool and refuses its calls. <b>Ask</b> shows it and asks you before
              a call goes through. <b>Allow</b> lets calls through.{" "}
              <a href={href({ page: "answers" })} data-testid="to-answers">
                Allowed answers
              </a>
            </p>
          </>
        )}
      </div>
      {servers.length === 0 && (
        <Blank
          icon="tools"
          title="No server yet"
          action={
            <Button icon="plus" onClick={() => setAdding(true)}>
              Add a server
            </Button>
          }
        >
          A server brings tools, for your files or your calendar. They will stand here, each with a
          switch of its own.
        </Blank>
      )}
      {servers.length > 0 && lines.length === 0 && (
        <Blank
          icon="search"
          title="No tool is like that"
          action={<Button onClick={() => setSearch("")}>Clear the search</Button>}
        >
          The search looks at names and descriptions of tools and at names of servers.
        </Blank>
      )}
      <div ref={list} className={styles.list}>
        <Lines
          lines={lines}
          top={top}
          onFold={(server, next) => setFolded(new Map(folded).set(server.name, next))}
          onEdit={setEditing}
        />
      </div>
      <AddServer open={adding} onClose={() => setAdding(false)} />
      <EditServer server={editing} onClose={() => setEditing(undefined)} />
    </div>
  );
}

const costOf = (servers: readonly ServerView[]) =>
  servers.filter(({ enabled }) => enabled).reduce((sum, server) => sum + tokensOf(server), 0);

type LinesProps = {
  lines: ToolLine[];
  top: number;
  onFold: (server: ServerView, folded: boolean) => void;
  onEdit: (server: string) => void;
};

function Lines({ lines, top, onFold, onEdit }: LinesProps) {
  const [offset] = useKept("toolOffset", { at: 0 });
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => document.getElementById("main"),
    estimateSize: (index) => (lines[index]?.kind === "tool" ? TOOL_ROW : SERVER_ROW),
    getItemKey: (index) => lines[index]?.key ?? index,
    overscan: 8,
    scrollMargin: top,
    initialOffset: offset.at,
    onChange: (instance) => {
      offset.at = instance.scrollOffset ?? 0;
    },
  });
  return (
    <div
      className={styles.lines}
      role="list"
      aria-label="Servers and their tools"
      style={{ height: virtualizer.getTotalSize() }}
    >
      {virtualizer.getVirtualItems().map((item) => {
        const line = lines[item.index];
        if (!line) return null;
        return (
          <div
            key={item.key}
            ref={virtualizer.measureElement}
            data-index={item.index}
            role="listitem"
            className={styles.line}
            style={{ transform: `translateY(${item.start - top}px)` }}
          >
            <Line line={line} onFold={onFold} onEdit={onEdit} />
          </div>
        );
      })}
    </div>
  );
}

/** Drawn again when its line changes, not when the list scrolls. */
const Line = memo(function Line(props: { line: ToolLine } & Pick<LinesProps, "onFold" | "onEdit">) {
  const { line, onFold, onEdit } = props;
  switch (line.kind) {
    case "server":
      return (
        <ServerRow
          server={line.server}
          open={line.open}
          onFold={(folded) => onFold(line.server, folded)}
          onEdit={() => onEdit(line.server.name)}
        />
      );
    case "tool":
      return <ToolRow server={line.server} tool={line.tool} last={line.last} />;
    case "problem":
      return (
        <div className={styles.under} data-last={line.last || undefined}>
          {line.server.problem && (
            <ProblemNote problem={line.server.problem}>
              {wantsSecret(line.server.problem) && <ToSecrets />}
            </ProblemNote>
          )}
        </div>
      );
    case "none":
      return (
        <div className={styles.under} data-last>
          <p className={styles.none}>{noneWords(line.server)}</p>
        </div>
      );
  }
});

function noneWords({ state, enabled, startWaits }: ServerView): string {
  if (startWaits) return "Its tools appear once you have looked at how it is started.";
  if (state.kind === "starting") return "Its tools appear as soon as it answers.";
  if (state.kind === "ready") return "It answers, and offers no tools.";
  return enabled
    ? "Its tools appear once it has been started."
    : "Its tools appear once it has been switched on.";
}
