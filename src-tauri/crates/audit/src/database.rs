//! The one connection that writes, and what is written with it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::file;
use crate::marks::Mark;
use crate::row::{Inserting, Waiting, keep};

/// Pages a group touches apart from what its texts take: the last page of the table and of each
/// index on the way of a call.
const PAGES_PER_GROUP: usize = 4;

/// The connection. The pen has it, or the clerk, who writes rows of the journal meanwhile.
pub(crate) struct Database {
    connection: Connection,
    run: i64,
    /// Only there to be used again.
    buffer: Vec<u8>,
    /// About how many pages were written since they were last carried from the log into the file.
    unchecked_pages: usize,
}

impl Database {
    /// It never waits for another program: that would block the thread of the call that writes.
    pub(crate) fn new(connection: Connection, run: i64) -> rusqlite::Result<Self> {
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self { connection, run, buffer: Vec::new(), unchecked_pages: 0 })
    }

    /// Commits rows that have their numbers, all or none, after the newest that is there. Gives the
    /// one that is the newest then.
    pub(crate) fn write<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r Waiting> + Clone,
        mut newest: Mark,
    ) -> rusqlite::Result<Mark> {
        let Self { connection, run, buffer, .. } = self;
        let mut inserting = Inserting::new(connection, *run, newest.chain, buffer);
        let alone = rows.clone().nth(1).is_none();
        if !alone {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        let mut bytes = 0;
        let insert_all = || {
            for row in rows {
                inserting.insert(row)?;
                bytes += row.size();
                if row.has_number() {
                    newest = Mark { row: row.id, chain: inserting.chain, at: row.at };
                }
            }
            match alone {
                true => Ok(()),
                false => connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()),
            }
        };
        let written = insert_all();
        drop(inserting);
        if written.is_err() && !connection.is_autocommit() {
            // A failure here shows again at the next write.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
        written?;
        self.unchecked_pages += PAGES_PER_GROUP + bytes / file::PAGE_BYTES as usize;
        Ok(newest)
    }

    /// The newest row that is there, if there is one.
    pub(crate) fn newest(&self) -> rusqlite::Result<Option<Mark>> {
        file::newest(&self.connection)
    }

    /// About how many pages the log has that are not in the file.
    pub(crate) fn unchecked_pages(&self) -> usize {
        self.unchecked_pages
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
}

/// Rows of the journal on their way into the database, which is away from the pen so long. The clerk
/// has them.
pub(crate) struct Aside {
    pub(crate) database: Box<Database>,
    pub(crate) rows: VecDeque<Waiting>,
    /// The newest row in the database.
    pub(crate) stored: Mark,
    /// When the rows were written, if they were.
    pub(crate) took_rows: Option<Instant>,
}

impl Aside {
    /// Writes them, all or none.
    pub(crate) fn write(&mut self) -> rusqlite::Result<()> {
        self.stored = self.database.write(self.rows.iter(), self.stored)?;
        self.took_rows = Some(Instant::now());
        self.rows.clear();
        Ok(())
    }
}
