//! The one connection that writes. Whoever holds the pen may write; there is only one.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::file::{self, Opened};
use crate::row::{Row, Waiting, keep};
use crate::{EntryId, NotRecorded};

/// Pages a group touches apart from what its texts take: the last page of the table and of each
/// index on the way of a call.
const PAGES_PER_GROUP: usize = 4;

pub(crate) struct Pen {
    connection: Connection,
    file: Arc<Path>,
    run: i64,
    next: i64,
    /// What is being written. It stays here until it is written or given up, so that it travels
    /// with the pen.
    pub(crate) group: Vec<Waiting>,
    /// About how many pages were written since they were last carried from the log into the file.
    pub(crate) unchecked_pages: usize,
}

/// Why a group was not written.
pub(crate) enum Unwritten {
    /// Another program holds the file. It may let go in a moment.
    Busy(NotRecorded),
    /// Trying again at once is of no use.
    Failed(NotRecorded),
}

impl Pen {
    /// A pen for a file that was just opened. It never waits for another program: that would block
    /// the thread of the call that writes.
    pub(crate) fn new(opened: Opened) -> rusqlite::Result<Box<Self>> {
        let Opened { connection, file, run, newest } = opened;
        connection.busy_timeout(Duration::ZERO)?;
        let (next, group) = (newest + 1, Vec::new());
        Ok(Box::new(Self { connection, file, run, next, group, unchecked_pages: 0 }))
    }

    /// Since when the one who has waited longest for the group waits; where nobody does, since when
    /// its oldest row is there.
    pub(crate) fn waiting_since(&self) -> Instant {
        let awaited = self.group.iter().filter(|waiting| waiting.is_awaited());
        let oldest = awaited.map(|waiting| waiting.since).min();
        oldest
            .or_else(|| self.group.iter().map(|waiting| waiting.since).min())
            .unwrap_or_else(Instant::now)
    }

    /// The first write after all pages were carried begins the log anew and waits for the disk.
    /// Better it is this one than that of a call.
    pub(crate) fn begin_log_anew(&mut self) -> rusqlite::Result<()> {
        self.unchecked_pages = 0;
        keep(&self.connection, "carried", "")
    }

    /// The number of the newest row.
    pub(crate) fn newest(&self) -> i64 {
        self.next - 1
    }

    /// Commits the group as one: all of its rows or none.
    pub(crate) fn write(&mut self) -> Result<(), Unwritten> {
        let first = self.next;
        self.number();
        let written = match self.group.as_slice() {
            [single] => single.insert(&self.connection, self.run),
            several => self.write_together(several),
        };
        let Err(error) = written else {
            let bytes = self.group.iter().map(Waiting::size).sum::<usize>();
            self.unchecked_pages += PAGES_PER_GROUP + bytes / file::PAGE_BYTES as usize;
            return Ok(());
        };
        self.next = first;
        let error = match file::is_constraint(&error).then(|| self.write_what_may_be()) {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => error,
            None => error,
        };
        let reason = NotRecorded::from_sqlite(&error, &self.file);
        Err(match reason {
            NotRecorded::Locked(_) => Unwritten::Busy(reason),
            _ => Unwritten::Failed(reason),
        })
    }

    fn write_together(&self, rows: &[Waiting]) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = rows
            .iter()
            .try_for_each(|row| row.insert(&self.connection, self.run))
            .and_then(|()| self.connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()));
        if written.is_err() && !self.connection.is_autocommit() {
            // A failure here shows again at the next write.
            let _ = self.connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
        written
    }

    fn number(&mut self) {
        for waiting in self.group.iter_mut().filter(|waiting| waiting.has_number()) {
            waiting.id = self.next;
            self.next += 1;
        }
    }

    /// A row that the rules of the file forbid must not keep the others from being written. A
    /// second end of a call is dropped, and numbers that are taken, because someone else wrote to
    /// the file, are passed over.
    fn write_what_may_be(&mut self) -> rusqlite::Result<()> {
        let mut ended = HashSet::new();
        for waiting in &self.group {
            if let Row::Ended(call, _) = &waiting.row
                && has_ended(&self.connection, *call)?
            {
                ended.insert(*call);
            }
        }
        self.group.retain(|waiting| match &waiting.row {
            Row::Ended(call, _) if !ended.insert(*call) => {
                tracing::error!(call = call.0, "a call ended twice; its first end stays");
                false
            }
            _ => true,
        });
        self.next = file::newest(&self.connection)? + 1;
        let first = self.next;
        self.number();
        let written = self.write_together(&self.group);
        if written.is_err() {
            self.next = first;
        }
        written
    }
}

fn has_ended(connection: &Connection, call: EntryId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM entries WHERE call = ?1)")?
        .query_row([call.0], |row| row.get(0))
}
