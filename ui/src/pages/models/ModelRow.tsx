import type { InstalledModel } from "../../ipc/bindings/InstalledModel";
import { loadModel, pullModel, setDefaultModel, unloadModel } from "../../state/modelActions";
import type { Doing } from "../../state/models";
import { abilityWords, largestWords, loadedWords, sizeWords } from "../../state/modelWords";
import { canDownload } from "../../state/ollama";
import { usePanel, useSnapshot } from "../../state/panel";
import { Button } from "../../ui/Button";
import { Foreign } from "../../ui/Foreign";
import { Icon } from "../../ui/Icon";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { Claim, Pill } from "../../ui/Pill";
import { Fit } from "./Fit";
import { FitActions } from "./FitActions";
import { ModelDetails } from "./ModelDetails";
import styles from "./Models.module.css";

type ModelRowProps = {
  model: InstalledModel;
  doing: Doing | undefined;
  now: number;
  open: boolean;
  onOpen: () => void;
  onDelete: () => void;
};

/** An installed model: what it takes, whether it fits, and what can be done with it. */
export function ModelRow({ model, doing, now, open, onOpen, onDelete }: ModelRowProps) {
  const { ollama } = useSnapshot();
  const { name, fit, loaded, cloud } = model;
  const isDefault = ollama.settings.defaultModel === name;
  const largest = fit ? largestWords(fit) : "";
  return (
    <article className={styles.model} aria-label={name} data-testid={`model-${name}`}>
      <div className={styles.modelHead}>
        <div className={styles.modelText}>
          <h2 className={styles.modelName}>
            <Foreign text={name} />
          </h2>
          {isDefault && <Claim strong>Default</Claim>}
          {abilityWords(model.capabilities).map((each) => (
            <Claim key={each}>{each}</Claim>
          ))}
          <p className={styles.facts}>
            {sizeWords(model)}. {largest}
          </p>
        </div>
        <div className={styles.modelEnd}>
          {!cloud && <LoadButton model={model} doing={doing} />}
          <RowMenu model={model} isDefault={isDefault} onDelete={onDelete} />
        </div>
      </div>
      {cloud && (
        <div className={styles.cloud}>
          <Pill tone="paused" icon="cloud">
            In the cloud
          </Pill>
          <p>
            It runs in Ollama's cloud. What is asked of it leaves this computer.
            {!ollama.settings.cloud && " The cloud is switched off in the settings."}
          </p>
        </div>
      )}
      {loaded && (
        <p className={styles.loaded} data-testid={`loaded-${name}`}>
          <Pill tone="open" icon="chip">
            In memory
          </Pill>
          <span>{loadedWords(loaded, now)}</span>
        </p>
      )}
      {!cloud && !fit && <p className={styles.facts}>Finding out whether it fits.</p>}
      {fit && <Fit fit={fit} />}
      {!cloud && (
        <div className={styles.foot}>
          {fit && <FitActions model={name} installed actions={fit.actions} />}
          <Fold of={name} name={name} open={open} onOpen={onOpen} />
        </div>
      )}
      {open && <ModelDetails model={model} />}
    </article>
  );
}

type FoldProps = { of: string; name: string; open: boolean; onOpen: () => void };

/** Opens and folds the technical words. */
export function Fold({ of, name, open, onOpen }: FoldProps) {
  return (
    <button
      type="button"
      className={styles.fold}
      aria-expanded={open}
      data-testid={`details-${name}`}
      onClick={onOpen}
    >
      <Icon name={open ? "down" : "right"} />
      <span>
        Details<span className="unseen"> of {of}</span>
      </span>
    </button>
  );
}

type LoadButtonProps = { model: InstalledModel; doing: Doing | undefined };

/** Into memory and out of it. The same button throughout, so that the focus and the place stay. */
function LoadButton({ model, doing }: LoadButtonProps) {
  const panel = usePanel();
  const { ollama } = useSnapshot();
  const { name, loaded } = model;
  if (ollama.state.kind !== "ready") return null;
  const loading = doing === "loading";
  const out = loading || loaded !== null;
  return (
    <>
      {loading && <Pill tone="moving">Loading</Pill>}
      <Button
        icon={loading ? "stop" : out ? "eject" : "play"}
        busy={doing === "unloading"}
        data-testid={`${loading ? "cancel-load" : out ? "unload" : "load"}-${name}`}
        onClick={() => void (out ? unloadModel(panel, name) : loadModel(panel, name))}
      >
        {loading ? "Cancel" : out ? "Take out of memory" : "Load and measure"}
        <span className="unseen">
          {loading ? " loading" : ""} {name}
        </span>
      </Button>
    </>
  );
}

type RowMenuProps = { model: InstalledModel; isDefault: boolean; onDelete: () => void };

function RowMenu({ model, isDefault, onDelete }: RowMenuProps) {
  const panel = usePanel();
  const { ollama } = useSnapshot();
  const { name } = model;
  const ready = canDownload(ollama);
  return (
    <Menu label={`More for ${name}`}>
      <MenuItem
        icon="check"
        testId="make-default"
        onClick={() =>
          void setDefaultModel(panel, isDefault ? null : name, ollama.settings.defaultModel)
        }
      >
        {isDefault ? "No longer offer it first" : "Offer it to apps first"}
      </MenuItem>
      {!model.cloud && (
        <MenuItem
          icon="save"
          testId="update-model"
          disabled={!ready}
          onClick={() => void pullModel(panel, name)}
        >
          Get the newest version
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem icon="remove" danger testId="delete-model" disabled={!ready} onClick={onDelete}>
        Delete
      </MenuItem>
    </Menu>
  );
}
