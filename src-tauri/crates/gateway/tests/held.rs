//! Tools nobody has looked at, pauses of one app or server, and calls the person cancels.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::sync::Arc;

use drawbridge_gateway::CallsOf;
use drawbridge_model::{ActivityOutcome, ClientName};
use drawbridge_policy::Known;
use serde_json::{Value, json};
use support::server::{Script, Scripted};
use support::{App, CHAT, Stage, names, quick, said, server, until};

async fn stage() -> (Stage, Scripted, App) {
    let stage = Stage::attended(quick()).await;
    let files = stage.add("files", Script::Everything).await;
    let app = stage.app("/mcp").await;
    (stage, files, app)
}

/// Takes the tools as they are now as seen, but for those named.
fn see_all_but(stage: &Stage, unseen: &[&str]) {
    let catalog = stage.shared.catalog.snapshot();
    let tools = &catalog.server("files").expect("it is there").offer.tools;
    let seen = tools.iter().filter(|tool| !unseen.contains(&tool.name.as_str()));
    let seen = seen.map(|tool| (tool.name.clone(), tool.digest.into())).collect();
    stage.policy(|policy| {
        policy.servers.get_mut("files").unwrap().known = Known::Only(Arc::new(seen));
    });
}

fn change(stage: &Stage, name: &str) {
    let mut offer = stage.shared.catalog.load().server("files").unwrap().offer.clone();
    for tool in Arc::make_mut(&mut offer.tools) {
        if tool.name.as_str() == name {
            tool.digest[0] = tool.digest[0].wrapping_add(1);
        }
    }
    stage.shared.catalog.publish(&server("files"), offer);
}

#[tokio::test]
async fn a_tool_nobody_has_looked_at_is_not_listed_and_refused_on_both_addresses() {
    let (stage, files, mut app) = stage().await;
    see_all_but(&stage, &["echo"]);
    let mut single = stage.app("/mcp/files").await;
    for (app, name, other) in
        [(&mut app, "files__echo", "files__fail"), (&mut single, "echo", "fail")]
    {
        let list = app.ask("tools/list", json!({})).await;
        let listed = names(&list, "tools", "name");
        assert!(!listed.contains(&name) && listed.contains(&other), "{listed:?}");
        let refused = app.call(name, json!({})).await;
        assert_eq!(refused["result"]["isError"], true);
        assert!(said(&refused).contains("nobody has looked at it yet"), "{refused}");
    }
    assert!(files.heard("tools/call").is_empty());
    assert_eq!(stage.entries(2).await[0].outcome, Some(ActivityOutcome::Refused));

    see_all_but(&stage, &[]);
    assert!(app.call("files__echo", json!({})).await["result"]["isError"].is_null());
    change(&stage, "echo");
    let refused = app.call("files__echo", json!({})).await;
    assert!(said(&refused).contains("nobody has looked at it yet"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be_away_and_not_to_be_new() {
    let (stage, _files, mut app) = stage().await;
    see_all_but(&stage, &[]);
    stage.shared.catalog.withdraw(&server("files"));
    let sentence = "The server \"files\" is stopped.".to_owned();
    let away = drawbridge_mcp::Upstream::NotReady { sentence };
    stage.shared.upstreams.set(&server("files"), away);
    let answer = app.call("files__echo", json!({})).await;
    assert!(said(&answer).contains("is stopped"), "{answer}");
}

#[tokio::test]
async fn a_pause_of_one_app_or_one_server_stops_that_alone() {
    let (stage, _files, mut editor) = stage().await;
    let other = stage.add("mail", Script::Everything).await;
    let mut chat = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    let refused = |answer: &Value| answer["result"]["isError"] == true;

    let client = ClientName::new("editor").unwrap();
    stage.policy(|policy| {
        policy.paused_clients.insert(client);
    });
    let answer = editor.call("files__echo", json!({})).await;
    assert!(said(&answer).contains("the person paused this app"), "{answer}");
    let list = editor.ask("tools/list", json!({})).await;
    assert!(names(&list, "tools", "name").contains(&"files__echo"), "lists stay as they are");
    let read = editor.ask("resources/read", json!({"uri": "drawbridge+files:file:///a"})).await;
    assert!(read["error"]["message"].as_str().unwrap().contains("paused this app"), "{read}");
    assert!(!refused(&chat.call("files__echo", json!({})).await), "another app goes on");

    stage.policy(|policy| {
        policy.paused_clients.clear();
        policy.servers.get_mut("files").unwrap().paused = true;
    });
    let answer = editor.call("files__echo", json!({})).await;
    assert!(said(&answer).contains("the server is paused"), "{answer}");
    assert!(!refused(&editor.call("mail__echo", json!({})).await), "another server goes on");
    assert_eq!(other.heard("tools/call").len(), 1);
}

#[tokio::test]
async fn calls_under_way_are_counted_and_end_where_the_person_wants_it() {
    let (stage, files, mut editor) = stage().await;
    stage.add("mail", Script::Everything).await;
    let mut chat = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    let wait = |name: &str| json!({"name": name, "arguments": {}});
    let mut first = editor.start("tools/call", wait("files__wait")).await;
    let mut second = editor.start("tools/call", wait("mail__wait")).await;
    let mut third = chat.start("tools/call", wait("files__wait")).await;
    let count = |of: &CallsOf| stage.gateway.count_calls(of);
    until("all are under way", async || (count(&CallsOf::All) == 3).then_some(())).await;
    until("they are at their server", async || {
        (files.heard("tools/call").len() == 2).then_some(())
    })
    .await;
    let editors = CallsOf::Client(ClientName::new("editor").unwrap());
    assert_eq!((count(&editors), count(&CallsOf::Server(server("files")))), (2, 2));

    assert_eq!(stage.gateway.cancel_calls(&CallsOf::Server(server("mail"))), 1);
    let answer = second.answer().await.body;
    assert!(answer.contains("The person at this computer cancelled the call."), "{answer}");
    assert_eq!(stage.gateway.cancel_calls(&editors), 1, "the other one is gone already");
    assert!(first.answer().await.body.contains("cancelled the call"));
    until("its server is told", async || {
        (!files.heard("notifications/cancelled").is_empty()).then_some(())
    })
    .await;
    assert_eq!(stage.gateway.cancel_calls(&CallsOf::All), 1);
    assert!(third.answer().await.body.contains("cancelled the call"));
    assert_eq!(count(&CallsOf::All), 0);
    let ended = stage.entries(3).await;
    assert!(ended.iter().all(|entry| entry.outcome == Some(ActivityOutcome::Cancelled)));
}
