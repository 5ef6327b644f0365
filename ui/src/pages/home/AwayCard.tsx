import type { Away } from "../../ipc/bindings/Away";
import { awaySentence, awayTroubles } from "../../state/away";
import { useNow, usePanel } from "../../state/panel";
import { useQuery } from "../../state/query";
import { lookedAt, readAway, useRecorded } from "../../state/recordWork";
import { focusPageTitle, go } from "../../state/route";
import { formatExact } from "../../state/words";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import styles from "./AwayCard.module.css";

/** What happened since the person last looked, told once. Where nothing did, there is nothing. */
export function AwayCard() {
  const panel = usePanel();
  const turn = useRecorded(1_000);
  const read = useQuery(`away ${turn}`, () => readAway(panel));
  // It can wait: where it cannot be read, the record says why in its own place.
  if (read.kind !== "ready" || read.value === null) return null;
  return <Card away={read.value} onSeen={read.reload} />;
}

function Card({ away, onSeen }: { away: Away; onSeen: () => void }) {
  const panel = usePanel();
  const now = useNow(30_000);
  const troubles = awayTroubles(away);
  return (
    <section className={styles.away} aria-label="While you were away" data-testid="away">
      <Icon name="away" className={styles.sign} />
      <div className={styles.words}>
        <h2>While you were away</h2>
        <p title={formatExact(away.since)}>{awaySentence(away, now)}</p>
        {troubles && <p className={styles.troubles}>{troubles}</p>}
      </div>
      <div className={styles.actions}>
        <Button
          kind="primary"
          data-testid="away-show"
          onClick={() => {
            void lookedAt(panel, away.newest);
            go({ page: "activity", entry: undefined, chosen: { from: away.since } });
          }}
        >
          Show<span className="unseen"> what happened</span>
        </Button>
        <Button
          data-testid="away-dismiss"
          onClick={async () => {
            focusPageTitle();
            await lookedAt(panel, away.newest);
            onSeen();
          }}
        >
          Dismiss
        </Button>
      </div>
    </section>
  );
}
