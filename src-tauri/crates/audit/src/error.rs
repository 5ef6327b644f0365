//! What goes wrong with the record, as a technician and as a person reads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use drawbridge_model::Problem;
use rusqlite::ErrorCode;

/// Why the record could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another Drawbridge works with this folder.
    #[error("the data folder {} is in use by another Drawbridge", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be made or written to.
    #[error("the data folder {} cannot be used: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is there and is not a record.
    #[error("{} is not a record: {detail}", file.display())]
    NotARecord {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The file was written by a later version of Drawbridge.
    #[error("{} was written by a later version: {detail}", file.display())]
    FromLaterVersion {
        /// The file.
        file: PathBuf,
        /// What is not known about it.
        detail: String,
    },
    /// The file cannot be read or written, for instance because the disk is full.
    #[error("{} cannot be opened: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: NotRecorded,
    },
}

impl OpenError {
    /// What the person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::InUse(_) => "Drawbridge is already running with this data folder. Use the one \
                 that is running, or quit it first."
                .to_owned(),
            Self::Folder { folder, .. } => format!(
                "The data folder {} cannot be used. Drawbridge keeps its record there, and \
                 without a record no call may run. Make the folder writable, or choose another \
                 one.",
                folder.display()
            ),
            Self::NotARecord { file, .. } => format!(
                "The file {} is damaged or is not Drawbridge's record. Nothing was changed in it. \
                 Move it and record-marks.json elsewhere, and Drawbridge begins a new record.",
                file.display()
            ),
            Self::FromLaterVersion { file, .. } => format!(
                "The record {} was written by a later version of Drawbridge. Install that version \
                 again, or move it and record-marks.json elsewhere to begin a new record.",
                file.display()
            ),
            Self::File { cause, .. } => return cause.problem(),
        };
        Problem::new(message, self.to_string())
    }
}

/// Why something could not be put on record. Whoever wanted to run a call must not run it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The disk has no room.
    #[error("the disk is full: {0}")]
    DiskFull(Arc<str>),
    /// Another program held the file longer than we wait.
    #[error("another program holds the record: {0}")]
    Locked(Arc<str>),
    /// The file is no longer a sound database.
    #[error("the record is damaged: {0}")]
    Damaged(Arc<str>),
    /// The file cannot be written for another reason.
    #[error("the record cannot be written: {0}")]
    Unwritable(Arc<str>),
    /// The record was closed, because Drawbridge is ending.
    #[error("the record is closed")]
    Closed,
}

impl NotRecorded {
    /// What the person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::DiskFull(_) => {
                "The disk that holds Drawbridge's record is full. Calls are refused, because none \
                 may run without being on record. Make room on the disk; calls then go on by \
                 themselves."
            }
            Self::Locked(_) => {
                "Another program holds Drawbridge's record open. Calls are refused, because none \
                 may run without being on record. Close that program; calls then go on by \
                 themselves."
            }
            Self::Damaged(_) => {
                "The file of Drawbridge's record is damaged. Calls are refused, because none may \
                 run without being on record. Quit Drawbridge, move the file elsewhere, and start \
                 Drawbridge again."
            }
            Self::Unwritable(_) => {
                "Drawbridge's record cannot be written. Calls are refused, because none may run \
                 without being on record. Check that the data folder is there and can be written; \
                 calls then go on by themselves."
            }
            Self::Closed => {
                "Drawbridge is ending, so that nothing more runs. Start it again to go on."
            }
        };
        Problem::new(message, self.to_string())
    }

    pub(crate) fn from_sqlx(error: &sqlx::Error, file: &Path) -> Self {
        let detail: Arc<str> = format!("{}: {error}", file.display()).into();
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
        match code.map(|extended| rusqlite::ffi::Error::new(extended).code) {
            Some(code) => Self::from_code(code, detail),
            None => Self::Unwritable(detail),
        }
    }

    pub(crate) fn from_sqlite(error: &rusqlite::Error, file: &Path) -> Self {
        let detail: Arc<str> = format!("{}: {error}", file.display()).into();
        match error.sqlite_error_code() {
            Some(code) => Self::from_code(code, detail),
            None => Self::Unwritable(detail),
        }
    }

    fn from_code(code: ErrorCode, detail: Arc<str>) -> Self {
        match code {
            ErrorCode::DiskFull => Self::DiskFull(detail),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked(detail),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(detail),
            _ => Self::Unwritable(detail),
        }
    }
}

/// Why the record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What SQLite said.
    #[error("the record cannot be read: {0}")]
    Sqlite(#[from] sqlx::Error),
    /// What SQLite said.
    #[error("the record cannot be read: {0}")]
    File(#[from] rusqlite::Error),
    /// What is kept apart from the record cannot be read.
    #[error("record-marks.json cannot be read: {0}")]
    Marks(std::io::Error),
    /// The folder holds no record.
    #[error("there is no record in {}", .0.display())]
    NotThere(PathBuf),
    /// The file in which entries are found can neither be used nor made anew.
    #[error("the search index {} cannot be used: {detail}", file.display())]
    Index {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Something in the background broke off.
    #[error("reading the record broke off: {0}")]
    BrokeOff(String),
    /// A value in the file means nothing to this version.
    #[error("the column {column} of the record holds {value:?}")]
    Unexpected {
        /// Where it stands.
        column: &'static str,
        /// What it is.
        value: String,
    },
    /// The record was closed, because Drawbridge is ending.
    #[error("the record is closed")]
    Closed,
}

impl ReadError {
    /// What the person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Sqlite(_) | Self::File(_) | Self::Marks(_) | Self::BrokeOff(_) => {
                "Drawbridge's record cannot be read. If this stays, quit Drawbridge and start it \
                 again."
            }
            Self::NotThere(_) => {
                "There is no record in this folder yet. Drawbridge begins one when it starts."
            }
            Self::Index { .. } => {
                "Drawbridge's record cannot be searched, because the file \
                 drawbridge-search.db in the data folder cannot be written. Check that the folder \
                 can be written and the disk has room. Nothing of the record is lost."
            }
            Self::Unexpected { .. } => {
                "A part of Drawbridge's record was written by another version or changed by \
                 another program, and cannot be shown."
            }
            Self::Closed => "Drawbridge is ending. Start it again to read its record.",
        };
        Problem::new(message, self.to_string())
    }
}

/// Why entries could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The record could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read could not be written.
    #[error("the export cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// Whoever was told about the progress wanted it to end.
    #[error("the export was broken off")]
    BrokenOff,
}

impl ExportError {
    /// What the person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Read(error) => return error.problem(),
            Self::Write(_) => {
                "The export could not be written. Check that the disk has room and the folder can \
                 be written, and export again."
            }
            Self::BrokenOff => "The export was broken off before its end.",
        };
        Problem::new(message, self.to_string())
    }
}
