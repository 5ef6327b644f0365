import type { DraftTransport } from "../bindings/DraftTransport";
import type { ServerDraft } from "../bindings/ServerDraft";
import type { StartPreview } from "../bindings/StartPreview";

/** Why a snippet could not be read, as the engine would say it. */
export class SnippetProblem extends Error {}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const values = (from: unknown) =>
  isObject(from)
    ? Object.entries(from).map(([name, value]) => ({ name, value: String(value) }))
    : [];

function transport(entry: Json): DraftTransport | undefined {
  if (typeof entry.command === "string") {
    return {
      kind: "local",
      command: entry.command,
      args: Array.isArray(entry.args) ? entry.args.map(String) : [],
      env: values(entry.env),
      cwd: typeof entry.cwd === "string" ? entry.cwd : null,
    };
  }
  if (typeof entry.url === "string") {
    return { kind: "remote", url: entry.url, headers: values(entry.headers) };
  }
  return undefined;
}

/** Reads what READMEs show: `mcpServers`, `servers`, a bare map, or one server alone. */
export function readSnippet(text: string): ServerDraft[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.trim().startsWith('"') ? `{${text}}` : text);
  } catch {
    throw new SnippetProblem(
      "This could not be read as JSON. Copy the whole block, from the first brace to the last.",
    );
  }
  if (!isObject(parsed)) throw new SnippetProblem("There is no server in this text.");
  const alone = transport(parsed);
  if (alone) return [{ name: "", transport: alone }];
  const map = [parsed.mcpServers, parsed.servers, parsed].find(isObject) ?? {};
  const drafts = Object.entries(map).flatMap(([name, entry]) => {
    const found = isObject(entry) ? transport(entry) : undefined;
    return found ? [{ name, transport: found }] : [];
  });
  if (drafts.length === 0) throw new SnippetProblem("There is no server in this text.");
  return drafts;
}

const PLAIN = /^[A-Za-z0-9@%_\-+=:,./~]+$/;
// Control characters, and the zero-width and bidirectional ones.
const HIDDEN = /[\p{Cc}\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u061C\u00AD]/gu;
const escaped = (word: string) =>
  word.replaceAll(HIDDEN, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);

export function previewStart(draft: ServerDraft): StartPreview {
  const base = { draft, argv: [], commandLine: "", resolvedPath: null, cwd: null, problem: null };
  if (draft.transport.kind === "remote") {
    const cautions = draft.transport.url.startsWith("http://")
      ? ["The address is not encrypted (http). Others on the network can read what is sent."]
      : [];
    return { ...base, valueNames: draft.transport.headers.map(({ name }) => name), cautions };
  }
  const { command, args, env, cwd } = draft.transport;
  const argv = [command, ...args].map(escaped);
  const cautions: string[] = [];
  if (/^(ba|z|da)?sh$|^cmd$|^powershell$/.test(command)) {
    cautions.push("It starts a shell, which can run anything its text says.");
  }
  if (/^(npx|uvx|bunx|pipx)$/.test(command)) {
    cautions.push(`${command} downloads the program when it is not on this computer yet.`);
  }
  if ([command, ...args].includes("sudo")) cautions.push("It asks for administrator rights.");
  const found = !/^(missing|nowhere)/.test(command);
  return {
    ...base,
    argv,
    commandLine: argv
      .map((word) => (PLAIN.test(word) ? word : `"${word.replaceAll(/["\\]/g, "\\$&")}"`))
      .join(" "),
    resolvedPath: found ? (command.startsWith("/") ? command : `/usr/bin/${command}`) : null,
    cwd,
    valueNames: env.map(({ name }) => name),
    cautions,
  };
}
