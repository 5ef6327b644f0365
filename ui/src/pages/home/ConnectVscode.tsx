import { useVscode, type VscodeStep } from "../../state/vscode";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/Problem";
import styles from "./ConnectVscode.module.css";

const NEXT: Record<Exclude<VscodeStep, "none">, string> = {
  copied:
    "The setup is on the clipboard. Paste it into a file named mcp.json in the folder .vscode of your project. VS Code asks for a token once.",
  opened: "VS Code shows Drawbridge. Choose Install there. It asks for a token once.",
  tokenCopied: "The token is on the clipboard. Paste it where VS Code asks for it.",
  tokenUnknown:
    "The token is not known any more. A new one can be made; the old one stops working then.",
};

/** Two ways to bring VS Code here, and what comes after each. */
export function ConnectVscode({ primary }: { primary: boolean }) {
  const { step, copySetup, openInstall, copyToken, error } = useVscode();
  return (
    <div className={styles.connect}>
      <div className={styles.buttons}>
        <Button
          kind={primary ? "primary" : "plain"}
          icon="outside"
          busy={openInstall.busy}
          data-testid="add-to-vscode"
          onClick={() => void openInstall.start()}
        >
          Add to VS Code
        </Button>
        <Button
          icon="copy"
          busy={copySetup.busy}
          data-testid="copy-vscode-setup"
          onClick={() => void copySetup.start("prompt")}
        >
          Copy VS Code setup
        </Button>
      </div>
      <div role="status">
        {step !== "none" && (
          <div className={styles.next} data-testid="vscode-next">
            <p>{NEXT[step]}</p>
            {step !== "tokenCopied" && (
              <Button
                icon="key"
                busy={copyToken.busy}
                data-testid="copy-token"
                onClick={() => void copyToken.start(step === "tokenUnknown")}
              >
                {step === "tokenUnknown" ? "Make and copy a new token" : "Copy token"}
              </Button>
            )}
          </div>
        )}
      </div>
      {error && (
        <div className={styles.error}>
          <ProblemNote problem={error.problem} alert />
        </div>
      )}
    </div>
  );
}
