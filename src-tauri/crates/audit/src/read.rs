//! Reading the record, beside the one that writes.
//!
//! What is found comes from the [index](crate::index), and what is shown from the record itself.
//! Connections are opened for each question and closed after it, which takes well under a
//! millisecond: an idle engine holds no pages of them, and an index that was removed or made anew
//! meanwhile is no special case.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_model::ActivityOutcome;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::catch_up::catch_up;
use crate::index::{self, Trouble};
use crate::{Entry, EntryDetail, Filter, Kept, Page, ReadError, file, find, words};

/// Most connections that read what is kept beside the record. When they are that many: wait.
const READERS: u32 = 2;
/// Most entries on a page.
const PAGE: u32 = 1000;
/// How long a read waits for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a question is put when the index has to be mended.
const ATTEMPTS: u32 = 3;
/// How often the index is opened while another program is busy with it, each after two seconds.
const OPENINGS: u32 = 30;

/// The record in a data folder, to be read whether an engine uses it or not. It writes nothing but
/// the search index. Every method blocks.
#[derive(Debug, Clone)]
pub struct Reading {
    record: PathBuf,
    index: PathBuf,
    stop: CancellationToken,
    /// Whose turn it is to bring the index up to date.
    turn: Arc<Mutex<()>>,
    /// How many rows the index lacks while it is brought up to date; 0 otherwise.
    behind: watch::Sender<i64>,
}

/// How new the index has to be for a question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UpTo {
    /// All that is committed at the moment of the question.
    Newest,
    /// This row, and others or not.
    Row(i64),
}

/// Index and record, open for one question.
pub(crate) struct Open {
    pub(crate) index: Connection,
    pub(crate) entries: Entries,
}

/// The record, from which entries are read by their numbers.
pub(crate) struct Entries {
    record: Connection,
    /// The newest run. Calls of earlier ones do not run any more.
    pub(crate) run: i64,
}

