//! The file in which entries are found: made from the record, which has no index of its own, and
//! made anew whenever it is missing, damaged, of another version or of another record.
//!
//! It never decides what is on record, and losing it loses nothing. Several processes may use it at
//! a time: each change is one transaction, which also says up to which row it goes.
//!
//! Words are kept in parts of [`ROWS_IN_PART`] rows of the record each. A question is put to one
//! part after the other, so that no question, however many entries it fits, costs more than one part
//! before something can be shown.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};
use rusqlite::{Transaction, TransactionBehavior};

use crate::{ReadError, os};

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "drawbridge-search.db";

/// Grows with any change to tables, words or their meaning.
const VERSION: i32 = 1;

/// Stands in the file's header: "DBSX".
const APPLICATION_ID: i32 = 0x4442_5358;

/// How long is waited for another process that brings the file up to date.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many rows of the record share one table of words.
pub(crate) const ROWS_IN_PART: i64 = 1 << 16;

/// How many milliseconds of entries are counted together: 5 minutes.
pub(crate) const BUCKET_MS: i64 = 300_000;

/// `''` stands for what is absent, because only then do equal groups meet in an index.
const TABLES: &str = "
-- Up to which row this goes, with that row's chain, by which the record is known again; the newest
-- run that was seen; and the row below which all were removed.
CREATE TABLE progress (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    row     INTEGER NOT NULL,
    chain   BLOB,
    run     INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0, NULL, 0, 0);

-- Entries that agree in all that can be chosen from. A number is never used again.
CREATE TABLE groups (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    client   TEXT NOT NULL,
    server   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    entries  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX groups_by_what
    ON groups (subject, client, outcome, kind, server, decision, reason);

-- One for each entry: `id` is the row it began with, `ended` the one it ended with.
CREATE TABLE stories (
    id    INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    grp   INTEGER NOT NULL,
    ended INTEGER
) STRICT;
CREATE INDEX stories_by_group ON stories (grp);

-- Calls without an end.
CREATE TABLE running (
    id  INTEGER PRIMARY KEY,
    run INTEGER NOT NULL
) STRICT;

-- Between which entries those of a moment are, since clocks are also set back.
CREATE TABLE spans (
    bucket INTEGER PRIMARY KEY,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT;

CREATE TABLE moments (
    bucket  INTEGER NOT NULL,
    grp     INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    PRIMARY KEY (bucket, grp)
) STRICT, WITHOUT ROWID;

-- The tables of words there are.
CREATE TABLE parts (part INTEGER PRIMARY KEY) STRICT;
";

/// Up to where the index goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) row: i64,
    pub(crate) chain: Option<Vec<u8>>,
    pub(crate) run: i64,
    pub(crate) removed: i64,
}

/// Why the index could not be asked or brought up to date.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Something is wrong with the index.
    Index(rusqlite::Error),
    /// It was made from another record.
    Foreign,
    /// The record itself cannot be read.
    Record(ReadError),
    /// Whoever asked is no longer interested.
    Stopped,
}

impl Trouble {
    pub(crate) fn record(error: rusqlite::Error) -> Self {
        Self::Record(error.into())
    }

    /// Whether an index that is made anew would do.
    pub(crate) fn is_mended_by_making_anew(&self) -> bool {
        match self {
            Self::Index(error) => !matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::ReadOnly
                        | ErrorCode::CannotOpen
                        | ErrorCode::PermissionDenied
                        | ErrorCode::OutOfMemory
                        | ErrorCode::OperationInterrupted
                )
            ),
            Self::Foreign => true,
            Self::Record(_) | Self::Stopped => false,
        }
    }

    /// Whether another program writes to the index.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Index(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }

    /// Whether what is in the index is of no use.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Index(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ),
            Self::Foreign => true,
            Self::Record(_) | Self::Stopped => false,
        }
    }

    /// Whether what is in the index may still be asked, although newer rows are missing.
    pub(crate) fn leaves_the_index_usable(&self) -> bool {
        matches!(self, Self::Index(_)) && !self.is_mended_by_making_anew()
    }

    pub(crate) fn into_error(self, file: &Path) -> ReadError {
        let detail = match self {
            Self::Index(error) => error.to_string(),
            Self::Foreign => "it belongs to another record".to_owned(),
            Self::Record(error) => return error,
            Self::Stopped => return ReadError::Closed,
        };
        ReadError::Index { file: file.to_owned(), detail }
    }
}

