//! Secrets the person stores in the panel: they reach the server that needs them and nothing else.

use drawbridge_core::view::{DraftTransport, DraftValue, FirstModes, ServerDraft};
use drawbridge_model::{SecretsRule, ServerState};
use drawbridge_secrets::SecretStore as _;
use drawbridge_tests::programs::program;
use drawbridge_tests::{eventually, files, wait::SOON};
use serde_json::json;

use crate::{Computer, named, said, until_it_answers, view_of};

/// Made where it is needed, so that none stands here.
fn secret() -> String {
    ["ghp_", &"9fK2mQ7xLw4Z".repeat(3)].concat()
}

fn needy() -> ServerDraft {
    ServerDraft {
        name: "needy".into(),
        transport: DraftTransport::Local {
            command: program("test-server").display().to_string(),
            args: vec!["answers".into(), "--key=${secret:needy-key}".into()],
            env: vec![DraftValue {
                name: "NEEDY_KEY".into(),
                value: Some("${secret:needy-key}".into()),
            }],
            cwd: None,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_secret_stops_its_server_alone_until_it_is_stored() {
    let computer = Computer::new().await;
    let engine = &computer.engine;
    engine.add_server(needy(), FirstModes::LetRun).await.unwrap();
    let problem =
        eventually("it says what is missing", SOON, async || view_of(engine, "needy")?.problem)
            .await;
    assert!(problem.message.contains("No secret named needy-key is stored"), "{problem:?}");
    let app = computer.app().await;
    assert_eq!(said(&app.call("answers__add", json!({"a": 1, "b": 2})).await), "3", "others go on");
    let listed = engine.secrets().await.unwrap();
    assert_eq!(listed.problem, None);
    let view = &listed.secrets[0];
    assert_eq!((view.name.as_str(), view.stored), ("needy-key", Some(false)));
    assert_eq!(view.servers, [named("needy")]);

    engine.store_secret("needy-key".into(), secret()).await.unwrap();
    until_it_answers(engine, "needy").await;
    assert_eq!(engine.secrets().await.unwrap().secrets[0].stored, Some(true));
    assert_eq!(computer.secrets.get("needy-key").unwrap().unwrap().expose(), secret());
    for (name, value) in [("a b", "x".to_owned()), ("", "x".to_owned()), ("a", String::new())] {
        assert!(engine.store_secret(name.into(), value).await.is_err(), "{name:?}");
    }
    engine.remove_secret("needy-key".into()).await.unwrap();
    assert_eq!(engine.secrets().await.unwrap().secrets[0].stored, Some(false));
    assert!(matches!(view_of(engine, "needy").unwrap().state, ServerState::Ready { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_secret_is_nowhere_but_in_the_keyring_and_with_its_server() {
    let computer = Computer::new().await;
    let engine = &computer.engine;
    engine.store_secret("needy-key".into(), secret()).await.unwrap();
    engine.add_server(needy(), FirstModes::LetRun).await.unwrap();
    until_it_answers(engine, "needy").await;
    let app = computer.app().await;
    // The server prints what it was given, gives it back as a result, and fails with it.
    let told = app.call("needy__reveal", json!({"name": "NEEDY_KEY"})).await;
    assert!(said(&told).contains(&secret()), "it has it: {told}");
    let log = eventually("it printed it", SOON, async || {
        let lines = engine.server_log(named("needy"), false).await.unwrap();
        lines.iter().any(|line| line.text.contains("NEEDY_KEY=")).then_some(lines)
    })
    .await;
    assert!(log.iter().any(|line| line.text.contains("[secret]")), "{log:?}");
    // What it said last stands beside the news that it crashed.
    let _lost = app.call("needy__die", json!({})).await;
    let problem = eventually("it crashed", SOON, async || view_of(engine, "needy")?.problem).await;
    assert!(problem.message.contains("It said: NEEDY_KEY=[secret]"), "{problem:?}");
    engine.stop_server(named("needy")).await.unwrap();

    let mut state = format!("{log:?}{:?}", engine.current_snapshot());
    state.push_str(&serde_json::to_string(&*engine.current_snapshot()).unwrap());
    state.push_str(&format!("{:?}", engine.server_draft(named("needy")).await.unwrap()));
    state.push_str(&format!("{:?}", engine.secrets().await.unwrap()));
    assert!(!state.contains(&secret()), "the panel's state holds it");
    let paths = Computer::paths(&computer.folder);
    engine.shut_down().await;
    assert!(!files::read(&paths.config_file).contains(&secret()), "the config holds it");
    let mut folders = vec![paths.data_dir];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let secret = secret();
            let holds = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!holds, "{} holds it", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at >= 3, "the database, logs and the last good config: {looked_at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rule_for_keys_and_tokens_counts_from_the_next_call_on() {
    let told = json!({"tools": [{"name": "post", "inputSchema": {"type": "object"}}],
        "answers": {"post": "posted"}});
    let computer = Computer::telling(&[("chat", told, json!({"preset": "allow"}))]).await;
    let (engine, app) = (&computer.engine, computer.app().await);
    let post = || app.call("chat__post", json!({"text": secret()}));
    assert_eq!(said(&post().await), "posted", "marked, unless said otherwise");
    engine.set_secrets_rule(named("chat"), SecretsRule::Block).await.unwrap();
    assert!(said(&post().await).contains("hold what looks like"));
    let blocked = eventually("it is shown", SOON, async || {
        engine.current_snapshot().blocked.first().cloned()
    })
    .await;
    assert_eq!(blocked.looks_like, ["a GitHub token"]);
    engine.let_through_once(blocked.id).await.unwrap();
    assert_eq!(said(&post().await), "posted");
    assert!(said(&post().await).contains("hold what looks like"), "once");
    engine.set_secrets_rule(named("chat"), SecretsRule::Mask).await.unwrap();
    assert_eq!(said(&post().await), "posted");
    let log = files::read(&computer.folder.path().join("log-chat"));
    assert_eq!(log.matches("[masked: GitHub token]").count(), 1, "{log}");
    for blocked in &engine.current_snapshot().blocked {
        engine.dismiss_blocked(blocked.id).await.unwrap();
        assert!(engine.let_through_once(blocked.id).await.is_err(), "it is put away");
    }
}
