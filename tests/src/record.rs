//! The record as it stands in the database, read while the engine runs.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

/// One row of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of things.
    pub id: i64,
    /// `began`, `ended` or `noted`.
    pub step: String,
    /// For an end: the row that says it began.
    pub call: Option<i64>,
    /// What kind of thing, such as `toolCall`; empty for an end.
    pub kind: String,
    /// The app.
    pub client: String,
    /// The server.
    pub server: String,
    /// The tool, prompt or resource.
    pub subject: String,
    /// How it ended.
    pub outcome: String,
    /// What it was called with.
    pub arguments: String,
    /// What came back.
    pub result: String,
    /// What was noted.
    pub note: String,
}

fn entry(row: &SqliteRow) -> Entry {
    let text = |column| row.get::<Option<String>, _>(column).unwrap_or_default();
    Entry {
        id: row.get("id"),
        step: text("step"),
        call: row.get("call"),
        kind: text("kind"),
        client: text("client"),
        server: text("server"),
        subject: text("subject"),
        outcome: text("outcome"),
        arguments: text("arguments"),
        result: text("result"),
        note: text("note"),
    }
}

/// The database of a data folder.
pub struct Database {
    connection: SqliteConnection,
}

impl Database {
    /// Opens it for reading beside the engine.
    ///
    /// # Panics
    /// When there is none.
    pub async fn read(data_dir: &Path) -> Self {
        Self::open(data_dir, true).await
    }

    /// Opens it for writing, to be in the engine's way.
    ///
    /// # Panics
    /// When there is none.
    pub async fn write(data_dir: &Path) -> Self {
        Self::open(data_dir, false).await
    }

    /// What is kept beside the record under a key; empty when nothing is.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn kept(&mut self, key: &str) -> String {
        sqlx::query_scalar("SELECT value FROM kept WHERE key = ?1")
            .bind(key)
            .fetch_optional(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("read what is kept: {error}"))
            .unwrap_or_default()
    }

    async fn open(data_dir: &Path, read_only: bool) -> Self {
        let path = data_dir.join("drawbridge.db");
        let options = SqliteConnectOptions::new().filename(&path).read_only(read_only);
        let connection = SqliteConnection::connect_with(&options)
            .await
            .unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
        Self { connection }
    }

    /// All rows, oldest first.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn entries(&mut self) -> Vec<Entry> {
        let rows = sqlx::query("SELECT * FROM entries ORDER BY id")
            .fetch_all(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("read the record: {error}"));
        rows.iter().map(entry).collect()
    }

    /// The rows of one kind, their ends left out.
    pub async fn of_kind(&mut self, kind: &str) -> Vec<Entry> {
        self.entries().await.into_iter().filter(|entry| entry.kind == kind).collect()
    }

    /// How a call ended, if it did.
    pub async fn end_of(&mut self, call: i64) -> Option<Entry> {
        self.entries().await.into_iter().find(|entry| entry.call == Some(call))
    }

    /// How many calls of tools began, and how many ended.
    ///
    /// # Panics
    /// When they cannot be counted.
    pub async fn count_calls(&mut self) -> (i64, i64) {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM entries WHERE step = 'began' AND kind = 'toolCall'),
                    (SELECT count(*) FROM entries WHERE step = 'ended')",
        )
        .fetch_one(&mut self.connection)
        .await
        .unwrap_or_else(|error| panic!("count the record: {error}"));
        (row.get(0), row.get(1))
    }

    /// Changes rows as another program could that means to.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn tamper(&mut self, statement: &'static str) {
        for sql in ["DROP TRIGGER IF EXISTS entries_are_not_changed", statement] {
            sqlx::query(sql)
                .execute(&mut self.connection)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// Fills the record up to so many rows with calls of the year before now, as if they had been
    /// refused, which takes one row each. They are not chained, so that a check finds the first.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn fill(&mut self, rows: i64) {
        const FILL: &str = "
            WITH RECURSIVE n (id) AS (
                SELECT max(id) + 1 FROM entries UNION ALL SELECT id + 1 FROM n WHERE id < ?1)
            INSERT INTO entries (id, run, at, step, kind, client, client_says, server, subject,
                decision, reason, outcome, note, arguments_bytes, arguments, chain)
            SELECT id, 1, unixepoch() * 1000 - (?1 - id) * 31536, 'noted', 'toolCall',
                CASE id % 3 WHEN 0 THEN 'vscode' WHEN 1 THEN 'tester' ELSE 'chat' END, 'an app',
                CASE id % 4 WHEN 0 THEN 'files' WHEN 1 THEN 'git' WHEN 2 THEN 'web' ELSE 'mail' END,
                CASE id % 7 WHEN 0 THEN 'read_file' WHEN 1 THEN 'write_file' WHEN 2 THEN 'search'
                    WHEN 3 THEN 'send' WHEN 4 THEN 'status' WHEN 5 THEN 'fetch' ELSE 'list' END,
                CASE id % 11 WHEN 0 THEN 'refused' ELSE 'allowed' END,
                CASE id % 11 WHEN 0 THEN 'pause' ELSE 'mode' END,
                CASE id % 11 WHEN 0 THEN 'refused' WHEN 1 THEN 'failed' ELSE 'succeeded' END,
                CASE id % 11 WHEN 0 THEN 'All tools are paused.' END,
                40, '{\"path\":\"/home/me/notes/' || id % 1000 || '.md\"}', zeroblob(32)
            FROM n";
        sqlx::query(FILL)
            .bind(rows)
            .execute(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("fill the record: {error}"));
    }

    /// Keeps everyone else from writing until [`Database::release`].
    ///
    /// # Panics
    /// When the lock is not to be had.
    pub async fn lock(&mut self) {
        for statement in ["PRAGMA busy_timeout = 10000", "BEGIN EXCLUSIVE"] {
            sqlx::query(statement)
                .execute(&mut self.connection)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// Lets others write again.
    ///
    /// # Panics
    /// When it was not locked.
    pub async fn release(&mut self) {
        sqlx::query("ROLLBACK")
            .execute(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("ROLLBACK: {error}"));
    }
}
