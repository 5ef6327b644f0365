import { describe, expect, test } from "vitest";
import type { OllamaSettings } from "../../src/ipc/bindings/OllamaSettings";
import type { OllamaView } from "../../src/ipc/bindings/OllamaView";
import { backendsOf } from "../../src/ipc/fake/backends";
import { computerOf } from "../../src/ipc/fake/hardware";
import { OLLAMA_PLAYS, ollamaOf, SETTINGS } from "../../src/ipc/fake/ollamaStates";
import { snapshotOf } from "../../src/ipc/fake/scenes";
import type { Host } from "../../src/ipc/host";
import {
  backendDetail,
  backendMissing,
  backendWord,
  EMPTY_BACKEND,
  isOnThisComputer,
  secretChoices,
  someModels,
  tidyBackend,
} from "../../src/state/backends";
import { lookForOllama, setForAll, writeOllama } from "../../src/state/modelActions";
import {
  hasLog,
  homeLine,
  ollamaActions,
  ollamaSentence,
  ollamaWord,
  programProblem,
} from "../../src/state/ollama";
import {
  CACHE,
  CONTEXT,
  clash,
  FLASH,
  gpuChoice,
  KEEP,
  keepWords,
  notOursWords,
  PARALLEL,
  PORT,
  toggleGpu,
} from "../../src/state/ollamaForm";
import { makePanel } from "../../src/state/panel";

describe("Ollama", () => {
  test("each state has its word and the one thing to do", () => {
    const told = Object.fromEntries(
      OLLAMA_PLAYS.map((play) => {
        const view = ollamaOf(play);
        return [play, `${ollamaWord(view).word}: ${ollamaActions(view).join(" ") || "-"}`];
      }),
    );
    expect(told).toEqual({
      off: "Off: use",
      looking: "Looking: -",
      "not-installed": "Not installed: get look",
      stopped: "Stopped: start",
      starting: "Starting: -",
      ready: "Running: restart stop",
      service: "Running: -",
      app: "Running: -",
      other: "Running: -",
      waiting: "Trying again: tryNow",
      stopping: "Stopping: -",
      failed: "Failed: start",
      offline: "Not there: look start",
      "port-taken": "Port taken: port look",
      "not-responding": "Not responding: restart",
      restart: "Running: restart stop",
      notice: "Running: -",
    });
    const theirs = { ...ollamaOf("not-responding"), runBy: "app" as const };
    expect(ollamaActions(theirs), "not ours to restart").toEqual(["look"]);
  });

  test("the sentence says who runs it, and counts where it waits", () => {
    const now = Date.now();
    expect(ollamaSentence(ollamaOf("ready"), now)).toBe("Runs with Drawbridge. Version 0.31.2.");
    expect(ollamaSentence(ollamaOf("service"), now)).toContain("Run by the system's service");
    expect(ollamaSentence(ollamaOf("app"), now)).toContain("Run by the Ollama app");
    expect(ollamaSentence(ollamaOf("waiting"), now)).toMatch(/Failed 3 times.*again in 1\d s\./);
    expect(ollamaSentence(ollamaOf("starting"), now + 20_000)).toMatch(/Starting for 2\d s\./);
    const hung = ollamaOf("not-responding");
    const hungBy = (runBy: typeof hung.runBy) => ollamaSentence({ ...hung, runBy }, now);
    expect(hungBy("drawbridge")).toMatch(/not answered since .*\. A restart usually helps\.$/);
    expect(hungBy("app")).toMatch(/Quit the Ollama app and open it again\.$/);
    expect(hungBy("service")).toMatch(/Restart its service, or this computer\.$/);
    expect(hungBy("other")).toMatch(/End it and start it again\.$/);
    expect(hungBy(null)).toMatch(/End it and start it again\.$/);
    const named = { ...SETTINGS, path: "/opt/ollama" };
    const gone = { ...ollamaOf("not-installed"), settings: named };
    expect(ollamaSentence(gone, now)).toBe("The program that was set for it was not found.");
  });

  test("what is wrong with the program that is set stands at its field", () => {
    expect(programProblem(ollamaOf("not-installed")), "none is set").toBeUndefined();
    const settings = { ...SETTINGS, path: "/opt/ollama" };
    expect(programProblem({ ...ollamaOf("not-installed"), settings })).toContain("No program");
    const failed = { ...ollamaOf("failed"), settings };
    expect(programProblem(failed), "it is about something else").toBeUndefined();
    const message = '"/opt/ollama" was started and ended at once.';
    expect(programProblem({ ...failed, problem: { message, detail: "" } })).toBe(message);
    expect(programProblem({ ...ollamaOf("ready"), settings })).toBeUndefined();
  });

  test("there is a log of what Drawbridge starts alone", () => {
    expect(OLLAMA_PLAYS.filter((play) => hasLog(ollamaOf(play)))).toEqual([
      "starting",
      "ready",
      "waiting",
      "stopping",
      "failed",
      "not-responding",
      "restart",
    ]);
  });

  test("the home page is quiet where there is nothing to say", () => {
    const quiet = OLLAMA_PLAYS.filter((play) => homeLine(ollamaOf(play)) === undefined);
    expect(quiet).toEqual(["off", "looking", "not-installed", "stopped", "starting", "stopping"]);
    const loaded = { name: "qwen3:8b", size: 1, sizeVram: 1, context: null, until: null };
    const ready = { ...ollamaOf("ready"), memoryFree: 3.19 * 2 ** 30 };
    expect(homeLine(ready)?.text).toBe("Ollama runs. No model is in memory. 3.1 GB are free.");
    expect(homeLine({ ...ready, loaded: [loaded] })?.text).toBe(
      "Ollama runs. qwen3:8b is in memory. 3.1 GB are free for more.",
    );
    expect(homeLine({ ...ready, loaded: [loaded, loaded], memoryFree: null })?.text).toBe(
      "Ollama runs. 2 models are in memory.",
    );
    expect(homeLine(ollamaOf("failed"))?.tone).toBe("trouble");
  });
});

