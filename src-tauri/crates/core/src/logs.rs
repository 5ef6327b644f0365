//! The log of each server, for as long as the server is configured.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use drawbridge_model::ServerName;
use drawbridge_supervisor::LogBook;
use tokio_util::task::TaskTracker;

/// All logs.
pub(crate) struct Logs {
    folder: PathBuf,
    tasks: TaskTracker,
    books: Mutex<HashMap<ServerName, LogBook>>,
}

impl Logs {
    pub(crate) fn new(folder: &Path, tasks: TaskTracker) -> Self {
        Self { folder: folder.to_owned(), tasks, books: Mutex::default() }
    }

    /// The log of a server, made when there is none yet.
    pub(crate) fn of(&self, server: &ServerName) -> LogBook {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books
            .entry(server.clone())
            .or_insert_with(|| LogBook::open(&self.folder, server.as_str(), &self.tasks))
            .clone()
    }

    /// Lets go of all logs, so that what was written reaches the disk and their tasks end.
    pub(crate) fn close(&self) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets go of a server's log. Its file stays.
    pub(crate) fn forget(&self, server: &ServerName) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
    }
}
