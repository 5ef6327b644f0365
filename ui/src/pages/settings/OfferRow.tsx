import { useId, useState } from "react";
import type { OllamaSettings } from "../../ipc/bindings/OllamaSettings";
import type { SettingsChange } from "../../state/modelActions";
import type { Offer } from "../../state/ollamaForm";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";
import { Row } from "../../ui/Page";
import { Select } from "../../ui/Select";
import styles from "./Settings.module.css";

type OfferRowProps = {
  offer: Offer;
  settings: OllamaSettings;
  onChange: (change: SettingsChange) => void;
};

/** One setting of Ollama: its own choice, one of a few, or a value of one's own. */
export function OfferRow({ offer, settings, onChange }: OfferRowProps) {
  const id = useId();
  const [wantsOwn, setWantsOwn] = useState(false);
  const value = offer.get(settings);
  const own = wantsOwn || (value !== null && !offer.offered.includes(value));
  return (
    <div>
      <Row
        title={<label htmlFor={id}>{offer.title}</label>}
        detailId={`${id}-detail`}
        detail={<Explained text={offer.detail} variable={offer.variable} />}
      >
        <Select
          id={id}
          aria-describedby={`${id}-detail`}
          data-testid={`ollama-${offer.key}`}
          value={own ? "own" : (value ?? "none")}
          onChange={({ target }) => {
            setWantsOwn(target.value === "own");
            if (target.value === "own") return;
            const next = target.value === "none" ? null : target.value;
            onChange((now) => offer.set(now, next));
          }}
        >
          <option value="none">{offer.none}</option>
          {offer.offered.map((each) => (
            <option key={each} value={each}>
              {offer.words(each)}
            </option>
          ))}
          {offer.own && <option value="own">Own value</option>}
        </Select>
      </Row>
      {own && offer.own && (
        <OwnValue
          key={value}
          offer={offer}
          own={offer.own}
          value={value}
          onUse={(next) => onChange((now) => offer.set(now, next))}
        />
      )}
    </div>
  );
}

/** What a setting is for, and what Ollama calls it. */
export function Explained({ text, variable }: { text: string; variable: string }) {
  return (
    <>
      {text} <code className={styles.variable}>{variable}</code>
    </>
  );
}

type OwnValueProps = {
  offer: Offer;
  own: NonNullable<Offer["own"]>;
  value: string | null;
  onUse: (value: string) => void;
};

function OwnValue({ offer, own, value, onUse }: OwnValueProps) {
  const [text, setText] = useState(value ?? "");
  const read = offer.read(text);
  const useless = read === undefined || read === value;
  return (
    <form
      className={`${styles.portForm} ${styles.inset}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (read !== undefined && !useless) onUse(read);
      }}
    >
      <Field
        label={own.label}
        hint={own.hint}
        error={text.trim() !== "" && read === undefined ? own.wrong : undefined}
      >
        {(input) => (
          <input
            {...input}
            autoComplete="off"
            data-testid={`ollama-${offer.key}-own`}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" disabled={useless} data-testid={`ollama-${offer.key}-use`}>
        Use this<span className="unseen"> for {offer.title}</span>
      </Button>
    </form>
  );
}
