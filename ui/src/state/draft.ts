import type { DraftValue } from "../ipc/bindings/DraftValue";
import type { ServerDraft } from "../ipc/bindings/ServerDraft";

/** What the form holds while it is filled in: both ways to reach a server, so none is lost. */
export type Form = {
  name: string;
  kind: "local" | "remote";
  command: string;
  args: string[];
  env: DraftValue[];
  cwd: string;
  url: string;
  headers: DraftValue[];
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

const named = (values: DraftValue[]) => values.filter(({ name }) => name.trim() !== "");

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
