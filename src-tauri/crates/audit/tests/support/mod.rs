//! A record in a folder of its own, and a second pair of eyes on its file.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drawbridge_audit::{CallBegan, Checked, Excerpt, Record, check};
use drawbridge_model::{ActivityKind, ClientName, ServerName};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

pub struct TestRecord {
    pub record: Record,
    pub folder: PathBuf,
    pub tasks: TaskTracker,
    pub _home: Option<TempDir>,
}

impl TestRecord {
    pub async fn open() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let opened = Self::open_in(&home.path().join("data")).await;
        Self { _home: Some(home), ..opened }
    }

    pub async fn open_in(folder: &Path) -> Self {
        let tasks = TaskTracker::new();
        let record = Record::open(folder, &tasks).await.expect("the record opens");
        Self { record, folder: folder.to_owned(), tasks, _home: None }
    }

    /// Closes the record, waits for its tasks and opens it again, as the next start would.
    pub async fn reopen(self) -> Self {
        self.record.close().await;
        self.tasks.close();
        within("tasks end", self.tasks.wait()).await;
        let again = Self::open_in(&self.folder).await;
        Self { _home: self._home, ..again }
    }

    /// Waits until the file holds so many ends, and fails when it holds more.
    pub async fn ended(&self, wanted: i64) {
        let eyes = self.eyes();
        loop {
            let ends = count(&eyes, "SELECT count(*) FROM entries WHERE step = 'ended'");
            assert!(ends <= wanted, "{ends} ends");
            if ends == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn eyes(&self) -> Connection {
        eyes(&self.folder)
    }
}

/// A connection of someone else's that can only read.
pub fn eyes(folder: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(folder.join("drawbridge.db"), flags).expect("the file opens")
}

/// The calls that began.
pub fn began(eyes: &Connection) -> BTreeSet<i64> {
    let mut statement =
        eyes.prepare("SELECT id FROM entries WHERE step = 'began'").expect("prepares");
    let rows = statement.query_map([], |row| row.get(0)).expect("queries");
    rows.collect::<Result<_, _>>().expect("reads")
}

/// What a check of the record says.
pub fn checked(folder: &Path) -> Checked {
    check(folder, |_| ControlFlow::Continue(())).expect("it can be read").expect("not broken off")
}

/// A copy of the folder as the next run would find it, were the engine killed now.
pub fn copy_as_it_is(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    // What leaves one of them meanwhile is in the next one already.
    let files = ["drawbridge.journal", "record-marks.json", "drawbridge.db", "drawbridge.db-wal"];
    for file in files {
        std::fs::copy(folder.join(file), copy.path().join(file)).expect(file);
    }
    copy
}

pub fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect(sql)
}

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect(what)
}

pub fn call(subject: &str) -> CallBegan {
    CallBegan {
        client: Some(ClientName::new("vscode").expect("a plain name")),
        client_says: Some("Visual Studio Code 1.130".into()),
        server: Some(ServerName::new("files").expect("a plain name")),
        subject: Some(subject.into()),
        arguments: Some(Excerpt::of("{\"path\":\"/home/me/notes.md\"}")),
        ..CallBegan::new(ActivityKind::ToolCall)
    }
}

/// Another program that holds the file, until it commits.
pub fn hold(folder: &Path) -> Connection {
    let other = Connection::open(folder.join("drawbridge.db")).expect("opens");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes");
    other
}

/// Rows can be neither changed nor removed, whoever tries.
pub fn assert_append_only(folder: &Path) {
    let other = Connection::open(folder.join("drawbridge.db")).expect("opens");
    for sql in ["UPDATE entries SET subject = 'x'", "DELETE FROM entries"] {
        let error = other.execute(sql, []).expect_err(sql);
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
}
