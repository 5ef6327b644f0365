import type { CommandError } from "../bindings/CommandError";
import type { Commands } from "../bindings/commands";
import type { CommandName, Host } from "../host";
import { backendHandlers } from "./backends";
import { FakeEngine } from "./engine";
import { lookHandlers } from "./looks";
import { modelHandlers } from "./modelWork";
import { recordHandlers } from "./recordWork";
import { Refusal } from "./refusal";
import { SCENES, type Scene } from "./scenes";
import { previewStart, readSnippet, SnippetProblem } from "./snippet";
import { INPUT_SCHEMA } from "./tools";
import { difference, setup } from "./vscode";

export type Handlers = {
  [K in CommandName]: (
    args: Commands[K]["args"],
  ) => Commands[K]["result"] | Promise<Commands[K]["result"]>;
};

const DELAY_MS = 30;
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * A host in the browser: development, tests, screenshots. The address selects what it plays:
 * `?scene=` one of [`SCENES`], `?fail=pause,…` the commands that fail (`all` for each that
 * changes something), `?live=1` an app that calls tools, `?delay=` milliseconds a command takes,
 * `?chooses=nothing` a person who closes the dialog for a file, `?ollama=` one of
 * [`OLLAMA_PLAYS`](./ollamaStates.ts), `?models=`, `?pulls=`, `?computer=` and `?backends=` what
 * `modelData.ts`, `pulls.ts`, `hardware.ts` and `backends.ts` say.
 */
export function fakeHost(params: URLSearchParams): Host {
  const asked = params.get("scene");
  const scene: Scene = SCENES.find((each) => each === asked) ?? "full";
  const engine = new FakeEngine(scene, params);
  const failing = new Set((params.get("fail") ?? "").split(",").filter(Boolean));
  const delay = Number(params.get("delay") ?? DELAY_MS);
  const handlers = handle(engine, scene);
  if (params.has("live")) {
    setInterval(() => engine.call("vscode", "files", "read_file"), 4_000);
  }
  Object.assign(globalThis, { drawbridgeFake: Object.assign(engine, { failing }) });
  return {
    async call(name, ...args) {
      if (scene === "loading") return new Promise<never>(() => {});
      await wait(delay);
      if (scene === "broken" || failing.has(name) || (failing.has("all") && changes(name))) {
        throw failure("other", "The config file could not be written, so nothing was changed.", {
          detail:
            "write /home/me/.config/drawbridge/config.json: read-only file system (os error 30)",
        });
      }
      try {
        return await handlers[name](args[0] as never);
      } catch (thrown) {
        if (thrown instanceof Refusal) throw failure(thrown.code, thrown.message, thrown);
        if (thrown instanceof SnippetProblem) throw failure("invalidInput", thrown.message);
        throw thrown;
      }
    },
    on: (listener) => engine.listen(listener),
  };
}

function failure(
  code: CommandError["code"],
  message: string,
  { detail }: { detail: string } = { detail: "" },
): CommandError {
  return { code, problem: { message, detail } };
}

const changes = (name: CommandName) =>
  !/^(snapshot|tool_d|start_review|secrets$|server_log|stop_log|ollama_log|stop_ollama_log|models$|model_fit|computer$|stop_computer|open_ollama|activity_|away$|looked_|record_state|check_|cancel_record|server_draft|preview_|read_|has_tray|start_at_login)/.test(
    name,
  );

