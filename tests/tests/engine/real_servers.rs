//! The official clients call the official servers through the gateway.

use drawbridge_tests::official::{Official, OfficialClient, clients_folder, python};
use drawbridge_tests::processes::{Process, signal};
use drawbridge_tests::programs::program;
use drawbridge_tests::{Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::{Value, json};

fn text(answer: &Value) -> String {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

/// A server of the reference collection behind a program that writes down what it is sent.
fn node(server: &str, arguments: &[&str]) -> Value {
    let script = clients_folder()
        .join("node_modules/@modelcontextprotocol")
        .join(server)
        .join("dist/index.js");
    assert!(script.exists(), "{server} is not installed; `cargo xtask setup` does that");
    let mut all = vec!["listens-in".to_owned(), "node".to_owned(), script.display().to_string()];
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    json!({"command": program("test-server").display().to_string(), "args": all,
        "drawbridge": {"preset": "allow"}})
}

async fn engine() -> TestEngine {
    let setup = Setup::new();
    let notes = setup.path().join("notes");
    files::write(&notes.join("shopping.txt"), "bread and butter");
    let mut memory = node("server-memory", &[]);
    memory["env"] =
        json!({"MEMORY_FILE_PATH": setup.path().join("memory.jsonl").display().to_string()});
    let time = python("mcp-server-time");
    assert!(time.exists(), "mcp-server-time is not installed; `cargo xtask setup` does that");
    let time = json!({"command": program("test-server").display().to_string(),
        "args": ["listens-in", time.display().to_string(), "--local-timezone", "Europe/Oslo"],
        "drawbridge": {"preset": "allow"}});
    setup
        .define("everything", node("server-everything", &["stdio"]))
        .define("files", node("server-filesystem", &[&notes.display().to_string()]))
        .define("memory", memory)
        .define("time", time)
        .start_ready()
        .await
}

/// The server's process and the one that listens in on it.
fn processes_of(engine: &TestEngine, script: &str) -> Vec<Process> {
    engine
        .server_processes()
        .into_iter()
        .filter(|process| process.command.contains(script))
        .collect()
}

async fn walk(which: Official) {
    let mut engine = engine().await;
    let mut client = OfficialClient::open(which, &engine, "/mcp");
    let tools = client.step(json!({"do": "tools"}));
    let tools: Vec<&str> =
        tools["tools"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for wanted in [
        "everything__echo",
        "files__read_text_file",
        "files__write_file",
        "memory__create_entities",
        "time__get_current_time",
    ] {
        assert!(tools.contains(&wanted), "{wanted} in {tools:?}");
    }

    // A read and a write with the file system server.
    let notes = engine.path().join("notes");
    let shopping = notes.join("shopping.txt").display().to_string();
    let read = client.step(json!({"do": "call", "name": "files__read_text_file",
        "arguments": {"path": shopping}}));
    assert_eq!(text(&read), "bread and butter", "{read}");
    let later = notes.join("later.txt").display().to_string();
    client.step(json!({"do": "call", "name": "files__write_file",
        "arguments": {"path": later, "content": "milk"}}));
    assert_eq!(files::read(&notes.join("later.txt")), "milk");

    // A write and a read with the memory server.
    client
        .step(json!({"do": "call", "name": "memory__create_entities", "arguments": {"entities": [
        {"name": "Ada", "entityType": "person", "observations": ["likes engines"]}]}}));
    let graph = client.step(json!({"do": "call", "name": "memory__read_graph", "arguments": {}}));
    assert!(text(&graph).contains("likes engines"), "{graph}");

    // A read with the time server.
    let time = client.step(json!({"do": "call", "name": "time__convert_time", "arguments":
        {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}}));
    assert!(text(&time).contains("21:00"), "{time}");

    // Progress, in order and complete.
    let long = client
        .step(json!({"do": "call", "name": "everything__trigger-long-running-operation",
        "arguments": {"duration": 1, "steps": 4}}));
    let steps: Vec<f64> =
        long["progress"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert_eq!(steps, [1.0, 2.0, 3.0, 4.0], "{long}");
    assert!(text(&long).contains("completed"), "{long}");

    // A cancel in mid-call reaches the server.
    let cancelled = client.step(json!({"do": "cancel",
        "name": "everything__trigger-long-running-operation",
        "arguments": {"duration": 600, "steps": 6000}}));
    assert_eq!(cancelled["cancelled"], true, "{cancelled}");
    eventually("the server hears of the cancel", SOON, async || {
        engine.server_log("everything").contains("notifications/cancelled").then_some(())
    })
    .await;

    // A prompt and a resource.
    let prompts = client.step(json!({"do": "prompts"}));
    let prompt = prompts["prompts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .find(|name| name.contains("args-prompt"))
        .unwrap_or_else(|| panic!("{prompts}"));
    let prompt =
        client.step(json!({"do": "prompt", "name": prompt, "arguments": {"city": "Oslo"}}));
    assert!(prompt.to_string().contains("Oslo"), "{prompt}");
    let resources = client.step(json!({"do": "resources"}));
    let resource = resources["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .find(|uri| uri.ends_with("architecture.md"))
        .unwrap_or_else(|| panic!("{resources}"));
    assert!(resource.starts_with("drawbridge+everything:"), "{resource}");
    let read = client.step(json!({"do": "read", "uri": resource}));
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().len() > 100, "{read}");

    // A tool switched off: the open session is told, the next call refused, the server's own log
    // shows nothing.
    let before = engine.calls_seen_by("everything");
    engine.edit(|config| {
        config["mcpServers"]["everything"]["drawbridge"]["tools"] = json!({"echo": "off"});
    });
    client.step(json!({"do": "listChanged"}));
    let refused = client.step(json!({"do": "call", "name": "everything__echo",
        "arguments": {"message": "anyone?"}, "mayFail": true}));
    assert_eq!(refused["result"]["isError"], true, "{refused}");
    assert_eq!(engine.calls_seen_by("everything"), before);
    assert!(!engine.server_log("everything").contains("anyone?"));

    // Then the server is killed: the next call after its return works.
    let killed = processes_of(&engine, "server-everything");
    assert!(killed.len() >= 2, "{killed:?}");
    for process in killed.iter().filter(|process| process.command.starts_with("node")) {
        signal(process.pid, rustix::process::Signal::KILL);
    }
    eventually("it is started again", SOON, async || {
        (engine.starts_of("everything") == 2).then_some(())
    })
    .await;
    engine.until_ready("everything").await;
    let sum = client.step(json!({"do": "call", "name": "everything__get-sum",
        "arguments": {"a": 2, "b": 3}}));
    assert!(text(&sum).contains('5'), "{sum}");
    assert!(killed.iter().all(|process| !process.runs()), "and nothing of the old one is left");
}

#[tokio::test]
async fn the_typescript_client_walks_through_the_real_servers() {
    walk(Official::TypeScript).await;
}

#[tokio::test]
async fn the_python_client_walks_through_the_real_servers() {
    walk(Official::Python).await;
}

#[tokio::test]
async fn a_real_server_has_its_own_names_on_its_own_route() {
    let engine = engine().await;
    for which in [Official::TypeScript, Official::Python] {
        let mut client = OfficialClient::open(which, &engine, "/mcp/everything");
        let said =
            client.step(json!({"do": "call", "name": "echo", "arguments": {"message": "plain"}}));
        assert!(text(&said).contains("plain"), "{which:?}: {said}");
        let resources = client.step(json!({"do": "resources"}));
        assert!(resources.to_string().contains("\"demo://"), "{which:?}: {resources}");
    }
}
