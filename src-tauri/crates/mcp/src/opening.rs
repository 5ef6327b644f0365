//! What is said when a connection is opened.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::peer::PeerFeatures;
use crate::wire;

/// How a connection is opened.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Owns the connection's tasks.
    pub tasks: TaskTracker,
    /// Ends the connection.
    pub stop: CancellationToken,
    /// Drawbridge's version, told to the server.
    pub client_version: String,
    /// How long opening may take. A program that is downloaded at its first start needs a minute.
    pub limit: Duration,
    /// What the server may ask of clients.
    pub declare: PeerFeatures,
    /// Longest message that is taken, in bytes.
    pub message_limit: usize,
}

impl ConnectOptions {
    /// Options of a connection that all clients share: 60 seconds to open, 16 MiB a message.
    #[must_use]
    pub fn new(
        tasks: TaskTracker,
        stop: CancellationToken,
        client_version: impl Into<String>,
    ) -> Self {
        Self {
            tasks,
            stop,
            client_version: client_version.into(),
            limit: Duration::from_secs(60),
            declare: PeerFeatures::shared(),
            message_limit: 16 * 1024 * 1024,
        }
    }
}

/// What a server said of itself when it was opened. These are its own words and prove nothing.
#[derive(Clone)]
pub struct Opening {
    /// The protocol revision that was agreed on, such as `2025-11-25`.
    pub protocol: String,
    /// The whole result, untouched.
    pub result: Box<RawValue>,
    /// `serverInfo.name`; empty when it gave none.
    pub server_name: String,
    /// `serverInfo.title`.
    pub server_title: Option<String>,
    /// `serverInfo.version`; empty when it gave none.
    pub server_version: String,
    /// What it can do.
    pub capabilities: ServerCapabilities,
    /// What it wants a model to know.
    pub instructions: Option<String>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Opening")
            .field("protocol", &self.protocol)
            .field("server_name", &self.server_name)
            .field("server_version", &self.server_version)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

/// What a server declared it can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerCapabilities {
    /// It has tools.
    pub tools: bool,
    /// It says when its tools change.
    pub tools_list_changed: bool,
    /// It has prompts.
    pub prompts: bool,
    /// It says when its prompts change.
    pub prompts_list_changed: bool,
    /// It has resources.
    pub resources: bool,
    /// It says when its resources change.
    pub resources_list_changed: bool,
    /// It says when the content of a resource changes, to those who ask.
    pub resources_subscribe: bool,
    /// It sends log messages.
    pub logging: bool,
    /// It completes arguments.
    pub completions: bool,
}

impl Opening {
    /// Before anything was said. No connection is handed out in this state.
    pub(crate) fn unknown() -> Self {
        Self::read("", RawValue::NULL)
    }

    /// Reads the result of opening. Only the protocol version is vital, and read elsewhere: what
    /// is malformed in the rest counts as not said.
    pub(crate) fn read(protocol: &str, result: &RawValue) -> Self {
        let field = |path: &[&str]| wire::find(result, path).ok().flatten();
        let text = |path: &[&str]| field(path)?.text().map(std::borrow::Cow::into_owned);
        let has = |name: &str| {
            field(&["capabilities", name]).is_some_and(|field| field.raw.starts_with('{'))
        };
        let says = |name: &str, flag: &str| {
            field(&["capabilities", name, flag]).is_some_and(|field| field.is_true())
        };
        Self {
            protocol: protocol.to_owned(),
            result: result.to_owned(),
            server_name: text(&["serverInfo", "name"]).unwrap_or_default(),
            server_title: text(&["serverInfo", "title"]),
            server_version: text(&["serverInfo", "version"]).unwrap_or_default(),
            capabilities: ServerCapabilities {
                tools: has("tools"),
                tools_list_changed: says("tools", "listChanged"),
                prompts: has("prompts"),
                prompts_list_changed: says("prompts", "listChanged"),
                resources: has("resources"),
                resources_list_changed: says("resources", "listChanged"),
                resources_subscribe: says("resources", "subscribe"),
                logging: has("logging"),
                completions: has("completions"),
            },
            instructions: text(&["instructions"]),
        }
    }
}
