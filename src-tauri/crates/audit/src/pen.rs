//! The pen. Whoever holds it may put rows on record; there is only one.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::NotRecorded;
use crate::chain::Chain;
use crate::database::{Aside, Database};
use crate::file::{self, Opened};
use crate::journal::Journal;
use crate::marks::Mark;
use crate::row::{Row, Waiting};

/// Calls are close together where less time than this is between them.
const CLOSE: Duration = Duration::from_millis(1);
/// How long a database that took rows is held to take more of them.
const PROVEN: Duration = Duration::from_millis(20);
/// Most rows that stand in the journal and not in the database, but for those on their way there.
const MOST_JOURNALED: usize = 1024;
/// Most rows that nobody waits for, of the journal and ends of calls, that the clerk writes at a time
/// with the pen in hand: a call that comes meanwhile waits for them.
pub(crate) const AT_A_TIME: usize = 64;

pub(crate) struct Pen {
    /// Away while the clerk writes rows of the journal into it.
    database: Option<Box<Database>>,
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
    /// Rows in the journal that are not in the database, oldest first, but for those on their way
    /// there.
    journaled: VecDeque<Waiting>,
    /// Some of these are in no journal: nothing may be added there behind them.
    has_gap: bool,
    /// How many rows are on their way from the journal into the database.
    aside: usize,
    /// Where such rows were before, to be used again.
    spare: VecDeque<Waiting>,
    /// Calls whose rows got other numbers than their callers know, and by how much higher.
    moved: Vec<(Range<i64>, i64)>,
    /// When calls were last written.
    last_calls: Option<Instant>,
    /// What is being written. It stays here until it is written or given up, so that it travels
    /// with the pen.
    pub(crate) group: Vec<Waiting>,
    /// Since when another program keeps the group from being written.
    held_up: Option<Instant>,
}

/// Where a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// Calls that come close together into the journal, everything else into the database.
    Either,
    /// The journal, where that may be.
    Journal,
    /// The database.
    Database,
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
    /// The clerk has the database, and the journal does not take it.
    Away,
    /// Another program holds the file. It may let go in a moment.
    Busy(NotRecorded),
    /// Trying again at once is of no use.
    Failed(NotRecorded),
}

