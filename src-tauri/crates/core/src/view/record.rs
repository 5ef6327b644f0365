//! The record as the panel shows it.

use drawbridge_model::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which entries are meant. All that is set has to hold; of a list, any one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct ActivityFilter {
    /// Words that all stand in the entry: in names, arguments, result or note, in any case. The
    /// last may be the beginning of a word.
    pub text: Option<String>,
    /// Not before this moment.
    pub from: Option<i64>,
    /// Before this moment.
    pub until: Option<i64>,
    /// The app.
    pub client: Option<String>,
    /// The server.
    pub server: Option<String>,
    /// The tool, prompt or resource, as its server calls it.
    pub subject: Option<String>,
    /// What happened; any where empty.
    pub kinds: Vec<ActivityKind>,
    /// What was decided; anything where empty.
    pub decisions: Vec<ActivityDecision>,
    /// Why it was decided so; for any reason where empty.
    pub reasons: Vec<ActivityReason>,
    /// How it ended; anyhow where empty.
    pub outcomes: Vec<ActivityOutcome>,
}

/// Which part of the record a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityQuery {
    /// Which entries.
    pub filter: ActivityFilter,
    /// Entries older than this one (its id); absent for the newest.
    pub before: Option<i64>,
    /// Most entries to return, at most 200.
    pub limit: u32,
}

/// One thing on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEntry {
    /// Grows with each entry.
    pub id: i64,
    /// When it began.
    pub at: i64,
    /// What happened.
    pub kind: ActivityKind,
    /// The app, where one was involved.
    pub client: Option<String>,
    /// The server, where one was involved.
    pub server: Option<String>,
    /// The tool, prompt, resource or model, where one was involved.
    pub subject: Option<String>,
    /// What was decided, where something was.
    pub decision: Option<ActivityDecision>,
    /// Why it was decided so.
    pub reason: Option<ActivityReason>,
    /// How it ended. Absent while a call is running.
    pub outcome: Option<ActivityOutcome>,
    /// How long a call took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// One sentence: why it was refused, what the error was, what was changed.
    pub note: Option<String>,
}

/// A page of the record, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityPage {
    /// The entries. May be fewer than asked for although older ones follow.
    pub entries: Vec<ActivityEntry>,
    /// What to ask for as `before` to go on; absent where nothing older is left.
    pub next: Option<i64>,
}

/// One thing on record, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityDetail {
    /// As in the list.
    pub entry: ActivityEntry,
    /// What the app calls itself.
    pub client_says: Option<String>,
    /// How long it waited for the person before it ran or was refused, in milliseconds.
    pub waited_ms: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// The app's own id of the request, as JSON.
    pub request: Option<String>,
    /// The id of the request as it went to the server.
    pub upstream_request: Option<String>,
    /// The arguments as indented JSON, cut at a set size.
    pub arguments: Option<String>,
    /// Size of the arguments, in bytes.
    pub arguments_bytes: Option<i64>,
    /// The result or error as indented JSON, cut at a set size.
    pub result: Option<String>,
    /// Size of the result as it was sent, in bytes.
    pub result_bytes: Option<i64>,
    /// The server is set to keep less than the content, so this is all there is.
    pub kept_less: bool,
}

/// An app that stands in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordedName {
    /// Its name.
    pub name: String,
    /// How many entries it has.
    pub entries: i64,
}

/// A tool that stands in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordedTool {
    /// Its server.
    pub server: String,
    /// Its name.
    pub tool: String,
    /// How many entries it has.
    pub entries: i64,
}

/// What there is to choose from when filtering, most frequent first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityChoices {
    /// The apps, at most 200.
    pub clients: Vec<RecordedName>,
    /// The servers, at most 200.
    pub servers: Vec<RecordedName>,
    /// The tools, at most 1,000.
    pub tools: Vec<RecordedTool>,
}

/// What the bars of the picture are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ActivityGrouping {
    /// The app.
    Client,
    /// Server and tool.
    Tool,
}

/// How much happened over time. Calls, uses and refusals count; servers' lives and settings do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityPicture {
    /// When the first bar begins.
    pub from: i64,
    /// How long a bar lasts, in milliseconds.
    pub bar_ms: i64,
    /// How many bars there are, at most 60; none when nothing matches.
    pub bars: u32,
    /// The most frequent six, and the rest as one without a name.
    pub series: Vec<ActivitySeries>,
    /// The filter's text was left out: the picture counts entries with and without it.
    pub without_text: bool,
}

/// What one app or tool did over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivitySeries {
    /// The app, when divided by app; absent for the rest.
    pub client: Option<String>,
    /// The server, when divided by tool; absent for the rest.
    pub server: Option<String>,
    /// The tool, when divided by tool; absent for the rest.
    pub tool: Option<String>,
    /// How many entries in each bar.
    pub counts: Vec<i64>,
}

/// What happened since the person last looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// When the person last looked.
    pub since: i64,
    /// Calls, uses of prompts and resources.
    pub calls: i64,
    /// How many of them were refused.
    pub refused: i64,
    /// How many of them failed.
    pub failed: i64,
    /// Servers that ended by themselves.
    pub crashes: i64,
    /// Which apps, most active first, at most five.
    pub clients: Vec<RecordedName>,
    /// The newest entry that is counted; to be handed to `looked_at_activity`.
    pub newest: i64,
}

/// What the record takes, and how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordState {
    /// How many entries there are.
    pub entries: i64,
    /// Space on disk, in bytes, its search index included.
    pub bytes: i64,
    /// When the oldest entry was made.
    pub oldest: Option<i64>,
    /// The folder it is kept in.
    pub folder: String,
    /// Entries older than so many days are removed; kept for good where absent.
    pub keep_days: Option<u32>,
    /// The oldest are removed while the record takes more than so many megabytes.
    pub keep_megabytes: Option<u32>,
    /// What is being done with the record, if it takes a while.
    pub work: Option<RecordWork>,
}

/// Something that is done with the whole record and takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordWork {
    /// What.
    pub task: RecordTask,
    /// Entries done.
    pub done: i64,
    /// Entries there are to do, about.
    pub total: i64,
}

/// What is done with the whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum RecordTask {
    /// Its chain is checked.
    Check,
    /// Entries are written to a file.
    Export,
    /// What finds entries is brought up to date; questions wait for it.
    Index,
}

/// Whether the record is as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordCheck {
    /// How many rows are as they were written, up to where it is broken; a call has two.
    pub rows: i64,
    /// When the first of them was written.
    pub from: Option<i64>,
    /// Where it is not as it was written; absent when all is well.
    pub broken: Option<RecordBreak>,
}

/// Where the record is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordBreak {
    /// The entry to look at, where there is one.
    pub entry: Option<i64>,
    /// About when it was written.
    pub at: Option<i64>,
    /// What is wrong there, as a sentence.
    pub message: String,
}

/// The form of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ExportForm {
    /// For spreadsheets.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// A file that was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// The file.
    pub path: String,
    /// How many entries it holds.
    pub entries: i64,
    /// Its size in bytes.
    pub bytes: i64,
}
