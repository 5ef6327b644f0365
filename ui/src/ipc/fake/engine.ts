import type { AllowedAnswer } from "../bindings/AllowedAnswer";
import type { DraftValue } from "../bindings/DraftValue";
import type { LogLine } from "../bindings/LogLine";
import type { LogSource } from "../bindings/LogSource";
import type { Mode } from "../bindings/Mode";
import type { PanelEvent } from "../bindings/PanelEvent";
import type { Preset } from "../bindings/Preset";
import type { QuestionAnswer } from "../bindings/QuestionAnswer";
import type { QuestionView } from "../bindings/QuestionView";
import type { ServerDraft } from "../bindings/ServerDraft";
import type { ServerView } from "../bindings/ServerView";
import type { Snapshot } from "../bindings/Snapshot";
import type { TokenPlacement } from "../bindings/TokenPlacement";
import type { TransportView } from "../bindings/TransportView";
import { backendsOf } from "./backends";
import { FakeCalls } from "./calls";
import { FakeHeld } from "./held";
import { FakeOllama } from "./ollama";
import { ollamaOf, playOf } from "./ollamaStates";
import { lastsOf, makeQuestion } from "./questions";
import { FakeRecord } from "./record";
import { Refusal } from "./refusal";
import { madeRecord, makeServer, type Scene, snapshotOf } from "./scenes";
import { FakeSecrets, missingSecret } from "./secrets";
import { makeTool } from "./tools";

/** How long the fake's servers take to start and stop, in milliseconds. */
const START_MS = 1_400;
const STOP_MS = 400;

/** The state behind the fake host. It moves as the engine does, with made-up servers. */
export class FakeEngine {
  snapshot: Snapshot;
  readonly record: FakeRecord;
  token: string | null = null;
  readonly calls = new FakeCalls(this);
  readonly held = new FakeHeld();
  readonly secrets: FakeSecrets;
  readonly ollama: FakeOllama;
  /** How often the window with the questions was asked for. */
  questionsShown = 0;
  /** How often the page with Ollama's download was asked for. */
  downloadsOpened = 0;
  #listeners = new Set<(event: PanelEvent) => void>();
  #logs = new Map<string, LogLine[]>();
  #watched: string | undefined;
  #removed = new Map<string, { server: ServerView; at: number }>();
  readonly drafts = new Map<string, ServerDraft>();

  constructor(scene: Scene, play = new URLSearchParams()) {
    this.snapshot = {
      ...snapshotOf(scene),
      ollama: ollamaOf(playOf(scene, play.get("ollama"))),
      backends: backendsOf(play.get("backends")),
    };
    this.record = new FakeRecord(...madeRecord(scene));
    this.secrets = new FakeSecrets(scene);
    this.ollama = new FakeOllama(this, play);
    if (this.snapshot.clients.some(({ name }) => name === "vscode")) this.token = makeToken();
    for (const server of this.snapshot.servers) this.#firstLog(server);
    for (const question of this.snapshot.questions) this.#expire(question);
  }

