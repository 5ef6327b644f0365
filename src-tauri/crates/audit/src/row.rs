//! Rows on their way into the file.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::SystemTime;

use drawbridge_model::ActivityDecision;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params, params_from_iter};

use crate::chain::{Chain, Field};
use crate::told::Told;
use crate::words::{
    BEGAN, ENDED, NOTED, decision_word, kind_word, outcome_word, reason_word, rule_word,
};
use crate::{CallBegan, CallEnded, EntryId, Excerpt, Note};

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
            decision: call.reason.map(|_| ActivityDecision::Allowed),
            reason: call.reason,
            outcome: None,
            waited: call.waited,
            request: call.request,
            note: call.note.map(Cow::into_owned),
            rule: call.rule,
        })
    }
}

/// A row that waits to be written, and who waits for that.
pub(crate) struct Waiting {
    pub(crate) row: Row,
    /// Milliseconds since 1970 (UTC).
    pub(crate) at: i64,
    /// What only some kinds of rows have, as JSON.
    details: Option<String>,
    /// Set by the writer; 0 for a row that has no number.
    pub(crate) id: i64,
    /// Its chain, once it stands in the journal.
    pub(crate) chain: Option<Chain>,
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

/// The columns of a row in their order, without its chain, which comes last and is made from them.
pub(crate) const COLUMNS: [&str; 27] = [
    "id",
    "run",
    "at",
    "step",
    "call",
    "kind",
    "client",
    "client_says",
    "server",
    "subject",
    "decision",
    "reason",
    "outcome",
    "waited_ms",
    "duration_us",
    "request",
    "upstream",
    "note",
    "kept",
    "details",
    "arguments_bytes",
    "arguments_sha256",
    "result_bytes",
    "result_sha256",
    "sent_bytes",
    "arguments",
    "result",
];

/// Those that a row has that begins a call or stands alone; in all others it has nothing.
const OF_NOTES: [usize; 19] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 20, 21, 25];
/// Those that the end of a call has.
const OF_ENDS: [usize; 16] = [0, 1, 2, 3, 4, 10, 11, 12, 14, 16, 17, 19, 22, 23, 24, 26];

static INSERT_NOTE: LazyLock<String> = LazyLock::new(|| insert(&OF_NOTES));
static INSERT_END: LazyLock<String> = LazyLock::new(|| insert(&OF_ENDS));

/// What is not named is bound to nothing, which costs a fraction of binding it.
fn insert(columns: &[usize]) -> String {
    let names: Vec<_> = columns.iter().filter_map(|column| COLUMNS.get(*column).copied()).collect();
    let (names, places) = (names.join(", "), "?, ".repeat(names.len()));
    format!("INSERT INTO entries ({names}, chain) VALUES ({places}?)")
}

/// Writes rows, each tied to the one before. What was written counts only when it is committed.
pub(crate) struct Inserting<'a> {
    connection: &'a Connection,
    insert_note: Option<CachedStatement<'a>>,
    insert_end: Option<CachedStatement<'a>>,
    run: i64,
    /// The chain of the last row.
    pub(crate) chain: Chain,
    buffer: &'a mut Vec<u8>,
}

impl<'a> Inserting<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        run: i64,
        chain: Chain,
        buffer: &'a mut Vec<u8>,
    ) -> Self {
        Self { connection, insert_note: None, insert_end: None, run, chain, buffer }
    }

    /// Writes a row with the number it was given.
    pub(crate) fn insert(&mut self, waiting: &Waiting) -> rusqlite::Result<()> {
        if let Row::Kept { key, value } = &waiting.row {
            return keep(self.connection, key, value);
        }
        let (insert, sql, columns) = match &waiting.row {
            Row::Ended(..) => (&mut self.insert_end, &INSERT_END, &OF_ENDS[..]),
            _ => (&mut self.insert_note, &INSERT_NOTE, &OF_NOTES[..]),
        };
        let insert = match insert {
            Some(insert) => insert,
            none => none.insert(self.connection.prepare_cached(sql)?),
        };
        let fields = waiting.fields(self.run);
        self.chain = match waiting.chain {
            Some(chain) => {
                debug_assert_eq!(chain, self.chain.then(fields, self.buffer));
                chain
            }
            None => self.chain.then(fields, self.buffer),
        };
        for (index, column) in columns.iter().enumerate() {
            insert.raw_bind_parameter(index + 1, fields[*column])?;
        }
        insert.raw_bind_parameter(columns.len() + 1, &self.chain.0[..])?;
        insert.raw_execute().map(|_| ())
    }
}

