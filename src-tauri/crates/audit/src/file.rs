//! The file: making it, knowing it again, bringing its tables up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use crate::{DataFolderLock, NotRecorded, OpenError, os};

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "drawbridge.db";

/// A commit writes each page it touched as a whole, so that small pages make it quicker. Smaller
/// than this, rows with a few kilobytes of text spread over many pages.
pub(crate) const PAGE_BYTES: u32 = 2048;

/// Stands in the file's header and says that the file is ours: "DBRG".
const APPLICATION_ID: i32 = 0x4442_5247;

/// How long opening and reading wait for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Each brings the tables one version further. A step that was published is never changed.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// All of them, for tests that need no file.
#[cfg(test)]
pub(crate) const TABLES: &str = concat!(
    include_str!("../migrations/0001_record.sql"),
    include_str!("../migrations/0002_checks.sql")
);

/// A file that was opened for writing, and what is known of it.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) file: Arc<Path>,
    /// The number of this start of the engine.
    pub(crate) run: i64,
    /// The number of the newest row; 0 when there is none.
    pub(crate) newest: i64,
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
    let options =
        SqliteConnectOptions::new().filename(&*file).page_size(PAGE_BYTES).busy_timeout(PATIENCE);
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
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        error => OpenError::File {
            file: file.to_path_buf(),
            cause: NotRecorded::Unwritable(error.to_string().into()),
        },
    })
}

/// Opens a file that is up to date for writing, and begins a run. Blocks.
pub(crate) fn open(file: Arc<Path>) -> Result<Opened, OpenError> {
    let opened = connect(&file).and_then(|mut connection| {
        let (run, newest) = begin_run(&mut connection)?;
        Ok((connection, run, newest))
    });
    match opened {
        Ok((connection, run, newest)) => Ok(Opened { connection, file, run, newest }),
        Err(error) => Err(open_error(NotRecorded::from_sqlite(&error, &file), &file)),
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

/// The number of the newest row; 0 when there is none.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM entries", [], |row| row.get(0))
}

/// Carries what it can from the log into the file, without being in the way of anyone.
pub(crate) fn carry(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
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

fn begin_run(connection: &mut Connection) -> rusqlite::Result<(i64, i64)> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Carrying pages from the log into the file waits for the disk. A task of ours does it, so
    // that no call has to.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;

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
