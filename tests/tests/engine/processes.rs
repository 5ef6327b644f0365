//! One child for all clients, none left behind.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use drawbridge_tests::official::clients_folder;
use drawbridge_tests::processes::{Process, descendants, signal, stands_still};
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, wait::SOON};
use rustix::process::Signal;
use serde_json::{Value, json};

/// How long Drawbridge gives calls to end, and then servers: 5 s each; the rest is for a busy
/// computer.
const WHOLE_GRACE: Duration = Duration::from_secs(16);

async fn whereabouts(client: &McpClient, tool: &str) -> Value {
    let result = client.call(tool, json!({})).await;
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

async fn pid_of(client: &McpClient) -> u32 {
    let pid = whereabouts(client, "answers__where").await["pid"].as_u64().unwrap();
    u32::try_from(pid).unwrap()
}

/// Everything the engine started, directly or not.
fn family(engine: &TestEngine) -> Vec<Process> {
    let mut all = descendants(engine.pid());
    all.extend(engine.server_processes());
    all.sort_by_key(|process| process.pid);
    all.dedup();
    all
}

async fn all_gone(what: &str, processes: &[Process], engine: &TestEngine, limit: Duration) {
    eventually(what, limit, async || {
        let left = processes.iter().any(Process::runs) || !engine.server_processes().is_empty();
        (!left).then_some(())
    })
    .await;
}

#[tokio::test]
async fn twenty_clients_share_one_child() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let mut pids = std::collections::HashSet::new();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let client = McpClient::open(&engine, "/mcp").await;
        pids.insert(pid_of(&client).await);
        clients.push(client);
    }
    assert_eq!(pids.len(), 1, "all were answered by one process");
    assert_eq!(engine.starts_of("answers"), 1);
    assert_eq!(engine.server_processes().len(), 1, "{:?}", engine.server_processes());
}

#[tokio::test]
async fn each_app_has_a_child_of_its_own_where_the_server_is_isolated() {
    const OTHER: &str = "db_other-0123456789abcdefghijklmnopqrstuvwxyzABCD";
    let mut engine = Setup::new()
        .server_with("answers", &["answers"], json!({"preset": "allow", "isolation": "per-app"}))
        .environment("DRAWBRIDGE_OTHER_TOKEN", OTHER)
        .start_ready()
        .await;
    engine.edit(|config| {
        config["clients"]["other"] = json!({"token": "${env:DRAWBRIDGE_OTHER_TOKEN}"});
    });
    eventually("the second app is let in", SOON, async || {
        let client = McpClient::unopened(&engine, "/mcp", OTHER);
        let answer = client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
        (answer.status() != 401).then_some(())
    })
    .await;
    let mine = McpClient::open(&engine, "/mcp").await;
    let other = McpClient::open_as(&engine, "/mcp", OTHER, json!({})).await;
    assert_ne!(pid_of(&mine).await, pid_of(&other).await);
    assert_eq!(pid_of(&mine).await, pid_of(&mine).await, "and keeps it");
}

#[tokio::test]
async fn a_killed_engine_leaves_no_process_behind() {
    let clients = clients_folder();
    let mut engine = Setup::new()
        .server("answers", "answers")
        .server("forks", "forks-a-grandchild")
        .server("stubborn", "ignores-sigterm")
        .define(
            "under-npx",
            json!({"command": "npx", "args": ["--no-install", "mcp-server-everything", "stdio"],
                "cwd": clients.display().to_string()}),
        )
        .start_ready()
        .await;
    let family = family(&engine);
    let commands: Vec<&str> = family.iter().map(|process| process.command.as_str()).collect();
    for wanted in ["answers", "test-server sleeps", "ignores-sigterm", "mcp-server-everything"] {
        assert!(commands.iter().any(|command| command.contains(wanted)), "{wanted}: {commands:?}");
    }
    let under_npx = commands.iter().filter(|command| command.contains("mcp-server-everything"));
    assert!(under_npx.count() >= 2, "npx has a child of its own: {commands:?}");
    engine.kill();
    all_gone("nothing is left after SIGKILL", &family, &engine, SOON).await;
}

#[tokio::test]
async fn quitting_ends_within_its_grace_though_a_child_ignores_signals() {
    let mut engine = Setup::new()
        .server("answers", "answers")
        .server("stubborn", "ignores-sigterm")
        .server("forks", "forks-a-grandchild")
        .start_ready()
        .await;
    let family = family(&engine);
    let asked = Instant::now();
    engine.signal(Signal::TERM);
    let status = engine.wait_for_end(WHOLE_GRACE);
    assert_eq!(status.code(), Some(0), "a clean drain, after {:?}", asked.elapsed());
    all_gone("nothing is left after a quit", &family, &engine, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn quitting_is_quick_when_every_child_behaves() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let asked = Instant::now();
    let status = engine.stop();
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
    assert!(!engine.log().contains("not every task"), "every task ended: {}", engine.log());
}

#[tokio::test]
async fn a_call_in_flight_may_end_while_the_engine_drains() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let gate = engine.path().join("open");
    let (id, mut held) = client
        .begin(
            "tools/call",
            json!({"name": "answers__hold",
            "arguments": {"until": gate.display().to_string()}, "_meta": {"progressToken": 1}}),
        )
        .await;
    held.notification("notifications/progress").await;
    engine.signal(Signal::TERM);
    eventually("it accepts nobody else", SOON, async || {
        std::net::TcpStream::connect(("127.0.0.1", engine.port)).is_err().then_some(())
    })
    .await;
    drawbridge_tests::files::write(&gate, "");
    let result = held.answer_to(id).await;
    assert_eq!(result["result"]["content"][0]["text"], "let go");
    drop(held);
    assert_eq!(engine.wait_for_end(WHOLE_GRACE).code(), Some(0));
}

