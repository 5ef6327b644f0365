import type { PauseScope } from "../../ipc/bindings/PauseScope";
import type { PauseView } from "../../ipc/bindings/PauseView";
import { resume } from "../../state/lookActions";
import { usePanel, useSnapshot } from "../../state/panel";
import { focusPageTitle } from "../../state/route";
import { spelledOut } from "../../state/visible";
import { appName } from "../../state/words";
import { Button } from "../../ui/Button";
import { PausedWords } from "../../ui/Moment";
import { Card, Row, Section } from "../../ui/Page";

type OnePause = { key: string; name: string; scope: PauseScope; paused: PauseView };

/** Servers and apps that are paused by themselves. */
export function Pauses() {
  const panel = usePanel();
  const { servers, clients } = useSnapshot();
  const all: OnePause[] = [
    ...servers.flatMap(({ name, paused }): OnePause[] =>
      paused
        ? [{ key: `server ${name}`, name, scope: { kind: "server", server: name }, paused }]
        : [],
    ),
    ...clients.flatMap(({ name, paused }): OnePause[] =>
      paused
        ? [
            {
              key: `app ${name}`,
              name: spelledOut(appName(name)),
              scope: { kind: "app", client: name },
              paused,
            },
          ]
        : [],
    ),
  ];
  if (all.length === 0) return null;
  return (
    <Section title="Paused" testId="pauses">
      <Card flush>
        {all.map(({ key, name, scope, paused }) => (
          <Row key={key} title={`${name} is paused`} detail={<PausedWords paused={paused} />}>
            <Button
              icon="play"
              data-testid={`resume-${name}`}
              onClick={async () => {
                if (await resume(panel, scope)) focusPageTitle();
              }}
            >
              Resume<span className="unseen"> {name}</span>
            </Button>
          </Row>
        ))}
      </Card>
    </Section>
  );
}