impl Pen {
    /// A pen for a file that was just opened.
    pub(crate) fn new(opened: Opened) -> rusqlite::Result<Box<Self>> {
        let Opened { connection, file, run, newest, journal, .. } = opened;
        Ok(Box::new(Self {
            database: Some(Box::new(Database::new(connection, run)?)),
            file,
            run,
            next: newest.row + 1,
            chain: newest.chain,
            buffer: Vec::new(),
            stored: newest,
            took_rows: None,
            journal,
            journaled: VecDeque::new(),
            has_gap: false,
            aside: 0,
            spare: VecDeque::new(),
            moved: Vec::new(),
            last_calls: None,
            group: Vec::new(),
            held_up: None,
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

    /// The database, unless it is away.
    pub(crate) fn database(&mut self) -> Option<&mut Database> {
        self.database.as_deref_mut()
    }

    /// About how many pages the log has that are not in the file, as far as is known here.
    pub(crate) fn unchecked_pages(&self) -> usize {
        self.database.as_ref().map_or(0, |database| database.unchecked_pages())
    }

    /// Leaves nothing in the journal that the database has, and gives the memory back.
    pub(crate) fn clear_journal(&mut self) {
        if self.journaled() > 0 {
            return;
        }
        (self.journaled, self.spare, self.buffer) = Default::default();
        if let Err(error) = self.journal.clear() {
            tracing::debug!(%error, "rows that are in the database are still in the journal");
        }
    }

    /// Whether the journal's file holds anything.
    pub(crate) fn is_journal_in_use(&self) -> bool {
        self.journal.is_in_use()
    }

    /// How many rows stand in the journal and not in the database yet.
    pub(crate) fn journaled(&self) -> usize {
        self.journaled.len() + self.aside
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
    pub(crate) fn write(&mut self, to: To) -> Result<Stands, Unwritten> {
        if self.goes_into_journal(to) {
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

    /// The journal is for calls that come close together, and for whatever comes while the database
    /// is away; and only while the database takes rows: where it does not, no more calls are to run.
    fn goes_into_journal(&mut self, to: To) -> bool {
        if self.group.is_empty() {
            return false;
        }
        let are_calls = self.group.iter().all(|waiting| matches!(waiting.row, Row::Began(_)));
        let wanted = match to {
            To::Database => false,
            To::Journal => true,
            To::Either => (are_calls && self.are_close()) || self.database.is_none(),
        };
        wanted
            && self.group.iter().all(Waiting::has_number)
            && self.is_proven()
            && !self.has_gap
            && self.journaled.len() + self.group.len() <= MOST_JOURNALED
    }

    /// Whether calls come close behind others, or others that did are not in the database yet.
    fn are_close(&mut self) -> bool {
        let now = Instant::now();
        let before = self.last_calls.replace(now);
        before.is_some_and(|before| now - before < CLOSE) || self.journaled() > 0
    }

    fn is_proven(&self) -> bool {
        self.took_rows.is_some_and(|at| at.elapsed() < PROVEN)
    }

    fn write_to_journal(&mut self) -> io::Result<()> {
        let (first, mut chain) = (self.next, self.chain);
        self.number();
        for waiting in &mut self.group {
            chain = waiting.follow(chain, self.run, &mut self.buffer);
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
        let Some(mut database) = self.database.take() else { return Err(Unwritten::Away) };
        let first = self.next;
        self.number();
        let most = if self.group.is_empty() { AT_A_TIME } else { usize::MAX };
        let written = self.write_rows(&mut database, most).or_else(|error| {
            self.next = first;
            if file::is_constraint(&error) {
                self.write_after_the_newest(&mut database)
            } else {
                Err(error)
            }
        });
        self.database = Some(database);
        let Err(error) = written else {
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
    fn write_rows(
        &mut self,
        database: &mut Database,
        most_journaled: usize,
    ) -> rusqlite::Result<()> {
        let carried = self.journaled.len().min(most_journaled);
        let rows = self.journaled.iter().take(carried).chain(&self.group);
        self.stored = database.write(rows, self.stored)?;
        self.took_rows = Some(Instant::now());
        self.journaled.drain(..carried);
        if self.journaled.is_empty() {
            self.has_gap = false;
            self.chain = self.stored.chain;
            self.journal.begin_anew();
        }
        Ok(())
    }

    /// Whether rows of the journal can be written into the database while it is away: it took rows a
    /// moment ago, so that calls may go on without it, and there is room for them.
    pub(crate) fn can_set_aside(&self) -> bool {
        !self.journaled.is_empty() && !self.has_gap && self.is_proven() && self.journal.can_turn()
    }

    /// Gives away the database and the rows that stand in the journal, for the clerk to write them
    /// without the pen.
    pub(crate) fn set_aside(&mut self) -> Option<Aside> {
        if !self.can_set_aside() {
            return None;
        }
        let database = self.database.take()?;
        self.journal.turn();
        let rows = std::mem::replace(&mut self.journaled, std::mem::take(&mut self.spare));
        self.aside = rows.len();
        Some(Aside { database, rows, stored: self.stored, took_rows: None })
    }

    /// Takes back what was set aside, with the rows that were not written.
    pub(crate) fn take_back(&mut self, aside: Aside) {
        let Aside { database, mut rows, stored, took_rows } = aside;
        self.database = Some(database);
        (self.stored, self.took_rows, self.aside) = (stored, took_rows, 0);
        if rows.is_empty() {
            self.journal.free_other_half();
            self.spare = rows;
        } else {
            rows.append(&mut self.journaled);
            self.journaled = rows;
        }
        if self.journaled.is_empty() {
            self.journal.begin_anew();
        }
    }

    fn number(&mut self) {
        for waiting in self.group.iter_mut().filter(|waiting| waiting.has_number()) {
            (waiting.id, waiting.chain) = (self.next, None);
            self.next += 1;
            if let Row::Ended(call, _) = &mut waiting.row {
                for moved in &self.moved {
                    call.0 = number_now(call.0, moved);
                }
            }
        }
    }

    /// Someone else wrote to the file and took numbers.
    fn write_after_the_newest(&mut self, database: &mut Database) -> rusqlite::Result<()> {
        self.pass_over_taken_numbers(database)?;
        let first = self.next;
        self.number();
        let written = self.write_rows(database, usize::MAX);
        if written.is_err() {
            self.next = first;
        }
        written
    }

    fn pass_over_taken_numbers(&mut self, database: &Database) -> rusqlite::Result<()> {
        if let Some(newest) = database.newest()? {
            self.next = self.next.max(newest.row + 1);
            self.stored = newest;
        }
        self.chain = self.stored.chain;
        self.journal.begin_anew();
        // Callers know the numbers of rows in the journal. No row gets one of those again, so that
        // it stays clear whose end it is that comes.
        let (Some(first), Some(last)) = (self.journaled.front(), self.journaled.back()) else {
            return Ok(());
        };
        let moved = (first.id..last.id + 1, self.next - first.id);
        for waiting in &mut self.journaled {
            waiting.id = self.next;
            self.next += 1;
            if let Row::Ended(call, _) = &mut waiting.row {
                call.0 = number_now(call.0, &moved);
            }
            self.chain = waiting.follow(self.chain, self.run, &mut self.buffer);
            self.journal.add(&self.buffer, self.chain);
        }
        self.moved.push(moved);
        if let Err(error) = self.journal.write() {
            tracing::debug!(%error, "rows that moved are in no journal until they are committed");
            self.has_gap = true;
        }
        Ok(())
    }
}

/// The number that a call has after some got others.
fn number_now(call: i64, (moved, by): &(Range<i64>, i64)) -> i64 {
    call + if moved.contains(&call) { *by } else { 0 }
}

#[cfg(test)]
mod tests;
