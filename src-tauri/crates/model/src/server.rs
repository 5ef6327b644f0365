use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Mode, Preset, RecordRule, SecretsRule, ServerName, ToolName};

/// The name of the server that is built in. It is reserved: no configured server may have it.
pub const BUILT_IN_COMPUTER: &str = "computer";

/// A server as the person configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerDefinition {
    /// Its key under `mcpServers`.
    pub name: ServerName,
    /// How it is reached.
    pub transport: Transport,
    /// Whether it is to run.
    pub enabled: bool,
    /// The mode of tools without one of their own.
    pub preset: Preset,
    /// Modes set on single tools. They win over the preset.
    pub tools: BTreeMap<ToolName, Mode>,
    /// Whether apps share one process.
    pub isolation: Isolation,
    /// What is done about keys, tokens and passwords in arguments and results.
    pub secrets: SecretsRule,
    /// How much of the content of its calls is kept on record.
    pub record: RecordRule,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A child process that speaks on its standard input and output.
    Stdio(Launch),
    /// A server elsewhere that speaks Streamable HTTP.
    Http(Endpoint),
    /// Part of Drawbridge itself.
    BuiltIn,
}

/// How a child process is started. Values may hold `${secret:NAME}` and `${env:NAME}`, which are
/// resolved at each start and never stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// A program's name, looked up in the login shell's `PATH`, or its path.
    pub command: String,
    /// Its arguments, one element each, never read by a shell.
    pub args: Vec<String>,
    /// Variables added to the short list every child gets.
    pub env: BTreeMap<String, String>,
    /// The folder it starts in; the person's home folder when absent.
    pub cwd: Option<PathBuf>,
}

/// Where a remote server is. Header values may hold `${secret:NAME}` and `${env:NAME}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// An `http` or `https` address.
    pub url: String,
    /// Headers sent with each request.
    pub headers: BTreeMap<String, String>,
}

/// Whether apps share one process of a server.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// One process serves all apps.
    #[default]
    Shared,
    /// Each app gets a process of its own.
    PerApp,
}

/// What a server is doing now. Times are milliseconds since 1970 (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerState {
    /// Not to run: switched off, or stopped by the person.
    Stopped,
    /// Being started, or asked what it offers.
    Starting {
        /// When the start began.
        since: i64,
    },
    /// Answering.
    Ready {
        /// Since when.
        since: i64,
    },
    /// It ended or failed and is tried again.
    Waiting {
        /// When it is tried again.
        retry_at: i64,
        /// How often it has failed in a row, from 1.
        attempt: u32,
    },
    /// Being stopped.
    Stopping,
    /// Given up until a person starts it again or its configuration changes.
    Failed,
}
