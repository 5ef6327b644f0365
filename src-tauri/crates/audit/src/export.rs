//! The record as a file for other programs, oldest entry first. However long it gets, no more than
//! one entry is in memory.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;

use rusqlite::{Connection, params};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::find::{self, Filter};
use crate::index::Trouble;
use crate::read::{Entries, Reading, UpTo};
use crate::text::Question;
use crate::words::{decision_word, kind_word, outcome_word, reason_word, rule_word};
use crate::{EntryDetail, ExportError, Kept, ModelUse, ReadError};

/// Most entries that are looked at before telling how far it is.
const PAGE: i64 = 2_000;

/// The form of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// Comma-separated values with a line of names, as RFC 4180 has them. A text that a
    /// spreadsheet would take for a formula begins with an apostrophe.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many entries were written.
    pub entries: u64,
    /// How many bytes were written.
    pub bytes: u64,
    /// How many entries were looked at, those that do not fit included.
    pub looked_at: u64,
    /// How many there are to look at.
    pub of: u64,
}

impl Reading {
    /// Writes all entries that fit and were there when it began, oldest first. After each page of
    /// entries `progress` is told how far it is, and can break it off.
    ///
    /// # Errors
    /// When the record cannot be read or the export cannot be written, or it was broken off. A
    /// part is written then.
    pub fn export(
        &self,
        filter: &Filter,
        form: ExportForm,
        to: &mut impl Write,
        mut progress: impl FnMut(Exported) -> ControlFlow<()>,
    ) -> Result<Exported, ExportError> {
        let mut writing = Writing { to, exported: Exported::default() };
        if form == ExportForm::Csv {
            writing.write(CSV_NAMES.join(",").as_bytes())?;
            writing.write(b"\r\n")?;
        }
        let looked = self.ask(UpTo::Newest, |open| {
            let range = find::range(&open.index, filter).map_err(Trouble::Index)?;
            let Some((low, high)) = range else { return Ok(None) };
            let of = count(&open.index, low, high).map_err(Trouble::Index)?;
            Ok(Some((low, high, of, open.entries.run)))
        })?;
        let Some((low, high, of, run)) = looked else { return Ok(writing.exported) };
        writing.exported.of = of;
        let record = Entries::of(self.open_record()?, run);
        let question = filter.text.as_deref().and_then(Question::of);
        let mut from = low;
        let mut buffer = Vec::new();
        while from <= high {
            let page = self.ask(UpTo::Row(high), |open| {
                page(&open.index, filter, question.as_ref(), from, high).map_err(Trouble::Index)
            })?;
            // Not within the question, which may be put more than once.
            for (id, ended) in &page.fitting {
                let Some(entry) = record.detail(*id, *ended)? else { continue };
                buffer.clear();
                match form {
                    ExportForm::Csv => csv_line(&entry, &mut buffer)?,
                    ExportForm::JsonLines => json_line(&entry, &mut buffer)?,
                }
                writing.write(&buffer)?;
                writing.exported.entries += 1;
            }
            writing.exported.looked_at += page.looked_at;
            if progress(writing.exported).is_break() {
                return Err(ExportError::BrokenOff);
            }
            if self.is_stopped() {
                return Err(ReadError::Closed.into());
            }
            let Some(last) = page.last else { break };
            from = last + 1;
        }
        writing.to.flush()?;
        Ok(writing.exported)
    }
}

