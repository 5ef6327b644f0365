//! The official clients of Ollama, each with every call it has, and what Ollama's extension for VS
//! Code asks, unchanged against our address.
#![expect(clippy::disallowed_methods, reason = "the tests start the clients they drive")]

use std::process::Command;
use std::time::Duration;

use drawbridge_tests::official::{clients_folder, python};
use drawbridge_tests::ollama::{NEXT_LOOK, Ollama};
use drawbridge_tests::{Setup, TestEngine, client, eventually, processes};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

#[path = "../../ollama/tests/conformance/gguf.rs"]
mod gguf;

use gguf::{Kind, tiny_model};

/// What the clients leave to the person: it goes to Ollama's makers.
const LEAVES: &str = "push";
/// The check that a script made every call its client has. One that failed fails the run.
const EVERY: &str = "every_call";

fn script() -> Value {
    json!({
        "models": [
            {"name": "tiny", "capabilities": ["completion", "tools", "thinking"], "size": 4_000_000},
            {"name": "embeds", "capabilities": ["embedding"], "size": 1_000_000},
        ],
        "library": [{"name": "pulled", "size": 2_000_000}],
        "turns": [
            {"thinking": "Hm.", "content": "one two three", "tool_calls": [[{"name": "add"}]]},
            {"content": "done"},
        ],
    })
}

async fn engine(ollama: &Ollama) -> TestEngine {
    let engine = Setup::new().ollama(ollama.section(false)).managing_models().start();
    let url = format!("http://127.0.0.1:{}/api/version", engine.port);
    eventually("Ollama answers through the gateway", NEXT_LOOK, async || {
        let answer = client::http().get(&url).bearer_auth(&engine.token).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    engine
}

/// Runs a client, with its token in a header or in its address, and gives the names of its calls.
async fn run(command: Command, engine: &TestEngine, in_path: bool) -> Vec<String> {
    run_where(command, engine, in_path, LEAVES).await
}

/// The same, where these calls are to be refused.
async fn run_where(
    mut command: Command,
    engine: &TestEngine,
    in_path: bool,
    refused: &str,
) -> Vec<String> {
    let base = format!("http://127.0.0.1:{}", engine.port);
    match in_path {
        true => command.env("OLLAMA_HOST", format!("{base}/k/{}", engine.token)),
        false => command.env("OLLAMA_HOST", base).env("OLLAMA_TOKEN", &engine.token),
    };
    command
        .env("EXPECT_REFUSED", refused)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1");
    let finished = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = finished.expect("the client runs; `cargo xtask setup` installs it");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let calls: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let failed: Vec<_> = calls.iter().filter(|call| call["ok"] != true).collect();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(failed.is_empty() && output.status.success(), "{failed:#?}\n{said}");
    calls.iter().filter_map(|call| call["call"].as_str().map(str::to_owned)).collect()
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(clients_folder().join("ollama").join(script));
    command
}

#[tokio::test]
async fn the_python_client_does_all_it_can_unchanged() {
    let ollama = Ollama::started(&script()).await;
    let engine = engine(&ollama).await;
    for in_path in [false, true] {
        let mut command = Command::new(python("python"));
        command.arg("-u").arg(clients_folder().join("ollama/client.py"));
        let calls = run(command, &engine, in_path).await;
        for call in ["generate", "chat", "embed", "pull", "show", "list", "ps", "delete"] {
            assert!(calls.iter().any(|made| made == call), "{call} of {calls:?}");
            assert!(calls.contains(&format!("async_{call}")), "async {call} of {calls:?}");
        }
        assert!(calls.contains(&EVERY.to_owned()), "{calls:?}");
    }
}

#[tokio::test]
async fn the_javascript_client_does_all_it_can_unchanged() {
    let ollama = Ollama::started(&script()).await;
    let engine = engine(&ollama).await;
    let calls = run(node("client.mjs"), &engine, false).await;
    for call in ["generate", "chat", "embed", "pull", "show", "list", "ps", "delete", "chat_abort"]
    {
        assert!(calls.iter().any(|made| made.starts_with(call)), "{call} of {calls:?}");
    }
    assert!(calls.contains(&EVERY.to_owned()), "{calls:?}");
}

#[tokio::test]
async fn the_six_calls_of_ollamas_extension_for_vs_code_are_answered() {
    let ollama = Ollama::started(&script()).await;
    let engine = engine(&ollama).await;
    let calls = run(node("vscode.mjs"), &engine, false).await;
    assert_eq!(calls.len(), 6, "{calls:?}");
}

/// Gives a real Ollama a model of its own making, through the gateway.
async fn create(engine: &TestEngine, name: &str, kind: Kind) {
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", engine.port);
    let file = tiny_model(kind);
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&file)));
    let sent = client::http()
        .post(at(&format!("/api/blobs/{digest}")))
        .bearer_auth(&engine.token)
        .body(file)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 201);
    let made = client::http()
        .post(at("/api/create"))
        .bearer_auth(&engine.token)
        .json(&json!({"model": name, "files": {"m.gguf": digest}, "stream": false}))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200, "{:?}", made.text().await);
}

/// Needs a real Ollama, which `DRAWBRIDGE_TEST_OLLAMA` names; without one there is nothing to see.
#[tokio::test]
async fn a_real_ollama_is_started_asked_by_each_client_and_ended() {
    let Some(program) = std::env::var_os("DRAWBRIDGE_TEST_OLLAMA") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = Ollama::new(&json!({})).port;
    let section = json!({
        "port": port, "start": true, "path": program.to_str().unwrap(),
        "modelsFolder": folder.path().join("models")});
    let mut engine = Setup::new().ollama(section).managing_models().start();
    let version = format!("http://127.0.0.1:{}/api/version", engine.port);
    eventually("it is started", Duration::from_secs(60), async || {
        let answer = client::http().get(&version).bearer_auth(&engine.token).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    create(&engine, "tiny", Kind::Talks).await;
    create(&engine, "embeds", Kind::Embeds).await;
    // It reaches no library from here, and is not told to.
    let refused = format!("{LEAVES},pull,pull_stream");
    let mut command = Command::new(python("python"));
    command.arg("-u").arg(clients_folder().join("ollama/client.py"));
    let calls = run_where(command, &engine, false, &refused).await;
    assert!(calls.len() > 15 && calls.contains(&EVERY.to_owned()), "{calls:?}");
    let calls = run_where(node("client.mjs"), &engine, true, &refused).await;
    assert!(calls.len() > 15 && calls.contains(&EVERY.to_owned()), "{calls:?}");
    let calls = run_where(node("vscode.mjs"), &engine, false, &refused).await;
    assert_eq!(calls.len(), 6, "{calls:?}");
    let running = processes::descendants(engine.pid());
    assert!(running.len() >= 3, "our guardian, Ollama and what runs the model: {running:?}");
    engine.stop();
    eventually("nothing of it is left", Duration::from_secs(20), async || {
        running.iter().all(|process| !process.runs()).then_some(())
    })
    .await;
    eventually("it ends with us", Duration::from_secs(20), async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(())
    })
    .await;
}
