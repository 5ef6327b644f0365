import type { CacheType } from "../ipc/bindings/CacheType";
import type { DiskView } from "../ipc/bindings/DiskView";
import type { FitConfidence } from "../ipc/bindings/FitConfidence";
import type { FitVerdict } from "../ipc/bindings/FitVerdict";
import type { InstalledModel } from "../ipc/bindings/InstalledModel";
import type { LoadedModel } from "../ipc/bindings/LoadedModel";
import type { ModelFit } from "../ipc/bindings/ModelFit";
import type { PullView } from "../ipc/bindings/PullView";
import type { PullWait } from "../ipc/bindings/PullWait";
import type { Tone } from "./health";
import { formatClock, formatCount, lower, plural } from "./words";

const GB = 2 ** 30;
const MB = 2 ** 20;

/** Needs are rounded up and what is free down, so that nobody is promised too much. */
export type Rounding = "up" | "down" | "near";
/** What is a hair over is not a step more. */
const HAIR = 0.001;
const ROUND = {
  up: (value: number) => Math.ceil(value - HAIR),
  down: (value: number) => Math.floor(value + HAIR),
  near: Math.round,
};

/** Memory and disks, in the unit that graphics cards are sold by. */
export function formatMemory(bytes: number, rounding: Rounding = "near"): string {
  const round = ROUND[rounding];
  if (bytes < 0.05 * GB) return `${formatCount(round(bytes / MB))} MB`;
  if (bytes >= 100 * GB) return `${formatCount(round(bytes / GB))} GB`;
  return `${(round((bytes / GB) * 10) / 10).toFixed(1)} GB`;
}

/** Tokens of a conversation: "8k", "32k". */
export function formatContext(tokens: number): string {
  if (tokens < 1024) return formatCount(tokens);
  if (tokens < MB) return `${Math.floor(tokens / 1024)}k`;
  const millions = tokens / MB;
  return `${Number.isInteger(millions) ? millions : millions.toFixed(1)}M`;
}

export function formatSpeed(bytes: number): string {
  if (bytes < MB) return `${Math.round(bytes / 1024)} kB a second`;
  return `${formatCount(Math.round(bytes / MB))} MB a second`;
}

