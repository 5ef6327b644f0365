//! Ollama under supervision: each state a person can find it in, with a program that does what a
//! script says in its place.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_core::Engine;
use drawbridge_core::view::{OllamaRunBy, OllamaSettings, OllamaState, OllamaView};
use drawbridge_secrets::InMemory;
use drawbridge_tests::ollama::{NEXT_LOOK, Ollama, with_models};
use drawbridge_tests::{eventually, files, processes, wait::SOON};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Computer;

/// A computer whose config says this about Ollama.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) engine: Engine,
    pub(crate) secrets: Arc<InMemory>,
}

impl Desk {
    pub(crate) async fn with(section: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"ollama": section});
        files::write(&Computer::paths(&folder).config_file, &config.to_string());
        let secrets = Arc::new(InMemory::default());
        let engine = Computer::open(&folder, &secrets).await;
        Self { folder, engine, secrets }
    }

    pub(crate) fn view(&self) -> OllamaView {
        self.engine.current_snapshot().ollama.clone()
    }

    pub(crate) async fn until(
        &self,
        what: &str,
        holds: impl Fn(&OllamaView) -> bool,
    ) -> OllamaView {
        eventually(what, NEXT_LOOK, async || Some(self.view()).filter(&holds)).await
    }

    pub(crate) async fn ready(&self) -> OllamaView {
        self.until("Ollama answers", is_ready).await
    }
}

pub(crate) fn is_ready(view: &OllamaView) -> bool {
    matches!(view.state, OllamaState::Ready { .. })
}

