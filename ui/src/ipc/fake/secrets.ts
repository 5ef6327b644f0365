import type { BackendView } from "../bindings/BackendView";
import type { BlockedView } from "../bindings/BlockedView";
import type { Problem } from "../bindings/Problem";
import type { SecretsView } from "../bindings/SecretsView";
import type { SecretView } from "../bindings/SecretView";
import type { ServerDraft } from "../bindings/ServerDraft";
import { Refusal } from "./refusal";
import type { Scene } from "./scenes";

const LOCKED: Problem = {
  message:
    "The keyring of this computer is locked, so that Drawbridge cannot reach its secrets. Unlock the keyring and try again.",
  detail: "org.freedesktop.secrets: the collection is locked",
};
const MISSING: Problem = {
  message:
    "This computer has no keyring that Drawbridge can keep secrets in. Install or start one, such as GNOME Keyring, or use variables of the environment.",
  detail: "org.freedesktop.secrets: no such service",
};

export function missingSecret(name: string): Problem {
  return {
    message: `No secret named ${name} is stored, but \${secret:${name}} asks for it. Store it, or take the reference out.`,
    detail: "",
  };
}

/** The keyring, and what the config refers to. */
export class FakeSecrets {
  readonly store = new Map<string, string>();
  readonly #named: Omit<SecretView, "stored">[] = [];
  #problem: Problem | null = null;

  constructor(scene: Scene) {
    if (scene === "secrets" || scene.startsWith("keyring")) {
      this.#named.push(
        { name: "client-vscode", servers: [], clients: ["vscode"], backends: [] },
        { name: "notes-API_KEY", servers: ["notes"], clients: [], backends: [] },
        { name: "weather-Authorization", servers: ["weather"], clients: [], backends: [] },
      );
      this.store.set("client-vscode", "db_example");
      this.store.set("weather-Authorization", "example");
    }
    if (scene === "keyring-locked") this.#problem = LOCKED;
    if (scene === "keyring-missing") this.#problem = MISSING;
  }

  unlock() {
    this.#problem = null;
  }

  view(
    drafts: ReadonlyMap<string, ServerDraft>,
    backends: readonly BackendView[] = [],
  ): SecretsView {
    const all = this.#named.map((each) => ({
      ...each,
      servers: [...each.servers],
      backends: [] as string[],
    }));
    for (const [server, draft] of drafts) {
      for (const name of secretsOf(draft)) {
        const known = all.find((each) => each.name === name);
        if (!known) all.push({ name, servers: [server], clients: [], backends: [] });
        else if (!known.servers.includes(server)) known.servers.push(server);
      }
    }
    for (const { name: backend, secret } of backends) {
      if (secret === null) continue;
      const known = all.find(({ name }) => name === secret);
      if (known) known.backends.push(backend);
      else all.push({ name: secret, servers: [], clients: [], backends: [backend] });
    }
    const stored = (name: string) => (this.#problem ? null : this.store.has(name));
    return {
      problem: this.#problem,
      secrets: all
        .map((each) => ({ ...each, stored: stored(each.name) }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    };
  }

  /** A secret that a server needs and that is not stored. */
  lackedBy(server: string, draft: ServerDraft | undefined): string | undefined {
    const named = this.#named.filter(({ servers }) => servers.includes(server));
    const names = draft ? secretsOf(draft) : named.map(({ name }) => name);
    return names.find((name) => this.#problem !== null || !this.store.has(name));
  }

  set(name: string, value: string) {
    this.#check();
    this.store.set(name, value);
  }

  remove(name: string) {
    this.#check();
    this.store.delete(name);
  }

  #check() {
    if (this.#problem) throw new Refusal("other", this.#problem.message, this.#problem.detail);
  }
}

function secretsOf({ transport }: ServerDraft): string[] {
  const values = transport.kind === "local" ? transport.env : transport.headers;
  return values.flatMap(({ value }) =>
    [...(value ?? "").matchAll(/\$\{secret:([^}]+)\}/g)].flatMap(([, name]) => name ?? []),
  );
}

const MINUTE = 60_000;

export function someBlocked(): BlockedView[] {
  const at = Date.now() - 2 * MINUTE;
  const make = (id: number, rest: Partial<BlockedView>): BlockedView => ({
    id,
    client: "vscode",
    server: "weather",
    subject: "forecast",
    direction: "arguments",
    looksLike: ["a GitHub token"],
    at: at - id * 7 * MINUTE,
    letThrough: false,
    ...rest,
  });
  return [
    make(1, {}),
    make(2, {
      client: "chat",
      server: "files",
      subject: "read_file",
      direction: "result",
      looksLike: ["a private key", "an AWS access key"],
    }),
    make(3, { subject: "warnings", letThrough: true }),
    make(4, { client: "chat", server: "git", subject: "git_diff", direction: "result" }),
    make(5, { client: "chat", subject: "warnings", looksLike: [] }),
  ];
}
