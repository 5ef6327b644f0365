import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { type ReactNode, type RefObject, useRef } from "react";
import { useAction } from "../state/query";
import { Button, IconButton } from "./Button";
import styles from "./Dialog.module.css";
import { ProblemNote } from "./Problem";

type DialogProps = {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  initialFocus?: RefObject<HTMLElement | null>;
  /** What takes the focus afterwards, where the one that had it may be gone. */
  finalFocus?: RefObject<HTMLElement | null>;
  /** Each part of a longer way is seen from its beginning. */
  part?: string;
  testId?: string;
};

export function Dialog(props: DialogProps) {
  return (
    <BaseDialog.Root open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className={styles.backdrop} />
        <BaseDialog.Viewport className={styles.viewport}>
          <BaseDialog.Popup
            className={styles.popup}
            initialFocus={props.initialFocus}
            finalFocus={props.finalFocus}
            data-testid={props.testId}
          >
            <header className={styles.head}>
              <BaseDialog.Title className={styles.title}>{props.title}</BaseDialog.Title>
              <BaseDialog.Close render={<IconButton icon="close" label="Close" />} />
            </header>
            <div
              key={props.part}
              className={styles.body}
              role="group"
              aria-label={props.title}
              tabIndex={0}
            >
              {props.description && (
                <BaseDialog.Description className={styles.description}>
                  {props.description}
                </BaseDialog.Description>
              )}
              {props.children}
            </div>
            {props.footer && <footer className={styles.footer}>{props.footer}</footer>}
          </BaseDialog.Popup>
        </BaseDialog.Viewport>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

type QuestionProps = {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** The word on the button that does it. */
  doIt: string;
  action: () => Promise<unknown>;
  /** Something that can be set back is no danger. */
  kind?: "danger" | "primary";
};

/** Asks once before what cannot be undone. The focus is on the way out. */
export function Question({ open, onClose, title, children, doIt, action, kind }: QuestionProps) {
  const cancel = useRef<HTMLButtonElement>(null);
  const { start, busy, error, clear } = useAction(action);
  const close = () => {
    clear();
    onClose();
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => !next && close()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles.backdrop} />
        <AlertDialog.Viewport className={styles.viewport}>
          <AlertDialog.Popup className={styles.popup} data-small initialFocus={cancel}>
            <header className={styles.head}>
              <AlertDialog.Title className={styles.title}>{title}</AlertDialog.Title>
            </header>
            <div className={styles.body}>
              <AlertDialog.Description render={<div />}>{children}</AlertDialog.Description>
              {error && <ProblemNote problem={error.problem} alert />}
            </div>
            <footer className={styles.footer}>
              <AlertDialog.Close ref={cancel} render={<Button>Cancel</Button>} />
              <Button
                kind={kind ?? "danger"}
                busy={busy}
                data-testid="question-do"
                onClick={async () => {
                  if (await start()) close();
                }}
              >
                {doIt}
              </Button>
            </footer>
          </AlertDialog.Popup>
        </AlertDialog.Viewport>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
