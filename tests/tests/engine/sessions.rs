//! Sessions are a place to stand, never a right to enter.

use drawbridge_tests::{McpClient, Setup, TestEngine};
use serde_json::json;

const OTHER: &str = "db_other-0123456789abcdefghijklmnopqrstuvwxyzABCD";

/// An engine with a second client whose token stands in its environment.
async fn engine() -> TestEngine {
    let mut engine = Setup::new()
        .server("answers", "answers")
        .environment("DRAWBRIDGE_OTHER_TOKEN", OTHER)
        .start_ready()
        .await;
    let client = McpClient::open(&engine, "/mcp").await;
    engine.edit(|config| {
        config["clients"]["other"] = json!({"token": "${env:DRAWBRIDGE_OTHER_TOKEN}"});
    });
    drawbridge_tests::eventually(
        "the second client is let in",
        drawbridge_tests::wait::SOON,
        async || {
            let mut other = McpClient::unopened(&engine, "/mcp", OTHER);
            other.set_session(client.session());
            (other.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await.status()
                != 401)
                .then_some(())
        },
    )
    .await;
    engine
}

#[tokio::test]
async fn the_right_session_with_the_wrong_token_is_nobody() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let mut client = McpClient::open(&engine, "/mcp").await;
    client.set_token("db_wrong");
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(client.send(&message).await.status(), 401);
    assert_eq!(client.close().await, 401);
}

#[tokio::test]
async fn another_clients_session_is_as_unknown_as_none() {
    let engine = engine().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut other = McpClient::open_as(&engine, "/mcp", OTHER, json!({})).await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(other.send(&message).await.status(), 200, "its own session works");
    other.set_session(client.session());
    assert_eq!(other.send(&message).await.status(), 404);
    assert_eq!(other.close().await, 404);
    assert!(client.tools().await.len() > 1, "the session it reached for still lives");
}

#[tokio::test]
async fn a_session_that_is_unknown_or_ended_gets_404_and_none_at_all_400() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let mut client = McpClient::open(&engine, "/mcp").await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(client.send(&message).await.status(), 200);
    assert!([200, 204].contains(&client.close().await), "a client may end its session");
    assert_eq!(client.send(&message).await.status(), 404, "ended");
    client.set_session("no-such-session");
    assert_eq!(client.send(&message).await.status(), 404, "unknown");
    client.set_session("");
    assert_eq!(client.send(&message).await.status(), 400, "none");
    let again = McpClient::open(&engine, "/mcp").await;
    assert_ne!(again.session(), "");
}

#[tokio::test]
async fn session_ids_are_visible_ascii_and_never_the_same() {
    let engine = Setup::new().start();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..8 {
        let client = McpClient::open(&engine, "/mcp").await;
        let id = client.session().to_owned();
        assert!(id.len() >= 22, "128 bits at least: {id}");
        assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id}");
        assert!(ids.insert(id));
        client.close().await;
    }
}

#[tokio::test]
async fn a_session_of_one_route_is_not_one_of_another() {
    let engine =
        Setup::new().server("answers", "answers").server("other", "answers").start_ready().await;
    let one = McpClient::open(&engine, "/mcp/answers").await;
    let mut stray = McpClient::open(&engine, "/mcp/other").await;
    stray.set_session(one.session());
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(stray.send(&message).await.status(), 404);
}

#[tokio::test]
async fn every_legacy_revision_is_answered_with_itself_and_an_unknown_one_with_the_newest() {
    let engine = Setup::new().start();
    for (asked, given) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let client = McpClient::unopened(&engine, "/mcp", &engine.token);
        let answer = client
            .send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": asked, "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"}}}))
            .await;
        let body = answer.text().await.unwrap();
        assert!(body.contains(&format!("\"protocolVersion\":\"{given}\"")), "{asked}: {body}");
    }
}

#[tokio::test]
async fn a_removed_client_is_refused_at_its_next_request() {
    let mut engine = engine().await;
    let other = McpClient::open_as(&engine, "/mcp", OTHER, json!({})).await;
    let mine = McpClient::open(&engine, "/mcp").await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(other.send(&message).await.status(), 200);
    engine.edit(|config| {
        config["clients"].as_object_mut().unwrap().remove("other");
    });
    drawbridge_tests::eventually("it is refused", drawbridge_tests::wait::SOON, async || {
        (other.send(&message).await.status() == 401).then_some(())
    })
    .await;
    assert_eq!(mine.send(&message).await.status(), 200);
}
