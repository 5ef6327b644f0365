//! The command line's contract: what it prints, and the code it ends with.

use std::time::{Duration, Instant};

use drawbridge_tests::programs::{Finished, Shim, finish};
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::json;

pub(crate) fn run(engine: &TestEngine, arguments: &[&str]) -> Finished {
    finish(engine.command(arguments).args(engine.places()))
}

#[tokio::test]
async fn it_serves_drains_and_ends_with_code_0() {
    let mut engine = Setup::new().start();
    assert_eq!(engine.health().await["status"], "ok");
    assert_eq!(engine.stop().code(), Some(0));
    assert!(!engine.log().contains("panicked"), "{}", engine.log());
}

#[tokio::test]
async fn a_missing_keyring_is_said_and_what_needs_no_secret_goes_on() {
    // The tests' engine has no session bus, so there is no keyring that could answer.
    let needy = json!({"command": "true", "env": {"KEY": "${secret:needy-key}"}});
    let setup = Setup::new().server("answers", "answers").define("needy", needy);
    let engine = setup.start();
    engine.until_ready("answers").await;
    let health = eventually("it says why", SOON, async || {
        let health = engine.server_health("needy").await;
        health["problem"].is_string().then_some(health)
    })
    .await;
    let problem = health["problem"].as_str().unwrap();
    assert!(problem.contains("keyring") && problem.contains("${env:NAME}"), "{problem}");
    let client = McpClient::open(&engine, "/mcp").await;
    let answer = client.call("answers__echo", json!({"text": "well"})).await;
    assert_eq!(answer["content"][0]["text"], "well");
}

#[tokio::test]
async fn ctrl_c_drains_like_sigterm() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    engine.signal(rustix::process::Signal::INT);
    assert_eq!(engine.wait_for_end(SOON).code(), Some(0));
    assert!(engine.server_processes().is_empty());
}

