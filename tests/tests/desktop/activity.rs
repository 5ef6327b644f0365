//! The record in the real window, with a million entries in it: found, looked at, taken along.

use std::time::Duration;

use drawbridge_tests::record::Database;
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::json;

use crate::app::{call, free_port, picture_of_the_desktop, until_it_serves, window_named, xdotool};
use crate::webdriver::Window;

const ENTRIES: i64 = 1_000_000;
/// How long a file in which a million entries are found may take to be made.
const INDEXED: Duration = Duration::from_secs(240);

/// An app whose record is as large as after some years, with a few real calls at its old end.
async fn with_a_long_record() -> TestEngine {
    let mut engine = Setup::new().server("answers", "answers").prepare(free_port()).start_again();
    engine.until_ready("answers").await;
    let client = McpClient::open(&engine, "/mcp").await;
    client.call("answers__echo", json!({"text": "the zebra at the old end"})).await;
    engine.stop();
    Database::write(&engine.data_dir()).await.fill(ENTRIES).await;
    engine
}

/// An app whose server the person has agreed to.
async fn prepared() -> TestEngine {
    let mut engine = Setup::new().server("answers", "answers").prepare(free_port()).start_again();
    engine.until_ready("answers").await;
    assert!(engine.stop().success());
    engine
}

async fn rows(window: &Window) -> i64 {
    let script = "return document.querySelectorAll('[data-testid=activity-row]').length";
    window.script(script).await.as_i64().unwrap()
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_million_entries_are_looked_through_in_the_window() {
    let engine = with_a_long_record().await;
    let window = Window::open(&engine).await;
    until_it_serves(&engine).await;
    window.go("#/activity").await;
    eventually("the newest entries are there", INDEXED, async || {
        (rows(&window).await > 5).then_some(())
    })
    .await;
    window.until_it_says("Today").await;
    window.until_it_says("the highest holds").await;
    picture_of_the_desktop("activity-million");

    // However far one scrolls, only what is in sight is in the page.
    for _ in 0..20 {
        let script = "const list = document.querySelector('[data-testid=activity-list]'); \
            list.scrollTop = list.scrollHeight; return list.scrollHeight";
        window.script(script).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let rows = rows(&window).await;
        assert!((1..=100).contains(&rows), "{rows} rows in the page");
    }
    picture_of_the_desktop("activity-million-scrolled");

    // The oldest is found by a word, and told whole.
    window.go("#/activity").await;
    window.fill("activity-search", "zebra").await;
    eventually("one is found", SOON, async || (rows(&window).await == 1).then_some(())).await;
    window.click_on("activity-row").await;
    window.find("story").await;
    window.until_it_says("the zebra at the old end").await;
    picture_of_the_desktop("activity-found");
    window.go("#/activity?outcome=refused&server=mail").await;
    eventually("the refused are there", SOON, async || (rows(&window).await > 5).then_some(()))
        .await;
    picture_of_the_desktop("activity-filtered");

    // Rows that were put in by another program are found.
    window.go("#/settings/record").await;
    window.click_on("check-record").await;
    window.find("to-broken").await;
    picture_of_the_desktop("activity-broken");
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn the_record_is_checked_exported_and_deleted_in_the_window() {
    let engine = prepared().await;
    let window = Window::open(&engine).await;
    until_it_serves(&engine).await;
    engine.until_ready("answers").await;
    for text in ["one", "=two()"] {
        call(&engine, "answers__echo", json!({"text": text})).await;
    }
    window.go("#/settings/record").await;
    window.click_on("check-record").await;
    window.find("check-result").await;
    picture_of_the_desktop("record-sound");

    // The system's own dialog asks where to.
    window.go("#/activity?text=two").await;
    eventually("it is found", SOON, async || (rows(&window).await == 1).then_some(())).await;
    window.click_on("export").await;
    picture_of_the_desktop("record-export-menu");
    window.click_on("export-csv").await;
    let dialog = window_named("Export activity").await;
    let file = engine.path().join("two.csv");
    xdotool(&["windowactivate", "--sync", &dialog]);
    xdotool(&["key", "--clearmodifiers", "ctrl+a"]);
    xdotool(&["type", "--clearmodifiers", &file.display().to_string()]);
    picture_of_the_desktop("record-export-dialog");
    xdotool(&["key", "--clearmodifiers", "Return"]);
    let table = eventually("the file is written", SOON, async || {
        let text = files::read(&file);
        (!text.is_empty()).then_some(text)
    })
    .await;
    assert_eq!(table.matches("\r\n").count(), 2, "{table}");
    assert!(table.contains("=two()"), "{table}");
    window.until_it_says("two.csv").await;
    picture_of_the_desktop("record-exported");

    window.go("#/settings/record").await;
    window.click_on("delete-activity").await;
    window.click_on("question-do").await;
    eventually("all is gone", SOON, async || {
        let left = Database::read(&engine.data_dir()).await.of_kind("toolCall").await;
        left.is_empty().then_some(())
    })
    .await;
    window.go("#/activity").await;
    window.until_it_says("deleted by the person").await;
    picture_of_the_desktop("record-deleted");
    assert!(engine.verify().contains("as it was written"));
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn what_happened_while_the_person_was_away_stands_on_home() {
    let engine = prepared().await;
    for round in ["first", "second"] {
        let window = Window::open(&engine).await;
        until_it_serves(&engine).await;
        engine.until_ready("answers").await;
        window.find("wellbeing").await;
        if round == "second" {
            window.find("away").await;
            picture_of_the_desktop("home-away");
            window.click_on("away-show").await;
            window.until_it_says("echo").await;
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let there = window.script("return document.querySelector('[data-testid=away]')").await;
        assert!(there.is_null(), "the first time nothing is news");
        call(&engine, "answers__echo", json!({"text": "meanwhile"})).await;
        drop(window);
        eventually("the app has ended", SOON, async || {
            engine.server_processes().is_empty().then_some(())
        })
        .await;
    }
}
