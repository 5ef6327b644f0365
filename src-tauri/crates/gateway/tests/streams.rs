//! What travels on streams: progress, questions, cancellation, list changes, resource updates and
//! log messages; and what becomes of a call whose app goes away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::time::Duration;

use drawbridge_gateway::Limits;
use drawbridge_model::{ActivityOutcome, Mode};
use serde_json::{Value, json};
use support::server::{Script, Scripted};
use support::{App, CHAT, EDITOR, Stage, quick, said, until};

async fn hears(server: &Scripted, method: &str) -> Value {
    until(method, async || server.heard(method).pop()).await
}

#[tokio::test]
async fn progress_comes_on_the_stream_of_its_call_in_order_and_with_the_apps_own_token() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    for token in [json!("mine"), json!(7)] {
        let params = json!({"name": "files__progress", "_meta": {"progressToken": token}});
        let answer = app.start("tools/call", params).await.answer().await;
        assert!(answer.is_stream());
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        let messages = answer.messages();
        let steps: Vec<_> = messages[..3].iter().map(|m| &m["params"]["progress"]).collect();
        assert_eq!(steps, [1, 2, 3]);
        assert!(messages[..3].iter().all(|m| m["params"]["progressToken"] == token));
        assert_eq!(said(&messages[3]), "done");
        assert_eq!(messages.len(), 4, "the answer ends the stream");
    }
    let sent = &files.heard("tools/call")[0]["params"]["_meta"]["progressToken"];
    assert_ne!(*sent, "mine", "the server gets a token of ours");
}

#[tokio::test]
async fn an_answer_takes_the_form_the_app_accepts() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let app = stage.app("/mcp").await;
    let body = |name: &str| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
               "params": {"name": name, "_meta": {"progressToken": 1}}})
        .to_string()
    };
    for (name, accept, stream, messages) in [
        ("files__echo", "application/json, text/event-stream", false, 1),
        ("files__echo", "*/*", false, 1),
        ("files__echo", "text/event-stream", true, 1),
        ("files__progress", "application/json, text/event-stream", true, 4),
        ("files__progress", "application/json", false, 1),
        ("files__slow", "application/json, text/event-stream", true, 1),
        ("files__slow", "application/json", false, 1),
    ] {
        let answer = app.post_raw(&body(name), accept).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.is_stream(), stream, "{name} for {accept}");
        assert_eq!(answer.messages().len(), messages, "{name} for {accept}");
    }
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert!(app.post_raw(ping, "text/event-stream").await.is_stream());
    assert_eq!(app.post_raw(ping, "text/html").await.status, 406);
}

#[tokio::test]
async fn a_question_goes_to_the_app_whose_call_is_in_flight_and_its_answer_back() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let features = json!({"elicitation": {}, "sampling": {}});
    for (path, name, method) in [
        ("/mcp", "files__ask", "elicitation/create"),
        ("/mcp/files", "sample", "sampling/createMessage"),
    ] {
        let mut app = stage.app_with(path, EDITOR, "2025-11-25", features.clone()).await;
        let mut line = app.start("tools/call", json!({"name": name})).await;
        assert!(line.head().await.is_stream());
        let question = line.message().await.unwrap();
        assert_eq!(question["method"], method);
        let id = &question["id"];
        assert!(id.is_u64(), "an id of ours: {question}");
        let other = stage.app_with(path, CHAT, "2025-11-25", features.clone()).await;
        other.tell(json!({"jsonrpc": "2.0", "id": id, "result": {"action": "decline"}})).await;
        app.tell(json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept"}})).await;
        let answer = line.message().await.unwrap();
        assert_eq!(said(&answer), r#"result {"action":"accept"}"#);
        assert_eq!(line.message().await, None);
        app.tell(json!({"jsonrpc": "2.0", "id": id, "result": {}})).await;
    }
}

#[tokio::test]
async fn a_question_nobody_can_be_asked_is_refused_at_once() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let able = json!({"elicitation": {}});
    for (capabilities, accept) in
        [(json!({}), "application/json, text/event-stream"), (able.clone(), "application/json")]
    {
        let app = stage.app_with("/mcp", EDITOR, "2025-11-25", capabilities).await;
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                          "params": {"name": "files__ask"}});
        let answer = app.post_raw(&body.to_string(), accept).await.last_message();
        assert!(said(&answer).starts_with("error "), "{answer}");
    }
    // The same app could answer if it took a stream.
    let mut app = stage.app_with("/mcp", EDITOR, "2025-11-25", able).await;
    let mut line = app.start("tools/call", json!({"name": "files__ask"})).await;
    line.head().await;
    let id = line.message().await.unwrap()["id"].clone();
    app.tell(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -1, "message": "no"}})).await;
    assert_eq!(said(&line.message().await.unwrap()), r#"error {"code":-1,"message":"no"}"#);
}

