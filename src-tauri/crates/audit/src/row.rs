//! Rows on their way into the file.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use crate::told::Told;
use crate::words::{BEGAN, NOTED, kind_word, outcome_word};
use crate::{CallBegan, CallEnded, EntryId, Excerpt, Note};
use rusqlite::{Connection, params};

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Row {
    /// A call is about to run: a note without outcome, which an end follows.
    Began(Note),
    /// A call ended.
    Ended(EntryId, CallEnded),
    /// Something happened at one moment.
    Noted(Note),
    /// A value is kept under a key.
    Kept { key: Cow<'static, str>, value: String },
}

impl From<CallBegan> for Row {
    fn from(call: CallBegan) -> Self {
        Self::Began(Note {
            kind: call.kind,
            client: call.client,
            client_says: call.client_says,
            server: call.server,
            subject: call.subject,
            arguments: call.arguments,
            outcome: None,
            note: call.note.map(Cow::into_owned),
        })
    }
}

/// A row that waits to be written, and who waits for that.
pub(crate) struct Waiting {
    pub(crate) row: Row,
    /// Milliseconds since 1970 (UTC).
    at: i64,
    pub(crate) since: Instant,
    /// Set by the writer; 0 for a row that has no number.
    pub(crate) id: i64,
    pub(crate) awaits: Awaits,
    pub(crate) place: Place,
}

/// Who waits for a row to be written.
pub(crate) enum Awaits {
    /// Nobody: the end of a call, which is kept until it is written.
    Nobody,
    /// A caller who has to be told.
    Caller(Told),
}

/// Which bound a waiting row counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The rows somebody waits for.
    Awaited,
    /// The ends of calls.
    End,
    /// None, where nobody can wait: there is at most one such row for a call that began.
    Extra,
}

const INSERT_ENTRY: &str = "INSERT INTO entries (id, run, at, step, kind, client, client_says, \
     server, subject, outcome, note, arguments_bytes, arguments_sha256, arguments) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const INSERT_END: &str = "INSERT INTO entries (id, run, at, step, call, outcome, duration_us, \
     note, result_bytes, result_sha256, sent_bytes, result) \
     VALUES (?1, ?2, ?3, 'ended', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const KEEP: &str = "INSERT INTO kept (key, value) VALUES (?1, ?2) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

impl Waiting {
    pub(crate) fn new(row: Row, awaits: Awaits, place: Place) -> Self {
        let at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| whole(since.as_millis()));
        Self { row, at, since: Instant::now(), id: 0, awaits, place }
    }

    /// Whether this is a call that nobody waits to run any more.
    pub(crate) fn is_moot(&self) -> bool {
        matches!((&self.row, &self.awaits), (Row::Began(_), Awaits::Caller(caller)) if caller.is_gone())
    }

    pub(crate) fn is_awaited(&self) -> bool {
        !matches!(self.awaits, Awaits::Nobody)
    }

    pub(crate) fn has_number(&self) -> bool {
        !matches!(self.row, Row::Kept { .. })
    }

    /// About how many bytes the row takes in the file.
    pub(crate) fn size(&self) -> usize {
        let text = |excerpt: &Option<Excerpt>| excerpt.as_ref().map_or(0, |kept| kept.text.len());
        match &self.row {
            Row::Began(note) | Row::Noted(note) => text(&note.arguments),
            Row::Ended(_, end) => text(&end.result),
            Row::Kept { value, .. } => value.len(),
        }
    }

    /// Writes the row with the number it was given.
    pub(crate) fn insert(&self, connection: &Connection, run: i64) -> rusqlite::Result<()> {
        match &self.row {
            Row::Began(note) => self.insert_entry(connection, run, BEGAN, note),
            Row::Noted(note) => self.insert_entry(connection, run, NOTED, note),
            Row::Ended(call, end) => self.insert_end(connection, run, *call, end),
            Row::Kept { key, value } => keep(connection, key, value),
        }
    }

    fn insert_entry(
        &self,
        connection: &Connection,
        run: i64,
        step: &str,
        note: &Note,
    ) -> rusqlite::Result<()> {
        let (text, bytes, sha256) = columns(note.arguments.as_ref());
        connection
            .prepare_cached(INSERT_ENTRY)?
            .execute(params![
                self.id,
                run,
                self.at,
                step,
                kind_word(note.kind),
                note.client.as_ref().map(AsRef::<str>::as_ref),
                note.client_says,
                note.server.as_ref().map(AsRef::<str>::as_ref),
                note.subject,
                note.outcome.map(outcome_word),
                note.note,
                bytes,
                sha256,
                text,
            ])
            .map(|_| ())
    }

    fn insert_end(
        &self,
        connection: &Connection,
        run: i64,
        call: EntryId,
        end: &CallEnded,
    ) -> rusqlite::Result<()> {
        let (text, bytes, sha256) = columns(end.result.as_ref());
        connection
            .prepare_cached(INSERT_END)?
            .execute(params![
                self.id,
                run,
                self.at,
                call.0,
                outcome_word(end.outcome),
                whole(end.duration.as_micros()),
                end.note,
                bytes,
                sha256,
                end.result_bytes.map(|bytes| whole(u128::from(bytes))),
                text,
            ])
            .map(|_| ())
    }
}

/// Keeps a value under a key.
pub(crate) fn keep(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(KEEP)?.execute(params![key, value]).map(|_| ())
}

fn columns(excerpt: Option<&Excerpt>) -> (Option<&str>, Option<i64>, Option<&[u8]>) {
    let Some(Excerpt { text, bytes, sha256 }) = excerpt else { return (None, None, None) };
    (Some(text), Some(whole(u128::from(*bytes))), sha256.as_ref().map(<[u8; 32]>::as_slice))
}

/// SQLite's integers are signed and have 64 bits.
fn whole(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_without_building_a_table_in_memory() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(crate::file::TABLES).expect("tables");
        for insert in [INSERT_ENTRY, INSERT_END] {
            let mut steps = connection.prepare(&format!("EXPLAIN {insert}")).expect("prepares");
            let mut rows = steps.raw_query();
            while let Some(row) = rows.next().expect("a step") {
                let step: String = row.get(1).expect("its name");
                assert_ne!(step, "OpenEphemeral", "in {insert}");
            }
        }
    }
}