impl Reading {
    /// Opens the record in `folder`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let reading = Self::in_folder(folder, CancellationToken::new());
        if !reading.record.try_exists().unwrap_or(false) {
            return Err(ReadError::NotThere(folder.to_owned()));
        }
        let record = reading.open_record()?;
        record.query_row("SELECT before FROM removal", [], |row| row.get::<_, i64>(0))?;
        Ok(reading)
    }

    /// As [`Reading::open`], for a record that is known to be there. Long work ends when `stop` is
    /// cancelled.
    pub(crate) fn in_folder(folder: &Path, stop: CancellationToken) -> Self {
        Self {
            record: folder.join(file::FILE),
            index: folder.join(index::FILE),
            stop,
            turn: Arc::default(),
            behind: watch::Sender::new(0),
        }
    }

    pub(crate) fn until(&self, stop: CancellationToken) -> Self {
        Self { stop, ..self.clone() }
    }

    /// At most `limit` entries (1 to 1,000) that fit, older than the one numbered `before`, newest
    /// first. What was committed before is seen.
    ///
    /// May be fewer than asked for although older ones follow, because looking for them is
    /// broken off after some 30 ms: going on from [`Page::next`] finds them.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn find(
        &self,
        filter: &Filter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page, ReadError> {
        let limit = limit.clamp(1, PAGE) as usize;
        self.ask(UpTo::Newest, |open| {
            let found = find::find(&open.index, filter, before, limit).map_err(Trouble::Index)?;
            let mut entries = Vec::with_capacity(found.ids.len());
            for id in found.ids {
                let ended = index::ended(&open.index, id).map_err(Trouble::Index)?.flatten();
                entries.extend(open.entries.entry(id, ended).map_err(Trouble::Record)?);
            }
            Ok(Page { entries, next: found.next })
        })
    }

    /// At most `limit` entries (1 to 1,000) older than the one numbered `before`, newest first.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn page(&self, before: Option<i64>, limit: u32) -> Result<Page, ReadError> {
        self.find(&Filter::default(), before, limit)
    }

    /// One entry, whole; `None` when there is none of that number.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn entry(&self, id: i64) -> Result<Option<EntryDetail>, ReadError> {
        self.ask(UpTo::Newest, |open| {
            let ended = match index::ended(&open.index, id).map_err(Trouble::Index)? {
                Some(ended) => ended,
                None => {
                    let up_to = index::progress(&open.index).map_err(Trouble::Index)?.row;
                    open.entries.ended_after(up_to, id).map_err(Trouble::Record)?
                }
            };
            open.entries.detail(id, ended).map_err(Trouble::Record)
        })
    }

    /// Brings the index up to date, as far as `go_on` lets it, which is told how many rows are
    /// missing. Says whether it got there.
    pub(crate) fn catch_up(&self, go_on: &mut dyn FnMut(i64) -> bool) -> Result<bool, ReadError> {
        let mut mended = || {
            let index = self.open_index()?;
            let record = self.open_record().map_err(Trouble::Record)?;
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let caught_up =
                catch_up(&index, &record, &mut |behind| self.told(behind) && go_on(behind));
            self.behind.send_replace(0);
            caught_up
        };
        match self.attempts(&mut mended) {
            Ok(()) => Ok(true),
            Err(Trouble::Stopped) => Ok(false),
            Err(trouble) => Err(trouble.into_error(&self.index)),
        }
    }

    /// Puts a question to index and record, and mends the index on the way.
    pub(crate) fn ask<T>(
        &self,
        up_to: UpTo,
        mut question: impl FnMut(&Open) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        let mut asked = || {
            let index = self.open_index()?;
            let record = self.open_record().map_err(Trouble::Record)?;
            let progress = index::progress(&index).map_err(Trouble::Index)?;
            if !matches!(up_to, UpTo::Row(row) if row <= progress.row) {
                self.catch_up_or_wait(&index, &record, progress.row)?;
            }
            let run = index::progress(&index).map_err(Trouble::Index)?.run;
            // One moment for the whole question.
            index.execute_batch("BEGIN").map_err(Trouble::Index)?;
            question(&Open { index, entries: Entries::of(record, run) })
        };
        self.attempts(&mut asked).map_err(|trouble| trouble.into_error(&self.index))
    }

    /// Takes down how far behind the index is, and says whether to go on.
    fn told(&self, behind: i64) -> bool {
        self.behind.send_replace(behind);
        !self.stop.is_cancelled()
    }

    pub(crate) fn behind(&self) -> watch::Receiver<i64> {
        self.behind.subscribe()
    }

    /// Opens the index, and waits for another program that is making it.
    fn open_index(&self) -> Result<Connection, Trouble> {
        let mut opened = index::open(&self.index);
        for _ in 1..OPENINGS {
            if self.stop.is_cancelled() || !opened.as_ref().is_err_and(Trouble::is_busy) {
                break;
            }
            opened = index::open(&self.index);
        }
        opened
    }

    /// Brings the index up to date, or waits for another program that does.
    fn catch_up_or_wait(
        &self,
        index: &Connection,
        record: &Connection,
        mut row: i64,
    ) -> Result<(), Trouble> {
        // Of several questions one brings it up to date for all.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut go_on = |behind| self.told(behind);
            let caught_up = catch_up(index, record, &mut go_on);
            self.behind.send_replace(0);
            let trouble = match caught_up {
                Err(trouble) if trouble.leaves_the_index_usable() => trouble,
                caught_up => return caught_up,
            };
            let now = index::progress(index).map_err(Trouble::Index)?.row;
            if !trouble.is_busy() || now == row || self.stop.is_cancelled() {
                // Better without the newest than nothing at all.
                tracing::warn!(?trouble, "the search index is not up to date");
                return Ok(());
            }
            row = now;
        }
    }

    fn attempts<T>(&self, act: &mut dyn FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut attempt = 1;
        loop {
            match act() {
                Err(trouble) if attempt < ATTEMPTS && trouble.is_mended_by_making_anew() => {
                    tracing::warn!(?trouble, "the search index is mended");
                    // What is merely not there is made by opening it.
                    if attempt > 1 || trouble.is_damage() {
                        index::make_anew(&self.index)?;
                    }
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    pub(crate) fn open_record(&self) -> Result<Connection, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let record = Connection::open_with_flags(&self.record, flags)?;
        record.busy_timeout(PATIENCE)?;
        Ok(record)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The bytes the record and its index take on disk.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        let files = index::files(&self.record).into_iter().chain(index::files(&self.index));
        files.filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
    }
}

/// `?1` is the number of the row an entry began with, `?2` that of the one it ended with.
macro_rules! entry {
    ($columns:literal) => {
        concat!(
            "SELECT b.id, b.at, b.kind, b.client, b.client_says, b.server, b.subject, \
             coalesce(e.decision, b.decision), coalesce(e.reason, b.reason), \
             coalesce(e.outcome, b.outcome), e.duration_us, coalesce(e.note, b.note), \
             b.step = 'began' AND e.id IS NULL AND b.run < ?3",
            $columns,
            " FROM entries AS b LEFT JOIN entries AS e ON e.id = ?2 AND e.call = b.id \
             WHERE b.id = ?1 AND b.call IS NULL AND b.id >= (SELECT before FROM removal)"
        )
    };
}

const ENTRY: &str = entry!("");

const DETAIL: &str = entry!(
    ", b.waited_ms, e.at, b.request, e.upstream, b.kept, e.details, \
     b.arguments, b.arguments_bytes, b.arguments_sha256, \
     e.result, e.result_bytes, e.result_sha256, e.sent_bytes"
);

impl Entries {
    pub(crate) fn of(record: Connection, run: i64) -> Self {
        Self { record, run }
    }

    fn entry(&self, id: i64, ended: Option<i64>) -> Result<Option<Entry>, ReadError> {
        let mut statement = self.record.prepare_cached(ENTRY)?;
        let mut rows = statement.query(params![id, ended, self.run])?;
        rows.next()?.map(entry).transpose()
    }

    /// The row a call ended with, among those the index does not go to.
    fn ended_after(&self, up_to: i64, call: i64) -> Result<Option<i64>, ReadError> {
        const ENDED: &str = "SELECT id FROM entries WHERE id > ?1 AND call = ?2 ORDER BY id";
        if call <= up_to {
            return Ok(None);
        }
        let mut ended = self.record.prepare_cached(ENDED)?;
        Ok(ended.query_row([up_to, call], |row| row.get(0)).optional()?)
    }

    pub(crate) fn detail(
        &self,
        id: i64,
        ended: Option<i64>,
    ) -> Result<Option<EntryDetail>, ReadError> {
        let mut statement = self.record.prepare_cached(DETAIL)?;
        let mut rows = statement.query(params![id, ended, self.run])?;
        rows.next()?.map(detail).transpose()
    }
}

fn entry(row: &Row<'_>) -> Result<Entry, ReadError> {
    let word = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let outcome = match word(9)? {
        Some(word) => Some(words::outcome(word)?),
        None if row.get(12)? => Some(ActivityOutcome::Unknown),
        None => None,
    };
    Ok(Entry {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: words::kind(word(2)?.unwrap_or_default())?,
        client: row.get(3)?,
        client_says: row.get(4)?,
        server: row.get(5)?,
        subject: row.get(6)?,
        decision: word(7)?.map(words::decision).transpose()?,
        reason: word(8)?.map(words::reason).transpose()?,
        outcome,
        duration: count(row, 10)?.map(Duration::from_micros),
        note: row.get(11)?,
    })
}

fn detail(row: &Row<'_>) -> Result<EntryDetail, ReadError> {
    let details: Option<String> = row.get(18)?;
    let rule: Option<String> = row.get(17)?;
    let result_bytes = count(row, 23)?;
    Ok(EntryDetail {
        entry: entry(row)?,
        arguments: kept(row, 19)?,
        result: kept(row, 22)?,
        result_bytes: count(row, 25)?.or(result_bytes),
        arguments_bytes: count(row, 20)?,
        waited: count(row, 13)?.map(Duration::from_millis),
        ended_at: row.get(14)?,
        request: row.get(15)?,
        upstream_request: row.get(16)?,
        rule: words::rule(rule.as_deref())?,
        // Other kinds of rows have other details.
        model: details.and_then(|json| serde_json::from_str(&json).ok()),
    })
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(|number| u64::try_from(number).ok()))
}

/// A text with its length and hash, in three columns from the first.
fn kept(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Kept>> {
    let Some(text) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    let bytes = count(row, first + 1)?.unwrap_or(text.len() as u64);
    let sha256 = row.get::<_, Option<Vec<u8>>>(first + 2)?;
    Ok(Some(Kept { text, bytes, sha256: sha256.and_then(|hash| hash.try_into().ok()) }))
}

/// Whoever reads what is kept beside the record.
pub(crate) struct Readers {
    pool: SqlitePool,
}

const KEPT: &str = "SELECT value FROM kept WHERE key = ?1";

const KEPT_UNDER: &str =
    "SELECT key, value FROM kept WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key";

impl Readers {
    /// Opens nothing yet. Connections stay open once they were needed, so that nothing wakes up to
    /// close them.
    pub(crate) fn new(file: &Path) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(file::options_to_read(file));
        Self { pool }
    }

    pub(crate) async fn kept(&self, key: &str) -> Result<Option<String>, ReadError> {
        let value = sqlx::query_scalar(KEPT).bind(key).fetch_optional(&self.pool).await;
        value.map_err(read_error)
    }

    /// All keys that begin so, without that beginning, and their values.
    pub(crate) async fn kept_under(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, ReadError> {
        let rows = sqlx::query_as::<_, (String, String)>(KEPT_UNDER).bind(prefix);
        let rows = rows.fetch_all(&self.pool).await.map_err(read_error)?;
        let bare = |(key, value): (String, String)| (key[prefix.len()..].to_owned(), value);
        Ok(rows.into_iter().map(bare).collect())
    }

    /// The number of the first row that was made at this moment or later.
    pub(crate) async fn first_since(&self, at: i64) -> Result<Option<i64>, ReadError> {
        const FIRST: &str = "SELECT id FROM entries WHERE at >= ?1 ORDER BY id LIMIT 1";
        let first = sqlx::query_scalar(FIRST).bind(at).fetch_optional(&self.pool).await;
        first.map_err(read_error)
    }

    /// The number of the oldest row.
    pub(crate) async fn oldest(&self) -> Result<Option<i64>, ReadError> {
        let oldest = sqlx::query_scalar("SELECT min(id) FROM entries").fetch_one(&self.pool).await;
        oldest.map_err(read_error)
    }

    /// Lets the file go. Reads that are under way come to their end.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn read_error(error: sqlx::Error) -> ReadError {
    match error {
        sqlx::Error::PoolClosed => ReadError::Closed,
        error => ReadError::Sqlite(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_another_version_is_an_error_and_not_a_guess() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Connection::open(folder.path().join(file::FILE)).expect("opens");
        file.execute_batch(file::TABLES).expect("tables");
        file.execute_batch(
            "INSERT INTO runs VALUES (1, 0);
             INSERT INTO entries (id, run, at, step, kind, chain)
             VALUES (1, 1, 0, 'began', 'x', x'00')",
        )
        .expect("a row");
        let read = Reading::open(folder.path()).and_then(|reading| reading.entry(1));
        assert!(matches!(read, Err(ReadError::Unexpected { column: "kind", .. })), "{read:?}");
    }

    #[test]
    fn an_entry_is_read_by_the_numbers_of_its_rows() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(file::TABLES).expect("tables");
        for sql in [ENTRY, DETAIL] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
            let mut rows = plan.raw_query();
            while let Some(row) = rows.next().expect(sql) {
                let step: String = row.get(3).expect(sql);
                assert!(!step.starts_with("SCAN b") && !step.starts_with("SCAN e"), "{step}");
            }
        }
    }
}
