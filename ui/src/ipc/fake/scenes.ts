import type { ClientView } from "../bindings/ClientView";
import type { RecordRule } from "../bindings/RecordRule";
import type { ServerView } from "../bindings/ServerView";
import type { Snapshot } from "../bindings/Snapshot";
import type { TransportView } from "../bindings/TransportView";
import { held, heldMild } from "./held";
import { ollamaOf, playOf } from "./ollamaStates";
import { questionWithSecret, someAnswers, someQuestions } from "./questions";
import { missingSecret, someBlocked } from "./secrets";
import { computerTools, filesTools, gitTools, manyTools, weatherTools } from "./tools";

export const SCENES = [
  "full",
  "first-start",
  "empty",
  "trouble",
  "port-in-use",
  "config-error",
  "record-trouble",
  "record-broken",
  "record-less",
  "away",
  "many",
  "paused",
  "paused-before",
  "pauses",
  "held",
  "held-mild",
  "start-waits",
  "start-new",
  "blocked",
  "secrets",
  "keyring-locked",
  "keyring-missing",
  "no-tray",
  "questions",
  "question-secret",
  "answers",
  "loading",
  "broken",
] as const;
export type Scene = (typeof SCENES)[number];

const MINUTE = 60_000;

export function makeServer(
  name: string,
  transport: TransportView,
  rest: Partial<ServerView> = {},
): ServerView {
  return {
    name,
    transport,
    enabled: true,
    state: { kind: "ready", since: Date.now() - 52 * MINUTE },
    problem: null,
    restarts: 0,
    preset: "ask",
    isolation: "shared",
    secrets: "mark",
    record: "content",
    paused: null,
    startWaits: false,
    identity: null,
    tools: [],
    prompts: 0,
    resources: 0,
    ...rest,
  };
}

const identity = (name: string, title: string | null, version: string) => ({
  name,
  title,
  version,
  protocol: "2025-11-25",
});

export function computer(): ServerView {
  return makeServer(
    "computer",
    { kind: "builtIn" },
    {
      preset: "allow",
      tools: computerTools(),
      identity: identity("drawbridge-computer", "This computer", "0.1.0"),
    },
  );
}

function files(): ServerView {
  return makeServer(
    "files",
    {
      kind: "local",
      command: "npx",
      args: ["-y", "@modelcontextprotocol/server-filesystem", "/home/me/My notes"],
      envNames: [],
      cwd: null,
    },
    {
      tools: filesTools(),
      resources: 2,
      identity: identity("secure-filesystem-server", null, "0.6.2"),
    },
  );
}

function git(): ServerView {
  return makeServer(
    "git",
    {
      kind: "local",
      command: "uvx",
      args: ["mcp-server-git", "--repository", "/home/me/recipes"],
      envNames: ["GIT_AUTHOR_NAME"],
      cwd: "/home/me/recipes",
    },
    { tools: gitTools(), prompts: 1, restarts: 1, identity: identity("mcp-git", "Git", "1.9.0") },
  );
}

function weather(): ServerView {
  return makeServer(
    "weather",
    { kind: "remote", url: "https://weather.example.org/mcp", headerNames: ["Authorization"] },
    { tools: weatherTools(), identity: identity("weather", "Weather", "3.1.0") },
  );
}

function failed(): ServerView {
  return makeServer(
    "browser",
    { kind: "local", command: "npx", args: ["-y", "browser-mcp"], envNames: [], cwd: null },
    {
      state: { kind: "failed" },
      restarts: 6,
      problem: {
        message:
          "The server “browser” ended six times in a row, so it is not tried again. Its last words are below.",
        detail:
          "Error: Cannot find module 'playwright'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)\n    at Module._load (node:internal/modules/cjs/loader:1051:27)\nexit code 1",
      },
    },
  );
}

function waiting(): ServerView {
  return makeServer(
    "calendar",
    { kind: "local", command: "missing-program", args: ["--stdio"], envNames: [], cwd: null },
    {
      state: { kind: "waiting", retryAt: Date.now() + 16_000, attempt: 5 },
      restarts: 4,
      problem: {
        message:
          "The command “missing-program” was not found. Install it, or change the command of this server.",
        detail: "PATH: /usr/local/bin:/usr/bin:/bin",
      },
    },
  );
}

/** Its program was changed in the config file. */
function unagreed(): ServerView {
  return {
    ...git(),
    transport: {
      kind: "local",
      command: "uvx",
      args: ["mcp-server-git", "--repository", "/home/me"],
      envNames: ["GIT_AUTHOR_NAME", "GIT_SSH_COMMAND"],
      cwd: "/home/me",
    },
    state: { kind: "stopped" },
    startWaits: true,
    tools: [],
  };
}

function lacking(): ServerView {
  return makeServer(
    "notes",
    {
      kind: "local",
      command: "npx",
      args: ["-y", "@scope/notes-mcp"],
      envNames: ["API_KEY"],
      cwd: null,
    },
    { state: { kind: "failed" }, problem: missingSecret("notes-API_KEY") },
  );
}

