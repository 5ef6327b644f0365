import { type ReactNode, useId, useState } from "react";
import type { OllamaView } from "../../ipc/bindings/OllamaView";
import { useKept } from "../../state/memory";
import { restartOllama, type SettingsChange, useOllamaSettings } from "../../state/modelActions";
import { asksForProgram, ollamaWord } from "../../state/ollama";
import {
  CACHE,
  CONTEXT,
  clash,
  FLASH,
  KEEP,
  notOursWords,
  PARALLEL,
  PORT,
} from "../../state/ollamaForm";
import { usePanel, useSnapshot } from "../../state/panel";
import { useAction } from "../../state/query";
import { href } from "../../state/route";
import { Button } from "../../ui/Button";
import { Foreign } from "../../ui/Foreign";
import { intoView } from "../../ui/intoView";
import { Card, Row, Section } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { ProblemNote, Remark } from "../../ui/Problem";
import { Switch } from "../../ui/Switch";
import { Explained, OfferRow } from "./OfferRow";
import { GpuChoice, ProgramRow } from "./OllamaMore";
import styles from "./Settings.module.css";

type OllamaPartProps = {
  first: boolean;
  /** The person comes to say where Ollama's program is. */
  toProgram: boolean;
};

/** What a person may set about Ollama. Each setting counts as it is made. */
export function OllamaPart({ first, toProgram }: OllamaPartProps) {
  const { ollama } = useSnapshot();
  const { settings } = ollama;
  const [more, setMore] = useKept("ollamaMore", false);
  const asked = toProgram || asksForProgram(ollama);
  const [program, setProgram] = useState(asked);
  // Once it is there it stays, also when Ollama was found.
  if (asked && !program) setProgram(true);
  const { change, error } = useOllamaSettings();
  const { tone, word } = ollamaWord(ollama);
  return (
    <Section
      title="Ollama"
      intro="It runs models on this computer."
      testId="ollama-settings"
      sectionRef={first || (toProgram && !settings.enabled) ? intoView : null}
      aside={
        <a href={href({ page: "models", part: "installed" })}>
          Models<span className="unseen"> and how Ollama does</span>
        </a>
      }
    >
      <Card flush>
        <div className={styles.parts}>
          <SwitchRow
            title="Use Ollama"
            detail="Apps reach its models at Drawbridge's address."
            checked={settings.enabled}
            onChange={(enabled) => change((now) => ({ ...now, enabled }))}
            testId="ollama-enabled"
          >
            <Pill tone={tone}>{word}</Pill>
          </SwitchRow>
          <Notes ollama={ollama} />
          {error && (
            <div className={styles.inset}>
              <ProblemNote problem={error.problem} alert testId="ollama-not-set" />
            </div>
          )}
          {settings.enabled && (
            <>
              <SwitchRow
                title="Start it with Drawbridge"
                detail="Where nobody else runs it, Drawbridge starts it, and ends it when it quits."
                checked={settings.start}
                onChange={(start) => change((now) => ({ ...now, start }))}
                testId="ollama-start"
              />
              <SwitchRow
                title="Use Ollama's cloud"
                detail={
                  <Explained
                    text="Models marked as in the cloud, and searches. What is asked of them leaves this computer."
                    variable="OLLAMA_NO_CLOUD"
                  />
                }
                checked={settings.cloud}
                onChange={(cloud) => change((now) => ({ ...now, cloud }))}
                testId="ollama-cloud"
              />
              <FolderRow ollama={ollama} onChange={change} />
              <OfferRow offer={KEEP} settings={settings} onChange={change} />
              <OfferRow offer={CONTEXT} settings={settings} onChange={change} />
              <div className={styles.inset}>
                <Button
                  kind="quiet"
                  icon={more ? "down" : "right"}
                  aria-expanded={more}
                  className={styles.more}
                  data-testid="ollama-more"
                  onClick={() => setMore(!more)}
                >
                  {more ? "Fewer settings" : "More settings"}
                  <span className="unseen"> of Ollama</span>
                </Button>
              </div>
              {more && (
                <>
                  <OfferRow offer={PARALLEL} settings={settings} onChange={change} />
                  <OfferRow offer={FLASH} settings={settings} onChange={change} />
                  <OfferRow offer={CACHE} settings={settings} onChange={change} />
                  {clash(settings) && (
                    <div className={styles.inset}>
                      <Remark tone="caution">
                        <p>
                          Compressed conversations need quicker computing, which is off. Models
                          would not load like this.
                        </p>
                      </Remark>
                    </div>
                  )}
                  <GpuChoice settings={settings} onChange={change} />
                  <OfferRow offer={PORT} settings={settings} onChange={change} />
                </>
              )}
              {(more || program) && <ProgramRow ollama={ollama} led={toProgram} />}
            </>
          )}
        </div>
      </Card>
    </Section>
  );
}

