//! May this call cross? Switches and their decisions.
//!
//! A [`Policy`] is an immutable table that is swapped whole when a person switches something, so
//! that a decision takes no lock and holds from the next call on. Everything in here is a pure
//! function: nothing reads a clock, a file or another table.
//!
//! The order of the rules: the pause beats everything, then the server's own switch, then the mode
//! of the tool, then the preset of the server.

use std::collections::HashMap;

use drawbridge_model::{Mode, Preset, ServerName, ToolName};

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

    /// Decides whether a call of a tool crosses.
    ///
    /// # Errors
    /// The first rule that refuses, in the order told above.
    pub fn decide_tool(&self, server: &str, tool: &str) -> Result<(), Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        let Some(rules) = self.open(server) else { return Err(Refusal::ServerOff) };
        match rules.mode(tool) {
            Mode::Off => Err(Refusal::ToolOff),
            Mode::Ask => Err(Refusal::NobodyToAsk),
            Mode::Allow => Ok(()),
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
        Policy { paused, servers: [(name, ServerRules { enabled, preset, tools })].into() }
    }

    #[test]
    fn each_rule_decides_as_the_table_says() {
        use Refusal::{NobodyToAsk, Paused, ServerOff, ToolOff};
        // paused, server on, preset, the tool's own mode; is it listed, what is decided
        for (paused, enabled, preset, own, listed, decided) in [
            (false, true, Preset::Allow, None, true, Ok(())),
            (false, true, Preset::Ask, None, true, Err(NobodyToAsk)),
            (false, true, Preset::Read, None, true, Err(NobodyToAsk)),
            (false, true, Preset::Off, None, false, Err(ToolOff)),
            (false, true, Preset::Off, Some(Mode::Allow), true, Ok(())),
            (false, true, Preset::Read, Some(Mode::Allow), true, Ok(())),
            (false, true, Preset::Allow, Some(Mode::Off), false, Err(ToolOff)),
            (false, true, Preset::Allow, Some(Mode::Ask), true, Err(NobodyToAsk)),
            (false, false, Preset::Allow, Some(Mode::Allow), false, Err(ServerOff)),
            (true, true, Preset::Allow, Some(Mode::Allow), true, Err(Paused)),
            (true, true, Preset::Allow, Some(Mode::Off), false, Err(Paused)),
            (true, false, Preset::Allow, None, false, Err(Paused)),
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
        assert_eq!(policy.decide_tool("other", "write_file"), Err(Refusal::ServerOff));
        assert_eq!(policy.decide_server("other"), Err(Refusal::ServerOff));
    }

    #[test]
    fn a_refusal_says_who_refused_what_and_what_to_do() {
        for (refusal, why, what_to_do) in [
            (Refusal::Paused, "all tools are paused", "resume them from the Drawbridge tray icon"),
            (Refusal::ServerOff, "the server is switched off", "switch \"files\" on"),
            (Refusal::ToolOff, "the tool is switched off", "set it to Allow"),
            (Refusal::NobodyToAsk, "denied: nobody to ask", "set it to Allow"),
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
    fn told(policy: &Policy, server: &str, tool: &str) -> (bool, bool, Option<Refusal>) {
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
        let refusal = if policy.paused {
            Some(Refusal::Paused)
        } else if !switched_on {
            Some(Refusal::ServerOff)
        } else if mode == Mode::Off {
            Some(Refusal::ToolOff)
        } else if mode == Mode::Ask {
            Some(Refusal::NobodyToAsk)
        } else {
            None
        };
        (switched_on, switched_on && mode != Mode::Off, refusal)
    }

    fn any_rules() -> impl Strategy<Value = ServerRules> {
        let mode = prop_oneof![Just(Mode::Off), Just(Mode::Ask), Just(Mode::Allow)];
        let preset = prop_oneof![
            Just(Preset::Ask),
            Just(Preset::Read),
            Just(Preset::Allow),
            Just(Preset::Off)
        ];
        let tool = "[a-c]".prop_map(|name| ToolName::new(&name).expect("a plain name"));
        (any::<bool>(), preset, prop::collection::hash_map(tool, mode, 0..3))
            .prop_map(|(enabled, preset, tools)| ServerRules { enabled, preset, tools })
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
                    let (lists_server, lists_tool, refusal) = told(&policy, server, tool);
                    prop_assert_eq!(policy.lists_server(server), lists_server);
                    prop_assert_eq!(policy.lists_tool(server, tool), lists_tool);
                    prop_assert_eq!(policy.decide_tool(server, tool).err(), refusal);
                    let of_server = refusal
                        .filter(|why| matches!(why, Refusal::Paused | Refusal::ServerOff));
                    prop_assert_eq!(policy.decide_server(server).err(), of_server);
                }
            }
        }
    }
}
