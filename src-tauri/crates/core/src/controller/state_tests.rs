use std::path::Path;
use std::sync::Arc;

use drawbridge_audit::SwitchedOff;
use drawbridge_mcp::catalog::{Offer, Tool, ToolAnnotations};
use drawbridge_model::{Problem, ServerName, ServerState, ToolName};
use drawbridge_policy::{Decision, Refusal};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Effect, Event, FromBefore, Moment, RunEvent, RunId, Slot, State};
use crate::attendance::Attendance;
use crate::config::{InForce, Loaded, TextHash, parse};
use crate::view::ServerIdentity;

#[path = "state_tests/consent.rs"]
mod consent;

fn loaded(text: &str) -> Arc<Loaded> {
    let (config, warnings) = parse(text, Path::new("config.jsonc")).expect("a valid config");
    Arc::new(Loaded {
        config: Arc::new(config),
        text_hash: TextHash::of(text),
        in_force: InForce::File,
        warnings,
        problem: None,
    })
}

/// A config with one server of that command and those settings, and the built-in one off.
fn one(command: &str, drawbridge: &str) -> Arc<Loaded> {
    loaded(&format!(
        r#"{{"mcpServers":{{"computer":{{"drawbridge":{{"enabled":false}}}},
            "files":{{"command":"{command}","drawbridge":{drawbridge}}}}}}}"#
    ))
}

fn none() -> Arc<Loaded> {
    loaded(r#"{"mcpServers":{"computer":{"drawbridge":{"enabled":false}}}}"#)
}

fn now() -> Moment {
    Moment { instant: Instant::now(), wall_ms: 1_000 }
}

/// One in which the config file is the consent.
fn fresh() -> State {
    fresh_in(Attendance::Unattended)
}

fn fresh_in(attendance: Attendance) -> State {
    let before = FromBefore::default();
    State::new(none(), before, attendance, "config.jsonc".into(), 7337, false)
}

/// A tool of that name, whose definition has that digest.
fn tool(name: &str, digest: u8) -> Tool {
    let raw = format!(r#"{{"name":"{name}","description":"{digest}"}}"#);
    let raw = RawValue::from_string(raw).expect("it is JSON");
    Tool {
        name: ToolName::new(name).expect("a name"),
        exposed: format!("files__{name}").into(),
        exposed_raw: raw.clone(),
        raw,
        title: None,
        description: None,
        annotations: ToolAnnotations::default(),
        digest: [digest; 32],
    }
}

fn offered(tools: &[(&str, u8)]) -> RunEvent {
    let tools = tools.iter().map(|(name, digest)| tool(name, *digest)).collect();
    let offer = Offer { tools: Arc::new(tools), ..Offer::default() };
    RunEvent::Offered(Box::new(offer), Arc::default())
}

/// What becomes of a call of a tool as the server lists it now.
fn decision(state: &State, name: &str) -> Decision {
    let slot = slot(state);
    let listed = slot.tools.iter().find(|tool| tool.name.as_str() == name);
    let now = listed.map(|tool| tool.digest.into());
    state.policy().decide_tool("editor", "files", name, now)
}

fn files() -> ServerName {
    ServerName::new("files").expect("a name")
}

fn identity() -> ServerIdentity {
    ServerIdentity {
        name: "files".into(),
        title: None,
        version: "1".into(),
        protocol: "2025-11-25".into(),
    }
}

/// What of the effects concerns processes, as short words.
fn work(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Launch { definition, run } => {
                Some(format!("launch {} {}", definition.name, run.0))
            }
            Effect::Halt { server } => Some(format!("halt {server}")),
            Effect::Forget { server } => Some(format!("forget {server}")),
            Effect::ScheduleRetry { server, .. } => Some(format!("retry {server}")),
            Effect::MoveGateway(port) => Some(format!("move {port}")),
            _ => None,
        })
        .collect()
}

fn changed(run: u64, event: RunEvent) -> Event {
    Event::RunChanged { server: files(), run: RunId(run), event }
}

fn slot(state: &State) -> &Slot {
    let found = state.servers.iter().find(|slot| slot.definition.name == files());
    found.expect("it is there")
}

