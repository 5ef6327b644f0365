import type { ServerView } from "../../ipc/bindings/ServerView";
import type { ToolClaims } from "../../ipc/bindings/ToolClaims";
import type { ToolView } from "../../ipc/bindings/ToolView";
import { setToolMode } from "../../state/actions";
import { useKept } from "../../state/memory";
import { usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { href } from "../../state/route";
import { formatCount } from "../../state/words";
import { Skeleton } from "../../ui/Blank";
import { HeldMark } from "../../ui/HeldMark";
import { Icon } from "../../ui/Icon";
import { ModeControl, meaningOf } from "../../ui/ModeControl";
import { Claim } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import { Findings } from "../changes/Findings";
import styles from "./Tools.module.css";

type ToolRowProps = { server: ServerView; tool: ToolView; last: boolean };

export function ToolRow({ server, tool, last }: ToolRowProps) {
  const panel = usePanel();
  const [open, setOpen] = useKept(`tool ${server.name} ${tool.name}`, false);
  return (
    <div
      className={styles.tool}
      data-last={last || undefined}
      data-quiet={tool.mode === "off" || !server.enabled || tool.held !== null || undefined}
      data-testid={`tool-${server.name}-${tool.name}`}
    >
      <div className={styles.toolLine}>
        <button
          type="button"
          className={styles.toolOpen}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? "down" : "right"} className={styles.toolArrow} />
          <span className={styles.toolText}>
            <span className={styles.nameLine}>
              <span className={styles.toolName}>{tool.name}</span>
              {tool.held && <HeldMark held={tool.held} />}
              <Claims claims={tool.claims} />
            </span>
            <span className={styles.toolDescription} data-whole={open || undefined}>
              {tool.description || "The server does not say what it does."}
            </span>
          </span>
        </button>
        <div className={styles.toolEnd}>
          <span
            className={styles.tokens}
            title={`About ${formatCount(tool.tokens)} tokens in each request`}
          >
            {formatCount(tool.tokens)} <span className={styles.tokenWord}>tokens</span>
          </span>
          <ModeControl
            label={`Mode of ${tool.name}`}
            value={tool.mode}
            onChange={(mode) => void setToolMode(panel, server.name, tool.name, mode)}
          />
        </div>
      </div>
      {open && <ToolDetails server={server} tool={tool} />}
    </div>
  );
}

/** What the server says of it, as its words and not as facts. */
function Claims({ claims }: { claims: ToolClaims }) {
  return (
    <>
      {claims.readOnly === true && <Claim>says it only reads</Claim>}
      {claims.destructive === true && <Claim strong>says it may destroy</Claim>}
      {claims.readOnly === false && claims.destructive !== true && <Claim>says it writes</Claim>}
      {claims.openWorld === true && <Claim>says it goes online</Claim>}
    </>
  );
}

function ToolDetails({ server, tool }: { server: ServerView; tool: ToolView }) {
  const { host } = usePanel();
  const query = useQuery(`${server.name} ${tool.name}`, () =>
    host.call("tool_detail", { server: server.name, tool: tool.name }),
  );
  const panel = usePanel();
  const { word, meaning } = meaningOf(tool.mode);
  const everyTime = tool.mode === "ask-every-time";
  return (
    <div className={styles.toolDetails}>
      {tool.held && (
        <p>
          Apps cannot use it until you have looked at it.{" "}
          <a href={href({ page: "changes", server: server.name })}>
            Look at {tool.held === "changed" ? "what changed" : "it"}
          </a>
        </p>
      )}
      <dl className={styles.facts}>
        {tool.title && (
          <div>
            <dt>Title</dt>
            <dd>{tool.title}</dd>
          </div>
        )}
        <div>
          <dt>{word}</dt>
          <dd>
            {meaning}
            {tool.modeSource === "preset" && " This is what tools of this server get at first."}
          </dd>
        </div>
        <div>
          <dt>Name for apps</dt>
          <dd>
            <code>{tool.exposedName}</code>
          </dd>
        </div>
      </dl>
      {(everyTime || tool.mode === "ask") && (
        <label className={styles.everyTime}>
          <input
            type="checkbox"
            checked={everyTime}
            data-testid="every-time"
            onChange={() =>
              void setToolMode(panel, server.name, tool.name, everyTime ? "ask" : "ask-every-time")
            }
          />
          Ask every time, whatever was answered before
        </label>
      )}
      <Findings findings={tool.findings} />
      {query.kind === "loading" && <Skeleton rows={2} label="Reading the tool" />}
      {query.kind === "failed" && <ProblemNote problem={query.error.problem} alert />}
      {query.kind === "ready" && (
        <>
          <Schema title="What it takes" text={query.value.inputSchema} />
          {query.value.outputSchema !== null && (
            <Schema title="What it gives back" text={query.value.outputSchema} />
          )}
        </>
      )}
    </div>
  );
}

function Schema({ title, text }: { title: string; text: string }) {
  return (
    <div>
      <h3>{title}</h3>
      <pre className={styles.schema} tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}
