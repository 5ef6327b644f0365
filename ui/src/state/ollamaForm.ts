import type { CacheType } from "../ipc/bindings/CacheType";
import type { GpuView } from "../ipc/bindings/GpuView";
import type { OllamaSettings } from "../ipc/bindings/OllamaSettings";
import type { OllamaView } from "../ipc/bindings/OllamaView";
import { CACHE_WORDS, formatContext } from "./modelWords";
import { RUNNER_WORDS } from "./ollama";
import { formatCount, plural } from "./words";

/** A setting that is one of a few or a value of one's own; `null` is Ollama's own choice. */
export type Offer = {
  key: keyof OllamaSettings;
  title: string;
  detail: string;
  variable: string;
  none: string;
  offered: readonly string[];
  words: (value: string) => string;
  own?: { label: string; hint: string; wrong: string };
  /** What is typed, as it is set; `undefined` where it cannot be. */
  read: (text: string) => string | undefined;
  get: (settings: OllamaSettings) => string | null;
  set: (settings: OllamaSettings, value: string | null) => OllamaSettings;
};

/** A whole number from `least` to `most`, also written like 32k. */
export function readWhole(text: string, least: number, most: number): string | undefined {
  const match = /^(\d{1,8})(k?)$/i.exec(text.trim());
  if (!match) return undefined;
  const number = Number(match[1]) * (match[2] ? 1024 : 1);
  return number >= least && number <= most ? String(number) : undefined;
}

const numberOf = (value: string | null) => (value === null ? null : Number(value));
const textOf = (value: number | null) => (value === null ? null : String(value));

const TIME = /^(-1|0|[1-9]\d{0,6}(s|m|h))$/;
const UNITS: Record<string, string> = { s: "second", m: "minute", h: "hour" };

export function keepWords(value: string): string {
  if (value === "-1") return "Until it is taken out";
  if (value === "0") return "Not at all";
  const match = /^(\d+)(s|m|h)$/.exec(value);
  return match ? plural(Number(match[1]), UNITS[match[2] ?? ""] ?? "") : value;
}

export const KEEP: Offer = {
  key: "keepAlive",
  title: "Keep a model in memory for",
  detail: "After its last use. The next answer is quicker while it is there.",
  variable: "OLLAMA_KEEP_ALIVE",
  none: "Ollama's choice (5 minutes)",
  offered: ["0", "5m", "30m", "2h", "-1"],
  words: keepWords,
  own: {
    label: "Time",
    hint: "Such as 90s, 45m or 8h.",
    wrong: "A time is written like 45m or 8h.",
  },
  read: (text) => {
    const time = text.trim().toLowerCase();
    return TIME.test(time) ? time : undefined;
  },
  get: ({ keepAlive }) => keepAlive,
  set: (settings, keepAlive) => ({ ...settings, keepAlive }),
};

export const CONTEXT: Offer = {
  key: "contextLength",
  title: "Conversation limit",
  detail:
    "How much a model keeps in mind at once. Longer takes more memory; tools want 16k and more.",
  variable: "OLLAMA_CONTEXT_LENGTH",
  none: "Ollama's choice, by the memory",
  offered: ["4096", "8192", "16384", "32768", "65536", "131072"],
  words: (value) => formatContext(Number(value)),
  own: {
    label: "Tokens",
    hint: "Such as 24576, or 24k.",
    wrong: "A whole number from 512 to 10,000,000, or one like 24k.",
  },
  read: (text) => readWhole(text, 512, 10_000_000),
  get: ({ contextLength }) => textOf(contextLength),
  set: (settings, value) => ({ ...settings, contextLength: numberOf(value) }),
};

export const PARALLEL: Offer = {
  key: "parallel",
  title: "Requests at once",
  detail: "How many a model answers side by side. Each takes conversation memory of its own.",
  variable: "OLLAMA_NUM_PARALLEL",
  none: "Ollama's choice",
  offered: ["1", "2", "4"],
  words: (value) => formatCount(Number(value)),
  own: { label: "Requests", hint: "From 1 to 64.", wrong: "A whole number from 1 to 64." },
  read: (text) => readWhole(text, 1, 64),
  get: ({ parallel }) => textOf(parallel),
  set: (settings, value) => ({ ...settings, parallel: numberOf(value) }),
};

