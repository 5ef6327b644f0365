//! Questions, remembered answers, and what waits for the person's eyes.

use drawbridge_model::{ClientName, Problem, ServerName, ToolName};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{DiffKind, StartPreview, ToolClaims, ToolView};

/// A call that waits for the person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QuestionView {
    /// Names it while it waits.
    pub id: u64,
    /// The app that asks.
    pub client: ClientName,
    /// What the app calls itself.
    pub client_says: Option<String>,
    /// The server it goes to.
    pub server: ServerName,
    /// The tool, as its server names it.
    pub tool: ToolName,
    /// A title for people, if the server gave one.
    pub title: Option<String>,
    /// What the server says it does.
    pub description: String,
    /// What the server claims about it.
    pub claims: ToolClaims,
    /// All arguments as indented JSON, nothing left out. Empty when there are none.
    pub arguments: String,
    /// When it was asked.
    pub asked_at: i64,
    /// When it is denied by itself.
    pub expires_at: i64,
    /// How often the person has allowed this tool to this app before.
    pub allowed_before: u32,
    /// The person is asked about this tool every time, so that no answer is remembered.
    pub every_time: bool,
    /// Keys and tokens that seem to stand in the arguments, in words such as "a GitHub token",
    /// each once.
    pub looks_like: Vec<String>,
}

/// What the person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum QuestionAnswer {
    /// This call may run.
    AllowOnce,
    /// This app may use this tool until its session ends.
    AllowForSession,
    /// This app may use this tool until the answer is taken back or the tool changes.
    AlwaysAllow,
    /// This call may not run.
    Deny,
    /// This call may not run, and the tool is switched off for all apps.
    DenyAndSwitchOff,
}

/// An answer that is remembered: this app may use this tool without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AllowedAnswer {
    /// Names it, to take it back.
    pub id: u64,
    /// The app.
    pub client: ClientName,
    /// The server.
    pub server: ServerName,
    /// The tool, as its server names it.
    pub tool: ToolName,
    /// How long it lasts.
    pub lasts: AnswerLasts,
    /// When it was given.
    pub given_at: i64,
    /// When a call last ran because of it.
    pub last_used: Option<i64>,
    /// How many calls ran because of it.
    pub used: u32,
}

/// How long an answer is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum AnswerLasts {
    /// Until the app's session ends.
    Session,
    /// Until it is taken back or the tool changes.
    Always,
}

/// Why apps cannot use a tool, whatever its mode, until the person has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Held {
    /// It came after the server's tools were first seen.
    New,
    /// It is no longer what it was when it was seen.
    Changed,
    /// What the server says of it holds something severe.
    Found,
}

/// Something in what a server says of a tool that deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ToolFinding {
    /// What it is.
    pub kind: ToolFindingKind,
    /// Whether the tool is held back for it.
    pub severe: bool,
    /// Where it stands in the definition, such as `inputSchema.properties.path.description`.
    pub place: String,
    /// The exact passage; characters nobody would see are written as escapes.
    pub passage: String,
}

/// What was found in what a server says of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ToolFindingKind {
    /// Characters that are not seen, or change the order in which text is read.
    HiddenCharacters,
    /// Orders to the model behind the app.
    InstructionsToTheModel,
    /// It speaks of tools of other servers.
    OtherServersTools,
    /// Its name is, or looks like, that of another server's tool.
    ShadowedName,
    /// Text that has to be decoded to be read.
    EncodedContent,
    /// A key, token or password.
    Secret,
    /// It could not be looked through.
    Unreadable,
}

/// How a tool differs from what the person saw, for them to look at.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ToolDifference {
    /// The tool as it is now.
    pub tool: ToolView,
    /// Names the tool as it is now, to accept exactly this.
    pub fingerprint: String,
    /// The parts that differ; of a tool that was never seen, all of them.
    pub fields: Vec<FieldDifference>,
}

/// How one part of a tool differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FieldDifference {
    /// The part.
    pub field: ToolField,
    /// Its text, old and new, word by word, in reading order. Schemas are indented JSON.
    pub pieces: Vec<DiffPiece>,
}

/// A part of a tool's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ToolField {
    /// `title`
    Title,
    /// `description`
    Description,
    /// `inputSchema`
    InputSchema,
    /// `outputSchema`
    OutputSchema,
    /// `annotations`
    Annotations,
}

/// A few words that stay, come or go, as they stand in the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DiffPiece {
    /// Whether they stay, come or go.
    pub kind: DiffKind,
    /// The words, blanks included.
    pub text: String,
}

/// A tool the person has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SeenTool {
    /// Its name.
    pub name: ToolName,
    /// What named it as it was shown.
    pub fingerprint: String,
}

/// A server whose start was changed outside the panel, for the person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StartReview {
    /// What starting it would do.
    pub preview: StartPreview,
    /// How that differs from what was agreed to before, word by word; empty for a server that was
    /// never agreed to.
    pub difference: Vec<DiffPiece>,
    /// Names the start as shown, to agree to exactly this.
    pub fingerprint: String,
}

/// What a pause covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PauseScope {
    /// All tools.
    All,
    /// All that one server offers.
    Server {
        /// The server.
        server: ServerName,
    },
    /// All that one app calls.
    App {
        /// The app.
        client: ClientName,
    },
}

/// A pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PauseView {
    /// When it began.
    pub since: i64,
    /// When it ends by itself; `null` when only the person ends it.
    pub until: Option<i64>,
    /// It was left over when Drawbridge started.
    pub from_before: bool,
}

/// A call that was stopped, or whose result was withheld, because of a key or token in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BlockedView {
    /// Names it, to let it through once or to put it away.
    pub id: u64,
    /// The app.
    pub client: ClientName,
    /// The server.
    pub server: ServerName,
    /// The tool, prompt or resource, as the server names it.
    pub subject: String,
    /// Which way it went.
    pub direction: Direction,
    /// What it looks like, in words such as "a GitHub token", each once.
    pub looks_like: Vec<String>,
    /// When.
    pub at: i64,
    /// The same may cross once more.
    pub let_through: bool,
}

/// Which way content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// To the server, as arguments.
    Arguments,
    /// To the app, as a result.
    Result,
}

/// Secrets that the config refers to as `${secret:NAME}`. What they are is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SecretsView {
    /// Why the keyring cannot be used.
    pub problem: Option<Problem>,
    /// By name.
    pub secrets: Vec<SecretView>,
}

/// One secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// Whether the keyring holds it; `null` when that cannot be told.
    pub stored: Option<bool>,
    /// The servers that need it.
    pub servers: Vec<ServerName>,
    /// The apps whose token it is.
    pub clients: Vec<ClientName>,
    /// The places with models that need it.
    pub backends: Vec<String>,
}
