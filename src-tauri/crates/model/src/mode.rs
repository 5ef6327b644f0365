use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Whether calls to one tool cross.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Not listed, and refused when called.
    Off,
    /// A person is asked, unless an answer that is remembered lets the call cross.
    Ask,
    /// A person is asked at each call, whatever they answered before.
    #[serde(rename = "ask-every-time")]
    AskEveryTime,
    /// Calls cross without a question.
    Allow,
}

/// The mode of those tools of a server that have none of their own.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// *Ask first*: every tool asks. What a new server gets.
    #[default]
    Ask,
    /// *Reading runs, the rest asks*: tools whose reading a person confirmed are written out with
    /// a mode of their own, so a tool without one asks.
    Read,
    /// *Run everything*.
    Allow,
    /// *Off*.
    Off,
}

impl Preset {
    /// The mode of a tool that has none of its own.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::Ask | Self::Read => Mode::Ask,
            Self::Allow => Mode::Allow,
            Self::Off => Mode::Off,
        }
    }
}

/// What happens to a tool that a server adds or changes after its tools were first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangedTools {
    /// It is held back until the person has looked at it.
    #[default]
    Hold,
    /// Apps can use it at once, unless something severe is found in what it says.
    Accept,
}

/// How much of the arguments and results of a server's calls is kept on record.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "lowercase")]
pub enum RecordRule {
    /// The content, with secrets masked.
    #[default]
    Content,
    /// The names of fields, and for each value what kind it is and how long.
    Shapes,
    /// Nothing but the size.
    Nothing,
}

/// What is done about keys, tokens and passwords that stand in arguments and results.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "lowercase")]
pub enum SecretsRule {
    /// They cross, and the record says so.
    #[default]
    Mark,
    /// They are replaced by what they look like.
    Mask,
    /// What holds them does not cross.
    Block,
}
