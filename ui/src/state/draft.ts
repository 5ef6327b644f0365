import type { DraftValue } from "../ipc/bindings/DraftValue";
import type { ServerDraft } from "../ipc/bindings/ServerDraft";
import { canKeep, suggestsKeeping } from "./secrets";

/** A variable or header as it is filled in. */
export type FormValue = DraftValue & {
  /** Whether its value goes to the keyring; absent until the person has said so. */
  keep?: boolean;
};

/** What the form holds while it is filled in: both ways to reach a server, so none is lost. */
export type Form = {
  name: string;
  kind: "local" | "remote";
  command: string;
  args: string[];
  env: FormValue[];
  cwd: string;
  url: string;
  headers: FormValue[];
};

export const EMPTY_FORM: Form = {
  name: "",
  kind: "local",
  command: "",
  args: [],
  env: [],
  cwd: "",
  url: "",
  headers: [],
};

export function formOf({ name, transport }: ServerDraft): Form {
  if (transport.kind === "remote") {
    const { url, headers } = transport;
    return { ...EMPTY_FORM, name, kind: "remote", url, headers };
  }
  const { command, args, env, cwd } = transport;
  return { ...EMPTY_FORM, name, kind: "local", command, args, env, cwd: cwd ?? "" };
}

const named = (values: FormValue[]): DraftValue[] =>
  values.filter(({ name }) => name.trim() !== "").map(({ name, value }) => ({ name, value }));

/** Whether a value goes to the keyring: as the person says, else as its name suggests. */
export const keeps = (value: FormValue): boolean =>
  canKeep(value) && (value.keep ?? suggestsKeeping(value));

/** Names of the values that go to the keyring. */
export const keptNames = ({ kind, env, headers }: Form): Set<string> =>
  new Set((kind === "local" ? env : headers).filter(keeps).map(({ name }) => name));

export function draftOf(form: Form): ServerDraft {
  const name = form.name.trim();
  if (form.kind === "remote") {
    return {
      name,
      transport: { kind: "remote", url: form.url.trim(), headers: named(form.headers) },
    };
  }
  return {
    name,
    transport: {
      kind: "local",
      command: form.command.trim(),
      // An argument is taken as it is typed: a space may be meant.
      args: form.args,
      env: named(form.env),
      cwd: form.cwd.trim() === "" ? null : form.cwd.trim(),
    },
  };
}

/** What is missing before the draft can be looked at. */
export function missing(
  form: Form,
): { field: "name" | "command" | "url"; text: string } | undefined {
  if (form.name.trim() === "") return { field: "name", text: "Give the server a name." };
  if (form.kind === "local" && form.command.trim() === "") {
    return { field: "command", text: "Say which program to start." };
  }
  if (form.kind === "remote" && !/^https?:\/\/\S+$/.test(form.url.trim())) {
    return { field: "url", text: "An address begins with https:// or http://." };
  }
  return undefined;
}
