//! Reading the record, beside the one that writes.

use std::path::Path;
use std::time::Duration;

use drawbridge_model::ActivityOutcome;
use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

use crate::words;
use crate::{Entry, EntryDetail, Kept, Page, ReadError, file};

/// Most reads at a time. When they are that many: wait.
const READERS: u32 = 2;
/// Most entries on a page.
const PAGE: u32 = 1000;

/// `?1` is the number of this run, in which a call without an end may still be running.
macro_rules! entries {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT b.id, b.at, b.kind, b.client, b.client_says, b.server, b.subject, \
             coalesce(e.outcome, b.outcome), e.duration_us, coalesce(e.note, b.note), \
             b.step = 'began' AND e.id IS NULL AND b.run <> ?1",
            $columns,
            " FROM entries AS b LEFT JOIN entries AS e ON e.call = b.id ",
            $rest
        )
    };
}

const PAGE_OF_ENTRIES: &str =
    entries!("", "WHERE b.call IS NULL AND b.id < ?2 ORDER BY b.id DESC LIMIT ?3");

const ONE_ENTRY: &str = entries!(
    ", b.arguments, b.arguments_bytes, b.arguments_sha256, \
     e.result, e.result_bytes, e.result_sha256, e.sent_bytes",
    "WHERE b.call IS NULL AND b.id = ?2"
);

const KEPT: &str = "SELECT value FROM kept WHERE key = ?1";

const KEPT_UNDER: &str =
    "SELECT key, value FROM kept WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key";

pub(crate) struct Readers {
    pool: SqlitePool,
    run: i64,
}

impl Readers {
    /// Opens nothing yet. Connections stay open once they were needed, so that nothing wakes up to
    /// close them.
    pub(crate) fn new(file: &Path, run: i64) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(file::options_to_read(file));
        Self { pool, run }
    }

    pub(crate) async fn page(&self, before: Option<i64>, limit: u32) -> Result<Page, ReadError> {
        let limit = limit.clamp(1, PAGE);
        // One more than asked for shows whether there are more.
        let rows = sqlx::query(PAGE_OF_ENTRIES)
            .bind(self.run)
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit + 1)
            .fetch_all(&self.pool)
            .await
            .map_err(read_error)?;
        let more = rows.len() > limit as usize;
        let entries = rows.iter().take(limit as usize).map(entry).collect::<Result<_, _>>()?;
        Ok(Page { entries, more })
    }

    pub(crate) async fn entry(&self, id: i64) -> Result<Option<EntryDetail>, ReadError> {
        let row = sqlx::query(ONE_ENTRY).bind(self.run).bind(id).fetch_optional(&self.pool).await;
        let Some(row) = row.map_err(read_error)? else { return Ok(None) };
        let result = kept(&row, 14)?;
        let result_bytes = match row.try_get::<Option<i64>, _>(17)? {
            Some(sent) => u64::try_from(sent).ok(),
            None => result.as_ref().map(|kept| kept.bytes),
        };
        let arguments = kept(&row, 11)?;
        Ok(Some(EntryDetail { entry: entry(&row)?, arguments, result, result_bytes }))
    }

    pub(crate) async fn kept(&self, key: &str) -> Result<Option<String>, ReadError> {
        let value = sqlx::query_scalar(KEPT).bind(key).fetch_optional(&self.pool).await;
        value.map_err(read_error)
    }

    /// All keys that begin so, without that beginning, and their values.
    pub(crate) async fn kept_under(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, ReadError> {
        let rows = sqlx::query_as::<_, (String, String)>(KEPT_UNDER).bind(prefix);
        let rows = rows.fetch_all(&self.pool).await.map_err(read_error)?;
        let bare = |(key, value): (String, String)| (key[prefix.len()..].to_owned(), value);
        Ok(rows.into_iter().map(bare).collect())
    }

    /// Lets the file go. Reads that are under way come to their end.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn read_error(error: sqlx::Error) -> ReadError {
    match error {
        sqlx::Error::PoolClosed => ReadError::Closed,
        error => ReadError::Sqlite(error),
    }
}

fn entry(row: &SqliteRow) -> Result<Entry, ReadError> {
    let outcome = match row.try_get::<Option<&str>, _>(7)? {
        Some(word) => Some(words::outcome(word)?),
        None if row.try_get(10)? => Some(ActivityOutcome::Unknown),
        None => None,
    };
    let duration = row.try_get::<Option<i64>, _>(8)?.and_then(|us| u64::try_from(us).ok());
    Ok(Entry {
        id: row.try_get(0)?,
        at: row.try_get(1)?,
        kind: words::kind(row.try_get(2)?)?,
        client: row.try_get(3)?,
        client_says: row.try_get(4)?,
        server: row.try_get(5)?,
        subject: row.try_get(6)?,
        outcome,
        duration: duration.map(Duration::from_micros),
        note: row.try_get(9)?,
    })
}

/// A text with its length and hash, in three columns from the first.
fn kept(row: &SqliteRow, first: usize) -> Result<Option<Kept>, ReadError> {
    let Some(text) = row.try_get::<Option<String>, _>(first)? else { return Ok(None) };
    let bytes =
        row.try_get::<Option<i64>, _>(first + 1)?.and_then(|bytes| u64::try_from(bytes).ok());
    let bytes = bytes.unwrap_or(text.len() as u64);
    let sha256 = row.try_get::<Option<&[u8]>, _>(first + 2)?;
    Ok(Some(Kept { text, bytes, sha256: sha256.and_then(|hash| hash.try_into().ok()) }))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// How SQLite means to carry out a query, in its own words.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
        let (mut rows, mut steps) = (statement.raw_query(), Vec::new());
        while let Some(row) = rows.next().expect(sql) {
            steps.push(row.get::<_, String>(3).expect(sql));
        }
        steps.join("\n")
    }

    #[test]
    fn a_page_is_read_by_number_and_ends_are_found_by_their_call() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(crate::file::TABLES).expect("tables");
        let page = plan(&connection, PAGE_OF_ENTRIES);
        assert!(page.contains("SEARCH b USING INTEGER PRIMARY KEY (rowid<?)"), "{page}");
        assert!(page.contains("SEARCH e USING INDEX entries_by_call (call=?)"), "{page}");
        assert!(!page.contains("TEMP B-TREE"), "nothing is sorted: {page}");
        let one = plan(&connection, ONE_ENTRY);
        assert!(one.contains("SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"), "{one}");
    }

    #[test]
    fn there_is_an_index_for_what_is_rare() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(crate::file::TABLES).expect("tables");
        let rare = plan(
            &connection,
            "SELECT id FROM entries WHERE call IS NULL AND kind = 'serverCrashed' \
             AND kind <> 'toolCall' ORDER BY id DESC LIMIT 50",
        );
        assert!(rare.contains("entries_by_kind (kind=?)"), "{rare}");
    }

    #[tokio::test]
    async fn a_word_of_another_version_is_an_error_and_not_a_guess() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(file::FILE);
        let connection = Connection::open(&file).expect("opens");
        connection.execute_batch(crate::file::TABLES).expect("tables");
        let began = words::BEGAN;
        connection
            .execute_batch(&format!(
                "INSERT INTO runs VALUES (1, 0);
                 INSERT INTO entries (id, run, at, step, kind) VALUES (1, 1, 0, '{began}', 'x')"
            ))
            .expect("a row");
        let read = Readers::new(&file, 1).entry(1).await;
        assert!(matches!(read, Err(ReadError::Unexpected { column: "kind", .. })), "{read:?}");
    }
}