/// A state in which `files` answers.
fn running() -> State {
    let mut state = fresh();
    let effects = state.apply(Event::ConfigLoaded(one("a", r#"{"preset":"allow"}"#)), now());
    assert_eq!(work(&effects), ["launch files 1"]);
    state.apply(changed(1, RunEvent::BecameReady(identity())), now());
    state.apply(changed(1, offered(&[("read", 1), ("write", 1)])), now());
    assert!(matches!(slot(&state).state(), ServerState::Ready { .. }));
    state
}

#[test]
fn a_server_that_is_switched_off_is_not_started() {
    let mut state = fresh();
    let effects = state.apply(Event::ConfigLoaded(one("a", r#"{"enabled":false}"#)), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
}

#[test]
fn a_changed_mode_is_told_and_does_not_restart_the_server() {
    let mut state = running();
    let config = one("a", r#"{"preset":"allow","tools":{"write":"off"}}"#);
    let effects = state.apply(Event::ConfigLoaded(config), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
    assert!(effects.iter().any(|e| matches!(e, Effect::TellToolsChanged(s) if *s == files())));
    assert_eq!(decision(&state, "write"), Decision::Refuse(Refusal::ToolOff));
    assert_eq!(decision(&state, "read"), Decision::Run);
}

#[test]
fn a_changed_command_stops_the_server_before_it_starts_again() {
    let mut state = running();
    let effects = state.apply(Event::ConfigLoaded(one("b", r#"{"preset":"allow"}"#)), now());
    assert_eq!(work(&effects), ["halt files"]);
    let effects = state.apply(changed(1, RunEvent::Stopped), now());
    assert_eq!(work(&effects), ["launch files 2"]);
}

#[test]
fn a_server_that_is_gone_from_the_config_is_forgotten_once_it_has_stopped() {
    let mut state = running();
    let effects = state.apply(Event::ConfigLoaded(none()), now());
    assert_eq!(work(&effects), ["halt files"]);
    assert_eq!(
        state.policy().decide_server("editor", "files"),
        Err(Refusal::ServerOff),
        "off at once"
    );
    let effects = state.apply(changed(1, RunEvent::Stopped), now());
    assert_eq!(work(&effects), ["forget files"]);
    assert!(!state.servers.iter().any(|slot| slot.definition.name == files()));
}

#[test]
fn a_server_that_comes_back_while_it_stops_is_started_again() {
    let mut state = running();
    state.apply(Event::ConfigLoaded(none()), now());
    let effects = state.apply(Event::ConfigLoaded(one("a", r#"{"preset":"allow"}"#)), now());
    assert!(work(&effects).is_empty(), "never two at once: {effects:?}");
    let effects = state.apply(changed(1, RunEvent::Stopped), now());
    assert_eq!(work(&effects), ["launch files 2"]);
}

#[test]
fn what_an_earlier_run_says_late_is_not_taken_for_the_present() {
    let mut state = running();
    state.apply(Event::Restart(files()), now());
    state.apply(changed(1, RunEvent::Stopped), now());
    let effects = state.apply(changed(1, RunEvent::Exited(Problem::new("late", ""))), now());
    assert!(effects.is_empty(), "{effects:?}");
    let found = slot(&state);
    assert!(matches!(found.state(), ServerState::Starting { .. }) && found.problem.is_none());
}

#[test]
fn a_server_that_ends_while_it_is_being_stopped_has_stopped() {
    let mut state = running();
    state.apply(Event::Stop(files()), now());
    let effects = state.apply(changed(1, RunEvent::Exited(Problem::new("killed", ""))), now());
    let withdrawn = |effect: &Effect| matches!(effect, Effect::Withdraw { .. });
    assert!(effects.iter().any(withdrawn), "its tools are not listed while it is stopped");
    assert_eq!(slot(&state).state(), ServerState::Stopped);
}

#[test]
fn a_crash_is_shown_with_its_reason_and_tried_again() {
    let mut state = running();
    let effects = state.apply(changed(1, RunEvent::Exited(Problem::new("it fell", ""))), now());
    assert_eq!(work(&effects), ["retry files"]);
    let withdrawn = |effect: &Effect| matches!(effect, Effect::Withdraw { .. });
    assert!(!effects.iter().any(withdrawn), "its tools stay listed while it may be back soon");
    let found = slot(&state);
    assert_eq!(found.problem.as_ref().map(|p| p.message.as_str()), Some("it fell"));
    assert_eq!(found.state(), ServerState::Waiting { retry_at: 2_000, attempt: 1 });
    let mut later = now();
    later.instant += std::time::Duration::from_secs(2);
    let effects = state.apply(Event::RetryDue { server: files(), run: RunId(1) }, later);
    assert_eq!(work(&effects), ["launch files 2"]);
    assert_eq!(slot(&state).restarts, 1);
}

#[test]
fn what_is_switched_off_counts_before_it_is_written_and_an_older_write_does_not_undo_it() {
    let mut state = running();
    let tool = ToolName::new("write").expect("a name");
    let switch = SwitchedOff { server: files(), tool: Some(tool) };
    let earlier = state.ticket();
    let effects = state.apply(Event::SwitchedOff(switch.clone()), now());
    assert!(matches!(effects.first(), Some(Effect::PublishPolicy(_))), "first of all");
    assert_eq!(decision(&state, "write"), Decision::Refuse(Refusal::ToolOff));

    state.apply(Event::SwitchWritten(switch.clone(), earlier), now());
    assert_eq!(
        decision(&state, "write"),
        Decision::Refuse(Refusal::ToolOff),
        "a choice made before it does not undo it"
    );
    let later = state.ticket();
    state.apply(Event::SwitchWritten(switch, later), now());
    assert_eq!(decision(&state, "write"), Decision::Run, "the config counts again");
}

#[test]
fn all_tools_off_beats_a_mode_of_a_tool() {
    let mut state = fresh();
    state.apply(Event::ConfigLoaded(one("a", r#"{"tools":{"write":"allow"}}"#)), now());
    state.apply(Event::SwitchedOff(SwitchedOff { server: files(), tool: None }), now());
    for tool in ["write", "unheard_of"] {
        assert_eq!(decision(&state, tool), Decision::Refuse(Refusal::ToolOff), "{tool}");
    }
}

#[test]
fn the_gateway_moves_when_the_config_says_so_and_no_flag_says_otherwise() {
    let config = loaded(r#"{"gateway":{"port":8000}}"#);
    let mut state = fresh();
    assert!(
        work(&state.apply(Event::ConfigLoaded(Arc::clone(&config)), now()))
            .contains(&"move 8000".into())
    );
    let mut fixed = State::new(
        none(),
        FromBefore::default(),
        Attendance::Unattended,
        String::new(),
        7337,
        true,
    );
    let effects = fixed.apply(Event::ConfigLoaded(config), now());
    assert!(!work(&effects).iter().any(|w| w.starts_with("move")), "a flag beats the config");
}

#[test]
fn nothing_starts_any_more_once_drawbridge_quits() {
    let mut state = running();
    let effects = state.apply(Event::Quit, now());
    assert_eq!(work(&effects), ["halt files"]);
    assert!(!state.all_stopped());
    let effects = state.apply(Event::ConfigLoaded(one("b", "{}")), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
    state.apply(changed(1, RunEvent::Stopped), now());
    assert!(state.all_stopped());
}
