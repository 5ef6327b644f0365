//! A server that does not behave is shown as broken, with the reason; all else works.

use std::time::Duration;

use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, processes, wait::SOON};
use serde_json::{Value, json};

/// What every test here ends with: the server beside the broken one answers.
async fn all_else_works(engine: &TestEngine) {
    engine.until_ready("answers").await;
    let client = McpClient::open(engine, "/mcp").await;
    let result = client.call("answers__echo", json!({"text": "well"})).await;
    assert_eq!(result["content"][0]["text"], "well");
}

/// Waits until the health of a server gives a reason that holds `text`.
async fn reason(engine: &TestEngine, server: &str, text: &str, limit: Duration) -> Value {
    eventually(&format!("the health of {server} says {text:?}"), limit, async || {
        let health = engine.server_health(server).await;
        let broken = ["waiting", "failed"].iter().any(|state| health["state"]["kind"] == *state);
        (broken && health.to_string().contains(text)).then_some(health)
    })
    .await
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let engine = Setup::new()
        .server("answers", "answers")
        .define("missing", json!({"command": "no-such-program-anywhere", "args": []}))
        .start();
    reason(&engine, "missing", "no-such-program-anywhere", SOON).await;
    all_else_works(&engine).await;
}

#[tokio::test]
async fn a_server_that_exits_at_once_is_shown_with_its_last_words() {
    let engine = Setup::new().server("answers", "answers").server("ends", "exits-at-once").start();
    reason(&engine, "ends", "the key file /nowhere/key was not found", SOON).await;
    all_else_works(&engine).await;
}

#[tokio::test]
async fn a_server_that_prints_rubbish_is_shown_as_broken() {
    let engine = Setup::new().server("answers", "answers").server("odd", "prints-rubbish").start();
    all_else_works(&engine).await;
    let health = eventually("it is not ready, and says why", Duration::from_secs(90), async || {
        let health = engine.server_health("odd").await;
        let broken = ["waiting", "failed"].iter().any(|state| health["state"]["kind"] == *state);
        broken.then_some(health)
    })
    .await;
    assert!(!health["problem"].as_str().unwrap_or_default().is_empty(), "{health}");
    all_else_works(&engine).await;
}

#[tokio::test]
async fn lines_that_are_no_messages_do_not_disturb_the_ones_that_are() {
    let engine = Setup::new().server("odd", "prints-rubbish-between").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let result = client.call("odd__echo", json!({})).await;
    assert_eq!(result["content"][0]["text"], "in spite of it all");
}

#[tokio::test]
async fn a_server_that_never_answers_delays_nobody_and_is_given_up_after_its_minute() {
    let engine =
        Setup::new().server("silent", "never-answers").server("answers", "answers").start();
    all_else_works(&engine).await;
    assert_eq!(engine.server_health("silent").await["state"]["kind"], "starting");
    let health = eventually("it is shown as broken", Duration::from_secs(90), async || {
        let health = engine.server_health("silent").await;
        (health["state"]["kind"] == "waiting").then_some(health)
    })
    .await;
    assert!(!health["problem"].as_str().unwrap_or_default().is_empty(), "{health}");
    all_else_works(&engine).await;
}

#[tokio::test]
async fn a_server_that_floods_stderr_is_kept_within_bounds() {
    let engine = Setup::new().server("answers", "answers").server("loud", "floods-stderr").start();
    all_else_works(&engine).await;
    engine.until_ready("loud").await;
    let client = McpClient::open(&engine, "/mcp").await;
    for _ in 0..20 {
        let result = client.call("loud__echo", json!({})).await;
        assert_eq!(result["content"][0]["text"], "above the noise");
        all_else_works(&engine).await;
    }
    if cfg!(target_os = "linux") {
        let kib = processes::proportional_kib(engine.pid()).unwrap();
        assert!(kib < 200 * 1024, "the engine holds {kib} KiB");
        let logs: u64 = walk(&engine.data_dir());
        assert!(logs < 64 * 1024 * 1024, "its logs take {logs} bytes");
    }
}

fn walk(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[tokio::test]
async fn a_call_to_a_server_that_is_not_there_says_so() {
    let engine = Setup::new().server("answers", "answers").server("ends", "exits-at-once").start();
    all_else_works(&engine).await;
    let client = McpClient::open(&engine, "/mcp").await;
    let answer = client.request("tools/call", json!({"name": "ends__x", "arguments": {}})).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let sentence = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("\"ends\""), "it names the server: {sentence}");
    let one = McpClient::unopened(&engine, "/mcp/never-heard-of", &engine.token);
    let answer = one
        .send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": "2025-11-25", "capabilities": {},
             "clientInfo": {"name": "t", "version": "1"}}}))
        .await;
    assert_eq!(answer.status(), 404, "a server nobody configured");
}

#[tokio::test]
async fn health_without_a_token_names_no_server() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let url = format!("http://127.0.0.1:{}/health", engine.port);
    let open = drawbridge_tests::client::http().get(&url).send().await.unwrap();
    assert_eq!(open.status(), 200);
    assert_eq!(open.json::<Value>().await.unwrap(), json!({"status": "ok"}));
    assert_eq!(engine.server_health("answers").await["state"]["kind"], "ready");
}
