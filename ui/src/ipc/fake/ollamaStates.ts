import type { OllamaSettings } from "../bindings/OllamaSettings";
import type { OllamaView } from "../bindings/OllamaView";
import type { Problem } from "../bindings/Problem";
import type { Scene } from "./scenes";

const MINUTE = 60_000;

/** What `?ollama=` plays. */
export const OLLAMA_PLAYS = [
  "off",
  "looking",
  "not-installed",
  "stopped",
  "starting",
  "ready",
  "service",
  "app",
  "other",
  "waiting",
  "stopping",
  "failed",
  "offline",
  "port-taken",
  "not-responding",
  "restart",
  "notice",
] as const;
export type OllamaPlay = (typeof OLLAMA_PLAYS)[number];

export const SETTINGS: OllamaSettings = {
  enabled: true,
  port: null,
  start: true,
  path: null,
  modelsFolder: null,
  keepAlive: null,
  contextLength: 16_384,
  parallel: null,
  flashAttention: null,
  cacheType: null,
  gpus: null,
  cloud: false,
  defaultModel: null,
};

const problem = (message: string, detail = ""): Problem => ({ message, detail });

const LAST_WORDS =
  'time=2026-08-14T09:12:31.402Z level=ERROR msg="cannot create the models folder"\nError: mkdir /mnt/models: permission denied\nexit code 1';

/** Ollama as the scene has it, where the address does not say. */
export function playOf(scene: Scene, asked: string | null): OllamaPlay {
  const known = OLLAMA_PLAYS.find((each) => each === asked);
  return known ?? (scene === "first-start" || scene === "empty" ? "off" : "ready");
}

export function ollamaOf(play: OllamaPlay): OllamaView {
  const none: OllamaView = {
    state: { kind: "stopped" },
    problem: null,
    notice: null,
    version: null,
    runBy: null,
    address: "http://127.0.0.1:11434",
    program: "/usr/local/bin/ollama",
    modelsFolder: "/home/me/.ollama/models",
    settings: SETTINGS,
    restartNeeded: false,
    loaded: [],
    memoryFree: null,
  };
  const ready: OllamaView = {
    ...none,
    state: { kind: "ready", since: Date.now() - 52 * MINUTE },
    version: "0.31.2",
    runBy: "drawbridge",
  };
  switch (play) {
    case "ready":
      return ready;
    case "service":
    case "app":
    case "other":
      return { ...ready, runBy: play };
    case "restart":
      return { ...ready, restartNeeded: true };
    case "notice":
      return {
        ...ready,
        runBy: "app",
        notice:
          "The Ollama app was started and runs Ollama now. Settings made here count once Drawbridge runs it again.",
      };
    case "off":
      return { ...none, state: { kind: "off" }, settings: { ...SETTINGS, enabled: false } };
    case "looking":
      return { ...none, state: { kind: "looking" } };
    case "not-installed":
      return {
        ...none,
        state: { kind: "notInstalled" },
        program: null,
        modelsFolder: null,
      };
    case "stopped":
      return { ...none, settings: { ...SETTINGS, start: false } };
    case "starting":
      return {
        ...none,
        state: { kind: "starting", since: Date.now() - 2_000 },
        runBy: "drawbridge",
      };
    case "stopping":
      return { ...ready, state: { kind: "stopping" } };
    case "waiting":
      return {
        ...none,
        state: { kind: "waiting", retryAt: Date.now() + 16_000, attempt: 3 },
        problem: problem(
          "Ollama ended as it was started. Its models folder cannot be written to: choose another one in the settings.",
          LAST_WORDS,
        ),
      };
    case "failed":
      return {
        ...none,
        state: { kind: "failed" },
        problem: problem(
          "Ollama ended six times in a row, so it is not tried again. Its last words are below.",
          LAST_WORDS,
        ),
      };
    case "offline":
      return {
        ...none,
        state: { kind: "offline" },
      };
    case "port-taken":
      return {
        ...none,
        state: { kind: "portTaken", holder: "node (process 4711)" },
        problem: problem(
          "Port 11434 is taken by node (process 4711), which is not Ollama. End that program, or use another port for Ollama.",
          "GET http://127.0.0.1:11434/api/version: 404 Not Found",
        ),
      };
    case "not-responding":
      return {
        ...ready,
        state: { kind: "notResponding", since: Date.now() - 3 * MINUTE },
      };
  }
}