#[tokio::test]
async fn after_a_server_was_killed_the_next_call_works() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let first = pid_of(&client).await;
    signal(first, Signal::KILL);
    eventually("it was started again", SOON, async || {
        (engine.starts_of("answers") == 2).then_some(())
    })
    .await;
    engine.until_ready("answers").await;
    let second = pid_of(&client).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_call_whose_server_dies_ends_with_a_failure_at_once() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let (id, mut held) = client
        .begin(
            "tools/call",
            json!({"name": "answers__hold", "arguments": {"until": "/never"},
            "_meta": {"progressToken": 1}}),
        )
        .await;
    held.notification("notifications/progress").await;
    client.begin("tools/call", json!({"name": "answers__die", "arguments": {}})).await;
    let answer = held.answer_to(id).await;
    let failed = answer["result"]["isError"] == true || answer.get("error").is_some();
    assert!(failed, "a call whose server is gone has failed: {answer}");
}

#[tokio::test]
async fn stopping_a_server_ends_its_grandchild_too() {
    let mut engine = Setup::new().server("forks", "forks-a-grandchild").start_ready().await;
    let family = family(&engine);
    assert!(family.iter().any(|process| process.command.contains("test-server sleeps")));
    engine.edit(|config| config["mcpServers"]["forks"]["drawbridge"]["enabled"] = json!(false));
    all_gone("child and grandchild are gone", &family, &engine, WHOLE_GRACE).await;
}

#[tokio::test]
async fn what_a_crash_left_behind_is_ended_at_the_next_start() {
    let mut engine = Setup::new().server("forks", "forks-a-grandchild").start_ready().await;
    let servers = engine.server_processes();
    let guardians: Vec<Process> = family(&engine)
        .into_iter()
        .filter(|process| process.command.contains("guardian"))
        .collect();
    assert!(!guardians.is_empty(), "{:?}", family(&engine));
    // What takes engine and guardian at one blow leaves the grandchild an orphan. The engine stands
    // still meanwhile, so that it cannot do what the guardian no longer does.
    signal(engine.pid(), Signal::STOP);
    eventually("the engine stands still", SOON, async || stands_still(engine.pid()).then_some(()))
        .await;
    for process in &guardians {
        signal(process.pid, Signal::KILL);
    }
    eventually("the guardian is gone", SOON, async || {
        (!guardians.iter().any(Process::runs)).then_some(())
    })
    .await;
    engine.kill();
    assert!(servers.iter().any(Process::runs), "something outlived both");
    let engine = engine.start_again();
    eventually("the leftover is gone", SOON, async || {
        (!servers.iter().any(Process::runs)).then_some(())
    })
    .await;
    engine.until_ready("forks").await;
}

#[tokio::test]
async fn a_child_gets_a_short_environment_and_what_the_config_adds() {
    let setup = Setup::new().environment("SECRET_OF_THE_PERSON", "do not pass on");
    let engine = setup.server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let seen = whereabouts(&client, "answers__where").await;
    let variables: Vec<&str> =
        seen["variables"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(variables.contains(&"TEST_SERVER_LOG"), "{variables:?}");
    assert!(variables.contains(&"PATH"), "{variables:?}");
    assert!(variables.contains(&"HOME"), "{variables:?}");
    for hidden in ["SECRET_OF_THE_PERSON", "DRAWBRIDGE_TEST_TOKEN"] {
        assert!(!variables.contains(&hidden), "{hidden} in {variables:?}");
    }
    assert_eq!(seen["folder"], engine.path().join("home").display().to_string(), "the home folder");
}

#[tokio::test]
async fn quitting_while_servers_are_starting_ends_within_its_grace_too() {
    let mut setup = Setup::new().server("silent", "never-answers");
    for number in 0..12 {
        setup = setup.server(&format!("answers-{number}"), "answers");
    }
    let mut engine = setup.start();
    let asked = Instant::now();
    engine.signal(Signal::TERM);
    let status = engine.wait_for_end(WHOLE_GRACE);
    assert_eq!(status.code(), Some(0), "after {:?}: {}", asked.elapsed(), engine.log());
    assert!(engine.server_processes().is_empty(), "{:?}", engine.server_processes());
}
