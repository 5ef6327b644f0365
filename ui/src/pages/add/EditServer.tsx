import { useState } from "react";
import type { ServerDraft } from "../../ipc/bindings/ServerDraft";
import type { StartPreview } from "../../ipc/bindings/StartPreview";
import { draftOf, type Form, formOf, keptNames, missing } from "../../state/draft";
import { usePanel } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { go, parseRoute } from "../../state/route";
import { keepThen } from "../../state/secrets";
import { Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { ProblemNote } from "../../ui/Problem";
import { fieldError } from "./AddServer";
import { Review } from "./Review";
import { ServerForm } from "./ServerForm";

/** Changes a server, again by way of what exactly will be started. */
export function EditServer({
  server,
  onClose,
}: {
  server: string | undefined;
  onClose: () => void;
}) {
  return server === undefined ? null : <EditServerDialog server={server} onClose={onClose} />;
}

function EditServerDialog({ server, onClose }: { server: string; onClose: () => void }) {
  const { host, notices } = usePanel();
  const stored = useQuery(server, () => host.call("server_draft", { server }));
  const [typed, setTyped] = useState<Form | undefined>();
  const [checked, setChecked] = useState(false);
  const [preview, setPreview] = useState<StartPreview | undefined>();
  const form = typed ?? (stored.kind === "ready" ? formOf(stored.value) : undefined);

  const look = useAction(async (draft: ServerDraft) => {
    setPreview(await host.call("preview_start", { draft, replaces: server }));
  });
  const save = useAction(async (draft: ServerDraft) => {
    const kept = form ? keptNames(form) : new Set<string>();
    await keepThen(host, draft, kept, server, (next) =>
      host.call("edit_server", { server, draft: next }),
    );
    notices.show({ tone: "done", text: `${draft.name} was changed.` });
    onClose();
    const route = parseRoute(window.location.hash);
    if (route.page === "server" && draft.name !== server) go({ ...route, server: draft.name });
  });
  const wrong = form && fieldError(form, checked, look.error);

  return (
    <Dialog
      open
      onClose={onClose}
      title={preview ? `Change ${server}?` : `Edit ${server}`}
      testId="edit-dialog"
      part={preview ? "review" : "form"}
      footer={
        <>
          {preview && <Button onClick={() => setPreview(undefined)}>Back</Button>}
          <Button onClick={onClose}>Cancel</Button>
          {preview ? (
            <Button
              kind="primary"
              busy={save.busy}
              disabled={preview.problem !== null}
              data-testid="confirm-edit"
              onClick={() => void save.start(preview.draft)}
            >
              Save and restart
            </Button>
          ) : (
            <Button
              kind="primary"
              busy={look.busy}
              disabled={!form}
              data-testid="review-edit"
              onClick={() => {
                setChecked(true);
                if (form && !missing(form)) void look.start(draftOf(form));
              }}
            >
              Continue
            </Button>
          )}
        </>
      }
    >
      {stored.kind === "loading" && <Skeleton rows={4} label="Reading the server" />}
      {stored.kind === "failed" && <ProblemNote problem={stored.error.problem} alert />}
      {form && !preview && <ServerForm form={form} onChange={setTyped} wrong={wrong} fixedKind />}
      {form && preview && <Review preview={preview} kept={keptNames(form)} />}
      {look.error && !wrong && !preview && <ProblemNote problem={look.error.problem} alert />}
      {save.error && <ProblemNote problem={save.error.problem} alert />}
    </Dialog>
  );
}
