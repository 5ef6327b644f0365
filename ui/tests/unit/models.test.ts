import { describe, expect, test, vi } from "vitest";
import type { CatalogModel } from "../../src/ipc/bindings/CatalogModel";
import type { FitVerdict } from "../../src/ipc/bindings/FitVerdict";
import type { ModelsView } from "../../src/ipc/bindings/ModelsView";
import type { PanelEvent } from "../../src/ipc/bindings/PanelEvent";
import type { PullView } from "../../src/ipc/bindings/PullView";
import { backendsOf } from "../../src/ipc/fake/backends";
import { fitOf, GB } from "../../src/ipc/fake/fits";
import type { Host } from "../../src/ipc/host";
import { watchComputer } from "../../src/state/computer";
import { bestFirst, catalogFound, contextChoices, modelLines } from "../../src/state/modelList";
import { modelNameProblem, readModelName } from "../../src/state/modelName";
import { Models } from "../../src/state/models";
import {
  barWords,
  confidenceWords,
  deleteWords,
  formatContext,
  formatMemory,
  formatSpeed,
  largestWords,
  loadedWords,
  pullAnnouncement,
  pullWords,
  roomWords,
  timeLeft,
  verdictWord,
} from "../../src/state/modelWords";
import { Notices } from "../../src/state/notices";

const MB = 2 ** 20;

const pull = (part: Partial<PullView>): PullView => ({
  name: "qwen3:4b",
  state: { kind: "running", step: "pulling" },
  completed: 0.6 * GB,
  total: 2.4 * GB,
  speed: 38 * MB,
  secondsLeft: 49,
  waitsFor: null,
  ...part,
});

const fitWith = (verdict: FitVerdict) => ({
  ...fitOf({
    shape: { weights: 4.9 * GB, token: 144 * 1024, trained: 40_960 },
    pool: { card: true, free: 10.6 * GB, total: 12 * GB, memory: 16 * GB },
    context: 16_384,
    cache: "f16",
  }),
  verdict,
});

