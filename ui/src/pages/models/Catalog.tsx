import { useId, useState } from "react";
import type { CatalogModel } from "../../ipc/bindings/CatalogModel";
import type { ModelsView } from "../../ipc/bindings/ModelsView";
import { useKept } from "../../state/memory";
import { catalogFound, useSteadyOrder } from "../../state/modelList";
import { useModels } from "../../state/models";
import { canDownload } from "../../state/ollama";
import { usePanel, useSnapshot } from "../../state/panel";
import { goInPlace } from "../../state/route";
import { formatCount, plural } from "../../state/words";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { ProblemNote } from "../../ui/Problem";
import { SearchField } from "../../ui/SearchField";
import { Switch } from "../../ui/Switch";
import { CatalogRow } from "./CatalogRow";
import styles from "./Models.module.css";
import { Pulls } from "./Pulls";

type CatalogProps = { current: string | undefined; onByName: () => void };

/** What can be downloaded, the best fitting first. */
export function Catalog({ current, onByName }: CatalogProps) {
  const models = useModels();
  const panel = usePanel();
  if (models.kind === "failed" && models.error) {
    return (
      <ProblemNote problem={models.error.problem} title="The catalog could not be read">
        <Button icon="restart" onClick={() => void panel.models.refresh()}>
          Try again
        </Button>
      </ProblemNote>
    );
  }
  if (!models.view) {
    return (
      <Card flush>
        <Skeleton rows={4} label="Reading the catalog" />
      </Card>
    );
  }
  return <Present view={models.view} current={current} onByName={onByName} />;
}

function Present({ view, current, onByName }: CatalogProps & { view: ModelsView }) {
  const { ollama } = useSnapshot();
  const id = useId();
  const [search, setSearch] = useKept("catalogSearch", "");
  const [fitting, setFitting] = useKept("catalogFitting", false);
  const [led, setLed] = useState<string | undefined>();
  const inOrder = useSteadyOrder(view.catalog);
  const found = catalogFound(inOrder, search, fitting);
  if (current !== led) {
    setLed(current);
    // One that the person was led to is not hidden by what was searched before.
    if (current !== undefined && !found.some(({ name }) => name === current)) {
      setSearch("");
      setFitting(false);
    }
  }
  const narrow = (nextSearch: string, nextFitting: boolean) => {
    setSearch(nextSearch);
    setFitting(nextFitting);
    // From here on it is the person's own search again.
    if (current !== undefined) goInPlace({ page: "models", part: "catalog" });
  };
  const ready = canDownload(ollama);
  return (
    <div className={styles.stack}>
      <Pulls pulls={view.pulls} />
      <div className={styles.tools}>
        <SearchField
          label="Search the catalog"
          value={search}
          testId="catalog-search"
          onType={(next) => narrow(next, fitting)}
          onClear={() => narrow("", fitting)}
        />
        <span className={styles.filter}>
          <span id={id}>Fits this computer</span>
          <Switch
            checked={fitting}
            onChange={(next) => narrow(search, next)}
            labelledBy={id}
            testId="catalog-fitting"
          />
        </span>
        {ready && (
          <Button icon="plus" data-testid="by-name" onClick={onByName}>
            Download by name
          </Button>
        )}
      </div>
      <p className={styles.amount} role="status">
        {found.length < view.catalog.length
          ? `${formatCount(found.length)} of ${plural(view.catalog.length, "model")}`
          : "The best fitting first, and last what only finds texts."}
        {!ready && " Nothing can be downloaded while Ollama does not run."}
      </p>
      {found.length === 0 ? (
        <Blank
          icon="search"
          title={view.catalog.length === 0 ? "The catalog is empty" : "No model is like that"}
          action={
            view.catalog.length > 0 && <Button onClick={() => narrow("", false)}>Show all</Button>
          }
        >
          The search looks at names and purposes. What is not here can be downloaded by its name.
        </Blank>
      ) : (
        <ul className={styles.catalog} aria-label="Models that can be downloaded">
          {found.map((model: CatalogModel) => (
            <li key={model.name}>
              <CatalogRow
                model={model}
                date={view.catalogDate}
                pull={view.pulls.find(({ name }) => name === model.name)}
                disk={view.disk}
                current={model.name === current}
                ready={ready}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
