import type { DraftValue } from "../ipc/bindings/DraftValue";
import type { Problem } from "../ipc/bindings/Problem";
import type { SecretView } from "../ipc/bindings/SecretView";
import type { ServerDraft } from "../ipc/bindings/ServerDraft";
import type { Host } from "../ipc/host";

/** Names of variables and headers whose values are worth keeping. */
const SECRET_NAME = /key|token|secret|passw|authorization/i;
const REFERENCE = /\$\{[^}]*\}/;

/** Whether a value can go to the keyring: one is typed, and it does not stand for another already. */
export const canKeep = ({ value }: DraftValue): boolean =>
  value !== null && value !== "" && !REFERENCE.test(value);

/** Whether a value goes to the keyring unless the person says otherwise. */
export const suggestsKeeping = ({ name }: DraftValue): boolean => SECRET_NAME.test(name);

/** The name a value is kept under: `files-API_KEY`. One that others use already gets a number. */
export function secretName(server: string, value: string, taken: ReadonlySet<string>): string {
  const name = `${server}-${value}`.replaceAll(/[^A-Za-z0-9._-]/g, "-");
  let free = name;
  for (let turn = 2; taken.has(free); turn += 1) free = `${name}-${turn}`;
  return free;
}

const valuesOf = ({ transport }: ServerDraft) =>
  transport.kind === "local" ? transport.env : transport.headers;

function withValues(draft: ServerDraft, values: DraftValue[]): ServerDraft {
  const { transport } = draft;
  return transport.kind === "local"
    ? { ...draft, transport: { ...transport, env: values } }
    : { ...draft, transport: { ...transport, headers: values } };
}

/** Secrets of others, which storing under the same name would overwrite. */
function ofOthers(secrets: readonly SecretView[], own: readonly string[]): Set<string> {
  return new Set(
    secrets
      .filter(
        ({ servers, clients }) => clients.length > 0 || servers.some((each) => !own.includes(each)),
      )
      .map(({ name }) => name),
  );
}

/**
 * Puts the named values into the keyring, then does `use` with a draft that refers to them. When
 * anything fails, what was newly stored is taken out again.
 */
export async function keepThen(
  host: Host,
  draft: ServerDraft,
  kept: ReadonlySet<string>,
  replaces: string | null,
  use: (draft: ServerDraft) => Promise<unknown>,
): Promise<void> {
  if (!valuesOf(draft).some((each) => kept.has(each.name) && canKeep(each))) {
    await use(draft);
    return;
  }
  const { secrets } = await host.call("secrets");
  const known = new Set(secrets.map(({ name }) => name));
  // A server that is added has no secrets yet, so that one of its name belongs to what was there.
  const taken = ofOthers(secrets, replaces === null ? [] : [replaces]);
  const fresh: string[] = [];
  try {
    const values: DraftValue[] = [];
    for (const each of valuesOf(draft)) {
      if (!kept.has(each.name) || !canKeep(each) || each.value === null) {
        values.push(each);
        continue;
      }
      const name = secretName(draft.name, each.name, taken);
      taken.add(name);
      await host.call("store_secret", { name, value: each.value });
      if (!known.has(name)) fresh.push(name);
      values.push({ name: each.name, value: `\${secret:${name}}` });
    }
    await use(withValues(draft, values));
  } catch (thrown) {
    for (const name of fresh) {
      await host.call("remove_secret", { name }).catch(() => {
        // The reason why nothing was added is what the person reads.
      });
    }
    throw thrown;
  }
}

export function storedWords(stored: boolean | null): string {
  if (stored === null) return "Cannot be told";
  return stored ? "Stored" : "Missing";
}

/** Whether a server does not run for want of a secret. A problem has no code, so its words tell. */
export const wantsSecret = ({ message }: Problem): boolean =>
  /\bno secret named\b|\bkeyring\b/i.test(message);
