//! Models in the real window: a download from its start over a restart to its end, the states of
//! Ollama, and what this computer is made of.

use std::time::Duration;

use drawbridge_tests::ollama::{NEXT_LOOK, Ollama};
use drawbridge_tests::{Setup, TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};

use crate::app::{free_port, picture_of_the_desktop};
use crate::webdriver::Window;

fn app_with(section: Value) -> TestEngine {
    Setup::new().ollama(section).prepare(free_port())
}

async fn text_of(window: &Window, test_id: &str) -> String {
    let script =
        format!("return document.querySelector('[data-testid=\"{test_id}\"]')?.innerText ?? ''");
    window.script(&script).await.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_download_goes_on_over_a_restart_of_the_app_until_it_is_done() {
    let ollama = Ollama::new(&json!({
        "models": [{"name": "qwen3:8b", "size": 5_200_000_000_u64, "parameter_size": "8.2B",
                    "quantization_level": "Q4_K_M", "capabilities": ["completion", "tools"]}],
        "library": [{"name": "big:1", "size": 60_000_000}],
        "devices": [{"total": 25_769_803_776_u64, "description": "A card"}],
        "pull": {"bytes_per_second": 6_000_000, "interval_ms": 60}}));
    let engine = app_with(ollama.section(false));
    let window = Window::open(&engine).await;
    window.go("#/models").await;
    window.until_it_says("Start Ollama").await;
    picture_of_the_desktop("models-stopped");
    window.click_on("ollama-start").await;
    eventually("its model is listed", NEXT_LOOK, async || {
        (!text_of(&window, "model-qwen3:8b").await.is_empty()).then_some(())
    })
    .await;
    window.until_it_says("Runs fully on your graphics card").await;
    picture_of_the_desktop("models-installed");

    window.click_on("by-name").await;
    window.fill("model-name", "big:1").await;
    window.click_on("download-name").await;
    eventually("it is under way", SOON, async || {
        text_of(&window, "pull-big:1").await.contains(" of ").then_some(())
    })
    .await;
    picture_of_the_desktop("models-downloading");
    window.click_on("pause-big:1").await;
    eventually("it is paused", SOON, async || {
        text_of(&window, "pull-big:1").await.contains("Paused").then_some(())
    })
    .await;
    window.click_on("resume-big:1").await;
    eventually("it goes on", SOON, async || {
        text_of(&window, "pull-big:1").await.contains(" left").then_some(())
    })
    .await;

    // The app is closed in the middle of it and started again.
    drop(window);
    eventually("all of it has ended", SOON, async || ollama.processes().is_empty().then_some(()))
        .await;
    let window = Window::open(&engine).await;
    window.go("#/models").await;
    eventually("it goes on by itself", NEXT_LOOK, async || {
        text_of(&window, "pull-big:1").await.contains(" of ").then_some(())
    })
    .await;
    picture_of_the_desktop("models-downloading-after-restart");
    eventually("it is done and listed", NEXT_LOOK, async || {
        (!text_of(&window, "model-big:1").await.is_empty()).then_some(())
    })
    .await;
    picture_of_the_desktop("models-downloaded");
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn each_state_of_ollama_says_what_to_do() {
    let mut stranger = Ollama::new(&json!({"foreign": true}));
    stranger.start().await;
    let mut broken = Ollama::new(&json!({})).section(true);
    broken["path"] = json!("/bin/true");
    let missing = json!({"port": free_port(), "start": true, "path": "/nowhere/ollama"});
    let slow = Ollama::new(&json!({"delays": {"starting_ms": 60_000}}));
    for (name, section, told, action) in [
        ("missing", missing, "Not installed", "ollama-get"),
        ("port-taken", stranger.section(true), "which is not Ollama", "ollama-port"),
        ("failed", broken, "does not seem to be Ollama", "ollama-start"),
        ("starting", slow.section(true), "It answers in a moment", ""),
    ] {
        let engine = app_with(section);
        let window = Window::open(&engine).await;
        window.go("#/models").await;
        window.until_it_says(told).await;
        if !action.is_empty() {
            window.find(action).await;
        }
        picture_of_the_desktop(&format!("ollama-{name}"));
        if name == "starting" {
            window.go("#/settings/ollama").await;
            window.until_it_says("OLLAMA_CONTEXT_LENGTH").await;
            picture_of_the_desktop("settings-ollama");
        }
    }
    assert!(stranger.runs());
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn the_catalog_and_this_computer_are_shown_and_measured_while_one_looks() {
    let engine = app_with(json!({"enabled": false}));
    let window = Window::open(&engine).await;
    window.go("#/models/catalog").await;
    eventually("the catalog is there", SOON, async || {
        (!text_of(&window, "catalog-llama3.1:8b").await.is_empty()).then_some(())
    })
    .await;
    picture_of_the_desktop("models-catalog");
    window.go("#/models/computer").await;
    let first = eventually("it is measured", SOON, async || {
        Some(text_of(&window, "computer").await).filter(|text| text.contains('%'))
    })
    .await;
    picture_of_the_desktop("models-computer");
    eventually("it is measured again", Duration::from_secs(30), async || {
        (text_of(&window, "computer").await != first).then_some(())
    })
    .await;
}