  listen(listener: (event: PanelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: PanelEvent) {
    for (const listener of this.#listeners) listener(event);
  }

  change(next: Partial<Snapshot>) {
    this.snapshot = { ...this.snapshot, ...next, revision: this.snapshot.revision + 1 };
    this.tell({ event: "snapshotChanged", payload: this.snapshot });
  }

  note(entry: Parameters<FakeRecord["add"]>[0]) {
    const server = this.snapshot.servers.find(({ name }) => name === entry.server);
    const added = this.record.add(entry, server?.record);
    this.tell({ event: "activityRecorded" });
    return added;
  }

  setting(note: string, server: string | null = null, subject: string | null = null) {
    this.note({ kind: "settingChanged", note, server, subject });
  }

  server(name: string): ServerView {
    const found = this.snapshot.servers.find((server) => server.name === name);
    if (!found) throw new Refusal("other", `There is no server “${name}” any more.`);
    return found;
  }

  changeServer(name: string, next: Partial<ServerView>) {
    this.change({
      servers: this.snapshot.servers.map((server) =>
        server.name === name ? { ...server, ...next } : server,
      ),
    });
  }

  setPreset(name: string, preset: Preset, allowed: readonly string[]) {
    const { tools } = this.server(name);
    const mode: Mode = preset === "read" ? "ask" : preset;
    this.changeServer(name, {
      preset,
      tools: tools.map((each) => {
        if (allowed.includes(each.name)) return { ...each, mode: "allow", modeSource: "tool" };
        return each.modeSource === "preset" ? { ...each, mode } : each;
      }),
    });
    this.setting(`Tools of ${name} without a mode of their own were set anew.`, name);
  }

  setMode(name: string, mode: Mode, tool?: string) {
    const { tools } = this.server(name);
    this.changeServer(name, {
      tools: tools.map((each) =>
        tool === undefined || each.name === tool ? { ...each, mode, modeSource: "tool" } : each,
      ),
    });
    const words = { off: "Off", ask: "Ask", "ask-every-time": "Ask every time", allow: "Allow" };
    const word = words[mode];
    this.setting(
      tool ? `${tool} of ${name} was set to ${word}.` : `All tools of ${name} were set to ${word}.`,
      name,
      tool ?? null,
    );
  }

  /** Puts a question to the person, as a call to a tool set to Ask would. */
  ask(rest: Partial<QuestionView> = {}): number {
    const { questions } = this.snapshot;
    const question = makeQuestion(Math.max(20, ...questions.map(({ id }) => id)) + 1, rest);
    this.change({ questions: [...questions, question] });
    this.#expire(question);
    return question.id;
  }

  /** Questions go: the app left, the time ran out, or they were answered. */
  withdraw(ids: readonly number[]) {
    const questions = this.snapshot.questions.filter(({ id }) => !ids.includes(id));
    if (questions.length < this.snapshot.questions.length) this.change({ questions });
  }

  #expire({ id, expiresAt }: QuestionView) {
    setTimeout(() => this.withdraw([id]), expiresAt - Date.now());
  }

  answer(ids: readonly number[], answer: QuestionAnswer) {
    const answered = this.snapshot.questions.filter(({ id }) => ids.includes(id));
    if (answered.length === 0) {
      throw new Refusal("other", "This question does not wait any more, so nothing was answered.");
    }
    const denied = answer === "deny" || answer === "denyAndSwitchOff";
    const lasts = lastsOf(answer);
    let { allowedAnswers } = this.snapshot;
    for (const { id, client, server, tool } of answered) {
      const same = (each: AllowedAnswer) =>
        each.client === client && each.server === server && each.tool === tool;
      if (lasts && !allowedAnswers.some((each) => same(each) && each.lasts === lasts)) {
        const times = { givenAt: Date.now(), lastUsed: Date.now(), used: 1 };
        allowedAnswers = [...allowedAnswers, { id, client, server, tool, lasts, ...times }];
      }
      this.note({
        kind: "toolCall",
        client,
        server,
        subject: tool,
        decision: denied ? "refused" : "allowed",
        reason: "person",
        outcome: denied ? "refused" : "succeeded",
        note: denied ? "You denied this call." : null,
      });
      if (
        answer === "denyAndSwitchOff" &&
        this.snapshot.servers.some(({ name }) => name === server)
      ) {
        this.setMode(server, "off", tool);
      }
    }
    this.change({ allowedAnswers });
    this.withdraw(ids);
  }

  start(name: string) {
    this.changeServer(name, { state: { kind: "starting", since: Date.now() }, problem: null });
    this.#log(name, "drawbridge", "Starting.");
    setTimeout(() => {
      const server = this.snapshot.servers.find((each) => each.name === name);
      if (server?.state.kind !== "starting") return;
      const { transport } = server;
      const lacks = this.secrets.lackedBy(name, this.drafts.get(name));
      if (lacks !== undefined) {
        this.changeServer(name, { state: { kind: "failed" }, problem: missingSecret(lacks) });
        return;
      }
      if (
        transport.kind === "local" &&
        /^(missing|nowhere)|browser-mcp/.test([transport.command, ...transport.args].join(" "))
      ) {
        this.changeServer(name, {
          state: { kind: "failed" },
          problem: {
            message: `The command “${transport.command}” was not found. Install it, or change the command of this server.`,
            detail: "PATH: /usr/local/bin:/usr/bin:/bin",
          },
        });
        this.note({
          kind: "serverCrashed",
          server: name,
          outcome: "failed",
          note: "The command was not found.",
        });
        return;
      }
      const tools = server.tools.length
        ? server.tools
        : ["search", "fetch", "summarise"].map((tool, n) =>
            makeTool(
              name,
              tool,
              `What “${tool}” of ${name} does.`,
              {
                readOnly: n < 2 ? true : null,
                destructive: null,
                idempotent: null,
                openWorld: null,
              },
              90 + n * 20,
              server.preset === "allow" ? "allow" : server.preset === "off" ? "off" : "ask",
            ),
          );
      this.changeServer(name, { state: { kind: "ready", since: Date.now() }, tools });
      this.#log(name, "drawbridge", `Answering, with ${tools.length} tools.`);
      this.note({ kind: "serverStarted", server: name });
    }, START_MS);
  }

  stop(name: string, then?: () => void) {
    this.changeServer(name, { state: { kind: "stopping" } });
    this.#log(name, "drawbridge", "Stopping.");
    setTimeout(() => {
      const server = this.snapshot.servers.find((each) => each.name === name);
      if (server?.state.kind !== "stopping") return;
      this.changeServer(name, { state: { kind: "stopped" } });
      this.note({ kind: "serverStopped", server: name });
      then?.();
    }, STOP_MS);
  }

  checkName(name: string, replaces: string | null) {
    if (!name.trim()) throw new Refusal("invalidInput", "A server needs a name.");
    if (/[/\\?#%]/.test(name)) {
      throw new Refusal("invalidInput", "A name cannot hold / \\ ? # or %.");
    }
    const taken = this.snapshot.servers.some((each) => each.name === name && name !== replaces);
    if (taken) {
      throw new Refusal(
        "nameTaken",
        `There is a server named “${name}” already. Choose another name.`,
      );
    }
  }

  add(draft: ServerDraft, keepOff: boolean) {
    this.drafts.set(draft.name, draft);
    const preset = keepOff ? "off" : "allow";
    const server = makeServer(draft.name, shown(draft), { preset, state: { kind: "stopped" } });
    this.change({ servers: [...this.snapshot.servers, server] });
    this.setting(`The server ${draft.name} was added.`, draft.name);
    this.start(draft.name);
  }

  edit(name: string, draft: ServerDraft) {
    this.drafts.delete(name);
    this.drafts.set(draft.name, draft);
    this.changeServer(name, { name: draft.name, transport: shown(draft) });
    this.setting(`The server ${draft.name} was changed.`, draft.name);
    if (this.server(draft.name).enabled) this.start(draft.name);
  }

  draft(name: string): ServerDraft {
    const known = this.drafts.get(name);
    const hide = (values: DraftValue[]) => values.map((each) => ({ ...each, value: null }));
    if (known) {
      const { transport } = known;
      return transport.kind === "local"
        ? { name, transport: { ...transport, env: hide(transport.env) } }
        : { name, transport: { ...transport, headers: hide(transport.headers) } };
    }
    const { transport } = this.server(name);
    const unknown = (names: string[]) => names.map((each) => ({ name: each, value: null }));
    if (transport.kind === "local") {
      const { command, args, cwd, envNames } = transport;
      return { name, transport: { kind: "local", command, args, cwd, env: unknown(envNames) } };
    }
    if (transport.kind === "remote") {
      const { url, headerNames } = transport;
      return { name, transport: { kind: "remote", url, headers: unknown(headerNames) } };
    }
    throw new Refusal("other", "This server is part of Drawbridge and cannot be changed.");
  }

  remove(name: string): string {
    const server = this.server(name);
    const undo = `undo-${name}-${this.snapshot.revision}`;
    this.#removed.set(undo, { server, at: this.snapshot.servers.indexOf(server) });
    this.change({ servers: this.snapshot.servers.filter((each) => each !== server) });
    this.setting(`The server ${name} was removed.`, name);
    return undo;
  }

  restore(undo: string) {
    const removed = this.#removed.get(undo);
    if (!removed)
      throw new Refusal("other", "This cannot be undone any more. Add the server again.");
    this.#removed.delete(undo);
    const servers = [...this.snapshot.servers];
    servers.splice(removed.at, 0, { ...removed.server, state: { kind: "stopped" } });
    this.change({ servers });
    this.setting(`The server ${removed.server.name} was put back.`, removed.server.name);
    if (removed.server.enabled) this.start(removed.server.name);
  }

  ensureVscode(_placement: TokenPlacement) {
    if (this.snapshot.clients.some(({ name }) => name === "vscode")) return;
    this.token = makeToken();
    const vscode = {
      name: "vscode",
      sessions: 0,
      lastSeen: null,
      paused: null,
      mayManageModels: false,
    };
    const clients = [...this.snapshot.clients, vscode];
    this.change({ clients: clients.sort((a, b) => a.name.localeCompare(b.name)) });
    this.setting("The app vscode may connect.");
  }

  renewToken() {
    this.token = makeToken();
    this.change({
      clients: this.snapshot.clients.map((client) =>
        client.name === "vscode" ? { ...client, sessions: 0 } : client,
      ),
    });
    this.setting("The app vscode got a new token.");
  }

  watchLog(name: string, watch: boolean): LogLine[] {
    this.server(name);
    this.#watched = watch ? name : undefined;
    return this.#logs.get(name) ?? [];
  }

  stopLog() {
    this.#watched = undefined;
  }

  #log(name: string, source: LogSource, text: string) {
    const lines = this.#logs.get(name) ?? [];
    const line: LogLine = { seq: (lines.at(-1)?.seq ?? 0) + 1, at: Date.now(), source, text };
    this.#logs.set(name, [...lines, line].slice(-2_000));
    if (this.#watched === name) this.tell({ event: "logAppended", payload: [line] });
  }

  /** Writes a log line of the server, as the server would. */
  say(name: string, text: string) {
    this.#log(name, "stderr", text);
  }

  #firstLog(server: ServerView) {
    const since = Date.now() - 52 * 60_000;
    const texts: [LogSource, string][] = [["drawbridge", "Starting."]];
    if (server.state.kind === "ready" && server.transport.kind === "local") {
      texts.push(["stderr", `${server.name} server running on stdio`]);
      texts.push(["stdout", "Debugger listening (this line is not part of the conversation)"]);
    }
    if (server.problem) {
      for (const line of server.problem.detail.split("\n")) texts.push(["stderr", line]);
      texts.push(["drawbridge", server.problem.message]);
    } else texts.push(["drawbridge", `Answering, with ${server.tools.length} tools.`]);
    if (server.name === "files" || server.name === "service-01") {
      for (let n = 0; n < (server.name === "files" ? 60 : 1_990); n += 1) {
        texts.push(["stderr", `read ${12 + ((n * 71) % 900)} bytes from trips/day-${n + 1}.md`]);
      }
    }
    this.#logs.set(
      server.name,
      texts.map(([source, text], n) => ({ seq: n + 1, at: since + n * 740, source, text })),
    );
  }

  /** A call as an app would make it. */
  call(client: string, name: string, tool: string, ms?: number) {
    this.calls.make(client, name, tool, ms);
  }
}

function shown({ transport }: ServerDraft): TransportView {
  if (transport.kind === "remote") {
    const { url, headers } = transport;
    return { kind: "remote", url, headerNames: headers.map(({ name }) => name) };
  }
  const { command, args, cwd, env } = transport;
  return { kind: "local", command, args, cwd, envNames: env.map(({ name }) => name) };
}

function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `db_${btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")}`;
}
