//! The schema, the annotated example and the reader describe the same file.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use drawbridge_core::config::{self, schema};
use serde_json::Value;

fn in_crate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn example() -> String {
    std::fs::read_to_string(in_crate("config.example.jsonc")).expect("the example is there")
}

/// A text as plain JSON, for those who know no comments.
fn plain(text: &str) -> Value {
    jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default())
        .expect("JSON with comments")
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(schema::schema().as_value()).expect("the schema is a schema")
}

#[test]
fn the_committed_schema_is_the_one_made_from_the_types() {
    let path = in_crate("config.schema.json");
    let made = schema::schema_text();
    if std::env::var_os("DRAWBRIDGE_BLESS").is_some() {
        drawbridge_core::atomic_write::write(&path, made.as_bytes()).expect("it can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        serde_json::from_str::<Value>(&committed).ok().as_ref()
            == Some(schema::schema().as_value()),
        "config.schema.json is stale: run this test with DRAWBRIDGE_BLESS=1 and commit it"
    );
    assert!(jsonschema::draft202012::meta::is_valid(schema::schema().as_value()));
}

#[test]
fn the_example_is_read_without_a_remark_and_fits_the_schema() {
    let text = example();
    let (config, warnings) = config::parse(&text, Path::new("example")).expect("it is valid");
    assert_eq!(warnings, Vec::<String>::new(), "the example shows how it is meant");
    assert_eq!(config.servers.len(), 2);
    assert_eq!(config.clients.len(), 2);
    assert_eq!(config.gateway.port(), config::DEFAULT_PORT, "the example shows the default");
    let faults: Vec<String> =
        validator().iter_errors(&plain(&text)).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_example_shows_every_key_and_every_word_of_the_schema() {
    let mut words = BTreeSet::new();
    gather(schema::schema().as_value(), &mut words);
    assert!(words.contains("tokenInPath") && words.contains("per-app"), "the walk finds words");
    let text = example();
    let missing: Vec<_> =
        words.iter().filter(|word| !text.contains(&format!("\"{word}\""))).collect();
    assert!(missing.is_empty(), "the example says nothing of {missing:?}");
}

/// The property names and enumerated words of a schema.
fn gather(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                words.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(list)) = map.get("enum") {
                words.extend(list.iter().filter_map(Value::as_str).map(ToOwned::to_owned));
            }
            if let Some(Value::String(word)) = map.get("const") {
                words.insert(word.clone());
            }
            map.values().for_each(|inner| gather(inner, words));
        }
        Value::Array(list) => list.iter().for_each(|inner| gather(inner, words)),
        _ => {}
    }
}

#[test]
fn the_schema_and_the_reader_agree() {
    let validator = validator();
    for (text, both_take_it) in [
        (r"{}", true),
        (r#"{"mcpServers": {}}"#, true),
        (r#"{"mcpServers": {"a": {"command": "x", "autoApprove": [1]}}}"#, true),
        (r#"{"mcpServers": {"a": {"type": "streamableHttp", "url": "HTTP://x"}}}"#, true),
        (r#"{"mcpServers": {"computer": {"drawbridge": {"preset": "off"}}}}"#, true),
        (r#"{"clients": {"a.b-c_1": {"token": "${env:A}", "tokenInPath": true}}}"#, true),
        (
            r#"{"gateway": {"port": 65535, "hosts": ["a"], "origins": ["app://x", "file://"]}}"#,
            true,
        ),
        (r#"{"ollama": {}, "panel": {}, "policy": {}}"#, true),
        (r#"{"policy": {"changedTools": "accept"}}"#, true),
        (r#"{"policy": {"changedTools": "no"}}"#, false),
        (r#"{"policy": {"changed": "hold"}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"secrets": "block"}}}}"#, true),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"secrets": "no"}}}}"#, false),
        (r#"[]"#, false),
        (r#"{"mcpserver": {}}"#, false),
        (r#"{"panel": {"port": 1}}"#, false),
        (r#"{"ollama": {"port": 1, "cacheType": "q8_0", "gpus": []}}"#, true),
        (r#"{"ollama": {"port": 0}}"#, false),
        (r#"{"ollama": {"cacheType": "q8"}}"#, false),
        (r#"{"ollama": {"contextLength": 3}}"#, false),
        (r#"{"ollama": {"path": ""}}"#, false),
        (r#"{"ollama": {"gpu": []}}"#, false),
        (r#"{"backends": {"a": {"url": "http://x/v1", "token": "${env:A}"}}}"#, true),
        (r#"{"backends": {"a": {"kind": "ollama"}}}"#, false),
        (r#"{"backends": {"a": {"url": "http://x", "token": "sk"}}}"#, false),
        (r#"{"backends": {"a b": {"url": "http://x"}}}"#, false),
        (r#"{"clients": {"a": {"token": "${env:A}", "manageModels": true}}}"#, true),
        (r#"{"mcpServers": {"a": {}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": ""}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "url": "http://x"}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "cwd": null}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": null}}}"#, false),
        (r#"{"gateway": null}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "args": "y"}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "env": {"A": 1}}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "cwd": ""}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "disabled": "yes"}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "type": "sse"}}}"#, false),
        (r#"{"mcpServers": {"a": {"url": "ftp://x"}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"mode": "off"}}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"preset": "no"}}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"isolation": 1}}}}"#, false),
        (r#"{"mcpServers": {"a": {"command": "x", "drawbridge": {"tools": {"t": "on"}}}}}"#, false),
        (r#"{"mcpServers": {"computer": {"command": "x"}}}"#, false),
        (r#"{"mcpServers": {"computer": {"drawbridge": {"isolation": "shared"}}}}"#, false),
        (r#"{"gateway": {"port": 0}}"#, false),
        (r#"{"gateway": {"port": 65536}}"#, false),
        (r#"{"gateway": {"port": "7337"}}"#, false),
        (r#"{"gateway": {"origins": ["http://a/b"]}}"#, false),
        (r#"{"clients": {"a b": {"token": "${env:A}"}}}"#, false),
        (r#"{"clients": {"a": {}}}"#, false),
        (r#"{"clients": {"a": {"token": "plain"}}}"#, false),
        (r#"{"clients": {"a": {"tokenSha256": "12"}}}"#, false),
    ] {
        assert_eq!(validator.is_valid(&plain(text)), both_take_it, "schema: {text}");
        assert_eq!(config::parse(text, Path::new("c")).is_ok(), both_take_it, "reader: {text}");
    }
}