describe("words of models", () => {
  test("needs are rounded up, and what is free down", () => {
    expect(formatMemory(6.31 * GB, "up")).toBe("6.4 GB");
    expect(formatMemory(7.29 * GB, "down")).toBe("7.2 GB");
    expect(formatMemory(8 * GB, "up")).toBe("8.0 GB");
    expect(formatMemory(931.7 * GB, "down")).toBe("931 GB");
    expect(formatMemory(0.26 * GB)).toBe("0.3 GB");
    expect(formatMemory(45 * MB)).toBe("45 MB");
    expect(formatMemory(0)).toBe("0 MB");
    expect(formatSpeed(38 * MB)).toBe("38 MB a second");
    expect(formatSpeed(900 * 1024)).toBe("900 kB a second");
  });

  test("conversations are told in thousands of tokens", () => {
    expect(formatContext(8_192)).toBe("8k");
    expect(formatContext(40_960)).toBe("40k");
    expect(formatContext(131_072)).toBe("128k");
    expect(formatContext(1_048_576)).toBe("1M");
    expect(formatContext(512)).toBe("512");
  });

  test("time left does not look more exact than it is", () => {
    expect(timeLeft(4)).toBe("a few seconds left");
    expect(timeLeft(31)).toBe("about 40 seconds left");
    expect(timeLeft(59)).toBe("about 1 minute left");
    expect(timeLeft(610)).toBe("about 10 minutes left");
    expect(timeLeft(3_700)).toBe("about 1 hour left");
    expect(timeLeft(9_000)).toBe("about 3 hours left");
  });

  test("each verdict has a word and a shape of its own", () => {
    const kinds: FitVerdict[] = [
      { kind: "fits" },
      { kind: "fitsAfterClosing" },
      { kind: "partly", percent: 60 },
      { kind: "processorOnly" },
      { kind: "tooLarge" },
      { kind: "unknown" },
    ];
    const words = kinds.map(verdictWord);
    expect(new Set(words.map(({ word }) => word)).size).toBe(kinds.length);
    expect(new Set(words.map(({ icon }) => icon)).size).toBe(kinds.length);
    expect(words.map(({ tone }) => tone)).not.toContain("trouble");
  });

  test("the bar, the largest conversation and how sure it is are told in words", () => {
    const fits = fitWith({ kind: "fits" });
    expect(barWords(fits)).toBe("Needs 9.0 GB, 10.6 GB free of 12.0 GB");
    expect(barWords({ ...fits, free: null })).toBe("Needs 9.0 GB, 12.0 GB in all");
    expect(barWords({ ...fits, need: null })).toBeUndefined();
    expect(largestWords({ ...fits, largestContext: 8_192 })).toBe("Conversations up to 8k fit.");
    expect(largestWords({ ...fits, largestContext: 40_960 })).toContain("the most it knows");
    const largest = (verdict: FitVerdict, largestContext: number | null) =>
      largestWords({ ...fitWith(verdict), largestContext });
    for (const kind of ["fits", "fitsAfterClosing", "processorOnly"] as const) {
      expect(largest({ kind }, null), kind).toBe("");
    }
    expect(largest({ kind: "partly", percent: 60 }, null)).toBe("");
    expect(largest({ kind: "partly", percent: 60 }, 4_096)).toBe(
      "Conversations up to 4k fit wholly on the graphics card.",
    );
    expect(largest({ kind: "fitsAfterClosing" }, 4_096)).toContain("fit as it is now");
    expect(largest({ kind: "processorOnly" }, 32_768)).toBe("Conversations up to 32k fit.");
    expect(largest({ kind: "tooLarge" }, 4_096), "it does not run").toBe("");
    expect(largest({ kind: "unknown" }, 4_096)).toBe("");
    expect(confidenceWords({ kind: "measured", offBy: 4.2 })).toContain("4 % too high");
    expect(confidenceWords({ kind: "measured", offBy: -7 })).toContain("7 % too low");
    expect(confidenceWords({ kind: "measured", offBy: 0.2 })).toContain("was right");
  });

  test("that a model has no room on the disk is said, with what has to stay free", () => {
    const disk = { folder: "/models", total: 100 * GB, free: 5 * GB };
    expect(roomWords(4 * GB, undefined, disk)).toBeUndefined();
    expect(roomWords(12.8 * GB, undefined, null), "nobody knows").toBeUndefined();
    expect(roomWords(12.8 * GB, undefined, disk)).toBe(
      "There is not enough room on the disk: 12.8 GB to download, 5.0 GB free.",
    );
    expect(roomWords(4.5 * GB, undefined, disk)).toBe(
      "There is not enough room on the disk: 4.5 GB to download, 5.0 GB free, and 1 GB of it has to stay free.",
    );
    const here = pull({ completed: 9 * GB, total: 12.8 * GB });
    expect(roomWords(12.8 * GB, here, disk), "most of it is here").toBeUndefined();
  });

  test("what comes of deleting a model is said, also of one in the cloud", () => {
    const model = {
      name: "a",
      size: 6.8 * GB,
      modifiedAt: null,
      parameters: null,
      quantization: null,
      capabilities: [],
      cloud: false,
      loaded: null,
      fit: null,
    };
    expect(deleteWords(model)).toMatch(/^Up to 6.8 GB on the disk come free/);
    expect(deleteWords({ ...model, cloud: true })).not.toMatch(/GB|MB|disk/);
  });

  test("a model in memory says how much, where and until when", () => {
    const at = new Date(2026, 7, 14, 12).getTime();
    const loaded = { name: "a", size: 6 * GB, sizeVram: 6 * GB, context: 8_192, until: null };
    expect(loadedWords(loaded, at)).toBe("Takes 6.0 GB, all on the graphics card. It stays there.");
    const half = { ...loaded, sizeVram: 3 * GB, until: at + 60_000 };
    expect(loadedWords(half, at)).toMatch(/about 50 % on the graphics card. It stays until 12.01/);
    expect(loadedWords({ ...loaded, sizeVram: 0 }, at)).toContain("in main memory");
  });
});

