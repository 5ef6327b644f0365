import { type ReactNode, useState } from "react";
import { foldOf } from "../state/visible";
import { Button } from "./Button";
import styles from "./Folded.module.css";

/** A long text shows its beginning first, and all of it on a press. */
export function Folded(props: {
  text: string;
  /** What the text is, for the button's name. */
  of: string;
  children: (shown: string) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const fold = foldOf(props.text);
  if (!fold) return <>{props.children(props.text)}</>;
  return (
    <>
      <div className={styles.text} data-folded={!open || undefined}>
        {props.children(open ? props.text : fold.head)}
      </div>
      <Button
        kind="quiet"
        icon={open ? "none" : "plus"}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {open ? "Show less" : fold.label}
        <span className="unseen"> of {props.of}</span>
      </Button>
    </>
  );
}
