import { go } from "../state/route";
import { Button } from "./Button";

/** The way from a server that lacks a secret to where it is stored. */
export function ToSecrets() {
  return (
    <Button
      icon="key"
      data-testid="to-secrets"
      onClick={() => go({ page: "settings", part: "secrets" })}
    >
      Go to the secrets
    </Button>
  );
}
