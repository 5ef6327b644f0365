//! Models as a person manages them: what is installed and in memory, downloads over restarts,
//! deleting, other places.

use std::sync::Arc;

use drawbridge_core::bridge::PanelEvent;
use drawbridge_core::view::{
    BackendDraft, BackendKind, BackendState, CacheType, FitConfidence, FitVerdict, PullState,
    PullView, PullWait,
};
use drawbridge_secrets::{InMemory, TokenDigest};
use drawbridge_tests::ollama::{Ollama, with_models};
use drawbridge_tests::{McpClient, eventually, files, wait::SOON};
use serde_json::{Value, json};

use crate::ollama::Desk;
use crate::{Computer, TOKEN};

impl Desk {
    async fn pull(&self, name: &str) -> Option<PullView> {
        let models = self.engine.models().await.unwrap();
        models.pulls.into_iter().find(|pull| pull.name == name)
    }

    async fn until_pull(
        &self,
        what: &str,
        name: &str,
        holds: impl Fn(&PullView) -> bool,
    ) -> PullView {
        eventually(what, SOON, async || self.pull(name).await.filter(&holds)).await
    }

    async fn reopen(&mut self) {
        self.engine.shut_down().await;
        self.engine = Computer::open(&self.folder, &self.secrets).await;
    }
}

fn runs(pull: &PullView) -> bool {
    matches!(pull.state, PullState::Running { .. })
}

