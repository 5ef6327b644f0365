import type { ReactNode } from "react";
import { useRemembered } from "../../state/memory";
import { useSnapshot } from "../../state/panel";
import { appName } from "../../state/words";
import { Button } from "../../ui/Button";
import { Copyable } from "../../ui/Copy";
import { Icon } from "../../ui/Icon";
import { Card, Section } from "../../ui/Page";
import { ConnectVscode } from "./ConnectVscode";
import styles from "./FirstSteps.module.css";

/** Whether there is still something to set up. */
export function useFirstSteps() {
  const { clients, servers } = useSnapshot();
  const [hidden, hide] = useRemembered("firstStepsHidden");
  const ownServers = servers.some(({ transport }) => transport.kind !== "builtIn");
  return { shown: !hidden && (clients.length === 0 || !ownServers), ownServers, hide };
}

/** The way to the first connected app, three steps that can be left and taken up again. */
export function FirstSteps({ onAddServer }: { onAddServer: () => void }) {
  const { gateway, clients } = useSnapshot();
  const { ownServers, hide } = useFirstSteps();
  const listening = gateway.state.kind === "listening";
  const [app] = clients;
  const seen = clients.some(({ lastSeen, sessions }) => lastSeen !== null || sessions > 0);
  return (
    <Section
      title="Three steps to your first app"
      aside={
        <Button kind="quiet" onClick={() => hide(true)}>
          Hide these steps
        </Button>
      }
      testId="first-steps"
    >
      <Card flush>
        <ol className={styles.steps}>
          <Step
            number={1}
            done={listening}
            title={listening ? "Your address is open" : "Your address is not open yet"}
          >
            <p>Every app uses this one address. Only programs on this computer can reach it.</p>
            <Copyable text={`${gateway.address}/mcp`} label="Copy address" testId="address" />
          </Step>
          <Step
            number={2}
            done={app !== undefined}
            title={app ? `${appName(app.name)} may connect` : "Add your first app"}
          >
            <p>
              {app === undefined
                ? "Bring VS Code here. It can use the tools of this computer right away."
                : seen
                  ? "It has connected."
                  : "It has not connected yet. Finish the setup in the app."}
            </p>
            {(app === undefined || !seen) && <ConnectVscode primary={app === undefined} />}
          </Step>
          <Step
            number={3}
            done={ownServers}
            title={ownServers ? "A server is added" : "Add a server"}
          >
            <p>
              A server brings tools, for your files or your calendar. Its page shows a block to
              copy.
            </p>
            {!ownServers && (
              <div>
                <Button
                  kind={app === undefined ? "plain" : "primary"}
                  icon="plus"
                  data-testid="first-add-server"
                  onClick={onAddServer}
                >
                  Add a server
                </Button>
              </div>
            )}
          </Step>
        </ol>
      </Card>
    </Section>
  );
}

function Step(props: { number: number; done: boolean; title: string; children: ReactNode }) {
  return (
    <li className={styles.step} data-done={props.done || undefined}>
      <span className={styles.number}>
        {props.done ? <Icon name="check" /> : <span aria-hidden="true">{props.number}</span>}
      </span>
      <div className={styles.body}>
        <h3>
          {props.title}
          <span className="unseen">{props.done ? " (done)" : ` (step ${props.number})`}</span>
        </h3>
        {props.children}
      </div>
    </li>
  );
}