describe("settings of Ollama", () => {
  test("each value comes back as it was set, and nothing is Ollama's choice", () => {
    for (const offer of [KEEP, CONTEXT, PARALLEL, FLASH, CACHE, PORT]) {
      for (const value of [...offer.offered, null]) {
        expect(offer.get(offer.set(SETTINGS, value)), offer.key).toBe(value);
        if (value !== null) expect(offer.words(value)).not.toBe("");
      }
    }
  });

  test("what is typed is read, or turned down", () => {
    expect(KEEP.read(" 45M ")).toBe("45m");
    expect(KEEP.read("-1")).toBe("-1");
    for (const wrong of ["", "5", "5 minutes", "1.5h", "-2", "0m"]) {
      expect(KEEP.read(wrong), wrong).toBeUndefined();
    }
    expect(CONTEXT.read("24k")).toBe("24576");
    expect(CONTEXT.read("100")).toBeUndefined();
    expect(PARALLEL.read("65")).toBeUndefined();
    expect(PORT.read("11435")).toBe("11435");
    expect(PORT.read("80")).toBeUndefined();
    expect(PORT.read("2k")).toBeUndefined();
    expect(keepWords("30m")).toBe("30 minutes");
    expect(keepWords("1h")).toBe("1 hour");
    expect(keepWords("forever")).toBe("forever");
  });

  test("compressed conversations without quicker computing are a clash", () => {
    expect(clash({ ...SETTINGS, flashAttention: false, cacheType: "q8_0" })).toBe(true);
    expect(clash({ ...SETTINGS, flashAttention: false, cacheType: "f16" })).toBe(false);
    expect(clash({ ...SETTINGS, flashAttention: null, cacheType: "q8_0" })).toBe(false);
  });

  test("cards are unticked one by one, and all of them are no list", () => {
    expect(toggleGpu(null, ["a", "b"], "a")).toEqual(["b"]);
    expect(toggleGpu(["b"], ["a", "b"], "b")).toEqual([]);
    expect(toggleGpu([], ["a", "b"], "b")).toEqual(["b"]);
    expect(toggleGpu(["b"], ["a", "b"], "a")).toBeNull();
  });

  test("cards are offered where Ollama can be told of them, and those that are set", () => {
    const { gpus } = computerOf(null);
    const [card, part] = gpus.map(({ id }) => id);
    expect(gpuChoice(null, gpus)).toMatchObject({
      choosable: [card],
      byItself: [{ id: part }],
    });
    expect(gpuChoice(["gone", part ?? ""], gpus)).toMatchObject({
      choosable: [card, "gone", part],
      byItself: [],
    });
    const alone = gpus.filter(({ choosable }) => !choosable);
    expect(gpuChoice(null, alone)).toMatchObject({ choosable: [], byItself: alone });
    expect(gpuChoice(null, alone).words).toBe("There is nothing to choose here.");
    expect(gpuChoice(null, []).words).toBe("No graphics card was found on this computer.");
  });

  test("whose settings count is said where they are not these", () => {
    expect(notOursWords(ollamaOf("app"))).toContain("The Ollama app runs Ollama now");
    expect(notOursWords(ollamaOf("ready"))).toBeUndefined();
    expect(notOursWords(ollamaOf("stopped"))).toBeUndefined();
  });
});