/** How long something will take. It is never exact, so it does not look exact. */
export function timeLeft(seconds: number): string {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${plural(Math.max(1, minutes), "minute")} left`;
  const hours = seconds / 3600;
  return hours < 1.25 ? "about 1 hour left" : `about ${plural(Math.round(hours), "hour")} left`;
}

type VerdictWord = {
  tone: Tone;
  word: string;
  icon: "check" | "away" | "half" | "chip" | "close" | "question";
};

/** The verdict in a word; too large is a fact, and no trouble. */
export function verdictWord({ kind }: FitVerdict): VerdictWord {
  switch (kind) {
    case "fits":
      return { tone: "open", word: "Fits", icon: "check" };
    case "fitsAfterClosing":
      return { tone: "paused", word: "Fits when free", icon: "away" };
    case "partly":
      return { tone: "paused", word: "Fits partly", icon: "half" };
    case "processorOnly":
      return { tone: "still", word: "On the processor", icon: "chip" };
    case "tooLarge":
      return { tone: "still", word: "Too large", icon: "close" };
    case "unknown":
      return { tone: "still", word: "Can't tell yet", icon: "question" };
  }
}

/** What the bar shows, for those who hear it. */
export function barWords({ need, free, total }: ModelFit): string | undefined {
  if (need === null || total === null) return undefined;
  const of = formatMemory(total, "down");
  const has = free === null ? `${of} in all` : `${formatMemory(free, "down")} free of ${of}`;
  return `Needs ${formatMemory(need, "up")}, ${has}`;
}

/** How sure a figure is, and how far off the estimate was. */
export function confidenceWords(confidence: FitConfidence): string {
  if (confidence.kind === "estimated") return "Estimated. It is measured once it has been loaded.";
  const off = Math.abs(confidence.offBy);
  if (off < 0.5) return "Measured on this computer. The estimate was right.";
  const way = confidence.offBy > 0 ? "too high" : "too low";
  return `Measured on this computer. The estimate was ${Math.round(off)} % ${way}.`;
}

/**
 * The longest conversation that fits wholly where models run best. Nothing where the model does
 * not run, and nothing where none fits like that although it runs.
 */
export function largestWords({ largestContext, trainedContext, verdict }: ModelFit): string {
  if (largestContext === null) return "";
  const upTo = `Conversations up to ${formatContext(largestContext)}`;
  switch (verdict.kind) {
    case "unknown":
    case "tooLarge":
      return "";
    case "partly":
      return `${upTo} fit wholly on the graphics card.`;
    case "fitsAfterClosing":
      return `${upTo} fit as it is now.`;
    default: {
      const all = trainedContext !== null && largestContext >= trainedContext;
      return `${upTo} fit${all ? ", the most it knows" : ""}.`;
    }
  }
}

/** What stays free on the disk beside what is downloaded. */
const STAYS_FREE = GB;

/** That a model has no room on the disk, where that is known. */
export function roomWords(
  download: number,
  pull: PullView | undefined,
  disk: DiskView | null,
): string | undefined {
  if (disk === null) return undefined;
  const missing = Math.max(0, download - (pull?.completed ?? 0));
  if (missing === 0 || missing + STAYS_FREE <= disk.free) return undefined;
  const has = `${formatMemory(missing, "up")} to download, ${formatMemory(disk.free, "down")} free`;
  const stays = missing <= disk.free ? ", and 1 GB of it has to stay free" : "";
  return `There is not enough room on the disk: ${has}${stays}.`;
}

/** A model in memory: how much, where and until when. */
export function loadedWords(loaded: LoadedModel, now: number): string {
  const { size, sizeVram, until } = loaded;
  const share = size > 0 ? sizeVram / size : 0;
  const place =
    share >= 0.995
      ? ", all on the graphics card"
      : share > 0
        ? `, about ${Math.round(share * 100)} % on the graphics card`
        : ", in main memory";
  const stays = until === null ? "It stays there" : untilWords(until, now);
  return `Takes ${formatMemory(size, "up")}${place}. ${stays}.`;
}

const untilWords = (until: number, now: number) =>
  until <= now ? "It is taken out now" : `It stays until ${formatClock(until)} if nobody uses it`;

const ABILITIES: Record<string, string> = {
  tools: "uses tools",
  vision: "sees pictures",
  thinking: "thinks first",
  embedding: "finds texts",
  insert: "completes code",
};

/** What a model can do, beyond chatting. */
export const abilityWords = (capabilities: readonly string[]): string[] =>
  capabilities.flatMap((each) => ABILITIES[each] ?? (each === "completion" ? [] : [each]));

export const CACHE_WORDS: Record<CacheType, string> = {
  f16: "Exact",
  q8_0: "Compressed to half",
  q4_0: "Compressed to a quarter",
};

/** Size on disk and what it was trained with. */
export function sizeWords({ size, cloud }: InstalledModel): string {
  return cloud ? "Takes no room on disk" : `${formatMemory(size, "up")} on disk`;
}

/** What comes of deleting a model. Models may share parts, which stay with the others. */
export function deleteWords({ size, cloud }: InstalledModel): string {
  if (cloud) return "It stays in Ollama's cloud, and can be added again by its name.";
  const free = `Up to ${formatMemory(size, "down")} on the disk come free`;
  return `${free}: parts that other models share stay. To use it again it has to be downloaded again.`;
}

/** How much of it is here, from 0 to 1. */
export const pullShare = ({ completed, total }: PullView): number =>
  total === null || total === 0 ? 0 : Math.min(1, completed / total);

/** How a download does, in a word. */
export function pullWord({ state }: PullView): { tone: Tone; word: string } {
  switch (state.kind) {
    case "waiting":
      return { tone: "moving", word: "Waiting" };
    case "running":
      return { tone: "moving", word: "Downloading" };
    case "paused":
      return { tone: "paused", word: "Paused" };
    case "done":
      return { tone: "open", word: "Downloaded" };
    case "failed":
      return { tone: "trouble", word: "Stopped" };
  }
}

/** What a download waits for. */
function waitWords(waitsFor: PullWait | null): string {
  switch (waitsFor) {
    case "turn":
      return "Waiting for the download before it";
    case "ollama":
      return "Waiting for Ollama to run";
    case "nextTry":
      return "The connection broke; trying again in a moment";
    case null:
      return "Waiting to begin";
  }
}

/** What is here of a download. Below a gigabyte both numbers have the same unit. */
function pullAmount(completed: number, total: number | null): string {
  if (total === null) return completed > 0 ? formatMemory(completed, "down") : "";
  if (total >= GB) return `${formatMemory(completed, "down")} of ${formatMemory(total, "up")}`;
  const [here, all] = [ROUND.down(completed / MB), ROUND.up(total / MB)];
  return `${formatCount(here)} MB of ${formatCount(all)} MB`;
}

/** How a download does, in words that change with each moment. */
export function pullWords(pull: PullView): string {
  const { state, completed, total, speed, secondsLeft } = pull;
  const amount = pullAmount(completed, total);
  switch (state.kind) {
    case "waiting":
      return `${waitWords(pull.waitsFor)}${completed > 0 ? `, ${amount} here` : ""}`;
    case "running": {
      if (total !== null && completed >= total) return "Checking what was downloaded";
      const rest = [
        amount,
        speed !== null && formatSpeed(speed),
        secondsLeft !== null && timeLeft(secondsLeft),
      ];
      return rest.filter(Boolean).join(", ") || "Beginning";
    }
    case "paused":
      return `Paused${amount ? `, ${amount} here` : ""}`;
    case "done":
      return "Downloaded";
    case "failed":
      return `Stopped${amount ? `, ${amount} here` : ""}`;
  }
}

/** The same for those who hear it: it changes at each quarter and at each turn, not each moment. */
export function pullAnnouncement(pull: PullView): string {
  const { name, state } = pull;
  const quarter = Math.floor(pullShare(pull) * 4) * 25;
  switch (state.kind) {
    case "waiting":
      return `The download of ${name}: ${lower(waitWords(pull.waitsFor))}.`;
    case "running":
      return quarter > 0 && quarter < 100
        ? `Downloading ${name}: ${quarter} percent.`
        : `Downloading ${name}.`;
    case "paused":
      return `The download of ${name} is paused.`;
    case "done":
      return `${name} is downloaded.`;
    case "failed":
      return `The download of ${name} stopped. ${state.problem.message}`;
  }
}