fn count(index: &Connection, low: i64, high: i64) -> rusqlite::Result<u64> {
    const COUNT: &str = "SELECT count(*) FROM stories WHERE id >= ?1 AND id <= ?2";
    let count: i64 = index.query_row(COUNT, [low, high], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Some entries in a row.
struct Page {
    /// The rows that those which fit began and ended with.
    fitting: Vec<(i64, Option<i64>)>,
    looked_at: u64,
    /// The last that was looked at.
    last: Option<i64>,
}

fn page(
    index: &Connection,
    filter: &Filter,
    question: Option<&Question>,
    from: i64,
    high: i64,
) -> rusqlite::Result<Page> {
    const STORIES: &str = "SELECT id, at, grp, ended FROM stories \
         WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
    let groups: Option<HashSet<i64>> =
        find::groups(index, filter)?.map(|groups| groups.into_iter().map(|it| it.0).collect());
    let mut stories = index.prepare_cached(STORIES)?;
    let mut rows = stories.query([from, high, PAGE])?;
    let mut page = Page { fitting: Vec::new(), looked_at: 0, last: None };
    while let Some(row) = rows.next()? {
        let (id, at, group) = (row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?);
        page.looked_at += 1;
        page.last = Some(id);
        let in_time = filter.from.is_none_or(|from| from <= at)
            && filter.until.is_none_or(|until| at < until);
        if in_time && groups.as_ref().is_none_or(|groups| groups.contains(&group)) {
            page.fitting.push((id, row.get(3)?));
        }
    }
    if let (Some(question), Some((first, _)), Some((last, _))) =
        (question, page.fitting.first(), page.fitting.last())
    {
        let with_words = with_words(index, question, *first, *last)?;
        page.fitting.retain(|(id, _)| with_words.contains(id));
    }
    Ok(page)
}

fn with_words(
    index: &Connection,
    question: &Question,
    first: i64,
    last: i64,
) -> rusqlite::Result<HashSet<i64>> {
    let mut found = HashSet::new();
    for part in find::parts(index, first, last)? {
        let mut hits = index.prepare_cached(&find::hits(part))?;
        for id in hits.query_map(params![question.asked, first, last], |row| row.get(0))? {
            found.insert(id?);
        }
    }
    Ok(found)
}

struct Writing<'a, W> {
    to: &'a mut W,
    exported: Exported,
}

impl<W: Write> Writing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.to.write_all(bytes)?;
        self.exported.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// As ISO 8601 has it, in UTC; empty for a moment that no calendar has.
fn moment(at: i64) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    moment.ok().and_then(|moment| moment.format(&form).ok()).unwrap_or_default()
}

const CSV_NAMES: [&str; 27] = [
    "id",
    "time",
    "time_ms",
    "ended",
    "ended_ms",
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
    "note",
    "kept",
    "request",
    "upstream_request",
    "model",
    "arguments",
    "arguments_bytes",
    "arguments_sha256",
    "result",
    "result_bytes",
    "result_sha256",
    "result_sent_bytes",
];

/// A value of a line.
enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Number(Option<i128>),
}

fn csv_line(detail: &EntryDetail, line: &mut Vec<u8>) -> std::io::Result<()> {
    let entry = &detail.entry;
    let text = |text: &'_ Option<String>| Value::Text(text.clone().map(Cow::Owned));
    let word = |word: Option<&'static str>| Value::Text(word.map(Cow::Borrowed));
    let number = |number: Option<u64>| Value::Number(number.map(i128::from));
    let [arguments, result] = [&detail.arguments, &detail.result].map(Option::as_ref);
    let kept = |kept: Option<&Kept>| Value::Text(kept.map(|it| Cow::Owned(it.text.clone())));
    let sha256 = |kept: Option<&Kept>| {
        Value::Text(kept.and_then(|kept| kept.sha256).map(|hash| hex::encode(hash).into()))
    };
    let model = detail.model.as_ref().map(serde_json::to_string).transpose()?;
    let values: [Value<'_>; CSV_NAMES.len()] = [
        Value::Number(Some(entry.id.into())),
        Value::Text(Some(moment(entry.at).into())),
        Value::Number(Some(entry.at.into())),
        Value::Text(detail.ended_at.map(|at| moment(at).into())),
        Value::Number(detail.ended_at.map(i128::from)),
        word(Some(kind_word(entry.kind))),
        text(&entry.client),
        text(&entry.client_says),
        text(&entry.server),
        text(&entry.subject),
        word(entry.decision.map(decision_word)),
        word(entry.reason.map(reason_word)),
        word(entry.outcome.map(outcome_word)),
        Value::Number(detail.waited.and_then(|it| i128::try_from(it.as_millis()).ok())),
        Value::Number(entry.duration.and_then(|it| i128::try_from(it.as_micros()).ok())),
        text(&entry.note),
        word(Some(rule_word(detail.rule).unwrap_or("content"))),
        text(&detail.request),
        Value::Number(detail.upstream_request.map(i128::from)),
        text(&model),
        kept(arguments),
        number(detail.arguments_bytes),
        sha256(arguments),
        kept(result),
        number(result.map(|kept| kept.bytes)),
        sha256(result),
        number(detail.result_bytes),
    ];
    for (place, value) in values.into_iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        match value {
            Value::Number(Some(number)) => write!(line, "{number}")?,
            Value::Text(Some(text)) => csv_text(&text, line),
            Value::Number(None) | Value::Text(None) => {}
        }
    }
    line.extend_from_slice(b"\r\n");
    Ok(())
}

