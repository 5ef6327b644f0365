//! Sessions and what is under way in them, as far as calls need it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use drawbridge_mcp::PeerFeatures;
use http::HeaderValue;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) key: u64,
    pub(crate) features: PeerFeatures,
    last_used: Mutex<Instant>,
    calls: Mutex<HashMap<Box<str>, oneshot::Sender<()>>>,
}

impl Session {
    /// Enters a call. `None` when its id is in use, or there are too many.
    pub(crate) fn begin_call(self: &Arc<Self>, id: &str, limit: usize) -> Option<InFlight> {
        let (withdraw, withdrawn) = oneshot::channel();
        let mut calls = lock(&self.calls);
        if calls.len() >= limit {
            return None;
        }
        match calls.entry(id.into()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(withdraw);
                Some(InFlight { session: Arc::clone(self), id: id.into(), withdrawn })
            }
        }
    }

    pub(crate) fn cancel_call(&self, id: &str) {
        if let Some(withdraw) = lock(&self.calls).remove(id) {
            let _ended = withdraw.send(());
        }
    }

    fn touch(&self) {
        *lock(&self.last_used) = Instant::now();
    }
}

/// A call's place in its session; given back when dropped.
pub(crate) struct InFlight {
    session: Arc<Session>,
    id: Box<str>,
    withdrawn: oneshot::Receiver<()>,
}

impl InFlight {
    /// Waits until the call is to end early.
    pub(crate) async fn withdrawn(&mut self) {
        let _session_ended = (&mut self.withdrawn).await;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.session.calls).remove(&self.id);
        self.session.touch();
    }
}

#[derive(Default)]
pub(crate) struct Sessions {
    next_key: AtomicU64,
    open: RwLock<HashMap<String, Arc<Session>>>,
}

impl Sessions {
    pub(crate) fn open(&self, params: Option<&RawValue>) -> Arc<Session> {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session {
            id: format!("session-{key}"),
            key,
            features: params.map(PeerFeatures::of_initialize).unwrap_or_default(),
            last_used: Mutex::new(Instant::now()),
            calls: Mutex::default(),
        });
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(session.id.clone(), Arc::clone(&session));
        session
    }

    pub(crate) fn find(&self, id: Option<&HeaderValue>) -> Option<Arc<Session>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(id?.to_str().ok()?)?;
        session.touch();
        Some(Arc::clone(session))
    }

    pub(crate) fn end(&self, id: Option<&HeaderValue>) {
        let Some(id) = id.and_then(|id| id.to_str().ok()) else { return };
        let ended = self.open.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(ended) = ended {
            lock(&ended.calls).clear();
        }
    }
}