/// The values of a row that stands in the form its chain is made from, if it follows the row with
/// this chain.
pub(crate) fn values_of(form: &[u8], after: Chain) -> Option<[Field<'_>; COLUMNS.len()]> {
    after.values_after(form)?.try_into().ok()
}

static INSERT_WHOLE: LazyLock<String> =
    LazyLock::new(|| insert(&std::array::from_fn::<_, { COLUMNS.len() }, _>(|column| column)));

/// Writes a row that has its number and its chain already.
pub(crate) fn insert_whole(
    connection: &Connection,
    values: [Field<'_>; COLUMNS.len()],
    chain: Chain,
) -> rusqlite::Result<()> {
    let values = values.into_iter().chain([Field::Bytes(&chain.0)]);
    connection.prepare_cached(&INSERT_WHOLE)?.execute(params_from_iter(values)).map(|_| ())
}

impl ToSql for Field<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Whole(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

const KEEP: &str = "INSERT INTO kept (key, value) VALUES (?1, ?2) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

impl Waiting {
    pub(crate) fn new(mut row: Row, awaits: Awaits, place: Place) -> Self {
        bound(&mut row);
        let at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| whole(since.as_millis()));
        let details = match &row {
            Row::Ended(_, CallEnded { model: Some(model), .. }) => {
                serde_json::to_string(model).ok()
            }
            _ => None,
        };
        Self { row, at, details, id: 0, chain: None, awaits, place }
    }

    /// Whether this is a call that nobody waits to run any more.
    pub(crate) fn is_moot(&self) -> bool {
        matches!((&self.row, &self.awaits), (Row::Began(_), Awaits::Caller(caller)) if caller.is_gone())
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

    /// Makes the chain of the row, which has its number, after a row with that chain. `form` is then
    /// what it was made from.
    pub(crate) fn follow(&mut self, after: Chain, run: i64, form: &mut Vec<u8>) -> Chain {
        let chain = after.then(self.fields(run), form);
        self.chain = Some(chain);
        chain
    }

    /// Its values, in the order of [`COLUMNS`].
    fn fields(&self, run: i64) -> [Field<'_>; COLUMNS.len()] {
        let (id, run, at) = (Field::Whole(self.id), Field::Whole(run), Field::Whole(self.at));
        let mut fields = [Field::Null; COLUMNS.len()];
        fields[..3].copy_from_slice(&[id, run, at]);
        match &self.row {
            Row::Began(note) => note_fields(&mut fields, BEGAN, note),
            Row::Noted(note) => note_fields(&mut fields, NOTED, note),
            Row::Ended(call, end) => self.end_fields(&mut fields, *call, end),
            // Has no row of its own.
            Row::Kept { .. } => {}
        }
        fields
    }

    fn end_fields<'a>(
        &'a self,
        fields: &mut [Field<'a>; COLUMNS.len()],
        call: EntryId,
        end: &'a CallEnded,
    ) {
        let (text, bytes, sha256) = columns(end.result.as_ref());
        fields[3] = Field::Text(ENDED);
        fields[4] = Field::Whole(call.0);
        fields[10] = end.refused.map(|_| decision_word(ActivityDecision::Refused)).into();
        fields[11] = end.refused.map(reason_word).into();
        fields[12] = Field::Text(outcome_word(end.outcome));
        fields[14] = Field::Whole(whole(end.duration.as_micros()));
        fields[16] = end.upstream.map(|id| whole(u128::from(id))).into();
        fields[17] = end.note.as_deref().into();
        fields[19] = self.details.as_deref().into();
        fields[22] = bytes.into();
        fields[23] = sha256.into();
        fields[24] = end.result_bytes.map(|bytes| whole(u128::from(bytes))).into();
        fields[26] = text.into();
    }
}

fn note_fields<'a>(fields: &mut [Field<'a>; COLUMNS.len()], step: &'static str, note: &'a Note) {
    let (text, bytes, sha256) = columns(note.arguments.as_ref());
    fields[3] = Field::Text(step);
    fields[5] = Field::Text(kind_word(note.kind));
    fields[6] = note.client.as_ref().map(AsRef::<str>::as_ref).into();
    fields[7] = note.client_says.as_deref().into();
    fields[8] = note.server.as_ref().map(AsRef::<str>::as_ref).into();
    fields[9] = note.subject.as_deref().into();
    fields[10] = note.decision.map(decision_word).into();
    fields[11] = note.reason.map(reason_word).into();
    fields[12] = note.outcome.map(outcome_word).into();
    fields[13] = note.waited.map(|waited| whole(waited.as_millis())).into();
    fields[15] = note.request.as_deref().into();
    fields[17] = note.note.as_deref().into();
    fields[18] = rule_word(note.rule).into();
    fields[20] = bytes.into();
    fields[21] = sha256.into();
    fields[25] = text.into();
}

