//! The file: making it, knowing it again, bringing its tables up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use crate::chain::Chain;
use crate::journal::{self, Journal};
use crate::marks::{Mark, Marks, MarksFile};
use crate::{DataFolderLock, NotRecorded, OpenError, os};

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "drawbridge.db";

/// A commit writes each page it touched as a whole, so that small pages make it quicker. Smaller
/// than this, rows with a few kilobytes of text spread over many pages.
pub(crate) const PAGE_BYTES: u32 = 2048;

/// Stands in the file's header and says that the file is ours: "DBRG".
const APPLICATION_ID: i32 = 0x4442_5247;

/// How long opening and reading wait for another program that holds the file.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Each brings the tables one version further. A step that was published is never changed.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// All of them, for tests that need no file.
#[cfg(test)]
pub(crate) const TABLES: &str = include_str!("../migrations/0001_record.sql");

/// A file that was opened for writing, and what is known of it.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) file: Arc<Path>,
    /// The number of this start of the engine.
    pub(crate) run: i64,
    /// The row that the next one follows.
    pub(crate) newest: Mark,
    pub(crate) journal: Journal,
    /// What is kept apart from the record.
    pub(crate) marks: Marks,
    /// What is wrong with the end of the record, as a sentence.
    pub(crate) amiss: Option<String>,
    /// Rows are still there that were to be removed.
    pub(crate) unfinished: bool,
}

/// Makes the file in `folder` if it is not there, and brings its tables up to date. The lock shows
/// that nobody else does the same.
pub(crate) async fn bring_up_to_date(
    folder: &Path,
    _lock: &DataFolderLock,
) -> Result<Arc<Path>, OpenError> {
    let file: Arc<Path> = folder.join(FILE).into();
    os::create_private_file(&file)
        .map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
    let failed = |error: sqlx::Error| open_error(NotRecorded::from_sqlx(&error, &file), &file);
    // A file with nothing in it takes the page size; one that has pages keeps its own.
    let options = SqliteConnectOptions::new()
        .filename(&*file)
        .page_size(PAGE_BYTES)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .busy_timeout(PATIENCE);
    let only = SqlitePoolOptions::new().max_connections(1).connect_with(options);
    let only = only.await.map_err(failed)?;
    let migrated = migrate(&only, &file).await;
    // Closed before the one that writes is opened, whatever came of it.
    only.close().await;
    migrated.map(|()| file)
}

async fn migrate(only: &SqlitePool, file: &Arc<Path>) -> Result<(), OpenError> {
    let failed = |error: sqlx::Error| open_error(NotRecorded::from_sqlx(&error, file), file);
    match knows_itself(only).await.map_err(failed)? {
        Known::Ours => {}
        Known::Empty => {
            let claim = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"));
            sqlx::raw_sql(claim).execute(only).await.map_err(failed)?;
        }
        Known::Foreign => {
            return Err(OpenError::NotARecord {
                file: file.to_path_buf(),
                detail: "it is a database of another program".to_owned(),
            });
        }
    }
    MIGRATIONS.run(only).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            OpenError::FromLaterVersion { file: file.to_path_buf(), detail: error.to_string() }
        }
        MigrateError::VersionMismatch(_) => OpenError::NotARecord {
            file: file.to_path_buf(),
            detail: "its tables have a form that no release had".to_owned(),
        },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        error => OpenError::File {
            file: file.to_path_buf(),
            cause: NotRecorded::Unwritable(error.to_string().into()),
        },
    })
}

/// Opens a file that is up to date for writing, and begins a run. Blocks.
pub(crate) fn open(file: Arc<Path>, marks_file: &MarksFile) -> Result<Opened, OpenError> {
    let journal_file = file.with_file_name(journal::FILE);
    let opened = connect(&file).and_then(|mut connection| {
        let (run, newest) = begin_run(&mut connection)?;
        Ok((connection, run, newest))
    });
    let sqlite =
        |error: rusqlite::Error| open_error(NotRecorded::from_sqlite(&error, &file), &file);
    let (mut connection, run, newest) = opened.map_err(sqlite)?;
    let unusable = |path: &Path, error: &std::io::Error| OpenError::File {
        file: file.to_path_buf(),
        cause: NotRecorded::Unwritable(format!("{}: {error}", path.display()).into()),
    };
    let (mut journal, left) =
        Journal::open(&journal_file).map_err(|error| unusable(&journal_file, &error))?;
    // Where all rows were removed, the next one follows the last of those.
    let last = newest.map_or_else(|| removed(&connection), Ok).map_err(sqlite)?;
    let restored = journal::restore(&left, &mut connection, last).map_err(sqlite)?;
    let newest = (newest.is_some() || restored != last).then_some(restored);
    journal.clear().map_err(|error| unusable(&journal_file, &error))?;
    let unusable = |error| unusable(marks_file.path(), &error);
    let kept = marks_file.read().map_err(unusable)?;
    let mut amiss = amiss(newest.as_ref(), kept.as_ref());
    let marks = match kept {
        Some(mut marks) => {
            let there = last_before(&connection, marks.head.row + 1).map_err(sqlite)?;
            let there = there.filter(|there| there.row == marks.head.row);
            if there.is_some_and(|there| there.chain != marks.head.chain) {
                // What it was is kept, so that a check finds it from now on.
                marks.passed.retain(|mark| mark.row < marks.head.row);
                marks.passed.push(marks.head);
                amiss = amiss.or(Some(ANEW.to_owned()));
            }
            marks
        }
        None => {
            let removed = removed(&connection).map_err(sqlite)?;
            Marks { head: newest.unwrap_or(removed), passed: Vec::new(), removed }
        }
    };
    let oldest: Option<i64> = connection
        .query_row("SELECT min(id) FROM entries", [], |row| row.get(0))
        .map_err(sqlite)?;
    let unfinished = oldest.is_some_and(|oldest| oldest <= marks.removed.row);
    // From the first moment on there is something to compare the record with.
    marks_file.write(&marks).map_err(unusable)?;
    let mut newest = newest.unwrap_or(marks.removed);
    // Numbers that were given are not given again: the gap shows that rows are missing.
    newest.row = newest.row.max(marks.head.row);
    Ok(Opened { connection, file, run, newest, journal, marks, amiss, unfinished })
}

