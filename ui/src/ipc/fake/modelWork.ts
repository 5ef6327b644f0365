import { askBackends } from "./backends";
import type { FakeEngine } from "./engine";
import type { Handlers } from "./index";

type Names =
  | "set_client_manages_models"
  | "set_ollama"
  | "start_ollama"
  | "stop_ollama"
  | "restart_ollama"
  | "look_for_ollama"
  | "ollama_log"
  | "stop_ollama_log"
  | "models"
  | "model_fit"
  | "pull_model"
  | "pause_pull"
  | "resume_pull"
  | "cancel_pull"
  | "delete_model"
  | "load_model"
  | "unload_model"
  | "unload_all_models"
  | "computer"
  | "stop_computer"
  | "open_ollama_download";

/** Ollama, models, downloads and the computer. */
export function modelHandlers(engine: FakeEngine): Pick<Handlers, Names> {
  const { ollama } = engine;
  const done = (_effect?: unknown) => null;
  return {
    set_client_manages_models: ({ client, may }) => {
      engine.change({
        clients: engine.snapshot.clients.map((each) =>
          each.name === client ? { ...each, mayManageModels: may } : each,
        ),
      });
      return done(engine.setting(`The app ${client} may ${may ? "" : "not "}change models.`));
    },
    set_ollama: ({ settings }) => done(ollama.set(settings)),
    start_ollama: () => done(ollama.start()),
    stop_ollama: () => done(ollama.stop()),
    restart_ollama: () => done(ollama.stop(() => ollama.start())),
    look_for_ollama: async () => {
      await ollama.look();
      return done(askBackends(engine, () => true));
    },
    ollama_log: ({ watch }) => ollama.log(watch),
    stop_ollama_log: () => done(ollama.stopLog()),
    models: () => ollama.models(),
    model_fit: ({ model, context, cache }) => ollama.fit(model, context, cache),
    pull_model: ({ model }) => done(ollama.pulls.start(model)),
    pause_pull: ({ model }) => done(ollama.pulls.pause(model)),
    resume_pull: ({ model }) => done(ollama.pulls.resume(model)),
    cancel_pull: ({ model }) => done(ollama.pulls.cancel(model)),
    delete_model: ({ model }) => done(ollama.delete(model)),
    load_model: async ({ model }) => done(await ollama.load(model)),
    unload_model: ({ model }) => done(ollama.unload(model)),
    unload_all_models: () => ollama.unloadAll(),
    computer: ({ watch }) => ollama.computer(watch),
    stop_computer: () => done(ollama.stopComputer()),
    open_ollama_download: () => {
      engine.downloadsOpened += 1;
      return null;
    },
  };
}
