//! The sections `ollama` and `backends`: what is read, what is refused, and what an edit means.

use std::path::Path;

use drawbridge_model::ClientName;
use proptest::prelude::*;

use crate::config::{BackendEntry, Config, ModelsEdit, parse};
use crate::view::{BackendKind, CacheType, OllamaSettings};

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(
        proptest::sample::select(&["/a b", "C:\\x", "\u{e4}\"{", "m:8b"][..])
            .prop_map(ToOwned::to_owned),
    )
}

fn settings() -> impl Strategy<Value = OllamaSettings> {
    let duration = proptest::sample::select(&["5m", "-1", "1h30m", "0"][..]);
    let numbers = (
        proptest::option::of(1..=u16::MAX),
        proptest::option::of(4..=1_000_000_u32),
        proptest::option::of(1..=64_u32),
    );
    let caches = [CacheType::F16, CacheType::Q8_0, CacheType::Q4_0];
    let choices = (
        proptest::option::of(duration.prop_map(ToOwned::to_owned)),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::sample::select(caches.to_vec())),
        proptest::option::of(proptest::collection::vec("[a-z]{1,3}", 0..3)),
    );
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    (numbers, choices, switches, (text(), text(), text())).prop_map(
        |(numbers, choices, (enabled, start, cloud), (path, models_folder, default_model))| {
            OllamaSettings {
                enabled,
                start,
                cloud,
                path,
                models_folder,
                default_model,
                port: numbers.0,
                context_length: numbers.1,
                parallel: numbers.2,
                keep_alive: choices.0,
                flash_attention: choices.1,
                cache_type: choices.2,
                gpus: choices.3,
            }
        },
    )
}

fn backend() -> impl Strategy<Value = (String, BackendEntry)> {
    let names = proptest::sample::select(&["lab", "b.c", "x_1"][..]);
    let kinds = proptest::sample::select(vec![BackendKind::Openai, BackendKind::Ollama]);
    (names, kinds, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(name, kind, token, enabled, default)| {
            let token = token.then(|| "${secret:lab}".to_owned());
            let url = "http://127.0.0.1:8000/v1".to_owned();
            (name.to_owned(), BackendEntry { kind, url, token, enabled, default })
        },
    )
}

/// Any change to these sections.
pub(super) fn edit() -> impl Strategy<Value = ModelsEdit> {
    let client = proptest::sample::select(&["a", "b.c"][..]);
    prop_oneof![
        settings().prop_map(|settings| ModelsEdit::SetOllama(Box::new(settings))),
        backend().prop_map(|(name, entry)| ModelsEdit::PutBackend(name, entry)),
        backend().prop_map(|(name, _)| ModelsEdit::RemoveBackend(name)),
        (client, any::<bool>()).prop_map(|(client, may)| {
            ModelsEdit::SetManagesModels(ClientName::new(client).expect("a name"), may)
        }),
    ]
}

/// What a change means, on the config itself.
pub(super) fn expected(config: &mut Config, edit: &ModelsEdit) {
    match edit {
        ModelsEdit::SetOllama(settings) => config.ollama = (**settings).clone(),
        ModelsEdit::PutBackend(name, entry) => {
            if entry.default {
                config.backends.values_mut().for_each(|other| other.default = false);
            }
            config.backends.insert(name.clone(), entry.clone());
        }
        ModelsEdit::RemoveBackend(name) => drop(config.backends.remove(name)),
        ModelsEdit::SetManagesModels(client, may) => {
            if let Some(entry) = config.clients.get_mut(client) {
                entry.manages_models = *may;
            }
        }
    }
}

fn problem(text: &str) -> (Option<u32>, String, String) {
    let problem = parse(text, Path::new("c")).expect_err(text);
    (problem.line, problem.key, problem.message)
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_expected() {
    for (text, key, told) in [
        (r#"{"ollama":{"prot":1}}"#, "ollama.prot", "Did you mean port?"),
        (r#"{"ollama":{"port":0}}"#, "ollama.port", "from 1 to 65535"),
        (r#"{"ollama":{"port":"11434"}}"#, "ollama.port", "found a text"),
        (r#"{"ollama":{"keepAlive":"5 minutes"}}"#, "ollama.keepAlive", "\"5m\""),
        (r#"{"ollama":{"keepAlive":300}}"#, "ollama.keepAlive", "found a number"),
        (r#"{"ollama":{"contextLength":2}}"#, "ollama.contextLength", "from 4"),
        (r#"{"ollama":{"parallel":65}}"#, "ollama.parallel", "to 64"),
        (r#"{"ollama":{"cacheType":"q8"}}"#, "ollama.cacheType", "q8_0"),
        (r#"{"ollama":{"gpus":[1]}}"#, "ollama.gpus[0]", "found a number"),
        (r#"{"ollama":{"path":" "}}"#, "ollama.path", "not empty"),
        (r#"{"backends":{"a/b":{"url":"http://x"}}}"#, "backends.a/b", "name/model"),
        (r#"{"backends":{"a":{}}}"#, "backends.a", "Expected url"),
        (r#"{"backends":{"a":{"url":"x:1"}}}"#, "backends.a.url", "http:// or https://"),
        (r#"{"backends":{"a":{"url":"http://me:x@y"}}}"#, "backends.a.url", "secret"),
        (
            r#"{"backends":{"a":{"url":"http://x","token":"sk-1"}}}"#,
            "backends.a.token",
            "reference",
        ),
        (r#"{"backends":{"a":{"url":"http://x","kind":"vllm"}}}"#, "backends.a.kind", "openai"),
        (
            r#"{"backends":{"a":{"url":"http://x","default":true},"b":{"url":"http://y","default":true}}}"#,
            "backends.b.default",
            "\"a\" is",
        ),
    ] {
        let (line, found, message) = problem(text);
        assert_eq!((line, found.as_str()), (Some(1), key), "{text}");
        assert!(message.contains(told), "{text}: {message}");
        assert!(!message.contains("sk-1"), "no value that may be a secret is told");
    }
}

#[test]
fn what_is_left_out_is_ollamas_own_choice() {
    let (config, _) = parse("{}", Path::new("c")).expect("an empty config");
    assert_eq!(config.ollama, OllamaSettings::default());
    assert!(config.ollama.enabled && !config.ollama.start && !config.ollama.cloud);
    assert_eq!(config.ollama.port(), 11434);
    assert!(config.backends.is_empty());
    let text = r#"{"backends":{"lab":{"url":"http://x"}}}"#;
    let (config, _) = parse(text, Path::new("c")).expect("a backend");
    let lab = &config.backends["lab"];
    assert!(lab.enabled && !lab.default && lab.kind == BackendKind::Openai);
}
