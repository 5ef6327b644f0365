//! What the tray and the panel show, as plain data. They are functions of a [`Snapshot`] and of
//! the answers to the commands in [`crate::bridge`]; nothing in here is a stored format.
//!
//! All times are milliseconds since 1970 (UTC).

use drawbridge_model::{
    ClientName, Isolation, Mode, Preset, Problem, RecordRule, SecretsRule, ServerName, ServerState,
    ToolName,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

mod consent;
mod models;
mod ollama;
mod record;

pub use consent::*;
pub use models::*;
pub use ollama::*;
pub use record::*;

/// Everything that is true right now, as far as a person wants to see it.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Grows with each change, so that a late snapshot is not taken for a newer one.
    pub revision: u64,
    /// Drawbridge's own version.
    pub version: String,
    /// The address apps connect to, and whether it answers.
    pub gateway: GatewayView,
    /// The pause of all tools.
    pub paused: Option<PauseView>,
    /// All configured servers and the built-in one, in the order of the config file, the built-in
    /// one first.
    pub servers: Vec<ServerView>,
    /// Apps that may connect, by name.
    pub clients: Vec<ClientView>,
    /// Where the config file is and whether the newest edit is in force.
    pub config: ConfigView,
    /// What keeps calls from being put on record; while this is set no call crosses.
    pub record_problem: Option<Problem>,
    /// Calls that wait for the person's answer, the oldest first.
    pub questions: Vec<QuestionView>,
    /// Answers that are remembered, by app, server and tool.
    pub allowed_answers: Vec<AllowedAnswer>,
    /// What was blocked because of a key or token in it, the newest first.
    pub blocked: Vec<BlockedView>,
    /// Ollama on this computer.
    pub ollama: OllamaView,
    /// Other places that models are at, by name.
    pub backends: Vec<BackendView>,
}

/// The address apps connect to.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GatewayView {
    /// The base address, such as `http://127.0.0.1:7337`.
    pub address: String,
    /// The port of that address.
    pub port: u16,
    /// Whether it answers.
    pub state: GatewayState,
}

impl GatewayView {
    /// The base address at a port.
    #[must_use]
    pub fn address_at(port: u16) -> String {
        format!("http://127.0.0.1:{port}")
    }
}

/// Whether the gateway answers.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum GatewayState {
    /// Not yet.
    Starting,
    /// Apps can connect.
    Listening,
    /// The port is taken: the person may retry or move to another one.
    PortInUse {
        /// The program that holds the port, where the system tells.
        holder: Option<String>,
        /// The sentence to show.
        problem: Problem,
    },
    /// It cannot listen for another reason.
    Failed {
        /// The sentence to show.
        problem: Problem,
    },
    /// Drawbridge is quitting: calls in flight end, new ones are refused.
    Draining,
}

/// One server and its tools.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServerView {
    /// Its name in the config.
    pub name: ServerName,
    /// How it is reached, without any secret.
    pub transport: TransportView,
    /// Whether it is to run.
    pub enabled: bool,
    /// What it is doing.
    pub state: ServerState,
    /// Why it does not answer, with its last log lines as detail.
    pub problem: Option<Problem>,
    /// How often it was started again by itself since Drawbridge started.
    pub restarts: u32,
    /// The mode of tools without one of their own.
    pub preset: Preset,
    /// Whether apps share one process.
    pub isolation: Isolation,
    /// What is done about keys and tokens in arguments and results.
    pub secrets: SecretsRule,
    /// How much of the content of its calls is kept on record.
    pub record: RecordRule,
    /// The pause of all it offers.
    pub paused: Option<PauseView>,
    /// How it is started was changed outside the panel, and it waits for the person to agree.
    pub start_waits: bool,
    /// What it calls itself, once it has answered.
    pub identity: Option<ServerIdentity>,
    /// Its tools, in its order.
    pub tools: Vec<ToolView>,
    /// How many prompts it offers.
    pub prompts: u32,
    /// How many resources and resource templates it offers.
    pub resources: u32,
}

/// What a server calls itself. These are its own words, and prove nothing.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServerIdentity {
    /// `serverInfo.name`.
    pub name: String,
    /// `serverInfo.title`, if it gave one.
    pub title: Option<String>,
    /// `serverInfo.version`.
    pub version: String,
    /// The MCP revision that was agreed on, such as `2025-11-25`.
    pub protocol: String,
}

/// How a server is reached, as shown.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TransportView {
    /// A program on this computer.
    Local {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// The names, not the values, of the variables set for it.
        env_names: Vec<String>,
        /// The folder it starts in, if one is set.
        cwd: Option<String>,
    },
    /// A server elsewhere.
    Remote {
        /// Its address.
        url: String,
        /// The names, not the values, of the headers sent to it.
        header_names: Vec<String>,
    },
    /// Part of Drawbridge.
    BuiltIn,
}

/// One tool in a list.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ToolView {
    /// Its name as its server gives it.
    pub name: ToolName,
    /// Its name on the merged address `/mcp`.
    pub exposed_name: String,
    /// A title for people, if the server gave one.
    pub title: Option<String>,
    /// What the server says it does.
    pub description: String,
    /// Whether calls cross.
    pub mode: Mode,
    /// Whether the mode is the tool's own or comes from its server's preset.
    pub mode_source: ModeSource,
    /// What the server claims about it.
    pub claims: ToolClaims,
    /// About how many tokens its definition costs an app in each request.
    pub tokens: u32,
    /// Why apps cannot use it until the person has seen it.
    pub held: Option<Held>,
    /// What deserves a second look in what its server says of it.
    pub findings: Vec<ToolFinding>,
}

/// Where a tool's mode comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ModeSource {
    /// It was set on the tool.
    Tool,
    /// It is the server's preset.
    Preset,
}

