//! What the Controller knows, and how it changes: `apply` takes what happened and answers with
//! what is to be done. It does no I/O and reads no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use drawbridge_audit::{Note, SwitchedOff};
use drawbridge_mcp::catalog::{Offer, Tool};
use drawbridge_model::{
    ActivityKind, ActivityOutcome, Mode, Preset, Problem, ServerDefinition, ServerName, ToolName,
};
use drawbridge_policy::{Fingerprint, Policy, ServerPins, ServerRules};
use drawbridge_supervisor::lifecycle::{self, Happening};
use tokio::time::Instant;

use super::pauses::Pauses;
use super::pins::Pins;
use super::slot::{Slot, unavailable};
use super::start::start_of;
use crate::attendance::Attendance;
use crate::config::Loaded;
use crate::findings::Findings;
use crate::view::{GatewayState, PauseScope, ServerIdentity};

/// One moment on both clocks: the one that never jumps, and the one a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    /// Milliseconds since 1970 (UTC).
    pub(crate) wall_ms: i64,
}

/// Names one run of a server, so that what an earlier run says late is not taken for the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunId(pub(crate) u64);

/// Orders changes of switches, so that a late write never undoes a newer choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// How a run of a server went on.
#[derive(Debug, Clone)]
pub(crate) enum RunEvent {
    /// It answered.
    BecameReady(ServerIdentity),
    /// It could not be started, did not answer, or ended by itself. Nothing of it is left.
    Exited(Problem),
    /// It ended because it was asked to. Nothing of it is left.
    Stopped,
    /// It told what it offers, and that was scanned.
    Offered(Box<Offer>, Arc<Findings>),
}

/// Everything that can change the state.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A config is in force, or its newest edit is not.
    ConfigLoaded(Arc<Loaded>),
    /// A run of a server went on.
    RunChanged { server: ServerName, run: RunId, event: RunEvent },
    /// The wait before another start is over.
    RetryDue { server: ServerName, run: RunId },
    /// A person wants a server to run.
    Start(ServerName),
    /// A person wants a server not to run for now.
    Stop(ServerName),
    /// A person wants a server started afresh.
    Restart(ServerName),
    /// A person pauses, perhaps until a time in milliseconds since 1970.
    Pause { scope: PauseScope, until: Option<i64> },
    /// A person ends a pause.
    Resume(PauseScope),
    /// The time of a pause is over.
    PauseEnds,
    /// A person agrees to start a server so, once the config says so, or as it says already.
    AgreeToStart { server: ServerName, start: Fingerprint, replaces: Option<ServerName> },
    /// What the person agreed to was not written after all.
    StartNotWritten(ServerName),
    /// A person removed a server, and with it what they agreed to.
    ServerRemoved(ServerName),
    /// A person has looked at tools, each with this definition.
    ToolsAccepted { server: ServerName, tools: Vec<(ToolName, Fingerprint)> },
    /// The tools of a server were scanned again beside those of others.
    Scanned { server: ServerName, tools: Arc<Vec<Tool>>, findings: Arc<Findings> },
    /// A person switched something off. It counts from here on, written or not.
    SwitchedOff(SwitchedOff),
    /// A choice with this ticket is in the config file.
    SwitchWritten(SwitchedOff, Ticket),
    /// The gateway listens, or does not.
    GatewayChanged { port: u16, state: GatewayState },
    /// Drawbridge is quitting.
    Quit,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Start a run of the server.
    Launch { definition: Box<ServerDefinition>, run: RunId },
    /// End the present run of the server.
    Halt { server: ServerName },
    /// Send `RetryDue` at that time.
    ScheduleRetry { server: ServerName, run: RunId, at: Instant },
    /// Do not send it.
    CancelRetry { server: ServerName },
    /// Say why calls to the server cannot be served; `None` while its run says so itself.
    Unavailable { server: ServerName, sentence: String },
    /// Take what the server offers out of the lists, since it is not coming back by itself.
    Withdraw { server: ServerName },
    /// Forget a server that is gone from the config.
    Forget { server: ServerName },
    /// Put the policy in force.
    PublishPolicy(Arc<Policy>),
    /// Tell apps that the list of this server's tools changed.
    TellToolsChanged(ServerName),
    /// Put clients and guard rules of the config in force.
    PublishAccess(Arc<Loaded>),
    /// Listen on another port.
    MoveGateway(u16),
    /// Let apps see what a server offers.
    PublishOffer { server: ServerName, offer: Box<Offer> },
    /// Keep the pauses.
    KeepPauses(Pauses),
    /// Send `PauseEnds` at that time, and no earlier one.
    ScheduleResume(Option<Instant>),
    /// Keep what is known of a server's tools.
    KeepPins { server: ServerName, pins: Arc<ServerPins> },
    /// Keep what is switched off and not written.
    KeepSwitchedOff(BTreeSet<SwitchedOff>),
    /// Put something on record.
    Note(Box<Note>),
}

