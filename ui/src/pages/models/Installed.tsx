import { useState } from "react";
import type { BackendView } from "../../ipc/bindings/BackendView";
import type { InstalledModel } from "../../ipc/bindings/InstalledModel";
import type { ModelsView } from "../../ipc/bindings/ModelsView";
import { backendWord } from "../../state/backends";
import { useKept } from "../../state/memory";
import { type ModelLine, modelLines } from "../../state/modelList";
import { type ModelsState, useModels } from "../../state/models";
import { deleteWords, formatMemory } from "../../state/modelWords";
import { canDownload } from "../../state/ollama";
import { useNow, usePanel, useSnapshot } from "../../state/panel";
import { go, href } from "../../state/route";
import { plural } from "../../state/words";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Question } from "../../ui/Dialog";
import { Foreign } from "../../ui/Foreign";
import { LongList } from "../../ui/LongList";
import { Card } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import { SearchField } from "../../ui/SearchField";
import { ModelRow } from "./ModelRow";
import styles from "./Models.module.css";
import { Pulls } from "./Pulls";

/** From so many on, searching is quicker than looking. */
const SEARCH_FROM = 12;

export function Installed({ onByName }: { onByName: () => void }) {
  const models = useModels();
  const panel = usePanel();
  if (models.kind === "failed" && models.error) {
    return (
      <ProblemNote problem={models.error.problem} title="The models could not be read">
        <Button icon="restart" onClick={() => void panel.models.refresh()}>
          Try again
        </Button>
      </ProblemNote>
    );
  }
  if (!models.view) {
    return (
      <Card flush>
        <Skeleton rows={4} label="Reading which models are installed" />
      </Card>
    );
  }
  return <Present view={models.view} models={models} onByName={onByName} />;
}

type PresentProps = { view: ModelsView; models: ModelsState; onByName: () => void };

function Present({ view, models, onByName }: PresentProps) {
  const { host, notices, models: store } = usePanel();
  const { ollama, backends } = useSnapshot();
  const now = useNow(30_000);
  const [search, setSearch] = useKept("modelSearch", "");
  const [open, setOpen] = useKept<ReadonlySet<string>>("modelsOpen", new Set());
  const [deleting, setDeleting] = useState<InstalledModel | undefined>();
  const { installed, problem } = view;
  const lines = modelLines(installed, backends, search);
  const many = modelLines(installed, backends, "").length >= SEARCH_FROM;
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  return (
    <div className={styles.stack}>
      <Pulls pulls={view.pulls} />
      {problem && (
        <ProblemNote problem={problem} testId="models-problem">
          <Button icon="restart" onClick={() => void store.refresh()}>
            Try again
          </Button>
        </ProblemNote>
      )}
      <div className={styles.tools}>
        {many ? (
          <SearchField
            label="Search installed models"
            value={search}
            testId="model-search"
            onType={setSearch}
            onClear={() => setSearch("")}
          />
        ) : (
          <p className={styles.amount}>{amountWords(view)}</p>
        )}
        {canDownload(ollama) && (
          <Button icon="plus" data-testid="by-name" onClick={onByName}>
            Download by name
          </Button>
        )}
      </div>
      {many && <p className={styles.amount}>{amountWords(view)}</p>}
      {installed.length === 0 && !problem && !search && <NoModel ready={canDownload(ollama)} />}
      {lines.length === 0 && search !== "" && (
        <Blank
          icon="search"
          title="No model is called that"
          action={<Button onClick={() => setSearch("")}>Clear the search</Button>}
        >
          The search looks at the names of installed models and of those at other places.
        </Blank>
      )}
      <LongList label="Installed models" items={lines} estimate={heightOf}>
        {(line) => (
          <Line
            line={line}
            models={models}
            now={now}
            open={line.kind === "model" && open.has(line.model.name)}
            onOpen={toggle}
            onDelete={setDeleting}
          />
        )}
      </LongList>
      <Question
        open={deleting !== undefined}
        onClose={() => setDeleting(undefined)}
        title={`Delete ${deleting?.name ?? "it"}?`}
        doIt="Delete"
        action={async () => {
          const name = deleting?.name ?? "";
          await host.call("delete_model", { model: name });
          await store.refresh();
          notices.show({ tone: "done", text: `${name} was deleted.` });
        }}
      >
        <p>{deleting && deleteWords(deleting)}</p>
      </Question>
    </div>
  );
}

function heightOf(line: ModelLine): number {
  if (line.kind === "model") return line.model.cloud ? 96 : 150;
  return line.kind === "heading" ? 72 : 48;
}

type LineProps = {
  line: ModelLine;
  models: ModelsState;
  now: number;
  open: boolean;
  onOpen: (name: string) => void;
  onDelete: (model: InstalledModel) => void;
};

function Line({ line, models, now, open, onOpen, onDelete }: LineProps) {
  switch (line.kind) {
    case "model":
      return (
        <ModelRow
          model={line.model}
          doing={models.doing.get(line.model.name)}
          now={now}
          open={open}
          onOpen={() => onOpen(line.model.name)}
          onDelete={() => onDelete(line.model)}
        />
      );
    case "heading":
      return <PlaceHeading backend={line.backend} />;
    case "none":
      return <p className={styles.elsewhere}>{noneWords(line.backend)}</p>;
    case "elsewhere":
      return (
        <p className={styles.elsewhere} data-testid="elsewhere">
          <code>
            <Foreign text={`${line.backend.name}/${line.model}`} />
          </code>
        </p>
      );
  }
}

function PlaceHeading({ backend }: { backend: BackendView }) {
  const { tone, word } = backendWord(backend);
  return (
    <div className={styles.place} data-testid={`place-${backend.name}`}>
      <h2>At {backend.name}</h2>
      <Pill tone={tone}>{word}</Pill>
      <p className={styles.placeDetail}>
        Apps ask for these with <code>{backend.name}/</code> in front.{" "}
        <a href={href({ page: "settings", part: "backends" })}>
          Settings<span className="unseen"> of {backend.name}</span>
        </a>
      </p>
    </div>
  );
}

function noneWords({ state }: BackendView): string {
  if (state.kind === "unreachable") return state.problem.message;
  return state.kind === "checking" ? "Its models appear once it answers." : "It has no models.";
}

function amountWords({ installed, disk }: ModelsView): string {
  const here = installed.filter(({ cloud }) => !cloud);
  const free = disk === null ? "" : ` ${formatMemory(disk.free, "down")} are free on the disk.`;
  if (here.length === 0) return free.trim();
  const size = here.reduce((sum, model) => sum + model.size, 0);
  const take = here.length === 1 ? "takes" : "take";
  return `${plural(here.length, "model")} ${take} ${formatMemory(size, "up")}.${free}`;
}

function NoModel({ ready }: { ready: boolean }) {
  return (
    <Blank
      icon="models"
      title={ready ? "No model is installed yet" : "Models show once Ollama runs"}
      action={
        ready && (
          <Button
            kind="primary"
            data-testid="to-catalog"
            onClick={() => go({ page: "models", part: "catalog" })}
          >
            Look at the catalog
          </Button>
        )
      }
    >
      Each will stand here with what it takes, and whether it fits this computer.
    </Blank>
  );
}