/// Longest name or sentence that is kept, in bytes. An address of a resource may be as long as a
/// request.
const LONGEST: usize = 2 * 1024;

fn bound(row: &mut Row) {
    match row {
        Row::Began(note) | Row::Noted(note) => {
            cut(&mut note.subject);
            cut(&mut note.client_says);
            cut(&mut note.note);
        }
        Row::Ended(_, end) => cut(&mut end.note),
        Row::Kept { .. } => {}
    }
}

fn cut<T: AsRef<str> + From<String>>(text: &mut Option<T>) {
    if let Some(long) = text.as_ref().map(T::as_ref).filter(|text| text.len() > LONGEST) {
        let end = long.floor_char_boundary(LONGEST);
        *text = Some(format!("{}…", &long[..end]).into());
    }
}

/// Keeps a value under a key.
pub(crate) fn keep(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(KEEP)?.execute(params![key, value]).map(|_| ())
}

fn columns(excerpt: Option<&Excerpt>) -> (Option<&str>, Option<i64>, Option<&[u8]>) {
    let Some(Excerpt { text, bytes, sha256 }) = excerpt else { return (None, None, None) };
    // Nothing is kept of a text that is not empty.
    let text = (!text.is_empty() || *bytes == 0).then_some(&**text);
    (text, Some(whole(u128::from(*bytes))), sha256.as_ref().map(<[u8; 32]>::as_slice))
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
        for insert in [&INSERT_NOTE, &INSERT_END] {
            let insert = insert.as_str();
            let mut steps = connection.prepare(&format!("EXPLAIN {insert}")).expect("prepares");
            let mut rows = steps.raw_query();
            while let Some(row) = rows.next().expect("a step") {
                let step: String = row.get(1).expect("its name");
                assert_ne!(step, "OpenEphemeral", "in {insert}");
            }
        }
    }

    #[test]
    fn every_column_is_written_and_chained() {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(crate::file::TABLES).expect("tables");
        let mut names = connection.prepare("SELECT name FROM pragma_table_info('entries')");
        let names = names.as_mut().expect("prepares").query_map([], |row| row.get::<_, String>(0));
        let mut names: Vec<_> = names.expect("reads").map(|name| name.expect("a name")).collect();
        let mut written: Vec<_> = COLUMNS.into_iter().chain(["chain"]).collect();
        let both = OF_NOTES.iter().chain(&OF_ENDS).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(both.len(), COLUMNS.len(), "each is in one of the statements");
        names.sort_unstable();
        written.sort_unstable();
        assert_eq!(names, written);
    }

    #[test]
    fn no_kind_of_row_has_what_its_statement_leaves_out() {
        let excerpt = || Some(Excerpt::of(&"x".repeat(20_000)));
        let text = || Some("x".to_owned());
        let mut note = Note::new(drawbridge_model::ActivityKind::ToolCall);
        note.client = drawbridge_model::ClientName::new("a").ok();
        note.server = drawbridge_model::ServerName::new("a").ok();
        (note.client_says, note.subject) = (Some("x".into()), Some("x".into()));
        note.note = text();
        note.arguments = excerpt();
        note.decision = Some(ActivityDecision::Allowed);
        note.reason = Some(drawbridge_model::ActivityReason::Mode);
        note.outcome = Some(drawbridge_model::ActivityOutcome::Succeeded);
        note.waited = Some(std::time::Duration::ZERO);
        note.request = Some("1".into());
        note.rule = drawbridge_model::RecordRule::Shapes;
        let succeeded = drawbridge_model::ActivityOutcome::Succeeded;
        let mut end = CallEnded::new(succeeded, std::time::Duration::ZERO);
        (end.result, end.note) = (excerpt(), text());
        (end.result_bytes, end.upstream) = (Some(1), Some(1));
        end.refused = Some(drawbridge_model::ActivityReason::Scan);
        end.model = Some(crate::ModelUse::default());
        for (row, columns) in [
            (Row::Noted(note.clone()), &OF_NOTES[..]),
            (Row::Began(note), &OF_NOTES[..]),
            (Row::Ended(EntryId(1), end), &OF_ENDS[..]),
        ] {
            let waiting = Waiting::new(row, Awaits::Nobody, Place::Extra);
            for (column, field) in waiting.fields(1).into_iter().enumerate() {
                let has_it = columns.contains(&column);
                assert_eq!(field != Field::Null, has_it, "{}", COLUMNS[column]);
            }
        }
    }
}
