import type { ReactNode } from "react";
import type { ActivityEntry } from "../../ipc/bindings/ActivityEntry";
import type { Chosen } from "../../state/activityFilter";
import { keep } from "../../state/memory";
import { useServer, useSnapshot } from "../../state/panel";
import { focusPageTitle, href } from "../../state/route";
import { appName } from "../../state/words";
import { Foreign } from "../../ui/Foreign";
import styles from "./Activity.module.css";

const WHAT: Partial<Record<ActivityEntry["kind"], { name: string; word: string }>> = {
  toolCall: { name: "Tool", word: "tool" },
  promptUse: { name: "Prompt", word: "prompt" },
  resourceRead: { name: "Resource", word: "resource" },
};

/** Ways from an entry to its app, server and tool, and to all that was done with each. */
export function Links({ entry }: { entry: ActivityEntry }) {
  const { client, server, subject, kind } = entry;
  const { clients } = useSnapshot();
  const known = useServer(server ?? "");
  const what = WHAT[kind];
  const hasTool = kind === "toolCall" && known?.tools.some(({ name }) => name === subject);
  if (client === null && server === null) return null;
  return (
    <dl className={styles.facts} data-testid="links">
      {client !== null && (
        <Fact name="App" only={{ client }} what="app">
          {clients.some(({ name }) => name === client) ? (
            <a href={href({ page: "settings", part: "apps" })}>
              <Foreign text={appName(client)} />
            </a>
          ) : (
            <Foreign text={appName(client)} />
          )}
        </Fact>
      )}
      {server !== null && (
        <Fact name="Server" only={{ server }} what="server">
          {known ? (
            <a href={href({ page: "server", server, tab: "state" })}>
              <Foreign text={server} />
            </a>
          ) : (
            <Foreign text={server} />
          )}
        </Fact>
      )}
      {server !== null && subject !== null && what && (
        <Fact name={what.name} only={{ server, subject }} what={what.word}>
          {hasTool ? (
            <a
              href={href({ page: "tools" })}
              onClick={() => keep("toolSearch", `${server} ${subject}`)}
            >
              <Foreign text={subject} />
            </a>
          ) : (
            <Foreign text={subject} />
          )}
        </Fact>
      )}
    </dl>
  );
}

function Fact(props: { name: string; only: Chosen; what: string; children: ReactNode }) {
  const { name, only, what, children } = props;
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd className={styles.linked}>
        <span>{children}</span>
        <a
          className={styles.only}
          href={href({ page: "activity", entry: undefined, chosen: only })}
          data-testid={`only-${what}`}
          // The link goes with the details: the keyboard goes on from the title.
          onClick={focusPageTitle}
        >
          Only this {what}
        </a>
      </dd>
    </div>
  );
}
