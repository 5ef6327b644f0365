//! The decision about one request: what its switch says, and where that is "ask", what the person
//! allowed. It is taken when the request comes and once more when its row is committed.

use std::sync::Arc;

use drawbridge_mcp::Upstream;
use drawbridge_model::ActivityReason;
use drawbridge_policy::{Decision, Fingerprint, Lasts, Policy, Refusal, Remembered};

use super::calls::{Crossing, Gate};
use crate::edge::Edge;
use crate::session::Session;

/// Why a request may cross.
#[derive(Debug, Clone)]
pub(super) enum Pass {
    /// Its switch says so.
    Mode,
    /// The person allowed the app this tool before.
    Remembered(Arc<Remembered>),
    /// The person allowed this one call.
    Once,
}

/// When a request is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// When it has come: it is decided again before it is sent.
    OnArrival,
    /// For the last time.
    BeforeSending,
}

/// Why a request does not cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The person has to be asked.
    Ask {
        /// Whatever they answered before, and will answer now.
        every_time: bool,
    },
    Refused(Refusal),
}

impl Pass {
    /// What the record says beside the call.
    pub(super) fn note(&self) -> Option<&'static str> {
        let Self::Remembered(remembered) = self else { return None };
        matches!(remembered.lasts, Lasts::Session(_))
            .then_some("Allowed by an answer for this session.")
    }

    /// Why the record says it ran.
    pub(super) fn reason(&self) -> ActivityReason {
        match self {
            Self::Mode => ActivityReason::Mode,
            Self::Remembered(_) => ActivityReason::RememberedAnswer,
            Self::Once => ActivityReason::Person,
        }
    }
}

impl Stop {
    /// The refusal of a call about which the person was asked, or cannot be any more.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Ask { .. } => Refusal::Lapsed,
            Self::Refused(refusal) => refusal,
        }
    }
}

impl Crossing {
    /// What speaks for the call and what against it, by the rules of this moment.
    pub(super) fn decide(
        &self,
        edge: &Edge,
        session: &Session,
        moment: Moment,
    ) -> Result<Pass, Stop> {
        let policy = edge.shared.policy.load();
        let decided = self.decide_by_rules(edge, session, &policy, moment);
        if !matches!(decided, Err(Stop::Refused(_))) {
            self.decide_content(edge, &policy, session).map_err(Stop::Refused)?;
        }
        decided
    }

    fn decide_by_rules(
        &self,
        edge: &Edge,
        session: &Session,
        policy: &Policy,
        moment: Moment,
    ) -> Result<Pass, Stop> {
        let client = session.hello.client.name.as_str();
        let (server, tool) = (self.server.as_str(), &*self.subject);
        match self.gate {
            Gate::Server => policy.decide_server(client, server).map_err(Stop::Refused)?,
            Gate::Tool => match policy.decide_tool(client, server, tool, self.listed(edge)) {
                Decision::Run => {}
                // A server that is not there lists nothing. Its call fails with the reason when it
                // is to be sent, and is not sent if the server comes back meanwhile.
                Decision::Refuse(Refusal::Held) if self.is_away(edge) => {
                    return match moment {
                        Moment::OnArrival => Ok(Pass::Mode),
                        Moment::BeforeSending => Err(Stop::Refused(Refusal::Lapsed)),
                    };
                }
                Decision::Refuse(refusal) => return Err(Stop::Refused(refusal)),
                asks @ (Decision::Ask | Decision::AskEveryTime) => {
                    let tool_now = self.fingerprint(edge, policy);
                    let every_time = asks == Decision::AskEveryTime;
                    let remembers = tool_now.filter(|_| !every_time);
                    let letting = remembers.and_then(|tool_now| {
                        edge.shared.answers.letting(client, session.key, server, tool, tool_now)
                    });
                    return match letting {
                        Some(remembered) => Ok(Pass::Remembered(remembered)),
                        None if self.allowed.get() == Some(&tool_now) => Ok(Pass::Once),
                        None => Err(Stop::Ask { every_time }),
                    };
                }
            },
        }
        Ok(Pass::Mode)
    }

    /// The tool as it is now; `None` when its server does not tell.
    pub(super) fn fingerprint(&self, edge: &Edge, policy: &Policy) -> Option<Fingerprint> {
        let rules = policy.servers.get(self.server.as_str())?;
        Some(self.listed(edge)?.behind(rules.start))
    }

    /// The definition of the tool as its server lists it now.
    fn listed(&self, edge: &Edge) -> Option<Fingerprint> {
        let catalog = edge.shared.catalog.load();
        let (_, tool) = catalog.tool_of(self.server.as_str(), &self.subject)?;
        Some(tool.digest.into())
    }

    /// Whether it is about a tool of a server that answers and whose lists are still being read.
    pub(super) fn is_unread(&self, edge: &Edge) -> bool {
        self.gate == Gate::Tool
            && edge.shared.catalog.load().server(self.server.as_str()).is_none()
            && !self.is_away(edge)
    }

    fn is_away(&self, edge: &Edge) -> bool {
        !matches!(edge.shared.upstreams.get(self.server.as_str()), Some(Upstream::Ready(_)))
    }
}
