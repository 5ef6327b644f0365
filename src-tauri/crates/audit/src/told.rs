//! How a caller learns what became of its row.
//!
//! Whoever commits a row calls the caller's function at once, on its own thread: the caller's task
//! need not be woken to go on. Caller and writer share one word that says who was first, the caller
//! who leaves or the writer who tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::{EntryId, NotRecorded};

/// The number of a row that is committed, or why it is not.
pub type Recorded = Result<EntryId, NotRecorded>;

/// What is left to do once everybody whose row was committed in the same group has been told.
pub type Afterwards = Box<dyn FnOnce() + Send>;

/// What a caller wants done the moment its row is committed, or was not written.
pub(crate) type Then = Box<dyn FnOnce(Recorded) -> Option<Afterwards> + Send>;

const WAITING: u8 = 0;
const TOLD: u8 = 1;
const GONE: u8 = 2;

#[derive(Debug, Default)]
struct Word {
    state: AtomicU8,
    /// The number of the row; 0 before it has one.
    id: AtomicI64,
}

/// The writer's side.
pub(crate) struct Told {
    word: Arc<Word>,
    then: Then,
}

/// The caller's side. Dropped before the caller was told, the row is not written, or its call is
/// put on record as ended.
#[derive(Debug)]
pub struct Begun(Arc<Word>);

impl Told {
    pub(crate) fn new(then: Then) -> (Self, Begun) {
        let word = Arc::<Word>::default();
        (Self { word: Arc::clone(&word), then }, Begun(word))
    }

    /// Whether the caller has left.
    pub(crate) fn is_gone(&self) -> bool {
        self.word.state.load(Ordering::Acquire) == GONE
    }

    /// Tells the caller. `Err` when it has left.
    pub(crate) fn tell(self, answer: Recorded) -> Result<Option<Afterwards>, Gone> {
        if let Ok(id) = &answer {
            self.word.id.store(id.0, Ordering::Relaxed);
        }
        let turned = (Ordering::AcqRel, Ordering::Acquire);
        match self.word.state.compare_exchange(WAITING, TOLD, turned.0, turned.1) {
            Ok(_) => Ok((self.then)(answer)),
            Err(_) => Err(Gone),
        }
    }

    /// Tells the caller that its row was not written.
    pub(crate) fn tell_in_vain(self, reason: &NotRecorded) {
        if let Ok(Some(left)) = self.tell(Err(reason.clone())) {
            left();
        }
    }
}

/// The caller has left.
pub(crate) struct Gone;

impl Begun {
    /// Whether the caller was not told yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == WAITING
    }

    /// Waits no longer. The number of the row if it is committed and its caller was told; its end
    /// is then the caller's to write.
    #[must_use]
    pub fn settle(self) -> Option<EntryId> {
        let turned = (Ordering::AcqRel, Ordering::Acquire);
        self.0.state.compare_exchange(WAITING, GONE, turned.0, turned.1).err()?;
        let id = self.0.id.load(Ordering::Relaxed);
        (id != 0).then_some(EntryId(id))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let turned = (Ordering::AcqRel, Ordering::Acquire);
        // Told before, there is nothing to take back.
        let _ = self.0.state.compare_exchange(WAITING, GONE, turned.0, turned.1);
    }
}
