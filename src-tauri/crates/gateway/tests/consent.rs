//! Calls that wait for the person: every answer, what may come in between, and that nothing runs
//! that was not allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use drawbridge_gateway::Limits;
use drawbridge_mcp::Offer;
use drawbridge_model::{ActivityOutcome, ActivityReason, Mode, ServerName};
use drawbridge_policy::{Answer, Lasts, Question, WAITING_PER_CLIENT};
use serde_json::json;
use support::http::Line;
use support::server::{Script, Scripted};
use support::{App, CHAT, Stage, quick, said, until};

/// A stage with a tool about which the person is asked, and an app.
async fn stage() -> (Stage, Scripted, App) {
    with(Limits { question_progress: Duration::from_millis(20), ..quick() }).await
}

async fn with(limits: Limits) -> (Stage, Scripted, App) {
    let stage = Stage::attended(limits).await;
    let files = stage.add("files", Script::Everything).await;
    stage.set_mode("files", "echo", Mode::Ask);
    let app = stage.app("/mcp").await;
    (stage, files, app)
}

/// Calls the tool and waits until the person is asked.
async fn asks(stage: &Stage, app: &mut App) -> (Line, u64) {
    let before = stage.shared.questions.waiting().len();
    let line = app
        .start("tools/call", json!({"name": "files__echo", "arguments": {"path": "/etc/hosts"}}))
        .await;
    let id = until("the person is asked", async || {
        let waiting = stage.shared.questions.waiting();
        (waiting.len() > before).then(|| waiting[before].0)
    })
    .await;
    (line, id)
}

/// Answers as the core does: what is remembered is remembered first.
fn answer(stage: &Stage, id: u64, answer: Answer) -> Arc<Question> {
    let taken = stage.shared.questions.take(id).expect("it waits");
    let question = Arc::clone(&taken.question);
    let lasts = match answer {
        Answer::AllowForSession => Some(Lasts::Session(question.session)),
        Answer::AlwaysAllow => Some(Lasts::Always),
        _ => None,
    };
    if let (Some(lasts), Some(fingerprint)) = (lasts, question.fingerprint) {
        stage.shared.answers.remember(question.about.clone(), lasts, fingerprint, 1);
        stage.shared.questions.rules_changed();
    }
    assert!(taken.answer(answer), "the call waits for it");
    question
}

/// The tool is another one from now on.
fn change_the_tool(stage: &Stage) {
    let mut offer: Offer = {
        let catalog = stage.shared.catalog.load();
        catalog.server("files").expect("it is there").offer.clone()
    };
    for tool in Arc::make_mut(&mut offer.tools) {
        tool.digest[0] ^= 1;
    }
    stage.shared.catalog.publish(&ServerName::new("files").unwrap(), offer);
    stage.shared.questions.rules_changed();
}

