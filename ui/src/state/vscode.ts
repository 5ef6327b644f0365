import { useState } from "react";
import type { TokenPlacement } from "../ipc/bindings/TokenPlacement";
import { usePanel } from "./panel";
import { useAction } from "./query";

/** What was last done towards connecting VS Code, to say what comes next. */
export type VscodeStep = "none" | "copied" | "opened" | "tokenCopied" | "tokenUnknown";

/** Connecting VS Code: the setup goes to the clipboard or to VS Code, its token by itself. */
export function useVscode() {
  const { host } = usePanel();
  const [step, setStep] = useState<VscodeStep>("none");
  const copySetup = useAction(async (placement: TokenPlacement) => {
    await host.call("copy_vscode_setup", { placement });
    setStep("copied");
  });
  const openInstall = useAction(async () => {
    await host.call("open_vscode_install");
    setStep("opened");
  });
  const copyToken = useAction(async (renew: boolean) => {
    if (renew) await host.call("renew_vscode_token");
    const { token } = await host.call("vscode_setup", { placement: "prompt" });
    if (token !== null) await host.call("copy_text", { text: token });
    setStep(token === null ? "tokenUnknown" : "tokenCopied");
  });
  const error = copySetup.error ?? openInstall.error ?? copyToken.error;
  return { step, copySetup, openInstall, copyToken, error };
}
