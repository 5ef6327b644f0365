//! `drawbridged audit`: the record read by command, while the engine runs and when it does not.

use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};

/// What a subcommand prints, and its exit code.
fn audit(engine: &TestEngine, arguments: &[&str]) -> (String, i32) {
    let folder = engine.data_dir().display().to_string();
    let all: Vec<&str> = ["audit"]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(["--data-dir", &folder])
        .collect();
    let said = engine.command(&all).output().unwrap();
    let code = said.status.code().unwrap();
    (String::from_utf8_lossy(&said.stdout).into_owned(), code)
}

async fn called() -> TestEngine {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for text in ["first zebra", "=second(zebra)", "third"] {
        client.call("answers__echo", json!({"text": text})).await;
    }
    eventually("all have ended", SOON, async || {
        let (lines, _) =
            audit(&engine, &["search", "--outcome", "succeeded", "--kind", "toolCall"]);
        (lines.lines().count() == 3).then_some(())
    })
    .await;
    engine
}

#[tokio::test]
async fn entries_are_searched_and_exported_by_command_while_it_runs_and_afterwards() {
    let mut engine = called().await;
    for running in [true, false] {
        let (lines, code) = audit(&engine, &["search", "zebra", "--app", "tester"]);
        assert_eq!((lines.lines().count(), code), (2, 0), "{lines}");
        let newest: Vec<&str> = lines.lines().next().unwrap().split('\t').collect();
        assert_eq!(
            &newest[1..8],
            ["toolCall", "tester", "answers", "echo", "allowed", "mode", "succeeded"]
        );
        assert!(newest[0].ends_with('Z'), "a moment in UTC: {}", newest[0]);
        let (lines, _) = audit(&engine, &["search", "--tool", "echo", "--limit", "1"]);
        assert_eq!(lines.lines().count(), 1);
        assert_eq!(audit(&engine, &["search", "--until", "2020-01-01"]).0, "");

        let (lines, _) = audit(&engine, &["export", "zebra", "--format", "jsonl"]);
        let entries: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["arguments"]["text"], "first zebra", "oldest first: {entries:?}");
        let file = engine.path().join("calls.csv").display().to_string();
        let (said, code) = audit(&engine, &["export", "--kind", "toolCall", "--output", &file]);
        assert_eq!((said.as_str(), code), ("", 0));
        let table = drawbridge_tests::files::read(file.as_ref());
        assert_eq!(table.matches("\r\n").count(), 4, "{table}");

        assert_eq!(audit(&engine, &["verify"]).1, 0);
        if running {
            engine.stop();
        }
    }
}

#[tokio::test]
async fn a_record_that_was_changed_is_told_with_its_row_and_an_exit_code() {
    let mut engine = called().await;
    engine.stop();
    let mut database = drawbridge_tests::record::Database::write(&engine.data_dir()).await;
    database
        .tamper(
            "UPDATE entries SET outcome = 'failed' WHERE step = 'ended' AND id = \
        (SELECT min(id) FROM entries WHERE step = 'ended')",
        )
        .await;
    let (said, code) = audit(&engine, &["verify"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("broken at row "), "{said}");
}

#[tokio::test]
async fn a_folder_without_a_record_says_so() {
    let engine = Setup::new().prepare(0);
    for arguments in [&["verify"][..], &["search"], &["export"]] {
        let (said, code) = audit(&engine, arguments);
        assert_eq!((said.as_str(), code), ("", 1), "{arguments:?}");
    }
}
