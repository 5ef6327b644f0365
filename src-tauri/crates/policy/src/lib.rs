//! May this call cross? Switches, questions to the person, and remembered answers.
//!
//! A [`Policy`] is an immutable table that is swapped whole when a person switches something, so
//! that a decision takes no lock and holds from the next call on. It is a pure function: nothing in
//! it reads a clock, a file or another table. The order of its rules: the pause beats everything,
//! then the server's own switch, then the mode of the tool, then the preset of the server.
//!
//! Where it says [`Decision::Ask`], one of the [`Answers`] may already let the app use the very
//! tool; else the call waits among the [`Questions`].

mod answers;
mod fingerprint;
mod questions;

use std::collections::HashMap;

use drawbridge_model::{Mode, Preset, ServerName, ToolName};

pub use answers::{Answers, KeptAnswers, Lasts, Remembered, Use};
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use questions::{Answer, Asked, Heard, Question, Questions, Taken, WAITING_PER_CLIENT};

/// What may cross, for all servers at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether the person paused all tools. Lists stay as they are while it is set.
    pub paused: bool,
    /// The rules of each server. A server that is not in here is treated as switched off.
    pub servers: HashMap<ServerName, ServerRules>,
}

/// What may cross to one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerRules {
    /// The server's switch. Tools, prompts and resources all follow it.
    pub enabled: bool,
    /// The mode of those tools that have none of their own.
    pub preset: Preset,
    /// Modes set on single tools. They win over the preset.
    pub tools: HashMap<ToolName, Mode>,
    /// How the server is started, as far as answers are tied to it.
    pub start: Fingerprint,
}

impl ServerRules {
    fn mode(&self, tool: &str) -> Mode {
        self.tools.get(tool).copied().unwrap_or_else(|| self.preset.mode())
    }
}

impl Policy {
    /// The mode a tool has, apart from the pause: `Off` for each tool of a server that is switched
    /// off or not known.
    #[must_use]
    pub fn mode(&self, server: &str, tool: &str) -> Mode {
        self.open(server).map_or(Mode::Off, |rules| rules.mode(tool))
    }

    /// Whether a tool stands in the lists apps get. The pause does not change that.
    #[must_use]
    pub fn lists_tool(&self, server: &str, tool: &str) -> bool {
        self.mode(server, tool) != Mode::Off
    }

    /// Whether a server's prompts and resources stand in the lists apps get. The pause does not
    /// change that, and neither do preset and modes, which are about tools.
    #[must_use]
    pub fn lists_server(&self, server: &str) -> bool {
        self.open(server).is_some()
    }

    /// Decides whether a call of a tool crosses, by the first rule that says so, in the order told
    /// above.
    #[must_use]
    pub fn decide_tool(&self, server: &str, tool: &str) -> Decision {
        if self.paused {
            return Decision::Refuse(Refusal::Paused);
        }
        let Some(rules) = self.open(server) else { return Decision::Refuse(Refusal::ServerOff) };
        match rules.mode(tool) {
            Mode::Off => Decision::Refuse(Refusal::ToolOff),
            Mode::Ask => Decision::Ask,
            Mode::AskEveryTime => Decision::AskEveryTime,
            Mode::Allow => Decision::Run,
        }
    }

    /// Decides whether a server's prompts and resources may be used.
    ///
    /// # Errors
    /// [`Refusal::Paused`] or [`Refusal::ServerOff`]; preset and modes are about tools.
    pub fn decide_server(&self, server: &str) -> Result<(), Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        self.open(server).map(|_| ()).ok_or(Refusal::ServerOff)
    }

    fn open(&self, server: &str) -> Option<&ServerRules> {
        self.servers.get(server).filter(|rules| rules.enabled)
    }
}

/// What the switches say about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It crosses.
    Run,
    /// It crosses if the person allows it, or allowed it before.
    Ask,
    /// It crosses if the person allows this very call.
    AskEveryTime,
    /// It does not cross.
    Refuse(Refusal),
}

/// Why a call does not cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The person paused all tools.
    #[error("all tools are paused")]
    Paused,
    /// The server is switched off, or no longer there.
    #[error("the server is switched off")]
    ServerOff,
    /// The tool's mode is `Off`.
    #[error("the tool is switched off")]
    ToolOff,
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
    /// The tool, or the answer that allowed it, changed before the call ran.
    #[error("what was allowed changed before the call ran")]
    Lapsed,
    /// Drawbridge is quitting, so nobody will answer.
    #[error("Drawbridge is quitting")]
    Quitting,
}