#[tokio::test]
async fn a_question_its_server_takes_back_is_taken_back_from_the_app() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let features = json!({"elicitation": {}});
    let mut app = stage.app_with("/mcp", EDITOR, "2025-11-25", features).await;
    let mut line = app.start("tools/call", json!({"name": "files__ask"})).await;
    line.head().await;
    let id = line.message().await.unwrap()["id"].clone();
    files.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
                      "params": {"requestId": "q1"}}));
    let cancelled = line.message().await.unwrap();
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], id);
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_its_server_and_on_record() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let mut other = stage.app("/mcp").await;
    let mut line = app.start("tools/call", json!({"name": "files__wait"})).await;
    assert!(line.head().await.is_stream(), "it takes long, so it is a stream");
    let sent = hears(&files, "tools/call").await["id"].clone();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
                        "params": {"requestId": app.last_id, "reason": "changed my mind"}});
    other.tell(cancel.clone()).await;
    assert!(files.heard("notifications/cancelled").is_empty(), "only its own session may");
    app.tell(cancel).await;
    let heard = hears(&files, "notifications/cancelled").await;
    assert_eq!(heard["params"], json!({"requestId": sent, "reason": "changed my mind"}));
    assert_eq!(line.message().await, None, "no answer follows");
    assert_eq!(stage.entries(1).await[0].outcome, Some(ActivityOutcome::Cancelled));
    assert_eq!(said(&other.call("files__echo", json!({})).await), "files: {}");
}

#[tokio::test]
async fn a_call_ends_after_the_longest_time_whatever_its_server_says_meanwhile() {
    let call_time = Duration::from_secs(2);
    let stage = Stage::with(Limits { call_time, ..quick() }).await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let params = json!({"name": "files__wait", "_meta": {"progressToken": 1}});
    let mut line = app.start("tools/call", params).await;
    assert!(line.head().await.is_stream());
    let sent = hears(&files, "tools/call").await;
    let (token, mut steps) = (&sent["params"]["_meta"]["progressToken"], 0);
    let answer = loop {
        let params = json!({"progressToken": token, "progress": steps});
        files.say(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
        let message = line.message().await.expect("an answer comes");
        if message["method"] != "notifications/progress" {
            break message;
        }
        steps += 1;
        assert!(steps < 100, "it is never ended");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(steps > 2, "it went on for a while: {steps}");
    assert_eq!(said(&answer), "The server did not finish within 2 seconds, so the call was ended.");
    assert_eq!(answer["result"]["isError"], true);
    let heard = hears(&files, "notifications/cancelled").await;
    assert_eq!(heard["params"]["requestId"], sent["id"]);
    let entry = stage.entries(1).await.remove(0);
    assert_eq!(entry.outcome, Some(ActivityOutcome::Failed));
    assert_eq!(said(&app.call("files__echo", json!({})).await), "files: {}");
}

#[tokio::test]
async fn an_id_can_be_in_flight_only_once() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let _line = app.start("tools/call", json!({"name": "files__wait"})).await;
    hears(&files, "tools/call").await;
    app.last_id -= 1;
    let again = app.call("files__echo", json!({})).await;
    assert_eq!(again["error"]["code"], -32600);
    assert_eq!(said(&app.call("files__echo", json!({})).await), "files: {}");
}

#[tokio::test]
async fn a_call_whose_app_goes_away_is_cancelled_after_the_grace() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let line = app.start("tools/call", json!({"name": "files__wait"})).await;
    hears(&files, "tools/call").await;
    drop(line);
    hears(&files, "notifications/cancelled").await;
    let entries = stage.entries(1).await;
    assert_eq!(entries[0].outcome, Some(ActivityOutcome::Cancelled));
    assert!(entries[0].note.as_deref().unwrap().contains("went away"));
    // The same once its answer has become a stream.
    let mut line = app.start("tools/call", json!({"name": "files__wait"})).await;
    line.head().await;
    drop(line);
    assert_eq!(stage.entries(2).await[0].outcome, Some(ActivityOutcome::Cancelled));
}