export const FLASH: Offer = {
  key: "flashAttention",
  title: "Quicker computing that needs less memory",
  detail: "Called flash attention. Leave it to Ollama unless a model misbehaves with it.",
  variable: "OLLAMA_FLASH_ATTENTION",
  none: "Ollama's choice",
  offered: ["true", "false"],
  words: (value) => (value === "true" ? "On" : "Off"),
  read: () => undefined,
  get: ({ flashAttention }) => (flashAttention === null ? null : String(flashAttention)),
  set: (settings, value) => ({
    ...settings,
    flashAttention: value === null ? null : value === "true",
  }),
};

export const CACHE: Offer = {
  key: "cacheType",
  title: "How exactly a conversation is kept",
  detail:
    "Compressed takes less memory, and answers may suffer a little. It needs quicker computing.",
  variable: "OLLAMA_KV_CACHE_TYPE",
  none: "Ollama's choice (exact)",
  offered: ["f16", "q8_0", "q4_0"],
  words: (value) => `${CACHE_WORDS[value as CacheType]} (${value})`,
  read: () => undefined,
  get: ({ cacheType }) => cacheType,
  set: (settings, value) => ({ ...settings, cacheType: value as CacheType | null }),
};

export const PORT: Offer = {
  key: "port",
  title: "Port",
  detail: "Where Ollama is looked for and started. Other apps expect it at 11434.",
  variable: "OLLAMA_HOST",
  none: "11434",
  offered: [],
  words: (value) => value,
  own: {
    label: "Port",
    hint: "From 1024 to 65535.",
    wrong: "A port is a number from 1024 to 65535.",
  },
  read: (text) => readWhole(text.replace(/k$/i, "!"), 1024, 65_535),
  get: ({ port }) => textOf(port),
  set: (settings, value) => ({ ...settings, port: numberOf(value) }),
};

/** Compressed memory is refused where quicker computing is off. */
export const clash = ({ flashAttention, cacheType }: OllamaSettings): boolean =>
  flashAttention === false && cacheType !== null && cacheType !== "f16";

/** Whose settings count, where they are not these. */
export function notOursWords({ runBy }: OllamaView): string | undefined {
  if (runBy === null || runBy === "drawbridge") return undefined;
  return `${RUNNER_WORDS[runBy]} runs Ollama now, with settings of its own. What is set here counts once Drawbridge starts it.`;
}

export type GpuChoice = {
  words: string;
  /** The ids that can be ticked. */
  choosable: string[];
  /** Cards that Ollama uses or leaves as it sees fit. */
  byItself: GpuView[];
};

/**
 * What can be chosen about graphics cards. One that is set and is not there any more, or cannot be
 * chosen, can still be unticked.
 */
export function gpuChoice(chosen: readonly string[] | null, cards: readonly GpuView[]): GpuChoice {
  const known = cards.filter(({ choosable }) => choosable).map(({ id }) => id);
  const left = (chosen ?? []).filter((id) => !known.includes(id));
  const choosable = [...known, ...left];
  const byItself = cards.filter(({ id }) => !choosable.includes(id));
  const words =
    choosable.length > 0
      ? "Without any of them models run on the processor."
      : byItself.length > 0
        ? "There is nothing to choose here."
        : "No graphics card was found on this computer.";
  return { words, choosable, byItself };
}

/** The other cards that stay, after one was ticked or unticked. All of them is no list at all. */
export function toggleGpu(
  chosen: readonly string[] | null,
  all: readonly string[],
  id: string,
): string[] | null {
  const before = chosen ?? all;
  const after = all.filter((each) => (each === id ? !before.includes(id) : before.includes(each)));
  return after.length === all.length ? null : after;
}
