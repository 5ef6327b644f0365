import type { CatalogModel } from "../bindings/CatalogModel";
import type { InstalledModel } from "../bindings/InstalledModel";
import { GB, type Shape } from "./fits";

export type Known = Omit<InstalledModel, "loaded" | "fit"> & { shape: Shape | undefined };
export type Offered = Omit<CatalogModel, "installed" | "fit"> & { shape: Shape };

const DAY = 86_400_000;
const KB = 1024;

const shape = (gigabytes: number, kilobytes: number, trained = 131_072): Shape => ({
  weights: Math.round(gigabytes * GB),
  token: kilobytes * KB,
  trained,
});

const chat = ["completion", "tools"];

function known(name: string, made: Shape | undefined, rest: Partial<Known>): Known {
  return {
    name,
    size: made?.weights ?? 0,
    modifiedAt: Date.now() - 9 * DAY,
    parameters: null,
    quantization: "Q4_K_M",
    capabilities: chat,
    cloud: false,
    shape: made,
    ...rest,
  };
}

const CLOUD: Known = known("gpt-oss:120b-cloud", undefined, {
  parameters: "116.8B",
  quantization: "MXFP4",
  cloud: true,
});

/** `?models=` none, many or failed; else one for each verdict. */
export function knownModels(kind: string | null): Known[] {
  if (kind === "none") return [];
  if (kind === "many") {
    return Array.from({ length: 200 }, (_, n) =>
      known(
        `family-${String(n + 1).padStart(3, "0")}:${1 + (n % 14)}b`,
        shape(0.6 + (n % 14) * 0.6, 64),
        {
          parameters: `${1 + (n % 14)}.0B`,
        },
      ),
    );
  }
  return [
    known("deepseek-r1:32b", shape(18.5, 256), {
      parameters: "32.8B",
      capabilities: ["completion", "thinking"],
    }),
    known("gemma3:12b", shape(6.8, 92), {
      parameters: "12.2B",
      capabilities: ["completion", "vision"],
      modifiedAt: Date.now() - 40 * DAY,
    }),
    CLOUD,
    known("hf.co/someone/a-model-with-a-very-long-name-GGUF:Q5_K_M", undefined, {
      size: Math.round(5.1 * GB),
      quantization: "unknown",
      capabilities: ["completion"],
    }),
    known("llama3.3:70b", shape(39.6, 320), { parameters: "70.6B" }),
    known("nomic-embed-text:latest", shape(0.26, 6, 2_048), {
      parameters: "137M",
      quantization: "F16",
      capabilities: ["embedding"],
    }),
    known("qwen3:14b", shape(8.6, 160, 40_960), {
      parameters: "14.8B",
      capabilities: [...chat, "thinking"],
    }),
    known("qwen3:8b", shape(4.9, 144, 40_960), {
      parameters: "8.2B",
      capabilities: [...chat, "thinking"],
      modifiedAt: Date.now() - 2 * DAY,
    }),
  ];
}

function offered(
  name: string,
  title: string,
  purpose: string,
  made: Shape,
  rest: Partial<Offered> = {},
): Offered {
  const source = `https://ollama.com/library/${name.split(":")[0]}`;
  const download = made.weights;
  return {
    name,
    title,
    purpose,
    download,
    capabilities: chat,
    licence: "Apache-2.0",
    source,
    shape: made,
    ...rest,
  };
}

export const CATALOG_DATE = "2026-11-21";

export const OFFERED: Offered[] = [
  offered(
    "llama3.3:70b",
    "Llama 3.3, 70 B",
    "Careful answers, for computers with much memory.",
    shape(39.6, 320),
    {
      licence: "Llama 3.3 Community License",
    },
  ),
  offered(
    "qwen3:32b",
    "Qwen 3, 32 B",
    "Thinks before it answers, and uses tools well.",
    shape(18.8, 256, 40_960),
  ),
  offered(
    "gpt-oss:20b",
    "gpt-oss, 20 B",
    "Thinks before it answers, and is quick for its size.",
    shape(12.8, 24),
  ),
  offered(
    "qwen3:8b",
    "Qwen 3, 8 B",
    "A good all-rounder that uses tools well.",
    shape(4.9, 144, 40_960),
  ),
  offered("qwen3:4b", "Qwen 3, 4 B", "Small, quick, and uses tools.", shape(2.4, 144, 262_144)),
  offered(
    "gemma3:12b",
    "Gemma 3, 12 B",
    "Reads pictures, and writes in many languages.",
    shape(6.8, 92),
    {
      capabilities: ["completion", "vision"],
      licence: "Gemma Terms of Use",
    },
  ),
  offered("gemma3:4b", "Gemma 3, 4 B", "Reads pictures on a small computer.", shape(2.5, 68), {
    capabilities: ["completion", "vision"],
    licence: "Gemma Terms of Use",
  }),
  offered(
    "qwen2.5-coder:7b",
    "Qwen 2.5 Coder, 7 B",
    "Writes and completes program code.",
    shape(4.4, 56, 32_768),
  ),
  offered(
    "llama3.2:3b",
    "Llama 3.2, 3 B",
    "Short answers and summaries, also without a graphics card.",
    shape(1.9, 112),
    {
      licence: "Llama 3.2 Community License",
    },
  ),
  offered(
    "nomic-embed-text:latest",
    "Nomic Embed Text",
    "Finds texts by their meaning. It does not chat.",
    shape(0.26, 6, 2_048),
    {
      capabilities: ["embedding"],
    },
  ),
];

/** What a download by another name turns out to be. */
export const unlisted = (name: string): Known =>
  known(name, undefined, {
    size: Math.round(3.3 * GB),
    quantization: "Q4_0",
    modifiedAt: Date.now(),
  });

export const fromOffered = ({ name, shape: made, capabilities }: Offered): Known =>
  known(name, made, { capabilities, modifiedAt: Date.now() });
