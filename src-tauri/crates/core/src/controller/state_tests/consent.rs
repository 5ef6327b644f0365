//! Starts the person agreed to, tools they have seen, and pauses.

use drawbridge_model::ClientName;
use drawbridge_policy::scan::{Finding, FindingKind, Severity};

use super::*;
use crate::controller::pauses::Pauses;
use crate::controller::start::start_of;
use crate::findings::{Findings, Found};
use crate::view::{PauseScope, PauseView};

/// The same with changed tools accepted.
fn accepting(command: &str) -> Arc<Loaded> {
    loaded(&format!(
        r#"{{"policy":{{"changedTools":"accept"}},"mcpServers":{{"computer":{{"drawbridge":
            {{"enabled":false}}}},"files":{{"command":"{command}","drawbridge":
            {{"preset":"allow"}}}}}}}}"#
    ))
}

fn allowed(command: &str) -> Arc<Loaded> {
    one(command, r#"{"preset":"allow"}"#)
}

fn agree(state: &mut State, config: &Loaded) -> Vec<Effect> {
    let definition = config.config.server("files").expect("it is configured");
    let start = start_of(&definition.transport);
    state.apply(Event::AgreeToStart { server: files(), start, replaces: None }, now())
}

fn severe(tool: &str) -> Arc<Findings> {
    let finding = Finding {
        kind: FindingKind::InstructionsToTheModel,
        severity: Severity::Severe,
        place: "description".into(),
        passage: "ignore".into(),
    };
    Arc::new([(ToolName::new(tool).expect("a name"), vec![Found::Finding(finding)])].into())
}

fn tells_apps(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::TellToolsChanged(_)))
}

