import { useState } from "react";
import { useSnapshot } from "../../state/panel";
import { go, type ModelsPart } from "../../state/route";
import { Page } from "../../ui/Page";
import { Parts } from "../../ui/Parts";
import { ByName } from "./ByName";
import { Catalog } from "./Catalog";
import { Computer } from "./Computer";
import { Installed } from "./Installed";
import styles from "./Models.module.css";
import { OllamaCard } from "./OllamaCard";

type ModelsPageProps = { part: ModelsPart; model: string | undefined };

/** What is installed, what can be, and what it runs on. */
export function ModelsPage({ part, model }: ModelsPageProps) {
  const { ollama } = useSnapshot();
  const [naming, setNaming] = useState(false);
  const byName = () => setNaming(true);
  return (
    <Page
      title="Models"
      subject="models"
      intro="Models that apps can ask, and what they run on."
      wide
    >
      <div className={styles.stack}>
        <OllamaCard ollama={ollama} />
        <Parts
          label="Parts of models"
          value={part}
          onChange={(next) => go({ page: "models", part: next })}
          parts={[
            {
              part: "installed",
              word: "Installed",
              content: () => <Installed onByName={byName} />,
            },
            {
              part: "catalog",
              word: "Catalog",
              content: () => <Catalog current={model} onByName={byName} />,
            },
            { part: "computer", word: "This computer", content: () => <Computer /> },
          ]}
        />
      </div>
      {naming && <ByName onClose={() => setNaming(false)} />}
    </Page>
  );
}
