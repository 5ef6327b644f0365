//! What stands on record about a call: who asked, what was decided and why, which request it was on
//! both sides, and no more of its content than the person wants kept.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use drawbridge_audit::EntryDetail;
use drawbridge_model::{
    ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason, Mode, RecordRule, SecretsRule,
};
use drawbridge_policy::{Answer, Known};
use serde_json::json;
use support::server::{Script, Scripted, token};
use support::{App, Stage, quick, until};

async fn stage() -> (Stage, Scripted, App) {
    let stage = Stage::attended(quick()).await;
    let files = stage.add("files", Script::Everything).await;
    let app = stage.app("/mcp").await;
    (stage, files, app)
}

/// The newest entry, once it is the `count`th and has ended.
async fn newest(stage: &Stage, count: usize) -> EntryDetail {
    let entry = stage.entries(count).await.remove(0);
    stage.record.entry(entry.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_call_is_on_record_with_its_ids_on_both_sides() {
    let (stage, files, mut app) = stage().await;
    app.call("files__echo", json!({"path": "/notes.md"})).await;
    let detail = newest(&stage, 1).await;
    assert_eq!(detail.entry.kind, ActivityKind::ToolCall);
    assert_eq!(detail.entry.client.as_deref(), Some("editor"));
    assert_eq!(detail.entry.client_says.as_deref(), Some("test app 1"));
    assert_eq!(detail.entry.server.as_deref(), Some("files"));
    assert_eq!(detail.entry.subject.as_deref(), Some("echo"));
    assert_eq!(detail.entry.decision, Some(ActivityDecision::Allowed));
    assert_eq!(detail.entry.reason, Some(ActivityReason::Mode));
    let heard = files.heard("tools/call").remove(0);
    assert_eq!(detail.upstream_request, heard["id"].as_i64());
    assert!(detail.request.is_some(), "the app's own id");
    assert!(detail.ended_at.unwrap() >= detail.entry.at);
    assert_eq!(detail.arguments_bytes, Some(20));
    // An id without end is not written down, and does no harm.
    let long = "x".repeat(5_000);
    let call = json!({"jsonrpc": "2.0", "id": long, "method": "tools/call",
        "params": {"name": "files__echo", "arguments": {}}});
    assert_eq!(app.post(&call).await.last_message()["id"], long);
    assert_eq!(newest(&stage, 2).await.request, None);
}

#[tokio::test]
async fn each_decision_is_on_record_with_its_reason() {
    let (stage, files, mut app) = stage().await;
    let mut count = 0;
    let mut check = async |app: &mut App, decision, reason, what: &str| {
        app.call("files__echo", json!({"key": token()})).await;
        count += 1;
        let entry = newest(&stage, count).await.entry;
        assert_eq!((entry.decision, entry.reason), (Some(decision), Some(reason)), "{what}");
    };
    let (allowed, refused) = (ActivityDecision::Allowed, ActivityDecision::Refused);
    check(&mut app, allowed, ActivityReason::Mode, "allowed").await;
    stage.policy(|policy| policy.paused = true);
    check(&mut app, refused, ActivityReason::Pause, "paused").await;
    stage.policy(|policy| policy.paused = false);
    stage.set_mode("files", "echo", Mode::Off);
    check(&mut app, refused, ActivityReason::Mode, "off").await;
    stage.set_mode("files", "echo", Mode::Allow);
    let known = |known| stage.policy(|p| p.servers.get_mut("files").unwrap().known = known);
    known(Known::Only(std::sync::Arc::default()));
    check(&mut app, refused, ActivityReason::Pin, "not looked at").await;
    known(Known::All);
    stage.policy(|p| p.servers.get_mut("files").unwrap().secrets = SecretsRule::Block);
    check(&mut app, refused, ActivityReason::Scan, "a key").await;
    stage.policy(|p| p.servers.get_mut("files").unwrap().secrets = SecretsRule::Mark);
    assert_eq!(files.heard("tools/call").len(), 1);
}

#[tokio::test]
async fn how_long_the_person_took_and_what_they_said_is_on_record() {
    let (stage, _files, mut app) = stage().await;
    stage.set_mode("files", "echo", Mode::Ask);
    for (count, (answer, decision)) in
        [(Answer::AllowOnce, ActivityDecision::Allowed), (Answer::Deny, ActivityDecision::Refused)]
            .into_iter()
            .enumerate()
    {
        let params = json!({"name": "files__echo", "arguments": {}});
        let mut line = app.start("tools/call", params).await;
        let waiting = async || stage.shared.questions.waiting().first().map(|(id, _)| *id);
        let id = until("it is asked", waiting).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        let taken = stage.shared.questions.take(id).unwrap();
        assert!(taken.answer(answer));
        line.answer().await;
        let detail = newest(&stage, count + 1).await;
        assert_eq!(detail.entry.decision, Some(decision));
        assert_eq!(detail.entry.reason, Some(ActivityReason::Person));
        assert!(detail.waited.unwrap().as_millis() >= 30, "{:?}", detail.waited);
    }
}

#[tokio::test]
async fn no_more_is_kept_than_the_person_wants() {
    let (stage, _files, mut app) = stage().await;
    let rule = |rule| stage.policy(|p| p.servers.get_mut("files").unwrap().record = rule);
    let arguments = json!({"path": "/home/me/diary.md", "deep": {"word": "hunter2"}});

    rule(RecordRule::Shapes);
    app.call("files__echo", arguments.clone()).await;
    let shapes = newest(&stage, 1).await;
    assert_eq!(shapes.rule, RecordRule::Shapes);
    let kept = shapes.arguments.unwrap().text;
    assert!(kept.contains("\"path\":\"text of 17 characters\""), "{kept}");
    let result = shapes.result.unwrap().text;
    assert!(result.contains("\"content\""), "{result}");

    rule(RecordRule::Nothing);
    app.call("files__echo", arguments.clone()).await;
    let nothing = newest(&stage, 2).await;
    assert_eq!(nothing.rule, RecordRule::Nothing);
    assert_eq!(nothing.arguments_bytes, Some(arguments.to_string().len() as u64));
    assert!(nothing.result_bytes.unwrap() > 0);
    assert!(nothing.arguments.is_none_or(|kept| kept.text.is_empty()));
    assert!(nothing.result.is_none_or(|kept| kept.text.is_empty()));

    // What a server says about an error may hold content as well.
    app.call("files__fail", arguments.clone()).await;
    app.ask("resources/read", json!({"uri": "drawbridge+files:nowhere"})).await;
    for entry in stage.record().await {
        let detail = stage.record.entry(entry.id).await.unwrap().unwrap();
        let all = format!("{detail:?}");
        assert!(!all.contains("hunter2") && !all.contains("diary"), "{all}");
    }

    rule(RecordRule::Content);
    let before = stage.record().await.len();
    app.call("files__echo", arguments).await;
    let all = newest(&stage, before + 1).await;
    assert_eq!(all.rule, RecordRule::Content);
    assert_eq!(all.entry.outcome, Some(ActivityOutcome::Succeeded));
    assert!(all.arguments.unwrap().text.contains("hunter2"));
}

#[tokio::test]
async fn a_rule_that_is_tightened_while_a_call_runs_holds_for_its_result() {
    let (stage, _files, mut app) = stage().await;
    let mut line = app
        .start("tools/call", json!({"name": "files__slow", "arguments": {"word": "hunter2"}}))
        .await;
    until("it runs", async || stage.record().await.into_iter().next()).await;
    stage.policy(|p| p.servers.get_mut("files").unwrap().record = RecordRule::Nothing);
    line.answer().await;
    let detail = newest(&stage, 1).await;
    assert!(detail.result.is_none_or(|kept| kept.text.is_empty()));
}

#[tokio::test]
async fn a_rule_that_is_tightened_while_the_person_thinks_holds_for_the_arguments() {
    let (stage, _files, mut app) = stage().await;
    stage.set_mode("files", "echo", Mode::Ask);
    let params = json!({"name": "files__echo", "arguments": {"word": "hunter2"}});
    let mut line = app.start("tools/call", params).await;
    let waiting = async || stage.shared.questions.waiting().first().map(|(id, _)| *id);
    let id = until("it is asked", waiting).await;
    stage.policy(|p| p.servers.get_mut("files").unwrap().record = RecordRule::Nothing);
    assert!(stage.shared.questions.take(id).unwrap().answer(Answer::Deny));
    line.answer().await;
    let detail = newest(&stage, 1).await;
    assert_eq!(detail.rule, RecordRule::Nothing);
    assert!(detail.arguments_bytes.is_some_and(|bytes| bytes > 0));
    assert!(!format!("{detail:?}").contains("hunter2"), "{detail:?}");
}

#[tokio::test]
async fn a_name_without_end_is_cut_on_record() {
    let (stage, _files, mut app) = stage().await;
    let mut single = stage.app("/mcp/files").await;
    single.ask("resources/read", json!({"uri": format!("file:///{}", "x".repeat(30_000))})).await;
    app.call("files__echo", json!({})).await;
    for entry in stage.entries(2).await {
        assert!(entry.subject.unwrap_or_default().len() <= 2_100);
        assert!(entry.note.unwrap_or_default().len() <= 2_100);
    }
}
