import { useState } from "react";
import type { ServerView } from "../../ipc/bindings/ServerView";
import type { ToolDifference } from "../../ipc/bindings/ToolDifference";
import type { ToolView } from "../../ipc/bindings/ToolView";
import { acceptableTogether, isOutdated, shownKey } from "../../state/held";
import { acceptTools } from "../../state/lookActions";
import { usePanel, useServer } from "../../state/panel";
import { useQuery } from "../../state/query";
import { focusPageTitle, go, href } from "../../state/route";
import { formatCount } from "../../state/words";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { Card, Page } from "../../ui/Page";
import { ProblemNote } from "../../ui/Problem";
import styles from "./Changes.module.css";
import { ToolChange } from "./ToolChange";

/** Most tools that are shown at once, each with all its text. */
const MOST = 25;

/** What is new or changed about the tools of a server, for the person to look at. */
export function ChangesPage({ name }: { name: string }) {
  const server = useServer(name);
  return (
    <Page
      title="What changed"
      subject={`changes ${name}`}
      above={
        <a className={styles.back} href={href({ page: "tools" })}>
          <Icon name="left" /> Tools
        </a>
      }
      intro={
        <>
          Tools of{" "}
          <a href={href({ page: "server", server: name, tab: "state" })}>
            <b>{name}</b>
          </a>{" "}
          that apps cannot use until you have looked at them.
        </>
      }
    >
      {server ? (
        <Changes server={server} />
      ) : (
        <Card>
          <Blank icon="tools" title="This server is not here any more">
            It was removed, or it has another name now.
          </Blank>
        </Card>
      )}
    </Page>
  );
}

function Changes({ server }: { server: ServerView }) {
  const panel = usePanel();
  const { name } = server;
  const loaded = useQuery(name, () => panel.host.call("tool_differences", { server: name }));
  const [done, setDone] = useState<ReadonlySet<string>>(new Set());
  const [pending, setPending] = useState<ReadonlySet<string>>(new Set());
  const [from, setFrom] = useState(0);

  if (loaded.kind === "loading") return <Skeleton rows={5} label="Reading what changed" />;
  if (loaded.kind === "failed") {
    return (
      <ProblemNote problem={loaded.error.problem} alert>
        <Button icon="restart" onClick={loaded.reload}>
          Try again
        </Button>
      </ProblemNote>
    );
  }

  const all = loaded.value;
  const start = from < all.length ? from : 0;
  const shown = all.slice(start, start + MOST);
  const left = shown.filter((each) => !done.has(shownKey(each)));
  const modeOf = (tool: ToolView) =>
    server.tools.find((each) => each.name === tool.name)?.mode ?? tool.mode;
  const together = acceptableTogether(left, modeOf);
  const outdated = isOutdated(all, server.tools, done, pending);

  const newest = () => {
    setDone(new Set());
    loaded.reload();
    focusPageTitle();
  };
  const accept = async (tools: readonly ToolDifference[]) => {
    const keys = tools.map(shownKey);
    if (keys.some((key) => pending.has(key))) return;
    setPending(new Set([...pending, ...keys]));
    const accepted = await acceptTools(panel, name, tools);
    if (accepted) setDone((before) => new Set([...before, ...keys]));
    // What was shown is not what is there any more.
    else loaded.reload();
    setPending((before) => new Set([...before].filter((key) => !keys.includes(key))));
  };
  const turn = (to: number) => {
    setFrom(to);
    document.getElementById("main")?.scrollTo(0, 0);
    focusPageTitle();
  };

  return (
    <>
      {all.length === 0 && (
        <Card>
          <Blank
            icon="check"
            title="Nothing new here"
            action={<Button onClick={() => go({ page: "tools" })}>All tools</Button>}
          >
            When this server offers another tool, or says something else about one, it stands here
            before apps can use it.
          </Blank>
        </Card>
      )}
      {shown.length > 0 && (
        <>
          <p className={styles.legend}>
            Words that are <del>struck through</del> have gone, words that are <ins>underlined</ins>{" "}
            are new.
          </p>
          {shown.map((each) => (
            <ToolChange
              key={shownKey(each)}
              server={name}
              difference={each}
              mode={modeOf(each.tool)}
              done={done.has(shownKey(each))}
              busy={pending.has(shownKey(each))}
              primary={all.length === 1 && !each.tool.findings.some(({ severe }) => severe)}
              onAccept={() => void accept([each])}
            />
          ))}
        </>
      )}
      {all.length > MOST && (
        <nav className={styles.pages} aria-label="Parts of the list">
          <Button icon="left" disabled={start === 0} onClick={() => turn(start - MOST)}>
            Before
          </Button>
          <span>
            {formatCount(start + 1)} to {formatCount(start + shown.length)} of{" "}
            {formatCount(all.length)}
          </span>
          <Button
            icon="right"
            disabled={start + MOST >= all.length}
            data-testid="next-tools"
            onClick={() => turn(start + MOST)}
          >
            Next
          </Button>
        </nav>
      )}
      {together.length > 0 && (
        <div>
          <Button
            kind="primary"
            icon="check"
            busy={together.some((each) => pending.has(shownKey(each)))}
            data-testid="accept-all"
            onClick={() => void accept(together)}
          >
            Let apps use all {formatCount(together.length)}
            {all.length > MOST && " of this part"}
          </Button>
        </div>
      )}
      {/* Below all the rest, so that it comes without moving what is being read. */}
      <div role="status" className={styles.outdated}>
        {outdated && (
          <div className={styles.again} data-testid="changed-again">
            <p>It changed again.</p>
            <Button icon="restart" data-testid="show-newest" onClick={newest}>
              Show the newest
            </Button>
          </div>
        )}
      </div>
    </>
  );
}