fn message(view: &OllamaView) -> &str {
    view.problem.as_ref().map(|problem| problem.message.as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_started_and_stopped_as_the_person_wants_and_nothing_of_it_stays() {
    let ollama = Ollama::new(&json!({"models": [{"name": "m:1"}], "runner": "at_start"}));
    let desk = Desk::with(ollama.section(false)).await;
    desk.until("it is found", |view| view.state == OllamaState::Stopped).await;
    desk.engine.start_ollama().await.unwrap();
    let view = desk.ready().await;
    assert_eq!(view.run_by, Some(OllamaRunBy::Drawbridge));
    assert_eq!(view.version.as_deref(), Some("0.33.0"));
    assert!(view.settings.start, "from now on it starts with Drawbridge");
    let running = ollama.processes();
    assert!(running.iter().any(|process| process.command.contains("runner")), "{running:?}");
    let log = desk.engine.ollama_log(false).await.unwrap();
    assert!(log.iter().any(|line| line.text.contains("Listening on")), "{log:?}");

    desk.engine.stop_ollama().await.unwrap();
    desk.until("it is stopped", |view| view.state == OllamaState::Stopped).await;
    let left = ollama.processes();
    assert!(left.is_empty(), "{left:?}");

    desk.engine.start_ollama().await.unwrap();
    desk.ready().await;
    desk.engine.shut_down().await;
    let left = ollama.processes();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_runs_already_is_used_and_outlives_us() {
    let mut ollama = Ollama::started(&with_models(&["m:1"])).await;
    let desk = Desk::with(ollama.section(true)).await;
    let view = desk.ready().await;
    assert_eq!(view.run_by, Some(OllamaRunBy::Other));
    desk.engine.restart_ollama().await.unwrap();
    desk.engine.stop_ollama().await.unwrap();
    assert!(is_ready(&desk.view()) && ollama.runs(), "it is not ours to stop");
    ollama.stop();
    desk.until("it is gone", |view| view.state == OllamaState::Offline).await;
    ollama.start().await;
    desk.ready().await;
    desk.engine.shut_down().await;
    assert!(ollama.runs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_crashes_is_started_again() {
    let ollama = Ollama::new(&json!({
        "models": [{"name": "m:1"}],
        "crash": {"after_ms": 2500, "code": 2, "stderr": "panic: runtime error"}}));
    let desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    ollama.tell(&with_models(&["m:1"]));
    let view =
        desk.until("it waits", |view| matches!(view.state, OllamaState::Waiting { .. })).await;
    assert!(message(&view).contains("ended with code 2"), "{view:?}");
    assert!(view.problem.unwrap().detail.contains("panic: runtime error"));
    let view = desk.ready().await;
    assert_eq!((view.run_by, view.problem), (Some(OllamaRunBy::Drawbridge), None));
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_is_told_and_can_be_restarted() {
    let ollama = Ollama::new(&json!({"hang_after_ms": 1500}));
    let desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    desk.until("it hangs", |view| matches!(view.state, OllamaState::NotResponding { .. })).await;
    ollama.tell(&json!({}));
    desk.engine.restart_ollama().await.unwrap();
    desk.ready().await;
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_starts_slowly_is_waited_for() {
    let mut ollama = Ollama::new(&json!({"delays": {"starting_ms": 4000}}));
    ollama.start().await;
    let desk = Desk::with(ollama.section(false)).await;
    desk.until("it starts", |view| matches!(view.state, OllamaState::Starting { .. })).await;
    desk.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_its_port_is_told_and_left_alone() {
    let mut stranger = Ollama::new(&json!({"foreign": true}));
    stranger.start().await;
    let desk = Desk::with(stranger.section(true)).await;
    let view =
        desk.until("it is seen", |view| matches!(view.state, OllamaState::PortTaken { .. })).await;
    assert_eq!(view.state, OllamaState::PortTaken { holder: Some("scripted-ollama".to_owned()) });
    desk.engine.restart_ollama().await.unwrap();
    // The program is the same; what it does is told at its start.
    stranger.tell(&json!({}));
    let port = Ollama::new(&json!({})).port;
    let settings = OllamaSettings { port: Some(port), ..view.settings };
    desk.engine.set_ollama(settings).await.unwrap();
    let view = desk.ready().await;
    assert_eq!(view.address, format!("http://127.0.0.1:{port}"), "ours moved");
    desk.engine.shut_down().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(stranger.runs(), "a stranger is never signalled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_not_ollama_is_given_up_at_once() {
    let ollama = Ollama::new(&json!({}));
    let mut section = ollama.section(true);
    section["path"] = json!("/bin/true");
    let desk = Desk::with(section).await;
    let view = desk.until("it is given up", |view| view.state == OllamaState::Failed).await;
    assert!(message(&view).contains("does not seem to be Ollama"), "{view:?}");
    let mut settings = view.settings;
    settings.path = Some(ollama.program().display().to_string());
    desk.engine.set_ollama(settings).await.unwrap();
    desk.engine.start_ollama().await.unwrap();
    desk.ready().await;
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_start_says_why_in_its_words() {
    let ollama = Ollama::new(&json!({
        "exit_at_start": {"code": 1, "stderr": "Error: mkdir /models: permission denied"}}));
    let desk = Desk::with(ollama.section(true)).await;
    let view = desk.until("it failed", |view| view.problem.is_some()).await;
    assert!(message(&view).contains("mkdir /models: permission denied"), "{view:?}");
    assert!(matches!(view.state, OllamaState::Waiting { .. }), "{view:?}");
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_one_is_used_and_told() {
    let ollama = Ollama::started(&json!({"version": "0.5.7"})).await;
    let desk = Desk::with(ollama.section(false)).await;
    let view = desk.ready().await;
    assert!(view.notice.is_some_and(|notice| notice.contains("0.5.7")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_program_it_is_not_installed_and_everything_else_works() {
    let section = json!({"port": 9, "start": true, "path": "/nowhere/ollama"});
    let desk = Desk::with(section).await;
    desk.until("it is missing", |view| view.state == OllamaState::NotInstalled).await;
    let models = desk.engine.models().await.unwrap();
    assert!(models.installed.is_empty() && models.problem.is_none());
    assert!(!desk.engine.current_snapshot().servers.is_empty());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_ends_ours_and_takes_its_place_is_used_and_not_fought() {
    let ollama = Ollama::new(&with_models(&["m:1"]));
    let desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    let ours = ollama
        .processes()
        .into_iter()
        .find(|process| process.command.contains("scripted-ollama"))
        .unwrap();
    // As the Ollama app does on macOS and Windows: ends whoever has the port, then starts its own.
    processes::signal(ours.pid, rustix::process::Signal::TERM);
    let mut rival = Ollama::new(&json!({"version": "0.34.1"}));
    rival.port = ollama.port;
    eventually("ours is gone", SOON, async || (!ours.runs()).then_some(())).await;
    rival.start().await;
    let view =
        desk.until("the rival is used", |view| view.version.as_deref() == Some("0.34.1")).await;
    assert_eq!(view.run_by, Some(OllamaRunBy::Other));
    assert!(view.notice.is_some_and(|notice| notice.contains("Another program")));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(rival.runs() && is_ready(&desk.view()));
    let fighting = ollama.processes();
    assert!(fighting.is_empty(), "ours is not started again: {fighting:?}");
    desk.engine.shut_down().await;
    assert!(rival.runs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_count_from_the_next_start_on_which_is_asked_for() {
    let ollama = Ollama::new(&json!({}));
    let desk = Desk::with(ollama.section(true)).await;
    let view = desk.ready().await;
    assert!(!view.restart_needed);
    let settings = OllamaSettings { context_length: Some(16_384), ..view.settings.clone() };
    desk.engine.set_ollama(settings).await.unwrap();
    desk.until("a restart is asked for", |view| view.restart_needed && is_ready(view)).await;
    desk.engine.restart_ollama().await.unwrap();
    desk.until("it is started anew", |view| !view.restart_needed && is_ready(view)).await;
    let log = desk.engine.ollama_log(false).await.unwrap();
    let set = |line: &&drawbridge_core::view::LogLine| {
        line.text.contains("OLLAMA_CONTEXT_LENGTH:16384") && line.text.contains("NO_CLOUD:true")
    };
    assert!(log.iter().any(|line| set(&line)), "{log:#?}");

    let wrong = OllamaSettings { keep_alive: Some("5 minutes".to_owned()), ..view.settings };
    assert!(desk.engine.set_ollama(wrong).await.is_err());
    desk.engine.shut_down().await;
}
