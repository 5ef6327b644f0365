import { useId, useState } from "react";
import { openConfigFile, openLogFolder } from "../../state/actions";
import { usePanel, useSnapshot } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { href, type SettingsPart } from "../../state/route";
import { plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { CopyButton } from "../../ui/Copy";
import { Question } from "../../ui/Dialog";
import { Card, Page, Row, Section } from "../../ui/Page";
import { ProblemNote, Remark } from "../../ui/Problem";
import { Switch } from "../../ui/Switch";
import { Apps } from "./Apps";
import { Backends } from "./Backends";
import { OllamaPart } from "./OllamaPart";
import { PortForm } from "./PortForm";
import { Record } from "./Record";
import { Secrets } from "./Secrets";
import styles from "./Settings.module.css";
import { VscodeExport } from "./VscodeExport";

export function SettingsPage({ part }: { part: SettingsPart | undefined }) {
  return (
    <Page title="Settings">
      <Address />
      <Apps first={part === "apps"} />
      <VscodeExport />
      <Answers />
      <OllamaPart first={part === "ollama"} toProgram={part === "program"} />
      <Backends first={part === "backends"} />
      <Record first={part === "record"} />
      <ThisComputer />
      {/* Late, for it is not known how high it will be until the keyring has answered. */}
      <Secrets first={part === "secrets"} />
      <About />
    </Page>
  );
}

function Address() {
  const { gateway } = useSnapshot();
  const { state } = gateway;
  const problem = state.kind === "portInUse" || state.kind === "failed" ? state.problem : undefined;
  return (
    <Section title="Address" intro="Where apps on this computer find your tools.">
      <Card flush>
        <Row
          title={<code data-testid="settings-address">{gateway.address}/mcp</code>}
          detail="Only programs on this computer can reach it."
        >
          <CopyButton text={`${gateway.address}/mcp`} label="Copy address" />
        </Row>
        <div className={`divided ${styles.inset}`}>
          {problem && <ProblemNote problem={problem} />}
          <PortForm key={gateway.port} port={gateway.port} />
        </div>
      </Card>
    </Section>
  );
}

function Answers() {
  const { allowedAnswers } = useSnapshot();
  const { length } = allowedAnswers;
  return (
    <Section title="Answers">
      <Card flush>
        <Row
          title="Allowed answers"
          detail={
            length === 0
              ? "Nothing is remembered: each tool set to Ask asks you each time."
              : `${plural(length, "answer")} remembered, so that you are not asked again.`
          }
        >
          <a href={href({ page: "answers" })} data-testid="to-answers">
            Look at them<span className="unseen">: allowed answers</span>
          </a>
        </Row>
      </Card>
    </Section>
  );
}

function ThisComputer() {
  const panel = usePanel();
  const { config } = useSnapshot();
  return (
    <Section title="This computer">
      <Card flush>
        <StartAtLogin />
        <Row title="Config file" detail={config.path}>
          <Button icon="file" onClick={() => void openConfigFile(panel)}>
            Open<span className="unseen"> the config file</span>
          </Button>
        </Row>
        {(config.problem || config.warnings.length > 0) && (
          <div className={`divided ${styles.inset}`}>
            {config.problem && (
              <ProblemNote
                title={
                  config.problem.line === null
                    ? "A mistake"
                    : `A mistake in line ${config.problem.line}`
                }
                problem={{
                  message: `${config.problem.key ? `${config.problem.key}: ` : ""}${config.problem.message}`,
                  detail: "",
                }}
              />
            )}
            {config.warnings.map((warning) => (
              <Remark key={warning}>{warning}</Remark>
            ))}
          </div>
        )}
        <Row title="Logs" detail="What servers write, one file for each.">
          <Button icon="folder" onClick={() => void openLogFolder(panel)}>
            Open<span className="unseen"> the folder with logs</span>
          </Button>
        </Row>
      </Card>
    </Section>
  );
}

function StartAtLogin() {
  const { host } = usePanel();
  const id = useId();
  const stored = useQuery("start at login", () => host.call("start_at_login"));
  const [wanted, setWanted] = useState<boolean | undefined>();
  const change = useAction(async (enabled: boolean) => {
    setWanted(enabled);
    try {
      await host.call("set_start_at_login", { enabled });
    } catch (thrown) {
      setWanted(!enabled);
      throw thrown;
    }
  });
  const error = change.error ?? (stored.kind === "failed" ? stored.error : undefined);
  return (
    <>
      <Row
        titleId={id}
        title="Start when you log in"
        detail="Your tools are there as soon as you are."
      >
        <Switch
          checked={wanted ?? stored.value ?? false}
          disabled={stored.kind !== "ready"}
          onChange={(enabled) => void change.start(enabled)}
          labelledBy={id}
          testId="start-at-login"
        />
      </Row>
      {error && (
        <div className={styles.inset}>
          <ProblemNote problem={error.problem} alert />
        </div>
      )}
    </>
  );
}

function About() {
  const { host } = usePanel();
  const { version } = useSnapshot();
  const [asking, setAsking] = useState(false);
  const tray = useQuery("tray", () => host.call("has_tray"));
  return (
    <Section title="Drawbridge">
      <Card flush>
        <Row title={`Version ${version}`} detail="MIT or Apache-2.0 licence." />
        {tray.kind === "ready" && !tray.value && (
          <Row
            title="Quit"
            detail="This desktop shows no tray icon, so closing this window quits Drawbridge too."
          >
            <Button kind="danger" data-testid="quit" onClick={() => setAsking(true)}>
              Quit Drawbridge
            </Button>
          </Row>
        )}
      </Card>
      <Question
        open={asking}
        onClose={() => setAsking(false)}
        title="Quit Drawbridge?"
        doIt="Quit"
        action={() => host.call("quit")}
      >
        <p>Calls under way may end first. Apps reach no tools until Drawbridge is started again.</p>
      </Question>
    </Section>
  );
}