/// What the state begins with.
#[derive(Debug, Clone, Default)]
pub(crate) struct FromBefore {
    pub(crate) pauses: Pauses,
    pub(crate) switched_off: BTreeSet<SwitchedOff>,
    pub(crate) pins: Pins,
}

/// All that the Controller knows.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) servers: Vec<Slot>,
    pub(crate) pauses: Pauses,
    pub(crate) pins: Pins,
    /// Starts the person agreed to and that are not configured yet.
    pub(super) agreed: HashMap<ServerName, Fingerprint>,
    /// The policy that is in force.
    published: Arc<Policy>,
    /// Whether a person is there to agree to things.
    pub(super) attended: bool,
    pub(crate) switched_off: BTreeMap<SwitchedOff, Ticket>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) gateway: GatewayState,
    pub(crate) port: u16,
    pub(crate) quitting: bool,
    /// The config file, as shown.
    pub(crate) config_path: String,
    /// The port was given on the command line, so the config does not move it.
    port_is_fixed: bool,
    tickets: u64,
    runs: u64,
}

impl State {
    pub(crate) fn new(
        loaded: Arc<Loaded>,
        before: FromBefore,
        attendance: Attendance,
        config_path: String,
        port: u16,
        port_is_fixed: bool,
    ) -> Self {
        let FromBefore { pauses, switched_off, pins } = before;
        let switched_off = switched_off.into_iter().map(|switch| (switch, Ticket(0))).collect();
        Self {
            servers: Vec::new(),
            pauses,
            pins,
            agreed: HashMap::new(),
            published: Arc::default(),
            attended: attendance == Attendance::Attended,
            switched_off,
            loaded,
            gateway: GatewayState::Starting,
            port,
            quitting: false,
            config_path,
            port_is_fixed,
            tickets: 0,
            runs: 0,
        }
    }

    /// A ticket newer than all before it.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Whether every server has stopped.
    pub(crate) fn all_stopped(&self) -> bool {
        self.servers.iter().all(|slot| {
            !matches!(
                slot.life,
                lifecycle::State::Starting { .. }
                    | lifecycle::State::Ready { .. }
                    | lifecycle::State::Stopping { .. }
            )
        })
    }

