import { useState } from "react";
import type { BackendCheck } from "../ipc/bindings/BackendCheck";
import type { BackendDraft } from "../ipc/bindings/BackendDraft";
import type { BackendView } from "../ipc/bindings/BackendView";
import type { Host } from "../ipc/host";
import { backendMissing, draftOfBackend, EMPTY_BACKEND, tidyBackend } from "./backends";
import { usePanel } from "./panel";
import { useAction } from "./query";
import { secretName } from "./secrets";

/**
 * A place that is being added or changed: what is typed, what it answered as it is typed now, and
 * a key that is new. The key is kept as soon as the place is asked, and forgotten where nothing is
 * saved.
 */
export function useBackendDraft(backend: BackendView | undefined, onClose: () => void) {
  const { host, notices } = usePanel();
  const [draft, setDraft] = useState(backend ? draftOfBackend(backend) : EMPTY_BACKEND);
  const [key, setKey] = useState<string | undefined>();
  const [fresh, setFresh] = useState<string | undefined>();
  const [checked, setChecked] = useState<{ of: string; check: BackendCheck } | undefined>();
  const tidy = tidyBackend(draft);
  const check = useAction(async () => {
    let asked = tidy;
    if (key) {
      const secret = fresh ?? (await freshSecret(host, tidy.name));
      await host.call("store_secret", { name: secret, value: key });
      asked = { ...tidy, secret };
      setFresh(secret);
      setKey(undefined);
      setDraft(asked);
    }
    const answer = await host.call("check_backend", { draft: asked });
    setChecked({ of: JSON.stringify(asked), check: answer });
  });
  const save = useAction(async () => {
    await host.call("save_backend", { draft: tidy, replaces: backend?.name ?? null });
    notices.show({ tone: "done", text: `${tidy.name} is saved.` });
    if (fresh !== undefined && fresh !== tidy.secret) await forget(host, fresh);
    onClose();
  });
  const change = (next: Partial<BackendDraft>) => {
    save.clear();
    check.clear();
    setDraft({ ...draft, ...next });
  };
  return {
    draft,
    name: tidy.name,
    missing: backendMissing(tidy),
    key,
    check,
    save,
    error: save.error ?? check.error,
    /** What it answered, unless something was changed since. */
    found: checked?.of === JSON.stringify(tidy) && !key ? checked.check : undefined,
    change: (next: Partial<BackendDraft>) => {
      if ("secret" in next) setKey(undefined);
      change(next);
    },
    typeKey: (value: string) => {
      setKey(value);
      change({ secret: null });
    },
    leave: () => {
      onClose();
      if (fresh !== undefined) void forget(host, fresh);
    },
  };
}

/** A name that no other secret has. */
async function freshSecret(host: Host, place: string): Promise<string> {
  const { secrets } = await host.call("secrets");
  return secretName(place, "key", new Set(secrets.map(({ name }) => name)));
}

const forget = (host: Host, name: string) =>
  host.call("remove_secret", { name }).catch(() => {
    // It stands in the keyring under a name that nothing refers to.
  });