#[test]
fn a_server_that_appears_in_the_file_waits_until_the_person_agrees() {
    let mut state = fresh_in(Attendance::Attended);
    let config = allowed("a");
    let effects = state.apply(Event::ConfigLoaded(Arc::clone(&config)), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
    assert!(slot(&state).start_waits);
    for event in [Event::Start(files()), Event::Restart(files())] {
        let effects = state.apply(event, now());
        assert!(work(&effects).is_empty(), "nothing else starts it: {effects:?}");
    }
    let other = agree(&mut state, &allowed("b"));
    assert!(work(&other).is_empty(), "agreeing to something else does not count: {other:?}");
    assert_eq!(work(&agree(&mut state, &config)), ["launch files 1"]);
    assert!(!slot(&state).start_waits);
}

#[test]
fn a_start_that_is_changed_in_the_file_ends_what_runs_and_waits() {
    let mut state = fresh_in(Attendance::Attended);
    agree(&mut state, &allowed("a"));
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert_eq!(work(&effects), ["launch files 1"], "agreed to before it was written");
    state.apply(changed(1, RunEvent::BecameReady(identity())), now());

    let effects = state.apply(Event::ConfigLoaded(allowed("b")), now());
    assert_eq!(work(&effects), ["halt files"]);
    let effects = state.apply(changed(1, RunEvent::Stopped), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
    assert!(slot(&state).start_waits);
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert_eq!(work(&effects), ["launch files 2"], "it is what was agreed to again");
}

#[test]
fn what_the_person_agreed_to_is_known_after_a_restart() {
    let mut state = fresh_in(Attendance::Attended);
    agree(&mut state, &allowed("a"));
    state.apply(Event::ConfigLoaded(allowed("a")), now());
    let before = FromBefore { pins: state.pins.clone(), ..FromBefore::default() };
    let again = |before: &FromBefore| {
        let attended = Attendance::Attended;
        State::new(none(), before.clone(), attended, "config.jsonc".into(), 7337, false)
    };
    let mut state = again(&before);
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert_eq!(work(&effects), ["launch files 1"]);
    let mut state = again(&before);
    let effects = state.apply(Event::ConfigLoaded(allowed("b")), now());
    assert!(work(&effects).is_empty(), "changed while it was not running: {effects:?}");
}

#[test]
fn a_tool_that_changes_is_held_until_the_person_has_looked_at_this_very_one() {
    let mut state = running();
    assert_eq!(decision(&state, "write"), Decision::Run);
    let effects = state.apply(changed(1, offered(&[("read", 1), ("write", 2), ("new", 1)])), now());
    let published = |effect: &Effect| matches!(effect, Effect::PublishOffer { .. });
    let policy = |effect: &Effect| matches!(effect, Effect::PublishPolicy(_));
    let (rules, offer) = (effects.iter().position(policy), effects.iter().position(published));
    assert!(rules < offer && offer.is_some(), "apps see nothing before it is held: {effects:?}");
    assert_eq!(decision(&state, "read"), Decision::Run);
    for held in ["write", "new"] {
        assert_eq!(decision(&state, held), Decision::Refuse(Refusal::Held), "{held}");
    }
    let accept = |digest: u8| Event::ToolsAccepted {
        server: files(),
        tools: vec![(ToolName::new("write").expect("a name"), [digest; 32].into())],
    };
    assert!(!tells_apps(&state.apply(accept(3), now())), "that was not shown");
    assert_eq!(decision(&state, "write"), Decision::Refuse(Refusal::Held));
    assert!(tells_apps(&state.apply(accept(2), now())));
    assert_eq!(decision(&state, "write"), Decision::Run);
    assert_eq!(decision(&state, "new"), Decision::Refuse(Refusal::Held));
}

#[test]
fn where_the_config_accepts_changes_only_severe_findings_hold_a_tool() {
    let mut state = running();
    state.apply(Event::ConfigLoaded(accepting("a")), now());
    state.apply(changed(1, offered(&[("read", 2), ("write", 1)])), now());
    assert_eq!(decision(&state, "read"), Decision::Run);
    let tools = Arc::clone(&slot(&state).tools);
    let scanned = Event::Scanned { server: files(), tools, findings: severe("read") };
    assert!(tells_apps(&state.apply(scanned, now())), "apps hear that it is gone");
    assert_eq!(decision(&state, "read"), Decision::Refuse(Refusal::Held));
    assert_eq!(decision(&state, "write"), Decision::Run);
    let late = Event::Scanned { server: files(), tools: Arc::default(), findings: severe("write") };
    state.apply(late, now());
    assert_eq!(decision(&state, "write"), Decision::Run, "it is about what was listed before");
}

#[test]
fn what_a_process_says_that_is_being_stopped_is_not_taken_for_its_successor() {
    let mut state = running();
    state.apply(Event::ConfigLoaded(allowed("b")), now());
    state.apply(changed(1, offered(&[("fresh", 7)])), now());
    state.apply(changed(1, RunEvent::Stopped), now());
    state.apply(changed(2, RunEvent::BecameReady(identity())), now());
    state.apply(changed(2, offered(&[("fresh", 8), ("write", 9)])), now());
    assert_eq!(decision(&state, "fresh"), Decision::Run, "the first sight is of the new one");
    let held = Decision::Refuse(Refusal::Held);
    assert_eq!(decision(&state, "write"), held, "it is not what was seen under the old start");
}

#[test]
fn whatever_of_the_config_decides_about_calls_is_in_force_at_once() {
    for settings in [
        r#"{"preset":"allow","secrets":"block"}"#,
        r#"{"preset":"ask"}"#,
        r#"{"preset":"allow","tools":{"read":"off"}}"#,
        r#"{"preset":"allow","enabled":false}"#,
    ] {
        let mut state = running();
        let before = state.policy();
        let effects = state.apply(Event::ConfigLoaded(one("a", settings)), now());
        let published = effects.iter().find_map(|effect| match effect {
            Effect::PublishPolicy(policy) => Some(policy),
            _ => None,
        });
        let published = published.unwrap_or_else(|| panic!("nothing is published: {settings}"));
        assert!(**published == *state.policy() && **published != *before, "{settings}");
    }
    let mut state = running();
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PublishPolicy(_))), "no change");
}