fn csv_text(text: &str, line: &mut Vec<u8>) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted =
        text.contains(['"', ',', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ');
    let apostrophe: &[u8] = if formula { b"'" } else { b"" };
    if !quoted {
        line.extend_from_slice(apostrophe);
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(apostrophe);
    for (place, piece) in text.split('"').enumerate() {
        if place > 0 {
            line.extend_from_slice(b"\"\"");
        }
        line.extend_from_slice(piece.as_bytes());
    }
    line.push(b'"');
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a> {
    id: i64,
    time: String,
    time_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_ms: Option<i64>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_says: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    kept: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<JsonText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_request: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a ModelUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<JsonText<'a>>,
    /// There where arguments stand as text: whether their end is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_cut: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<JsonText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_cut: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_sent_bytes: Option<u64>,
}

/// A text that is JSON where it is whole and valid.
enum JsonText<'a> {
    Json(Box<RawValue>),
    Text(&'a str),
}

impl Serialize for JsonText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(json) => json.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'a> JsonText<'a> {
    fn of(text: &'a str) -> Self {
        // Outside of strings, where alone they can be, line breaks are as good as spaces.
        let one_line = text.replace(['\n', '\r'], " ");
        serde_json::from_str::<&RawValue>(text)
            .and_then(|_| RawValue::from_string(one_line))
            .map_or(Self::Text(text), Self::Json)
    }

    fn kept(kept: &'a Kept) -> (Self, Option<bool>) {
        if kept.sha256.is_some() {
            return (Self::Text(&kept.text), Some(true));
        }
        let text = Self::of(&kept.text);
        let cut = matches!(text, Self::Text(_)).then_some(false);
        (text, cut)
    }
}

fn json_line(detail: &EntryDetail, line: &mut Vec<u8>) -> std::io::Result<()> {
    let entry = &detail.entry;
    let (arguments, arguments_cut) = detail.arguments.as_ref().map(JsonText::kept).unzip();
    let (result, result_cut) = detail.result.as_ref().map(JsonText::kept).unzip();
    let sha256 = |kept: &Option<Kept>| kept.as_ref().and_then(|it| it.sha256).map(hex::encode);
    let object = JsonLine {
        id: entry.id,
        time: moment(entry.at),
        time_ms: entry.at,
        ended: detail.ended_at.map(moment),
        ended_ms: detail.ended_at,
        kind: kind_word(entry.kind),
        client: entry.client.as_deref(),
        client_says: entry.client_says.as_deref(),
        server: entry.server.as_deref(),
        subject: entry.subject.as_deref(),
        decision: entry.decision.map(decision_word),
        reason: entry.reason.map(reason_word),
        outcome: entry.outcome.map(outcome_word),
        waited_ms: detail.waited.map(|waited| waited.as_millis()),
        duration_us: entry.duration.map(|duration| duration.as_micros()),
        note: entry.note.as_deref(),
        kept: rule_word(detail.rule).unwrap_or("content"),
        request: detail.request.as_deref().map(JsonText::of),
        upstream_request: detail.upstream_request,
        model: detail.model.as_ref(),
        arguments,
        arguments_cut: arguments_cut.flatten(),
        arguments_bytes: detail.arguments_bytes,
        arguments_sha256: sha256(&detail.arguments),
        result,
        result_cut: result_cut.flatten(),
        result_bytes: detail.result.as_ref().map(|kept| kept.bytes),
        result_sha256: sha256(&detail.result),
        result_sent_bytes: detail.result_bytes,
    };
    serde_json::to_writer(&mut *line, &object)?;
    line.push(b'\n');
    Ok(())
}