function withPauses(full: Snapshot): Snapshot {
  const now = Date.now();
  const files = { since: now - 2 * MINUTE, until: now + 13 * MINUTE, fromBefore: false };
  const vscode = { since: now - 20 * 60 * MINUTE, until: null, fromBefore: true };
  return {
    ...full,
    servers: full.servers.map((each) =>
      each.name === "files" ? { ...each, paused: files } : each,
    ),
    clients: full.clients.map((each) =>
      each.name === "vscode" ? { ...each, paused: vscode } : each,
    ),
  };
}

function clients(): ClientView[] {
  const rest = { paused: null, mayManageModels: false };
  return [
    { name: "chat", sessions: 0, lastSeen: Date.now() - 3 * 60 * MINUTE, ...rest },
    { name: "vscode", sessions: 2, lastSeen: Date.now() - MINUTE, ...rest },
  ];
}

function manyServers(): ServerView[] {
  const names = Array.from({ length: 19 }, (_, n) => `service-${String(n + 1).padStart(2, "0")}`);
  return names.map((name, n) =>
    makeServer(
      name,
      { kind: "local", command: "npx", args: ["-y", `${name}-mcp`], envNames: [], cwd: null },
      { tools: manyTools(name, n === 18 ? 98 : 50) },
    ),
  );
}

export function snapshotOf(scene: Scene): Snapshot {
  const full: Snapshot = {
    revision: 1,
    version: "0.1.0",
    gateway: {
      address: "http://127.0.0.1:7337",
      port: 7337,
      state: { kind: "listening" },
    },
    paused: null,
    servers: [computer(), files(), git(), weather()],
    clients: clients(),
    config: { path: "/home/me/.config/drawbridge/config.json", problem: null, warnings: [] },
    recordProblem: null,
    questions: [],
    allowedAnswers: [],
    blocked: [],
    ollama: ollamaOf(playOf(scene, null)),
    backends: [],
  };
  switch (scene) {
    case "first-start":
      return { ...full, servers: [computer()], clients: [] };
    case "empty":
      return { ...full, servers: [], clients: [] };
    case "trouble":
      return { ...full, servers: [...full.servers, failed(), waiting()] };
    case "port-in-use":
      return {
        ...full,
        gateway: {
          ...full.gateway,
          state: {
            kind: "portInUse",
            holder: "node (process 4711)",
            problem: {
              message:
                "Port 7337 is taken by node (process 4711), so apps cannot connect. End that program and retry, or use another port.",
              detail: "bind 127.0.0.1:7337: address already in use (os error 98)",
            },
          },
        },
      };
    case "config-error":
      return {
        ...full,
        config: {
          ...full.config,
          problem: {
            path: full.config.path,
            line: 14,
            key: "mcpServers.files.args",
            message: "Expected a list of texts, found a number.",
          },
          warnings: ["mcpServers.git.autoApprove is not known here. It is kept as it is."],
        },
      };
    case "record-trouble":
      return {
        ...full,
        recordProblem: {
          message:
            "Calls cannot be put on record because the disk is full, so no call is let through. Free some space, and calls go on by themselves.",
          detail:
            "database or disk is full (code 13): /home/me/.local/share/drawbridge/drawbridge.db",
        },
      };
    case "record-less":
      return { ...full, servers: full.servers.map((each) => ({ ...each, record: "shapes" })) };
    case "many":
      return { ...full, servers: [computer(), ...manyServers()] };
    case "paused":
      return {
        ...full,
        paused: { since: Date.now() - 4 * MINUTE, until: null, fromBefore: false },
      };
    case "paused-before":
      return {
        ...full,
        paused: { since: Date.now() - 26 * 60 * MINUTE, until: null, fromBefore: true },
      };
    case "pauses":
      return withPauses(full);
    case "held":
      return { ...full, servers: full.servers.map(held) };
    case "held-mild":
      return { ...full, servers: full.servers.map(heldMild) };
    case "start-waits":
    case "start-new":
      return {
        ...full,
        servers: [...full.servers.filter(({ name }) => name !== "git"), unagreed()],
      };
    case "blocked":
      return { ...full, blocked: someBlocked() };
    case "secrets":
    case "keyring-locked":
    case "keyring-missing":
      return { ...full, servers: [...full.servers, lacking()] };
    case "question-secret":
      return { ...full, questions: [questionWithSecret()] };
    case "questions":
      return { ...full, questions: someQuestions() };
    case "answers":
      return { ...full, allowedAnswers: someAnswers() };
    default:
      return full;
  }
}

/** How long the record is, how much of it the person has not looked at, and what is kept of it. */
export function madeRecord(scene: Scene): [made: number, unseen: number, rule: RecordRule] {
  const rule = scene === "record-less" ? "shapes" : "content";
  if (scene === "many") return [1_000_000, 0, rule];
  if (scene === "first-start" || scene === "empty") return [0, 0, rule];
  return [260, scene === "away" ? 140 : 0, rule];
}
