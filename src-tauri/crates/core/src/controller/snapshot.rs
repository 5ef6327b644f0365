//! What the state looks like to a person: the [`Snapshot`].

use std::collections::HashMap;

use drawbridge_gateway::{ClientPresence, Health, ServerHealth};
use drawbridge_mcp::catalog::{Catalog, Offer, Tool};
use drawbridge_model::{Problem, ServerDefinition, Transport};
use drawbridge_policy::{Policy, ServerPins, ServerRules, Why};

use super::Sources;
use super::consent;
use super::slot::Slot;
use super::state::State;
use crate::findings::{Findings, finding_view};
use crate::view::{
    ClientView, ConfigView, GatewayView, Held, ModeSource, OllamaView, ServerView, Snapshot,
    ToolClaims, ToolView, TransportView,
};

/// Characters of JSON a token stands for, on average; what tokenizers make of tool definitions.
const CHARACTERS_A_TOKEN: usize = 4;

pub(super) fn of(state: &State, sources: &Sources, catalog: &Catalog, revision: u64) -> Snapshot {
    let policy = state.policy();
    let servers = state
        .servers
        .iter()
        .filter(|slot| !slot.removed)
        .map(|slot| {
            let offer = catalog.server(slot.definition.name.as_str()).map(|offer| &offer.offer);
            server_view(slot, offer, state, &policy)
        })
        .collect();
    let trouble = sources.record_trouble.borrow();
    let mut snapshot = first(state).with(
        revision,
        servers,
        clients(state, sources),
        trouble.as_ref().map(|t| t.problem()),
    );
    snapshot.questions = consent::questions(&sources.consent, catalog);
    snapshot.ollama = sources.ollama.borrow().view(*sources.memory_free.borrow());
    snapshot.backends = sources.backends.borrow().as_ref().clone();
    snapshot.blocked = consent::blocked(&sources.consent.blocked);
    snapshot.allowed_answers = consent::allowed_answers(&sources.consent.answers);
    snapshot
}

/// What can be told before anything runs.
pub(super) fn first(state: &State) -> Snapshot {
    Snapshot {
        revision: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        gateway: GatewayView {
            address: GatewayView::address_at(state.port),
            port: state.port,
            state: state.gateway.clone(),
        },
        paused: state.pauses.all(),
        servers: Vec::new(),
        clients: Vec::new(),
        config: ConfigView {
            path: state.config_path.clone(),
            problem: state.loaded.problem.clone(),
            warnings: state.loaded.warnings.clone(),
        },
        record_problem: None,
        questions: Vec::new(),
        allowed_answers: Vec::new(),
        blocked: Vec::new(),
        ollama: OllamaView::default(),
        backends: Vec::new(),
    }
}

/// The part of it that apps may read.
pub(super) fn health(snapshot: &Snapshot) -> Health {
    let servers = snapshot.servers.iter().map(|server| ServerHealth {
        name: server.name.clone(),
        enabled: server.enabled,
        state: server.state.clone(),
        problem: server.problem.as_ref().map(|problem| problem.message.clone()),
        tools: u32::try_from(server.tools.len()).unwrap_or(u32::MAX),
    });
    Health { paused: snapshot.paused.is_some(), servers: servers.collect() }
}

impl Snapshot {
    fn with(
        mut self,
        revision: u64,
        servers: Vec<ServerView>,
        clients: Vec<ClientView>,
        record_problem: Option<Problem>,
    ) -> Self {
        self.revision = revision;
        self.servers = servers;
        self.clients = clients;
        self.record_problem = record_problem;
        self
    }
}

fn clients(state: &State, sources: &Sources) -> Vec<ClientView> {
    let presences = sources.presences.borrow();
    let seen: HashMap<&str, &ClientPresence> =
        presences.iter().map(|presence| (presence.name.as_str(), presence)).collect();
    state
        .loaded
        .config
        .clients
        .iter()
        .map(|(name, entry)| {
            let presence = seen.get(name.as_str());
            ClientView {
                name: name.clone(),
                sessions: presence.map_or(0, |presence| presence.sessions),
                last_seen: presence.map(|presence| presence.last_seen),
                paused: state.pauses.client(name),
                may_manage_models: entry.manages_models,
            }
        })
        .collect()
}