/// What a server claims about a tool (MCP `annotations`). Claims are shown, never relied on;
/// absent means the server says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ToolClaims {
    /// It only reads.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Calling it twice changes nothing more.
    pub idempotent: Option<bool>,
    /// It reaches beyond this computer.
    pub open_world: Option<bool>,
}

/// One tool with all that its server says of it.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ToolDetail {
    /// The tool as in the list.
    pub tool: ToolView,
    /// Its `inputSchema`, as indented JSON.
    pub input_schema: String,
    /// Its `outputSchema`, as indented JSON, if it has one.
    pub output_schema: Option<String>,
}

/// One app that may connect.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ClientView {
    /// Its name in the config.
    pub name: ClientName,
    /// Sessions it has open now.
    pub sessions: u32,
    /// When it last sent a request since Drawbridge started.
    pub last_seen: Option<i64>,
    /// The pause of all it calls.
    pub paused: Option<PauseView>,
    /// Whether it may download, change and delete models.
    pub may_manage_models: bool,
}

/// The config file.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ConfigView {
    /// Its path.
    pub path: String,
    /// Why the newest edit is not in force. What was there before goes on.
    pub problem: Option<ConfigProblem>,
    /// Remarks on what was read and kept but not understood.
    pub warnings: Vec<String>,
}

/// Why a config file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ConfigProblem {
    /// The file.
    pub path: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// The key as a path, such as `mcpServers.files.command`; empty for the file as a whole.
    pub key: String,
    /// What was expected there and what stands there instead, as a sentence.
    pub message: String,
}

impl ConfigProblem {
    /// File, line, key and expectation in one line, as editors can jump to it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let key = match self.key.as_str() {
            "" => String::new(),
            key => format!("{key}: "),
        };
        format!("{}{line}: {key}{}", self.path, self.message)
    }
}

/// One line a server wrote, or one thing that happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Grows by one with each line of the server.
    pub seq: u64,
    /// When it was read.
    pub at: i64,
    /// Who wrote it.
    pub source: LogSource,
    /// The line without its end, cut at 8 KiB.
    pub text: String,
}

/// Who wrote a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LogSource {
    /// The server, on its standard error.
    Stderr,
    /// The server, on its standard output, where it should only speak MCP.
    Stdout,
    /// Drawbridge, about the server.
    Drawbridge,
}

/// A server as the panel's form or a pasted snippet describes it, before it is added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServerDraft {
    /// The name it will have.
    pub name: String,
    /// How it will be reached.
    pub transport: DraftTransport,
}

/// How a drafted server will be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DraftTransport {
    /// A program on this computer.
    Local {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Variables set for it. In a draft of an existing server a value of `null` keeps the
        /// value that is stored.
        env: Vec<DraftValue>,
        /// The folder it starts in.
        cwd: Option<String>,
    },
    /// A server elsewhere.
    Remote {
        /// Its address.
        url: String,
        /// Headers sent to it. In a draft of an existing server a value of `null` keeps the value
        /// that is stored.
        headers: Vec<DraftValue>,
    },
}

/// A variable or header in a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DraftValue {
    /// Its name.
    pub name: String,
    /// Its value; `null` keeps the stored one.
    pub value: Option<String>,
}

/// What will happen when a drafted server starts, for the person to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StartPreview {
    /// The draft this is about.
    pub draft: ServerDraft,
    /// The program and each argument, whole and in order; control and bidirectional characters
    /// are written as escapes. Empty for a server elsewhere.
    pub argv: Vec<String>,
    /// The same as one line in which every border can be seen.
    pub command_line: String,
    /// Where the program was found; `null` when it was not.
    pub resolved_path: Option<String>,
    /// The folder it starts in.
    pub cwd: Option<String>,
    /// The names of variables or headers set for it.
    pub value_names: Vec<String>,
    /// Sentences about what deserves a second look: a shell, `sudo`, a download at each start.
    pub cautions: Vec<String>,
    /// What keeps it from being added, such as a name already taken.
    pub problem: Option<Problem>,
}

/// What the tools of a new server may do at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum FirstModes {
    /// "Keep its tools off for now".
    KeepOff,
    /// "Let them run".
    LetRun,
}

/// A removed server, with all that is needed to put it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RemovedServer {
    /// Its name.
    pub name: ServerName,
    /// A token that puts it back while Drawbridge runs.
    pub undo: String,
}

/// Where a token in an exported `mcp.json` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum TokenPlacement {
    /// VS Code asks for it once and keeps it (`inputs`).
    Prompt,
    /// It stands in the file.
    Inline,
}

/// What VS Code needs to connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct VscodeSetup {
    /// The content of a new `.vscode/mcp.json`.
    pub content: String,
    /// The `vscode:mcp/install?…` link, without a token.
    pub install_link: String,
    /// The token, for VS Code's prompt. `null` when it is not known any more; then
    /// a new one can be made.
    pub token: Option<String>,
}

/// What writing `.vscode/mcp.json` into a folder would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// Names this preview. Applying it is refused when the file has changed since.
    pub id: String,
    /// The file.
    pub path: String,
    /// Whether the file exists already.
    pub exists: bool,
    /// The difference, line by line. A token in it is masked.
    pub lines: Vec<DiffLine>,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DiffLine {
    /// Whether the line stays, goes or comes.
    pub kind: DiffKind,
    /// The line without its end.
    pub text: String,
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum DiffKind {
    /// It stays.
    Same,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileWritten {
    /// The file.
    pub path: String,
    /// The copy of what was there before, if there was something.
    pub backup: Option<String>,
    /// Undoes it while Drawbridge runs.
    pub undo: String,
}
