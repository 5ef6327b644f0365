use std::path::Path;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::{
    CallBegan, CallEnded, EntryDetail, EntryId, KeptState, NotRecorded, Note, OpenError, Page,
    ReadError,
};

/// The record: a handle that is cheap to clone.
#[derive(Clone)]
pub struct Record {
    trouble: watch::Sender<Option<NotRecorded>>,
    newest: watch::Sender<i64>,
}

impl Record {
    /// Opens the record in `folder`, which it makes if it is not there. The caller holds the
    /// [`crate::DataFolderLock`] of the folder.
    ///
    /// # Errors
    /// Says what is wrong with folder or file. A file that is not a record is left as it is.
    pub async fn open(folder: &Path, tasks: &TaskTracker) -> Result<Self, OpenError> {
        let _ = (folder, tasks);
        Ok(Self { trouble: watch::Sender::new(None), newest: watch::Sender::new(0) })
    }

    /// Puts on record that a call is about to run, and returns when that is committed.
    ///
    /// # Errors
    /// When it could not be written. The call must then not run.
    pub async fn begin(&self, call: CallBegan) -> Result<EntryId, NotRecorded> {
        let _ = call;
        Err(NotRecorded::Closed)
    }

    /// Puts on record how a call ended, within milliseconds.
    pub async fn end(&self, id: EntryId, end: CallEnded) {
        let _ = (id, end);
    }

    /// Puts on record something that is no call, and returns when that is committed.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn note(&self, note: Note) -> Result<EntryId, NotRecorded> {
        let _ = note;
        Err(NotRecorded::Closed)
    }

    /// At most `limit` entries older than `before`, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn page(&self, before: Option<i64>, limit: u32) -> Result<Page, ReadError> {
        let _ = (before, limit);
        Ok(Page::default())
    }

    /// One entry, whole; `None` when there is none of that number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn entry(&self, id: i64) -> Result<Option<EntryDetail>, ReadError> {
        let _ = id;
        Ok(None)
    }

    /// Why rows cannot be written, while that is so.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<NotRecorded>> {
        self.trouble.subscribe()
    }

    /// The number of the newest row.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// What is kept beside the record.
    #[must_use]
    pub fn kept(&self) -> KeptState {
        KeptState::new(self.clone())
    }

    /// Writes what waits and lets the file go. Later writes are answered with
    /// [`NotRecorded::Closed`].
    pub async fn close(&self) {}
}
