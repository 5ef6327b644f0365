//! Keys and tokens in arguments and results: marked, masked or blocked, let through once, and never
//! written down.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use drawbridge_model::{ActivityOutcome, Mode, SecretsRule};
use drawbridge_policy::Direction;
use serde_json::{Value, json};
use support::server::{Script, Scripted, token};
use support::{App, Stage, quick, said, until};

const MASK: &str = "[masked: GitHub token]";

async fn stage(rule: SecretsRule) -> (Stage, Scripted, App) {
    let stage = Stage::attended(quick()).await;
    let files = stage.add("files", Script::Everything).await;
    set_rule(&stage, rule);
    let app = stage.app("/mcp").await;
    (stage, files, app)
}

fn set_rule(stage: &Stage, rule: SecretsRule) {
    stage.policy(|policy| policy.servers.get_mut("files").unwrap().secrets = rule);
}

fn sent(files: &Scripted) -> Vec<Value> {
    let calls = files.heard("tools/call");
    calls.iter().map(|call| call["params"]["arguments"].clone()).collect()
}

/// Everything on record, as it stands in the file.
async fn written(stage: &Stage, count: usize) -> String {
    let mut all = String::new();
    for entry in stage.entries(count).await {
        let detail = stage.record.entry(entry.id).await.unwrap().expect("it is there");
        all.push_str(&format!("{detail:?}\n"));
    }
    all
}

async fn read_token(app: &mut App) -> Value {
    app.ask("resources/read", json!({"uri": "drawbridge+files:file:///token"})).await
}

#[tokio::test]
async fn where_they_are_marked_they_cross_and_the_record_says_so_without_them() {
    let (stage, files, mut app) = stage(SecretsRule::Mark).await;
    let arguments = json!({"note": format!("key {}", token()), "id": "0b1f"});
    let answer = app.call("files__echo", arguments.clone()).await;
    assert!(said(&answer).contains(&token()), "nothing is changed: {answer}");
    assert_eq!(sent(&files), [arguments]);
    let read = read_token(&mut app).await;
    assert_eq!(read["result"]["contents"][0]["text"], format!("use {}", token()));
    let written = written(&stage, 2).await;
    assert!(!written.contains(&token()), "{written}");
    assert!(written.contains(MASK), "{written}");
    assert!(written.contains("The result holds what looks like a GitHub token."), "{written}");
    assert!(stage.shared.blocked.all().is_empty());
}

#[tokio::test]
async fn where_they_are_masked_the_other_side_gets_words_for_them_and_the_rest_as_it_is() {
    let (stage, files, mut app) = stage(SecretsRule::Mask).await;
    let answer = app
        .call("files__echo", json!({"a": [1.0, format!("x {} y", token())], "b": "\u{e9}"}))
        .await;
    assert_eq!(sent(&files), [json!({"a": [1.0, format!("x {MASK} y")], "b": "\u{e9}"})]);
    assert!(said(&answer).contains(MASK), "{answer}");
    let name = &files.heard("tools/call")[0]["params"]["name"];
    assert_eq!(name, "echo", "the name is exchanged beside it");
    let read = read_token(&mut app).await;
    assert_eq!(read["result"]["contents"][0]["text"], format!("use {MASK}"));
    assert_eq!(read["result"]["contents"][0]["uri"], "drawbridge+files:file:///token");
    let written = written(&stage, 2).await;
    assert!(!written.contains(&token()), "{written}");
    assert!(written.contains("which was masked"), "{written}");

    let same = app.call("files__odd", json!({})).await.to_string();
    assert!(!same.contains("masked"), "ordinary content is left alone: {same}");
}

#[tokio::test]
async fn where_they_are_blocked_a_call_does_not_run_until_it_is_let_through_once() {
    let (stage, files, mut app) = stage(SecretsRule::Block).await;
    let arguments = || json!({"key": token()});
    let refused = app.call("files__echo", arguments()).await;
    assert_eq!(refused["result"]["isError"], true);
    assert!(said(&refused).contains("its arguments hold what looks like a key"), "{refused}");
    assert!(sent(&files).is_empty());

    let stopped = stage.shared.blocked.all().remove(0);
    assert_eq!(stopped.looks_like, ["a GitHub token"]);
    assert_eq!(stopped.content.direction, Direction::Arguments);
    assert_eq!(stopped.content.client.as_str(), "editor");
    assert_eq!(
        (stopped.content.server.as_str(), stopped.content.subject.as_str()),
        ("files", "echo")
    );
    assert!(stage.shared.blocked.let_through_once(stopped.id, 1_000_000_000_000_000));
    let another = ["ghp_", &"Zz8Yx1Wv5Uu3".repeat(3)].concat();
    let other = json!({"key": another});
    let refused = app.call("files__echo", other).await;
    assert_eq!(refused["result"]["isError"], true, "another token is not let through: {refused}");
    // What comes back is the same token: it is stopped on its own way.
    let answer = app.call("files__echo", arguments()).await;
    assert_eq!(sent(&files), [arguments()]);
    assert!(said(&answer).contains("Drawbridge withheld the result"), "{answer}");
    let refused = app.call("files__echo", arguments()).await;
    assert_eq!(refused["result"]["isError"], true, "once: {refused}");
    assert_eq!(sent(&files).len(), 1);
    let written = written(&stage, 4).await;
    assert!(!written.contains(&token()), "{written}");
}

