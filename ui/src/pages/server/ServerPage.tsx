import { type ReactNode, useState } from "react";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { setServerEnabled } from "../../state/actions";
import { serverWord } from "../../state/health";
import { usePanel, useServer } from "../../state/panel";
import { go, href, type ServerTab } from "../../state/route";
import { Blank } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { Page } from "../../ui/Page";
import { Parts } from "../../ui/Parts";
import { Pill } from "../../ui/Pill";
import { Switch } from "../../ui/Switch";
import { EditServer } from "../add/EditServer";
import { ServerMenu } from "../tools/ServerMenu";
import styles from "./Server.module.css";
import { ServerLog } from "./ServerLog";
import { ServerSettings } from "./ServerSettings";
import { ServerStateTab } from "./ServerStateTab";

export function ServerPage({ name, tab }: { name: string; tab: ServerTab }) {
  const server = useServer(name);
  const above = (
    <a className={styles.back} href={href({ page: "tools" })}>
      <Icon name="left" /> Tools
    </a>
  );
  if (!server) {
    return (
      <Page title={name} above={above} subject={`gone ${name}`}>
        <Blank
          icon="tools"
          title="This server is not here any more"
          action={
            <Button kind="primary" onClick={() => go({ page: "tools" })}>
              All tools
            </Button>
          }
        >
          It was removed, or it has another name now.
        </Blank>
      </Page>
    );
  }
  return <Present server={server} tab={tab} above={above} />;
}

function Present(props: { server: ServerView; tab: ServerTab; above: ReactNode }) {
  const { server, tab, above } = props;
  const panel = usePanel();
  const [editing, setEditing] = useState<string | undefined>();
  const { tone, word } = serverWord(server);
  const { name } = server;
  return (
    <Page
      title={name}
      above={above}
      subject={`server ${name}`}
      aside={
        <div className={styles.aside}>
          <span role="status">
            <Pill tone={tone}>{word}</Pill>
          </span>
          <Switch
            checked={server.enabled}
            onChange={(enabled) => void setServerEnabled(panel, name, enabled)}
            label={`${name} is on`}
            testId={`switch-${name}`}
          />
          <ServerMenu server={server} onEdit={() => setEditing(name)} />
        </div>
      }
    >
      <Parts
        label={`Parts of ${name}`}
        value={tab}
        onChange={(next) => go({ page: "server", server: name, tab: next })}
        parts={[
          { part: "state", word: "State", content: () => <ServerStateTab server={server} /> },
          { part: "log", word: "Log", content: () => <ServerLog key={name} server={name} /> },
          {
            part: "settings",
            word: "Settings",
            content: () => <ServerSettings server={server} onEdit={() => setEditing(name)} />,
          },
        ]}
      />
      <EditServer server={editing} onClose={() => setEditing(undefined)} />
    </Page>
  );
}
