import { useState } from "react";
import type { CatalogModel } from "../../ipc/bindings/CatalogModel";
import type { DiskView } from "../../ipc/bindings/DiskView";
import type { PullView } from "../../ipc/bindings/PullView";
import { pullModel } from "../../state/modelActions";
import {
  abilityWords,
  formatMemory,
  largestWords,
  pullWord,
  roomWords,
} from "../../state/modelWords";
import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { formatDate } from "../../state/words";
import { Button } from "../../ui/Button";
import { Copyable } from "../../ui/Copy";
import { focusIfLost } from "../../ui/Difference";
import { Icon } from "../../ui/Icon";
import { ledHere } from "../../ui/intoView";
import { Claim, Pill } from "../../ui/Pill";
import styles from "./Details.module.css";
import { Fit } from "./Fit";
import { FitActions } from "./FitActions";
import { Fact, Terms, TryFit } from "./ModelDetails";
import { Fold } from "./ModelRow";
import rows from "./Models.module.css";

type CatalogRowProps = {
  model: CatalogModel;
  date: string;
  pull: PullView | undefined;
  /** The disk it would be on. */
  disk: DiskView | null;
  /** The person was led to this one. */
  current: boolean;
  ready: boolean;
};

/** A model that can be downloaded. */
export function CatalogRow({ model, date, pull, disk, current, ready }: CatalogRowProps) {
  const [open, setOpen] = useState(false);
  const { name, title, purpose, fit } = model;
  const room = model.installed ? undefined : roomWords(model.download, pull, disk);
  return (
    <article
      className={rows.model}
      aria-label={title}
      data-current={current || undefined}
      data-testid={`catalog-${name}`}
      tabIndex={current ? -1 : undefined}
      ref={current ? ledHere : undefined}
    >
      <div className={rows.modelHead}>
        <div className={rows.modelText}>
          <h2 className={rows.modelName}>{title}</h2>
          {abilityWords(model.capabilities).map((each) => (
            <Claim key={each}>{each}</Claim>
          ))}
          <p className={rows.purpose}>{purpose}</p>
          <p className={rows.facts}>
            {formatMemory(model.download, "up")} to download. {largestWords(fit)}
          </p>
        </div>
        <div className={rows.modelEnd}>
          <Download model={model} pull={pull} ready={ready} />
        </div>
      </div>
      <Fit fit={fit} />
      {room && (
        <p className={rows.room} data-testid={`room-${name}`}>
          <Icon name="disk" />
          <span>{room}</span>
        </p>
      )}
      <Fold of={title} name={name} open={open} onOpen={() => setOpen(!open)} />
      {open && (
        <div className={styles.details}>
          <FitActions model={name} installed={model.installed} actions={fit.actions} />
          <Terms fit={fit} />
          <dl className={styles.facts}>
            <Fact name="Name">{name}</Fact>
            <Fact name="Licence">{model.licence}</Fact>
            <Fact name="Capabilities">{model.capabilities.join(", ")}</Fact>
            <Fact name="Checked">{dayWords(date)}</Fact>
          </dl>
          <div>
            <p className={rows.facts}>Where its figures are from</p>
            <Copyable text={model.source} label="Copy address" />
          </div>
          <TryFit name={name} fit={fit} />
        </div>
      )}
    </article>
  );
}

function Download(props: { model: CatalogModel; pull: PullView | undefined; ready: boolean }) {
  const { model, pull, ready } = props;
  const panel = usePanel();
  const [pressed, setPressed] = useState(false);
  const download = useAction(() => pullModel(panel, model.name));
  if (pull && pull.state.kind !== "done") {
    const { tone, word } = pullWord(pull);
    return (
      <span tabIndex={-1} ref={pressed ? focusIfLost : undefined}>
        <Pill tone={tone}>{word}</Pill>
      </span>
    );
  }
  if (model.installed) return <Pill tone="open">Installed</Pill>;
  if (!ready) return null;
  return (
    <Button
      icon="save"
      busy={download.busy}
      data-testid={`download-${model.name}`}
      onClick={() => {
        setPressed(true);
        void download.start();
      }}
    >
      Download<span className="unseen"> {model.title}</span>
    </Button>
  );
}

/** A day without a time is the same day everywhere. */
function dayWords(date: string): string {
  const at = new Date(`${date}T12:00:00`).getTime();
  return Number.isNaN(at) ? date : formatDate(at);
}
