//! A call is on record before it runs, and does not run when it cannot be put there.

use std::time::Duration;

use drawbridge_tests::raw::exchange;
use drawbridge_tests::record::Database;
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::{Value, json};

/// How long the engine may wait for a database somebody else holds before it gives up.
const UNTIL_REFUSED: Duration = Duration::from_secs(40);

async fn hold(client: &McpClient, gate: &std::path::Path) -> (i64, drawbridge_tests::Exchange) {
    client
        .begin(
            "tools/call",
            json!({"name": "answers__hold",
            "arguments": {"until": gate.display().to_string()}, "_meta": {"progressToken": 1}}),
        )
        .await
}

#[tokio::test]
async fn the_beginning_is_on_record_while_the_server_holds_the_call() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let gate = engine.path().join("open");
    let (id, mut held) = hold(&client, &gate).await;
    eventually("the server has the call", SOON, async || {
        engine.calls_seen_by("answers").contains(&"hold".to_owned()).then_some(())
    })
    .await;
    // No waiting here: at the moment the server has it, the row is there.
    let mut database = Database::read(&engine.data_dir()).await;
    let calls = database.of_kind("toolCall").await;
    let [began] = calls.as_slice() else { panic!("one call: {calls:?}") };
    assert_eq!((began.step.as_str(), began.subject.as_str()), ("began", "hold"));
    assert_eq!((began.client.as_str(), began.server.as_str()), ("tester", "answers"));
    assert!(began.arguments.contains("until"), "{began:?}");
    assert_eq!(database.end_of(began.id).await, None, "it has not ended");

    files::write(&gate, "");
    held.answer_to(id).await;
    let end =
        eventually("its end is on record", SOON, async || database.end_of(began.id).await).await;
    assert_eq!(end.outcome, "succeeded");
    assert!(end.result.contains("let go"), "{end:?}");
}

async fn refused_because_of_the_record(client: &McpClient) -> Value {
    let params = json!({"name": "answers__echo", "arguments": {"text": "unrecorded"}});
    let (id, mut exchange) = client.begin("tools/call", params).await;
    let answer = loop {
        let message = exchange.next_within(UNTIL_REFUSED).await.expect("an answer");
        if message["id"] == id {
            break message;
        }
    };
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn while_the_database_cannot_be_written_a_call_is_refused_and_never_reaches_its_server() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    client.call("answers__echo", json!({"text": "first"})).await;
    let mut database = Database::write(&engine.data_dir()).await;
    database.lock().await;
    let refused = refused_because_of_the_record(&client).await;
    let sentence = refused["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("record"), "it says why: {sentence}");
    assert_eq!(engine.calls_seen_by("answers"), ["echo"], "the first one alone");
    assert!(!engine.server_log("answers").contains("unrecorded"));
    database.release().await;
    eventually("calls cross again", SOON, async || {
        let result = client.call("answers__echo", json!({"text": "again"})).await;
        (result["isError"] != true).then_some(())
    })
    .await;
    assert!(engine.verify().contains("as it was written"), "nothing is damaged");
}

#[tokio::test]
async fn a_tool_switched_off_while_its_call_waits_for_the_record_does_not_run() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut database = Database::write(&engine.data_dir()).await;
    database.lock().await;
    let params = json!({"name": "answers__echo", "arguments": {"text": "too late"}});
    let switched = async {
        // By then the call has passed the first look at its switch, as the row below shows.
        tokio::time::sleep(Duration::from_millis(100)).await;
        engine.edit(|config| {
            config["mcpServers"]["answers"]["drawbridge"]["tools"] = json!({"echo": "off"});
        });
        eventually("it is switched off", SOON, async || {
            (!client.tools().await.contains(&"answers__echo".to_owned())).then_some(())
        })
        .await;
        database.release().await;
    };
    let ((id, mut exchange), ()) = tokio::join!(client.begin("tools/call", params), switched);
    let answer = exchange.answer_to(id).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let sentence = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("off"), "{sentence}");
    assert_eq!(engine.calls_seen_by("answers"), Vec::<String>::new());
    let mut database = Database::read(&engine.data_dir()).await;
    let calls = database.of_kind("toolCall").await;
    let [began] = calls.as_slice() else { panic!("one call: {calls:?}") };
    let end = eventually("it ended", SOON, async || database.end_of(began.id).await).await;
    assert_eq!(end.outcome, "refused");
}

