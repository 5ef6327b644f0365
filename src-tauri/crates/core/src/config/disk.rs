//! The config file on the disk: one look at it, and one write over what was seen there.

use std::path::Path;

use tokio_util::task::TaskTracker;

use super::jsonc::without_mark;
use super::read::MOST_BYTES;
use crate::atomic_write::{self, WriteError};
use crate::view::ConfigProblem;

/// What was found where the file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// Nothing, or a file with nothing but blanks in it.
    Absent { blank: bool },
    /// A text.
    Text(String),
    /// Something that cannot be read as a text.
    Unreadable(ConfigProblem),
}

/// Reads the file.
pub(super) async fn read_file(file: &Path) -> OnDisk {
    let unreadable = |line, message: String| {
        let path = file.display().to_string();
        OnDisk::Unreadable(ConfigProblem { path, line, key: String::new(), message })
    };
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => OnDisk::Absent { blank: false },
        std::io::ErrorKind::PermissionDenied => {
            unreadable(None, "The config file cannot be read: you have no right to.".to_owned())
        }
        _ => unreadable(
            None,
            format!("The config file cannot be read: {}.", atomic_write::reason(&error)),
        ),
    };
    match tokio::fs::metadata(file).await {
        Ok(found) if !found.is_file() => {
            return unreadable(None, "Expected a file here, found something else.".to_owned());
        }
        Ok(found) if found.len() > MOST_BYTES as u64 => {
            return unreadable(None, "Expected a config file of at most 4 MiB.".to_owned());
        }
        Ok(_) => {}
        Err(error) => return failed(error),
    }
    let bytes = match tokio::fs::read(file).await {
        Ok(bytes) => bytes,
        Err(error) => return failed(error),
    };
    match String::from_utf8(bytes) {
        Ok(text) if without_mark(&text).trim().is_empty() => OnDisk::Absent { blank: true },
        Ok(text) => OnDisk::Text(text),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let line = u32::try_from(line).ok();
            unreadable(line, "Expected a text in UTF-8. Save the file in that encoding.".to_owned())
        }
    }
}

/// Whether a text was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrote {
    /// It was.
    Yes,
    /// It was not, since the file was no longer what the text had been made from.
    No,
}

/// Writes the text, unless the file is no longer what was expected there.
pub(super) async fn write_over(
    tasks: &TaskTracker,
    file: &Path,
    expected: OnDisk,
    text: &str,
) -> Result<Wrote, WriteError> {
    let (path, text) = (file.to_owned(), text.to_owned());
    let write = move || {
        let found = std::fs::read(&path);
        let unchanged = match (&expected, found) {
            (OnDisk::Text(expected), Ok(found)) => found == expected.as_bytes(),
            (OnDisk::Absent { .. }, Ok(found)) => found.iter().all(u8::is_ascii_whitespace),
            (OnDisk::Absent { .. }, Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        match unchanged {
            true => atomic_write::write(&path, text.as_bytes()).map(|()| Wrote::Yes),
            false => Ok(Wrote::No),
        }
    };
    match tasks.spawn_blocking(write).await {
        Ok(done) => done,
        Err(error) => {
            Err(WriteError::Refused { path: file.to_owned(), source: std::io::Error::other(error) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_not_what_was_seen_is_not_written_over() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("config.jsonc");
        let tasks = TaskTracker::new();
        let text = |text: &str| OnDisk::Text(text.to_owned());
        let absent = OnDisk::Absent { blank: false };
        for (there, expected, wrote) in [
            (None, absent.clone(), Wrote::Yes),
            (None, text("{}"), Wrote::No),
            (Some("{}"), text("{}"), Wrote::Yes),
            (Some("{ }"), text("{}"), Wrote::No),
            (Some("{}"), absent.clone(), Wrote::No),
            (Some(" \n"), absent.clone(), Wrote::Yes),
        ] {
            let _ = std::fs::remove_file(&file);
            if let Some(there) = there {
                atomic_write::write(&file, there.as_bytes()).expect("writes");
            }
            let result = write_over(&tasks, &file, expected, "after").await.expect("no error");
            assert!(result == wrote, "{there:?}");
            let left = std::fs::read_to_string(&file).ok();
            let kept = if wrote == Wrote::Yes { Some("after") } else { there };
            assert_eq!(left.as_deref(), kept);
        }
    }
}