#[test]
fn a_start_nobody_agreed_to_runs_on_no_way() {
    // Switched off, still stopping, asked to start again, and then changed in the file.
    let mut state = fresh_in(Attendance::Attended);
    agree(&mut state, &allowed("a"));
    state.apply(Event::ConfigLoaded(allowed("a")), now());
    state.apply(changed(1, RunEvent::BecameReady(identity())), now());
    state.apply(Event::ConfigLoaded(one("a", r#"{"enabled":false}"#)), now());
    state.apply(Event::Restart(files()), now());
    let effects = state.apply(Event::ConfigLoaded(one("b", r#"{"enabled":false}"#)), now());
    assert!(!work(&effects).iter().any(|did| did.starts_with("launch")), "{effects:?}");
    let effects = state.apply(changed(1, RunEvent::Stopped), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
    let effects = state.apply(Event::ConfigLoaded(allowed("b")), now());
    assert!(work(&effects).is_empty(), "{effects:?}");

    // Removed by the person: coming back is another matter.
    let mut state = fresh_in(Attendance::Attended);
    agree(&mut state, &allowed("a"));
    state.apply(Event::ConfigLoaded(allowed("a")), now());
    state.apply(Event::ConfigLoaded(none()), now());
    state.apply(changed(1, RunEvent::Stopped), now());
    state.apply(Event::ServerRemoved(files()), now());
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert!(work(&effects).is_empty(), "{effects:?}");

    // Agreed to, but never written.
    let mut state = fresh_in(Attendance::Attended);
    agree(&mut state, &allowed("a"));
    state.apply(Event::StartNotWritten(files()), now());
    let effects = state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert!(work(&effects).is_empty(), "{effects:?}");
}

#[test]
fn a_server_that_runs_while_it_is_off_ends_with_its_start() {
    let mut state = running();
    state.apply(Event::ConfigLoaded(one("a", r#"{"enabled":false}"#)), now());
    state.apply(changed(1, RunEvent::Stopped), now());
    state.apply(Event::Start(files()), now());
    state.apply(changed(2, RunEvent::BecameReady(identity())), now());
    let effects = state.apply(Event::ConfigLoaded(one("b", r#"{"enabled":false}"#)), now());
    assert_eq!(work(&effects), ["halt files"]);
}

#[test]
fn each_pause_holds_for_what_it_is_about_and_ends_by_itself_or_by_the_person() {
    let client = ClientName::new("editor").expect("a name");
    let app = PauseScope::App { client };
    let server = PauseScope::Server { server: files() };
    for (scope, why) in [
        (PauseScope::All, Refusal::Paused),
        (app, Refusal::AppPaused),
        (server, Refusal::ServerPaused),
    ] {
        let mut state = running();
        state.apply(Event::Pause { scope: scope.clone(), until: None }, now());
        assert_eq!(decision(&state, "read"), Decision::Refuse(why));
        state.apply(Event::PauseEnds, now());
        assert_eq!(decision(&state, "read"), Decision::Refuse(why), "it has no end");
        let effects = state.apply(Event::Pause { scope: scope.clone(), until: Some(5_000) }, now());
        let wait = effects.iter().find_map(|effect| match effect {
            Effect::ScheduleResume(at) => *at,
            _ => None,
        });
        assert!(wait.is_some(), "{effects:?}");
        let mut later = now();
        later.wall_ms = 4_999;
        state.apply(Event::PauseEnds, later);
        assert_eq!(decision(&state, "read"), Decision::Refuse(why), "not yet");
        later.wall_ms = 5_000;
        state.apply(Event::PauseEnds, later);
        assert_eq!(decision(&state, "read"), Decision::Run);

        state.apply(Event::Pause { scope: scope.clone(), until: Some(9_000) }, now());
        state.apply(Event::Resume(scope), now());
        assert_eq!(decision(&state, "read"), Decision::Run);
    }
}

#[test]
fn pauses_outlive_a_restart_unless_their_time_is_over() {
    let mut state = running();
    let server = PauseScope::Server { server: files() };
    state.apply(Event::Pause { scope: PauseScope::All, until: None }, now());
    state.apply(Event::Pause { scope: server, until: Some(5_000) }, now());
    let text = serde_json::to_string(&state.pauses).expect("it is written");
    let read = || serde_json::from_str::<Pauses>(&text).expect("it is read");
    let kept = read().restored(4_000);
    let all = PauseView { since: 1_000, until: None, from_before: true };
    assert_eq!(kept.all(), Some(all));
    assert!(kept.server(&files()).is_some());
    assert!(read().restored(5_000).server(&files()).is_none());
}

#[test]
fn a_config_that_is_empty_for_a_moment_ends_no_pause() {
    let mut state = running();
    let server = PauseScope::Server { server: files() };
    state.apply(Event::Pause { scope: server, until: None }, now());
    state.apply(Event::ConfigLoaded(none()), now());
    state.apply(Event::ConfigLoaded(allowed("a")), now());
    assert_eq!(decision(&state, "read"), Decision::Refuse(Refusal::ServerPaused));
}