describe("downloads", () => {
  test("each state is told", () => {
    expect(pullWords(pull({}))).toBe("0.6 GB of 2.4 GB, 38 MB a second, about 50 seconds left");
    expect(pullWords(pull({ total: null, completed: 0, speed: null, secondsLeft: null }))).toBe(
      "Beginning",
    );
    expect(pullWords(pull({ completed: 2.4 * GB }))).toBe("Checking what was downloaded");
    expect(pullWords(pull({ state: { kind: "paused" } }))).toBe("Paused, 0.6 GB of 2.4 GB here");
    expect(pullWords(pull({ completed: 9 * MB, total: 98 * MB, state: { kind: "paused" } }))).toBe(
      "Paused, 9 MB of 98 MB here",
    );
    expect(pullWords(pull({ state: { kind: "waiting" }, completed: 0 }))).toBe("Waiting to begin");
    const waits = (waitsFor: PullView["waitsFor"], completed = 0) =>
      pull({ state: { kind: "waiting" }, completed, waitsFor });
    expect(pullWords(waits("turn"))).toBe("Waiting for the download before it");
    expect(pullWords(waits("ollama", 0.6 * GB))).toBe(
      "Waiting for Ollama to run, 0.6 GB of 2.4 GB here",
    );
    expect(pullWords(waits("nextTry"))).toBe("The connection broke; trying again in a moment");
    expect(pullAnnouncement(waits("ollama"))).toBe(
      "The download of qwen3:4b: waiting for Ollama to run.",
    );
    const problem = { message: "The disk is full.", detail: "" };
    expect(pullAnnouncement(pull({ state: { kind: "failed", problem } }))).toContain(
      "The disk is full.",
    );
  });

  test("what is read aloud changes at each quarter, not at each moment", () => {
    const said = new Set(
      Array.from({ length: 240 }, (_, n) => pullAnnouncement(pull({ completed: n * 0.01 * GB }))),
    );
    expect(said.size).toBe(4);
  });
});

describe("names of models", () => {
  test("what people paste is understood", () => {
    expect(readModelName(" ollama pull qwen3:8b ")).toBe("qwen3:8b");
    expect(readModelName("https://ollama.com/library/gemma3/")).toBe("gemma3");
    expect(readModelName("https://huggingface.co/someone/model")).toBe(
      "huggingface.co/someone/model",
    );
    for (const name of ["qwen3", "qwen3:8b", "hf.co/a/b:Q4_K_M", "localhost:5000/a/b:c"]) {
      expect(modelNameProblem(name), name).toBeUndefined();
    }
    for (const name of ["", "two words", "a:b:c", "a//b", "../etc", "a/b/c/d/e", "x".repeat(300)]) {
      expect(modelNameProblem(name), name).toBeDefined();
    }
  });
});

describe("lists of models", () => {
  const model = (name: string, verdict: FitVerdict, download: number): CatalogModel => ({
    name,
    title: name,
    purpose: "",
    download,
    capabilities: [],
    licence: "",
    source: "",
    installed: false,
    fit: fitWith(verdict),
  });
  const all = [
    model("huge", { kind: "tooLarge" }, 40),
    model("small", { kind: "fits" }, 2),
    model("half", { kind: "partly", percent: 50 }, 12),
    model("large", { kind: "fits" }, 5),
    model("busy", { kind: "fitsAfterClosing" }, 7),
  ];

  test("the best fitting comes first, the larger of two that fit before the smaller", () => {
    expect(bestFirst(all).map(({ name }) => name)).toEqual([
      "large",
      "small",
      "busy",
      "half",
      "huge",
    ]);
  });

  test("without a graphics card what answers quickly comes first, what only finds texts last", () => {
    const slow = { kind: "processorOnly" } as const;
    const embed = { ...model("embed", slow, 0.3 * GB), capabilities: ["embedding"] };
    const catalog = [
      embed,
      model("14b", slow, 9 * GB),
      model("3b", slow, 1.9 * GB),
      model("70b", { kind: "tooLarge" }, 40 * GB),
      model("4b", slow, 2.5 * GB),
      model("8b", slow, 4.9 * GB),
    ];
    expect(bestFirst(catalog).map(({ name }) => name)).toEqual([
      "4b",
      "3b",
      "8b",
      "14b",
      "70b",
      "embed",
    ]);
    const shares = [20, 80].map((percent) => model(`${percent}`, { kind: "partly", percent }, 9));
    expect(bestFirst([model("slow", slow, 2), ...shares]).map(({ name }) => name)).toEqual([
      "80",
      "20",
      "slow",
    ]);
  });

  test("the filter leaves what fits, and the search asks for each word", () => {
    expect(catalogFound(all, "", true).map(({ name }) => name)).toEqual(["small", "large", "busy"]);
    expect(catalogFound(all, "LAR ge", false).map(({ name }) => name)).toEqual(["large"]);
  });

  test("models of other places follow, with their prefix, from those that are used", () => {
    const lines = modelLines([], backendsOf("some"), "");
    expect(lines.map(({ key }) => key)).toEqual([
      "heading attic",
      "none attic",
      "heading workshop",
      "workshop/gemma3:27b",
      "workshop/qwen3:32b",
    ]);
    expect(modelLines([], backendsOf("some"), "workshop/q").map(({ key }) => key)).toEqual([
      "heading workshop",
      "workshop/qwen3:32b",
    ]);
  });

  test("limits to try end where the model's knowledge does", () => {
    expect(contextChoices(16_384, 40_960)).toEqual([2_048, 4_096, 8_192, 16_384, 32_768, 40_960]);
    expect(contextChoices(5_000, 4_096)).toEqual([2_048, 4_096, 5_000]);
    expect(contextChoices(4_096, null).at(-1)).toBe(131_072);
  });
});

