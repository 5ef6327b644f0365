//! One server as the Controller sees it, and as others read of it.

use std::sync::Arc;

use drawbridge_mcp::catalog::Tool;
use drawbridge_model::{Problem, ServerDefinition, ServerState};
use drawbridge_policy::{Fingerprint, Known};
use drawbridge_supervisor::lifecycle;

use super::start::start_of;
use super::state::{Moment, RunId};
use crate::findings::Findings;
use crate::view::ServerIdentity;

/// One server as the Controller sees it.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) definition: ServerDefinition,
    pub(crate) life: lifecycle::State,
    pub(crate) run: RunId,
    /// When the present state began, in milliseconds since 1970.
    pub(crate) since: i64,
    /// When it is tried again, in milliseconds since 1970, while it waits.
    pub(crate) retry_at: i64,
    pub(crate) problem: Option<Problem>,
    pub(crate) identity: Option<ServerIdentity>,
    pub(crate) restarts: u32,
    /// It is gone from the config and is forgotten once it has stopped.
    pub(crate) removed: bool,
    /// How it is started, as far as remembered answers are tied to it.
    pub(crate) start: Fingerprint,
    /// It waits for the person to agree to how it is started.
    pub(crate) start_waits: bool,
    /// Its tools, as it listed them last.
    pub(crate) tools: Arc<Vec<Tool>>,
    /// What was found in what it says of them.
    pub(crate) findings: Arc<Findings>,
    /// Those of its tools that the person has seen.
    pub(crate) known: Known,
}

impl Slot {
    pub(super) fn new(definition: ServerDefinition, start_waits: bool, now: Moment) -> Self {
        Self {
            start: start_of(&definition.transport),
            start_waits,
            tools: Arc::default(),
            findings: Arc::default(),
            known: Known::default(),
            definition,
            life: lifecycle::State::Stopped,
            run: RunId(0),
            since: now.wall_ms,
            retry_at: 0,
            problem: None,
            identity: None,
            restarts: 0,
            removed: false,
        }
    }

    /// The state as a person sees it.
    pub(crate) fn state(&self) -> ServerState {
        match self.life {
            lifecycle::State::Stopped => ServerState::Stopped,
            lifecycle::State::Starting { .. } => ServerState::Starting { since: self.since },
            lifecycle::State::Ready { .. } => ServerState::Ready { since: self.since },
            lifecycle::State::Waiting { failures, .. } => {
                ServerState::Waiting { retry_at: self.retry_at, attempt: failures }
            }
            // Cleaning up after a failure is part of the wait for the next try.
            lifecycle::State::Stopping { then: lifecycle::AfterStop::Retry { failures } } => {
                ServerState::Waiting { retry_at: self.since, attempt: failures }
            }
            lifecycle::State::Stopping { .. } => ServerState::Stopping,
            lifecycle::State::Failed => ServerState::Failed,
        }
    }
}

/// Why calls to a server cannot be served, as an app's model reads it. `None` when they can.
pub(super) fn unavailable(slot: &Slot) -> Option<String> {
    let name = &slot.definition.name;
    let reason = slot.problem.as_ref().map_or("", |problem| problem.message.as_str());
    if slot.start_waits {
        return Some(format!(
            "The server \"{name}\" was added or changed, and a person at this computer has to agree \
             to it in the Drawbridge panel first."
        ));
    }
    Some(match slot.state() {
        ServerState::Ready { .. } => return None,
        ServerState::Starting { .. } => {
            format!("The server \"{name}\" is starting. Try again in a moment.")
        }
        ServerState::Waiting { .. } => {
            format!("The server \"{name}\" ended and is being started again. {reason}")
        }
        ServerState::Failed => format!(
            "The server \"{name}\" does not run. {reason} Start it again in the Drawbridge panel."
        ),
        ServerState::Stopped | ServerState::Stopping => format!(
            "The server \"{name}\" is stopped. Start it in the Drawbridge panel to use its tools."
        ),
    })
}
