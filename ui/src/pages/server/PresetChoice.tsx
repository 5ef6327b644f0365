import { useRef, useState } from "react";
import type { Preset } from "../../ipc/bindings/Preset";
import type { ServerView } from "../../ipc/bindings/ServerView";
import { setPreset } from "../../state/actions";
import { usePanel } from "../../state/panel";
import { plural } from "../../state/words";
import { Button } from "../../ui/Button";
import { Choice } from "../../ui/Choice";
import { Dialog } from "../../ui/Dialog";
import { Foreign } from "../../ui/Foreign";
import { Card } from "../../ui/Page";
import styles from "./Server.module.css";

const OPTIONS: { value: Preset; title: string; detail: string }[] = [
  { value: "ask", title: "Ask first", detail: "You are asked before a call goes through." },
  {
    value: "read",
    title: "Reading runs, the rest asks",
    detail: "You confirm once which tools only read. The server says which ones do.",
  },
  { value: "allow", title: "Run everything", detail: "Calls go through." },
  { value: "off", title: "Off", detail: "Apps do not see them." },
];

/** What tools of a server get that have no mode of their own. */
export function PresetChoice({ server }: { server: ServerView }) {
  const panel = usePanel();
  const [confirming, setConfirming] = useState(false);
  const choose = (preset: Preset) => {
    if (preset === server.preset) return;
    if (preset === "read" && claimed(server).length > 0) setConfirming(true);
    else void setPreset(panel, server, preset);
  };
  return (
    <Card>
      <Choice
        label="Tools without a mode of their own"
        value={server.preset}
        options={OPTIONS}
        onChange={choose}
      />
      {confirming && <ConfirmReading server={server} onClose={() => setConfirming(false)} />}
    </Card>
  );
}

/** Tools that would ask, and of which the server says that they only read. */
function claimed(server: ServerView): string[] {
  return server.tools
    .filter(({ claims, modeSource }) => claims.readOnly === true && modeSource === "preset")
    .map(({ name }) => name);
}

function ConfirmReading({ server, onClose }: { server: ServerView; onClose: () => void }) {
  const panel = usePanel();
  const [names] = useState(() => claimed(server));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const cancel = useRef<HTMLButtonElement>(null);
  const allowed = names.filter((name) => !left.has(name));
  const toggle = (name: string) =>
    setLeft((before) => {
      const after = new Set(before);
      if (!after.delete(name)) after.add(name);
      return after;
    });
  return (
    <Dialog
      open
      onClose={onClose}
      title="Which tools only read?"
      description={`${server.name} says that these only read. It may be wrong, so look through them: they will run without a question.`}
      initialFocus={cancel}
      testId="confirm-reading"
      footer={
        <>
          <Button ref={cancel} onClick={onClose}>
            Cancel
          </Button>
          <Button
            kind="primary"
            data-testid="let-read"
            onClick={() => {
              onClose();
              void setPreset(panel, server, "read", allowed);
            }}
          >
            {allowed.length === 0 ? "Let all ask" : `Let ${plural(allowed.length, "tool")} run`}
          </Button>
        </>
      }
    >
      <ul className={styles.reading}>
        {names.map((name) => (
          <li key={name}>
            <label>
              <input
                type="checkbox"
                checked={!left.has(name)}
                data-testid={`reads-${name}`}
                onChange={() => toggle(name)}
              />
              <Foreign text={name} />
            </label>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