describe("other places with models", () => {
  test("each state has its word", () => {
    const words = backendsOf("some").map((each) => `${each.name} ${backendWord(each).word}`);
    expect(words).toEqual(["attic Not reached", "lab Off", "workshop Answers"]);
  });

  test("what leaves this computer is said of places that are not on it alone", () => {
    const [place] = backendsOf("some");
    if (!place) throw new Error("none");
    expect(backendDetail(place)).toContain("leaves this computer");
    for (const url of ["http://localhost:8000", "http://127.0.0.1:1234/v1", "http://[::1]:1"]) {
      expect(backendDetail({ ...place, url }), url).not.toContain("leaves this computer");
    }
    for (const url of ["http://10.0.0.7", "http://localhost.example", "http://127.example"]) {
      expect(isOnThisComputer(url), url).toBe(false);
    }
    const other = { ...place, kind: "ollama" as const, url: "http://localhost:11435" };
    expect(backendDetail(other)).not.toContain("on another computer");
  });

  test("what is missing is said by its field, and blanks do no harm", () => {
    expect(backendMissing(EMPTY_BACKEND)?.field).toBe("name");
    expect(backendMissing({ ...EMPTY_BACKEND, name: "My Place" })?.field).toBe("name");
    expect(backendMissing({ ...EMPTY_BACKEND, name: "lab", url: "lab" })?.field).toBe("url");
    const draft = { ...EMPTY_BACKEND, name: " lab ", url: " http://lab:8000/ " };
    expect(tidyBackend(draft)).toMatchObject({ name: "lab", url: "http://lab:8000" });
    expect(backendMissing(tidyBackend(draft))).toBeNull();
  });

  test("the token of an app is no secret to give away", () => {
    const secret = (name: string, clients: string[], stored: boolean | null) => ({
      name,
      clients,
      stored,
      servers: [],
      backends: [],
    });
    const all = [
      secret("client-vscode", ["vscode"], true),
      secret("lab-key", [], true),
      secret("gone", [], false),
    ];
    expect(secretChoices(all, null)).toEqual(["lab-key"]);
    expect(secretChoices(all, "gone")).toEqual(["lab-key", "gone"]);
  });

  test("only as many models are named as are worth reading", () => {
    expect(someModels(["a", "b"], 2)).toBe("a, b");
    expect(someModels(["a", "b", "c", "d"], 2)).toBe("a, b and 2 more");
  });
});

test("settings that are changed quickly one after the other are all taken, and a failed one alone goes back", async () => {
  const sent: OllamaSettings[] = [];
  let snapshot = snapshotOf("full");
  const host = {
    call: async (name: string, args?: { settings: OllamaSettings }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (name === "snapshot" || !args) return snapshot;
      if (args.settings.parallel === 64) throw new Error("too many");
      sent.push(args.settings);
      const ollama = { ...snapshot.ollama, settings: args.settings };
      snapshot = { ...snapshot, ollama, revision: snapshot.revision + 1 };
      return null;
    },
    on: () => () => {},
  } as unknown as Host;
  const panel = makePanel(host);
  await panel.store.refresh();
  const shown = () => {
    const state = panel.store.state();
    return state.kind === "ready" ? state.snapshot.ollama.settings : undefined;
  };
  const first = writeOllama(panel, (now) => ({ ...now, keepAlive: "2h" }));
  const second = writeOllama(panel, (now) => ({ ...now, parallel: 64 }));
  const third = writeOllama(panel, (now) => ({ ...now, contextLength: 8_192 }));
  expect(shown(), "at once").toMatchObject({ keepAlive: "2h", parallel: 64, contextLength: 8_192 });
  await expect(second).rejects.toThrow("too many");
  await Promise.all([first, third]);
  expect(sent.at(-1)).toMatchObject({ keepAlive: "2h", parallel: null, contextLength: 8_192 });
  expect(shown()).toEqual(sent.at(-1));
});

/** A panel whose host does nothing but read how Ollama is. */
async function panelWith(ollama: OllamaView) {
  const snapshot = { ...snapshotOf("full"), ollama };
  const call = async (name: string) => (name === "snapshot" ? snapshot : null);
  const panel = makePanel({ call, on: () => () => {} } as unknown as Host);
  await panel.store.refresh();
  return { panel, said: () => panel.notices.all().map(({ text }) => text) };
}

test("looking again without finding anything new says so", async () => {
  for (const [play, text] of [
    ["not-installed", "Looked again: still not found."],
    ["port-taken", "Looked again: another program is still at Ollama's address."],
    ["not-responding", "Looked again: Ollama still does not answer."],
    ["app", "Looked again: Ollama runs as before."],
  ] as const) {
    const { panel, said } = await panelWith(ollamaOf(play));
    await lookForOllama(panel);
    expect(said()).toEqual([text]);
  }
});

test("what is set for all models is not said to count where it does not yet", async () => {
  const text = async (ollama: OllamaView) => {
    const { panel, said } = await panelWith(ollama);
    await setForAll(panel, (settings) => settings, "The conversation limit is set to 8k.");
    return said()[0];
  };
  const set = "The conversation limit is set to 8k.";
  expect(await text(ollamaOf("ready"))).toBe(set);
  expect(await text(ollamaOf("restart"))).toBe(`${set} It counts once Ollama is restarted.`);
  expect(await text(ollamaOf("app"))).toBe(`${set} It counts once Drawbridge starts Ollama.`);
  const firstStart = { ...ollamaOf("starting"), runBy: null, restartNeeded: true };
  expect(await text(firstStart)).toBe(`${set} It counts once Ollama is restarted.`);
});
