import { useState } from "react";
import { openConfigFile, restartServer } from "../../state/actions";
import type { Trouble } from "../../state/health";
import { usePanel, useSnapshot } from "../../state/panel";
import { useAction } from "../../state/query";
import { go } from "../../state/route";
import { wantsSecret } from "../../state/secrets";
import { Button } from "../../ui/Button";
import { Section } from "../../ui/Page";
import { ProblemNote } from "../../ui/Problem";
import { ToSecrets } from "../../ui/ToSecrets";
import { PortForm } from "../settings/PortForm";
import styles from "./Home.module.css";

const TITLES: Record<Exclude<Trouble["kind"], "server">, string> = {
  port: "The address is taken",
  gateway: "The address cannot be opened",
  record: "Calls cannot be put on record",
  config: "The config file has a mistake",
};

export function Troubles({ troubles }: { troubles: Trouble[] }) {
  return (
    <Section title={troubles.length === 1 ? "Needs a look" : "Need a look"} testId="troubles">
      <ul className={styles.troubles}>
        {troubles.map((trouble) => (
          <li key={trouble.kind === "server" ? `server-${trouble.server.name}` : trouble.kind}>
            <OneTrouble trouble={trouble} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function OneTrouble({ trouble }: { trouble: Trouble }) {
  const panel = usePanel();
  switch (trouble.kind) {
    case "port":
    case "gateway":
      return <AddressTrouble trouble={trouble} />;
    case "record":
      return (
        <ProblemNote title={TITLES.record} problem={trouble.problem} testId="trouble-record" />
      );
    case "config":
      return (
        <ProblemNote title={TITLES.config} problem={trouble.problem} testId="trouble-config">
          <p className={styles.fullLine}>
            <code>{trouble.place}</code>
          </p>
          <p className={styles.fullLine}>
            What was read before stays in force until the file is mended.
          </p>
          <Button icon="file" onClick={() => void openConfigFile(panel)}>
            Open the config file
          </Button>
        </ProblemNote>
      );
    case "server": {
      const { name } = trouble.server;
      return (
        <ProblemNote title={name} problem={trouble.problem} testId={`trouble-server-${name}`}>
          <Button icon="restart" onClick={() => void restartServer(panel, name)}>
            Start again<span className="unseen"> {name}</span>
          </Button>
          {wantsSecret(trouble.problem) && <ToSecrets />}
          <Button icon="activity" onClick={() => go({ page: "server", server: name, tab: "log" })}>
            Open its log<span className="unseen"> ({name})</span>
          </Button>
        </ProblemNote>
      );
    }
  }
}

function AddressTrouble({ trouble }: { trouble: Extract<Trouble, { kind: "port" | "gateway" }> }) {
  const { host } = usePanel();
  const { gateway } = useSnapshot();
  const [moving, setMoving] = useState(false);
  const retry = useAction(() => host.call("retry_gateway"));
  return (
    <ProblemNote title={TITLES[trouble.kind]} problem={trouble.problem} testId="trouble-port">
      <Button
        kind="primary"
        icon="restart"
        busy={retry.busy}
        data-testid="retry-port"
        onClick={() => void retry.start()}
      >
        Try port {gateway.port} again
      </Button>
      {!moving && (
        <Button data-testid="move-port" onClick={() => setMoving(true)}>
          Use another port
        </Button>
      )}
      {retry.error && (
        <p className={styles.fullLine} role="alert">
          {retry.error.problem.message}
        </p>
      )}
      {moving && (
        <div className={styles.fullLine}>
          <PortForm port={gateway.port} suggest={gateway.port + 1} focus />
        </div>
      )}
    </ProblemNote>
  );
}
