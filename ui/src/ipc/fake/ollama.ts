import type { CacheType } from "../bindings/CacheType";
import type { ComputerView } from "../bindings/ComputerView";
import type { LoadedModel } from "../bindings/LoadedModel";
import type { LogLine } from "../bindings/LogLine";
import type { ModelFit } from "../bindings/ModelFit";
import type { ModelsView } from "../bindings/ModelsView";
import type { OllamaSettings } from "../bindings/OllamaSettings";
import type { OllamaView } from "../bindings/OllamaView";
import type { FakeEngine } from "./engine";
import { fitOf, GB, type Shape } from "./fits";
import { computerOf, moved, poolOf } from "./hardware";
import { CATALOG_DATE, fromOffered, type Known, knownModels, OFFERED, unlisted } from "./modelData";
import { FakePulls } from "./pulls";
import { Refusal } from "./refusal";

const START_MS = 1_200;
const MEASURE_MS = 300;
/** How long a load takes; one that is cancelled ends sooner. */
const LOAD_MS = 2_000;
const MINUTE = 60_000;

/** Ollama, its models and the computer under them. */
export class FakeOllama {
  readonly #engine: FakeEngine;
  readonly pulls: FakePulls;
  readonly #failing: boolean;
  readonly #finds: boolean;
  #known: Known[];
  #computer: ComputerView;
  #loading = new Set<string>();
  #measured = new Set(["qwen3:8b"]);
  #watch: ReturnType<typeof setInterval> | undefined;
  #log: LogLine[] = [];
  #logWatched = false;

  constructor(engine: FakeEngine, play: URLSearchParams) {
    this.#engine = engine;
    this.#known = knownModels(play.get("models"));
    this.#failing = play.get("models") === "failed";
    this.#finds = play.get("found") !== "no";
    this.#computer = computerOf(play.get("computer"));
    this.pulls = new FakePulls(play.get("pulls"), {
      size: (name) => this.#offered(name)?.download ?? unlisted(name).size,
      done: (name) => this.#arrived(name),
      moved: (pulls) => this.#engine.tell({ event: "pullsMoved", payload: pulls }),
    });
    for (let n = 0; n < 40; n += 1) {
      this.say(
        `level=INFO source=server.go:${1400 + n} msg="layer ${n + 1} is on the graphics card"`,
      );
    }
    this.say('level=INFO msg="Listening on 127.0.0.1:11434 (version 0.31.2)"');
    const { ollama } = engine.snapshot;
    const first = this.#known.find(({ name }) => name === "qwen3:8b");
    if (ollama.state.kind === "ready" && first) this.#put([loaded(first, ollama.settings)]);
  }