#[tokio::test]
async fn a_call_runs_once_it_is_allowed_and_the_next_one_is_asked_about_again() {
    let (stage, files, mut app) = stage().await;
    let (mut line, id) = asks(&stage, &mut app).await;
    assert!(files.heard("tools/call").is_empty(), "it waits");
    assert!(stage.record().await.is_empty(), "what waits has not begun");
    let question = answer(&stage, id, Answer::AllowOnce);
    assert_eq!(question.about.client.as_str(), "editor");
    assert_eq!(question.client_says.as_deref(), Some("test app 1"));
    assert_eq!(question.about.tool.as_str(), "echo");
    assert_eq!(question.arguments.as_deref(), Some(r#"{"path":"/etc/hosts"}"#));
    assert_eq!(question.expires_at - question.asked_at, 50_000);
    assert!(said(&line.answer().await.last_message()).starts_with("files: "));
    let entries = stage.entries(1).await;
    assert_eq!(entries[0].outcome, Some(ActivityOutcome::Succeeded));
    assert_eq!(entries[0].reason, Some(ActivityReason::Person));
    let (_line, _id) = asks(&stage, &mut app).await;
    assert_eq!(files.heard("tools/call").len(), 1);
}

#[tokio::test]
async fn what_is_denied_does_not_run_and_says_who_denied_it() {
    for no in [Answer::Deny, Answer::DenyAndSwitchOff] {
        let (stage, files, mut app) = stage().await;
        let (mut line, id) = asks(&stage, &mut app).await;
        answer(&stage, id, no);
        let message = line.answer().await.last_message();
        assert_eq!(message["result"]["isError"], true);
        assert!(said(&message).contains("the person at this computer denied it"), "{message}");
        assert!(files.heard("tools/call").is_empty());
        let entries = stage.entries(1).await;
        assert_eq!((entries.len(), entries[0].outcome), (1, Some(ActivityOutcome::Refused)));
    }
}

#[tokio::test]
async fn an_answer_for_the_session_holds_there_and_ends_with_it() {
    let (stage, files, mut app) = stage().await;
    let (mut line, id) = asks(&stage, &mut app).await;
    answer(&stage, id, Answer::AllowForSession);
    line.answer().await;
    assert!(said(&app.call("files__echo", json!({})).await).starts_with("files: "));
    let mut other = stage.app("/mcp").await;
    let (_waits, _) = asks(&stage, &mut other).await;
    app.end().await;
    assert!(stage.shared.answers.all().is_empty(), "it ended with the session");
    assert_eq!(files.heard("tools/call").len(), 2);
    let entry = stage.entries(2).await.remove(0);
    assert_eq!(entry.reason, Some(ActivityReason::RememberedAnswer));
    assert_eq!(entry.note.as_deref(), Some("Allowed by an answer for this session."));
}

#[tokio::test]
async fn always_means_this_app_and_this_tool_until_it_is_taken_back_or_changes() {
    let (stage, files, mut app) = stage().await;
    let (mut line, id) = asks(&stage, &mut app).await;
    answer(&stage, id, Answer::AlwaysAllow);
    line.answer().await;
    let mut later = stage.app("/mcp/files").await;
    assert!(said(&later.call("echo", json!({})).await).starts_with("files: "));
    assert_eq!(stage.shared.answers.all()[0].used(), 2, "each call that runs because of it");

    let mut chat = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    let (_other_app, _) = asks(&stage, &mut chat).await;
    let heard = files.heard("tools/call").len();

    change_the_tool(&stage);
    let (_changed, id) = asks(&stage, &mut app).await;
    answer(&stage, id, Answer::Deny);
    change_the_tool(&stage);
    assert!(said(&app.call("files__echo", json!({})).await).starts_with("files: "), "as it was");
    stage.shared.answers.take_back(|_| true);
    let (_taken_back, _) = asks(&stage, &mut app).await;
    assert_eq!(files.heard("tools/call").len(), heard + 1);
}

#[tokio::test]
async fn no_remembered_answer_softens_a_tool_that_asks_every_time() {
    let (stage, files, mut app) = stage().await;
    let (mut line, id) = asks(&stage, &mut app).await;
    let question = answer(&stage, id, Answer::AlwaysAllow);
    assert!(!question.every_time);
    line.answer().await;
    stage.set_mode("files", "echo", Mode::AskEveryTime);
    for heard in [1, 2] {
        let (mut line, id) = asks(&stage, &mut app).await;
        assert_eq!(files.heard("tools/call").len(), heard);
        assert!(answer(&stage, id, Answer::AllowOnce).every_time);
        assert!(said(&line.answer().await.last_message()).starts_with("files: "));
    }
}

#[tokio::test]
async fn a_tool_that_changes_while_the_person_thinks_does_not_run() {
    for yes in [Answer::AllowOnce, Answer::AllowForSession, Answer::AlwaysAllow] {
        let (stage, files, mut app) = stage().await;
        let (mut line, id) = asks(&stage, &mut app).await;
        change_the_tool(&stage);
        answer(&stage, id, yes);
        let message = line.answer().await.last_message();
        assert!(said(&message).contains("what was allowed changed"), "{yes:?}: {message}");
        assert!(files.heard("tools/call").is_empty(), "{yes:?}");
    }
}

#[tokio::test]
async fn switches_that_are_turned_while_it_waits_decide_at_once() {
    let (stage, files, mut app) = stage().await;
    let (mut line, _) = asks(&stage, &mut app).await;
    stage.set_mode("files", "echo", Mode::Off);
    let message = line.answer().await.last_message();
    assert!(said(&message).contains("the tool is switched off"), "{message}");

    stage.set_mode("files", "echo", Mode::Ask);
    let (mut line, _) = asks(&stage, &mut app).await;
    stage.policy(|policy| policy.paused = true);
    let message = line.answer().await.last_message();
    assert!(said(&message).contains("all tools are paused"), "{message}");
    stage.policy(|policy| policy.paused = false);
    assert!(files.heard("tools/call").is_empty());

    let (mut line, _) = asks(&stage, &mut app).await;
    stage.set_mode("files", "echo", Mode::Allow);
    assert!(said(&line.answer().await.last_message()).starts_with("files: "));
    assert!(stage.shared.questions.waiting().is_empty());
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_denied_in_time() {
    let short = Duration::from_millis(150);
    let (stage, files, mut app) = with(Limits { question_time: short, ..quick() }).await;
    let (mut line, _) = asks(&stage, &mut app).await;
    let message = line.answer().await.last_message();
    assert!(said(&message).contains("nobody answered in time"), "{message}");
    assert!(stage.shared.questions.waiting().is_empty());
    assert!(files.heard("tools/call").is_empty());
    assert_eq!(stage.entries(1).await[0].outcome, Some(ActivityOutcome::Refused));
}

#[tokio::test]
async fn an_app_that_takes_progress_is_told_that_its_call_goes_on_and_has_more_time() {
    let (stage, files, mut app) = stage().await;
    let mut line = app
        .start("tools/call", json!({"name": "files__echo", "_meta": {"progressToken": "mine"}}))
        .await;
    line.head().await;
    let mut last = 0.0;
    for _ in 0..3 {
        let message = line.message().await.expect("it is told");
        assert_eq!(message["method"], "notifications/progress");
        assert_eq!(message["params"]["progressToken"], "mine");
        assert_eq!(message["params"]["message"], "Waiting for an answer in Drawbridge.");
        let progress = message["params"]["progress"].as_f64().expect("a number");
        assert!(progress > last && progress < 1.0);
        last = progress;
    }
    let (id, question) = stage.shared.questions.waiting().remove(0);
    assert_eq!(question.expires_at - question.asked_at, 5 * 60 * 1000);
    assert!(files.heard("tools/call").is_empty());
    answer(&stage, id, Answer::AllowOnce);
    until("the answer comes", async || {
        let message = line.message().await.expect("it goes on");
        message["result"].is_object().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_question_is_withdrawn_when_its_app_cancels_leaves_or_closes_its_session() {
    let (stage, files, mut app) = stage().await;
    let withdrawn = async || {
        until("it is withdrawn", async || {
            stage.shared.questions.waiting().is_empty().then_some(())
        })
        .await;
    };
    let (_line, _) = asks(&stage, &mut app).await;
    app.tell(json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": app.last_id}}))
        .await;
    withdrawn().await;

    let (line, _) = asks(&stage, &mut app).await;
    drop(line);
    withdrawn().await;

    let (mut line, _) = asks(&stage, &mut app).await;
    app.end().await;
    withdrawn().await;
    let message = line.answer().await.last_message();
    assert!(said(&message).contains("The session was closed"), "{message}");

    assert!(files.heard("tools/call").is_empty());
    let entries = stage.entries(3).await;
    assert!(entries.iter().all(|entry| entry.outcome == Some(ActivityOutcome::Cancelled)));
    let notes: Vec<_> = entries.iter().rev().filter_map(|entry| entry.note.as_deref()).collect();
    assert_eq!(
        notes,
        [
            "The app cancelled it before it was answered.",
            "The app went away before it was answered.",
            "The session was closed before it was answered."
        ]
    );
}

#[tokio::test]
async fn a_flood_of_questions_is_refused_and_leaves_other_apps_their_turn() {
    let (stage, files, mut app) = stage().await;
    let mut lines = Vec::new();
    for _ in 0..WAITING_PER_CLIENT {
        lines.push(asks(&stage, &mut app).await.0);
    }
    let message = app.call("files__echo", json!({})).await;
    assert!(said(&message).contains("too many of this app's calls"), "{message}");
    let mut chat = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    let (_line, id) = asks(&stage, &mut chat).await;
    answer(&stage, id, Answer::AllowOnce);
    until("the other app's call runs", async || files.heard("tools/call").pop()).await;
    assert_eq!(files.heard("tools/call").len(), 1);
}

#[tokio::test]
async fn what_nobody_can_look_through_is_refused_without_a_question() {
    let (stage, files, mut app) = with(Limits { body_bytes: 1024 * 1024, ..quick() }).await;
    let nested = |depth: usize| {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let too_deep = json!({"x": nested(64)});
    let too_long = json!({"x": "y".repeat(256 * 1024)});
    for arguments in [too_deep, too_long] {
        let message = app.call("files__echo", arguments).await;
        assert!(said(&message).contains("too long to be shown"), "{}", said(&message));
    }
    assert!(stage.shared.questions.waiting().is_empty());
    let just_right = json!({"x": nested(63), "brackets": "[".repeat(100), "quote": "\"[[\\"});
    let mut line =
        app.start("tools/call", json!({"name": "files__echo", "arguments": just_right})).await;
    let id = until("the person is asked", async || {
        stage.shared.questions.waiting().first().map(|(id, _)| *id)
    })
    .await;
    answer(&stage, id, Answer::AllowOnce);
    line.answer().await;
    assert_eq!(files.heard("tools/call").len(), 1);
}

#[tokio::test]
async fn quitting_does_not_wait_for_an_answer() {
    let (stage, files, mut app) = stage().await;
    let (mut line, _) = asks(&stage, &mut app).await;
    let drained = stage.gateway.drain(Duration::from_secs(30));
    tokio::time::timeout(Duration::from_secs(5), drained).await.expect("in a moment");
    let message = line.answer().await.last_message();
    assert!(said(&message).contains("Drawbridge is quitting"), "{message}");
    assert!(files.heard("tools/call").is_empty());
}