#[tokio::test]
async fn a_call_whose_app_goes_away_runs_to_its_end_within_the_grace() {
    let limits = Limits { grace_after_loss: Duration::from_secs(30), ..quick() };
    let stage = Stage::with(limits).await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let line = app.start("tools/call", json!({"name": "files__slow"})).await;
    hears(&files, "tools/call").await;
    drop(line);
    assert_eq!(stage.entries(1).await[0].outcome, Some(ActivityOutcome::Succeeded));
    assert!(files.heard("notifications/cancelled").is_empty());
}

#[tokio::test]
async fn ending_a_session_cancels_its_calls_at_once_and_leaves_the_others() {
    let limits = Limits { grace_after_loss: Duration::from_secs(30), ..quick() };
    let stage = Stage::with(limits).await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let mut other = stage.app("/mcp").await;
    let mut listening = app.listen().await;
    assert!(listening.head().await.is_stream());
    let mut line = app.start("tools/call", json!({"name": "files__wait"})).await;
    hears(&files, "tools/call").await;
    assert_eq!(app.end().await.status, 204);
    hears(&files, "notifications/cancelled").await;
    let answer = line.answer().await.last_message();
    assert!(said(&answer).contains("session was closed"), "{answer}");
    while listening.event().await.is_some() {}
    assert_eq!(app.end().await.status, 404, "it has ended");
    assert_eq!(app.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await.status, 404);
    assert_eq!(stage.entries(1).await[0].outcome, Some(ActivityOutcome::Cancelled));
    assert_eq!(said(&other.call("files__echo", json!({})).await), "files: {}");
}

/// The first message of this method.
async fn next_of(line: &mut support::http::Line, method: &str) -> Value {
    loop {
        let message = line.message().await.expect("the stream goes on");
        if message["method"] == method {
            return message;
        }
    }
}

#[tokio::test]
async fn a_listening_stream_is_primed_kept_alive_and_told_of_list_changes() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    stage.add("notes", Script::Echo).await;
    let app = stage.app("/mcp").await;
    let single = stage.app("/mcp/notes").await;
    let mut line = app.listen().await;
    assert!(line.head().await.is_stream());
    let prime = line.event().await.unwrap();
    assert!(prime.contains("id: ") && prime.contains("retry: ") && prime.contains("data:"));
    assert_eq!(line.event().await.unwrap(), ":", "a comment keeps it alive");
    let mut quiet = single.listen().await;
    quiet.head().await;

    stage.set_mode("files", "echo", Mode::Off);
    next_of(&mut line, "notifications/tools/list_changed").await;
    stage.set_mode("notes", "echo", Mode::Off);
    next_of(&mut line, "notifications/tools/list_changed").await;
    let heard = quiet.message().await.unwrap();
    assert_eq!(heard["method"], "notifications/tools/list_changed");
    assert_eq!(quiet.event().await.as_deref(), Some(":"), "it hears of its own server alone");

    let old = stage.app_with("/mcp", EDITOR, "2025-03-26", json!({})).await;
    let mut line = old.listen().await;
    line.head().await;
    assert_eq!(
        line.event().await.unwrap(),
        "retry: 3000",
        "no event without data before 2025-11-25"
    );
}

#[tokio::test]
async fn a_message_goes_to_one_stream_and_a_list_change_waits_for_the_first() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let app = stage.app("/mcp").await;
    let other = stage.app("/mcp").await;
    let mut witness = other.listen().await;
    witness.head().await;
    for mode in [Mode::Off, Mode::Allow] {
        stage.set_mode("files", "echo", mode);
        next_of(&mut witness, "notifications/tools/list_changed").await;
    }
    let mut first = app.listen().await;
    first.head().await;
    next_of(&mut first, "notifications/tools/list_changed").await;
    let mut second = app.listen().await;
    second.head().await;
    second.event().await;
    stage.set_mode("files", "echo", Mode::Off);
    next_of(&mut second, "notifications/tools/list_changed").await;
    assert_eq!(first.event().await.as_deref(), Some(":"), "told once, on the newest stream");
}

