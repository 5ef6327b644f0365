//! Writing a file whole or not at all.
//!
//! The content goes into a new file beside the old one, is brought to the disk, and then takes the
//! old one's place in one step. Whoever reads the file meanwhile, and whoever pulls the plug, finds
//! either the old content or the new one. This is the only place that writes files people care
//! about.
//!
//! The file behind a symbolic link is replaced, not the link. A hard link to the old file keeps the
//! old content, since the name, not the content, changes hands.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use drawbridge_model::Problem;

/// Symbolic links followed in a row before we call it a circle; Linux draws the line there too.
const MOST_LINKS: usize = 40;

/// Why a file could not be written. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder does not exist and could not be made.
    #[error("the folder of {path} could not be made: {source}")]
    Folder {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is marked as read-only.
    #[error("{path} is read-only")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The symbolic links that lead to the file lead in a circle.
    #[error("the links of {path} lead in a circle")]
    Circle {
        /// The file.
        path: PathBuf,
    },
    /// Something stands there that is not a file.
    #[error("{path} is not a file")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path} could not be written: {source}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WriteError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Folder { path, source } => {
                let folder = path.parent().unwrap_or(path).display();
                match source.kind() {
                    io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => format!(
                        "{} cannot be written, since a part of its path is a file and not a \
                         folder. Nothing was changed.",
                        path.display()
                    ),
                    _ => format!(
                        "The folder {folder} could not be made: {}. Nothing was changed.",
                        reason(source)
                    ),
                }
            }
            Self::ReadOnly { path } => format!(
                "{} is read-only. Allow writing to it and try again. Nothing was changed.",
                path.display()
            ),
            Self::Circle { path } => format!(
                "{} is a link that leads back to itself. Nothing was changed.",
                path.display()
            ),
            Self::NotAFile { path } => {
                format!("{} is not a file. Nothing was changed.", path.display())
            }
            Self::Refused { path, source } => format!(
                "{} could not be written: {}. Nothing was changed.",
                path.display(),
                reason(source)
            ),
        };
        Problem::new(message, self.to_string())
    }
}

/// The system's reason in words a person knows.
pub(crate) fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
        io::ErrorKind::PermissionDenied => "you have no right to write there",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
        io::ErrorKind::NotADirectory => "a part of its path is a file and not a folder",
        io::ErrorKind::IsADirectory => "a folder stands in its place",
        io::ErrorKind::NotFound => "its folder is not there",
        io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => {
            "another program uses it"
        }
        _ => "the system refused",
    }
}

/// Writes the content to the path, blocking until it is on the disk. Folders that are missing are
/// made. A file that exists keeps its mode; a new one is for its owner's eyes only (0600 on Unix).
///
/// # Errors
/// When anything fails; then the file is as it was before.
pub fn write(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    let target = follow_links(path)?;
    let refused = |source| WriteError::Refused { path: target.clone(), source };
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)
        .map_err(|source| WriteError::Folder { path: target.clone(), source })?;
    let before = match fs::metadata(&target) {
        Ok(before) if !before.is_file() => return Err(WriteError::NotAFile { path: target }),
        Ok(before) if before.permissions().readonly() => {
            return Err(WriteError::ReadOnly { path: target });
        }
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(refused(error)),
    };
    // The name begins with a dot and ends in ".tmp", so that nobody takes it for the file itself.
    let mut draft = tempfile::Builder::new()
        .prefix(".drawbridge-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(refused)?;
    draft.write_all(content).map_err(refused)?;
    if let Some(before) = before {
        draft.as_file().set_permissions(before.permissions()).map_err(refused)?;
    }
    draft.as_file().sync_all().map_err(refused)?;
    draft.persist(&target).map_err(|error| refused(error.error))?;
    // The new name lasts once the folder is on the disk too. Where a folder cannot be opened
    // (Windows) the system sees to that itself, and the file is whole either way.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// The file at the end of the symbolic links, which need not exist yet.
pub(crate) fn follow_links(path: &Path) -> Result<PathBuf, WriteError> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => {
                target = target.parent().unwrap_or(Path::new("")).join(next);
            }
            Err(_) => return Ok(target),
        }
    }
    Err(WriteError::Circle { path: path.to_owned() })
}
