import type { PauseScope } from "../ipc/bindings/PauseScope";
import type { PauseView } from "../ipc/bindings/PauseView";
import { pause, resume } from "../state/lookActions";
import { usePanel } from "../state/panel";
import { Button } from "./Button";
import { Menu, MenuItem } from "./Menu";
import styles from "./PauseControl.module.css";

type PauseControlProps = {
  scope: PauseScope;
  paused: PauseView | null;
  /** What is paused, for the buttons' names. */
  of: string;
  large?: boolean;
  testId: string;
};

/** One press pauses until the person resumes; the menu beside it, for a time. */
export function PauseControl({ scope, paused, of, large, testId }: PauseControlProps) {
  const panel = usePanel();
  return (
    <div className={styles.control} data-large={large || undefined}>
      {/* The same button throughout, so that the focus and the place stay. */}
      <Button
        kind={large && paused ? "primary" : "plain"}
        icon={paused ? "play" : "pause"}
        className={paused ? styles.alone : styles.first}
        data-testid={testId}
        onClick={() => void (paused ? resume(panel, scope) : pause(panel, scope, null))}
      >
        {paused ? "Resume" : "Pause"}
        <span className="unseen"> {of}</span>
      </Button>
      {!paused && (
        <Menu
          icon="down"
          label={`Pause ${of} for a time`}
          className={styles.more}
          testId={`${testId}-menu`}
        >
          <MenuItem icon="pause" testId="pause-15" onClick={() => void pause(panel, scope, 15)}>
            For 15 minutes
          </MenuItem>
          <MenuItem icon="pause" testId="pause-60" onClick={() => void pause(panel, scope, 60)}>
            For 1 hour
          </MenuItem>
          <MenuItem icon="pause" testId="pause-open" onClick={() => void pause(panel, scope, null)}>
            Until I resume
          </MenuItem>
        </Menu>
      )}
    </div>
  );
}