#[tokio::test]
async fn where_they_are_blocked_a_result_is_withheld_until_it_is_let_through_once() {
    let (stage, _files, mut app) = stage(SecretsRule::Block).await;
    let withheld = read_token(&mut app).await;
    let sentence = withheld["error"]["message"].as_str().expect("an error");
    assert!(sentence.contains("it holds what looks like a GitHub token"), "{sentence}");
    assert!(sentence.contains("The call has run."), "{sentence}");
    let entry = &stage.entries(1).await[0];
    assert_eq!(entry.outcome, Some(ActivityOutcome::Refused));
    let stopped = stage.shared.blocked.all().remove(0);
    assert_eq!(stopped.content.direction, Direction::Result);
    assert!(stage.shared.blocked.let_through_once(stopped.id, 1_000_000_000_000_000));
    let read = read_token(&mut app).await;
    assert_eq!(read["result"]["contents"][0]["text"], format!("use {}", token()));
    assert!(read_token(&mut app).await["error"].is_object(), "once");
}

#[tokio::test]
async fn a_long_result_is_looked_through_too() {
    let (stage, _files, mut app) = stage(SecretsRule::Mark).await;
    let long = "ordinary words ".repeat(3_000);
    let marked = app.call("files__echo", json!({"a": long, "key": token()})).await;
    assert!(said(&marked).contains(&token()));
    set_rule(&stage, SecretsRule::Mask);
    // What goes out is masked already, so the server is asked for a token of its own.
    let padded = format!("drawbridge+files:file:///token?{}", "x".repeat(50_000));
    let read = app.ask("resources/read", json!({"uri": padded})).await;
    let text = read["result"]["contents"][0]["text"].as_str().expect("a text");
    assert!(text.contains(MASK) && !text.contains(&token()), "{}", &text[..60]);
    assert!(!written(&stage, 2).await.contains(&token()));
}

#[tokio::test]
async fn an_address_that_holds_a_token_is_written_down_without_it_and_stopped_where_asked() {
    for (rule, crosses) in
        [(SecretsRule::Mark, true), (SecretsRule::Mask, false), (SecretsRule::Block, false)]
    {
        let (stage, files, mut app) = stage(rule).await;
        let uri = format!("drawbridge+files:https://a.example/?key={}", token());
        let read = app.ask("resources/read", json!({"uri": uri})).await;
        assert_eq!(files.heard("resources/read").len(), usize::from(crosses), "{rule:?}: {read}");
        let written = written(&stage, 1).await;
        assert!(!written.contains(&token()), "{rule:?}: {written}");
        assert!(written.contains("a.example"), "{rule:?}: {written}");
        let blocked = format!("{:?}", stage.shared.blocked.all());
        assert!(!blocked.contains(&token()), "{blocked}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_through_does_not_cross() {
    for rule in [SecretsRule::Mark, SecretsRule::Mask, SecretsRule::Block] {
        let (stage, files, app) = stage(rule).await;
        // Deeper than the scan reads, with something that makes it read.
        let deep = format!("{}\"{}\"{}", "[".repeat(200), token(), "]".repeat(200));
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call",
                "params":{{"name":"files__echo","arguments":{{"deep":{deep}}}}}}}"#
        );
        let refused = app.post_raw(&body, "application/json, text/event-stream").await.json();
        assert_eq!(refused["result"]["isError"], true, "{rule:?}");
        assert!(said(&refused).contains("could not be looked through"), "{refused}");
        assert!(sent(&files).is_empty(), "{rule:?}");
        assert!(!written(&stage, 1).await.contains(&token()));
    }
}

#[tokio::test]
async fn the_person_is_asked_about_what_goes_out_and_told_what_it_looks_like() {
    for (rule, shown) in [(SecretsRule::Mark, token()), (SecretsRule::Mask, MASK.to_owned())] {
        let (stage, _files, mut app) = stage(rule).await;
        stage.set_mode("files", "echo", Mode::Ask);
        let _line = app
            .start("tools/call", json!({"name": "files__echo", "arguments": {"key": token()}}))
            .await;
        let question = until("the person is asked", async || {
            stage.shared.questions.waiting().pop().map(|(_, question)| question)
        })
        .await;
        assert_eq!(question.looks_like, ["a GitHub token"]);
        assert_eq!(
            question.arguments.as_deref(),
            Some(format!("{{\"key\":\"{shown}\"}}").as_str())
        );
    }
}

#[tokio::test]
async fn a_rule_that_is_tightened_while_the_person_thinks_counts() {
    let (stage, files, mut app) = stage(SecretsRule::Mark).await;
    stage.set_mode("files", "echo", Mode::Ask);
    let mut line = app
        .start("tools/call", json!({"name": "files__echo", "arguments": {"key": token()}}))
        .await;
    let id = until("the person is asked", async || {
        stage.shared.questions.waiting().pop().map(|(id, _)| id)
    })
    .await;
    set_rule(&stage, SecretsRule::Mask);
    let answer = line.answer().await.body;
    assert!(answer.contains("Drawbridge refused"), "{answer}");
    assert!(stage.shared.questions.take(id).is_none());
    assert!(sent(&files).is_empty());
}
