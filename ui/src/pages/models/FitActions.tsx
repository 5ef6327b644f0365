import { useState } from "react";
import type { FitAction } from "../../ipc/bindings/FitAction";
import type { FitActionKind } from "../../ipc/bindings/FitActionKind";
import { loadModel, type SettingsChange, setForAll, unloadModel } from "../../state/modelActions";
import { CACHE_WORDS, formatContext } from "../../state/modelWords";
import { notOursWords } from "../../state/ollamaForm";
import { usePanel, useSnapshot } from "../../state/panel";
import { go } from "../../state/route";
import { Button } from "../../ui/Button";
import { Question } from "../../ui/Dialog";
import type { IconName } from "../../ui/Icon";
import styles from "./Fit.module.css";

const ICONS: Record<FitActionKind["kind"], IconName> = {
  unload: "eject",
  closeOthers: "eye",
  shortenContext: "settings",
  smallerModel: "search",
  compressCache: "settings",
  tryIt: "play",
};

type FitActionsProps = { model: string; installed: boolean; actions: readonly FitAction[] };

/** What would help, each with what it brings. */
export function FitActions({ model, installed, actions }: FitActionsProps) {
  const panel = usePanel();
  const [asked, setAsked] = useState<ForAll | undefined>();
  const run = (kind: FitActionKind) => {
    switch (kind.kind) {
      case "unload":
        return void unloadModel(panel, kind.model);
      case "closeOthers":
        return go({ page: "models", part: "computer" });
      case "shortenContext":
      case "compressCache":
        return setAsked(kind);
      case "smallerModel": {
        const to = { page: "models", part: "catalog" } as const;
        return go(kind.model === null ? to : { ...to, model: kind.model });
      }
      case "tryIt":
        return void loadModel(panel, model);
    }
  };
  // What is not here yet cannot be tried.
  const shown = actions.filter(({ kind }) => installed || kind.kind !== "tryIt");
  if (shown.length === 0) return null;
  return (
    <div className={styles.actions}>
      {shown.map(({ kind, text, effect }) => (
        <Button
          key={kind.kind}
          icon={ICONS[kind.kind]}
          data-testid={`fit-${kind.kind}`}
          onClick={() => run(kind)}
        >
          {text}
          {effect && <span className={styles.effect}> ({effect})</span>}
          <span className="unseen"> for {model}</span>
        </Button>
      ))}
      <SetForAll asked={asked} onClose={() => setAsked(undefined)} />
    </div>
  );
}

type ForAll = Extract<FitActionKind, { kind: "shortenContext" | "compressCache" }>;

/** What is set for one model counts for all, so it is said before. */
function SetForAll({ asked, onClose }: { asked: ForAll | undefined; onClose: () => void }) {
  const panel = usePanel();
  const { ollama } = useSnapshot();
  const notOurs = notOursWords(ollama);
  const limit = asked?.kind === "shortenContext" ? formatContext(asked.context) : "";
  const short = asked?.kind === "shortenContext";
  return (
    <Question
      open={asked !== undefined}
      onClose={onClose}
      kind="primary"
      title={short ? `Set the conversation limit to ${limit}?` : "Compress conversation memory?"}
      doIt={short ? "Set the limit" : "Compress it"}
      action={async () => {
        if (asked?.kind === "shortenContext") {
          const contextLength = asked.context;
          const set: SettingsChange = (settings) => ({ ...settings, contextLength });
          await setForAll(panel, set, `The conversation limit is set to ${limit}.`);
        } else {
          const set: SettingsChange = (settings) => ({ ...settings, cacheType: "q8_0" });
          await setForAll(
            panel,
            set,
            `Conversation memory is set to be ${CACHE_WORDS.q8_0.toLowerCase()}.`,
          );
        }
      }}
    >
      <p>
        {short
          ? "It counts for all models: a longer conversation loses its beginning."
          : "It counts for all models. Answers may suffer a little in long conversations."}{" "}
        {notOurs ?? "It counts from Ollama's next start on, and can be changed in the settings."}
      </p>
    </Question>
  );
}