const VIEW: ModelsView = {
  installed: [],
  catalog: [],
  catalogDate: "2026-11-21",
  pulls: [],
  disk: null,
  problem: null,
};

/** A host whose answers are given by hand. */
function hostByHand() {
  const calls: string[] = [];
  const answers: ((value: unknown) => void)[] = [];
  const listeners = new Set<(event: PanelEvent) => void>();
  const host = {
    call: (name: string) => {
      calls.push(name);
      return new Promise((resolve) => answers.push(resolve));
    },
    on: (listener: (event: PanelEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Host;
  const tell = (event: PanelEvent) => {
    for (const listener of listeners) listener(event);
  };
  const answer = (value: unknown) => answers.shift()?.(value);
  return { host, calls, tell, answer };
}

describe("the store of models", () => {
  test("is read while a page shows it, and what was told of downloads meanwhile stands", async () => {
    const { host, calls, tell, answer } = hostByHand();
    const models = new Models(host);
    models.listen(new Notices());
    tell({ event: "modelsChanged" });
    expect(calls, "nobody looks").toEqual([]);
    const leave = models.follow();
    expect(calls).toEqual(["models"]);
    tell({ event: "pullsMoved", payload: [pull({})] });
    answer(VIEW);
    await vi.waitFor(() => expect(models.state().kind).toBe("ready"));
    expect(models.state().view?.pulls).toHaveLength(1);
    tell({ event: "modelsChanged" });
    tell({ event: "modelsChanged" });
    tell({ event: "modelsChanged" });
    expect(calls, "one more for several").toHaveLength(2);
    answer(VIEW);
    await vi.waitFor(() => expect(calls).toHaveLength(3));
    answer(VIEW);
    leave();
    leave();
    tell({ event: "modelsChanged" });
    await Promise.resolve();
    expect(calls).toHaveLength(3);
  });

  test("a download that ends out of sight is told in a notice, once", () => {
    const { host, tell } = hostByHand();
    const models = new Models(host);
    const notices = new Notices();
    models.listen(notices);
    const done = pull({ state: { kind: "done" } });
    tell({ event: "pullsMoved", payload: [pull({})] });
    tell({ event: "pullsMoved", payload: [done] });
    tell({ event: "pullsMoved", payload: [done] });
    expect(notices.all().map(({ text }) => text)).toEqual(["qwen3:4b is downloaded."]);
  });
});

test("the computer is watched while it is looked at, in order", async () => {
  const { host, calls, tell, answer } = hostByHand();
  const seen: string[] = [];
  const stop = watchComputer(host, ({ kind }) => seen.push(kind));
  await vi.waitFor(() => expect(calls).toEqual(["computer"]));
  stop();
  watchComputer(host, ({ kind }) => seen.push(kind));
  expect(calls).toEqual(["computer"]);
  answer({});
  await vi.waitFor(() => expect(calls).toEqual(["computer", "stop_computer"]));
  expect(seen, "nobody looks any more").toEqual([]);
  answer(null);
  await vi.waitFor(() => expect(calls).toEqual(["computer", "stop_computer", "computer"]));
  answer({});
  await vi.waitFor(() => expect(seen).toEqual(["ready"]));
  tell({ event: "computerMeasured", payload: {} as never });
  expect(seen).toEqual(["ready", "ready"]);
});