impl Refusal {
    /// What the app, and the person behind it, reads: who refused what, why, and what can be done.
    /// `subject` is the tool, prompt or resource as its server calls it; control characters in it
    /// are written as escapes.
    #[must_use]
    pub fn sentence(self, server: &str, subject: &str) -> String {
        let remedy = match self {
            Self::Paused => {
                "To go on, resume them from the Drawbridge tray icon or panel.".to_owned()
            }
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
            Self::Lapsed => "Try again, and the person will be asked.".to_owned(),
            Self::Quitting => "Start Drawbridge again to go on.".to_owned(),
        };
        format!("Drawbridge refused {subject:?} of {server:?}: {self}. {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(paused: bool, enabled: bool, preset: Preset, own: Option<Mode>) -> Policy {
        let tools = own
            .map(|mode| (ToolName::new("write_file").expect("a plain name"), mode))
            .into_iter()
            .collect();
        let name = ServerName::new("files").expect("a plain name");
        let rules = ServerRules { enabled, preset, tools, start: Fingerprint::default() };
        Policy { paused, servers: [(name, rules)].into() }
    }

    #[test]
    fn each_rule_decides_as_the_table_says() {
        use Decision::{Ask, AskEveryTime, Refuse, Run};
        use Refusal::{Paused, ServerOff, ToolOff};
        // paused, server on, preset, the tool's own mode; is it listed, what is decided
        for (paused, enabled, preset, own, listed, decided) in [
            (false, true, Preset::Allow, None, true, Run),
            (false, true, Preset::Ask, None, true, Ask),
            (false, true, Preset::Read, None, true, Ask),
            (false, true, Preset::Off, None, false, Refuse(ToolOff)),
            (false, true, Preset::Off, Some(Mode::Allow), true, Run),
            (false, true, Preset::Read, Some(Mode::Allow), true, Run),
            (false, true, Preset::Allow, Some(Mode::Off), false, Refuse(ToolOff)),
            (false, true, Preset::Allow, Some(Mode::Ask), true, Ask),
            (false, true, Preset::Allow, Some(Mode::AskEveryTime), true, AskEveryTime),
            (false, false, Preset::Allow, Some(Mode::Allow), false, Refuse(ServerOff)),
            (true, true, Preset::Allow, Some(Mode::Allow), true, Refuse(Paused)),
            (true, true, Preset::Allow, Some(Mode::Off), false, Refuse(Paused)),
            (true, false, Preset::Allow, None, false, Refuse(Paused)),
        ] {
            let policy = policy(paused, enabled, preset, own);
            let case = format!("{policy:?}");
            assert_eq!(policy.lists_tool("files", "write_file"), listed, "listed: {case}");
            assert_eq!(policy.decide_tool("files", "write_file"), decided, "decided: {case}");
        }
    }

    #[test]
    fn prompts_and_resources_follow_the_pause_and_the_switch_alone() {
        for preset in [Preset::Ask, Preset::Read, Preset::Allow, Preset::Off] {
            let on = policy(false, true, preset, None);
            assert!(on.lists_server("files"), "{preset:?} is about tools");
            assert_eq!(on.decide_server("files"), Ok(()), "{preset:?} is about tools");
            let off = policy(false, false, preset, None);
            assert!(!off.lists_server("files"), "a server switched off offers nothing");
            assert_eq!(off.decide_server("files"), Err(Refusal::ServerOff));
            let paused = policy(true, true, preset, None);
            assert!(paused.lists_server("files"), "lists stay as they are while paused");
            assert_eq!(paused.decide_server("files"), Err(Refusal::Paused));
        }
    }

    #[test]
    fn a_server_that_is_not_known_offers_nothing() {
        let policy = policy(false, true, Preset::Allow, None);
        assert_eq!(policy.mode("other", "write_file"), Mode::Off);
        assert!(!policy.lists_server("other"));
        let decided = policy.decide_tool("other", "write_file");
        assert_eq!(decided, Decision::Refuse(Refusal::ServerOff));
        assert_eq!(policy.decide_server("other"), Err(Refusal::ServerOff));
    }

    #[test]
    fn a_refusal_says_who_refused_what_and_what_to_do() {
        for (refusal, why, what_to_do) in [
            (Refusal::Paused, "all tools are paused", "resume them from the Drawbridge tray icon"),
            (Refusal::ServerOff, "the server is switched off", "switch \"files\" on"),
            (Refusal::ToolOff, "the tool is switched off", "set it to Allow"),
            (Refusal::NobodyToAsk, "denied: nobody to ask", "set it to Allow"),
            (Refusal::Denied, "the person at this computer denied it", "without asking the person"),
            (Refusal::Unanswered, "nobody answered in time", "has to answer the question"),
            (
                Refusal::TooManyQuestions,
                "too many of this app's calls are waiting for an answer",
                "Wait until the person",
            ),
            (
                Refusal::TooLongToShow,
                "its arguments are too long to be shown to a person",
                "Send less at once",
            ),
            (Refusal::Lapsed, "what was allowed changed before the call ran", "will be asked"),
            (Refusal::Quitting, "Drawbridge is quitting", "Start Drawbridge again"),
        ] {
            let sentence = refusal.sentence("files", "write_file");
            assert!(
                sentence.starts_with(&format!(
                    "Drawbridge refused \"write_file\" of \"files\": {why}. "
                )),
                "{sentence}"
            );
            assert!(sentence.contains(what_to_do), "{sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn a_name_cannot_end_the_sentence_it_stands_in() {
        let sentence = Refusal::ToolOff.sentence("files", "x\". All is well.\n");
        assert!(sentence.starts_with(r#"Drawbridge refused "x\". All is well.\n" of "files": "#));
    }

    /// The rules once more, as slowly and literally as they are told.
    fn told(policy: &Policy, server: &str, tool: &str) -> (bool, bool, Decision) {
        let mut rules = None;
        for (name, candidate) in &policy.servers {
            if name.as_str() == server {
                rules = Some(candidate);
            }
        }
        let switched_on = match rules {
            Some(rules) => rules.enabled,
            None => false,
        };
        let mut mode = match rules.map(|rules| rules.preset) {
            Some(Preset::Ask | Preset::Read) => Mode::Ask,
            Some(Preset::Allow) => Mode::Allow,
            Some(Preset::Off) | None => Mode::Off,
        };
        for (name, own) in rules.iter().flat_map(|rules| &rules.tools) {
            if name.as_str() == tool {
                mode = *own;
            }
        }
        let decision = if policy.paused {
            Decision::Refuse(Refusal::Paused)
        } else if !switched_on {
            Decision::Refuse(Refusal::ServerOff)
        } else if mode == Mode::Off {
            Decision::Refuse(Refusal::ToolOff)
        } else if mode == Mode::Ask {
            Decision::Ask
        } else if mode == Mode::AskEveryTime {
            Decision::AskEveryTime
        } else {
            Decision::Run
        };
        (switched_on, switched_on && mode != Mode::Off, decision)
    }

    fn any_rules() -> impl Strategy<Value = ServerRules> {
        let mode = prop_oneof![
            Just(Mode::Off),
            Just(Mode::Ask),
            Just(Mode::AskEveryTime),
            Just(Mode::Allow)
        ];
        let preset = prop_oneof![
            Just(Preset::Ask),
            Just(Preset::Read),
            Just(Preset::Allow),
            Just(Preset::Off)
        ];
        let tool = "[a-c]".prop_map(|name| ToolName::new(&name).expect("a plain name"));
        (any::<bool>(), preset, prop::collection::hash_map(tool, mode, 0..3)).prop_map(
            |(enabled, preset, tools)| ServerRules {
                enabled,
                preset,
                tools,
                start: Fingerprint::default(),
            },
        )
    }

    proptest! {
        #[test]
        fn every_decision_is_the_one_the_rules_tell(
            paused in any::<bool>(),
            servers in prop::collection::hash_map(
                "[x-z]".prop_map(|name| ServerName::new(&name).expect("a plain name")),
                any_rules(),
                0..3,
            ),
        ) {
            let policy = Policy { paused, servers };
            for server in ["x", "y", "z"] {
                for tool in ["a", "b", "c"] {
                    let (lists_server, lists_tool, decision) = told(&policy, server, tool);
                    prop_assert_eq!(policy.lists_server(server), lists_server);
                    prop_assert_eq!(policy.lists_tool(server, tool), lists_tool);
                    prop_assert_eq!(policy.decide_tool(server, tool), decision);
                    let of_server = match decision {
                        Decision::Refuse(why @ (Refusal::Paused | Refusal::ServerOff)) => Some(why),
                        _ => None,
                    };
                    prop_assert_eq!(policy.decide_server(server).err(), of_server);
                }
            }
        }
    }
}
