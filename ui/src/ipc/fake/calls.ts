import type { ActivityReason } from "../bindings/ActivityReason";
import type { PauseScope } from "../bindings/PauseScope";
import type { PauseView } from "../bindings/PauseView";
import type { FakeEngine } from "./engine";

const CALL_MS = 640;

type Refused = { words: string; reason: ActivityReason };

type UnderWay = {
  id: number;
  client: string;
  server: string;
  timer: ReturnType<typeof setTimeout>;
};

/** Calls as apps make them, and what pauses them. */
export class FakeCalls {
  readonly #engine: FakeEngine;
  #underWay: UnderWay[] = [];
  #ends = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(engine: FakeEngine) {
    this.#engine = engine;
  }

  /** A call, decided by pause, switch, mode and what is held back, and put on record. */
  make(client: string, server: string, tool: string, ms = CALL_MS) {
    const engine = this.#engine;
    const base = { kind: "toolCall" as const, client, server, subject: tool };
    const refusal = this.#refusal(client, server, tool);
    if (refusal) {
      const { words, reason } = refusal;
      const note = `Drawbridge refused this: ${words}`;
      engine.note({ ...base, decision: "refused", reason, outcome: "refused", note });
      return;
    }
    const mode = engine.server(server).tools.find(({ name }) => name === tool)?.mode;
    const remembered = engine.snapshot.allowedAnswers.some(
      (each) => each.client === client && each.server === server && each.tool === tool,
    );
    const everyTime = mode === "ask-every-time";
    if (everyTime || (mode === "ask" && !remembered)) {
      engine.ask({ client, server, tool, everyTime });
      return;
    }
    const reason = mode === "ask" ? "rememberedAnswer" : "mode";
    const { id } = engine.note({ ...base, decision: "allowed", reason, outcome: null });
    const timer = setTimeout(() => {
      this.#underWay = this.#underWay.filter((each) => each.id !== id);
      engine.record.finish(id, "succeeded", ms);
      engine.say(server, `${tool} answered`);
      engine.tell({ event: "activityRecorded" });
    }, ms);
    this.#underWay.push({ id, client, server, timer });
  }

  #refusal(client: string, name: string, tool: string): Refused | undefined {
    const { snapshot } = this.#engine;
    const server = snapshot.servers.find((each) => each.name === name);
    const found = server?.tools.find((each) => each.name === tool);
    if (snapshot.paused) {
      const words = "all tools are paused. They can be resumed from the tray or the panel.";
      return { words, reason: "pause" };
    }
    if (server?.paused) {
      return { words: `${name} is paused. It can be resumed in the panel.`, reason: "pause" };
    }
    if (snapshot.clients.some((each) => each.name === client && each.paused)) {
      return { words: `${client} is paused. It can be resumed in the panel.`, reason: "pause" };
    }
    if (!server?.enabled) {
      const words = `the server ${name} is off. It can be switched on in the panel under Tools.`;
      return { words, reason: "mode" };
    }
    if (!found || found.mode === "off") {
      const words = `${tool} of ${name} is off. It can be switched on in the panel under Tools.`;
      return { words, reason: "mode" };
    }
    if (!found.held) return undefined;
    const words = `${tool} of ${name} is new or changed, and nobody has looked at it yet.`;
    return { words, reason: "pin" };
  }

  #covered(scope: PauseScope): UnderWay[] {
    return this.#underWay.filter(({ client, server }) => {
      if (scope.kind === "server") return scope.server === server;
      return scope.kind === "all" || scope.client === client;
    });
  }

  pause(scope: PauseScope, minutes: number | null): number {
    const since = Date.now();
    const until = minutes === null ? null : since + minutes * 60_000;
    this.#set(scope, { since, until, fromBefore: false });
    if (until !== null) {
      this.#ends.set(
        JSON.stringify(scope),
        setTimeout(() => this.resume(scope), until - since),
      );
    }
    this.#engine.setting(`${nameOf(scope)} paused.`);
    return this.#covered(scope).length;
  }

  resume(scope: PauseScope) {
    this.#set(scope, null);
    this.#engine.setting(`${nameOf(scope)} resumed.`);
  }

  cancel(scope: PauseScope): number {
    const covered = this.#covered(scope);
    for (const { id, timer } of covered) {
      clearTimeout(timer);
      this.#engine.record.finish(id, "cancelled", 0, "You stopped this call.");
    }
    this.#underWay = this.#underWay.filter((each) => !covered.includes(each));
    this.#engine.tell({ event: "activityRecorded" });
    return covered.length;
  }

  #set(scope: PauseScope, paused: PauseView | null) {
    const engine = this.#engine;
    clearTimeout(this.#ends.get(JSON.stringify(scope)));
    if (scope.kind === "all") engine.change({ paused });
    else if (scope.kind === "server") engine.changeServer(scope.server, { paused });
    else {
      engine.change({
        clients: engine.snapshot.clients.map((each) =>
          each.name === scope.client ? { ...each, paused } : each,
        ),
      });
    }
  }
}

function nameOf(scope: PauseScope): string {
  if (scope.kind === "all") return "All tools were";
  return scope.kind === "server" ? `The server ${scope.server} was` : `The app ${scope.client} was`;
}
