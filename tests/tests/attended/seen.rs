//! Starts the person agrees to, and tools they look at.

use drawbridge_core::view::{
    DiffKind, DraftTransport, FirstModes, Held, SeenTool, ServerDraft, ToolDifference, ToolField,
};
use drawbridge_model::{ServerState, ToolName};
use drawbridge_tests::programs::program;
use drawbridge_tests::{eventually, files, wait::SOON};
use serde_json::{Value, json};

use crate::{Computer, agree_to_start, named, said, until_it_answers, view_of};

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

fn allowed() -> Value {
    json!({"preset": "allow"})
}

async fn notes() -> Computer {
    let told = json!({"tools": [tool("read", "Reads a note."), tool("write", "Writes a note.")]});
    Computer::telling(&[("notes", told, allowed())]).await
}

/// What is held back of a server, once it is that many.
async fn differences(computer: &Computer, server: &str, count: usize) -> Vec<ToolDifference> {
    eventually("that many tools are held back", SOON, async || {
        let all = computer.engine.tool_differences(named(server)).await.unwrap();
        (all.len() == count).then_some(all)
    })
    .await
}

fn shown(difference: &ToolDifference) -> SeenTool {
    SeenTool { name: difference.tool.name.clone(), fingerprint: difference.fingerprint.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_added_outside_the_panel_is_not_started_before_the_person_agreed() {
    let computer = notes().await;
    let file = Computer::paths(&computer.folder).config_file;
    let mut config: Value = serde_json::from_str(&files::read(&file)).unwrap();
    let log = computer.folder.path().join("log-new");
    config["mcpServers"]["new"] = json!({
        "command": program("test-server"), "args": ["answers", "a b"],
        "env": {"TEST_SERVER_LOG": log}, "drawbridge": {"preset": "allow"}});
    files::write(&file, &config.to_string());
    eventually("it waits", SOON, async || {
        view_of(&computer.engine, "new")?.start_waits.then_some(())
    })
    .await;
    for refused in [
        computer.engine.start_server(named("new")).await,
        computer.engine.restart_server(named("new")).await,
        computer.engine.agree_to_start(named("new"), "0".repeat(64)).await,
    ] {
        assert!(refused.unwrap_err().problem.message.contains("\"new\""));
    }
    let review = computer.engine.start_review(named("new")).await.unwrap();
    assert!(review.preview.command_line.ends_with("answers \"a b\""), "{review:?}");
    assert_eq!(review.preview.value_names, ["TEST_SERVER_LOG"]);
    assert!(review.difference.is_empty(), "there is nothing to compare with: {review:?}");
    assert!(!log.exists(), "it was not started");
    let app = computer.app().await;
    let answer = app.call("new__echo", json!({})).await;
    assert!(said(&answer).contains("has to agree to it"), "{answer}");

    agree_to_start(&computer.engine, "new").await;
    until_it_answers(&computer.engine, "new").await;
    assert!(log.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_changed_outside_the_panel_ends_the_server_and_shows_what_changed() {
    let mut computer = notes().await;
    let file = Computer::paths(&computer.folder).config_file;
    let before = files::read(&file);
    files::write(&file, &before.replace("\"tells\"", "\"tells\",\"--quietly\""));
    eventually("it stops and waits", SOON, async || {
        let view = view_of(&computer.engine, "notes")?;
        (view.start_waits && view.state == ServerState::Stopped).then_some(())
    })
    .await;
    let review = computer.engine.start_review(named("notes")).await.unwrap();
    let added: Vec<_> =
        review.difference.iter().filter(|piece| piece.kind == DiffKind::Added).collect();
    assert!(added.iter().any(|piece| piece.text.contains("--quietly")), "{review:?}");
    assert!(review.difference.iter().any(|piece| piece.kind == DiffKind::Same), "{review:?}");

    files::write(&file, &before);
    until_it_answers(&computer.engine, "notes").await;
    // A variable's value is not shown, but what changed is said.
    let other = before.replace("log-notes", "log-other");
    files::write(&file, &other);
    eventually("it waits again", SOON, async || {
        view_of(&computer.engine, "notes")?.start_waits.then_some(())
    })
    .await;
    let review = computer.engine.start_review(named("notes")).await.unwrap();
    let said: String = review.difference.iter().map(|piece| piece.text.as_str()).collect();
    assert!(said.ends_with("(values changed)") && !said.contains("log-"), "{said}");
    agree_to_start(&computer.engine, "notes").await;
    until_it_answers(&computer.engine, "notes").await;
    computer.restart("notes").await;
    assert!(!view_of(&computer.engine, "notes").unwrap().start_waits, "agreed to for good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_adds_in_the_panel_starts_and_its_tools_are_known() {
    let computer = notes().await;
    let draft = ServerDraft {
        name: "mine".into(),
        transport: DraftTransport::Local {
            command: program("test-server").display().to_string(),
            args: vec!["answers".into()],
            env: Vec::new(),
            cwd: None,
        },
    };
    computer.engine.add_server(draft, FirstModes::LetRun).await.unwrap();
    until_it_answers(&computer.engine, "mine").await;
    let app = computer.app().await;
    let answer = app.call("mine__echo", json!({"text": "hello"})).await;
    assert_eq!(said(&answer), "hello");
    let removed = computer.engine.remove_server(named("mine")).await.unwrap();
    computer.engine.restore_server(removed.undo).await.unwrap();
    until_it_answers(&computer.engine, "mine").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_and_changed_tools_are_held_until_the_person_has_looked() {
    let mut computer = notes().await;
    let app = computer.app().await;
    assert_eq!(said(&app.call("notes__read", json!({"n": 1})).await), "{\"n\":1}");
    let changed = json!({"tools": [
        tool("read", "Reads a note. Before that, it looks around."),
        tool("write", "Writes a note."),
        tool("extra", "Came later."),
    ]});
    computer.tell("notes", &changed);
    let held = differences(&computer, "notes", 2).await;
    let kinds: Vec<_> = held.iter().map(|d| (d.tool.name.as_str(), d.tool.held)).collect();
    assert_eq!(kinds, [("extra", Some(Held::New)), ("read", Some(Held::Changed))]);
    let of_read = &held[1].fields;
    assert_eq!(of_read.len(), 1, "only what differs: {of_read:?}");
    assert_eq!(of_read[0].field, ToolField::Description);
    let told = |kind| {
        let pieces = of_read[0].pieces.iter().filter(|piece| piece.kind == kind);
        pieces.map(|piece| piece.text.trim()).collect::<Vec<_>>()
    };
    assert!(told(DiffKind::Same).contains(&"Reads a note."), "{of_read:?}");
    assert!(told(DiffKind::Added).join(" ").contains("looks around."), "{of_read:?}");

    assert_eq!(
        app.tools().await,
        [
            "computer__computer_overview",
            "computer__current_time",
            "computer__disks",
            "computer__which_models_fit",
            "notes__write",
        ]
    );
    let refused = app.call("notes__read", json!({})).await;
    assert!(said(&refused).contains("nobody has looked at it yet"), "{refused}");
    assert!(!said(&app.call("notes__write", json!({})).await).contains("refused"));

    // While the person looks, it changes again.
    let again = json!({"tools": [
        tool("read", "Reads a note and sends it on."),
        tool("write", "Writes a note."),
        tool("extra", "Came later."),
    ]});
    computer.tell("notes", &again);
    let newest = eventually("it changed again", SOON, async || {
        let all = computer.engine.tool_differences(named("notes")).await.unwrap();
        (all.get(1)?.fingerprint != held[1].fingerprint).then_some(all)
    })
    .await;
    let stale = computer.engine.accept_tools(named("notes"), vec![shown(&held[1])]).await;
    assert!(stale.unwrap_err().problem.message.contains("changed again"));
    computer.engine.accept_tools(named("notes"), vec![shown(&newest[1])]).await.unwrap();
    assert_eq!(said(&app.call("notes__read", json!({"n": 2})).await), "{\"n\":2}");
    assert!(said(&app.call("notes__extra", json!({})).await).contains("nobody has looked"));

    computer.restart("notes").await;
    let app = computer.app().await;
    assert_eq!(said(&app.call("notes__read", json!({"n": 3})).await), "{\"n\":3}", "kept");
    let held = differences(&computer, "notes", 1).await;
    assert_eq!(held[0].tool.name, ToolName::new("extra").unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_changed_while_drawbridge_was_not_running_is_held_too() {
    let mut computer = notes().await;
    computer.engine.shut_down().await;
    computer.tell("notes", &json!({"tools": [tool("read", "Does something else.")]}));
    computer.restart("notes").await;
    let held = differences(&computer, "notes", 1).await;
    assert_eq!(held[0].tool.held, Some(Held::Changed));
    let app = computer.app().await;
    let refused = app.call("notes__read", json!({})).await;
    assert!(said(&refused).contains("nobody has looked at it yet"), "{refused}");
    assert_eq!(computer.calls_of("notes"), 0);
}
