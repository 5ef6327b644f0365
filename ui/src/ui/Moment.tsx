import type { PauseView } from "../ipc/bindings/PauseView";
import { useNow } from "../state/panel";
import { formatMoment } from "../state/pause";
import { formatExact } from "../state/words";

/** A time of the clock, exact on hover. */
export function Moment({ at, now }: { at: number; now: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at)}>
      {formatMoment(at, now)}
    </time>
  );
}

/** Since when and until when something is paused. */
export function PausedWords({ paused }: { paused: PauseView }) {
  const now = useNow(30_000);
  const { since, until, fromBefore } = paused;
  return (
    <span data-testid="paused-words">
      {fromBefore ? "Still paused since " : "Paused since "}
      <Moment at={since} now={now} />
      {until !== null && (
        <>
          , until <Moment at={until} now={now} />
        </>
      )}
      {fromBefore && ", from before Drawbridge was last started"}.
    </span>
  );
}
