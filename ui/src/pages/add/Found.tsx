import type { ServerDraft } from "../../ipc/bindings/ServerDraft";
import { Button } from "../../ui/Button";
import { Pill } from "../../ui/Pill";
import styles from "./Add.module.css";

type FoundProps = {
  drafts: ServerDraft[];
  added: ReadonlySet<string>;
  busy: boolean;
  onOpen: (draft: ServerDraft) => void;
};

/** Several servers in one block: each is looked at and added by itself. */
export function Found({ drafts, added, busy, onOpen }: FoundProps) {
  return (
    <>
      <p>Each is added by itself, after you have seen what it starts.</p>
      <ul className={styles.found} data-testid="found">
        {drafts.map((draft) => (
          <li key={draft.name} className={styles.foundRow}>
            <span className={styles.foundText}>
              <strong>{draft.name}</strong>
              <code className={styles.foundCommand}>
                {draft.transport.kind === "local"
                  ? [draft.transport.command, ...draft.transport.args].join(" ")
                  : draft.transport.url}
              </code>
            </span>
            {added.has(draft.name) ? (
              <Pill tone="open">Added</Pill>
            ) : (
              <Button aria-disabled={busy || undefined} onClick={() => onOpen(draft)}>
                Look at it<span className="unseen"> {draft.name}</span>
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
