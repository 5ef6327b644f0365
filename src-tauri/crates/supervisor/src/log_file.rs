//! The file behind a log: one current file and two older ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::log_book::LogLine;
use crate::os;

/// A file that is larger is moved aside.
const FILE_BYTES: u64 = 1024 * 1024;
/// Text that waits to be written. What comes while it is full is left out of the file and counted.
const PENDING_BYTES: usize = 256 * 1024;

/// Appends lines in blocking tasks that live only while there is something to write, so that an
/// idle log costs nothing and nobody has to close it.
#[derive(Debug)]
pub(crate) struct LogFile {
    folder: PathBuf,
    stem: String,
    tasks: TaskTracker,
    runtime: Handle,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    text: String,
    left_out: u64,
    /// Whether a task is writing; it looks again before it ends.
    writing: bool,
    /// Kept here between tasks.
    file: Option<(File, u64)>,
    /// One warning is enough.
    warned: bool,
}

impl LogFile {
    pub(crate) fn new(folder: &Path, name: &str, tasks: &TaskTracker) -> Self {
        Self {
            folder: folder.to_path_buf(),
            stem: file_stem(name),
            tasks: tasks.clone(),
            runtime: Handle::current(),
            pending: Mutex::default(),
        }
    }

    pub(crate) fn append(self: &Arc<Self>, at: OffsetDateTime, line: &LogLine) {
        let mut pending = self.pending();
        if pending.text.len() + line.text.len() > PENDING_BYTES {
            pending.left_out += 1;
            return;
        }
        let at = at
            .format(format_description!(
                "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
            ))
            .unwrap_or_default();
        for word in [&at, " ", line.source.word(), " ", &line.text, "\n"] {
            pending.text.push_str(word);
        }
        if !pending.writing {
            pending.writing = true;
            let this = Arc::clone(self);
            self.tasks.spawn_blocking_on(move || this.write_pending(), &self.runtime);
        }
    }

    fn write_pending(&self) {
        loop {
            let mut pending = self.pending();
            let mut text = std::mem::take(&mut pending.text);
            if text.is_empty() {
                pending.writing = false;
                return;
            }
            let left_out = std::mem::take(&mut pending.left_out);
            if left_out > 0 {
                text.push_str(&format!("… {left_out} lines left out of this file\n"));
            }
            let file = pending.file.take();
            drop(pending);
            match self.write(file, text.as_bytes()) {
                Ok(file) => self.pending().file = Some(file),
                Err(error) => {
                    let mut pending = self.pending();
                    if !std::mem::replace(&mut pending.warned, true) {
                        tracing::warn!(folder = %self.folder.display(), %error, "cannot write a server's log");
                    }
                }
            }
        }
    }

    fn write(&self, file: Option<(File, u64)>, text: &[u8]) -> io::Result<(File, u64)> {
        let (mut file, mut len) = match file {
            Some(open) => open,
            None => self.open()?,
        };
        if len > 0 && len + text.len() as u64 > FILE_BYTES {
            drop(file);
            self.rotate()?;
            (file, len) = self.open()?;
        }
        file.write_all(text)?;
        Ok((file, len + text.len() as u64))
    }

    fn open(&self) -> io::Result<(File, u64)> {
        os::create_private_folder(&self.folder)?;
        let file = os::private_file().append(true).create(true).open(self.path(""))?;
        let len = file.metadata()?.len();
        Ok((file, len))
    }

    fn rotate(&self) -> io::Result<()> {
        for (from, to) in [(".1", ".2"), ("", ".1")] {
            match fs::rename(self.path(from), self.path(to)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, generation: &str) -> PathBuf {
        self.folder.join(format!("{}{generation}.log", self.stem))
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that is a good file name on every system stays; any other one is changed and ends in
/// digits of its own, so that two servers never share a file, also where case is ignored.
fn file_stem(name: &str) -> String {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let device = |stem: &str| {
        let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        RESERVED.contains(&stem) || port.is_some_and(|digit| digit.len() == 1)
    };
    if !name.is_empty() && name.len() <= 60 && name.chars().all(plain) && !device(name) {
        return name.to_owned();
    }
    // FNV-1a: small, and the same in every version.
    let digits = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let kept: String = name
        .chars()
        .take(40)
        .map(|c| if plain(c.to_ascii_lowercase()) { c } else { '_' })
        .collect();
    format!("{}-{digits:08x}", kept.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogBook, LogSource};

    #[test]
    fn every_name_gets_a_file_of_its_own() {
        let names =
            ["files", "Files", "a/b", "a_b", "../x", "nul", "com1", "", "ä", &"n".repeat(100)];
        let stems: Vec<_> = names.iter().map(|name| file_stem(name)).collect();
        assert_eq!(stems[0], "files");
        for (at, stem) in stems.iter().enumerate() {
            assert!(!stems[..at].contains(stem), "{stem} twice");
            assert!(
                stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{stem}"
            );
            assert!(!["nul", "com1"].contains(&stem.as_str()));
        }
    }

    #[tokio::test]
    async fn lines_reach_the_file_and_the_file_is_moved_aside_when_full() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let tasks = TaskTracker::new();
        let book = LogBook::open(&logs, "files", &tasks);
        tasks.close();
        book.append(LogSource::Drawbridge, "the first line");
        tasks.wait().await;
        let text = fs::read_to_string(logs.join("files.log")).unwrap();
        assert!(text.ends_with("Z drawbridge the first line\n"), "{text:?}");

        // Four times the size of a file, in pieces that fit into what may wait.
        for _ in 0..32 {
            for _ in 0..16 {
                book.append(LogSource::Drawbridge, &"x".repeat(8_000));
            }
            tasks.wait().await;
        }
        let mut sizes = vec![];
        for entry in fs::read_dir(&logs).unwrap() {
            let entry = entry.unwrap();
            sizes.push((entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()));
        }
        sizes.sort();
        let names: Vec<_> = sizes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["files.1.log", "files.2.log", "files.log"]);
        assert!(sizes.iter().all(|(_, size)| *size <= FILE_BYTES), "{sizes:?}");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_costs_only_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        let tasks = TaskTracker::new();
        let book = LogBook::open(&file.join("logs"), "files", &tasks);
        book.append(LogSource::Stderr, "still here");
        tasks.close();
        tasks.wait().await;
        assert_eq!(book.last_stderr().as_deref(), Some("still here"));
    }
}
