//! The clerk that writes down which requests were turned away at the door.
//!
//! A refused request costs whoever sent it nothing, so what it leaves behind is bounded: a few are
//! put on record and logged one by one in each minute, the rest is counted, and the count follows
//! when the minute is over. Nothing here delays an answer, and a note that cannot be written is
//! let go: what was refused did not run.

use std::time::Duration;

use drawbridge_audit::{Note, Record};
use drawbridge_model::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One request that was turned away. No field holds a token.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Who connected, as an address.
    pub(crate) peer: String,
    /// The method and the path with tokens masked.
    pub(crate) request: String,
    /// The `Host` that was sent, escaped and cut.
    pub(crate) host: String,
    /// The `Origin` that was sent, escaped and cut.
    pub(crate) origin: String,
    /// Why.
    pub(crate) reason: String,
}

/// Where refusals are handed in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    // When full, the refusal is dropped: the flood that fills it is on record by its count.
    notices: mpsc::Sender<Refused>,
}

impl Door {
    /// Opens the book. The future is the clerk and ends with `stop`.
    pub(crate) fn open(
        record: Record,
        per_minute: u32,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (notices, incoming) = mpsc::channel(256);
        (Self { notices }, keep_book(record, per_minute, incoming, stop))
    }

    pub(crate) fn turned_away(&self, refused: Refused) {
        let _full = self.notices.try_send(refused);
    }
}

/// What becomes of one refusal.
#[derive(Debug, PartialEq, Eq)]
enum Entered {
    /// It is written down by itself.
    Alone,
    /// It is only counted.
    Counted,
}

/// Counts refusals by the minute.
#[derive(Debug)]
struct Minute {
    limit: u32,
    began: Instant,
    entered: u32,
    counted: u64,
}

impl Minute {
    const LENGTH: Duration = Duration::from_secs(60);

    fn new(limit: u32, now: Instant) -> Self {
        Self { limit, began: now, entered: 0, counted: 0 }
    }

    /// When the count is due, if anything was counted.
    fn due(&self) -> Option<Instant> {
        (self.counted > 0).then(|| self.began + Self::LENGTH)
    }

    /// Starts the next minute if this one is over, and gives what was counted in it.
    fn turn(&mut self, now: Instant) -> Option<u64> {
        if now < self.began + Self::LENGTH {
            return None;
        }
        let counted = self.counted;
        *self = Self::new(self.limit, now);
        (counted > 0).then_some(counted)
    }

    fn enter(&mut self) -> Entered {
        if self.entered < self.limit {
            self.entered += 1;
            Entered::Alone
        } else {
            self.counted += 1;
            Entered::Counted
        }
    }
}

async fn keep_book(
    record: Record,
    per_minute: u32,
    mut incoming: mpsc::Receiver<Refused>,
    stop: CancellationToken,
) {
    let mut minute = Minute::new(per_minute, Instant::now());
    loop {
        let due = minute.due();
        let refused = tokio::select! {
            () = stop.cancelled() => break,
            () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now)).await },
                if due.is_some() => None,
            refused = incoming.recv() => match refused {
                Some(refused) => Some(refused),
                None => break,
            },
        };
        if let Some(counted) = minute.turn(Instant::now()) {
            enter_count(&record, counted).await;
        }
        if let Some(refused) = refused
            && minute.enter() == Entered::Alone
        {
            enter(&record, refused).await;
        }
    }
    incoming.close();
    while let Ok(refused) = incoming.try_recv() {
        if minute.enter() == Entered::Alone {
            enter(&record, refused).await;
        }
    }
    if minute.counted > 0 {
        enter_count(&record, minute.counted).await;
    }
}

async fn enter(record: &Record, refused: Refused) {
    let Refused { peer, request, host, origin, reason } = refused;
    tracing::warn!(%peer, %request, %host, %origin, %reason, "request refused");
    let mut note = Note::new(ActivityKind::RequestRefused);
    note.subject = Some(request.into());
    note.outcome = Some(ActivityOutcome::Refused);
    note.decision = Some(ActivityDecision::Refused);
    note.reason = Some(ActivityReason::Guard);
    note.note = Some(match (host.is_empty(), origin.is_empty()) {
        (true, true) => format!("{reason} (from {peer})"),
        (false, true) => format!("{reason} (from {peer}, for host {host})"),
        (_, false) => format!("{reason} (from {peer}, for host {host}, by origin {origin})"),
    });
    write(record, note).await;
}

async fn enter_count(record: &Record, counted: u64) {
    tracing::warn!(counted, "further requests refused");
    let mut note = Note::new(ActivityKind::RequestRefused);
    note.outcome = Some(ActivityOutcome::Refused);
    note.decision = Some(ActivityDecision::Refused);
    note.reason = Some(ActivityReason::Guard);
    note.note = Some(format!("{counted} further requests were refused within a minute"));
    write(record, note).await;
}

async fn write(record: &Record, note: Note) {
    if let Err(error) = record.note(note).await {
        tracing::debug!(%error, "a refusal is not on record");
    }
}

/// A header value as it may be logged: escaped and cut.
pub(crate) fn shown(value: Option<&http::HeaderValue>) -> String {
    let bytes = value.map_or(&[] as &[u8], http::HeaderValue::as_bytes);
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_few_entries_and_a_count() {
        let start = Instant::now();
        let mut minute = Minute::new(3, start);
        let entered = (0..100).filter(|_| minute.enter() == Entered::Alone).count();
        assert_eq!(entered, 3);
        assert_eq!(minute.due(), Some(start + Minute::LENGTH));
        assert_eq!(minute.turn(start + Duration::from_secs(59)), None, "the minute is not over");
        assert_eq!(minute.turn(start + Minute::LENGTH), Some(97));
        assert_eq!(minute.due(), None, "nothing is counted, so nothing wakes the clerk");
        assert_eq!(minute.enter(), Entered::Alone, "the next minute has room again");
        assert_eq!(minute.turn(start + Minute::LENGTH * 3), None, "nothing was counted");
    }
}
