use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What kind of thing is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ActivityKind {
    /// A tool was called.
    ToolCall,
    /// A prompt was used.
    PromptUse,
    /// A resource was read.
    ResourceRead,
    /// The guard or the token check turned a request away.
    RequestRefused,
    /// A server answers.
    ServerStarted,
    /// A server was stopped.
    ServerStopped,
    /// A server ended or failed by itself.
    ServerCrashed,
    /// A person changed a setting.
    SettingChanged,
}

/// How a thing on record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ActivityOutcome {
    /// It worked.
    Succeeded,
    /// It ran and failed.
    Failed,
    /// It did not run.
    Refused,
    /// The app cancelled it or left.
    Cancelled,
    /// Drawbridge ended while it ran, so that its end is not known.
    Unknown,
}
