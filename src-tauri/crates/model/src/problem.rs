use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something that went wrong, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What happened and what to do, in a sentence or two, without protocol words.
    pub message: String,
    /// What a technician wants to know: the error of the operating system, the last lines of a
    /// log. Never a secret. Empty when there is nothing to add.
    pub detail: String,
}

impl Problem {
    /// A problem with its sentence and its detail.
    pub fn new(message: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { message: message.into(), detail: detail.into() }
    }
}
