import { useState } from "react";
import type { FirstModes } from "../../ipc/bindings/FirstModes";
import type { ServerDraft } from "../../ipc/bindings/ServerDraft";
import type { StartPreview } from "../../ipc/bindings/StartPreview";
import { draftOf, EMPTY_FORM, type Form, formOf, keptNames, missing } from "../../state/draft";
import { treatment } from "../../state/errors";
import { usePanel } from "../../state/panel";
import { useAction } from "../../state/query";
import { keepThen } from "../../state/secrets";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { ProblemNote } from "../../ui/Problem";
import { Found } from "./Found";
import { Paste } from "./Paste";
import { Review } from "./Review";
import { ServerForm } from "./ServerForm";

type Step =
  | { kind: "paste" }
  | { kind: "found"; drafts: ServerDraft[]; added: ReadonlySet<string> }
  | { kind: "form" }
  | { kind: "review"; preview: StartPreview; from: "paste" | "form" | "found" };

/** From a pasted block or a form, by the exact command, to an added server. */
export function AddServer({ open, onClose }: { open: boolean; onClose: () => void }) {
  // Each opening begins anew: what was cancelled leaves nothing behind.
  return open ? <AddServerDialog onClose={onClose} /> : null;
}

function AddServerDialog({ onClose }: { onClose: () => void }) {
  const { host, notices } = usePanel();
  const [text, setText] = useState("");
  const [step, setStep] = useState<Step>({ kind: "paste" });
  const [found, setFound] = useState<Extract<Step, { kind: "found" }> | undefined>();
  const [form, setForm] = useState<Form>(EMPTY_FORM);
  const [checked, setChecked] = useState(false);
  const [first, setFirst] = useState<FirstModes>("keepOff");

  const look = useAction(async (draft: ServerDraft) => {
    const preview = await host.call("preview_start", { draft, replaces: null });
    setFirst("keepOff");
    setStep((last) => ({
      kind: "review",
      preview,
      from: last.kind === "review" ? last.from : last.kind,
    }));
  });
  const read = useAction(async () => {
    const drafts = await host.call("read_snippet", { text });
    const [only] = drafts;
    if (drafts.length === 1 && only) return open(only);
    const next: Step = { kind: "found", drafts, added: new Set() };
    setFound(next);
    setStep(next);
  });
  const add = useAction(async (draft: ServerDraft) => {
    await keepThen(host, draft, keptNames(form), null, (kept) =>
      host.call("add_server", { draft: kept, firstModes: first }),
    );
    notices.show({ tone: "done", text: `${draft.name} was added and is starting.` });
    if (!found) return onClose();
    const next = { ...found, added: new Set([...found.added, nameInSnippet]) };
    if (next.added.size === next.drafts.length) return onClose();
    setFound(next);
    setStep(next);
  });
  const [nameInSnippet, setNameInSnippet] = useState("");

  /** Shows one draft: its command at once, or the form while something is missing. */
  async function open(draft: ServerDraft) {
    const next = formOf(draft);
    setForm(next);
    setNameInSnippet(draft.name);
    if (missing(next)) {
      setChecked(false);
      setStep({ kind: "form" });
    } else await look.start(draft);
  }

  const back = () => {
    look.clear();
    add.clear();
    if (step.kind === "review" && step.from === "form") setStep({ kind: "form" });
    else setStep(found ?? { kind: "paste" });
  };
  const wrong = fieldError(form, checked, look.error);
  const nameTaken = step.kind === "review" && step.preview.problem !== null;

  return (
    <Dialog
      open
      onClose={onClose}
      title={titleOf(step)}
      testId="add-dialog"
      part={step.kind}
      footer={
        <>
          {step.kind !== "paste" && <Button onClick={back}>Back</Button>}
          {step.kind === "review" && step.from !== "form" && (
            <Button icon="edit" onClick={() => setStep({ kind: "form" })}>
              Change
            </Button>
          )}
          <Button onClick={onClose}>{found && found.added.size > 0 ? "Done" : "Cancel"}</Button>
          {step.kind === "paste" && (
            <Button
              kind="primary"
              busy={read.busy || look.busy}
              disabled={text.trim() === ""}
              data-testid="read-snippet"
              onClick={() => void read.start()}
            >
              Continue
            </Button>
          )}
          {step.kind === "form" && (
            <Button
              kind="primary"
              busy={look.busy}
              data-testid="review-draft"
              onClick={() => {
                setChecked(true);
                if (!missing(form)) void look.start(draftOf(form));
              }}
            >
              Continue
            </Button>
          )}
          {step.kind === "review" && (
            <Button
              kind="primary"
              busy={add.busy}
              disabled={nameTaken}
              data-testid="confirm-add"
              onClick={() => void add.start(step.preview.draft)}
            >
              Add {step.preview.draft.name}
            </Button>
          )}
        </>
      }
    >
      {step.kind === "paste" && (
        <Paste
          text={text}
          onChange={(next) => {
            read.clear();
            setText(next);
          }}
          error={read.error ?? look.error}
          onForm={() => {
            setForm(EMPTY_FORM);
            setChecked(false);
            setStep({ kind: "form" });
          }}
        />
      )}
      {step.kind === "found" && (
        <Found
          drafts={step.drafts}
          added={step.added}
          busy={look.busy}
          onOpen={(draft) => void open(draft)}
        />
      )}
      {step.kind === "form" && <ServerForm form={form} onChange={setForm} wrong={wrong} />}
      {step.kind === "review" && (
        <Review
          preview={step.preview}
          kept={keptNames(form)}
          first={{ value: first, onChange: setFirst }}
        />
      )}
      {step.kind === "form" && look.error && !wrong && (
        <ProblemNote problem={look.error.problem} alert />
      )}
      {step.kind === "found" && look.error && <ProblemNote problem={look.error.problem} alert />}
      {step.kind === "review" && add.error && <ProblemNote problem={add.error.problem} alert />}
    </Dialog>
  );
}

export function fieldError(
  form: Form,
  checked: boolean,
  error: ReturnType<typeof useAction>["error"],
): { field: string; text: string } | undefined {
  if (checked) {
    const gap = missing(form);
    if (gap) return gap;
  }
  if (error && ["field", "name"].includes(treatment(error))) {
    return { field: "name", text: error.problem.message };
  }
  return undefined;
}

function titleOf(step: Step): string {
  switch (step.kind) {
    case "paste":
    case "form":
      return "Add a server";
    case "found":
      return `${step.drafts.length} servers found`;
    case "review":
      return `Add ${step.preview.draft.name}?`;
  }
}
