import type { CacheType } from "../bindings/CacheType";
import type { FitAction } from "../bindings/FitAction";
import type { FitConfidence } from "../bindings/FitConfidence";
import type { FitVerdict } from "../bindings/FitVerdict";
import type { ModelFit } from "../bindings/ModelFit";

export const GB = 2 ** 30;
const MB = 2 ** 20;
/** What a driver takes, and what is left free. */
const RESERVE = 1.45 * GB;
const CACHE: Record<CacheType, number> = { f16: 1, q8_0: 0.53, q4_0: 0.28 };

/** What the size of a model in memory follows from. */
export type Shape = {
  weights: number;
  /** Bytes a token of conversation takes when it is kept exactly. */
  token: number;
  trained: number;
};

/** The memory models can get. */
export type Pool = {
  /** Whether there is a graphics card. */
  card: boolean;
  free: number;
  total: number;
  /** Main memory that is free, for what does not fit on the card. */
  memory: number;
};

export type FitAsk = {
  shape: Shape | undefined;
  pool: Pool;
  context: number;
  cache: CacheType;
  /** Another model in memory, and what it holds. */
  other?: { name: string; size: number } | undefined;
  /** A smaller one that fits. */
  smaller?: string | undefined;
  confidence?: FitConfidence | undefined;
};

const up = (bytes: number) => `${(Math.ceil((bytes / GB) * 10) / 10).toFixed(1)} GB`;
const down = (bytes: number) => `${(Math.floor((bytes / GB) * 10) / 10).toFixed(1)} GB`;
const thousands = (tokens: number) => `${Math.round(tokens / 1024)}k`;

function needOf(shape: Shape, context: number, cache: CacheType) {
  const conversation = Math.min(context, shape.trained) * shape.token * CACHE[cache];
  const work = (context > 32_768 ? 900 : context > 4_096 ? 330 : 150) * MB;
  const terms = [
    { name: "Weights", bytes: shape.weights },
    { name: "KV cache", bytes: Math.round(conversation) },
    { name: "Compute buffer", bytes: work },
    { name: "Driver and margin", bytes: Math.round(RESERVE) },
  ];
  return { terms, need: terms.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Follows the engine's rules roughly: enough to meet each verdict. */
export function fitOf(ask: FitAsk): ModelFit {
  const { shape, pool, context, cache } = ask;
  const confidence = ask.confidence ?? { kind: "estimated" };
  if (!shape) return unknownFit(context, pool);
  const { need, terms } = needOf(shape, context, cache);
  const verdict = verdictOf(need, pool);
  const largest = largestOf(shape, pool, cache);
  const about = confidence.kind === "measured" ? "" : "about ";
  return {
    verdict,
    first: sentenceOf(verdict, need, pool),
    numbers:
      verdict.kind === "tooLarge"
        ? ""
        : `Needs ${about}${up(need)}, ${down(pool.free)} free.${confidence.kind === "measured" ? " Measured on this computer." : ""}`,
    remark:
      verdict.kind === "fits" && context < 16_384
        ? `Tools need a longer conversation limit; 32k would need ${up(needOf(shape, 32_768, cache).need)}.`
        : null,
    actions: actionsOf(ask, verdict, need, largest),
    need,
    free: pool.free,
    total: pool.total,
    context,
    largestContext: largestOf(shape, pool, cache, pool.free),
    trainedContext: shape.trained,
    confidence,
    terms,
  };
}

function unknownFit(context: number, { free, total }: Pool): ModelFit {
  return {
    verdict: { kind: "unknown" },
    first: "Can't tell yet.",
    numbers: "",
    remark: null,
    actions: [{ kind: { kind: "tryIt" }, text: "Try it; we measure", effect: "" }],
    need: null,
    free,
    total,
    context,
    largestContext: null,
    trainedContext: null,
    confidence: { kind: "estimated" },
    terms: [],
  };
}

function verdictOf(need: number, pool: Pool): FitVerdict {
  if (!pool.card) return { kind: need <= pool.memory ? "processorOnly" : "tooLarge" };
  if (need <= pool.free) return { kind: "fits" };
  if (need <= pool.total * 0.95) return { kind: "fitsAfterClosing" };
  const percent = Math.round((pool.free / need) * 100);
  if (percent > 0 && need - pool.free <= pool.memory) return { kind: "partly", percent };
  return { kind: "tooLarge" };
}

function sentenceOf(verdict: FitVerdict, need: number, pool: Pool): string {
  switch (verdict.kind) {
    case "fits":
      return "Runs fully on your graphics card.";
    case "fitsAfterClosing":
      return "Fits, but the graphics card is busy now.";
    case "partly":
      return `Runs, but slower: about ${verdict.percent} % fits on the graphics card.`;
    case "processorOnly":
      return "Runs on the processor. Answers will be slow.";
    case "tooLarge":
      return `Too large for this computer: needs about ${up(need)}, about ${down((pool.card ? pool.free : 0) + pool.memory)} can be used.`;
    case "unknown":
      return "Can't tell yet.";
  }
}

function largestOf(
  shape: Shape,
  pool: Pool,
  cache: CacheType,
  onCard = pool.total * 0.95,
): number | null {
  const room = pool.card ? onCard : pool.memory;
  let largest: number | null = null;
  for (let context = 2_048; context <= shape.trained; context *= 2) {
    if (needOf(shape, context, cache).need <= room) largest = context;
  }
  return largest;
}

function actionsOf(
  { shape, context, cache, other, smaller }: FitAsk,
  verdict: FitVerdict,
  need: number,
  largest: number | null,
): FitAction[] {
  if (!shape) return [];
  const all: FitAction[] = [];
  if (verdict.kind === "fitsAfterClosing") {
    if (other) {
      all.push({
        kind: { kind: "unload", model: other.name },
        text: `Unload ${other.name}`,
        effect: `frees about ${up(other.size)}`,
      });
    }
    all.push({
      kind: { kind: "closeOthers" },
      text: "Close other programs that use the graphics card",
      effect: "",
    });
  }
  if (verdict.kind === "partly") {
    if (largest !== null && largest < context) {
      const saved = need - needOf(shape, largest, cache).need;
      all.push({
        kind: { kind: "shortenContext", context: largest },
        text: `Shorten the conversation limit from ${thousands(context)} to ${thousands(largest)}`,
        effect: `saves about ${up(saved)}`,
      });
    }
    const saved = need - needOf(shape, context, "q8_0").need;
    if (cache === "f16" && saved > 0.3 * GB) {
      all.push({
        kind: { kind: "compressCache" },
        text: "Compress the conversation memory",
        effect: `saves about ${up(saved)}`,
      });
    }
  }
  if (verdict.kind !== "fits" && verdict.kind !== "fitsAfterClosing") {
    const model = smaller ?? null;
    const text = model === null ? "Choose a smaller version" : `Look at ${model}, which fits`;
    all.push({ kind: { kind: "smallerModel", model }, text, effect: "" });
  }
  return all.slice(0, 2);
}