#[cfg(target_os = "linux")]
/// A small file system of its own; only root may make one.
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(at: &std::path::Path) -> Option<Self> {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("tmpfs", at, "tmpfs", flags, Some(c"size=2m")).ok()?;
        Some(Self(at.to_path_buf()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_a_call_is_refused_and_works_again_when_there_is_room() {
    let setup = Setup::new().server("answers", "answers");
    let Some(disk) = SmallDisk::mount(&setup.path().join("data")) else {
        // Only root may mount; the test before this one shows the same with a locked database.
        return;
    };
    let engine = setup.start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    client.call("answers__echo", json!({"text": "first"})).await;
    let filler = engine.data_dir().join("filler");
    let mut size = 2 * 1024 * 1024;
    while size > 0 {
        // Smaller and smaller pieces, until not one byte more fits.
        if !files::append(&filler, size) {
            size /= 2;
        }
    }
    let mut refused = None;
    for _ in 0..200 {
        // What room is left inside the database's own files is used up first.
        let text = "x".repeat(16_000);
        let result = client.call("answers__echo", json!({ "text": text })).await;
        if result["isError"] == true {
            refused = Some(result);
            break;
        }
    }
    let seen = engine.calls_seen_by("answers").len();
    let refused = refused.expect("with a full disk calls are refused");
    let sentence = refused["content"][0]["text"].as_str().unwrap();
    assert!(sentence.contains("record"), "{sentence}");
    // A smaller one might still find room.
    let again = client.call("answers__echo", json!({ "text": "x".repeat(16_000) })).await;
    assert_eq!(again["isError"], true, "{again}");
    assert_eq!(engine.calls_seen_by("answers").len(), seen, "refused calls never arrive");
    std::fs::remove_file(&filler).unwrap();
    eventually("calls cross again", SOON, async || {
        let result = client.call("answers__echo", json!({"text": "again"})).await;
        (result["isError"] != true).then_some(())
    })
    .await;
    assert!(engine.verify().contains("as it was written"), "nothing is damaged");
    drop((engine, disk));
}

#[tokio::test]
async fn failures_refusals_and_cancels_are_on_record_as_what_they_are() {
    let engine = Setup::new()
        .server_with("answers", &["answers"], json!({"preset": "allow", "tools": {"add": "off"}}))
        .start_ready()
        .await;
    let client = McpClient::open(&engine, "/mcp").await;
    client.call("answers__complain", json!({})).await;
    client.call("answers__add", json!({"a": 1, "b": 2})).await;
    let (id, mut held) = hold(&client, "/never".as_ref()).await;
    held.notification("notifications/progress").await;
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    let mut database = Database::read(&engine.data_dir()).await;
    for (subject, outcome) in [("complain", "failed"), ("add", "refused"), ("hold", "cancelled")] {
        eventually(&format!("{subject} is on record as {outcome}"), SOON, async || {
            let calls = database.of_kind("toolCall").await;
            let call = calls.into_iter().find(|call| call.subject == subject)?;
            let end = match call.step.as_str() {
                "began" => database.end_of(call.id).await?.outcome,
                _ => call.outcome,
            };
            (end == outcome).then_some(())
        })
        .await;
    }
    assert!(!engine.calls_seen_by("answers").contains(&"add".to_owned()));
}

#[tokio::test]
async fn prompts_and_resources_that_were_used_are_on_record() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp/answers").await;
    client.request("prompts/get", json!({"name": "greet", "arguments": {"who": "Bo"}})).await;
    client.request("resources/read", json!({"uri": "note://two"})).await;
    let mut database = Database::read(&engine.data_dir()).await;
    for (kind, subject) in [("promptUse", "greet"), ("resourceRead", "note://two")] {
        let entries = database.of_kind(kind).await;
        let [entry] = entries.as_slice() else { panic!("one {kind}: {entries:?}") };
        assert_eq!(entry.subject, subject);
        eventually("its end", SOON, async || database.end_of(entry.id).await).await;
    }
}

#[tokio::test]
async fn the_lives_of_servers_are_on_record() {
    let mut engine =
        Setup::new().server("answers", "answers").server("ends", "exits-at-once").start();
    engine.until_ready("answers").await;
    let mut database = Database::read(&engine.data_dir()).await;
    let mut seen = async |kind: &str, server: &str| {
        eventually(&format!("{kind} of {server}"), SOON, async || {
            database.of_kind(kind).await.into_iter().find(|entry| entry.server == server)
        })
        .await
    };
    seen("serverStarted", "answers").await;
    let crash = seen("serverCrashed", "ends").await;
    assert!(format!("{crash:?}").contains("key file"), "with its last words: {crash:?}");
    engine.edit(|config| config["mcpServers"]["answers"]["drawbridge"]["enabled"] = json!(false));
    seen("serverStopped", "answers").await;
}

#[tokio::test]
async fn requests_the_guard_turned_away_are_on_record() {
    let engine = Setup::new().start();
    let request = |host: &str, token: &str| {
        let text = format!(
            "GET /mcp HTTP/1.1\r\nHost: {host}:{}\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n",
            engine.port
        );
        exchange(engine.port, text.as_bytes()).status
    };
    assert_eq!(request("evil.example", &engine.token), 403);
    assert_eq!(request("127.0.0.1", "db_wrong-token"), 401);
    let mut database = Database::read(&engine.data_dir()).await;
    let refused = eventually("both are on record", SOON, async || {
        let refused = database.of_kind("requestRefused").await;
        (refused.len() == 2).then_some(refused)
    })
    .await;
    let said = format!("{refused:?}");
    assert!(!said.contains("db_wrong-token") && !said.contains(&engine.token), "{said}");
}

async fn bytes_of_the_record(engine: &TestEngine) -> Vec<u8> {
    let mut all = Vec::new();
    for name in ["drawbridge.db", "drawbridge.db-wal"] {
        all.extend(std::fs::read(engine.data_dir().join(name)).unwrap_or_default());
    }
    all
}

#[tokio::test]
async fn no_token_and_no_secret_of_a_server_is_in_the_data_folder_or_the_log() {
    const SECRET: &str = "a-secret-of-the-server";
    let setup = Setup::new().environment("SERVER_KEY", SECRET).server("answers", "answers");
    let mut definition = setup.config()["mcpServers"]["answers"].clone();
    definition["env"]["API_KEY"] = json!("${env:SERVER_KEY}");
    let mut engine = setup.define("answers", definition).start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let seen = client.call("answers__where", json!({})).await;
    assert!(seen.to_string().contains("API_KEY"), "the server itself has it");
    engine.stop();
    let holds =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let record = bytes_of_the_record(&engine).await;
    assert!(holds(&record, "answers"), "the search finds what is there");
    let mut places = vec![record, engine.log().into_bytes()];
    let mut folders = vec![engine.data_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.metadata().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => places.push(std::fs::read(entry.path()).unwrap()),
            }
        }
    }
    for bytes in places {
        assert!(!holds(&bytes, &engine.token), "the app's token");
        assert!(!holds(&bytes, SECRET), "the server's secret");
    }
}

#[tokio::test]
async fn every_call_of_a_killed_engine_is_on_record() {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for at in 0..25 {
        client.call("answers__echo", json!({"text": at.to_string()})).await;
    }
    let (_id, mut held) = hold(&client, "/never".as_ref()).await;
    held.notification("notifications/progress").await;
    engine.kill();
    // The next start has what the last milliseconds left.
    let engine = engine.start_again();
    let mut database = Database::read(&engine.data_dir()).await;
    let calls = database.of_kind("toolCall").await;
    assert_eq!(calls.len(), 26);
    let held = calls.last().unwrap();
    assert_eq!(held.subject, "hold");
    assert_eq!(database.end_of(held.id).await, None, "and its end is not made up");
}
