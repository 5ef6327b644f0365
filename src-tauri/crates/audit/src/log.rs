//! The log that commits are written to before they are carried into the file (SQLite's WAL).
//!
//! Before it writes, a connection locks one of the log's four read marks. It moves a free mark to
//! the newest commit, locking it for that moment, and then shares its lock with others: four system
//! calls with those that undo it, of six that a commit spends on locks. Where connections of this
//! process hold all four marks, it shares the newest of them instead, without a system call
//! (<https://sqlite.org/walformat.html>, "WAL locks"). So four readers hold them, each where it
//! was when it came, as long as calls come close together.
//!
//! What was committed after the oldest of the marks is not carried into the file while it is held.
//! The readers let go before pages are carried.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::file;

/// Marks a log has for those who read from it.
const MARKS: usize = 4;
/// How long after the last commit the marks are held. Where calls are that rare, a few microseconds
/// are worth less than the memory of the readers.
const HELD: Duration = Duration::from_secs(1);

/// The log of a file. The clerk has it.
pub(crate) struct Log<'a> {
    file: &'a Path,
    /// Each holds a mark.
    readers: Vec<Connection>,
    let_go_at: Instant,
}

impl<'a> Log<'a> {
    pub(crate) fn of(file: &'a Path) -> Self {
        Self { file, readers: Vec::new(), let_go_at: Instant::now() }
    }

    /// The file it is the log of.
    pub(crate) fn file(&self) -> &'a Path {
        self.file
    }

    /// Holds one more mark, if one is free. It is another one where something was committed since
    /// the last time, so this is for calling after a commit.
    pub(crate) fn hold_mark(&mut self, now: Instant) {
        self.let_go_at = now + HELD;
        if self.readers.len() == MARKS {
            return;
        }
        match reader(self.file) {
            Ok(reader) => self.readers.push(reader),
            Err(error) => tracing::debug!(%error, "a mark of the log could not be held"),
        }
    }

    /// In what time the marks are to be let go because no more calls come.
    pub(crate) fn let_go_in(&self, now: Instant) -> Option<Duration> {
        (!self.readers.is_empty()).then(|| self.let_go_at.saturating_duration_since(now))
    }

    /// Lets all marks go, so that pages can be carried.
    pub(crate) fn let_go(&mut self) {
        self.readers.clear();
    }
}

/// A connection that began to read and never ends.
fn reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection = file::connect(file)?;
    // Nothing waits for what is only quicker.
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("BEGIN")?;
    // It is the first thing read that takes the mark. This reads one page and no tables.
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The marks as they stand in the index of the log (walformat, 2.3: after 96 bytes and
    /// `nBackfill`, five numbers of four bytes, of which the first is not a mark).
    fn marks(file: &Path) -> [u32; MARKS] {
        let index = std::fs::read(file.with_extension("db-shm")).expect("the index of the log");
        std::array::from_fn(|mark| {
            let bytes = index[104 + 4 * mark..][..4].try_into().expect("four bytes");
            u32::from_ne_bytes(bytes)
        })
    }

    #[test]
    fn held_marks_stay_where_they_are_and_pages_are_carried_when_they_are_let_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("drawbridge.db");
        let pen = Connection::open(&file).expect("opens");
        pen.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE rows (id)",
        )
        .expect("a table");
        let write = || pen.execute_batch("INSERT INTO rows VALUES (1)").expect("writes");
        let carried = || {
            pen.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
            })
            .expect("carries")
        };

        let mut log = Log::of(&file);
        assert_eq!(log.let_go_in(Instant::now()), None, "there is nothing to let go");
        for _ in 0..MARKS {
            write();
            log.hold_mark(Instant::now());
        }
        let held = marks(&file);
        assert!(held.is_sorted() && held[0] > 0 && held[0] < held[MARKS - 1], "{held:?}");
        for _ in 0..10 {
            write();
        }
        log.hold_mark(Instant::now());
        assert_eq!(log.readers.len(), MARKS);
        let now = Instant::now();
        assert!(log.let_go_in(now).is_some_and(|time| time > HELD / 2 && time <= HELD));
        assert_eq!(log.let_go_in(now + HELD), Some(Duration::ZERO));
        assert_eq!(marks(&file), held, "no commit moves a mark that is held");
        let (all, into_file) = carried();
        assert!(into_file <= held[0], "{into_file} pages of {all}, though marks are held");

        log.let_go();
        let (all, into_file) = carried();
        assert_eq!(all, into_file, "all pages are carried once they are let go");
    }
}
