//! Why a call does not cross, in words for whoever reads it.

use drawbridge_model::ActivityReason;

/// Why a call does not cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The person paused all tools.
    #[error("all tools are paused")]
    Paused,
    /// The person paused this app.
    #[error("the person paused this app")]
    AppPaused,
    /// The person paused this server.
    #[error("the server is paused")]
    ServerPaused,
    /// The server is switched off, or no longer there.
    #[error("the server is switched off")]
    ServerOff,
    /// The tool's mode is `Off`.
    #[error("the tool is switched off")]
    ToolOff,
    /// The person has not seen the tool as it is now.
    #[error("the tool is new or changed, and nobody has looked at it yet")]
    Held,
    /// The tool's mode is `Ask`, and there is no one who could answer.
    #[error("denied: nobody to ask")]
    NobodyToAsk,
    /// The person said no.
    #[error("the person at this computer denied it")]
    Denied,
    /// The person did not answer in time.
    #[error("nobody answered in time")]
    Unanswered,
    /// The app has too many questions waiting.
    #[error("too many of this app's calls are waiting for an answer")]
    TooManyQuestions,
    /// Its arguments are longer or deeper than a person can look through.
    #[error("its arguments are too long to be shown to a person")]
    TooLongToShow,
    /// Its arguments hold a key, token or password, which the person does not let pass.
    #[error("its arguments hold what looks like a key, token or password")]
    SecretInArguments,
    /// Its arguments could not be looked through for keys, tokens and passwords.
    #[error("its arguments could not be looked through for keys and tokens")]
    Unscannable,
    /// The tool, or the answer that allowed it, changed before the call ran.
    #[error("what was allowed changed before the call ran")]
    Lapsed,
    /// Drawbridge is quitting, so nobody will answer.
    #[error("Drawbridge is quitting")]
    Quitting,
}

impl Refusal {
    /// What the record says why it was refused.
    #[must_use]
    pub fn reason(self) -> ActivityReason {
        match self {
            Self::Paused | Self::AppPaused | Self::ServerPaused => ActivityReason::Pause,
            // What was allowed changed: the switch as it is now counts.
            Self::ServerOff | Self::ToolOff | Self::Lapsed => ActivityReason::Mode,
            Self::Held => ActivityReason::Pin,
            Self::NobodyToAsk => ActivityReason::NobodyToAsk,
            Self::Denied => ActivityReason::Person,
            Self::Unanswered => ActivityReason::TimeOut,
            Self::TooManyQuestions | Self::TooLongToShow => ActivityReason::Limit,
            Self::SecretInArguments | Self::Unscannable => ActivityReason::Scan,
            Self::Quitting => ActivityReason::Quitting,
        }
    }

    /// What the app, and the person behind it, reads: who refused what, why, and what can be done.
    /// `subject` is the tool, prompt or resource as its server calls it; control characters in it
    /// are written as escapes.
    #[must_use]
    pub fn sentence(self, server: &str, subject: &str) -> String {
        let remedy = match self {
            Self::Paused => {
                "To go on, resume them from the Drawbridge tray icon or panel.".to_owned()
            }
            Self::AppPaused => {
                "To go on, resume this app in the Drawbridge panel under Settings.".to_owned()
            }
            Self::ServerPaused => {
                format!("To go on, resume {server:?} in the Drawbridge panel under Tools.")
            }
            Self::Held => "A person at this computer has to look at it in the Drawbridge panel, \
                 or accept it with `drawbridged pins accept` where there is none."
                .to_owned(),
            Self::SecretInArguments => "A person at this computer can let it through once in the \
                 Drawbridge panel. Do not send it in another form."
                .to_owned(),
            Self::Unscannable => "Send them in a simpler form.".to_owned(),
            Self::ServerOff => {
                format!("To use it, switch {server:?} on in the Drawbridge panel under Tools.")
            }
            Self::ToolOff => {
                "To use it, set it to Allow in the Drawbridge panel under Tools.".to_owned()
            }
            Self::NobodyToAsk => "This tool is set to Ask, and Drawbridge cannot ask a person \
                 here. To let it run, set it to Allow in the Drawbridge panel under Tools, or to \
                 \"allow\" in the config file."
                .to_owned(),
            Self::Denied => "Do not try the same again without asking the person.".to_owned(),
            Self::Unanswered => "A person at this computer has to answer the question that \
                 Drawbridge shows. To let this tool run without a question, set it to Allow in the \
                 Drawbridge panel under Tools."
                .to_owned(),
            Self::TooManyQuestions => {
                "Wait until the person has answered those, then try again.".to_owned()
            }
            Self::TooLongToShow => {
                "Send less at once. To let this tool run without a question, set \
                 it to Allow in the Drawbridge panel under Tools."
                    .to_owned()
            }
            Self::Lapsed => "Try again: it is decided anew.".to_owned(),
            Self::Quitting => "Start Drawbridge again to go on.".to_owned(),
        };
        format!("Drawbridge refused {subject:?} of {server:?}: {self}. {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_reason_on_record() {
        use ActivityReason::{
            Limit, Mode, NobodyToAsk, Pause, Person, Pin, Quitting, Scan, TimeOut,
        };
        for (refusal, reason) in [
            (Refusal::Paused, Pause),
            (Refusal::AppPaused, Pause),
            (Refusal::ServerPaused, Pause),
            (Refusal::ServerOff, Mode),
            (Refusal::ToolOff, Mode),
            (Refusal::Lapsed, Mode),
            (Refusal::Held, Pin),
            (Refusal::NobodyToAsk, NobodyToAsk),
            (Refusal::Denied, Person),
            (Refusal::Unanswered, TimeOut),
            (Refusal::TooManyQuestions, Limit),
            (Refusal::TooLongToShow, Limit),
            (Refusal::SecretInArguments, Scan),
            (Refusal::Unscannable, Scan),
            (Refusal::Quitting, Quitting),
        ] {
            assert_eq!(refusal.reason(), reason, "{refusal:?}");
        }
    }
}
