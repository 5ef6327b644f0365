import { useState } from "react";
import type { FileChange } from "../../ipc/bindings/FileChange";
import type { FileWritten } from "../../ipc/bindings/FileWritten";
import type { TokenPlacement } from "../../ipc/bindings/TokenPlacement";
import { commandError } from "../../ipc/host";
import { treatment } from "../../state/errors";
import { usePanel } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Choice } from "../../ui/Choice";
import { Dialog } from "../../ui/Dialog";
import { Card, Section } from "../../ui/Page";
import { ProblemNote, Remark } from "../../ui/Problem";
import { Diff } from "./Diff";
import styles from "./Settings.module.css";

/** The setup file for VS Code: to read, to copy, or to be written into a folder. */
export function VscodeExport() {
  const { host } = usePanel();
  const [placement, setPlacement] = useState<TokenPlacement>("prompt");
  const [shown, setShown] = useState(false);
  const [folder, setFolder] = useState<string | undefined>();
  const [copied, setCopied] = useState(false);
  const copy = useAction(async () => {
    await host.call("copy_vscode_setup", { placement });
    setCopied(true);
  });
  const choose = useAction(async () => {
    const chosen = await host.call("choose_folder");
    if (chosen !== null) setFolder(chosen);
  });
  const error = copy.error ?? choose.error;
  return (
    <Section
      title="VS Code setup"
      intro="A file named mcp.json tells VS Code where your tools are."
      testId="vscode-export"
    >
      <Card>
        <div className={styles.stack}>
          <Choice
            label="Where is the token kept?"
            value={placement}
            onChange={(next) => {
              setPlacement(next);
              setCopied(false);
            }}
            options={[
              {
                value: "prompt",
                title: "VS Code asks for it once",
                detail: "VS Code keeps it safe. The file can be shared with others.",
              },
              {
                value: "inline",
                title: "In the file",
                detail:
                  "Nothing is asked. Whoever can read the file can use your tools from this computer.",
              },
            ]}
          />
          <div className={styles.buttons}>
            <Button
              icon={copied ? "check" : "copy"}
              busy={copy.busy}
              data-testid="export-copy"
              onClick={() => void copy.start()}
            >
              Copy the file’s text
            </Button>
            <Button
              icon="folder"
              busy={choose.busy}
              data-testid="export-folder"
              onClick={() => void choose.start()}
            >
              Write it into a folder
            </Button>
            <Button
              aria-expanded={shown}
              data-testid="export-show"
              onClick={() => setShown(!shown)}
            >
              {shown ? "Hide the text" : "Show the text"}
            </Button>
          </div>
          <p className="unseen" role="status">
            {copied ? "Copied" : ""}
          </p>
          {error && <ProblemNote problem={error.problem} alert />}
          {shown && <Text key={placement} placement={placement} />}
        </div>
      </Card>
      {folder !== undefined && (
        <WriteDialog folder={folder} placement={placement} onClose={() => setFolder(undefined)} />
      )}
    </Section>
  );
}

function Text({ placement }: { placement: TokenPlacement }) {
  const { host } = usePanel();
  const query = useQuery(placement, () => host.call("vscode_setup", { placement }));
  const token = useAction(async () => {
    if (query.kind === "ready" && query.value.token !== null) {
      await host.call("copy_text", { text: query.value.token });
    }
  });
  if (query.kind === "loading") return <Skeleton rows={3} label="Reading the setup" />;
  if (query.kind === "failed") return <ProblemNote problem={query.error.problem} alert />;
  const { content } = query.value;
  const known = query.value.token;
  return (
    <div className={styles.stack}>
      <pre className={styles.file} tabIndex={0} data-testid="export-text">
        {known === null ? content : content.replaceAll(known, "db_••••••••")}
      </pre>
      {known === null ? (
        <Remark>
          The token is not known any more. Make a new one under Apps to use this setup.
        </Remark>
      ) : (
        <div>
          <Button icon="key" busy={token.busy} onClick={() => void token.start()}>
            Copy the token
          </Button>
        </div>
      )}
      {token.error && <ProblemNote problem={token.error.problem} alert />}
    </div>
  );
}

type WriteDialogProps = { folder: string; placement: TokenPlacement; onClose: () => void };

/** What would change, then what was written, then the way back. */
function WriteDialog({ folder, placement, onClose }: WriteDialogProps) {
  const { host } = usePanel();
  const [written, setWritten] = useState<FileWritten | undefined>();
  const [undone, setUndone] = useState(false);
  const [changed, setChanged] = useState(false);
  const preview = useQuery(`${folder} ${placement}`, () =>
    host.call("preview_vscode_file", { folder, placement }),
  );
  const write = useAction(async (change: FileChange) => {
    try {
      setWritten(await host.call("write_vscode_file", { id: change.id }));
      setChanged(false);
    } catch (thrown) {
      if (treatment(commandError(thrown)) !== "again") throw thrown;
      setChanged(true);
      preview.reload();
    }
  });
  const undo = useAction(async ({ undo: id }: FileWritten) => {
    await host.call("undo_vscode_file", { undo: id });
    setUndone(true);
  });
  const error = write.error ?? undo.error;
  return (
    <Dialog
      open
      onClose={onClose}
      title={written ? "Written" : "Write the VS Code setup?"}
      testId="write-dialog"
      footer={
        written ? (
          <>
            {!undone && (
              <Button
                icon="undo"
                busy={undo.busy}
                data-testid="undo-write"
                onClick={() => void undo.start(written)}
              >
                Undo
              </Button>
            )}
            <Button kind="primary" onClick={onClose}>
              Done
            </Button>
          </>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button
              kind="primary"
              busy={write.busy}
              disabled={preview.kind !== "ready"}
              data-testid="write-file"
              onClick={() => preview.kind === "ready" && void write.start(preview.value)}
            >
              Write the file
            </Button>
          </>
        )
      }
    >
      {preview.kind === "loading" && <Skeleton rows={4} label="Comparing the files" />}
      {preview.kind === "failed" && <ProblemNote problem={preview.error.problem} alert />}
      {changed && !written && (
        <div role="alert">
          <Remark tone="caution">
            The file was changed by another program. This is the difference to how it is now.
          </Remark>
        </div>
      )}
      {preview.kind === "ready" && !written && (
        <>
          <p>
            {preview.value.exists ? "These lines change in" : "This file is made:"}{" "}
            <code className={styles.path}>{preview.value.path}</code>
          </p>
          <Diff lines={preview.value.lines} />
        </>
      )}
      {written && (
        <div role="status" className={styles.stack}>
          <p>
            {undone ? "What was there before is back: " : "VS Code finds the setup here: "}
            <code className={styles.path}>{written.path}</code>
          </p>
          {written.backup !== null && !undone && (
            <p className={styles.muted}>
              The file as it was is kept: <code className={styles.path}>{written.backup}</code>
            </p>
          )}
        </div>
      )}
      {error && <ProblemNote problem={error.problem} alert />}
    </Dialog>
  );
}
