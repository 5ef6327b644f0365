//! A switch acts at the next call, whatever the client still believes.

use drawbridge_tests::{McpClient, Setup, eventually, wait::SOON};
use serde_json::json;

#[tokio::test]
async fn a_tool_switched_off_is_gone_from_the_list_and_refused_and_its_server_hears_nothing() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let one = McpClient::open(&engine, "/mcp/answers").await;
    let mut stream = client.listen().await;
    let mut other_stream = one.listen().await;
    client.call("answers__echo", json!({"text": "before"})).await;

    engine.edit(|config| {
        config["mcpServers"]["answers"]["drawbridge"]["tools"] = json!({"echo": "off"});
    });
    stream.notification("notifications/tools/list_changed").await;
    other_stream.notification("notifications/tools/list_changed").await;

    let refused = client.call("answers__echo", json!({"text": "after"})).await;
    assert_eq!(refused["isError"], true, "{refused}");
    let sentence = refused["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("Drawbridge"), "it says who refused: {sentence}");
    let refused = one.call("echo", json!({"text": "after"})).await;
    assert_eq!(refused["isError"], true, "the server's own route is no way around: {refused}");
    assert!(!client.tools().await.contains(&"answers__echo".to_owned()));
    assert!(!one.tools().await.contains(&"echo".to_owned()));
    client.call("answers__add", json!({"a": 1, "b": 1})).await;
    assert_eq!(engine.calls_seen_by("answers"), ["echo", "add"], "the refused calls never arrived");
    assert_eq!(engine.starts_of("answers"), 1, "a switch restarts nothing");

    engine.edit(|config| {
        config["mcpServers"]["answers"]["drawbridge"]["tools"] = json!({});
    });
    stream.notification("notifications/tools/list_changed").await;
    let back = client.call("answers__echo", json!({"text": "again"})).await;
    assert_eq!(back["content"][0]["text"], "again");
}

#[tokio::test]
async fn a_tool_that_asks_is_refused_because_nobody_is_there_to_ask() {
    let engine = Setup::new()
        .server_with("answers", &["answers"], json!({"preset": "ask", "tools": {"add": "allow"}}))
        .start_ready()
        .await;
    let client = McpClient::open(&engine, "/mcp").await;
    assert!(client.tools().await.contains(&"answers__echo".to_owned()), "it is listed");
    let refused = client.call("answers__echo", json!({"text": "x"})).await;
    assert_eq!(refused["isError"], true);
    let sentence = refused["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("nobody to ask"), "{sentence}");
    client.call("answers__add", json!({"a": 1, "b": 1})).await;
    assert_eq!(engine.calls_seen_by("answers"), ["add"]);
}

#[tokio::test]
async fn a_server_without_a_preset_asks_first() {
    let engine = Setup::new().server_with("answers", &["answers"], json!({})).start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let refused = client.call("answers__echo", json!({"text": "x"})).await;
    assert_eq!(refused["isError"], true, "{refused}");
    assert!(engine.calls_seen_by("answers").is_empty());
}

#[tokio::test]
async fn a_server_switched_off_is_stopped_and_its_tools_prompts_and_resources_are_gone() {
    let mut engine =
        Setup::new().server("answers", "answers").server("other", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    let before = engine.server_processes().len();
    engine.edit(|config| config["mcpServers"]["answers"]["drawbridge"]["enabled"] = json!(false));
    stream.notification("notifications/tools/list_changed").await;
    eventually("its processes are gone", SOON, async || {
        (engine.server_processes().len() < before).then_some(())
    })
    .await;
    assert!(client.tools().await.iter().all(|tool| !tool.starts_with("answers__")));
    let prompts = client.request("prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"].as_array().unwrap().len(), 1, "{prompts}");
    let read =
        client.request("resources/read", json!({"uri": "drawbridge+answers:note://one"})).await;
    assert!(read.get("error").is_some(), "{read}");
    client.call("other__echo", json!({"text": "on"})).await;
    assert_eq!(engine.starts_of("other"), 1, "the other server was left alone");

    engine.edit(|config| config["mcpServers"]["answers"]["drawbridge"]["enabled"] = json!(true));
    engine.until_ready("answers").await;
    client.call("answers__echo", json!({"text": "back"})).await;
}

#[tokio::test]
async fn disabled_as_other_programs_write_it_is_honoured() {
    let setup = Setup::new().server("answers", "answers");
    let mut definition = setup.config()["mcpServers"]["answers"].clone();
    definition["disabled"] = json!(true);
    let mut engine = setup.define("answers", definition).start();
    engine.until_ready("computer").await;
    assert_eq!(engine.starts_of("answers"), 0);
    engine.edit(|config| config["mcpServers"]["answers"]["disabled"] = json!(false));
    engine.until_ready("answers").await;
}

#[tokio::test]
async fn a_call_that_runs_when_its_tool_is_switched_off_still_ends() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    let gate = engine.path().join("open");
    let (id, mut held) = client
        .begin(
            "tools/call",
            json!({"name": "answers__hold",
            "arguments": {"until": gate.display().to_string()}, "_meta": {"progressToken": 1}}),
        )
        .await;
    held.notification("notifications/progress").await;
    engine.edit(|config| {
        config["mcpServers"]["answers"]["drawbridge"]["tools"] = json!({"hold": "off"});
    });
    stream.notification("notifications/tools/list_changed").await;
    drawbridge_tests::files::write(&gate, "");
    let result = held.answer_to(id).await;
    assert_eq!(result["result"]["content"][0]["text"], "let go");
}
