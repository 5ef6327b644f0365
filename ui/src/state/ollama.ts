import type { OllamaRunBy } from "../ipc/bindings/OllamaRunBy";
import type { OllamaView } from "../ipc/bindings/OllamaView";
import type { ServerWord } from "./health";
import { formatMemory } from "./modelWords";
import { formatClock, plural } from "./words";

/** The state in a word, with its tone. */
export function ollamaWord({ state }: OllamaView): ServerWord {
  switch (state.kind) {
    case "off":
      return { tone: "still", word: "Off" };
    case "looking":
      return { tone: "moving", word: "Looking" };
    case "notInstalled":
      return { tone: "still", word: "Not installed" };
    case "stopped":
      return { tone: "still", word: "Stopped" };
    case "starting":
      return { tone: "moving", word: "Starting" };
    case "ready":
      return { tone: "open", word: "Running" };
    case "waiting":
      return { tone: "trouble", word: "Trying again" };
    case "stopping":
      return { tone: "moving", word: "Stopping" };
    case "failed":
      return { tone: "trouble", word: "Failed" };
    case "offline":
      return { tone: "trouble", word: "Not there" };
    case "portTaken":
      return { tone: "trouble", word: "Port taken" };
    case "notResponding":
      return { tone: "trouble", word: "Not responding" };
  }
}

export const RUN_BY_WORDS: Record<OllamaRunBy, string> = {
  drawbridge: "Runs with Drawbridge",
  service: "Run by the system's service",
  app: "Run by the Ollama app",
  other: "Run by another program",
};

/** Who runs it now, as the beginning of a sentence. */
export const RUNNER_WORDS: Record<OllamaRunBy, string> = {
  drawbridge: "Drawbridge",
  service: "The system's service",
  app: "The Ollama app",
  other: "Another program",
};

/** What helps where it runs and does not answer. */
const HUNG_WORDS: Record<OllamaRunBy, string> = {
  drawbridge: "A restart usually helps.",
  service: "Restart its service, or this computer.",
  app: "Quit the Ollama app and open it again.",
  other: "End it and start it again.",
};

/** What another look found, where it found what was known. */
export function stillWords({ state, settings }: OllamaView): string {
  switch (state.kind) {
    case "notInstalled":
      return settings.path === null ? "still not found" : "the program is still not found";
    case "portTaken":
      return "another program is still at Ollama's address";
    case "offline":
      return "Ollama still does not run";
    case "notResponding":
      return "Ollama still does not answer";
    case "ready":
      return "Ollama runs as before";
    default:
      return "nothing has changed";
  }
}

/** The state in a sentence. `now` counts for those that wait. */
export function ollamaSentence(ollama: OllamaView, now: number): string {
  const { state, runBy, version } = ollama;
  const runs = runBy === null ? "It runs" : RUN_BY_WORDS[runBy];
  switch (state.kind) {
    case "off":
      return "Drawbridge leaves Ollama alone, and passes no model on to apps.";
    case "looking":
      return "Looking for Ollama on this computer.";
    case "notInstalled":
      return ollama.settings.path === null
        ? "Ollama runs models on this computer. It is free, and has a page of its own."
        : "The program that was set for it was not found.";
    case "stopped":
      return "It is installed, and does not run now.";
    case "starting": {
      const seconds = Math.round((now - state.since) / 1000);
      return seconds < 10 ? "It answers in a moment." : `Starting for ${seconds} s.`;
    }
    case "ready":
      return version === null ? `${runs}.` : `${runs}. Version ${version}.`;
    case "waiting": {
      const seconds = Math.ceil((state.retryAt - now) / 1000);
      const again = seconds > 0 ? `Tried again in ${seconds} s.` : "Tried again now.";
      return `Failed ${plural(state.attempt, "time")} in a row. ${again}`;
    }
    case "stopping":
      return "It ends what it is doing.";
    case "failed":
      return "Given up until you start it again.";
    case "offline":
      return "It ran, and does not any more.";
    case "portTaken":
      return "Another program is at Ollama's address.";
    case "notResponding":
      return `${runs}, and has not answered since ${formatClock(state.since)}. ${HUNG_WORDS[runBy ?? "other"]}`;
  }
}

/** Whether the settings show where its program is without being asked. */
export const asksForProgram = ({ state }: OllamaView): boolean =>
  state.kind === "notInstalled" || state.kind === "failed";

/** What is wrong with the program that is set, as it stands beside its field. */
export function programProblem({
  state,
  settings,
  program,
  problem,
}: OllamaView): string | undefined {
  if (state.kind === "notInstalled" && settings.path !== null) {
    return "No program that can be started was found there.";
  }
  const named = settings.path ?? program;
  const about = state.kind === "failed" && named !== null && problem?.message.includes(named);
  return about ? problem?.message : undefined;
}

/** Whether the sentence counts seconds. */
export const ollamaCounts = ({ state }: OllamaView): boolean =>
  state.kind === "starting" || state.kind === "waiting";

/** What can be done about a state; the first is the one to do. */
export type OllamaAction =
  | "use"
  | "get"
  | "look"
  | "start"
  | "tryNow"
  | "restart"
  | "stop"
  | "port";

export function ollamaActions({ state, runBy }: OllamaView): OllamaAction[] {
  const own = runBy === "drawbridge";
  switch (state.kind) {
    case "off":
      return ["use"];
    case "notInstalled":
      return ["get", "look"];
    case "stopped":
    case "failed":
      return ["start"];
    case "waiting":
      return ["tryNow"];
    case "ready":
      return own ? ["restart", "stop"] : [];
    case "offline":
      return ["look", "start"];
    case "portTaken":
      return ["port", "look"];
    case "notResponding":
      return own ? ["restart"] : ["look"];
    case "looking":
    case "starting":
    case "stopping":
      return [];
  }
}

/** Whether there is a log: only of the Ollama that Drawbridge starts. */
export const hasLog = ({ state, runBy }: OllamaView): boolean =>
  runBy === "drawbridge" || state.kind === "waiting" || state.kind === "failed";

export const canDownload = ({ state }: OllamaView): boolean => state.kind === "ready";

export type HomeLine = { tone: "still" | "trouble"; text: string };

/** What the home page says of it. Nothing where it is off, or not wanted, or about to answer. */
export function homeLine(ollama: OllamaView): HomeLine | undefined {
  const { state, loaded, memoryFree } = ollama;
  switch (state.kind) {
    case "ready": {
      const [first] = loaded;
      const free =
        memoryFree === null
          ? ""
          : ` ${formatMemory(memoryFree, "down")} are free${first ? " for more" : ""}.`;
      if (!first) return { tone: "still", text: `Ollama runs. No model is in memory.${free}` };
      const who =
        loaded.length === 1
          ? `${first.name} is in memory.`
          : `${loaded.length} models are in memory.`;
      return { tone: "still", text: `Ollama runs. ${who}${free}` };
    }
    case "waiting":
    case "failed":
      return { tone: "trouble", text: "Ollama could not be started." };
    case "offline":
      return { tone: "trouble", text: "Ollama does not run any more." };
    case "portTaken":
      return { tone: "trouble", text: "Another program is at Ollama's address." };
    case "notResponding":
      return { tone: "trouble", text: "Ollama runs and does not answer." };
    default:
      return undefined;
  }
}