    /// Takes in what happened and answers with what is to be done, in that order.
    pub(crate) fn apply(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::ConfigLoaded(loaded) => self.load(loaded, now, &mut effects),
            Event::RunChanged { server, run, event } => {
                self.run_changed(&server, run, event, now, &mut effects);
            }
            Event::RetryDue { server, run } => {
                if self.servers.iter().any(|s| s.definition.name == server && s.run == run) {
                    self.step(&server, lifecycle::Event::RetryDue, now, &mut effects);
                }
            }
            Event::Start(server) => self.step(&server, lifecycle::Event::Start, now, &mut effects),
            Event::Stop(server) => self.step(&server, lifecycle::Event::Stop, now, &mut effects),
            Event::Restart(server) => {
                self.step(&server, lifecycle::Event::Restart, now, &mut effects);
            }
            Event::Pause { scope, until } => self.pause(scope, until, now, &mut effects),
            Event::Resume(scope) => self.resume(&scope, now, &mut effects),
            Event::PauseEnds => self.end_pauses(now, &mut effects),
            Event::StartNotWritten(server) => drop(self.agreed.remove(&server)),
            Event::ServerRemoved(server) => self.forget_agreement(&server, &mut effects),
            Event::AgreeToStart { server, start, replaces } => {
                self.agree(server, start, replaces);
                self.load(Arc::clone(&self.loaded), now, &mut effects);
            }
            Event::ToolsAccepted { server, tools } => {
                self.accepted(&server, &tools, &mut effects);
            }
            Event::Scanned { server, tools, findings } => {
                self.scanned(&server, &tools, findings, &mut effects);
            }
            Event::SwitchedOff(switch) => {
                let ticket = self.ticket();
                let server = switch.server.clone();
                self.switched_off.insert(switch, ticket);
                self.publish_switches(server, &mut effects);
            }
            Event::SwitchWritten(switch, ticket) => {
                if self.switched_off.get(&switch).is_some_and(|present| *present <= ticket) {
                    let server = switch.server.clone();
                    self.switched_off.remove(&switch);
                    self.publish_switches(server, &mut effects);
                }
            }
            Event::GatewayChanged { port, state } => {
                self.port = port;
                self.gateway = state;
            }
            Event::Quit => {
                self.quitting = true;
                self.gateway = GatewayState::Draining;
                for server in self.names() {
                    self.step(&server, lifecycle::Event::Stop, now, &mut effects);
                }
            }
        }
        effects
    }

    /// The policy that follows from the config, the pause, and what is switched off in advance.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        let mut servers = HashMap::new();
        for slot in self.servers.iter().filter(|slot| !slot.removed) {
            let definition = &slot.definition;
            let mut rules = ServerRules {
                enabled: definition.enabled,
                preset: definition.preset,
                tools: definition.tools.iter().map(|(name, mode)| (name.clone(), *mode)).collect(),
                paused: self.pauses.server(&definition.name).is_some(),
                start: slot.start,
                known: slot.known.clone(),
                secrets: definition.secrets,
                record: definition.record,
            };
            for switch in self.switched_off.keys().filter(|s| s.server == definition.name) {
                match &switch.tool {
                    Some(tool) => drop(rules.tools.insert(tool.clone(), Mode::Off)),
                    None => {
                        rules.preset = Preset::Off;
                        rules.tools.values_mut().for_each(|mode| *mode = Mode::Off);
                    }
                }
            }
            servers.insert(definition.name.clone(), rules);
        }
        Arc::new(Policy {
            paused: self.pauses.all().is_some(),
            paused_clients: self.pauses.clients().cloned().collect(),
            servers,
        })
    }

    fn names(&self) -> Vec<ServerName> {
        self.servers.iter().map(|slot| slot.definition.name.clone()).collect()
    }

    /// Puts the policy in force that follows from what is known now.
    pub(super) fn publish_policy(&mut self, effects: &mut Vec<Effect>) {
        self.published = self.policy();
        effects.push(Effect::PublishPolicy(Arc::clone(&self.published)));
    }

    fn publish_switches(&mut self, server: ServerName, effects: &mut Vec<Effect>) {
        self.publish_policy(effects);
        effects.push(Effect::TellToolsChanged(server));
        effects.push(Effect::KeepSwitchedOff(self.switched_off.keys().cloned().collect()));
    }

    fn load(&mut self, loaded: Arc<Loaded>, now: Moment, effects: &mut Vec<Effect>) {
        let first = self.servers.is_empty();
        let before = std::mem::replace(&mut self.loaded, Arc::clone(&loaded));
        let wanted: HashSet<&ServerName> =
            loaded.config.all_servers().map(|definition| &definition.name).collect();

        for index in 0..self.servers.len() {
            if !wanted.contains(&self.servers[index].definition.name) {
                self.servers[index].removed = true;
                let name = self.servers[index].definition.name.clone();
                self.step(&name, lifecycle::Event::Stop, now, effects);
            }
        }

        let mut modes_changed = Vec::new();
        for definition in loaded.config.all_servers() {
            let name = &definition.name;
            let start_waits = !self.start_is_agreed(definition, effects);
            let Some(slot) = self.servers.iter_mut().find(|slot| slot.definition.name == *name)
            else {
                self.servers.push(Slot::new(definition.clone(), start_waits, now));
                self.know(name);
                modes_changed.push(name.clone());
                if definition.enabled && !self.quitting {
                    self.step(name, lifecycle::Event::Start, now, effects);
                }
                continue;
            };
            let waited = std::mem::replace(&mut slot.start_waits, start_waits);
            let old = std::mem::replace(&mut slot.definition, definition.clone());
            let returned = std::mem::take(&mut slot.removed);
            let same_start =
                old.transport == definition.transport && old.isolation == definition.isolation;
            let running =
                !matches!(slot.life, lifecycle::State::Stopped | lifecycle::State::Failed);
            let event = if start_waits || !definition.enabled {
                running.then_some(lifecycle::Event::Stop)
            } else if !same_start {
                Some(lifecycle::Event::Restart)
            } else {
                let starts = !old.enabled || returned || waited;
                starts.then_some(lifecycle::Event::Start)
            };
            slot.start = start_of(&definition.transport);
            if old.preset != definition.preset
                || old.tools != definition.tools
                || old.enabled != definition.enabled
                || returned
            {
                modes_changed.push(name.clone());
            }
            self.know(name);
            if let Some(event) = event.filter(|_| !self.quitting) {
                self.step(name, event, now, effects);
            }
        }
        self.sort_as_in(&loaded);
        self.forget_removed(effects);

        if first {
            effects.push(self.next_resume(now));
        }
        let policy = self.policy();
        if first || *policy != *self.published {
            self.published = Arc::clone(&policy);
            effects.insert(0, Effect::PublishPolicy(policy));
        }
        effects.extend(modes_changed.into_iter().map(Effect::TellToolsChanged));
        effects.push(Effect::PublishAccess(Arc::clone(&loaded)));
        let port = loaded.config.gateway.port();
        if !self.port_is_fixed && port != before.config.gateway.port() && port != self.port {
            effects.push(Effect::MoveGateway(port));
        }
    }

    fn sort_as_in(&mut self, loaded: &Loaded) {
        let place: HashMap<&ServerName, usize> =
            loaded.config.all_servers().enumerate().map(|(i, d)| (&d.name, i)).collect();
        self.servers
            .sort_by_key(|slot| place.get(&slot.definition.name).copied().unwrap_or(usize::MAX));
    }

    fn forget_removed(&mut self, effects: &mut Vec<Effect>) {
        let gone = |slot: &Slot| {
            slot.removed
                && matches!(slot.life, lifecycle::State::Stopped | lifecycle::State::Failed)
        };
        for slot in self.servers.iter().filter(|slot| gone(slot)) {
            effects.push(Effect::Forget { server: slot.definition.name.clone() });
        }
        self.servers.retain(|slot| !gone(slot));
    }

    fn run_changed(
        &mut self,
        server: &ServerName,
        run: RunId,
        event: RunEvent,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) =
            self.servers.iter_mut().find(|slot| slot.definition.name == *server && slot.run == run)
        else {
            return;
        };
        let event = match event {
            RunEvent::BecameReady(identity) => {
                slot.identity = Some(identity);
                slot.problem = None;
                lifecycle::Event::BecameReady
            }
            // It ended by itself while it was being asked to.
            RunEvent::Exited(_) if matches!(slot.life, lifecycle::State::Stopping { .. }) => {
                lifecycle::Event::StopCompleted
            }
            RunEvent::Exited(problem) => {
                slot.problem = Some(problem);
                lifecycle::Event::Exited
            }
            RunEvent::Stopped => lifecycle::Event::StopCompleted,
            RunEvent::Offered(offer, findings) => {
                return self.offered(server, *offer, findings, effects);
            }
        };
        self.step(server, event, now, effects);
        self.forget_removed(effects);
    }

    /// One step in the life of one server.
    fn step(
        &mut self,
        server: &ServerName,
        event: lifecycle::Event,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.servers.iter_mut().find(|slot| slot.definition.name == *server)
        else {
            return;
        };
        let starts = matches!(
            event,
            lifecycle::Event::Start | lifecycle::Event::Restart | lifecycle::Event::RetryDue
        );
        if slot.start_waits && starts {
            effects.extend(
                unavailable(slot)
                    .map(|sentence| Effect::Unavailable { server: server.clone(), sentence }),
            );
            return;
        }
        let asked_for = matches!(
            event,
            lifecycle::Event::Start | lifecycle::Event::Stop | lifecycle::Event::Restart
        );
        if asked_for {
            slot.problem = None;
        }
        let retried = matches!(event, lifecycle::Event::RetryDue);
        let (life, done) = lifecycle::step(slot.life, event, now.instant);
        if std::mem::discriminant(&life) != std::mem::discriminant(&slot.life) {
            slot.since = now.wall_ms;
        }
        slot.life = life;
        for effect in done {
            match effect {
                lifecycle::Effect::Launch => {
                    self.runs += 1;
                    slot.run = RunId(self.runs);
                    slot.restarts += u32::from(retried);
                    // What an earlier process listed says nothing of this one.
                    slot.tools = Arc::default();
                    slot.findings = Arc::default();
                    effects.push(Effect::Launch {
                        definition: Box::new(slot.definition.clone()),
                        run: slot.run,
                    });
                }
                lifecycle::Effect::Halt => {
                    effects.push(Effect::Halt { server: server.clone() });
                }
                lifecycle::Effect::ScheduleRetry(at) => {
                    let wait = at.saturating_duration_since(now.instant).as_millis();
                    slot.retry_at = now.wall_ms + i64::try_from(wait).unwrap_or(i64::MAX / 2);
                    effects.push(Effect::ScheduleRetry {
                        server: server.clone(),
                        run: slot.run,
                        at,
                    });
                }
                lifecycle::Effect::CancelRetry => {
                    effects.push(Effect::CancelRetry { server: server.clone() });
                }
                lifecycle::Effect::Report(happening) => {
                    effects.push(life_note(server, happening, slot.problem.as_ref()));
                }
            }
        }
        if matches!(slot.life, lifecycle::State::Stopped | lifecycle::State::Failed) {
            effects.push(Effect::Withdraw { server: server.clone() });
        }
        if let Some(sentence) = unavailable(slot) {
            effects.push(Effect::Unavailable { server: server.clone(), sentence });
        }
    }
}

fn life_note(server: &ServerName, happening: Happening, problem: Option<&Problem>) -> Effect {
    let (kind, outcome) = match happening {
        Happening::Started => (ActivityKind::ServerStarted, ActivityOutcome::Succeeded),
        Happening::Stopped => (ActivityKind::ServerStopped, ActivityOutcome::Succeeded),
        Happening::Crashed | Happening::GivenUp => {
            (ActivityKind::ServerCrashed, ActivityOutcome::Failed)
        }
    };
    let note = match happening {
        Happening::GivenUp => Some("Given up after failing again and again.".to_owned()),
        _ => problem.map(|problem| problem.message.clone()),
    };
    let mut on_record = Note::new(kind);
    on_record.outcome = Some(outcome);
    on_record.server = Some(server.clone());
    on_record.note = note;
    Effect::Note(Box::new(on_record))
}

/// A note that a person changed a setting.
pub(crate) fn setting_note(text: String, server: Option<ServerName>) -> Note {
    let mut on_record = Note::new(ActivityKind::SettingChanged);
    on_record.outcome = Some(ActivityOutcome::Succeeded);
    on_record.server = server;
    on_record.note = Some(text);
    on_record
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