#[tokio::test]
async fn a_server_is_told_once_who_listens_and_everyone_who_does_is_told_of_a_change() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let exposed = json!({"uri": "drawbridge+files:file:///a"});
    let mut first = stage.app("/mcp").await;
    let mut second = stage.app("/mcp/files").await;
    let third = stage.app("/mcp").await;
    let mut lines = Vec::new();
    for app in [&first, &second, &third] {
        let mut line = app.listen().await;
        line.head().await;
        lines.push(line);
    }
    assert_eq!(first.ask("resources/subscribe", exposed.clone()).await["result"], json!({}));
    let own = json!({"uri": "file:///a"});
    assert_eq!(second.ask("resources/subscribe", own.clone()).await["result"], json!({}));
    let told = files.heard("resources/subscribe");
    assert_eq!(told.len(), 1, "one subscription for both");
    assert_eq!(told[0]["params"]["uri"], "file:///a");

    let update = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated",
                        "params": {"uri": "file:///a", "x": 1}});
    files.say(&update);
    let heard = next_of(&mut lines[0], "notifications/resources/updated").await;
    assert_eq!(heard["params"], json!({"uri": "drawbridge+files:file:///a", "x": 1}));
    let heard = next_of(&mut lines[1], "notifications/resources/updated").await;
    assert_eq!(heard["params"], json!({"uri": "file:///a", "x": 1}));
    stage.set_mode("files", "echo", Mode::Off);
    let heard = lines[2].message().await.unwrap();
    assert_eq!(heard["method"], "notifications/tools/list_changed", "it never subscribed");

    first.ask("resources/unsubscribe", exposed).await;
    assert!(files.heard("resources/unsubscribe").is_empty(), "one still listens");
    second.end().await;
    hears(&files, "resources/unsubscribe").await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_told_again() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    app.ask("resources/subscribe", json!({"uri": "drawbridge+files:file:///a"})).await;
    app.ask("logging/setLevel", json!({"level": "error"})).await;
    assert_eq!(hears(&files, "logging/setLevel").await["params"]["level"], "error");
    files.crash();
    let again = stage.add("files", Script::Everything).await;
    assert_eq!(hears(&again, "resources/subscribe").await["params"]["uri"], "file:///a");
    assert_eq!(hears(&again, "logging/setLevel").await["params"]["level"], "error");
}

#[tokio::test]
async fn each_session_hears_from_its_level_on_and_the_server_logs_what_any_needs() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut verbose = stage.app("/mcp").await;
    let mut terse = stage.app("/mcp/files").await;
    let usual = stage.app("/mcp").await;
    let mut lines = Vec::new();
    for app in [&verbose, &terse, &usual] {
        let mut line = app.listen().await;
        line.head().await;
        lines.push(line);
    }
    let wrong = verbose.ask("logging/setLevel", json!({"level": "loud"})).await;
    assert_eq!(wrong["error"]["code"], -32602);
    terse.ask("logging/setLevel", json!({"level": "error"})).await;
    assert_eq!(hears(&files, "logging/setLevel").await["params"]["level"], "error");
    verbose.ask("logging/setLevel", json!({"level": "debug"})).await;
    until("it is told", async || (files.heard("logging/setLevel").len() == 2).then_some(())).await;
    assert_eq!(files.heard("logging/setLevel")[1]["params"]["level"], "debug");

    let mut caller = stage.app("/mcp").await;
    caller.call("files__log", json!({})).await;
    files.say(&json!({"jsonrpc": "2.0", "method": "notifications/message",
                      "params": {"level": "alert", "data": "last"}}));
    for (line, wanted) in
        lines.iter_mut().zip([vec!["fine", "coarse", "last"], vec!["last"], vec!["coarse", "last"]])
    {
        for data in wanted {
            let heard = next_of(line, "notifications/message").await;
            assert_eq!(heard["params"]["data"], data);
        }
    }
    verbose.end().await;
    until("it may be terse again", async || {
        (files.heard("logging/setLevel").last()?["params"]["level"] == "error").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_app_that_reads_slowly_holds_up_nobody_else() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let slow = stage.app("/mcp").await;
    let mut line = slow.listen().await;
    line.head().await;
    let big = "x".repeat(16 * 1024);
    for _ in 0..400 {
        files.say(&json!({"jsonrpc": "2.0", "method": "notifications/message",
                          "params": {"level": "alert", "data": big}}));
    }
    let mut app: App = stage.app("/mcp").await;
    assert_eq!(said(&app.call("files__echo", json!({})).await), "files: {}");
}
