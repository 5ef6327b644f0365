import type { CommandError } from "../ipc/bindings/CommandError";
import { usePanel } from "../state/panel";
import { Skeleton } from "../ui/Blank";
import { Button } from "../ui/Button";
import { Mark } from "../ui/Mark";
import { Card } from "../ui/Page";
import { ProblemNote } from "../ui/Problem";
import shell from "./Shell.module.css";
import styles from "./Starting.module.css";

/** Before the engine has answered: the same places, still empty. */
export function Starting() {
  return (
    <div className={shell.shell} data-testid="starting">
      <div className={shell.side}>
        <div className={shell.brand} aria-hidden="true">
          <span className={shell.mark} data-tone="moving">
            <Mark up sign={false} />
          </span>
          <span className={shell.name}>Drawbridge</span>
        </div>
      </div>
      <main className={shell.main}>
        <div className={styles.page}>
          <h1>Starting</h1>
          <Card flush>
            <Skeleton rows={4} label="Reading how everything stands" />
          </Card>
        </div>
      </main>
    </div>
  );
}

export function StartFailed({ error }: { error: CommandError }) {
  const { store } = usePanel();
  return (
    <main className={styles.failed}>
      <Mark up sign className={styles.mark} />
      <h1>The panel cannot reach Drawbridge</h1>
      <ProblemNote problem={error.problem} alert>
        <Button kind="primary" icon="restart" onClick={() => store.retry()}>
          Try again
        </Button>
      </ProblemNote>
    </main>
  );
}
