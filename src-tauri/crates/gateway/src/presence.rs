//! Which apps are here: open sessions and when each app last sent a request, for the panel.
//!
//! The view is brought up to date at most once a second, and only after something happened: while
//! nothing happens, or nobody looks, nothing wakes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use drawbridge_model::ClientName;
use tokio::sync::{Notify, watch};

/// One app that has sent a request since the gateway started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPresence {
    /// Its name in the config.
    pub name: ClientName,
    /// Sessions it has open.
    pub sessions: u32,
    /// When it last sent a request, in milliseconds since 1970 (UTC).
    pub last_seen: i64,
}

/// The apps that have sent a request, by name.
pub type Presences = Arc<Vec<ClientPresence>>;

#[derive(Debug)]
pub(crate) struct Presence {
    seen: Mutex<BTreeMap<ClientName, Seen>>,
    stale: AtomicBool,
    changed: Notify,
    view: watch::Sender<Presences>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    sessions: u32,
    last: i64,
}

impl Presence {
    pub(crate) const AT_MOST_EVERY: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self {
            seen: Mutex::default(),
            stale: AtomicBool::new(false),
            changed: Notify::new(),
            view: watch::Sender::new(Arc::default()),
        }
    }

    /// A valid request of this client arrived.
    pub(crate) fn request(&self, client: &ClientName) {
        self.note(client, |seen| seen.last = now_ms());
    }

    /// This client has so many sessions.
    pub(crate) fn sessions(&self, client: &ClientName, sessions: usize) {
        self.note(client, |seen| seen.sessions = u32::try_from(sessions).unwrap_or(u32::MAX));
    }

    fn note(&self, client: &ClientName, change: impl FnOnce(&mut Seen)) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match seen.get_mut(client) {
                Some(seen) => change(seen),
                None => change(seen.entry(client.clone()).or_default()),
            }
        }
        if !self.stale.swap(true, Ordering::AcqRel) {
            self.changed.notify_one();
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Presences> {
        let watch = self.view.subscribe();
        self.publish();
        watch
    }

    fn publish(&self) {
        self.stale.store(false, Ordering::Release);
        let view: Vec<_> = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, seen)| ClientPresence {
                name: name.clone(),
                sessions: seen.sessions,
                last_seen: seen.last,
            })
            .collect();
        self.view.send_if_modified(|shown| {
            let changed = **shown != view;
            if changed {
                *shown = Arc::new(view);
            }
            changed
        });
    }

    /// Keeps the view up to date. Ends only by being dropped.
    pub(crate) async fn keep_current(&self) {
        loop {
            self.changed.notified().await;
            // While nobody looks the view stays stale, and a stale view wakes nobody.
            if self.view.receiver_count() > 0 {
                self.publish();
                tokio::time::sleep(Self::AT_MOST_EVERY).await;
            }
        }
    }
}

/// Milliseconds since 1970 (UTC).
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_requests_make_one_change_and_silence_makes_none() {
        let presence = Arc::new(Presence::new());
        let editor = ClientName::new("editor").expect("a plain name");
        presence.request(&editor);
        let mut watch = presence.watch();
        assert_eq!(watch.borrow_and_update().len(), 1, "what was before is seen at once");
        let check = async {
            presence.sessions(&editor, 1);
            watch.changed().await.expect("it goes on");
            assert_eq!(watch.borrow_and_update()[0].sessions, 1);
            for sessions in 2..100 {
                presence.sessions(&editor, sessions);
            }
            watch.changed().await.expect("it goes on");
            assert_eq!(watch.borrow_and_update()[0].sessions, 99, "in one step");
            let silence = tokio::time::timeout(Duration::from_secs(3600), watch.changed());
            assert!(silence.await.is_err(), "nothing happens, so nothing changes");
        };
        tokio::select! {
            () = presence.keep_current() => panic!("it goes on"),
            () = check => {}
        }
    }
}
