//! Pauses of all, one server and one app; what is under way then; and over a restart.

use drawbridge_core::view::PauseScope;
use drawbridge_model::ClientName;
use drawbridge_tests::{eventually, wait::SOON};
use serde_json::json;

use crate::{Computer, OTHER_TOKEN, named, said, view_of};

fn app_named(name: &str) -> PauseScope {
    PauseScope::App { client: ClientName::new(name).unwrap() }
}

fn server() -> PauseScope {
    PauseScope::Server { server: named("answers") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_pause_stops_what_it_is_about_and_nothing_else() {
    let computer = Computer::new().await;
    let (app, other) = (computer.app().await, computer.app_with(OTHER_TOKEN).await);
    let add = json!({"a": 1, "b": 2});
    let engine = &computer.engine;
    for (scope, of_app, of_other, of_computer) in [
        (PauseScope::All, false, false, false),
        (app_named("tester"), false, true, false),
        (server(), false, false, true),
    ] {
        assert_eq!(engine.pause(scope.clone(), Some(15)).await.unwrap(), 0);
        assert_eq!(said(&app.call("answers__add", add.clone()).await) == "3", of_app, "{scope:?}");
        let others = said(&other.call("answers__add", add.clone()).await) == "3";
        assert_eq!(others, of_other, "{scope:?}");
        let time = app.call("computer__current_time", json!({})).await;
        assert_eq!(time["isError"] != true, of_computer, "{scope:?}");
        engine.resume(scope.clone()).await.unwrap();
        assert_eq!(said(&app.call("answers__add", add.clone()).await), "3", "{scope:?}");
    }
    for minutes in [0, 7 * 24 * 60 + 1] {
        assert!(engine.pause(PauseScope::All, Some(minutes)).await.is_err(), "{minutes}");
    }
    assert!(engine.current_snapshot().paused.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_goes_on_unless_the_person_ends_it() {
    let computer = Computer::new().await;
    let app = computer.app().await;
    let (_, mut running) = app
        .begin("tools/call", json!({"name": "answers__hold", "arguments": {"until": "/never"}}))
        .await;
    eventually("it is at its server", SOON, async || (computer.calls() == 1).then_some(())).await;
    assert_eq!(computer.engine.pause(server(), None).await.unwrap(), 1, "one is under way");
    assert_eq!(computer.engine.cancel_calls(app_named("other")).await.unwrap(), 0);
    assert_eq!(computer.engine.cancel_calls(server()).await.unwrap(), 1);
    let answer = running.next().await.unwrap();
    assert!(said(&answer["result"]).contains("cancelled the call"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_are_there_after_a_restart_and_say_that_they_are_from_before() {
    let mut computer = Computer::new().await;
    computer.engine.pause(PauseScope::All, None).await.unwrap();
    computer.engine.pause(server(), Some(60)).await.unwrap();
    computer.engine.pause(app_named("tester"), None).await.unwrap();
    computer.engine.resume(app_named("tester")).await.unwrap();
    let before = computer.engine.current_snapshot().paused.unwrap();
    assert!(!before.from_before);
    computer.restart("answers").await;
    let snapshot = computer.engine.current_snapshot();
    let after = snapshot.paused.expect("it still holds");
    assert!(after.from_before && after.since == before.since, "{after:?}");
    let of_server = view_of(&computer.engine, "answers").unwrap().paused.expect("it still holds");
    assert!(of_server.from_before && of_server.until.is_some());
    assert!(snapshot.clients.iter().all(|client| client.paused.is_none()));
    let app = computer.app().await;
    let refused = app.call("answers__add", json!({"a": 1, "b": 2})).await;
    assert!(said(&refused).contains("all tools are paused"), "{refused}");
}
