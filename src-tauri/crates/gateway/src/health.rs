//! What `/health` tells: to anyone that we serve, to a client how each server does.

use drawbridge_model::{ServerName, ServerState};
use serde::Serialize;

/// How each server does, as a client may read it. No field holds a path, a command or a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether a person paused all tools.
    pub paused: bool,
    /// The servers, in the order they are shown in.
    pub servers: Vec<ServerHealth>,
}

/// How one server does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerHealth {
    /// Its name in the config.
    pub name: ServerName,
    /// Whether it is to run.
    pub enabled: bool,
    /// What it is doing.
    pub state: ServerState,
    /// Why it does not answer, in a sentence.
    pub problem: Option<String>,
    /// How many tools it offers.
    pub tools: u32,
}

#[derive(Serialize)]
struct Report<'a> {
    status: &'static str,
    #[serde(flatten)]
    health: &'a Health,
}

/// What anyone may know.
pub(crate) const FOR_ANYONE: &str = r#"{"status":"ok"}"#;

/// What a client may know.
pub(crate) fn for_client(health: &Health) -> Vec<u8> {
    serde_json::to_vec(&Report { status: "ok", health })
        .unwrap_or_else(|_| FOR_ANYONE.as_bytes().to_vec())
}