/// Opens the index in a data folder and makes it where it is not there or of another version.
pub(crate) fn open(file: &Path) -> Result<Connection, Trouble> {
    let cannot_open = |error: std::io::Error| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        Trouble::Index(rusqlite::Error::SqliteFailure(code, Some(error.to_string())))
    };
    os::create_private_file(file).map_err(cannot_open)?;
    let index = connect(file).map_err(Trouble::Index)?;
    match version(&index).and_then(|version| prepare(&index, version)) {
        Ok(()) => Ok(index),
        Err(error) => Err(Trouble::Index(error)),
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let index = Connection::open_with_flags(file, flags)?;
    index.busy_timeout(PATIENCE)?;
    index.set_prepared_statement_cache_capacity(64);
    Ok(index)
}

/// The version of what is in the file; 0 when nothing is.
fn version(index: &Connection) -> rusqlite::Result<i32> {
    let application: i32 = index.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i32 = index.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(if application == APPLICATION_ID { version } else { version.min(0) })
}

fn prepare(index: &Connection, version: i32) -> rusqlite::Result<()> {
    if version != VERSION {
        if has_tables(index)? {
            tracing::info!(version, "the search index is of another version and is made anew");
            empty(index)?;
        }
        index.pragma_update(None, "auto_vacuum", "incremental")?;
        keep_a_log(index)?;
        let making = Transaction::new_unchecked(index, TransactionBehavior::Immediate)?;
        // Another process may have been quicker.
        if self::version(&making)? != VERSION {
            making.execute_batch(TABLES)?;
            making.pragma_update(None, "application_id", APPLICATION_ID)?;
            making.pragma_update(None, "user_version", VERSION)?;
        }
        making.commit()?;
    }
    index.pragma_update(None, "synchronous", "normal")?;
    index.pragma_update(None, "temp_store", "memory")?;
    // What was removed leaves nothing behind on pages that are written anyway.
    index.pragma_update(None, "secure_delete", "fast")?;
    index.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    index.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

fn has_tables(index: &Connection) -> rusqlite::Result<bool> {
    index.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Begins to write by way of a log. SQLite does not wait by itself for another process that does
/// the same.
fn keep_a_log(index: &Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match index.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < until =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Takes everything out of the file, however damaged it is, without taking the file away from
/// others who have it open.
fn empty(index: &Connection) -> rusqlite::Result<()> {
    index.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = index.execute_batch("VACUUM");
    index.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    emptied
}

/// Makes the index empty, so that it is made anew from the record.
pub(crate) fn make_anew(file: &Path) -> Result<(), Trouble> {
    connect(file).and_then(|index| empty(&index)).map_err(Trouble::Index)
}

pub(crate) fn progress(index: &Connection) -> rusqlite::Result<Progress> {
    const PROGRESS: &str = "SELECT row, chain, run, removed FROM progress";
    index.prepare_cached(PROGRESS)?.query_row([], |row| {
        Ok(Progress {
            row: row.get(0)?,
            chain: row.get(1)?,
            run: row.get(2)?,
            removed: row.get(3)?,
        })
    })
}

pub(crate) fn set_progress(index: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    const SET: &str = "UPDATE progress SET row = ?1, chain = ?2, run = ?3, removed = ?4";
    let Progress { row, chain, run, removed } = progress;
    index.prepare_cached(SET)?.execute(params![row, chain, run, removed]).map(|_| ())
}

/// The number of the row an entry ended with; the outer `None` when there is no such entry.
pub(crate) fn ended(index: &Connection, id: i64) -> rusqlite::Result<Option<Option<i64>>> {
    const ENDED: &str = "SELECT ended FROM stories WHERE id = ?1";
    index.prepare_cached(ENDED)?.query_row([id], |row| row.get(0)).optional()
}

pub(crate) fn part_of(id: i64) -> i64 {
    id.div_euclid(ROWS_IN_PART)
}

pub(crate) fn bucket_of(at: i64) -> i64 {
    at.div_euclid(BUCKET_MS)
}

/// The index and what SQLite puts beside it.
pub(crate) fn files(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}