/// An Ollama that can download `big:1`, 40 MB of it, at this speed.
fn library(bytes_per_second: u64) -> Value {
    json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "library": [{"name": "big:1", "size": 40_000_000}],
        "pull": {"bytes_per_second": bytes_per_second, "interval_ms": 50}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_over_pauses_and_restarts_until_it_is_done() {
    let ollama = Ollama::new(&library(8_000_000));
    let mut desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    desk.engine.pull_model("big:1".to_owned()).await.unwrap();
    let pull =
        desk.until_pull("it runs", "big:1", |pull| runs(pull) && pull.completed > 4_000_000).await;
    assert_eq!(pull.total, Some(40_000_000));
    assert!(pull.speed.is_some() && pull.seconds_left.is_some(), "{pull:?}");

    desk.engine.pause_pull("big:1".to_owned()).await.unwrap();
    let paused = desk.pull("big:1").await.unwrap();
    assert_eq!(paused.state, PullState::Paused);
    desk.reopen().await;
    desk.ready().await;
    let kept = desk.pull("big:1").await.unwrap();
    assert_eq!(kept.state, PullState::Paused, "over a restart");
    assert!(kept.completed > 0 && kept.total == Some(40_000_000), "{kept:?}");

    desk.engine.resume_pull("big:1".to_owned()).await.unwrap();
    let resumed = desk
        .until_pull("it goes on", "big:1", |pull| runs(pull) && pull.completed > 4_000_000)
        .await;
    assert!(resumed.completed < 40_000_000);
    // In the middle of it, and of nothing else, Drawbridge is ended and started again.
    desk.reopen().await;
    let done = desk.until_pull("it is done", "big:1", |pull| pull.state == PullState::Done).await;
    assert_eq!((done.completed, done.total), (40_000_000, Some(40_000_000)));
    let pulls = ollama.asked("/api/pull").len();
    assert_eq!(pulls, 3, "begun, resumed, and taken up after the restart");
    let models = desk.engine.models().await.unwrap();
    let names: Vec<_> = models.installed.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["big:1", "m:1"]);
    desk.engine.cancel_pull("big:1".to_owned()).await.unwrap();
    assert_eq!(desk.pull("big:1").await, None);
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_cannot_be_says_why() {
    let ollama = Ollama::new(&json!({
        "library": [{"name": "big:1", "size": 40_000_000},
                    {"name": "huge:1", "size": 8_000_000_000_000_u64}],
        "pull": {"bytes_per_second": 4_000_000, "fail": {"at_bytes": 1_000_000, "kind": "disk_full"}}}));
    let desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    for (name, told) in [
        ("nosuch:1", "There is no model named nosuch:1"),
        ("huge:1", "not enough room"),
        ("big:1", "disk is full"),
    ] {
        desk.engine.pull_model(name.to_owned()).await.unwrap();
        let failed = desk
            .until_pull("it fails", name, |pull| matches!(pull.state, PullState::Failed { .. }))
            .await;
        let PullState::Failed { problem } = failed.state else { panic!("it failed") };
        assert!(problem.message.contains(told), "{name}: {problem:?}");
    }
    for name in ["", "../x", "a b", "gpt-oss:120b-cloud"] {
        assert!(desk.engine.pull_model(name.to_owned()).await.is_err(), "{name}");
    }
    desk.engine.resume_pull("big:1".to_owned()).await.unwrap();
    desk.until_pull("it is tried again", "big:1", |pull| pull.state == PullState::Done).await;
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_run_one_after_another_and_a_broken_connection_is_tried_again() {
    let ollama = Ollama::started(&json!({
        "library": [{"name": "a:1", "size": 3_000_000}, {"name": "b:1", "size": 3_000_000}],
        "pull": {"bytes_per_second": 3_000_000, "fail": {"at_bytes": 1_000_000, "kind": "cut"}}}))
    .await;
    let desk = Desk::with(ollama.section(false)).await;
    desk.ready().await;
    for name in ["a:1", "b:1", "a:1"] {
        desk.engine.pull_model(name.to_owned()).await.unwrap();
    }
    assert_eq!(desk.engine.models().await.unwrap().pulls.len(), 2, "one of each");
    for name in ["a:1", "b:1"] {
        desk.until_pull("it is done", name, |pull| pull.state == PullState::Done).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_waits_for_an_ollama_that_went_away_and_says_so() {
    let mut ollama = Ollama::started(&library(2_000_000)).await;
    let desk = Desk::with(ollama.section(false)).await;
    desk.ready().await;
    desk.engine.pull_model("big:1".to_owned()).await.unwrap();
    desk.until_pull("some of it is here", "big:1", |pull| pull.completed > 1_000_000).await;
    ollama.stop();
    let away = |pull: &PullView| pull.waits_for == Some(PullWait::Ollama);
    let waiting = desk.until_pull("it waits for Ollama", "big:1", away).await;
    assert!(waiting.completed > 1_000_000 && waiting.speed.is_none(), "{waiting:?}");
    ollama.tell(&library(200_000_000));
    ollama.start().await;
    desk.engine.look_for_ollama().await.unwrap();
    desk.until_pull("it is done", "big:1", |pull| pull.state == PullState::Done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_loaded_taken_out_of_memory_and_deleted() {
    let ollama = Ollama::new(&with_models(&["m:1", "n:1"]));
    let desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    for name in ["m:1", "n:1"] {
        desk.engine.load_model(name.to_owned()).await.unwrap();
    }
    let view = desk.until("both are seen", |view| view.loaded.len() == 2).await;
    assert!(view.loaded.iter().all(|model| model.size > 0 && model.until.is_some()), "{view:?}");
    desk.engine.unload_model("m:1".to_owned()).await.unwrap();
    desk.until("one is left", |view| view.loaded.len() == 1).await;
    assert_eq!(desk.engine.unload_all_models().await.unwrap(), 1);
    desk.until("none is left", |view| view.loaded.is_empty()).await;
    desk.engine.delete_model("m:1".to_owned()).await.unwrap();
    let models = desk.engine.models().await.unwrap();
    let names: Vec<_> = models.installed.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["n:1"]);
    let error = desk.engine.delete_model("m:1".to_owned()).await.unwrap_err();
    assert!(error.problem.detail.contains("not found"), "{error:?}");
    let disk = models.disk.unwrap();
    assert!(disk.total > 0 && disk.folder.contains("models"));
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_place_is_checked_added_switched_and_removed() {
    let ollama = Ollama::started(&with_models(&["far:1"])).await;
    let desk = Desk::with(json!({"enabled": false})).await;
    let draft = |name: &str, url: String, secret: Option<&str>| BackendDraft {
        name: name.to_owned(),
        kind: BackendKind::Openai,
        url,
        secret: secret.map(str::to_owned),
    };
    let url = format!("http://127.0.0.1:{}/v1", ollama.port);
    let check = desk.engine.check_backend(draft("lab", url.clone(), None)).await.unwrap();
    assert_eq!((check.models, check.problem), (vec!["far:1".to_owned()], None));
    assert!(check.cautions.is_empty(), "it is on this computer");
    let check = desk.engine.check_backend(draft("lab", "http://127.0.0.1:9".into(), None)).await;
    assert!(check.unwrap().problem.is_some());
    for (name, url) in [("a/b", url.as_str()), ("lab", "no address"), ("lab", "http://me:x@y")] {
        let error = desk.engine.save_backend(draft(name, url.to_owned(), None), None).await;
        assert!(error.is_err(), "{name} {url}");
    }

    desk.engine.store_secret("lab-key".to_owned(), "hush-hush-hush".to_owned()).await.unwrap();
    let with_secret = draft("lab", url.clone(), Some("lab-key"));
    desk.engine.save_backend(with_secret.clone(), None).await.unwrap();
    assert!(desk.engine.save_backend(with_secret, None).await.is_err(), "the name is taken");
    let seen = eventually("it answers", SOON, async || {
        let snapshot = desk.engine.current_snapshot();
        snapshot.backends.first().filter(|place| place.state == BackendState::Ready).cloned()
    })
    .await;
    assert_eq!(seen.secret.as_deref(), Some("lab-key"));
    assert_eq!(seen.models, ["far:1"]);
    let asked = ollama.asked("/v1/models").pop().unwrap();
    assert_eq!(asked["headers"]["authorization"], "Bearer hush-hush-hush");
    let config = files::read(&Computer::paths(&desk.folder).config_file);
    assert!(config.contains("${secret:lab-key}") && !config.contains("hush"), "{config}");
    assert_eq!(desk.engine.secrets().await.unwrap().secrets[0].backends, ["lab"]);

    desk.engine.set_default_backend(Some("lab".to_owned())).await.unwrap();
    desk.engine.set_backend_enabled("lab".to_owned(), false).await.unwrap();
    let place = desk.engine.current_snapshot().backends[0].clone();
    let off = eventually("it is off", SOON, async || {
        let place = desk.engine.current_snapshot().backends.first().cloned()?;
        (place.state == BackendState::Off).then_some(place)
    })
    .await;
    assert!(off.is_default && !off.enabled, "{place:?}");
    let renamed = draft("lab2", url.clone(), None);
    desk.engine.save_backend(renamed, Some("lab".to_owned())).await.unwrap();
    // What the panel does not see of a place is kept when it is saved, and when it is put back.
    let file = Computer::paths(&desk.folder).config_file;
    let with_token = format!("\"token\": \"${{env:LAB}}\", \"url\": \"{url}/\"");
    files::write(&file, &files::read(&file).replace(&format!("\"url\": \"{url}\""), &with_token));
    let url = format!("{url}/");
    eventually("the edit is taken up", SOON, async || {
        let place = desk.engine.current_snapshot().backends.first().cloned()?;
        (place.url == url).then_some(())
    })
    .await;
    desk.engine
        .save_backend(draft("lab2", url.clone(), None), Some("lab2".to_owned()))
        .await
        .unwrap();
    assert!(files::read(&file).contains("${env:LAB}"));
    desk.engine.remove_backend("lab2".to_owned()).await.unwrap();
    desk.engine.save_backend(draft("lab2", url, None), None).await.unwrap();
    assert!(files::read(&file).contains("${env:LAB}"));
    desk.engine.remove_backend("lab2".to_owned()).await.unwrap();
    eventually("it is gone", SOON, async || {
        desk.engine.current_snapshot().backends.is_empty().then_some(())
    })
    .await;
}

/// A model that `/api/show` tells all of: the shape of a small llama with eight layers.
fn shaped(name: &str) -> Value {
    let layer = |index: u32| {
        let tensor = |what: &str, shape: Value| json!({"name": format!("blk.{index}.{what}.weight"), "type": "Q4_K", "shape": shape});
        vec![
            tensor("attn_q", json!([2048, 2048])),
            tensor("attn_k", json!([2048, 512])),
            tensor("attn_v", json!([2048, 512])),
            tensor("ffn_up", json!([2048, 8192])),
        ]
    };
    let mut tensors: Vec<Value> = (0..8).flat_map(layer).collect();
    for name in ["token_embd.weight", "output.weight"] {
        tensors.push(json!({"name": name, "type": "Q6_K", "shape": [2048, 32000]}));
    }
    json!({
        "name": name, "size": 200_000_000, "size_vram": 400_000_000, "family": "llama",
        "capabilities": ["completion", "tools"], "context_length": 8192, "tensors": tensors,
        "model_info": {
            "general.architecture": "llama", "llama.block_count": 8,
            "llama.embedding_length": 2048, "llama.feed_forward_length": 8192,
            "llama.context_length": 8192, "llama.attention.head_count": 32,
            "llama.attention.head_count_kv": 8, "llama.vocab_size": 32000}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_model_has_a_verdict_and_what_a_load_teaches_is_kept_over_a_restart() {
    let ollama = Ollama::new(&json!({
        "models": [shaped("m:1"), {"name": "bare:1"}],
        "devices": [{"total": 25_769_803_776_u64, "description": "A card"}]}));
    let mut desk = Desk::with(ollama.section(true)).await;
    desk.ready().await;
    let computer = desk.engine.computer(false).await.unwrap();
    assert!(computer.memory_total > 0 && computer.threads > 0);
    let card = computer.gpus.iter().find(|gpu| gpu.name == "A card").unwrap();
    assert_eq!((card.total, card.used_by_ollama), (Some(25_769_803_776), Some(true)));

    let fit_of = async |desk: &Desk, name: &str| {
        let models = desk.engine.models().await.unwrap();
        let model = models.installed.into_iter().find(|model| model.name == name).unwrap();
        model.fit.unwrap()
    };
    let fit = fit_of(&desk, "m:1").await;
    assert_eq!((&fit.verdict, &fit.confidence), (&FitVerdict::Fits, &FitConfidence::Estimated));
    assert_eq!(fit.first, "Runs fully on your graphics card.");
    assert!(fit.numbers.starts_with("Needs about"), "{fit:?}");
    assert!(fit.need < fit.free && fit.free <= fit.total, "{fit:?}");
    assert_eq!((fit.trained_context, fit.largest_context), (Some(8192), Some(8192)));
    let with = async |context, cache| {
        desk.engine.model_fit("m:1".to_owned(), context, cache).await.unwrap()
    };
    let (shorter, packed) = (with(2048, CacheType::F16).await, with(8192, CacheType::Q8_0).await);
    assert!(shorter.need < fit.need && packed.need < fit.need, "{shorter:?} {packed:?}");

    desk.engine.load_model("m:1".to_owned()).await.unwrap();
    let measured = eventually("it is measured", SOON, async || {
        let fit = fit_of(&desk, "m:1").await;
        matches!(fit.confidence, FitConfidence::Measured { .. }).then_some(fit)
    })
    .await;
    assert!(measured.numbers.contains("measured on this computer"), "{measured:?}");
    desk.until("free memory is known", |view| view.memory_free.is_some()).await;
    desk.reopen().await;
    desk.ready().await;
    let kept = fit_of(&desk, "m:1").await;
    assert!(matches!(kept.confidence, FitConfidence::Measured { .. }), "{kept:?}");

    let catalog = desk.engine.models().await.unwrap().catalog;
    assert!(catalog.len() >= 20 && catalog.iter().all(|model| !model.source.is_empty()));
    let by = |name: &str| catalog.iter().find(|model| model.name == name).unwrap().fit.clone();
    assert_eq!(by("llama3.1:8b").verdict, FitVerdict::Fits);
    assert!(matches!(by("llama3.3:70b").verdict, FitVerdict::Partly { .. } | FitVerdict::TooLarge));
    desk.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_computer_is_measured_only_while_somebody_looks() {
    let desk = Desk::with(json!({"enabled": false})).await;
    let mut events = desk.engine.events();
    desk.engine.computer(true).await.unwrap();
    // How busy the processor is can be told from the second look on.
    let measured = tokio::time::timeout(SOON, async {
        loop {
            if let PanelEvent::ComputerMeasured(view) = events.recv().await.unwrap()
                && view.processor_use.is_some()
            {
                return;
            }
        }
    });
    measured.await.expect("it is measured again and again");
    desk.engine.stop_computer().await.unwrap();
    while events.try_recv().is_ok() {}
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let late = std::iter::from_fn(|| events.try_recv().ok())
        .filter(|event| matches!(event, PanelEvent::ComputerMeasured(_)))
        .count();
    assert!(late <= 1, "one that was under way: {late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_can_ask_which_models_fit() {
    let ollama = Ollama::started(&json!({"models": [shaped("m:1")]})).await;
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "ollama": ollama.section(false),
        "clients": {"tester": {"tokenSha256": TokenDigest::of(TOKEN).to_string()}}});
    files::write(&Computer::paths(&folder).config_file, &config.to_string());
    let secrets = Arc::new(InMemory::default());
    let engine = Computer::open(&folder, &secrets).await;
    let desk = Desk { folder, engine, secrets };
    desk.ready().await;
    let app = McpClient::open_on_with(desk.engine.current_snapshot().gateway.port, TOKEN).await;
    let answer = app.call("computer__which_models_fit", json!({})).await;
    let models = answer["structuredContent"]["models"].as_array().unwrap().clone();
    assert_eq!((&models[0]["name"], &models[0]["installed"]), (&json!("m:1"), &json!(true)));
    assert!(models[0]["verdict"].as_str().is_some_and(|text| text.ends_with('.')), "{answer}");
    assert!(models.len() > 20, "the catalog follows");
}
