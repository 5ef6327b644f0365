import type { Mode } from "../bindings/Mode";
import type { ToolClaims } from "../bindings/ToolClaims";
import type { ToolView } from "../bindings/ToolView";

const SILENT: ToolClaims = {
  readOnly: null,
  destructive: null,
  idempotent: null,
  openWorld: null,
};
const READS: ToolClaims = { ...SILENT, readOnly: true };
const WRITES: ToolClaims = { ...SILENT, readOnly: false, destructive: false, idempotent: false };
const DESTROYS: ToolClaims = { ...SILENT, readOnly: false, destructive: true };
const REACHES: ToolClaims = { ...SILENT, readOnly: true, openWorld: true };

/** `server__tool`, near enough to the engine's own rule for the fake's names. */
export function exposed(server: string, tool: string): string {
  return `${server.replaceAll(/[^A-Za-z0-9_-]/g, "_")}__${tool}`;
}

export function makeTool(
  server: string,
  name: string,
  description: string,
  claims: ToolClaims,
  tokens: number,
  mode: Mode = "ask",
  title: string | null = null,
): ToolView {
  return {
    name,
    exposedName: exposed(server, name),
    title,
    description,
    mode,
    modeSource: mode === "ask" ? "preset" : "tool",
    claims,
    tokens,
    held: null,
    findings: [],
  };
}

export function computerTools(): ToolView[] {
  const tool = (name: string, description: string, tokens: number) =>
    makeTool("computer", name, description, { ...READS, openWorld: false }, tokens, "allow");
  return [
    tool("time", "Tells the date, the time and the time zone of this computer.", 64),
    tool("hardware", "Tells the processor, memory, graphics and free disk space.", 71),
  ];
}

export function filesTools(): ToolView[] {
  const tool = (...rest: Parameters<typeof makeTool> extends [string, ...infer R] ? R : never) =>
    makeTool("files", ...rest);
  return [
    tool("read_file", "Reads a file whole, as text.", READS, 118, "allow", "Read a file"),
    tool(
      "read_several_files",
      "Reads many files at once. Files that cannot be read are reported one by one and do not keep the others from being read, so that a long list still gives what it can.",
      READS,
      164,
      "allow",
    ),
    tool("list_folder", "Lists what a folder holds, with kinds and sizes.", READS, 96, "allow"),
    tool("find_files", "Finds files by a pattern, in all folders below.", READS, 140, "allow"),
    tool("write_file", "Writes a file. What was there before is lost.", DESTROYS, 132),
    tool("edit_file", "Changes single lines of a text file.", WRITES, 271),
    tool("make_folder", "Makes a folder, with its parents where needed.", WRITES, 88),
    tool("move_file", "Moves or renames a file or a folder.", DESTROYS, 121, "off"),
  ];
}

export function gitTools(): ToolView[] {
  const tool = (...rest: Parameters<typeof makeTool> extends [string, ...infer R] ? R : never) =>
    makeTool("git", ...rest);
  return [
    tool("git_status", "Shows which files have changed.", READS, 74, "allow"),
    tool("git_diff", "Shows what has changed, line by line.", READS, 92, "allow"),
    tool("git_log", "Shows the last commits.", READS, 101, "allow"),
    tool("git_commit", "Commits what is staged.", WRITES, 97),
    tool("git_reset", "Takes everything off the stage.", DESTROYS, 69, "off"),
  ];
}

export function weatherTools(): ToolView[] {
  return [
    makeTool("weather", "forecast", "Forecast for a place, up to ten days.", REACHES, 156, "allow"),
    makeTool(
      "weather",
      "warnings",
      "Official weather warnings for a region.",
      REACHES,
      112,
      "allow",
    ),
  ];
}

const VERBS = [
  "get",
  "list",
  "find",
  "create",
  "update",
  "delete",
  "share",
  "export",
  "count",
  "watch",
];
const THINGS = [
  "invoice",
  "ticket",
  "page",
  "contact",
  "event",
  "photo",
  "order",
  "note",
  "task",
  "report",
];

/** `count` tools with every kind of claim among them. */
export function manyTools(server: string, count: number): ToolView[] {
  return Array.from({ length: count }, (_, index) => {
    const verb = VERBS[index % VERBS.length] ?? "get";
    const thing = THINGS[Math.floor(index / VERBS.length) % THINGS.length] ?? "thing";
    const claims =
      verb === "delete" ? DESTROYS : index % 10 < 3 ? READS : index % 7 === 0 ? SILENT : WRITES;
    const mode: Mode = index % 10 < 3 ? "allow" : verb === "delete" ? "off" : "ask";
    const words = `${verb[0]?.toUpperCase()}${verb.slice(1)}s one ${thing} or several of them.`;
    return makeTool(server, `${verb}_${thing}`, words, claims, 60 + ((index * 37) % 200), mode);
  });
}

export const INPUT_SCHEMA = `{
  "type": "object",
  "properties": {
    "path": {
      "type": "string",
      "description": "Where the file is. Relative to the allowed folder."
    },
    "encoding": {
      "type": "string",
      "enum": ["utf-8", "latin-1"],
      "default": "utf-8"
    }
  },
  "required": ["path"]
}`;
