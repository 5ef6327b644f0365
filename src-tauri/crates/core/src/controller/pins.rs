//! What the person has seen: which start of each server they agreed to, and which of its tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_audit::Note;
use drawbridge_mcp::catalog::{Offer, Tool};
use drawbridge_model::{
    ActivityKind, ActivityOutcome, ChangedTools, ServerDefinition, ServerName, ToolName, Transport,
};
use drawbridge_policy::{Fingerprint, Known, Offered, ServerPins, Why};
use drawbridge_supervisor::lifecycle;

use super::slot::Slot;
use super::start::{shown, start_of};
use super::state::{Effect, State};
use crate::findings::Findings;

/// What is known of each server's tools. Kept over restarts.
pub(crate) type Pins = BTreeMap<ServerName, Arc<ServerPins>>;

impl State {
    /// Whether a server may be started as it is configured now. Where nobody is there to ask, the
    /// config file is the consent.
    pub(super) fn start_is_agreed(
        &mut self,
        definition: &ServerDefinition,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if definition.transport == Transport::BuiltIn {
            return true;
        }
        let (name, start) = (&definition.name, start_of(&definition.transport));
        if self.pins.get(name).is_some_and(|pins| pins.start == start) {
            self.agreed.remove(name);
            return true;
        }
        let agreed = self.agreed.get(name) == Some(&start);
        if agreed || !self.attended {
            self.agreed.remove(name);
            let before = self.pins.get(name).map(|pins| ServerPins::clone(pins));
            let before = before.unwrap_or_default();
            let pins = before.agreed(start, shown(&definition.transport));
            self.set_pins(name, pins, effects);
            return true;
        }
        false
    }

    /// The person agreed to start a server so, perhaps under a new name.
    pub(super) fn agree(
        &mut self,
        server: ServerName,
        start: Fingerprint,
        replaces: Option<ServerName>,
    ) {
        let before = replaces.filter(|old| *old != server).and_then(|old| self.pins.get(&old));
        if let Some(before) = before {
            // Its tools are those that were seen under the old name, its start is yet to be taken.
            let mut before = ServerPins::clone(before);
            before.start = Fingerprint::default();
            self.pins.insert(server.clone(), Arc::new(before));
        }
        self.agreed.insert(server, start);
    }

    /// A server was removed by the person: it is not agreed to any more, however it comes back.
    pub(super) fn forget_agreement(&mut self, server: &ServerName, effects: &mut Vec<Effect>) {
        self.agreed.remove(server);
        if self.pins.contains_key(server) {
            self.set_pins(server, ServerPins::default(), effects);
        }
    }

    /// Takes in what a server lists, and lets apps see what of it the person has seen.
    pub(super) fn offered(
        &mut self,
        server: &ServerName,
        offer: Offer,
        findings: Arc<Findings>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot_mut(server) else { return };
        // A process that is being stopped speaks for what was configured before.
        if !matches!(slot.life, lifecycle::State::Ready { .. }) {
            return;
        }
        slot.tools = Arc::clone(&offer.tools);
        slot.findings = findings;
        self.look(server, effects);
        effects.push(Effect::PublishOffer { server: server.clone(), offer: Box::new(offer) });
    }

    /// What the scan found in a server's tools, now that other servers list other tools.
    pub(super) fn scanned(
        &mut self,
        server: &ServerName,
        tools: &Arc<Vec<Tool>>,
        findings: Arc<Findings>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot_mut(server) else { return };
        // Findings in what the server listed before say nothing of what it lists now.
        let is_present = matches!(slot.life, lifecycle::State::Ready { .. });
        if !is_present || !Arc::ptr_eq(&slot.tools, tools) || slot.findings == findings {
            return;
        }
        slot.findings = findings;
        if self.look(server, effects) {
            effects.push(Effect::TellToolsChanged(server.clone()));
        }
    }

