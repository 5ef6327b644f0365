import type { SecretsRule } from "../../ipc/bindings/SecretsRule";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { setSecretsRule } from "../../state/lookActions";
import { usePanel } from "../../state/panel";
import { Choice } from "../../ui/Choice";
import { Card } from "../../ui/Page";

const OPTIONS: { value: SecretsRule; title: string; detail: string }[] = [
  { value: "mark", title: "Mark", detail: "They cross as they are, and the record says so." },
  {
    value: "mask",
    title: "Mask",
    detail: "They are taken out, and what they look like stands in their place.",
  },
  {
    value: "block",
    title: "Block",
    detail: "A call or a result that holds one does not cross. You can let it through once.",
  },
];

/** What is done about keys and tokens on their way to a server and back. */
export function SecretsRuleChoice({ server }: { server: ServerView }) {
  const panel = usePanel();
  return (
    <Card>
      <Choice
        label="Keys and tokens in what tools send and get"
        value={server.secrets}
        options={OPTIONS}
        onChange={(rule) =>
          rule !== server.secrets && void setSecretsRule(panel, server.name, rule)
        }
      />
    </Card>
  );
}
