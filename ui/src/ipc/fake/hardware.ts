import type { ComputerView } from "../bindings/ComputerView";
import type { GpuView } from "../bindings/GpuView";
import { GB, type Pool } from "./fits";

const CARD: GpuView = {
  id: "GPU-5f0c2a7e",
  name: "NVIDIA GeForce RTX 3060",
  integrated: false,
  total: 12 * GB,
  free: 4.4 * GB,
  usedByOllama: true,
  choosable: true,
  users: [
    { name: "Ollama", bytes: 6.2 * GB },
    { name: "Firefox", bytes: 0.6 * GB },
    { name: "process 3120", bytes: null },
  ],
};
const SECOND: GpuView = {
  id: "GPU-91be03d4",
  name: "AMD Radeon RX 6600",
  integrated: false,
  total: 8 * GB,
  free: 7.6 * GB,
  usedByOllama: false,
  choosable: true,
  users: [],
};
const PART: GpuView = {
  id: "0000:00:02.0",
  name: "Intel UHD Graphics 770",
  integrated: true,
  total: null,
  free: null,
  usedByOllama: false,
  choosable: false,
  users: [],
};

const UNIFIED: GpuView = {
  id: "0",
  name: "Apple M3",
  integrated: true,
  total: 16 * GB,
  free: 9 * GB,
  usedByOllama: true,
  choosable: false,
  users: [{ name: "Ollama", bytes: 5.1 * GB }],
};

/** `?computer=` none, two, unified, limited or full; else one with a graphics card. */
export function computerOf(kind: string | null): ComputerView {
  const one: ComputerView = {
    at: Date.now(),
    processor: "AMD Ryzen 7 5700X 8-Core Processor",
    cores: 8,
    threads: 16,
    processorUse: null,
    memoryTotal: 32 * GB,
    memoryFree: 19.3 * GB,
    memoryLimit: null,
    unified: false,
    gpus: [CARD, PART],
    disk: { folder: "/home/me/.ollama/models", total: 931 * GB, free: 212.4 * GB },
    summary:
      "Models use the NVIDIA GeForce RTX 3060. What does not fit there runs on the processor.",
  };
  switch (kind) {
    case "none":
      return {
        ...one,
        gpus: [],
        memoryTotal: 16 * GB,
        memoryFree: 8.3 * GB,
        summary: "Models use the processor: no graphics card that Ollama can use was found.",
      };
    case "two":
      return { ...one, gpus: [CARD, SECOND] };
    case "unified":
      return {
        ...one,
        processor: "Apple M3",
        threads: 8,
        memoryTotal: 16 * GB,
        memoryFree: 9 * GB,
        unified: true,
        gpus: [UNIFIED],
        summary: "Models use the Apple M3, which shares the main memory.",
      };
    case "limited":
      return {
        ...one,
        cores: null,
        memoryTotal: 8 * GB,
        memoryFree: 5 * GB,
        memoryLimit: "Drawbridge runs in a container that may use 8.0 GB.",
        gpus: [],
        disk: null,
        summary: "Models use the processor: no graphics card that Ollama can use was found.",
      };
    case "full":
      return { ...one, disk: { folder: "/home/me/.ollama/models", total: 931 * GB, free: 5 * GB } };
    default:
      return one;
  }
}

/** The memory models can get there. `taken` is what those in memory hold. */
export function poolOf(computer: ComputerView, taken: number): Pool {
  const card = computer.gpus.find(({ total }) => total !== null);
  const memory = computer.memoryFree;
  if (!card) return { card: false, free: memory, total: computer.memoryTotal, memory };
  const total = card.total ?? 0;
  return { card: true, free: Math.max(0, total - taken - 1.4 * GB), total, memory };
}

/** How it looks a second later. */
export function moved(computer: ComputerView, taken: number): ComputerView {
  const at = Date.now();
  const sway = Math.sin(at / 2_300);
  const free = poolOf(computer, taken).free;
  return {
    ...computer,
    at,
    processorUse: Math.round(24 + 16 * sway),
    memoryFree: Math.round(computer.memoryFree + 0.15 * GB * sway),
    gpus: computer.gpus.map((gpu, index) =>
      index === 0 && gpu.total !== null
        ? {
            ...gpu,
            free,
            users: gpu.users
              .map((user) => (user.name === "Ollama" ? { ...user, bytes: taken } : user))
              .filter(({ bytes }) => bytes !== 0),
          }
        : gpu,
    ),
  };
}
