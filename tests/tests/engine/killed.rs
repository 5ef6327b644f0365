//! The engine is killed under load, again and again, on one data folder: what its servers ran is on
//! record, the record is sound, and nothing is left running.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_tests::record::Database;
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CALLERS: usize = 8;

/// The texts that the server's own log says it was called with.
fn ran(engine: &TestEngine) -> HashSet<String> {
    let log = engine.server_log("answers");
    // The last line may have been cut off by the kill.
    let messages = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["method"] == "tools/call")
        .filter_map(|message| Some(message["params"]["arguments"]["text"].as_str()?.to_owned()))
        .collect()
}

/// Calls until the engine is gone.
async fn keep_calling(client: Arc<McpClient>, caller: String) {
    for n in 0.. {
        let params =
            json!({"name": "answers__echo", "arguments": {"text": format!("{caller}.{n}")}});
        if client.try_request("tools/call", params).await.is_none() {
            return;
        }
    }
}

/// When the engine is killed in each round, spread over 10 to 170 ms.
fn moment(round: usize) -> Duration {
    Duration::from_millis(10 + (round as u64 * 7_919) % 160)
}

async fn killed(rounds: usize) {
    let mut engine = Setup::new().server("answers", "answers").start_ready().await;
    let (mut in_flight, mut began_before) = (0, 0);
    for round in 0..rounds {
        let mut calling = JoinSet::new();
        let client = Arc::new(McpClient::open(&engine, "/mcp").await);
        for caller in 0..CALLERS {
            calling.spawn(keep_calling(Arc::clone(&client), format!("{round}.{caller}")));
        }
        tokio::time::sleep(moment(round)).await;
        engine.kill();
        calling.join_all().await;
        eventually("nothing is left running", SOON, async || {
            engine.server_processes().is_empty().then_some(())
        })
        .await;

        // The next start has what the last milliseconds left.
        engine = engine.start_again();
        let rows = Database::read(&engine.data_dir()).await.entries().await;
        let ended: HashSet<_> = rows.iter().filter_map(|row| row.call).collect();
        let began = rows.iter().filter(|row| row.step == "began");
        let open = began.clone().filter(|row| !ended.contains(&row.id)).count();
        in_flight += usize::from(open > began_before);
        began_before = open;
        let on_record: HashSet<String> = began
            .filter_map(|row| serde_json::from_str::<Value>(&row.arguments).ok())
            .filter_map(|arguments| Some(arguments["text"].as_str()?.to_owned()))
            .collect();
        let ran = ran(&engine);
        let missing: Vec<_> = ran.difference(&on_record).collect();
        assert!(missing.is_empty(), "round {round}: ran and is not on record: {missing:?}");

        engine.until_ready("answers").await;
        let checked = engine.verify();
        assert!(checked.contains("as it was written"), "round {round}: {checked}");
    }
    assert!(ran(&engine).len() >= rounds, "there was load");
    assert!(in_flight * 2 >= rounds, "only {in_flight} of {rounds} kills met a call in flight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_is_on_record_however_the_engine_ends() {
    killed(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "kills the engine a hundred times; `cargo xtask test --full` runs it"]
async fn what_ran_is_on_record_a_hundred_times() {
    killed(100).await;
}