    /// The person has looked at tools, each with this definition.
    pub(super) fn accepted(
        &mut self,
        server: &ServerName,
        tools: &[(ToolName, Fingerprint)],
        effects: &mut Vec<Effect>,
    ) {
        let Some(pins) = self.pins.get(server) else { return };
        let mut pins = ServerPins::clone(pins);
        let seen = tools.iter().filter(|(tool, now)| pins.accept(tool.as_str(), *now));
        let seen: Vec<String> = seen.map(|(tool, _)| format!("\"{tool}\"")).collect();
        if seen.is_empty() {
            return;
        }
        self.set_pins(server, pins, effects);
        self.know(server);
        self.publish_policy(effects);
        effects.push(Effect::TellToolsChanged(server.clone()));
        let text = format!("Looked at and let apps use: {}", seen.join(", "));
        effects.push(tools_note(server, text));
    }

    /// Compares what a server lists with what was seen. Tells whether that changed what apps may
    /// use.
    fn look(&mut self, server: &ServerName, effects: &mut Vec<Effect>) -> bool {
        let accept = self.loaded.config.changed_tools == ChangedTools::Accept;
        let Some(slot) = self.servers.iter().find(|slot| slot.definition.name == *server) else {
            return false;
        };
        if slot.definition.transport == Transport::BuiltIn {
            return false;
        }
        let Some(before) = self.pins.get(server) else { return false };
        let mut pins = ServerPins::clone(before);
        let offered = slot.tools.iter().map(|tool| Offered {
            name: &tool.name,
            fingerprint: tool.digest.into(),
            definition: tool.raw.get(),
            severe: slot.findings.is_severe(&tool.name),
        });
        if !pins.look(offered, accept) {
            return false;
        }
        let newly: Vec<_> = pins
            .held
            .iter()
            .filter(|(name, held)| before.held.get(*name) != Some(held))
            .map(|(name, held)| (name, held.why))
            .collect();
        let note = held_note(server, &newly);
        self.set_pins(server, pins, effects);
        self.know(server);
        self.publish_policy(effects);
        effects.extend(note);
        true
    }

    fn set_pins(&mut self, server: &ServerName, pins: ServerPins, effects: &mut Vec<Effect>) {
        let pins = Arc::new(pins);
        self.pins.insert(server.clone(), Arc::clone(&pins));
        effects.push(Effect::KeepPins { server: server.clone(), pins });
    }

    /// Puts what was seen of a server's tools where the policy takes it from.
    pub(super) fn know(&mut self, server: &ServerName) {
        let pins = self.pins.get(server).cloned();
        let Some(slot) = self.slot_mut(server) else { return };
        slot.known = match (&slot.definition.transport, pins) {
            (Transport::BuiltIn, _) => Known::All,
            (_, Some(pins)) if pins.start == slot.start => pins.known(),
            _ => Known::default(),
        };
    }

    fn slot_mut(&mut self, server: &ServerName) -> Option<&mut Slot> {
        self.servers.iter_mut().find(|slot| slot.definition.name == *server)
    }
}

/// Most tools that a note names; a server may make up any number.
const NAMED: usize = 5;

fn held_note(server: &ServerName, held: &[(&ToolName, Why)]) -> Option<Effect> {
    if held.is_empty() {
        return None;
    }
    let named = held.iter().take(NAMED).map(|(name, why)| match why {
        Why::New => format!("\"{name}\" is new"),
        Why::Changed => format!("\"{name}\" is changed"),
        Why::Found => format!("\"{name}\" was found suspicious"),
    });
    let mut text =
        format!("Held back until the person has looked: {}", named.collect::<Vec<_>>().join(", "));
    if held.len() > NAMED {
        text.push_str(&format!(", and {} more", held.len() - NAMED));
    }
    Some(tools_note(server, text))
}

fn tools_note(server: &ServerName, text: String) -> Effect {
    let mut note = Note::new(ActivityKind::ToolsChanged);
    note.outcome = Some(ActivityOutcome::Succeeded);
    note.server = Some(server.clone());
    note.note = Some(text);
    Effect::Note(Box::new(note))
}
