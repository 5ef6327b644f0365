//! The panel in its real window.

use drawbridge_tests::programs::program;
use drawbridge_tests::{McpClient, Setup, eventually, files, wait::SOON};
use serde_json::json;

use crate::app::{call, free_port, picture_of_the_desktop, until_it_serves};
use crate::webdriver::Window;

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_server_added_in_the_panel_answers_and_a_tool_switched_off_there_is_refused() {
    let engine = Setup::new().prepare(free_port());
    let window = Window::open(&engine).await;
    until_it_serves(&engine).await;
    window.find_css("nav a[href=\"#/tools\"], a[href=\"#/tools\"]").await;
    picture_of_the_desktop("panel-home");
    let log = engine.path().join("logs/notes").display().to_string();
    let snippet = json!({"mcpServers": {"notes": {
        "command": program("test-server").display().to_string(), "args": ["answers"],
        "env": {"TEST_SERVER_LOG": log}}}});

    // The exact command is shown before the first start.
    window.go("#/tools").await;
    window.click_on("add-server").await;
    window.fill("snippet", &snippet.to_string()).await;
    picture_of_the_desktop("panel-add-server");
    window.click_on("read-snippet").await;
    window.find("review").await;
    let argv = window.script("return document.querySelector('[data-testid=argv]').innerText").await;
    let argv = argv.as_str().unwrap();
    assert!(argv.contains("test-server") && argv.contains("answers"), "{argv}");
    assert_eq!(files::read(log.as_ref()), "", "nothing was started yet");
    picture_of_the_desktop("panel-add-server-review");
    let let_run = window
        .script(
            "const all = [...document.querySelectorAll('[data-testid=review] [role=radio], \
             [data-testid=review] input[type=radio], [data-testid=review] label')]; \
             const one = all.find((each) => (each.closest('label') ?? each).innerText\
             .includes('Let them run')); one.click(); return true",
        )
        .await;
    assert_eq!(let_run, true);
    window.click_on("confirm-add").await;

    engine.until_ready("notes").await;
    let result = call(&engine, "notes__echo", json!({"text": "from the panel"})).await;
    assert_eq!(result["content"][0]["text"], "from the panel", "{result}");
    assert!(files::read(&engine.config_path()).contains("\"notes\""), "it stands in the config");

    // The switch acts at the next call.
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    window.go("#/tools").await;
    let off = "[data-testid=\"tool-notes-echo\"] [data-testid=\"mode-off\"]";
    let off = window.find_css(off).await;
    window.click(&off).await;
    stream.notification("notifications/tools/list_changed").await;
    let refused = client.call("notes__echo", json!({"text": "unheard"})).await;
    assert_eq!(refused["isError"], true, "{refused}");
    assert!(!files::read(log.as_ref()).contains("unheard"), "its own log shows nothing");
    let shown = "[data-testid=\"tool-notes-echo\"] [data-testid=\"mode-off\"][aria-pressed=true]";
    window.find_css(shown).await;
    picture_of_the_desktop("panel-tools");

    // It is all on record, newest first.
    window.go("#/activity").await;
    window.until_it_says("echo").await;
    picture_of_the_desktop("panel-activity");
    window.go("#/settings").await;
    window.find("settings-address").await;
    picture_of_the_desktop("panel-settings");
    window.go("#/tools/notes").await;
    window.until_it_says("notes").await;
    picture_of_the_desktop("panel-server");
    window.go("#/").await;
    window.find("wellbeing").await;
    picture_of_the_desktop("panel-home-with-a-server");
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_snippet_that_is_not_json_is_explained_and_changes_nothing() {
    let engine = Setup::new().prepare(free_port());
    let window = Window::open(&engine).await;
    until_it_serves(&engine).await;
    let before = files::read(&engine.config_path());
    window.go("#/tools").await;
    window.click_on("add-server").await;
    window.fill("snippet", "{ \"mcpServers\": { \"notes\": ").await;
    window.click_on("read-snippet").await;
    eventually("it says what is wrong", SOON, async || {
        let alerts = "return [...document.querySelectorAll('[role=alert]')].map((each) => each.innerText).join('\\n')";
        let said = window.script(alerts).await;
        (!said.as_str()?.is_empty()).then_some(())
    })
    .await;
    picture_of_the_desktop("panel-add-server-not-json");
    assert_eq!(files::read(&engine.config_path()), before);
}
