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
    /// A server's tools are new or changed, and wait for the person; or the person has seen them.
    ToolsChanged,
    /// The person's answer to a question is remembered.
    AnswerGiven,
    /// The person took a remembered answer back, or it lapsed.
    AnswerTakenBack,
    /// A model was asked.
    ModelRequest,
    /// Old entries were removed, or all.
    RecordShortened,
}

/// What was decided about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ActivityDecision {
    /// It may run.
    Allowed,
    /// It may not.
    Refused,
}

/// Why it was decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ActivityReason {
    /// The switch of the tool or its server says so.
    Mode,
    /// A remembered answer.
    RememberedAnswer,
    /// The person answered.
    Person,
    /// The person did not answer in time.
    TimeOut,
    /// Nobody was there to ask.
    NobodyToAsk,
    /// A pause.
    Pause,
    /// A limit of the app, or of what can be shown or looked through.
    Limit,
    /// The tool is new or changed and was not looked at.
    Pin,
    /// What looks like a key or token.
    Scan,
    /// The guard or the token check at the door.
    Guard,
    /// Drawbridge was quitting.
    Quitting,
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
