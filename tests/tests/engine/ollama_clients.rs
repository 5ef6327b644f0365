//! The official clients of Ollama, each with every call it has, and what Ollama's extension for VS
//! Code asks, unchanged against our address.
#![expect(clippy::disallowed_methods, reason = "the tests start the clients they drive")]

use std::process::Command;

use drawbridge_tests::official::{clients_folder, python};
use drawbridge_tests::ollama::{NEXT_LOOK, Ollama};
use drawbridge_tests::{Setup, TestEngine, client, eventually};
use serde_json::{Value, json};

/// What the clients leave to the person: it goes to Ollama's makers.
const LEAVES: &str = "push";

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
async fn run(mut command: Command, engine: &TestEngine, in_path: bool) -> Vec<String> {
    let base = format!("http://127.0.0.1:{}", engine.port);
    match in_path {
        true => command.env("OLLAMA_HOST", format!("{base}/k/{}", engine.token)),
        false => command.env("OLLAMA_HOST", base).env("OLLAMA_TOKEN", &engine.token),
    };
    command.env("EXPECT_REFUSED", LEAVES).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
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
        }
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
}

#[tokio::test]
async fn the_six_calls_of_ollamas_extension_for_vs_code_are_answered() {
    let ollama = Ollama::started(&script()).await;
    let engine = engine(&ollama).await;
    let calls = run(node("vscode.mjs"), &engine, false).await;
    assert_eq!(calls.len(), 6, "{calls:?}");
}
