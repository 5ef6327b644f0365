import type { ServerView } from "../ipc/bindings/ServerView";
import type { ToolView } from "../ipc/bindings/ToolView";

/** One row of the tools page, from top to bottom. */
export type ToolLine =
  | { kind: "server"; key: string; server: ServerView; open: boolean; matches: number }
  | { kind: "problem"; key: string; server: ServerView; last: boolean }
  | { kind: "none"; key: string; server: ServerView; last: true }
  | { kind: "tool"; key: string; server: ServerView; tool: ToolView; last: boolean };

/** With more tools than this, the servers are folded until one is opened. */
export const FOLD_ABOVE = 100;

const matches = (text: string, words: string[]) => words.every((word) => text.includes(word));

/** Each word has to be in the tool's name, title, description or its server's name. */
function found(server: ServerView, words: string[]): ToolView[] {
  if (words.length === 0) return server.tools;
  const name = server.name.toLowerCase();
  return server.tools.filter((tool) =>
    matches(`${name} ${tool.name} ${tool.title ?? ""} ${tool.description}`.toLowerCase(), words),
  );
}

export function toolLines(
  servers: readonly ServerView[],
  search: string,
  isOpen: (server: ServerView) => boolean,
): ToolLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return servers.flatMap((server): ToolLine[] => {
    const tools = found(server, words);
    const named = matches(server.name.toLowerCase(), words);
    if (words.length > 0 && tools.length === 0 && !named) return [];
    const open = words.length > 0 || isOpen(server);
    const { name } = server;
    const head: ToolLine = {
      kind: "server",
      key: `server ${name}`,
      server,
      open,
      matches: tools.length,
    };
    if (!open) return [head];
    const rows: ToolLine[] = [head];
    if (server.problem) {
      rows.push({ kind: "problem", key: `problem ${name}`, server, last: tools.length === 0 });
    }
    if (tools.length === 0 && !server.problem) {
      rows.push({ kind: "none", key: `none ${name}`, server, last: true });
    }
    tools.forEach((tool, index) => {
      const last = index === tools.length - 1;
      rows.push({ kind: "tool", key: `tool ${name} ${tool.name}`, server, tool, last });
    });
    return rows;
  });
}
