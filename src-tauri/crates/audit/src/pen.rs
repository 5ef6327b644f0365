//! The one connection that writes. Whoever holds the pen may write; there is only one.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::NotRecorded;
use crate::chain::Chain;
use crate::file::{self, Opened};
use crate::journal::Journal;
use crate::marks::Mark;
use crate::row::{Inserting, Row, Waiting, keep};

/// Pages a group touches apart from what its texts take: the last page of the table and of each
/// index on the way of a call.
const PAGES_PER_GROUP: usize = 4;

/// Calls are close together where less time than this is between them.
const CLOSE: Duration = Duration::from_millis(1);
/// How long a database that took rows is held to take more of them.
const PROVEN: Duration = Duration::from_millis(20);
/// Most rows that stand in the journal and not in the database.
const MOST_JOURNALED: usize = 1024;
/// Most rows that nobody waits for, of the journal and ends of calls, that go into the database at a
/// time: a call that comes meanwhile waits for them.
pub(crate) const AT_A_TIME: usize = 64;

pub(crate) struct Pen {
    connection: Connection,
    file: Arc<Path>,
    run: i64,
    /// The number that the next row gets.
    next: i64,
    /// The chain of the newest row, in the database or the journal.
    chain: Chain,
    buffer: Vec<u8>,
    /// The newest row in the database.
    stored: Mark,
    /// When the database took rows, if it took those that were last offered.
    took_rows: Option<Instant>,
    journal: Journal,
    /// Rows in the journal that are not in the database, oldest first.
    journaled: VecDeque<Waiting>,
    /// Calls whose rows got other numbers than their callers know, and by how much higher.
    moved: Vec<(Range<i64>, i64)>,
    /// When calls were last written.
    last_calls: Option<Instant>,
    /// What is being written. It stays here until it is written or given up, so that it travels
    /// with the pen.
    pub(crate) group: Vec<Waiting>,
    /// Since when another program keeps the group from being written.
    held_up: Option<Instant>,
    /// About how many pages were written since they were last carried from the log into the file.
    pub(crate) unchecked_pages: usize,
}

