//! The record through the panel's commands: found, looked at, checked, taken along, and kept as
//! short as the person wants.

use drawbridge_core::bridge::{ErrorCode, PanelEvent};
use drawbridge_core::view::{
    ActivityEntry, ActivityFilter, ActivityGrouping, ActivityQuery, ExportForm, QuestionAnswer,
};
use drawbridge_model::{
    ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason, RecordRule,
};
use drawbridge_tests::{McpClient, eventually, files, wait::SOON};
use serde_json::{Value, json};

use crate::{Computer, call, named, said, view_of};

async fn found(computer: &Computer, filter: ActivityFilter) -> Vec<ActivityEntry> {
    let query = ActivityQuery { filter, before: None, limit: 200 };
    computer.engine.activity_page(query).await.unwrap().entries
}

fn tool_calls() -> ActivityFilter {
    ActivityFilter { kinds: vec![ActivityKind::ToolCall], ..ActivityFilter::default() }
}

fn text(text: &str) -> ActivityFilter {
    ActivityFilter { text: Some(text.to_owned()), ..ActivityFilter::default() }
}

/// Three calls that ran: two of one tool, one of another.
async fn three_calls(computer: &Computer) {
    let app = computer.app().await;
    for n in [1, 2] {
        assert_eq!(said(&app.call("answers__add", json!({"a": n, "b": 40})).await).len(), 2);
    }
    app.call("computer__current_time", json!({})).await;
    eventually("they have ended", SOON, async || {
        let calls = found(computer, tool_calls()).await;
        (calls.len() >= 3 && calls.iter().all(|call| call.outcome.is_some())).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_found_by_words_names_and_decisions() {
    let computer = Computer::new().await;
    three_calls(&computer).await;
    let app = computer.app().await;
    let asking = call(&app, "zebra crossing");
    computer.answer(QuestionAnswer::Deny).await;
    asking.await.unwrap();

    let denied = eventually("it is found by a word", SOON, async || {
        found(&computer, text("zebra")).await.into_iter().next()
    })
    .await;
    assert_eq!(denied.subject.as_deref(), Some("echo"));
    assert_eq!(denied.decision, Some(ActivityDecision::Refused));
    assert_eq!(denied.reason, Some(ActivityReason::Person));
    assert_eq!(found(&computer, text("zebra walking")).await, []);
    let of = |server: &str| ActivityFilter { server: Some(server.to_owned()), ..tool_calls() };
    assert_eq!(found(&computer, of("computer")).await.len(), 1);
    assert_eq!(found(&computer, of("answers")).await.len(), 3);
    let refused =
        ActivityFilter { outcomes: vec![ActivityOutcome::Refused], ..ActivityFilter::default() };
    assert_eq!(found(&computer, refused).await, std::slice::from_ref(&denied));

    let detail = computer.engine.activity_detail(denied.id).await.unwrap();
    assert!(detail.waited_ms.is_some() && detail.request.is_some(), "{detail:?}");
    assert!(detail.arguments.unwrap().contains("zebra crossing"));
    let choices = computer.engine.activity_choices().await.unwrap();
    assert_eq!(choices.clients[0].name, "tester");
    assert!(choices.tools.iter().any(|tool| tool.tool == "add" && tool.entries == 2));
    let picture =
        computer.engine.activity_picture(tool_calls(), ActivityGrouping::Tool, 60).await.unwrap();
    let total: i64 = picture.series.iter().flat_map(|series| &series.counts).sum();
    assert_eq!(total, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_nobody_looked_is_summed_up() {
    let mut computer = Computer::new().await;
    assert_eq!(computer.engine.away().await.unwrap(), None, "the first time nothing is news");
    three_calls(&computer).await;
    computer.restart("answers").await;
    let away = computer.engine.away().await.unwrap().expect("something happened");
    assert_eq!((away.calls, away.refused, away.failed, away.crashes), (3, 0, 0, 0));
    assert_eq!(away.clients[0].name, "tester");
    computer.engine.looked_at_activity(away.newest).await.unwrap();
    assert_eq!(computer.engine.away().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_is_checked_and_exported() {
    let computer = Computer::new().await;
    three_calls(&computer).await;
    let engine = &computer.engine;
    let checked = engine.check_record().await.unwrap();
    assert_eq!(checked.broken, None);
    assert!(checked.rows >= 6, "{checked:?}");

    let mut events = engine.events();
    let file = computer.folder.path().join("calls.jsonl");
    files::write(&file, "what was there before");
    let exported =
        engine.export_activity_to(tool_calls(), ExportForm::JsonLines, file.clone()).await.unwrap();
    assert_eq!(exported.entries, 3);
    let lines = files::read(&file);
    assert_eq!(lines.len() as i64, exported.bytes);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["subject"], "add", "{first}");
    assert!(matches!(events.recv().await, Ok(PanelEvent::RecordWorkMoved(Some(_)))));
    assert_eq!(engine.record_state().await.unwrap().work, None, "and it is over");

    // What cannot be written is said, and nothing is left behind.
    let nowhere = computer.folder.path().join("config.json").join("calls.csv");
    let failed = engine.export_activity_to(tool_calls(), ExportForm::Csv, nowhere).await;
    assert!(failed.unwrap_err().problem.message.contains("could not be written"));
    let left = std::fs::read_dir(computer.folder.path()).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.path().to_string_lossy().ends_with(".part")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_cancelled_leaves_the_file_as_it_was() {
    let computer = Computer::new().await;
    three_calls(&computer).await;
    let app = computer.app().await;
    for n in 0..200 {
        app.call("answers__add", json!({"a": n, "b": 1})).await;
    }
    let engine = &computer.engine;
    let file = computer.folder.path().join("calls.csv");
    files::write(&file, "what was there before");
    // Whichever comes first: it is never half there.
    let exporting = engine.export_activity_to(tool_calls(), ExportForm::Csv, file.clone());
    let (exported, cancelled) = tokio::join!(exporting, engine.cancel_record_work());
    cancelled.unwrap();
    match exported {
        Ok(exported) => assert_eq!(files::read(&file).len() as i64, exported.bytes),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::Cancelled);
            assert_eq!(files::read(&file), "what was there before");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_activity_can_be_deleted_and_the_record_stays_sound() {
    let computer = Computer::new().await;
    three_calls(&computer).await;
    let engine = &computer.engine;
    engine.delete_activity().await.unwrap();
    let left = found(&computer, ActivityFilter::default()).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].kind, ActivityKind::RecordShortened);
    assert_eq!(engine.check_record().await.unwrap().broken, None);
    assert_eq!(found(&computer, text("40")).await, [], "words of what was deleted find nothing");
    three_calls(&computer).await;
    assert_eq!(engine.check_record().await.unwrap().broken, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_it_is_kept_and_how_much_of_it_is_in_the_config() {
    let computer = Computer::new().await;
    let engine = &computer.engine;
    engine.set_record_limits(Some(30), None).await.unwrap();
    engine.set_record_rule(named("answers"), RecordRule::Nothing).await.unwrap();
    let config = files::read(&computer.folder.path().join("config.json"));
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["audit"], json!({"keepDays": 30}));
    assert_eq!(config["mcpServers"]["answers"]["drawbridge"]["record"], "nothing");
    let state = engine.record_state().await.unwrap();
    assert_eq!((state.keep_days, state.keep_megabytes), (Some(30), None));
    assert!(state.entries > 0 && state.bytes > 0 && state.oldest.is_some(), "{state:?}");
    assert_eq!(view_of(engine, "answers").unwrap().record, RecordRule::Nothing);
    for wrong in [(Some(0), None), (None, Some(1))] {
        assert!(engine.set_record_limits(wrong.0, wrong.1).await.is_err(), "{wrong:?}");
    }
    three_calls(&computer).await;
    let call =
        found(&computer, ActivityFilter { subject: Some("add".into()), ..tool_calls() }).await;
    let detail = engine.activity_detail(call[0].id).await.unwrap();
    assert!(detail.kept_less && detail.arguments.is_none() && detail.result.is_none());
    assert!(detail.arguments_bytes.is_some_and(|bytes| bytes > 0));
    engine.set_record_limits(None, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_changed_tools_settings_and_strangers_are_on_record() {
    let tool = |says: &str| json!({"tools": [{"name": "read", "description": says}]});
    let asks = json!({"preset": "ask"});
    let computer = Computer::telling(&[("notes", tool("Reads a note."), asks)]).await;
    let engine = &computer.engine;
    let app = computer.app().await;
    let reading = {
        let app = std::sync::Arc::clone(&app);
        tokio::spawn(async move { app.call("notes__read", json!({})).await })
    };
    computer.answer(QuestionAnswer::AlwaysAllow).await;
    reading.await.unwrap();
    let answer = engine.current_snapshot().allowed_answers[0].id;
    engine.take_back_answers(vec![answer]).await.unwrap();
    computer.tell("notes", &tool("Reads all notes."));
    let stranger = McpClient::unopened_on(computer.port(), "/mcp", "db_of-nobody");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(stranger.send(&ping).await.status(), 401);
    engine.set_record_limits(Some(90), None).await.unwrap();
    for (kind, client, reason) in [
        (ActivityKind::AnswerGiven, Some("tester"), None),
        (ActivityKind::AnswerTakenBack, Some("tester"), None),
        (ActivityKind::ToolsChanged, None, None),
        (ActivityKind::RequestRefused, None, Some(ActivityReason::Guard)),
        (ActivityKind::SettingChanged, None, None),
    ] {
        let filter = ActivityFilter { kinds: vec![kind], ..ActivityFilter::default() };
        let entry = eventually(&format!("{kind:?} is on record"), SOON, async || {
            found(&computer, filter.clone()).await.into_iter().next()
        })
        .await;
        assert_eq!((entry.client.as_deref(), entry.reason), (client, reason), "{kind:?}");
        assert!(entry.note.is_some(), "{entry:?}");
    }
}
