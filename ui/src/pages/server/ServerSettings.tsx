import type { ServerView } from "../../ipc/bindings/ServerView";
import { openConfigFile, removeServer } from "../../state/actions";
import { usePanel } from "../../state/panel";
import { Button } from "../../ui/Button";
import { Card, Row } from "../../ui/Page";
import { PresetChoice } from "./PresetChoice";
import { RecordRuleChoice } from "./RecordRuleChoice";
import { SecretsRuleChoice } from "./SecretsRuleChoice";
import styles from "./Server.module.css";
import { Fact } from "./ServerStateTab";

type ServerSettingsProps = { server: ServerView; onEdit: () => void };

export function ServerSettings({ server, onEdit }: ServerSettingsProps) {
  const panel = usePanel();
  const { transport, name } = server;
  return (
    <div className={styles.stack}>
      <Card flush>
        {transport.kind === "local" && (
          <>
            <Fact name="Program">
              <code>{transport.command}</code>
            </Fact>
            <Fact name="Arguments">
              {transport.args.length === 0
                ? "None"
                : transport.args.map((arg, index) => (
                    <code key={index} className={styles.arg}>
                      {arg === "" ? <em>empty</em> : arg}
                    </code>
                  ))}
            </Fact>
            <Fact name="Variables">{namesOr(transport.envNames)}</Fact>
            <Fact name="Starts in">
              {transport.cwd === null ? "Your home folder" : <code>{transport.cwd}</code>}
            </Fact>
          </>
        )}
        {transport.kind === "remote" && (
          <>
            <Fact name="Address">
              <code>{transport.url}</code>
            </Fact>
            <Fact name="Headers">{namesOr(transport.headerNames)}</Fact>
          </>
        )}
        {transport.kind === "builtIn" && (
          <Fact name="Kind">Part of Drawbridge. It can be switched off, not removed.</Fact>
        )}
        <Fact name="Apps">
          {server.isolation === "shared"
            ? "All apps share one process."
            : "Each app has a process of its own."}
        </Fact>
      </Card>
      <PresetChoice server={server} />
      <SecretsRuleChoice server={server} />
      <RecordRuleChoice server={server} />
      {transport.kind !== "builtIn" && (
        <Card flush>
          <Row
            title="Change how it is started"
            detail="You see the exact command before it is used."
          >
            <Button icon="edit" onClick={onEdit}>
              Edit
            </Button>
          </Row>
          <Row title="All the rest" detail="Everything about a server stands in the config file.">
            <Button icon="file" onClick={() => void openConfigFile(panel)}>
              Open the config file
            </Button>
          </Row>
          <Row
            title="Remove it"
            detail="It is stopped and taken out of the config file. This can be undone."
          >
            <Button kind="danger" icon="remove" onClick={() => void removeServer(panel, name)}>
              Remove
            </Button>
          </Row>
        </Card>
      )}
    </div>
  );
}

function namesOr(names: string[]) {
  if (names.length === 0) return "None";
  return names.map((name) => (
    <code key={name} className={styles.arg}>
      {name}
    </code>
  ));
}
