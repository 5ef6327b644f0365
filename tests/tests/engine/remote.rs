//! Servers elsewhere, over Streamable HTTP.

use drawbridge_tests::programs::Remote;
use drawbridge_tests::{McpClient, Setup, eventually, wait::SOON};
use serde_json::{Value, json};

fn text(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

fn definition(remote: &Remote) -> Value {
    json!({"type": "http", "url": remote.url(),
        "headers": {"Authorization": "Bearer ${env:REMOTE_KEY}", "X-Extra": "1"},
        "drawbridge": {"preset": "allow"}})
}

#[tokio::test]
async fn a_remote_server_is_called_with_its_own_credential_and_never_with_ours() {
    let setup = Setup::new().environment("REMOTE_KEY", "upstream-key");
    let remote = Remote::start(setup.path(), 0);
    let engine = setup.define("far", definition(&remote)).start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let (id, mut exchange) = client
        .begin(
            "tools/call",
            json!({"name": "far__echo", "arguments": {"text": "hello"},
            "_meta": {"progressToken": "p"}}),
        )
        .await;
    let progress = exchange.next().await.expect("progress comes first");
    assert_eq!(progress["params"]["progressToken"], "p", "{progress}");
    assert_eq!(text(&exchange.answer_to(id).await["result"]), "hello");
    let log = remote.log();
    assert!(log.contains("Bearer upstream-key"), "{log}");
    assert!(log.contains("\"x-extra\":\"1\""), "{log}");
    assert!(!log.contains(&engine.token), "our token stays here: {log}");
}

#[tokio::test]
async fn each_client_has_a_session_of_its_own() {
    const OTHER: &str = "db_other-0123456789abcdefghijklmnopqrstuvwxyzABCD";
    let setup =
        Setup::new().environment("REMOTE_KEY", "k").environment("DRAWBRIDGE_OTHER_TOKEN", OTHER);
    let remote = Remote::start(setup.path(), 0);
    let mut engine = setup.define("far", definition(&remote)).start_ready().await;
    engine.edit(|config| {
        config["clients"]["other"] = json!({"token": "${env:DRAWBRIDGE_OTHER_TOKEN}"});
    });
    eventually("the second app is let in", SOON, async || {
        let client = McpClient::unopened(&engine, "/mcp", OTHER);
        let answer = client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
        (answer.status() != 401).then_some(())
    })
    .await;
    let mine = McpClient::open(&engine, "/mcp").await;
    let other = McpClient::open_as(&engine, "/mcp", OTHER, json!({})).await;
    let first = text(&mine.call("far__session", json!({})).await);
    assert_ne!(first, text(&other.call("far__session", json!({})).await));
    assert_eq!(first, text(&mine.call("far__session", json!({})).await), "and keeps it");
}

#[tokio::test]
async fn a_session_the_server_forgot_is_opened_anew_and_the_call_made_once_more() {
    let setup = Setup::new().environment("REMOTE_KEY", "k");
    let remote = Remote::start(setup.path(), 0);
    let engine = setup.define("far", definition(&remote)).start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let before = text(&client.call("far__session", json!({})).await);
    client.call("far__forget", json!({})).await;
    let after = text(&client.call("far__session", json!({})).await);
    assert_ne!(before, after);
    assert_eq!(text(&client.call("far__echo", json!({"text": "on"})).await), "on");
}

#[tokio::test]
async fn a_remote_server_that_is_away_comes_back_when_it_does() {
    let setup = Setup::new().environment("REMOTE_KEY", "k").server("answers", "answers");
    let remote = Remote::start(setup.path(), 0);
    let (port, folder) = (remote.port, setup.path().to_path_buf());
    let definition = definition(&remote);
    drop(remote);
    let engine = setup.define("far", definition).start();
    engine.until_ready("answers").await;
    eventually("it is shown as away", SOON, async || {
        let health = engine.server_health("far").await;
        (health["state"]["kind"] == "waiting").then_some(())
    })
    .await;
    let _remote = Remote::start(&folder, port);
    engine.until_ready("far").await;
    let client = McpClient::open(&engine, "/mcp").await;
    assert_eq!(text(&client.call("far__echo", json!({"text": "back"})).await), "back");
}

#[tokio::test]
async fn a_refused_call_never_leaves_this_computer() {
    let setup = Setup::new().environment("REMOTE_KEY", "k");
    let remote = Remote::start(setup.path(), 0);
    let mut definition = definition(&remote);
    definition["drawbridge"] = json!({"preset": "allow", "tools": {"echo": "off"}});
    let engine = setup.define("far", definition).start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let refused = client.call("far__echo", json!({"text": "x"})).await;
    assert_eq!(refused["isError"], true);
    client.call("far__session", json!({})).await;
    let log = remote.log();
    assert_eq!(log.matches("\"method\":\"tools/call\"").count(), 1, "{log}");
}
