//! The panel may call each of its commands by name, and nothing else.

#![expect(clippy::expect_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeSet;
use std::path::Path;

use drawbridge_core::{desktop_commands, engine_commands};
use serde_json::Value;

#[path = "../src/command_names.rs"]
mod command_names;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        [$(stringify!($name)),*]
    };
}

/// The commands as the engine declares them.
fn declared() -> BTreeSet<String> {
    let (engine, desktop) = (engine_commands!(names), desktop_commands!(names));
    engine.iter().chain(&desktop).map(|name| (*name).to_owned()).collect()
}

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).expect("the file is JSON")
}

fn strings(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().expect("a list");
    items.iter().map(|item| item.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_build_script_knows_every_command() {
    let listed: BTreeSet<_> =
        command_names::COMMANDS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, declared());
    assert_eq!(listed.len(), command_names::COMMANDS.len(), "a command is listed twice");
}

#[test]
fn each_window_is_granted_what_it_is_for_and_two_commands_of_tauri() {
    // Only the window that shows a question answers it.
    let answering = ["answer_questions", "deny_all_questions"];
    let (mut panel, mut question) = (declared(), BTreeSet::from(["snapshot".to_owned()]));
    for name in answering {
        question.insert(panel.take(name).expect("it is a command"));
    }
    for (window, commands) in [("panel", panel), ("question", question)] {
        let capability = read(&format!("capabilities/{window}.json"));
        assert_eq!(strings(&capability["windows"]), BTreeSet::from([window.to_owned()]));
        let mut expected: BTreeSet<_> =
            commands.iter().map(|name| format!("allow-{}", name.replace('_', "-"))).collect();
        expected.insert("core:event:allow-listen".to_owned());
        expected.insert("core:event:allow-unlisten".to_owned());
        assert_eq!(strings(&capability["permissions"]), expected, "{window}");
        assert!(capability.get("remote").is_none(), "no page from elsewhere is granted anything");
    }
}

#[test]
fn there_is_no_other_capability() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["panel.json", "question.json"]);
    let config = read("tauri.conf.json");
    let named = strings(&config["app"]["security"]["capabilities"]);
    assert_eq!(named, BTreeSet::from(["panel", "question"].map(str::to_owned)));
}

#[test]
fn the_pages_run_their_own_scripts_only() {
    let config = read("tauri.conf.json");
    let app = &config["app"];
    assert_eq!(app["withGlobalTauri"], Value::Bool(false));
    assert_eq!(app["security"]["freezePrototype"], Value::Bool(true));
    assert_eq!(app["security"]["assetProtocol"]["enable"], Value::Bool(false));
    let policy = &app["security"]["csp"];
    for (directive, expected) in [
        ("default-src", "'self'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self' data:"),
        ("connect-src", "ipc: http://ipc.localhost"),
        ("object-src", "'none'"),
        ("base-uri", "'none'"),
        ("frame-src", "'none'"),
        ("frame-ancestors", "'none'"),
        ("form-action", "'none'"),
    ] {
        assert_eq!(policy[directive], Value::from(expected), "{directive}");
    }
    let policy = policy.to_string();
    for forbidden in ["unsafe-inline", "unsafe-eval", "https:", "*"] {
        assert!(!policy.contains(forbidden), "{forbidden} has no place in the policy");
    }
}

#[test]
fn every_icon_of_the_bundle_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for icon in strings(&read("tauri.conf.json")["bundle"]["icon"]) {
        assert!(folder.join(&icon).is_file(), "{icon} is missing");
    }
}