function SwitchRow(props: {
  title: string;
  detail: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  testId: string;
  children?: ReactNode;
}) {
  const id = useId();
  return (
    <Row titleId={id} title={props.title} detail={props.detail} detailId={`${id}-detail`}>
      {props.children}
      <Switch
        checked={props.checked}
        onChange={props.onChange}
        labelledBy={id}
        describedBy={`${id}-detail`}
        testId={props.testId}
      />
    </Row>
  );
}

/** Whose settings count, and whether they count already. It is read aloud as it comes. */
function Notes({ ollama }: { ollama: OllamaView }) {
  const panel = usePanel();
  const notOurs = ollama.settings.enabled ? notOursWords(ollama) : undefined;
  const restart = ollama.restartNeeded && ollama.state.kind === "ready";
  return (
    <div role="status" className={notOurs || restart ? styles.inset : styles.nothing}>
      {notOurs && (
        <Remark>
          <p>{notOurs}</p>
        </Remark>
      )}
      {restart && (
        <Remark
          testId="settings-restart"
          actions={
            <Button
              kind="primary"
              icon="restart"
              data-testid="settings-restart-do"
              onClick={() => void restartOllama(panel)}
            >
              Restart Ollama
            </Button>
          }
        >
          <p>
            What was changed counts once Ollama is restarted. Models in memory are loaded again.
          </p>
        </Remark>
      )}
    </div>
  );
}

type FolderRowProps = { ollama: OllamaView; onChange: (change: SettingsChange) => void };

function FolderRow({ ollama: { settings, modelsFolder }, onChange }: FolderRowProps) {
  const { host } = usePanel();
  const choose = useAction(async () => {
    const folder = await host.call("choose_folder");
    if (folder !== null) onChange((now) => ({ ...now, modelsFolder: folder }));
  });
  const folder = settings.modelsFolder ?? modelsFolder;
  return (
    <div>
      <Row
        title="Folder for models"
        detail={
          <>
            <Explained
              text="Models that are somewhere else already are not moved."
              variable="OLLAMA_MODELS"
            />
            <br />
            {folder === null ? (
              "Ollama's own folder"
            ) : (
              <code data-testid="ollama-folder">
                <Foreign text={folder} />
              </code>
            )}
          </>
        }
      >
        <Button
          icon="folder"
          busy={choose.busy}
          data-testid="choose-models-folder"
          onClick={() => void choose.start()}
        >
          Choose…<span className="unseen"> the folder for models</span>
        </Button>
        {settings.modelsFolder !== null && (
          <Button
            icon="undo"
            data-testid="own-models-folder"
            onClick={() => onChange((now) => ({ ...now, modelsFolder: null }))}
          >
            Use Ollama's own
          </Button>
        )}
      </Row>
      {choose.error && (
        <div className={styles.inset}>
          <ProblemNote problem={choose.error.problem} alert />
        </div>
      )}
    </div>
  );
}
