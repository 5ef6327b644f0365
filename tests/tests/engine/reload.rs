//! The config file is edited while the engine runs, in the ways editors save, well and badly.

use drawbridge_tests::engine::pretty;
use drawbridge_tests::files::{delete_and_create, write, write_and_rename_over};
use drawbridge_tests::programs::finish;
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};

/// The configuration of `engine` with a second server that behaves like the first.
fn with_second(engine: &TestEngine) -> Value {
    let mut config = engine.config.clone();
    let mut second = config["mcpServers"]["answers"].clone();
    second["env"]["TEST_SERVER_LOG"] = json!(engine.path().join("logs/second"));
    config["mcpServers"]["second"] = second;
    config
}

/// Writes a config that adds a server, in the way given, then one that removes it.
async fn is_noticed(save: fn(&std::path::Path, &str)) {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    for round in 1..=2 {
        save(&engine.config_path(), &pretty(&with_second(&engine)));
        engine.until_ready("second").await;
        stream.notification("notifications/tools/list_changed").await;
        client.call("second__echo", json!({"text": "here"})).await;
        let processes = engine.server_processes();

        save(&engine.config_path(), &pretty(&engine.config));
        eventually("the removed server's child is gone", SOON, async || {
            (engine.server_processes().len() < processes.len()).then_some(())
        })
        .await;
        assert!(client.tools().await.iter().all(|tool| !tool.starts_with("second__")));
        // While it is being stopped it is a server that is off; then it is none.
        let call = json!({"name": "second__echo", "arguments": {}});
        eventually("its tools are unknown", SOON, async || {
            let gone = client.request("tools/call", call.clone()).await;
            let crossed = gone.get("result").is_some() && gone["result"]["isError"] != true;
            assert!(!crossed, "no call crosses: {gone}");
            (gone["error"]["code"] == -32602).then_some(())
        })
        .await;
        assert_eq!(engine.server_health("second").await, Value::Null);
        assert_eq!(engine.starts_of("answers"), 1, "round {round} left the first server alone");
    }
}

#[tokio::test]
async fn a_file_truncated_and_written_is_noticed() {
    is_noticed(write).await;
}

#[tokio::test]
async fn a_file_renamed_over_is_noticed() {
    is_noticed(write_and_rename_over).await;
}

#[tokio::test]
async fn a_file_deleted_and_created_is_noticed() {
    is_noticed(delete_and_create).await;
}

#[tokio::test]
async fn a_broken_edit_keeps_what_runs_and_says_where_it_is_broken() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let good = pretty(&engine.config);
    let unknown_key = good.replacen("\"gateway\": {}", "\"gateway\": {\"prot\": 7338}", 1);
    assert_ne!(unknown_key, good);
    let wrong_kind = good.replacen("\"gateway\": {}", "\"gateway\": {\"port\": \"many\"}", 1);
    let no_command = good.replacen("\"command\"", "\"comand\"", 1);
    assert_ne!(no_command, good);
    let reserved = good.replacen("\"answers\": {", "\"computer\": {", 1);
    let cases = [
        ("cut in the middle", good[..good.len() / 2].to_owned(), ""),
        ("a comma too few", good.replacen("},\n", "}\n", 1), "line"),
        ("an unknown key", unknown_key, "prot"),
        ("a value of the wrong kind", wrong_kind, "port"),
        ("a server without a command", no_command, "answers"),
        ("a reserved name", reserved, "computer"),
        ("an empty file", String::new(), ""),
        ("a list", "[]".to_owned(), ""),
        ("not text", "\u{0}\u{1}\u{2}".to_owned(), ""),
    ];
    for (what, text, says) in cases {
        let said_before = engine.log().len();
        write_and_rename_over(&engine.config_path(), &text);
        eventually(&format!("the log says why: {what}"), SOON, async || {
            let log = engine.log();
            let since = log.get(said_before..).unwrap_or_default();
            (since.contains("config.json") && since.contains(says)).then_some(())
        })
        .await;
        let result = client.call("answers__echo", json!({"text": what})).await;
        assert_eq!(result["content"][0]["text"], what, "what ran still runs: {what}");
        assert_eq!(engine.starts_of("answers"), 1, "{what}");
    }
    // And the next good edit is taken.
    write(&engine.config_path(), &pretty(&with_second(&engine)));
    engine.until_ready("second").await;
}

#[tokio::test]
async fn comments_and_trailing_commas_are_fine() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let mut text = pretty(&with_second(&engine));
    text = text.replacen("\"mcpServers\": {", "/* mine */ \"mcpServers\": { // servers", 1);
    let end = text.rfind('}').unwrap();
    text.insert(end, ',');
    write(&engine.config_path(), &text);
    engine.until_ready("second").await;
}

#[tokio::test]
async fn a_server_whose_command_changed_is_started_anew_and_only_that_one() {
    let mut engine =
        Setup::new().server("answers", "answers").server("other", "answers").start_ready().await;
    engine.edit(|config| config["mcpServers"]["other"]["env"]["EXTRA"] = json!("1"));
    eventually("it is started anew", SOON, async || (engine.starts_of("other") == 2).then_some(()))
        .await;
    engine.until_ready("other").await;
    assert_eq!(engine.starts_of("answers"), 1);
}

#[tokio::test]
async fn a_file_that_is_broken_at_start_gives_way_to_the_last_good_one() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    engine.stop();
    write(&engine.config_path(), "{ \"mcpServers\": {");
    let engine = engine.start_again();
    engine.until_ready("answers").await;
    assert!(engine.log().contains("config.json"), "and it says so: {}", engine.log());
}

#[tokio::test]
async fn a_file_that_is_broken_at_the_first_start_ends_it_with_code_2() {
    let mut engine = Setup::new().start();
    engine.stop();
    let fresh = engine.path().join("fresh");
    let config = engine.path().join("broken.json");
    write(&config, "{ \"mcpServers\": { \"a\": { \"command\": 7 } } }");
    let places = [config.to_str().unwrap(), fresh.to_str().unwrap()];
    let mut serve = engine.command(&["serve", "--port", "0"]);
    let ended = finish(serve.args(["--config", places[0], "--data-dir", places[1]]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("broken.json"), "it names the file: {}", ended.stderr);
    assert!(ended.stderr.contains("command"), "and the key: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "a script waiting for the line is not misled");
}
