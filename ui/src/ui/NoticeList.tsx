import { useNotices, usePanel } from "../state/panel";
import { focusPageTitle } from "../state/route";
import { Button, IconButton } from "./Button";
import { Icon } from "./Icon";
import styles from "./NoticeList.module.css";
import { Details } from "./Problem";

/** Sentences at the edge of the window: what was done and can be undone, and what was not done. */
export function NoticeList() {
  const { notices } = usePanel();
  const all = useNotices();
  return (
    <section
      className={styles.list}
      aria-label="Notices"
      onPointerEnter={() => notices.hold(true)}
      onPointerLeave={() => notices.hold(false)}
      onFocus={() => notices.hold(true)}
      onBlur={() => notices.hold(false)}
    >
      {(["done", "trouble"] as const).map((tone) => (
        <div key={tone} className={styles.stack} role={tone === "done" ? "status" : "alert"}>
          {all
            .filter((notice) => notice.tone === tone)
            .map(({ id, text, detail, action }) => (
              <div
                key={id}
                className={styles.notice}
                data-tone={tone}
                data-testid={`notice-${tone}`}
              >
                <Icon name={tone === "done" ? "check" : "trouble"} className={styles.sign} />
                <div className={styles.words}>
                  <p>{text}</p>
                  <Details text={detail} />
                </div>
                {action && (
                  <Button
                    ref={action.focus ? focusOnce : undefined}
                    data-testid="undo"
                    icon={action.icon ?? "undo"}
                    onClick={() => {
                      action.run();
                      notices.close(id);
                      focusPageTitle();
                    }}
                  >
                    {action.label}
                  </Button>
                )}
                <IconButton
                  icon="close"
                  label="Close"
                  onClick={() => {
                    notices.close(id);
                    focusPageTitle();
                  }}
                />
              </div>
            ))}
        </div>
      ))}
    </section>
  );
}

/**
 * What had the focus went away with what was removed: the way back takes it. A menu that closes
 * gives the focus back to its button first, so this waits until that is over.
 */
function focusOnce(button: HTMLButtonElement | null) {
  if (button) requestAnimationFrame(() => requestAnimationFrame(() => button.focus()));
}
