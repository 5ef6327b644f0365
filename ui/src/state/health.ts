import type { BlockedView } from "../ipc/bindings/BlockedView";
import type { Problem } from "../ipc/bindings/Problem";
import type { ServerView } from "../ipc/bindings/ServerView";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import type { ToolView } from "../ipc/bindings/ToolView";
import { waitingTools } from "./held";
import { plural } from "./words";

/** A state is told by shape, word and colour together. */
export type Tone = "open" | "paused" | "trouble" | "still" | "moving";

/** One thing that needs the person. */
export type Trouble =
  | { kind: "port"; problem: Problem }
  | { kind: "gateway"; problem: Problem }
  | { kind: "record"; problem: Problem }
  | { kind: "config"; problem: Problem; place: string }
  | { kind: "server"; problem: Problem; server: ServerView };

/** All that needs the person, what stops everything first. */
export function troubles(snapshot: Snapshot): Trouble[] {
  const found: Trouble[] = [];
  const { state } = snapshot.gateway;
  if (state.kind === "portInUse") found.push({ kind: "port", problem: state.problem });
  if (state.kind === "failed") found.push({ kind: "gateway", problem: state.problem });
  if (snapshot.recordProblem) found.push({ kind: "record", problem: snapshot.recordProblem });
  const { problem } = snapshot.config;
  if (problem) {
    const line = problem.line === null ? "" : `:${problem.line}`;
    const key = problem.key ? `  ${problem.key}` : "";
    found.push({
      kind: "config",
      problem: { message: problem.message, detail: "" },
      place: `${problem.path}${line}${key}`,
    });
  }
  for (const server of snapshot.servers) {
    if (server.enabled && inTrouble(server)) {
      const fallback = { message: `${server.name} does not answer.`, detail: "" };
      found.push({ kind: "server", problem: server.problem ?? fallback, server });
    }
  }
  return found;
}

/** A server whose start waits for the person is no trouble: it is looked at, not mended. */
const inTrouble = ({ state, problem, startWaits }: ServerView) =>
  !startWaits && (state.kind === "failed" || state.kind === "waiting" || problem !== null);

/** What waits for the person to look at it. */
export type Look =
  | { kind: "start"; server: ServerView }
  | { kind: "held"; server: ServerView; tools: ToolView[] }
  | { kind: "blocked"; blocked: BlockedView };

export function looks(snapshot: Snapshot): Look[] {
  const on = snapshot.servers.filter(({ enabled }) => enabled);
  return [
    ...on
      .filter(({ startWaits }) => startWaits)
      .map((server) => ({ kind: "start", server }) as const),
    ...on
      .map((server) => ({ kind: "held", server, tools: waitingTools(server) }) as const)
      .filter(({ tools }) => tools.length > 0),
    ...snapshot.blocked.map((blocked) => ({ kind: "blocked", blocked }) as const),
  ];
}

/** How many things need the person: what was let through already does not. */
export const needsYou = (snapshot: Snapshot): number =>
  troubles(snapshot).length +
  snapshot.questions.length +
  looks(snapshot).filter((look) => look.kind !== "blocked" || !look.blocked.letThrough).length;

export type Health = {
  /** How the bridge is drawn; the sign is trouble, or what waits for the person. */
  up: boolean;
  sign: boolean;
  word: string;
  tone: Tone;
};

export function health(snapshot: Snapshot): Health {
  const trouble = troubles(snapshot).length > 0;
  const sign = needsYou(snapshot) > 0;
  const { kind } = snapshot.gateway.state;
  if (kind === "starting") return { up: true, sign, word: "Starting", tone: "moving" };
  if (kind === "draining") return { up: true, sign, word: "Quitting", tone: "moving" };
  if (snapshot.paused) return { up: true, sign, word: "Paused", tone: "paused" };
  if (trouble) return { up: stopsAll(snapshot), sign, word: "Needs a look", tone: "trouble" };
  return { up: false, sign, word: "Open", tone: "open" };
}

/** Whether no call can cross, whatever the switches say. */
export function stopsAll(snapshot: Snapshot): boolean {
  return snapshot.gateway.state.kind !== "listening" || snapshot.recordProblem !== null;
}

export type ServerWord = { tone: Tone; word: string };

export function serverWord(server: ServerView): ServerWord {
  if (!server.enabled && server.state.kind === "stopped") return { tone: "still", word: "Off" };
  if (server.startWaits) return { tone: "paused", word: "Waits for you" };
  switch (server.state.kind) {
    case "ready":
      if (server.paused) return { tone: "paused", word: "Paused" };
      return { tone: "open", word: "Running" };
    case "starting":
      return { tone: "moving", word: "Starting" };
    case "stopping":
      return { tone: "moving", word: "Stopping" };
    case "waiting":
      return { tone: "trouble", word: "Trying again" };
    case "failed":
      return { tone: "trouble", word: "Failed" };
    case "stopped":
      return { tone: "still", word: "Stopped" };
  }
}

/** How much of what is offered may be used. */
export function allowedWords(servers: readonly ServerView[]): string {
  const on = servers.filter(({ enabled }) => enabled);
  const tools = servers.flatMap((server) => server.tools);
  const allowed = on
    .flatMap((server) => server.tools)
    .filter(({ mode, held }) => mode === "allow" && held === null);
  if (tools.length === 0) return "No tools yet";
  return `${allowed.length} of ${plural(tools.length, "tool")} allowed`;
}

/** What the listed tools of a server cost an app in each request. */
export const tokensOf = (server: ServerView): number =>
  server.tools.reduce((sum, { mode, tokens }) => (mode === "off" ? sum : sum + tokens), 0);
