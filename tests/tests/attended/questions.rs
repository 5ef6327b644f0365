//! Questions and remembered answers over restarts and changes of the config.

use std::sync::Arc;

use drawbridge_core::view::{AnswerLasts, QuestionAnswer};
use drawbridge_model::{Mode, Preset, ServerName, ToolName};
use drawbridge_tests::record::Database;
use drawbridge_tests::{eventually, files, wait::SOON};
use serde_json::json;

use crate::{Computer, agree_to_start, call, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_shows_all_there_is_to_judge_by() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let waiting = call(&app, "hello");
    let question = computer.question().await;
    assert_eq!(question.client.as_str(), "tester");
    assert_eq!(question.client_says.as_deref(), Some("drawbridge-tests 1"));
    assert_eq!((question.server.as_str(), question.tool.as_str()), ("answers", "echo"));
    assert_eq!(question.title.as_deref(), Some("Echo"));
    assert!(!question.description.is_empty());
    assert_eq!(question.claims.read_only, Some(true));
    assert_eq!(
        question.arguments, "{\n  \"lines\": [\n    1,\n    2\n  ],\n  \"text\": \"hello\"\n}",
        "whole and laid out"
    );
    assert_eq!((question.allowed_before, question.expires_at - question.asked_at), (0, 50_000));
    computer.answer(QuestionAnswer::AllowOnce).await;
    assert_eq!(said(&waiting.await.unwrap()), "hello");
    assert!(computer.engine.current_snapshot().allowed_answers.is_empty());
    let again = call(&app, "again");
    assert_eq!(computer.question().await.allowed_before, 1);
    computer.engine.deny_all_questions().await.unwrap();
    assert!(said(&again.await.unwrap()).contains("denied it"));
    assert_eq!(computer.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_for_good_outlives_a_restart_and_can_be_taken_back() {
    let mut computer = Computer::new().await;
    let app = computer.app().await;
    let waiting = call(&app, "first");
    let equal = call(&app, "second");
    computer.answer(QuestionAnswer::AlwaysAllow).await;
    assert_eq!(said(&waiting.await.unwrap()), "first");
    assert_eq!(said(&equal.await.unwrap()), "second", "what waited for the same is let through");

    computer.restart("answers").await;
    let app = computer.app().await;
    assert_eq!(said(&call(&app, "third").await.unwrap()), "third", "nobody is asked");
    let answers = computer.engine.current_snapshot().allowed_answers.clone();
    let [answer] = answers.as_slice() else { panic!("one answer: {answers:?}") };
    assert_eq!((answer.lasts, answer.tool.as_str()), (AnswerLasts::Always, "echo"));
    computer.engine.take_back_answers(vec![answer.id]).await.unwrap();
    let asked = call(&app, "fourth");
    computer.answer(QuestionAnswer::Deny).await;
    assert!(said(&asked.await.unwrap()).contains("denied it"));

    computer.restart("answers").await;
    assert!(computer.engine.current_snapshot().allowed_answers.is_empty(), "taken back for good");
    assert_eq!(computer.calls(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_given_at_once_are_all_written_before_anything_else_is() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let add = ToolName::new("add").unwrap();
    let server = ServerName::new("answers").unwrap();
    computer.engine.set_tool_mode(server, add, Mode::Ask).await.unwrap();
    let echoed = call(&app, "first");
    let added = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.call("answers__add", json!({"a": 1, "b": 2})).await })
    };
    let waiting = eventually("both wait", SOON, async || {
        let snapshot = computer.engine.current_snapshot();
        (snapshot.questions.len() == 2).then(|| snapshot.questions.clone())
    })
    .await;
    let always = |id| computer.engine.answer_questions(vec![id], QuestionAnswer::AlwaysAllow);
    let (one, other) = tokio::join!(always(waiting[0].id), always(waiting[1].id));
    one.unwrap();
    other.unwrap();
    assert_eq!(said(&echoed.await.unwrap()), "first");
    assert_eq!(said(&added.await.unwrap()), "3");
    // As a crash would leave it.
    let kept =
        Database::read(&Computer::paths(&computer.folder).data_dir).await.kept("answers").await;
    for tool in ["echo", "add"] {
        assert!(kept.contains(&format!("\"tool\":\"{tool}\"")), "{tool}: {kept}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_lapses_with_how_its_server_is_started_and_with_its_app() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let waiting = call(&app, "first");
    computer.answer(QuestionAnswer::AlwaysAllow).await;
    waiting.await.unwrap();

    let file = Computer::paths(&computer.folder).config_file;
    let config = files::read(&file);
    files::write(&file, &config.replace("[\"answers\"]", "[\"answers\",\"--other\"]"));
    agree_to_start(&computer.engine, "answers").await;
    eventually("the server starts anew", SOON, async || {
        files::read(&computer.folder.path().join("log")).matches("\"initialize\"").nth(1).map(drop)
    })
    .await;
    let asked = call(&app, "second");
    computer.answer(QuestionAnswer::AlwaysAllow).await;
    asked.await.unwrap();
    assert_eq!(computer.engine.current_snapshot().allowed_answers.len(), 1);

    let config = files::read(&file);
    files::write(&file, &config.replace("\"tester\"", "\"third\""));
    eventually("the answers of an app that is gone are gone", SOON, async || {
        computer.engine.current_snapshot().allowed_answers.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_asks_every_time_remembers_no_answer() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let (server, tool) = (ServerName::new("answers").unwrap(), ToolName::new("echo").unwrap());
    computer.engine.set_tool_mode(server, tool, Mode::AskEveryTime).await.unwrap();
    for answer in [QuestionAnswer::AlwaysAllow, QuestionAnswer::AllowForSession] {
        let waiting = call(&app, "asked");
        assert!(computer.question().await.every_time);
        computer.answer(answer).await;
        assert_eq!(said(&waiting.await.unwrap()), "asked");
    }
    assert!(computer.engine.current_snapshot().allowed_answers.is_empty());
    let config = files::read(&Computer::paths(&computer.folder).config_file);
    assert!(config.contains("ask-every-time"), "{config}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_runs_once_the_person_has_confirmed_which_tools_read_and_the_rest_asks() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let (server, add) = (ServerName::new("answers").unwrap(), ToolName::new("add").unwrap());
    computer.engine.set_preset(server, Preset::Read, vec![add]).await.unwrap();
    let sum = app.call("answers__add", json!({"a": 1, "b": 2})).await;
    assert_eq!(said(&sum), "3", "confirmed, so nobody is asked");
    let other = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.call("answers__count", json!({})).await })
    };
    assert_eq!(computer.question().await.tool.as_str(), "count");
    computer.answer(QuestionAnswer::Deny).await;
    assert!(said(&other.await.unwrap()).contains("denied it"));
    let config = files::read(&Computer::paths(&computer.folder).config_file).replace(' ', "");
    assert!(config.contains(r#""preset":"read""#), "{config}");
    assert!(config.contains(r#""add":"allow""#) && config.contains(r#""echo":"ask""#), "{config}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denying_can_switch_the_tool_off_for_all_apps() {
    let computer = Computer::new().await;
    let (one, other) = (computer.app().await, computer.app().await);
    let waiting = [call(&one, "unheard"), call(&other, "unheard")];
    eventually("both wait", SOON, async || {
        (computer.engine.current_snapshot().questions.len() == 2).then_some(())
    })
    .await;
    computer.answer(QuestionAnswer::DenyAndSwitchOff).await;
    let [first, second] = waiting;
    let said_to = [first.await.unwrap(), second.await.unwrap()];
    assert!(said_to.iter().any(|result| said(result).contains("denied it")), "{said_to:?}");
    assert!(said_to.iter().any(|result| said(result).contains("switched off")), "{said_to:?}");
    let config = files::read(&Computer::paths(&computer.folder).config_file);
    assert!(config.replace(' ', "").contains("\"echo\":\"off\""), "{config}");
    assert_eq!(computer.calls(), 0);
}
