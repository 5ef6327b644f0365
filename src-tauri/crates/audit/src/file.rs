//! The file: making it, knowing it again, bringing its tables up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{DataFolderLock, NotRecorded, OpenError, os};

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "drawbridge.db";

/// A commit writes each page it touched as a whole, so that small pages make it quicker. Smaller
/// than this, rows with a few kilobytes of text spread over many pages.
pub(crate) const PAGE_BYTES: u32 = 2048;

/// Stands in the file's header and says that the file is ours: "DBRG".
const APPLICATION_ID: i32 = 0x4442_5247;

/// How long opening waits for another program that holds the file.
const OPEN_PATIENCE: Duration = Duration::from_secs(2);

/// Each brings the tables one version further. A step that was published is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_record.sql")];
const VERSION: i64 = MIGRATIONS.len() as i64;

/// A file that was opened for writing, and what is known of it.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) file: Arc<Path>,
    /// The number of this start of the engine.
    pub(crate) run: i64,
    /// The number of the newest row; 0 when there is none.
    pub(crate) newest: i64,
}

/// Opens the file in `folder` for writing, makes it if it is not there, and begins a run.
/// Blocks. The lock shows that nobody else does the same.
pub(crate) fn open(folder: &Path, _lock: &DataFolderLock) -> Result<Opened, OpenError> {
    let file: Arc<Path> = folder.join(FILE).into();
    os::create_private_file(&file)
        .map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
    let opened = connect(&file)
        .and_then(|connection| {
            let known = knows_itself(&connection)?;
            Ok((connection, known))
        })
        .map_err(|error| open_error(&error, &file))?;
    let (mut connection, known) = opened;
    match known {
        Known::Ours(version) if version > VERSION => {
            return Err(OpenError::FromLaterVersion {
                file: file.to_path_buf(),
                detail: format!("its tables have version {version}, known is {VERSION}"),
            });
        }
        Known::Ours(_) | Known::Empty => {}
        Known::Foreign => {
            return Err(OpenError::NotARecord {
                file: file.to_path_buf(),
                detail: "it is a database of another program".to_owned(),
            });
        }
    }
    prepare(&mut connection, known)
        .map(|(run, newest)| Opened { run, newest, connection, file: Arc::clone(&file) })
        .map_err(|error| open_error(&error, &file))
}

/// A connection that can only read, for lists and details.
pub(crate) fn connect_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(OPEN_PATIENCE)?;
    Ok(connection)
}

/// A connection that can write and has none of the settings of ours.
pub(crate) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(OPEN_PATIENCE)?;
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

#[derive(Clone, Copy)]
enum Known {
    /// Nothing is in it.
    Empty,
    /// It is a record whose tables have this version.
    Ours(i64),
    /// It is a database, and not ours.
    Foreign,
}

fn knows_itself(connection: &Connection) -> rusqlite::Result<Known> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (application, version, tables) {
        (application, ..) if application == i64::from(APPLICATION_ID) => Known::Ours(version),
        (0, 0, 0) => Known::Empty,
        _ => Known::Foreign,
    })
}

fn prepare(connection: &mut Connection, known: Known) -> rusqlite::Result<(i64, i64)> {
    if let Known::Empty = known {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Carrying pages from the log into the file waits for the disk. A task of ours does it, so
    // that no call has to.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;

    let transaction = connection.transaction()?;
    let before: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > before) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    let started_at = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    transaction.execute("INSERT INTO runs (started_at) VALUES (?1)", [started_at])?;
    let run = transaction.last_insert_rowid();
    let newest = newest(&transaction)?;
    transaction.commit()?;
    Ok((run, newest))
}

fn open_error(error: &rusqlite::Error, file: &Path) -> OpenError {
    match NotRecorded::from_sqlite(error, file) {
        NotRecorded::Damaged(_) => {
            OpenError::NotARecord { file: file.to_owned(), detail: error.to_string() }
        }
        cause => OpenError::File { file: file.to_owned(), cause },
    }
}