/// Where rows are on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// In the journal: the group, which is no longer there, of so many rows.
    InJournal(usize),
    /// In the database: the group, and as many of the journal's rows as go with it.
    InDatabase,
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
        let Opened { connection, file, run, newest, journal, .. } = opened;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Box::new(Self {
            connection,
            file,
            run,
            next: newest.row + 1,
            chain: newest.chain,
            buffer: Vec::new(),
            stored: newest,
            took_rows: None,
            journal,
            journaled: VecDeque::new(),
            moved: Vec::new(),
            last_calls: None,
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

    /// Leaves nothing in the journal that the database has.
    pub(crate) fn clear_journal(&mut self) {
        if self.journaled.is_empty()
            && let Err(error) = self.journal.clear()
        {
            tracing::debug!(%error, "rows that are in the database are still in the journal");
        }
    }

    /// Whether the journal's file holds anything.
    pub(crate) fn is_journal_in_use(&self) -> bool {
        self.journal.is_in_use()
    }

    /// How many rows stand in the journal and not in the database yet.
    pub(crate) fn journaled(&self) -> usize {
        self.journaled.len()
    }

    /// The rows that were written to the journal last. They are kept until the database has them.
    pub(crate) fn newest_in_journal(&mut self, rows: usize) -> impl Iterator<Item = &mut Waiting> {
        let first = self.journaled.len().saturating_sub(rows);
        self.journaled.range_mut(first..)
    }

    /// The newest row in the database, by which it is known again.
    pub(crate) fn head(&self) -> Mark {
        self.stored
    }

    /// Puts the group on record as one: all of its rows or none. Without a group, rows that stand in
    /// the journal go into the database.
    pub(crate) fn write(&mut self) -> Result<Stands, Unwritten> {
        if self.may_use_journal() {
            match self.write_to_journal() {
                Ok(()) => {
                    let rows = self.group.len();
                    self.journaled.extend(self.group.drain(..));
                    return Ok(Stands::InJournal(rows));
                }
                Err(error) => tracing::debug!(%error, "the journal takes no row"),
            }
        }
        self.write_to_database().map(|()| Stands::InDatabase)
    }

    /// The journal is for calls that come close together, and only while the database takes rows:
    /// where it does not, no more calls are to run.
    fn may_use_journal(&mut self) -> bool {
        let now = Instant::now();
        let calls = |waiting: &Waiting| matches!(waiting.row, Row::Began(_));
        if self.group.is_empty() || !self.group.iter().all(calls) {
            return false;
        }
        let before = self.last_calls.replace(now);
        let since = |at: Option<Instant>| at.map_or(Duration::MAX, |at| now - at);
        since(before) < CLOSE
            && since(self.took_rows) < PROVEN
            && self.journaled.len() + self.group.len() <= MOST_JOURNALED
    }

    fn write_to_journal(&mut self) -> io::Result<()> {
        let (first, mut chain) = (self.next, self.chain);
        self.number();
        for waiting in &self.group {
            chain = waiting.chain(self.run, chain, &mut self.buffer);
            self.journal.add(&self.buffer, chain);
        }
        let written = self.journal.write();
        match &written {
            Ok(()) => self.chain = chain,
            Err(_) => self.next = first,
        }
        written
    }

    fn write_to_database(&mut self) -> Result<(), Unwritten> {
        let first = self.next;
        self.number();
        let most = if self.group.is_empty() { AT_A_TIME } else { usize::MAX };
        let written = self.write_rows(most).or_else(|error| {
            self.next = first;
            if file::is_constraint(&error) { self.write_after_the_newest() } else { Err(error) }
        });
        let Err(error) = written else {
            self.took_rows = Some(Instant::now());
            self.held_up = None;
            return Ok(());
        };
        self.took_rows = None;
        let reason = NotRecorded::from_sqlite(&error, &self.file);
        if !matches!(reason, NotRecorded::Locked(_)) {
            return Err(Unwritten::Failed(reason));
        }
        self.held_up.get_or_insert_with(Instant::now);
        Err(Unwritten::Busy(reason))
    }

    /// Commits the oldest rows of the journal and the numbered group after them. The chain goes on
    /// from them once they are committed.
    fn write_rows(&mut self, most_journaled: usize) -> rusqlite::Result<()> {
        let Self { connection, run, stored, buffer, group, journaled, .. } = self;
        let carried = journaled.len().min(most_journaled);
        let rows = || journaled.iter().take(carried).chain(&*group);
        let mut inserting = Inserting::new(connection, *run, stored.chain, buffer);
        let alone = rows().nth(1).is_none();
        if !alone {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        let written = rows().try_for_each(|row| inserting.insert(row)).and_then(|()| match alone {
            true => Ok(()),
            false => connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()),
        });
        let chain = inserting.chain;
        drop(inserting);
        if written.is_err() && !connection.is_autocommit() {
            // A failure here shows again at the next write.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
        written?;
        let bytes = rows().map(Waiting::size).sum::<usize>();
        let last = rows().rfind(|waiting| waiting.has_number());
        if let Some(last) = last {
            *stored = Mark { row: last.id, chain, at: last.at };
        }
        journaled.drain(..carried);
        self.unchecked_pages += PAGES_PER_GROUP + bytes / file::PAGE_BYTES as usize;
        if self.journaled.is_empty() {
            self.chain = chain;
            self.journal.begin_anew();
        }
        Ok(())
    }

    fn number(&mut self) {
        for waiting in self.group.iter_mut().filter(|waiting| waiting.has_number()) {
            waiting.id = self.next;
            self.next += 1;
            if let Row::Ended(call, _) = &mut waiting.row {
                for (calls, by) in &self.moved {
                    call.0 += if calls.contains(&call.0) { *by } else { 0 };
                }
            }
        }
    }

    /// Someone else wrote to the file and took numbers.
    fn write_after_the_newest(&mut self) -> rusqlite::Result<()> {
        self.pass_over_taken_numbers()?;
        let first = self.next;
        self.number();
        let written = self.write_rows(usize::MAX);
        if written.is_err() {
            self.next = first;
        }
        written
    }

    fn pass_over_taken_numbers(&mut self) -> rusqlite::Result<()> {
        if let Some(newest) = file::newest(&self.connection)? {
            self.next = self.next.max(newest.row + 1);
            self.stored = newest;
        }
        self.chain = self.stored.chain;
        self.journal.begin_anew();
        // Callers know the numbers of rows in the journal. No row gets one of those again, so that
        // it stays clear whose end it is that comes.
        if let (Some(first), Some(last)) = (self.journaled.front(), self.journaled.back()) {
            self.moved.push((first.id..last.id + 1, self.next - first.id));
        }
        for waiting in &mut self.journaled {
            waiting.id = self.next;
            self.next += 1;
            self.chain = waiting.chain(self.run, self.chain, &mut self.buffer);
            self.journal.add(&self.buffer, self.chain);
        }
        if let Err(error) = self.journal.write() {
            tracing::debug!(%error, "rows that moved are in no journal until they are committed");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_model::{ActivityKind, ActivityOutcome};

    use super::*;
    use crate::marks::MarksFile;
    use crate::row::{Awaits, Place};
    use crate::{CallBegan, CallEnded, DataFolderLock, EntryId, journal};

    async fn pen(folder: &Path) -> Box<Pen> {
        let lock = DataFolderLock::take(folder).expect("nobody else has it");
        let file = file::bring_up_to_date(folder, &lock).await.expect("tables");
        let opened = file::open(file, &MarksFile::in_folder(folder)).expect("opens");
        Pen::new(opened).expect("a pen")
    }

    /// Puts a row on record.
    fn write(pen: &mut Pen, row: Row) -> Stands {
        pen.group.push(Waiting::new(row, Awaits::Nobody, Place::Extra));
        let Ok(stands) = pen.write() else { panic!("it is not written") };
        pen.group.clear();
        stands
    }

    fn began() -> Row {
        CallBegan::new(ActivityKind::ToolCall).into()
    }

    fn end(call: i64) -> Row {
        Row::Ended(EntryId(call), CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO))
    }

    /// Puts calls on record until one stands in the journal, and gives its number.
    fn journal_one(pen: &mut Pen) -> i64 {
        for _ in 0..1000 {
            if let Stands::InJournal(rows) = write(pen, began()) {
                return pen.newest_in_journal(rows).next().expect("it").id;
            }
        }
        panic!("calls that come close together are not journaled")
    }

    /// Row and call of each end, oldest first.
    fn calls_of_ends(pen: &Pen) -> Vec<(i64, String)> {
        let mut statement = pen
            .connection
            .prepare(
                "SELECT ended.call, began.step FROM entries ended \
                 JOIN entries began ON began.id = ended.call ORDER BY ended.id",
            )
            .expect("prepares");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("queries");
        rows.collect::<Result<_, _>>().expect("reads")
    }

    fn add_foreign_row(pen: &Pen, number: i64) {
        let other = file::connect(&pen.file).expect("opens");
        let sql = "INSERT INTO entries (id, run, at, step, kind, chain) \
             VALUES (?1, 1, 0, 'noted', 'server_started', zeroblob(32))";
        other.execute(sql, [number]).expect("it may add rows");
    }

    #[tokio::test]
    async fn calls_that_come_at_once_are_journaled_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pen = pen(folder.path()).await;
        // A busy machine may keep this thread from being close behind itself.
        let last = (0..100).find_map(|_| {
            let last = journal_one(&mut pen);
            let three = (0..3).map(|_| Waiting::new(began(), Awaits::Nobody, Place::Extra));
            pen.group.extend(three);
            let together = matches!(pen.write(), Ok(Stands::InJournal(3)));
            assert_eq!(pen.group.is_empty(), together);
            pen.group.clear();
            together.then_some(last)
        });
        let last = last.expect("they are journaled");
        let numbers: Vec<_> = pen.newest_in_journal(3).map(|waiting| waiting.id).collect();
        assert_eq!(numbers, [last + 1, last + 2, last + 3]);
    }

    #[tokio::test]
    async fn no_call_is_journaled_once_the_database_took_no_row() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pen = pen(folder.path()).await;
        let journaled = journal_one(&mut pen);
        let other = file::connect(&pen.file).expect("opens");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        let mut is_busy = |row| {
            pen.group.push(Waiting::new(row, Awaits::Nobody, Place::Extra));
            let written = pen.write();
            pen.group.clear();
            matches!(written, Err(Unwritten::Busy(_)))
        };
        assert!(is_busy(end(journaled)), "ends are not journaled");
        // Of three calls in a row, one at least is close behind another.
        assert!(is_busy(began()) && is_busy(began()) && is_busy(began()));
        other.execute_batch("COMMIT").expect("lets go");
        assert_eq!(write(&mut pen, end(journaled)), Stands::InDatabase);
        journal_one(&mut pen);
    }

    #[tokio::test]
    async fn an_end_finds_its_call_though_another_program_took_the_calls_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pen = pen(folder.path()).await;
        let (first, second) = (journal_one(&mut pen), journal_one(&mut pen));
        let journaled = pen.journaled();
        add_foreign_row(&pen, first);

        assert_eq!(write(&mut pen, end(second)), Stands::InDatabase);
        assert_eq!(pen.journaled(), 0);
        let newest = pen.head().row;
        assert_eq!(calls_of_ends(&pen), [(newest - 1, "began".to_owned())]);
        assert!(newest - 1 - i64::try_from(journaled).expect("few") >= second, "no number twice");
    }

    #[tokio::test]
    async fn rows_whose_numbers_were_taken_survive_a_kill_before_they_are_committed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pen = pen(folder.path()).await;
        let (first, _second) = (journal_one(&mut pen), journal_one(&mut pen));
        add_foreign_row(&pen, first);
        pen.pass_over_taken_numbers().expect("reads");
        let left = std::fs::read(folder.path().join(journal::FILE)).expect("the journal");
        let newest = file::newest(&pen.connection).expect("reads").expect("a row");
        let mut connection = file::connect(&pen.file).expect("opens");
        let restored = journal::restore(&left, &mut connection, newest).expect("writes");
        assert_eq!(Some(restored.row), pen.journaled.back().map(|waiting| waiting.id));
    }
}
