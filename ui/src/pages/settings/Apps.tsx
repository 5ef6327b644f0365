import { useId, useState } from "react";
import { setClientManagesModels } from "../../state/modelActions";
import { useNow, usePanel, useSnapshot } from "../../state/panel";
import { appName, formatAgo, formatExact, plural } from "../../state/words";
import { Blank } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Question } from "../../ui/Dialog";
import { intoView } from "../../ui/intoView";
import { PausedWords } from "../../ui/Moment";
import { Card, Row, Section } from "../../ui/Page";
import { PauseControl } from "../../ui/PauseControl";
import { Pill } from "../../ui/Pill";
import { Switch } from "../../ui/Switch";
import styles from "./Settings.module.css";

/** Who may connect. */
export function Apps({ first }: { first: boolean }) {
  const { clients } = useSnapshot();
  const { host, notices } = usePanel();
  const now = useNow(30_000);
  const [removing, setRemoving] = useState<string | undefined>();
  const [renewing, setRenewing] = useState(false);
  const leaving = removing ?? "";
  return (
    <Section
      title="Apps"
      intro="Each app has a token of its own, so that one can be turned away alone."
      testId="apps"
      sectionRef={first ? intoView : null}
    >
      <Card flush>
        {clients.length === 0 && (
          <Blank icon="key" title="No app may connect yet">
            VS Code is added with its setup, below.
          </Blank>
        )}
        {clients.map(({ name, sessions, lastSeen, paused, mayManageModels }) => (
          <div key={name} className={styles.app}>
            <Row
              title={appName(name)}
              detail={
                <>
                  <span title={lastSeen === null ? undefined : formatExact(lastSeen)}>
                    {lastSeen === null
                      ? "Has not connected since Drawbridge started."
                      : `Last request ${formatAgo(lastSeen, now)}.`}
                  </span>
                  {paused && (
                    <>
                      {" "}
                      <PausedWords paused={paused} />
                    </>
                  )}
                </>
              }
            >
              {paused && <Pill tone="paused">Paused</Pill>}
              {sessions > 0 && <Pill tone="open">{plural(sessions, "session")}</Pill>}
              <PauseControl
                scope={{ kind: "app", client: name }}
                paused={paused}
                of={appName(name)}
                testId={`pause-app-${name}`}
              />
              {name === "vscode" && (
                <Button icon="key" data-testid="renew-token" onClick={() => setRenewing(true)}>
                  New token
                </Button>
              )}
              <Button
                icon="remove"
                data-testid={`remove-app-${name}`}
                onClick={() => setRemoving(name)}
              >
                Remove<span className="unseen"> {appName(name)}</span>
              </Button>
            </Row>
            <ManagesModels name={name} may={mayManageModels} />
          </div>
        ))}
      </Card>
      <Question
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${appName(leaving)}?`}
        doIt="Remove"
        action={async () => {
          await host.call("remove_client", { client: leaving });
          notices.show({ tone: "done", text: `${appName(leaving)} may not connect any more.` });
        }}
      >
        <p>Its token stops working at once. To let it in again it needs a new setup.</p>
      </Question>
      <Question
        open={renewing}
        onClose={() => setRenewing(false)}
        title="Make a new token for VS Code?"
        doIt="Make a new token"
        action={async () => {
          await host.call("renew_vscode_token");
          notices.show({
            tone: "done",
            text: "VS Code has a new token. Copy it from the setup below and paste it there.",
          });
        }}
      >
        <p>The old token stops working at once. VS Code is refused until it has the new one.</p>
      </Question>
    </Section>
  );
}

/** Using a model is one thing, changing what is installed another. */
function ManagesModels({ name, may }: { name: string; may: boolean }) {
  const panel = usePanel();
  const id = useId();
  return (
    <Row
      titleId={id}
      title={
        <>
          May download and delete models<span className="unseen">: {appName(name)}</span>
        </>
      }
      detail={
        may
          ? "It can change what Ollama has installed, and fill the disk."
          : "It can use the models that are installed, and change none."
      }
      detailId={`${id}-detail`}
    >
      <Switch
        checked={may}
        onChange={(next) => void setClientManagesModels(panel, name, next)}
        labelledBy={id}
        describedBy={`${id}-detail`}
        testId={`manages-models-${name}`}
      />
    </Row>
  );
}
