import type { DiffLine } from "../bindings/DiffLine";
import type { TokenPlacement } from "../bindings/TokenPlacement";
import type { VscodeSetup } from "../bindings/VscodeSetup";

const MASK = "db_••••••••";

function content(address: string, placement: TokenPlacement, token: string): string {
  const prompt = placement === "prompt";
  return JSON.stringify(
    {
      ...(prompt && {
        inputs: [
          {
            type: "promptString",
            id: "drawbridge-token",
            description: "Drawbridge token",
            password: true,
          },
        ],
      }),
      servers: {
        drawbridge: {
          type: "http",
          url: `${address}/mcp`,
          headers: { Authorization: `Bearer ${prompt ? "$" + "{input:drawbridge-token}" : token}` },
        },
      },
    },
    null,
    2,
  );
}

export function setup(
  address: string,
  placement: TokenPlacement,
  token: string | null,
): VscodeSetup {
  return {
    content: content(address, placement, token ?? MASK),
    installLink: "vscode:mcp/install?%7B%22name%22%3A%22drawbridge%22%7D",
    token,
  };
}

/** The difference for a folder that has a file with one other server, or for an empty folder. */
export function difference(
  address: string,
  placement: TokenPlacement,
  exists: boolean,
): DiffLine[] {
  const lines = content(address, placement, MASK).split("\n");
  if (!exists) return lines.map((text) => ({ kind: "added", text }));
  const from = lines.findIndex((line) => line.includes('"drawbridge": {'));
  const added = lines.slice(from, -2);
  return [
    { kind: "same", text: "{" },
    { kind: "same", text: "  // Servers for this folder." },
    { kind: "same", text: '  "servers": {' },
    {
      kind: "removed",
      text: '    "docs": { "type": "http", "url": "https://docs.example.org/mcp" }',
    },
    {
      kind: "added",
      text: '    "docs": { "type": "http", "url": "https://docs.example.org/mcp" },',
    },
    ...added.map((text): DiffLine => ({ kind: "added", text })),
    { kind: "same", text: "  }" },
    { kind: "same", text: "}" },
  ];
}