fn server_view(slot: &Slot, offer: Option<&Offer>, state: &State, policy: &Policy) -> ServerView {
    let definition = &slot.definition;
    let rules = policy.servers.get(&definition.name);
    let seen = Seen {
        pins: state.pins.get(&definition.name).map(AsRef::as_ref),
        findings: &slot.findings,
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    ServerView {
        name: definition.name.clone(),
        transport: transport_view(definition),
        enabled: definition.enabled,
        state: slot.state(),
        problem: slot.problem.clone(),
        restarts: slot.restarts,
        preset: rules.map_or(definition.preset, |rules| rules.preset),
        isolation: definition.isolation,
        secrets: definition.secrets,
        record: definition.record,
        paused: state.pauses.server(&definition.name),
        start_waits: slot.start_waits,
        identity: slot.identity.clone(),
        tools: offer
            .map(|offer| offer.tools.iter().map(|tool| tool_view(tool, rules, seen)).collect())
            .unwrap_or_default(),
        prompts: offer.map_or(0, |offer| count(offer.prompts.len())),
        resources: offer.map_or(0, |offer| count(offer.resources.len() + offer.templates.len())),
    }
}

fn transport_view(definition: &ServerDefinition) -> TransportView {
    match &definition.transport {
        Transport::Stdio(launch) => TransportView::Local {
            command: launch.command.clone(),
            args: launch.args.clone(),
            env_names: launch.env.keys().cloned().collect(),
            cwd: launch.cwd.as_ref().map(|cwd| cwd.display().to_string()),
        },
        Transport::Http(endpoint) => TransportView::Remote {
            url: endpoint.url.clone(),
            header_names: endpoint.headers.keys().cloned().collect(),
        },
        Transport::BuiltIn => TransportView::BuiltIn,
    }
}

/// What the person has seen of a server's tools, and what was found in what it says of them.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) pins: Option<&'a ServerPins>,
    pub(crate) findings: &'a Findings,
}

impl Seen<'_> {
    fn held(self, tool: &Tool) -> Option<Held> {
        let held = self.pins?.held.get(&tool.name)?;
        (held.fingerprint == tool.digest.into()).then_some(match held.why {
            Why::New => Held::New,
            Why::Changed => Held::Changed,
            Why::Found => Held::Found,
        })
    }
}

/// One tool. The mode shown is the one in force, apart from the server's own switch and the pause,
/// which have places of their own.
pub(crate) fn tool_view(tool: &Tool, rules: Option<&ServerRules>, seen: Seen<'_>) -> ToolView {
    let own = rules.and_then(|rules| rules.tools.get(&tool.name).copied());
    let preset = rules.map(|rules| rules.preset).unwrap_or_default();
    ToolView {
        name: tool.name.clone(),
        exposed_name: tool.exposed.to_string(),
        title: tool.title.clone(),
        description: tool.description.clone().unwrap_or_default(),
        mode: own.unwrap_or_else(|| preset.mode()),
        mode_source: if own.is_some() { ModeSource::Tool } else { ModeSource::Preset },
        claims: claims(tool),
        tokens: u32::try_from(tool.raw.get().len().div_ceil(CHARACTERS_A_TOKEN))
            .unwrap_or(u32::MAX),
        held: seen.held(tool),
        findings: seen.findings.of(&tool.name).iter().map(finding_view).collect(),
    }
}

/// What the server claims about a tool.
pub(super) fn claims(tool: &Tool) -> ToolClaims {
    ToolClaims {
        read_only: tool.annotations.read_only,
        destructive: tool.annotations.destructive,
        idempotent: tool.annotations.idempotent,
        open_world: tool.annotations.open_world,
    }
}
