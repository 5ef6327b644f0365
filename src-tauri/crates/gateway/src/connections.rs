//! Open connections, and which of them has to go when there are too many.
//!
//! Connections that never showed a valid token go first, the oldest of them before the others, so
//! that a program that opens connections and says nothing cannot keep an app out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(crate) struct Connections {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Seat>>>,
}

/// One connection's place among those that are open.
#[derive(Debug)]
pub(crate) struct Seat {
    proven: AtomicBool,
    /// Cancelled when the connection has to make room, and with everything at the end.
    pub(crate) leave: CancellationToken,
}

impl Seat {
    /// A request on this connection showed a valid token.
    pub(crate) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }
}

/// Gives the place back when dropped.
#[derive(Debug)]
pub(crate) struct Seated {
    id: u64,
    pub(crate) seat: Arc<Seat>,
    among: Arc<Connections>,
}

impl Connections {
    /// Takes a place. `None` when all `limit` places are held by connections that have shown a
    /// valid token.
    pub(crate) fn seat(
        self: &Arc<Self>,
        limit: usize,
        draining: &CancellationToken,
    ) -> Option<Seated> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= limit {
            let (&oldest, _) =
                open.iter().find(|(_, seat)| !seat.proven.load(Ordering::Relaxed))?;
            if let Some(seat) = open.remove(&oldest) {
                seat.leave.cancel();
            }
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { proven: AtomicBool::new(false), leave: draining.child_token() });
        open.insert(id, Arc::clone(&seat));
        Some(Seated { id, seat, among: Arc::clone(self) })
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.among.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_connection_without_a_token_makes_room() {
        let (connections, draining) = (Arc::new(Connections::default()), CancellationToken::new());
        let app = connections.seat(3, &draining).expect("there is room");
        app.seat.prove();
        let silent = connections.seat(3, &draining).expect("there is room");
        let later = connections.seat(3, &draining).expect("there is room");
        let another = connections.seat(3, &draining).expect("the silent one makes room");
        assert!(silent.seat.leave.is_cancelled());
        assert!(!app.seat.leave.is_cancelled() && !later.seat.leave.is_cancelled());
        later.seat.prove();
        another.seat.prove();
        assert!(connections.seat(3, &draining).is_none(), "apps are not sent away for a newcomer");
        drop(app);
        assert!(
            connections.seat(3, &draining).is_some(),
            "a place that was given back can be taken"
        );
    }
}
