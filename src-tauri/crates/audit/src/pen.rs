//! The one connection that writes. Whoever holds the pen may write; there is only one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::NotRecorded;
use crate::chain::Chain;
use crate::file::{self, Opened};
use crate::marks::Mark;
use crate::row::{Inserting, Waiting, keep};

/// Pages a group touches apart from what its texts take: the last page of the table and of each
/// index on the way of a call.
const PAGES_PER_GROUP: usize = 4;

pub(crate) struct Pen {
    connection: Connection,
    file: Arc<Path>,
    run: i64,
    next: i64,
    /// The chain of the newest row.
    chain: Chain,
    buffer: Vec<u8>,
    /// When the newest row was made, in milliseconds since 1970 (UTC).
    at: i64,
    /// What is being written. It stays here until it is written or given up, so that it travels
    /// with the pen.
    pub(crate) group: Vec<Waiting>,
    /// Since when another program keeps the group from being written.
    held_up: Option<Instant>,
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
        let Opened { connection, file, run, newest: Mark { row, chain, at }, .. } = opened;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Box::new(Self {
            connection,
            file,
            run,
            next: row + 1,
            chain,
            buffer: Vec::new(),
            at,
            group: Vec::new(),
            held_up: None,
            unchecked_pages: 0,
        }))
    }

    /// How long another program has kept the group from being written.
    pub(crate) fn held_up_for(&self) -> Duration {
        self.held_up.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Gives the group up, and what is in it to the caller.
    pub(crate) fn give_up(&mut self) -> impl Iterator<Item = Waiting> {
        self.held_up = None;
        self.group.drain(..)
    }

    /// The first write after all pages were carried begins the log anew and waits for the disk.
    /// Better it is this one than that of a call.
    pub(crate) fn begin_log_anew(&mut self) -> rusqlite::Result<()> {
        self.unchecked_pages = 0;
        keep(&self.connection, "carried", "")
    }

    /// Removes some rows of those up to one, and says how many.
    pub(crate) fn remove(&mut self, up_to: Mark, most: i64) -> rusqlite::Result<i64> {
        const ALLOW: &str = "UPDATE removal SET before = ?1, chain = ?2, at = ?3 WHERE before < ?1";
        const REMOVE: &str = "DELETE FROM entries WHERE id IN \
             (SELECT id FROM entries WHERE id < ?1 ORDER BY id LIMIT ?2)";
        let both = self.connection.transaction()?;
        both.prepare_cached(ALLOW)?.execute(params![
            up_to.row + 1,
            &up_to.chain.0[..],
            up_to.at
        ])?;
        let removed = both.prepare_cached(REMOVE)?.execute([up_to.row + 1, most])?;
        both.commit()?;
        self.unchecked_pages += PAGES_PER_GROUP + removed;
        Ok(i64::try_from(removed).unwrap_or(i64::MAX))
    }

    /// Gives some pages nobody uses back to the disk, and says how many are left.
    pub(crate) fn give_pages_back(&mut self, most: u32) -> rusqlite::Result<i64> {
        // Each row that is read gives one page back.
        let mut statement =
            self.connection.prepare(&format!("PRAGMA incremental_vacuum({most})"))?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        drop(rows);
        drop(statement);
        self.unchecked_pages += most as usize;
        self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))
    }

    /// Cuts the log to nothing, unless somebody reads from it right now.
    pub(crate) fn cut_log(&mut self) -> rusqlite::Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// The number of the newest row.
    pub(crate) fn newest(&self) -> i64 {
        self.next - 1
    }

    /// The newest row, by which it is known again.
    pub(crate) fn head(&self) -> Mark {
        Mark { row: self.newest(), chain: self.chain, at: self.at }
    }

    /// Commits the group as one: all of its rows or none.
    pub(crate) fn write(&mut self) -> Result<(), Unwritten> {
        let first = self.next;
        self.number();
        let written = self.write_group().or_else(|error| {
            self.next = first;
            if file::is_constraint(&error) { self.write_after_the_newest() } else { Err(error) }
        });
        let Err(error) = written else {
            let bytes = self.group.iter().map(Waiting::size).sum::<usize>();
            self.at = self.group.last().map_or(self.at, |waiting| waiting.at);
            self.unchecked_pages += PAGES_PER_GROUP + bytes / file::PAGE_BYTES as usize;
            self.held_up = None;
            return Ok(());
        };
        let reason = NotRecorded::from_sqlite(&error, &self.file);
        if !matches!(reason, NotRecorded::Locked(_)) {
            return Err(Unwritten::Failed(reason));
        }
        self.held_up.get_or_insert_with(Instant::now);
        Err(Unwritten::Busy(reason))
    }

    /// Writes the numbered rows. The chain goes on from them once they are committed.
    fn write_group(&mut self) -> rusqlite::Result<()> {
        let Self { connection, run, chain, buffer, group, .. } = self;
        let mut inserting = Inserting::new(connection, *run, *chain, buffer);
        if let [single] = group.as_slice() {
            inserting.insert(single)?;
            *chain = inserting.chain;
            return Ok(());
        }
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = group
            .iter()
            .try_for_each(|row| inserting.insert(row))
            .and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()));
        let after = inserting.chain;
        drop(inserting);
        if written.is_err() && !connection.is_autocommit() {
            // A failure here shows again at the next write.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
        written.map(|()| *chain = after)
    }

    fn number(&mut self) {
        for waiting in self.group.iter_mut().filter(|waiting| waiting.has_number()) {
            waiting.id = self.next;
            self.next += 1;
        }
    }

    /// Numbers that are taken, because someone else wrote to the file, are passed over.
    fn write_after_the_newest(&mut self) -> rusqlite::Result<()> {
        let was = (self.next, self.chain);
        if let Some(newest) = file::newest(&self.connection)? {
            (self.next, self.chain) = (self.next.max(newest.row + 1), newest.chain);
        }
        self.number();
        let written = self.write_group();
        if written.is_err() {
            (self.next, self.chain) = was;
        }
        written
    }
}
