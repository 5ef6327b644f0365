//! The order of decision, record and server, and servers that start anew for each app.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use drawbridge_model::{ActivityOutcome, Mode};
use serde_json::json;
use support::server::Script;
use support::{CHAT, Stage, said, until};

#[tokio::test]
async fn a_call_is_on_record_while_it_runs() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let line = app.start("tools/call", json!({"name": "files__wait"})).await;
    until("the call arrives", async || files.heard("tools/call").pop()).await;
    let entries = stage.record().await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].subject.as_deref(), entries[0].outcome), (Some("wait"), None));
    drop(line);
    assert_eq!(stage.entries(1).await[0].outcome, Some(ActivityOutcome::Cancelled));
}

#[tokio::test]
async fn a_switch_turned_while_a_call_waits_for_its_server_counts() {
    let stage = Stage::new().await;
    let files = stage.add_per_app("files").await;
    let mut app = stage.app("/mcp").await;
    let mut line = app.start("tools/call", json!({"name": "files__echo"})).await;
    until("it is on record", async || stage.record().await.pop()).await;
    stage.set_mode("files", "echo", Mode::Off);
    files.let_one_start();
    let answer = line.answer().await.last_message();
    assert_eq!(answer["result"]["isError"], true);
    assert!(said(&answer).contains("switched off"), "{answer}");
    assert!(files.heard("tools/call").iter().all(|(_, calls)| calls.is_empty()));
    let entries = stage.entries(1).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].outcome, Some(ActivityOutcome::Refused));
    stage.set_mode("files", "echo", Mode::Allow);
    assert_eq!(said(&app.call("files__echo", json!({})).await), "editor: {}");
}

#[tokio::test]
async fn each_app_has_its_own_start_of_a_server_that_is_not_shared() {
    let stage = Stage::new().await;
    let files = stage.add_per_app("files").await;
    files.let_one_start();
    files.let_one_start();
    let mut editor = stage.app("/mcp").await;
    let mut chat = stage.app_with("/mcp/files", CHAT, "2025-11-25", json!({})).await;
    assert_eq!(chat.opening["serverInfo"]["name"], "chat");
    for _ in 0..2 {
        assert_eq!(said(&editor.call("files__echo", json!({})).await), "editor: {}");
        assert_eq!(said(&chat.call("echo", json!({})).await), "chat: {}");
    }
    assert_eq!(files.heard("initialize").len(), 2, "one start for each");
    let exposed = json!({"uri": "drawbridge+files:file:///a"});
    editor.ask("resources/subscribe", exposed.clone()).await;
    chat.ask("resources/subscribe", json!({"uri": "file:///a"})).await;
    for (client, told) in files.heard("resources/subscribe") {
        assert_eq!(told.len(), 1, "{client} is told on its own line");
    }
    editor.ask("resources/unsubscribe", exposed).await;
    let told = files.heard("resources/unsubscribe");
    let editors: Vec<_> = told.iter().filter(|(_, told)| !told.is_empty()).collect();
    assert_eq!(editors.len(), 1);
    assert_eq!(editors[0].0, "editor");
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer_and_entry() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    stage.add("notes", Script::Echo).await;
    let app = stage.app("/mcp").await;
    let calls = (0..100).map(|n| {
        let app = app.clone();
        async move {
            let name = if n % 2 == 0 { "files__echo" } else { "notes__echo" };
            let answer = app
                .post(&json!({"jsonrpc": "2.0", "id": n, "method": "tools/call",
                              "params": {"name": name, "arguments": {"n": n}}}))
                .await
                .last_message();
            let server = if n % 2 == 0 { "files" } else { "notes" };
            assert_eq!(answer["id"], n);
            assert_eq!(said(&answer), format!("{server}: {{\"n\":{n}}}"));
        }
    });
    futures_util::future::join_all(calls).await;
    let entries = stage.entries(100).await;
    assert_eq!(entries.len(), 100);
    assert!(entries.iter().all(|entry| entry.outcome == Some(ActivityOutcome::Succeeded)));
}
