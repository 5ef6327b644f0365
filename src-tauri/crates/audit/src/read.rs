//! Reading the record, beside the one that writes.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_model::ActivityOutcome;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::words;
use crate::{Entry, EntryDetail, Kept, Page, ReadError, file};

/// Most reads at a time. When they are that many: wait.
const READERS: usize = 2;
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

pub(crate) struct Readers {
    file: Arc<Path>,
    run: i64,
    room: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    tasks: TaskTracker,
}

impl Readers {
    pub(crate) fn new(file: Arc<Path>, run: i64, tasks: &TaskTracker) -> Self {
        Self {
            file,
            run,
            room: Arc::new(Semaphore::new(READERS)),
            idle: Arc::default(),
            tasks: tasks.clone(),
        }
    }

    pub(crate) async fn page(&self, before: Option<i64>, limit: u32) -> Result<Page, ReadError> {
        let (run, limit) = (self.run, limit.clamp(1, PAGE));
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(PAGE_OF_ENTRIES)?;
            // One more than asked for shows whether there are more.
            let mut rows = statement.query((run, before.unwrap_or(i64::MAX), limit + 1))?;
            let mut page = Page { entries: Vec::with_capacity(limit as usize), more: false };
            while let Some(row) = rows.next()? {
                if page.entries.len() == limit as usize {
                    page.more = true;
                    break;
                }
                page.entries.push(entry(row)?);
            }
            Ok(page)
        })
        .await
    }

    pub(crate) async fn entry(&self, id: i64) -> Result<Option<EntryDetail>, ReadError> {
        let run = self.run;
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(ONE_ENTRY)?;
            let mut rows = statement.query((run, id))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let result = kept(row, 14)?;
            let result_bytes = match row.get::<_, Option<i64>>(17)? {
                Some(sent) => u64::try_from(sent).ok(),
                None => result.as_ref().map(|kept| kept.bytes),
            };
            let arguments = kept(row, 11)?;
            Ok(Some(EntryDetail { entry: entry(row)?, arguments, result, result_bytes }))
        })
        .await
    }

    pub(crate) async fn kept(&self, key: &'static str) -> Result<Option<String>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(KEPT)?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Lets the file go. Reads that are under way come to their end.
    pub(crate) fn close(&self) {
        self.room.close();
        idle(&self.idle).clear();
    }

    /// Reads on a thread that may block, with a connection that only reads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = Arc::clone(&self.room).acquire_owned().await.map_err(|_| ReadError::Closed)?;
        let (file, room, connections) =
            (Arc::clone(&self.file), Arc::clone(&self.room), Arc::clone(&self.idle));
        let reading = self.tasks.spawn_blocking(move || {
            let _place = place;
            let connection = idle(&connections).pop();
            let connection = connection.map_or_else(|| file::connect_to_read(&file), Ok)?;
            let answer = read(&connection);
            if !room.is_closed() {
                idle(&connections).push(connection);
            }
            answer
        });
        reading.await.unwrap_or(Err(ReadError::Closed))
    }
}

fn idle(connections: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

fn entry(row: &Row<'_>) -> Result<Entry, ReadError> {
    let outcome = row.get_ref(7)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let outcome = match outcome {
        Some(word) => Some(words::outcome(word)?),
        None if row.get(10)? => Some(ActivityOutcome::Unknown),
        None => None,
    };
    let duration = row.get::<_, Option<i64>>(8)?.and_then(|us| u64::try_from(us).ok());
    Ok(Entry {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: words::kind(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
        client: row.get(3)?,
        client_says: row.get(4)?,
        server: row.get(5)?,
        subject: row.get(6)?,
        outcome,
        duration: duration.map(Duration::from_micros),
        note: row.get(9)?,
    })
}

/// A text with its length and hash, in three columns from the first.
fn kept(row: &Row<'_>, first: usize) -> Result<Option<Kept>, ReadError> {
    let Some(text) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    let bytes = row.get::<_, Option<i64>>(first + 1)?.and_then(|bytes| u64::try_from(bytes).ok());
    let bytes = bytes.unwrap_or(text.len() as u64);
    Ok(Some(Kept { text, bytes, sha256: row.get(first + 2)? }))
}

#[cfg(test)]
mod tests {
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
        connection.execute_batch(include_str!("../migrations/0001_record.sql")).expect("tables");
        let page = plan(&connection, PAGE_OF_ENTRIES);
        assert!(page.contains("SEARCH b USING INTEGER PRIMARY KEY (rowid<?)"), "{page}");
        assert!(page.contains("SEARCH e USING INDEX entries_by_call (call=?)"), "{page}");
        assert!(!page.contains("TEMP B-TREE"), "nothing is sorted: {page}");
        let one = plan(&connection, ONE_ENTRY);
        assert!(one.contains("SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"), "{one}");
    }

    #[test]
    fn there_is_an_index_for_what_a_server_did_and_for_what_is_rare() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(include_str!("../migrations/0001_record.sql")).expect("tables");
        for (filter, index) in [
            ("server = 'files'", "entries_by_subject (server=?)"),
            ("server = 'files' AND subject = 'x'", "entries_by_subject (server=? AND subject=?)"),
            ("kind = 'serverCrashed' AND kind <> 'toolCall'", "entries_by_kind (kind=?)"),
        ] {
            let sql = format!(
                "SELECT id FROM entries WHERE call IS NULL AND {filter} ORDER BY id DESC LIMIT 50"
            );
            let plan = plan(&connection, &sql);
            assert!(plan.contains(index), "{filter}: {plan}");
        }
    }

    #[test]
    fn a_word_of_another_version_is_an_error_and_not_a_guess() {
        let began = words::BEGAN;
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(include_str!("../migrations/0001_record.sql")).expect("tables");
        connection
            .execute_batch(&format!(
                "INSERT INTO runs VALUES (1, 0);
                 INSERT INTO entries (id, run, at, step, kind) VALUES (1, 1, 0, '{began}', 'x')"
            ))
            .expect("a row");
        let mut statement = connection.prepare(ONE_ENTRY).expect("prepares");
        let mut rows = statement.query((1, 1)).expect("queries");
        let row = rows.next().expect("steps").expect("a row");
        assert!(matches!(entry(row), Err(ReadError::Unexpected { column: "kind", .. })));
    }
}
