import type { RecordRule } from "../../ipc/bindings/RecordRule";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { usePanel } from "../../state/panel";
import { setRecordRule } from "../../state/recordWork";
import { Choice } from "../../ui/Choice";
import { Card } from "../../ui/Page";

const OPTIONS: { value: RecordRule; title: string; detail: string }[] = [
  {
    value: "content",
    title: "Everything",
    detail: "What was asked and what came back, with keys and tokens masked.",
  },
  {
    value: "shapes",
    title: "Names and shapes only",
    detail: "The names of fields, and of each value what kind it is and how long.",
  },
  {
    value: "nothing",
    title: "Nothing of the content",
    detail: "Who called which tool, when and how it ended, and how much was sent.",
  },
];

/** How much of the content of a server's calls is kept on record. */
export function RecordRuleChoice({ server }: { server: ServerView }) {
  const panel = usePanel();
  return (
    <Card>
      <Choice
        label="What is kept on record"
        value={server.record}
        options={OPTIONS}
        onChange={(rule) => rule !== server.record && void setRecordRule(panel, server.name, rule)}
      />
    </Card>
  );
}
