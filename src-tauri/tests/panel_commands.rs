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
fn the_panel_is_granted_every_command_and_two_of_tauri() {
    let capability = read("capabilities/panel.json");
    assert_eq!(strings(&capability["windows"]), BTreeSet::from(["panel".to_owned()]));
    let mut expected: BTreeSet<_> =
        declared().iter().map(|name| format!("allow-{}", name.replace('_', "-"))).collect();
    expected.insert("core:event:allow-listen".to_owned());
    expected.insert("core:event:allow-unlisten".to_owned());
    assert_eq!(strings(&capability["permissions"]), expected);
    assert!(capability.get("remote").is_none(), "no page from elsewhere is granted anything");
}

#[test]
fn there_is_no_other_capability() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities");
    let files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(files, ["panel.json"]);
    let config = read("tauri.conf.json");
    let named = strings(&config["app"]["security"]["capabilities"]);
    assert_eq!(named, BTreeSet::from(["panel".to_owned()]));
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