const ANEW: &str = "The newest rows of the record were not what they had been when Drawbridge started: \
     another program wrote them anew.";

/// What is wrong with the end of the record, compared with what is kept apart from it.
fn amiss(newest: Option<&Mark>, kept: Option<&Marks>) -> Option<String> {
    match (newest, kept) {
        (Some(_), None) => Some(
            "The file record-marks.json was missing or damaged when Drawbridge started, so that it \
             cannot be told whether the end of the record before this entry is complete."
                .to_owned(),
        ),
        (newest, Some(marks)) => {
            let newest = newest.map_or(marks.removed.row, |newest| newest.row);
            let missing = marks.head.row - newest;
            (missing > 0).then(|| {
                format!(
                    "The last {missing} rows of the record were missing when Drawbridge started. \
                     Either the power failed at that moment, or they were removed by another \
                     program."
                )
            })
        }
        (None, None) => None,
    }
}

/// How lists and details are read: beside the one that writes, and without a hand on the file.
pub(crate) fn options_to_read(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(PATIENCE)
}

/// A connection that can write and has none of the settings of ours.
pub(crate) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// The last row of those that were removed on purpose, as the file itself says.
pub(crate) fn removed(connection: &Connection) -> rusqlite::Result<Mark> {
    connection.query_row("SELECT before - 1, chain, at FROM removal", [], mark)
}

/// The newest row, if there is one.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Option<Mark>> {
    last_before(connection, i64::MAX)
}

/// The last row before the one of this number.
pub(crate) fn last_before(connection: &Connection, row: i64) -> rusqlite::Result<Option<Mark>> {
    const LAST: &str = "SELECT id, chain, at FROM entries WHERE id < ?1 ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(LAST)?.query_row([row], mark).optional()
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let chain: Vec<u8> = row.get(1)?;
    // A chain of another length was changed; the row shows when the record is checked.
    let chain = chain.try_into().map_or(Chain::START, Chain);
    Ok(Mark { row: row.get(0)?, chain, at: row.get(2)? })
}

/// Carries what it can from the log into the file, without being in the way of anyone.
pub(crate) fn carry(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

enum Known {
    /// Nothing is in it.
    Empty,
    /// It is a record.
    Ours,
    /// It is a database, and not ours.
    Foreign,
}

async fn knows_itself(only: &SqlitePool) -> sqlx::Result<Known> {
    let application: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(only).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(only).await?;
    Ok(match (application, tables) {
        (APPLICATION_ID, _) => Known::Ours,
        (0, 0) => Known::Empty,
        _ => Known::Foreign,
    })
}

fn begin_run(connection: &mut Connection) -> rusqlite::Result<(i64, Option<Mark>)> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Carrying pages from the log into the file waits for the disk. A task of ours does it, so
    // that no call has to.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Rows are only added at the end, so that little of the file is needed again: 512 KiB.
    connection.pragma_update(None, "cache_size", -512)?;
    connection.pragma_update(None, "journal_size_limit", 32 * 1024 * 1024)?;

    let transaction = connection.transaction()?;
    let started_at = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    transaction.execute("INSERT INTO runs (started_at) VALUES (?1)", [started_at])?;
    let run = transaction.last_insert_rowid();
    let newest = newest(&transaction)?;
    transaction.commit()?;
    Ok((run, newest))
}

fn open_error(cause: NotRecorded, file: &Path) -> OpenError {
    let file = file.to_owned();
    match cause {
        NotRecorded::Damaged(detail) => OpenError::NotARecord { file, detail: detail.to_string() },
        cause => OpenError::File { file, cause },
    }
}