function handle(engine: FakeEngine, scene: Scene): Handlers {
  let startAtLogin = false;
  let written = false;
  const clipboard = (text: string) => navigator.clipboard?.writeText(text).catch(() => {});
  const done = (_effect?: unknown) => null;
  return {
    snapshot: () => engine.snapshot,
    set_tool_mode: ({ server, tool, mode }) => done(void engine.setMode(server, mode, tool)),
    set_all_tools: ({ server, mode }) => done(void engine.setMode(server, mode)),
    set_preset: ({ server, preset, allowed }) => {
      engine.setPreset(server, preset, allowed);
      return null;
    },
    set_server_enabled: ({ server, enabled }) => {
      engine.changeServer(server, { enabled });
      engine.setting(`The server ${server} was switched ${enabled ? "on" : "off"}.`, server);
      if (enabled) engine.start(server);
      else engine.stop(server);
      return null;
    },
    start_server: ({ server }) => done(void engine.start(server)),
    stop_server: ({ server }) => done(void engine.stop(server)),
    restart_server: ({ server }) => done(void engine.stop(server, () => engine.start(server))),
    ...lookHandlers(engine, scene),
    ...recordHandlers(engine, scene),
    ...modelHandlers(engine),
    ...backendHandlers(engine),
    answer_questions: ({ questions, answer }) => done(void engine.answer(questions, answer)),
    deny_all_questions: () =>
      done(
        void engine.answer(
          engine.snapshot.questions.map(({ id }) => id),
          "deny",
        ),
      ),
    take_back_answers: ({ answers }) => {
      engine.change({
        allowedAnswers: engine.snapshot.allowedAnswers.filter(({ id }) => !answers.includes(id)),
      });
      const note = answers.length === 1 ? "An answer was taken back." : "Answers were taken back.";
      engine.note({ kind: "answerTakenBack", note });
      return null;
    },
    show_questions: () => {
      engine.questionsShown += 1;
      return null;
    },
    tool_detail: ({ server, tool }) => {
      const found = engine.server(server).tools.find((each) => each.name === tool);
      if (!found) throw new Refusal("other", "The server does not offer this tool any more.");
      return { tool: found, inputSchema: INPUT_SCHEMA, outputSchema: null };
    },
    read_snippet: ({ text }) => readSnippet(text),
    preview_start: ({ draft, replaces }) => {
      try {
        engine.checkName(draft.name, replaces);
      } catch (thrown) {
        if (!(thrown instanceof Refusal) || thrown.code !== "nameTaken") throw thrown;
        return { ...previewStart(draft), problem: { message: thrown.message, detail: "" } };
      }
      return previewStart(draft);
    },
    add_server: ({ draft, firstModes }) => {
      engine.checkName(draft.name, null);
      return done(void engine.add(draft, firstModes === "keepOff"));
    },
    server_draft: ({ server }) => engine.draft(server),
    edit_server: ({ server, draft }) => {
      engine.checkName(draft.name, server);
      return done(void engine.edit(server, draft));
    },
    remove_server: ({ server }) => ({ name: server, undo: engine.remove(server) }),
    restore_server: ({ undo }) => done(void engine.restore(undo)),
    server_log: ({ server, watch }) => engine.watchLog(server, watch),
    stop_log: () => done(void engine.stopLog()),
    vscode_setup: ({ placement }) => {
      engine.ensureVscode(placement);
      return setup(engine.snapshot.gateway.address, placement, engine.token);
    },
    renew_vscode_token: () => done(void engine.renewToken()),
    preview_vscode_file: ({ folder, placement }) => {
      engine.ensureVscode(placement);
      return {
        id: `change-${engine.snapshot.revision}`,
        path: `${folder}/.vscode/mcp.json`,
        exists: true,
        lines: difference(engine.snapshot.gateway.address, placement, true),
      };
    },
    write_vscode_file: () => {
      if (new URLSearchParams(location.search).has("changed") && !written) {
        written = true;
        throw new Refusal(
          "fileChanged",
          "The file was changed by another program since the difference was shown.",
        );
      }
      const path = "/home/me/recipes/.vscode/mcp.json";
      return { path, backup: `${path}.2026-08-14T09-12-30.bak`, undo: "undo-file" };
    },
    undo_vscode_file: done,
    remove_client: ({ client }) => {
      engine.change({ clients: engine.snapshot.clients.filter(({ name }) => name !== client) });
      engine.setting(`The app ${client} was removed.`);
      return null;
    },
    retry_gateway: async () => {
      await wait(500);
      throw new Refusal("other", "Port 7337 is still taken by node (process 4711).");
    },
    move_gateway: ({ port }) => {
      if (port < 1024 || port > 65_535) {
        throw new Refusal("invalidInput", "A port is a number from 1024 to 65535.");
      }
      engine.change({
        gateway: { address: `http://127.0.0.1:${port}`, port, state: { kind: "listening" } },
      });
      engine.setting(`The address moved to port ${port}.`);
      return null;
    },
    copy_text: async ({ text }) => done(await clipboard(text)),
    copy_vscode_setup: async ({ placement }) => {
      engine.ensureVscode(placement);
      return done(
        await clipboard(setup(engine.snapshot.gateway.address, placement, engine.token).content),
      );
    },
    open_vscode_install: () => done(void engine.ensureVscode("prompt")),
    choose_folder: () => "/home/me/recipes",
    open_config_file: done,
    open_log_folder: done,
    start_at_login: () => startAtLogin,
    set_start_at_login: ({ enabled }) => {
      startAtLogin = enabled;
      return null;
    },
    has_tray: () => scene !== "no-tray",
    quit: () => {
      engine.change({ gateway: { ...engine.snapshot.gateway, state: { kind: "draining" } } });
      return null;
    },
  };
}
