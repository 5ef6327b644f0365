//! The words the file has for kinds and outcomes. They are a stored format: a word stays what it
//! is, whatever the type is called.

use drawbridge_model::{ActivityKind, ActivityOutcome};

use crate::ReadError;

pub(crate) const BEGAN: &str = "began";
pub(crate) const NOTED: &str = "noted";

const KINDS: [ActivityKind; 8] = [
    ActivityKind::ToolCall,
    ActivityKind::PromptUse,
    ActivityKind::ResourceRead,
    ActivityKind::RequestRefused,
    ActivityKind::ServerStarted,
    ActivityKind::ServerStopped,
    ActivityKind::ServerCrashed,
    ActivityKind::SettingChanged,
];

const OUTCOMES: [ActivityOutcome; 5] = [
    ActivityOutcome::Succeeded,
    ActivityOutcome::Failed,
    ActivityOutcome::Refused,
    ActivityOutcome::Cancelled,
    ActivityOutcome::Unknown,
];

pub(crate) fn kind_word(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::ToolCall => "toolCall",
        ActivityKind::PromptUse => "promptUse",
        ActivityKind::ResourceRead => "resourceRead",
        ActivityKind::RequestRefused => "requestRefused",
        ActivityKind::ServerStarted => "serverStarted",
        ActivityKind::ServerStopped => "serverStopped",
        ActivityKind::ServerCrashed => "serverCrashed",
        ActivityKind::SettingChanged => "settingChanged",
    }
}

pub(crate) fn outcome_word(outcome: ActivityOutcome) -> &'static str {
    match outcome {
        ActivityOutcome::Succeeded => "succeeded",
        ActivityOutcome::Failed => "failed",
        ActivityOutcome::Refused => "refused",
        ActivityOutcome::Cancelled => "cancelled",
        ActivityOutcome::Unknown => "unknown",
    }
}

pub(crate) fn kind(word: &str) -> Result<ActivityKind, ReadError> {
    let found = KINDS.into_iter().find(|kind| kind_word(*kind) == word);
    found.ok_or_else(|| ReadError::Unexpected { column: "kind", value: word.to_owned() })
}

pub(crate) fn outcome(word: &str) -> Result<ActivityOutcome, ReadError> {
    let found = OUTCOMES.into_iter().find(|outcome| outcome_word(*outcome) == word);
    found.ok_or_else(|| ReadError::Unexpected { column: "outcome", value: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_in_the_file_are_those_the_panel_knows() {
        for each in KINDS {
            assert_eq!(kind(kind_word(each)).expect("a word of ours"), each);
            assert_eq!(serde_json::json!(each), kind_word(each));
        }
        for each in OUTCOMES {
            assert_eq!(outcome(outcome_word(each)).expect("a word of ours"), each);
            assert_eq!(serde_json::json!(each), outcome_word(each));
        }
        assert!(kind("sandwich").is_err());
    }
}
