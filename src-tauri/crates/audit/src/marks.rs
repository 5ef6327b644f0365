//! What is kept apart from the record, so that a record whose end was cut off, or that was written
//! anew, is told from the one that was kept: its newest row, rows on the way there, and up to where
//! rows were removed on purpose.
//!
//! They stand in a small file of their own, `record-marks.json`, which is written at most once a
//! second while rows come, and when the record is closed. Whoever can write both files can make them
//! agree; that the two tell on each other is for accidents, other programs and tools that change one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::os;

/// The name of the file in the data folder.
const FILE: &str = "record-marks.json";
/// Rows between two that are remembered.
const EVERY: i64 = 10_000;
/// Most that are remembered. When they are that many, every other one is let go.
const MOST: usize = 1_000;

/// A row, known again by its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its number; 0 before the first.
    pub(crate) row: i64,
    pub(crate) chain: Chain,
    /// When it was made, in milliseconds since 1970 (UTC).
    pub(crate) at: i64,
}

impl Mark {
    /// Before the first row.
    pub(crate) const START: Self = Self { row: 0, chain: Chain::START, at: 0 };
}

/// What is kept apart from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The newest row there was when this was written.
    pub(crate) head: Mark,
    /// Rows on the way there, oldest first.
    pub(crate) passed: Vec<Mark>,
    /// The last row of those that were removed on purpose; the first that is left follows it.
    pub(crate) removed: Mark,
}

impl Default for Marks {
    fn default() -> Self {
        Self { head: Mark::START, passed: Vec::new(), removed: Mark::START }
    }
}

impl Marks {
    /// Goes on to a newer row.
    pub(crate) fn pass(&mut self, head: Mark) {
        self.head = head;
        if head.row >= self.passed.last().map_or(0, |last| last.row) + EVERY {
            self.passed.push(head);
        }
        if self.passed.len() > MOST {
            let mut nth = 0_usize;
            self.passed.retain(|_| {
                nth += 1;
                nth.is_multiple_of(2)
            });
        }
    }

    /// Rows up to this one are going to be removed.
    pub(crate) fn remove_up_to(&mut self, last: Mark) {
        self.removed = last;
        self.passed.retain(|mark| mark.row > last.row);
    }
}

/// The file.
pub(crate) struct MarksFile(PathBuf);

impl MarksFile {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.join(FILE))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it. `None` when it is not there, or is not what was written.
    pub(crate) fn read(&self) -> io::Result<Option<Marks>> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(serde_json::from_slice::<OnDisk>(&bytes)
                .ok()
                .filter(|on_disk| on_disk.version == OnDisk::VERSION)
                .and_then(OnDisk::into_marks)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it in one step, so that it is never half there.
    pub(crate) fn write(&self, marks: &Marks) -> io::Result<()> {
        let text = serde_json::to_vec(&OnDisk::from(marks)).map_err(io::Error::other)?;
        let beside = self.0.with_extension("json.new");
        os::write_private_file(&beside, &text)?;
        std::fs::rename(&beside, &self.0)
    }
}

/// Least time between two writings of the file.
const PAUSE: Duration = Duration::from_secs(1);

/// Whoever keeps the file up to date.
pub(crate) struct MarksKeeper {
    file: MarksFile,
    marks: Marks,
    /// Not before this is it written again.
    rests_until: Instant,
}

impl MarksKeeper {
    pub(crate) fn new(file: MarksFile, marks: Marks) -> Self {
        Self { file, marks, rests_until: Instant::now() }
    }

    /// In how long the file is to be written, if there is a newer row.
    pub(crate) fn due_in(&self, head: Mark, now: Instant) -> Option<Duration> {
        (head != self.marks.head).then(|| self.rests_until.saturating_duration_since(now))
    }

    /// Writes the file with the newest row.
    pub(crate) fn keep(&mut self, head: Mark) {
        self.rests_until = Instant::now() + PAUSE;
        let mut marks = self.marks.clone();
        marks.pass(head);
        match self.file.write(&marks) {
            Ok(()) => self.marks = marks,
            Err(error) => tracing::warn!(%error, "the end of the record is not kept apart"),
        }
    }

    /// Writes that rows up to this one are going to be removed.
    pub(crate) fn remove_up_to(&mut self, last: Mark) -> io::Result<()> {
        let mut marks = self.marks.clone();
        marks.remove_up_to(last);
        self.file.write(&marks)?;
        self.marks = marks;
        Ok(())
    }

    pub(crate) fn removed(&self) -> Mark {
        self.marks.removed
    }
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    version: u32,
    head: MarkOnDisk,
    passed: Vec<MarkOnDisk>,
    removed: MarkOnDisk,
}

#[derive(Serialize, Deserialize)]
struct MarkOnDisk {
    row: i64,
    at: i64,
    chain: String,
}

impl OnDisk {
    const VERSION: u32 = 1;

    fn into_marks(self) -> Option<Marks> {
        let passed = self.passed.iter().map(MarkOnDisk::mark).collect::<Option<_>>()?;
        Some(Marks { head: self.head.mark()?, passed, removed: self.removed.mark()? })
    }
}

impl From<&Marks> for OnDisk {
    fn from(marks: &Marks) -> Self {
        Self {
            version: Self::VERSION,
            head: (&marks.head).into(),
            passed: marks.passed.iter().map(MarkOnDisk::from).collect(),
            removed: (&marks.removed).into(),
        }
    }
}

impl From<&Mark> for MarkOnDisk {
    fn from(mark: &Mark) -> Self {
        Self { row: mark.row, at: mark.at, chain: mark.chain.hex() }
    }
}

impl MarkOnDisk {
    fn mark(&self) -> Option<Mark> {
        Some(Mark { row: self.row, at: self.at, chain: Chain::from_hex(&self.chain)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(row: i64) -> Mark {
        Mark { row, at: row * 3, chain: Chain([row as u8; 32]) }
    }

    #[test]
    fn what_is_written_is_read_again_and_anything_else_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = MarksFile::in_folder(folder.path());
        assert_eq!(file.read().expect("reads"), None);
        let mut marks = Marks::default();
        for row in [1, 9_000, 12_000, 15_000, 22_500] {
            marks.pass(mark(row));
        }
        file.write(&marks).expect("writes");
        assert_eq!(file.read().expect("reads"), Some(marks.clone()));
        assert_eq!(marks.passed, [mark(12_000), mark(22_500)], "a few are remembered");
        marks.remove_up_to(mark(15_000));
        assert_eq!(marks.passed, [mark(22_500)]);
        os::write_private_file(&file.0, b"{\"version\":1,\"head\"").expect("writes");
        assert_eq!(file.read().expect("reads"), None);
    }

    #[test]
    fn marks_do_not_grow_without_end() {
        let mut marks = Marks::default();
        for n in 1..5_000 {
            marks.pass(mark(n * EVERY));
        }
        assert!(marks.passed.len() <= MOST);
        assert!(marks.passed.is_sorted_by_key(|mark| mark.row));
        assert_eq!(marks.head, mark(4_999 * EVERY));
    }
}
