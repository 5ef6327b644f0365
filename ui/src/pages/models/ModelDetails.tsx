import { type ReactNode, useState } from "react";
import type { CacheType } from "../../ipc/bindings/CacheType";
import type { InstalledModel } from "../../ipc/bindings/InstalledModel";
import type { ModelFit } from "../../ipc/bindings/ModelFit";
import { contextChoices } from "../../state/modelList";
import {
  CACHE_WORDS,
  confidenceWords,
  formatContext,
  formatMemory,
  verdictWord,
} from "../../state/modelWords";
import { usePanel, useSnapshot } from "../../state/panel";
import { useQuery } from "../../state/query";
import { formatCount, formatExact, plural } from "../../state/words";
import { Field } from "../../ui/Field";
import { Foreign } from "../../ui/Foreign";
import { Pill } from "../../ui/Pill";
import { ProblemNote } from "../../ui/Problem";
import { Select } from "../../ui/Select";
import styles from "./Details.module.css";

/** The technical words, and what another limit would mean. */
export function ModelDetails({ model }: { model: InstalledModel }) {
  const { fit, size, modifiedAt, parameters, quantization, capabilities } = model;
  return (
    <div className={styles.details} data-testid="model-details">
      {fit && <Terms fit={fit} />}
      <dl className={styles.facts}>
        <Fact name="On disk">{exactly(size)}</Fact>
        {parameters && <Fact name="Parameters">{parameters}</Fact>}
        {quantization && <Fact name="Quantization">{quantization}</Fact>}
        {capabilities.length > 0 && <Fact name="Capabilities">{capabilities.join(", ")}</Fact>}
        {fit?.trainedContext && (
          <Fact name="Trained for">{plural(fit.trainedContext, "token")}</Fact>
        )}
        {modifiedAt !== null && <Fact name="Changed">{formatExact(modifiedAt)}</Fact>}
      </dl>
      {fit && <TryFit name={model.name} fit={fit} />}
    </div>
  );
}

const exactly = (bytes: number) => `${formatMemory(bytes)} (${plural(bytes, "byte")})`;

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{typeof children === "string" ? <Foreign text={children} /> : children}</dd>
    </div>
  );
}

/** What the need is made of. */
export function Terms({ fit }: { fit: ModelFit }) {
  if (fit.terms.length === 0) return <p>{confidenceWords(fit.confidence)}</p>;
  return (
    <div className={styles.terms}>
      <p>
        With a conversation of {formatContext(fit.context)}. {confidenceWords(fit.confidence)}
      </p>
      <table>
        <caption className="unseen">What the memory is needed for</caption>
        <tbody>
          {fit.terms.map(({ name, bytes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{formatMemory(bytes)}</td>
              <td className={styles.bytes}>{formatCount(bytes)} bytes</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const CACHES: CacheType[] = ["f16", "q8_0", "q4_0"];

/** How it would fit with another conversation limit, kept more or less exactly. Nothing is set. */
export function TryFit({ name, fit }: { name: string; fit: ModelFit }) {
  const { host } = usePanel();
  const { settings } = useSnapshot().ollama;
  const [context, setContext] = useState(fit.context);
  const [cache, setCache] = useState<CacheType>(settings.cacheType ?? "f16");
  const tried = useQuery(`fit ${name} ${context} ${cache}`, () =>
    host.call("model_fit", { model: name, context, cache }),
  );
  return (
    <div className={styles.try}>
      <h3>Try another limit</h3>
      <div className={styles.tryFields}>
        <Field label="Conversation limit">
          {({ className: _, ...input }) => (
            <Select
              {...input}
              wide
              data-testid="try-context"
              value={context}
              onChange={({ target }) => setContext(Number(target.value))}
            >
              {contextChoices(fit.context, fit.trainedContext).map((each) => (
                <option key={each} value={each}>
                  {formatContext(each)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Conversation memory">
          {({ className: _, ...input }) => (
            <Select
              {...input}
              wide
              data-testid="try-cache"
              value={cache}
              onChange={({ target }) => setCache(target.value as CacheType)}
            >
              {CACHES.map((each) => (
                <option key={each} value={each}>
                  {CACHE_WORDS[each]} ({each})
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <div role="status" className={styles.tried} data-testid="tried">
        {tried.kind === "failed" && <ProblemNote problem={tried.error.problem} />}
        {tried.kind === "ready" && <Verdict fit={tried.value} />}
      </div>
    </div>
  );
}

function Verdict({ fit }: { fit: ModelFit }) {
  const { tone, word, icon } = verdictWord(fit.verdict);
  return (
    <p>
      <Pill tone={tone} icon={icon}>
        {word}
      </Pill>{" "}
      {fit.first} {fit.numbers}
    </p>
  );
}
