//! May this call cross? Switches, questions to the person, and remembered answers.
//!
//! A [`Policy`] is an immutable table that is swapped whole when a person switches something, so
//! that a decision takes no lock and holds from the next call on. It is a pure function: nothing in
//! it reads a clock, a file or another table. The order of its rules: the pause of all tools beats
//! everything, then the pause of the app, then that of the server, then the server's own switch,
//! then whether the tool is off, then whether the person has seen the tool as it is now
//! ([`ServerPins`]), then the mode of the tool, then the preset of the server.
//!
//! Where it says [`Decision::Ask`], one of the [`Answers`] may already let the app use the very
//! tool; else the call waits among the [`Questions`].

mod answers;
mod blocked;
mod fingerprint;
mod pins;
mod questions;
mod refusal;
pub mod scan;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use drawbridge_model::{ClientName, Mode, Preset, RecordRule, SecretsRule, ServerName, ToolName};

pub use answers::{Answers, KeptAnswers, Lasts, Remembered, Use};
pub use blocked::{Blocked, Content, Direction, Stopped};
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use pins::{HeldTool, Offered, Pin, ServerPins, Why};
pub use questions::{Answer, Asked, Heard, Question, Questions, Taken, WAITING_PER_CLIENT};
pub use refusal::Refusal;

/// What may cross, for all servers at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether the person paused all tools. Lists stay as they are while it is set.
    pub paused: bool,
    /// The apps the person paused.
    pub paused_clients: HashSet<ClientName>,
    /// The rules of each server. A server that is not in here is treated as switched off.
    pub servers: HashMap<ServerName, ServerRules>,
}

/// What may cross to one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerRules {
    /// The server's switch. Tools, prompts and resources all follow it.
    pub enabled: bool,
    /// Whether the person paused the server. Lists stay as they are while it is set.
    pub paused: bool,
    /// The mode of those tools that have none of their own.
    pub preset: Preset,
    /// Modes set on single tools. They win over the preset.
    pub tools: HashMap<ToolName, Mode>,
    /// How the server is started, as far as answers are tied to it.
    pub start: Fingerprint,
    /// Which tools the person has seen.
    pub known: Known,
    /// What is done about keys, tokens and passwords in arguments and results.
    pub secrets: SecretsRule,
    /// How much of the content of its calls is kept on record.
    pub record: RecordRule,
}

/// Which tools of a server apps may use, as far as the person has seen them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// All: it is part of Drawbridge.
    All,
    /// Those with these very definitions.
    Only(Arc<HashMap<ToolName, Fingerprint>>),
}

impl Default for Known {
    /// None.
    fn default() -> Self {
        Self::Only(Arc::default())
    }
}

impl Known {
    /// Whether the person has seen a tool as it is now. One that its server does not list has
    /// never been seen.
    #[must_use]
    pub fn has(&self, tool: &str, now: Option<Fingerprint>) -> bool {
        match self {
            Self::All => true,
            Self::Only(seen) => now.is_some() && seen.get(tool).copied() == now,
        }
    }
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

    /// Whether a tool, listed by its server with this definition, stands in the lists apps get.
    /// Pauses do not change that.
    #[must_use]
    pub fn lists_tool(&self, server: &str, tool: &str, now: Fingerprint) -> bool {
        self.open(server)
            .is_some_and(|rules| rules.mode(tool) != Mode::Off && rules.known.has(tool, Some(now)))
    }

    /// Whether a server's prompts and resources stand in the lists apps get. The pause does not
    /// change that, and neither do preset and modes, which are about tools.
    #[must_use]
    pub fn lists_server(&self, server: &str) -> bool {
        self.open(server).is_some()
    }

    /// Decides whether an app's call of a tool crosses, by the first rule that says so, in the
    /// order told above. `now` stands for the tool's definition as its server lists it; `None`
    /// where it does not.
    #[must_use]
    pub fn decide_tool(
        &self,
        client: &str,
        server: &str,
        tool: &str,
        now: Option<Fingerprint>,
    ) -> Decision {
        let rules = match self.decide_open(client, server) {
            Ok(rules) => rules,
            Err(refusal) => return Decision::Refuse(refusal),
        };
        match rules.mode(tool) {
            Mode::Off => Decision::Refuse(Refusal::ToolOff),
            _ if !rules.known.has(tool, now) => Decision::Refuse(Refusal::Held),
            Mode::Ask => Decision::Ask,
            Mode::AskEveryTime => Decision::AskEveryTime,
            Mode::Allow => Decision::Run,
        }
    }

    /// Decides whether an app may use a server's prompts and resources.
    ///
    /// # Errors
    /// One of the pauses, or [`Refusal::ServerOff`]; preset and modes are about tools.
    pub fn decide_server(&self, client: &str, server: &str) -> Result<(), Refusal> {
        self.decide_open(client, server).map(|_| ())
    }

    fn decide_open(&self, client: &str, server: &str) -> Result<&ServerRules, Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        if self.paused_clients.contains(client) {
            return Err(Refusal::AppPaused);
        }
        match self.servers.get(server) {
            Some(rules) if rules.paused => Err(Refusal::ServerPaused),
            Some(rules) if rules.enabled => Ok(rules),
            _ => Err(Refusal::ServerOff),
        }
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

#[cfg(test)]
mod tests;