#[tokio::test]
async fn a_busy_port_ends_it_with_code_1_and_the_port_in_the_sentence() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut engine = Setup::new().start();
    engine.stop();
    let ended = run(&engine, &["serve", "--port", &port]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&port), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_data_folder_in_use_ends_it_with_code_1() {
    let engine = Setup::new().start();
    let ended = run(&engine, &["serve", "--port", "0"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("data"), "it names the folder: {}", ended.stderr);
    assert_eq!(engine.health().await["status"], "ok", "the first one still serves");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_a_sentence_and_no_panic() {
    let engine = Setup::new().start();
    let file = engine.path().join("a-file");
    files::write(&file, "");
    let below = file.join("data").display().to_string();
    let config = engine.config_path().display().to_string();
    let places = ["serve", "--port", "0", "--config", &config, "--data-dir", &below];
    let ended = finish(&mut engine.command(&places));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("a-file"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_missing_config_is_an_empty_one_and_it_says_how_to_make_a_client() {
    let mut engine = Setup::new().start();
    engine.stop();
    std::fs::remove_file(engine.config_path()).unwrap();
    // The last good version must not stand in for a file that is simply not there.
    std::fs::remove_dir_all(engine.data_dir()).unwrap();
    let engine = engine.start_again();
    eventually("it says how to make a client", SOON, async || {
        engine.log().contains("client add").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_flag_beats_the_config() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let configured = free.local_addr().unwrap().port();
    let engine = Setup::new().gateway(json!({ "port": configured })).start();
    assert_ne!(engine.port, configured, "the harness says --port 0");
}

#[tokio::test]
async fn a_client_is_added_listed_used_and_removed() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let added = run(&engine, &["client", "add", "vscode"]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let token = added
        .stdout
        .split_whitespace()
        .find(|word| word.starts_with("db_"))
        .unwrap_or_else(|| panic!("the token is printed: {:?}", added.stdout))
        .to_owned();
    assert!(token.len() >= 46, "256 bits: {token}");
    let config = files::read(&engine.config_path());
    assert!(!config.contains(&token), "the file holds only its digest");
    assert!(config.contains("tokenSha256"), "{config}");

    eventually("the running engine lets it in", SOON, async || {
        let client = McpClient::unopened(&engine, "/mcp", &token);
        let answer = client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
        (answer.status() != 401).then_some(())
    })
    .await;
    let client = McpClient::open_as(&engine, "/mcp", &token, json!({})).await;
    client.call("answers__echo", json!({"text": "in"})).await;

    let again = run(&engine, &["client", "add", "vscode"]);
    assert_eq!(again.code, Some(1), "a name is taken once: {}", again.stderr);
    let listed = run(&engine, &["client", "list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.contains("vscode") && listed.stdout.contains("tester"));
    assert!(!listed.stdout.contains(&token), "a list shows no token");

    let removed = run(&engine, &["client", "remove", "vscode"]);
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    eventually("it is refused", SOON, async || {
        let message = json!({"jsonrpc": "2.0", "id": 9, "method": "ping"});
        (client.send(&message).await.status() == 401).then_some(())
    })
    .await;
    assert_eq!(run(&engine, &["client", "remove", "vscode"]).code, Some(1), "it is gone");
    assert!(!engine.log().contains(&token));
}

#[tokio::test]
async fn adding_a_client_keeps_the_comments_of_the_file() {
    let engine = Setup::new().start();
    let commented = files::read(&engine.config_path()).replacen('{', "{ // my own words", 1);
    files::write(&engine.config_path(), &commented);
    assert_eq!(run(&engine, &["client", "add", "zed"]).code, Some(0));
    let text = files::read(&engine.config_path());
    assert!(text.contains("// my own words") && text.contains("\"tester\""), "{text}");
}

#[tokio::test]
async fn a_flag_nobody_knows_ends_it_with_code_2() {
    let engine = Setup::new().start();
    let ended = finish(&mut engine.command(&["serve", "--prot", "1"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--prot"), "{}", ended.stderr);
}

fn opening() -> serde_json::Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "over-stdio", "version": "1"}})
}

fn shim(engine: &TestEngine) -> Shim {
    let mut command = engine.command(&["stdio", "--client", "tester"]);
    Shim::start(command.args(engine.places()))
}

#[tokio::test]
async fn an_app_that_speaks_stdio_alone_reaches_the_running_engine() {
    // The shim learns the port from the configuration, so it stands there.
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut engine = Setup::new()
        .server("answers", "answers")
        .server("changes", "changes-tools")
        .gateway(json!({ "port": free }))
        .start_ready()
        .await;
    engine.stop();
    engine.port = free;
    let engine = engine.start_again();
    engine.until_ready("answers").await;
    engine.until_ready("changes").await;
    let mut shim = shim(&engine);
    let opened = shim.request(1, "initialize", opening());
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25", "{opened}");
    shim.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let listed = shim.request(2, "tools/list", json!({}));
    assert!(listed.to_string().contains("answers__echo"), "{listed}");
    let called = shim.request(
        3,
        "tools/call",
        json!({"name": "answers__echo", "arguments": {"text": "by pipe"}}),
    );
    assert_eq!(called["result"]["content"][0]["text"], "by pipe", "{called}");

    shim.send(&json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params":
        {"name": "answers__count", "arguments": {"steps": 5}, "_meta": {"progressToken": "t"}}}));
    for step in 1..=5 {
        let progress = shim.next(SOON);
        assert_eq!(progress["params"]["progress"], step, "{progress}");
    }
    assert_eq!(shim.next(SOON)["id"], 4);

    shim.send(&json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params":
        {"name": "changes__grow", "arguments": {}}}));
    let (mut told, mut answered) = (false, false);
    while !(told && answered) {
        let message = shim.next(SOON);
        told |= message["method"] == "notifications/tools/list_changed";
        answered |= message["id"] == 5;
    }
    assert_eq!(shim.close(), Some(0), "it ends with its input");
}

#[tokio::test]
async fn the_shim_waits_for_an_engine_that_comes_up_later() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut engine =
        Setup::new().server("answers", "answers").gateway(json!({ "port": free })).start();
    engine.stop();
    engine.port = free;
    let mut shim = shim(&engine);
    shim.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening()}));
    // The request stands in the pipe while nobody listens.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let _engine = engine.start_again();
    let opened = shim.next(SOON);
    assert_eq!(opened["id"], 1);
    assert!(opened.get("result").is_some(), "{opened}");
}

#[tokio::test]
#[ignore = "waits half a minute; `cargo xtask test --full` runs it"]
async fn the_shim_says_so_when_no_engine_comes_within_half_a_minute() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut engine = Setup::new().gateway(json!({ "port": free })).start();
    engine.stop();
    let mut shim = shim(&engine);
    let asked = Instant::now();
    shim.send(&json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": opening()}));
    let answer = shim.next(Duration::from_secs(60));
    assert!(asked.elapsed() > Duration::from_secs(25), "it waited: {:?}", asked.elapsed());
    assert_eq!(answer["id"], "a", "{answer}");
    assert!(
        answer["error"]["message"].as_str().is_some_and(|why| why.contains("Drawbridge")),
        "{answer}"
    );
}