  get #view(): OllamaView {
    return this.#engine.snapshot.ollama;
  }

  /** Whether somebody watches the computer, for tests. */
  get watched(): boolean {
    return this.#watch !== undefined;
  }

  change(next: Partial<OllamaView>) {
    this.#engine.change({ ollama: { ...this.#view, ...next } });
    this.#engine.tell({ event: "modelsChanged" });
  }

  #put(all: LoadedModel[]) {
    const { free } = poolOf(this.#computer, taken(all));
    this.change({ loaded: all, memoryFree: free });
  }

  set(settings: OllamaSettings) {
    const before = this.#view.settings;
    const { port, keepAlive } = settings;
    if (port !== null && (port < 1024 || port > 65_535)) {
      throw new Refusal("invalidInput", "A port is a number from 1024 to 65535.");
    }
    if (keepAlive !== null && !/^(-1|0|\d+(s|m|h))$/.test(keepAlive)) {
      throw new Refusal("invalidInput", "How long a model stays is written like 5m, 2h or -1.");
    }
    const own = this.#view.runBy === "drawbridge";
    const quiet = { defaultModel: null, start: true };
    const counts =
      JSON.stringify({ ...before, ...quiet }) !== JSON.stringify({ ...settings, ...quiet });
    this.#engine.setting("Settings of Ollama were changed.");
    if (before.enabled && !settings.enabled) {
      this.change({ settings, state: { kind: "off" }, runBy: null, loaded: [], problem: null });
      return;
    }
    const restartNeeded = this.#view.restartNeeded || (own && counts);
    this.change({
      settings,
      restartNeeded,
      address: `http://127.0.0.1:${settings.port ?? 11_434}`,
    });
    const idle = ["notInstalled", "failed", "waiting", "stopped"].includes(this.#view.state.kind);
    const elsewhere = before.path !== settings.path || before.port !== settings.port;
    if (settings.enabled && (!before.enabled || (idle && elsewhere))) this.#begin();
  }

  start() {
    const settings = { ...this.#view.settings, enabled: true, start: true };
    this.change({
      settings,
      state: { kind: "starting", since: Date.now() },
      program: settings.path ?? "/usr/local/bin/ollama",
      problem: null,
      runBy: "drawbridge",
      restartNeeded: false,
    });
    this.#say("drawbridge", "Starting Ollama.");
    setTimeout(() => {
      if (this.#view.state.kind !== "starting") return;
      this.change({ state: { kind: "ready", since: Date.now() }, version: "0.31.2" });
      this.#put([]);
    }, START_MS);
  }

  stop(then?: () => void) {
    if (this.#view.runBy !== "drawbridge") {
      throw new Refusal("other", "Drawbridge did not start this Ollama, so it does not stop it.");
    }
    this.change({ state: { kind: "stopping" } });
    setTimeout(() => {
      this.change({ state: { kind: "stopped" }, runBy: null, loaded: [], problem: null });
      if (then) then();
      else this.change({ settings: { ...this.#view.settings, start: false } });
    }, START_MS / 4);
  }

  /** Looks whether it has come, and answers when that is known. `?found=no` finds nothing new. */
  async look() {
    await new Promise((resolve) => setTimeout(resolve, START_MS / 2));
    const away = ["notInstalled", "offline"].includes(this.#view.state.kind);
    if (away && this.#finds) this.start();
  }

  #begin() {
    this.change({ state: { kind: "looking" }, problem: null });
    setTimeout(() => {
      const { state, settings } = this.#view;
      if (state.kind !== "looking") return;
      const { path } = settings;
      const found = path === null ? this.#finds : !path.includes("nowhere");
      if (found) this.start();
      else this.change({ state: { kind: "notInstalled" }, program: null });
    }, START_MS / 2);
  }

  models(): ModelsView {
    if (this.#failing) {
      const message = "Ollama did not say what is installed. Look again in a moment.";
      return {
        ...this.#lists(),
        installed: [],
        problem: { message, detail: "GET /api/tags: 500" },
      };
    }
    return this.#lists();
  }

  #lists(): ModelsView {
    const { loaded: inMemory, settings } = this.#view;
    const judge = (name: string, shape: Shape | undefined) =>
      this.#fit(name, shape, settings.contextLength ?? 4_096, settings.cacheType ?? "f16");
    return {
      installed: this.#known.map(({ shape, ...model }) => ({
        ...model,
        loaded: inMemory.find(({ name }) => name === model.name) ?? null,
        fit: model.cloud ? null : judge(model.name, shape),
      })),
      catalog: OFFERED.map(({ shape, ...model }) => ({
        ...model,
        installed: this.#known.some(({ name }) => name === model.name),
        fit: judge(model.name, shape),
      })),
      catalogDate: CATALOG_DATE,
      pulls: this.pulls.all,
      disk: this.#computer.disk,
      problem: null,
    };
  }

  fit(name: string, context: number, cache: CacheType): ModelFit {
    const known = this.#known.find((each) => each.name === name);
    const offered = this.#offered(name);
    if (!known && !offered) throw new Refusal("other", `${name} is not here any more.`);
    return this.#fit(name, known?.shape ?? offered?.shape, context, cache);
  }

  #fit(name: string, shape: Shape | undefined, context: number, cache: CacheType): ModelFit {
    const others = this.#view.loaded.filter((each) => each.name !== name);
    const measured = this.#measured.has(name);
    return fitOf({
      shape,
      pool: poolOf(this.#computer, taken(others)),
      context,
      cache,
      other: others[0],
      smaller: (shape?.weights ?? 0) > 3 * GB ? "qwen3:4b" : undefined,
      confidence: measured ? { kind: "measured", offBy: 4.2 } : undefined,
    });
  }

  async load(name: string) {
    const known = this.#known.find((each) => each.name === name);
    if (!known) throw new Refusal("other", `${name} is not installed any more.`);
    this.#loading.add(name);
    await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
    if (!this.#loading.delete(name)) throw new Refusal("cancelled", "It was broken off.");
    if ((known.shape?.weights ?? 0) > 30 * GB) {
      throw new Refusal(
        "other",
        `${name} could not be loaded: there is not enough memory for it. Choose a smaller one.`,
        "model requires more system memory (41.9 GiB) than is available (19.3 GiB)",
      );
    }
    this.#measured.add(name);
    known.shape ??= { weights: 4.7 * GB, token: 128 * 1024, trained: 32_768 };
    this.#put([
      ...this.#view.loaded.filter((each) => each.name !== name),
      loaded(known, this.#view.settings),
    ]);
  }

  unload(name: string) {
    this.#loading.delete(name);
    this.#put(this.#view.loaded.filter((each) => each.name !== name));
  }

  unloadAll(): number {
    const { length } = this.#view.loaded;
    this.#put([]);
    return length;
  }

  delete(name: string) {
    if (!this.#known.some((each) => each.name === name)) {
      throw new Refusal("other", `${name} is not installed any more.`);
    }
    this.#known = this.#known.filter((each) => each.name !== name);
    this.unload(name);
  }

  computer(watch: boolean): ComputerView {
    this.stopComputer();
    const read = () => moved(this.#computer, taken(this.#view.loaded));
    if (watch) {
      this.#watch = setInterval(
        () => this.#engine.tell({ event: "computerMeasured", payload: read() }),
        MEASURE_MS,
      );
    }
    return { ...read(), processorUse: null };
  }

  stopComputer() {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  log(watch: boolean): LogLine[] {
    this.#logWatched = watch;
    return this.#log;
  }

  stopLog() {
    this.#logWatched = false;
  }

  /** Writes a line as Ollama would. */
  say(text: string) {
    this.#say("stderr", text);
  }

  #say(source: LogLine["source"], text: string) {
    const line: LogLine = { seq: (this.#log.at(-1)?.seq ?? 0) + 1, at: Date.now(), source, text };
    this.#log = [...this.#log, line].slice(-2_000);
    if (this.#logWatched) this.#engine.tell({ event: "ollamaLogAppended", payload: [line] });
  }

  #offered(name: string) {
    return OFFERED.find((each) => each.name === name);
  }

  #arrived(name: string) {
    const offered = this.#offered(name);
    const model = offered ? fromOffered(offered) : unlisted(name);
    this.#known = [...this.#known.filter((each) => each.name !== name), model].sort((a, b) =>
      a.name.localeCompare(b.name),
    );
    this.#engine.tell({ event: "modelsChanged" });
  }
}

const taken = (all: readonly LoadedModel[]) => all.reduce((sum, { sizeVram }) => sum + sizeVram, 0);

function loaded({ name, shape, size }: Known, settings: OllamaSettings): LoadedModel {
  const context = settings.contextLength ?? 4_096;
  const bytes = Math.round((shape?.weights ?? size) + (shape?.token ?? 0) * context + 0.32 * GB);
  const until = settings.keepAlive === "-1" ? null : Date.now() + 5 * MINUTE;
  return { name, size: bytes, sizeVram: Math.min(bytes, 10 * GB), context, until };
}
