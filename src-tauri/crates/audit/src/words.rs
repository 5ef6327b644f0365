//! The words the file has for kinds and outcomes. They are a stored format: a word stays what it
//! is, whatever the type is called.

use drawbridge_model::{
    ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason, RecordRule,
};

use crate::ReadError;

pub(crate) const BEGAN: &str = "began";
pub(crate) const ENDED: &str = "ended";
pub(crate) const NOTED: &str = "noted";

const KINDS: [ActivityKind; 13] = [
    ActivityKind::ToolCall,
    ActivityKind::PromptUse,
    ActivityKind::ResourceRead,
    ActivityKind::RequestRefused,
    ActivityKind::ServerStarted,
    ActivityKind::ServerStopped,
    ActivityKind::ServerCrashed,
    ActivityKind::SettingChanged,
    ActivityKind::ToolsChanged,
    ActivityKind::AnswerGiven,
    ActivityKind::AnswerTakenBack,
    ActivityKind::ModelRequest,
    ActivityKind::RecordShortened,
];

const OUTCOMES: [ActivityOutcome; 5] = [
    ActivityOutcome::Succeeded,
    ActivityOutcome::Failed,
    ActivityOutcome::Refused,
    ActivityOutcome::Cancelled,
    ActivityOutcome::Unknown,
];

const DECISIONS: [ActivityDecision; 2] = [ActivityDecision::Allowed, ActivityDecision::Refused];

const REASONS: [ActivityReason; 11] = [
    ActivityReason::Mode,
    ActivityReason::RememberedAnswer,
    ActivityReason::Person,
    ActivityReason::TimeOut,
    ActivityReason::NobodyToAsk,
    ActivityReason::Pause,
    ActivityReason::Limit,
    ActivityReason::Pin,
    ActivityReason::Scan,
    ActivityReason::Guard,
    ActivityReason::Quitting,
];

const RULES: [RecordRule; 3] = [RecordRule::Content, RecordRule::Shapes, RecordRule::Nothing];

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
        ActivityKind::ToolsChanged => "toolsChanged",
        ActivityKind::AnswerGiven => "answerGiven",
        ActivityKind::AnswerTakenBack => "answerTakenBack",
        ActivityKind::ModelRequest => "modelRequest",
        ActivityKind::RecordShortened => "recordShortened",
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

pub(crate) fn decision_word(decision: ActivityDecision) -> &'static str {
    match decision {
        ActivityDecision::Allowed => "allowed",
        ActivityDecision::Refused => "refused",
    }
}

pub(crate) fn reason_word(reason: ActivityReason) -> &'static str {
    match reason {
        ActivityReason::Mode => "mode",
        ActivityReason::RememberedAnswer => "rememberedAnswer",
        ActivityReason::Person => "person",
        ActivityReason::TimeOut => "timeOut",
        ActivityReason::NobodyToAsk => "nobodyToAsk",
        ActivityReason::Pause => "pause",
        ActivityReason::Limit => "limit",
        ActivityReason::Pin => "pin",
        ActivityReason::Scan => "scan",
        ActivityReason::Guard => "guard",
        ActivityReason::Quitting => "quitting",
    }
}

/// `None` where all of the content is kept.
pub(crate) fn rule_word(rule: RecordRule) -> Option<&'static str> {
    match rule {
        RecordRule::Content => None,
        RecordRule::Shapes => Some("shapes"),
        RecordRule::Nothing => Some("nothing"),
    }
}

pub(crate) fn decision(word: &str) -> Result<ActivityDecision, ReadError> {
    let found = DECISIONS.into_iter().find(|decision| decision_word(*decision) == word);
    found.ok_or_else(|| ReadError::Unexpected { column: "decision", value: word.to_owned() })
}

pub(crate) fn reason(word: &str) -> Result<ActivityReason, ReadError> {
    let found = REASONS.into_iter().find(|reason| reason_word(*reason) == word);
    found.ok_or_else(|| ReadError::Unexpected { column: "reason", value: word.to_owned() })
}

pub(crate) fn rule(word: Option<&str>) -> Result<RecordRule, ReadError> {
    let found = RULES.into_iter().find(|rule| rule_word(*rule) == word);
    found.ok_or_else(|| ReadError::Unexpected {
        column: "kept",
        value: word.unwrap_or_default().to_owned(),
    })
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
        for each in DECISIONS {
            assert_eq!(decision(decision_word(each)).expect("a word of ours"), each);
            assert_eq!(serde_json::json!(each), decision_word(each));
        }
        for each in REASONS {
            assert_eq!(reason(reason_word(each)).expect("a word of ours"), each);
            assert_eq!(serde_json::json!(each), reason_word(each));
        }
        for each in RULES {
            assert_eq!(rule(rule_word(each)).expect("a word of ours"), each);
        }
        assert!(kind("sandwich").is_err());
    }
}
