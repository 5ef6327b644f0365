//! The sections `ollama` and `backends`: where models are, and how Ollama is run.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use drawbridge_llm::backend::base_of;
use jsonc_parser::ast::{Object, Value};

use super::jsonc::start_of;
use super::read::{Fault, Key, Placed, Reading, wrong_kind};
use super::splice::{self, Json, Misfit};
use super::{Config, template};
use crate::view::{BackendKind, CacheType, OllamaSettings};

/// The keys of the section `ollama`.
const OLLAMA_KEYS: &[&str] = &[
    "enabled",
    "port",
    "start",
    "path",
    "modelsFolder",
    "keepAlive",
    "contextLength",
    "parallel",
    "flashAttention",
    "cacheType",
    "gpus",
    "cloud",
    "defaultModel",
];
/// The keys a backend may have.
const BACKEND_KEYS: &[&str] = &["kind", "url", "token", "enabled", "default"];
/// Tokens of conversation: from what Ollama rounds anything smaller up to, to what no model takes.
const CONTEXT: RangeInclusive<u32> = 4..=16_777_216;
/// Requests answered at once.
const PARALLEL: RangeInclusive<u32> = 1..=64;

/// One other place that models are at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendEntry {
    /// What it speaks.
    pub kind: BackendKind,
    /// Its address, as it was written.
    pub url: String,
    /// One reference, `${env:NAME}` or `${secret:NAME}`, that stands for the bearer token it wants.
    pub token: Option<String>,
    /// Whether it is used.
    pub enabled: bool,
    /// Whether models without a prefix are looked for here.
    pub default: bool,
}

/// A change to these sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsEdit {
    /// Sets what there is to set about Ollama.
    SetOllama(Box<OllamaSettings>),
    /// Adds a backend, or changes the one of that name.
    PutBackend(String, BackendEntry),
    /// Takes a backend out.
    RemoveBackend(String),
    /// Lets an app download, change and delete models, or no longer.
    SetManagesModels(drawbridge_model::ClientName, bool),
}

/// Whether a backend can have this name: it becomes the prefix of its models.
pub(crate) fn is_backend_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) fn read_ollama(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<OllamaSettings, Fault> {
    reading.only_known(section, key, OLLAMA_KEYS)?;
    let truth = |name| value(reading.optional(section, key, name, Reading::truth));
    let text = |name| value(reading.optional(section, key, name, not_empty));
    let gpus = value(reading.optional(section, key, "gpus", Reading::texts))?;
    Ok(OllamaSettings {
        enabled: truth("enabled")?.unwrap_or(true),
        port: value(reading.optional(section, key, "port", |_, value, key| {
            number(value, key, 1..=u32::from(u16::MAX), "a port, a whole number")
        }))?
        .and_then(|port| u16::try_from(port).ok()),
        start: truth("start")?.unwrap_or(false),
        path: text("path")?,
        models_folder: text("modelsFolder")?,
        keep_alive: value(reading.optional(section, key, "keepAlive", keep_alive))?,
        context_length: value(reading.optional(section, key, "contextLength", |_, value, key| {
            number(value, key, CONTEXT, "a number of tokens")
        }))?,
        parallel: value(reading.optional(section, key, "parallel", |_, value, key| {
            number(value, key, PARALLEL, "a number of requests")
        }))?,
        flash_attention: truth("flashAttention")?,
        cache_type: value(reading.optional(section, key, "cacheType", cache_type))?,
        gpus: gpus.map(|list| list.into_iter().map(|(id, _)| id).collect()),
        cloud: truth("cloud")?.unwrap_or(false),
        default_model: text("defaultModel")?,
    })
}

fn value<T>(found: Result<Option<Placed<T>>, Fault>) -> Result<Option<T>, Fault> {
    Ok(found?.map(|(value, _)| value))
}

fn not_empty(reading: &Reading, value: &Value<'_>, key: &Key<'_>) -> Result<String, Fault> {
    let text = reading.text(value, key)?;
    match text.trim().is_empty() {
        true => Err(Fault::new(start_of(value), key, "Expected a text that is not empty.")),
        false => Ok(text),
    }
}

fn number(
    value: &Value<'_>,
    key: &Key<'_>,
    within: RangeInclusive<u32>,
    what: &str,
) -> Result<u32, Fault> {
    let expected = format!("{what} from {} to {}", within.start(), within.end());
    let Value::NumberLit(literal) = value else {
        return Err(wrong_kind(value, key, &expected));
    };
    literal.value.parse().ok().filter(|number| within.contains(number)).ok_or_else(|| {
        let sentence = format!("Expected {expected}, found {}.", literal.value);
        Fault::new(start_of(value), key, sentence)
    })
}

/// A time as Ollama takes it: a number of seconds, or one with units (Go's `ParseDuration`); a
/// negative one is for good.
fn keep_alive(reading: &Reading, value: &Value<'_>, key: &Key<'_>) -> Result<String, Fault> {
    let text = reading.text(value, key)?;
    if is_duration(&text) {
        return Ok(text);
    }
    let expected = "Expected a time, such as \"5m\", \"1h30m\" or \"300\" (seconds), \"0\" for not at \
                    all or \"-1\" for good.";
    Err(Fault::new(start_of(value), key, expected))
}

pub(crate) fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.len() <= 9;
    }
    let mut rest = text;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, unit) = rest.split_at(digits);
        let Some(unit) = ["ms", "h", "m", "s"].into_iter().find(|known| unit.starts_with(known))
        else {
            return false;
        };
        if number.parse::<f64>().is_err() {
            return false;
        }
        rest = &rest[digits + unit.len()..];
        parts += 1;
    }
    (1..=4).contains(&parts)
}

fn cache_type(reading: &Reading, value: &Value<'_>, key: &Key<'_>) -> Result<CacheType, Fault> {
    match reading.text(value, key)?.as_str() {
        "f16" => Ok(CacheType::F16),
        "q8_0" => Ok(CacheType::Q8_0),
        "q4_0" => Ok(CacheType::Q4_0),
        _ => Err(Fault::new(
            start_of(value),
            key,
            "Expected \"f16\" (in full), \"q8_0\" (half) or \"q4_0\" (a quarter).",
        )),
    }
}

pub(super) fn read_backends(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<BTreeMap<String, BackendEntry>, Fault> {
    let mut backends: BTreeMap<String, BackendEntry> = BTreeMap::new();
    for property in &section.properties {
        let name = property.name.as_str();
        let at = key.child(name);
        if !is_backend_name(name) {
            return Err(Fault::new(
                property.range.start,
                &at,
                "Expected a name of letters, digits, - _ and . only. It stands before the names of \
                 its models, as in name/model.",
            ));
        }
        let entry = reading.object(&property.value, &at)?;
        let (entry, default_at) = read_backend(entry, property.range.start, &at, reading)?;
        if entry.default
            && let Some((other, _)) = backends.iter().find(|(_, other)| other.default)
        {
            return Err(Fault::new(
                default_at,
                &at.child("default"),
                format!("Only one backend can be the default, and \"{other}\" is."),
            ));
        }
        backends.insert(name.to_owned(), entry);
    }
    Ok(backends)
}

fn read_backend(
    entry: &Object<'_>,
    start: usize,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<(BackendEntry, usize), Fault> {
    reading.only_known(entry, key, BACKEND_KEYS)?;
    let kind = value(reading.optional(entry, key, "kind", |reading, value, key| {
        match reading.text(value, key)?.as_str() {
            "openai" => Ok(BackendKind::Openai),
            "ollama" => Ok(BackendKind::Ollama),
            _ => Err(Fault::new(
                start_of(value),
                key,
                "Expected \"openai\" (llama-server, vLLM, LM Studio and others) or \"ollama\".",
            )),
        }
    }))?;
    let Some((url, at)) = reading.optional(entry, key, "url", Reading::text)? else {
        return Err(Fault::new(start, key, "Expected url, the address of the backend."));
    };
    base_of(&url).map_err(|error| Fault::new(at, &key.child("url"), error.to_string()))?;
    let token = match reading.optional(entry, key, "token", Reading::text)? {
        Some((text, _)) if template::is_one_reference(&text) => Some(text),
        Some((_, at)) => {
            return Err(Fault::new(
                at,
                &key.child("token"),
                "Expected one reference, such as \"${secret:NAME}\" or \"${env:NAME}\", and nothing \
                 around it. A token itself does not belong in this file.",
            ));
        }
        None => None,
    };
    let enabled = value(reading.optional(entry, key, "enabled", Reading::truth))?;
    let default = reading.optional(entry, key, "default", Reading::truth)?;
    let (default, default_at) = default.unwrap_or((false, start));
    let entry = BackendEntry {
        kind: kind.unwrap_or(BackendKind::Openai),
        url,
        token,
        enabled: enabled.unwrap_or(true),
        default,
    };
    Ok((entry, default_at))
}

/// The text after a change.
pub(super) fn change(text: &str, config: &Config, edit: &ModelsEdit) -> Result<String, Misfit> {
    match edit {
        ModelsEdit::SetOllama(wanted) => {
            let before = ollama_keys(&config.ollama);
            let mut text = text.to_owned();
            for ((key, was), (_, wanted)) in before.into_iter().zip(ollama_keys(wanted)) {
                text = put(text, &["ollama", key], was, wanted)?;
            }
            Ok(text)
        }
        ModelsEdit::PutBackend(name, wanted) => {
            let mut text = text.to_owned();
            if wanted.default {
                for (other, entry) in &config.backends {
                    if other != name && entry.default {
                        text = cut(text, &["backends", other, "default"])?;
                    }
                }
            }
            let Some(before) = config.backends.get(name) else {
                let keys = backend_keys(wanted).into_iter();
                let present = keys.filter_map(|(key, value)| Some((key.to_owned(), value?)));
                return splice::set(&text, &["backends", name], Json::Group(present.collect()));
            };
            for ((key, was), (_, wanted)) in
                backend_keys(before).into_iter().zip(backend_keys(wanted))
            {
                text = put(text, &["backends", name, key], was, wanted)?;
            }
            Ok(text)
        }
        ModelsEdit::RemoveBackend(name) => cut(text.to_owned(), &["backends", name]),
        ModelsEdit::SetManagesModels(client, may) => {
            let path = ["clients", client.as_str(), "manageModels"];
            match (config.clients.get(client), may) {
                (Some(entry), true) if !entry.manages_models => {
                    splice::set(text, &path, Json::Truth(true))
                }
                (Some(_), false) => cut(text.to_owned(), &path),
                _ => Ok(text.to_owned()),
            }
        }
    }
}

fn put(
    text: String,
    path: &[&str],
    was: Option<Json>,
    wanted: Option<Json>,
) -> Result<String, Misfit> {
    match wanted {
        wanted if wanted == was => Ok(text),
        Some(value) => splice::set(&text, path, value),
        None => cut(text, path),
    }
}

fn cut(text: String, path: &[&str]) -> Result<String, Misfit> {
    Ok(splice::cut(&text, path)?.map_or(text, |(without, _)| without))
}

/// The keys of the section `ollama`, with what is not said left out.
fn ollama_keys(settings: &OllamaSettings) -> Vec<(&'static str, Option<Json>)> {
    let text = |value: &Option<String>| value.clone().map(Json::Text);
    let number = |value: Option<u32>| value.map(|number| Json::Number(number.into()));
    let gpus = |list: &Vec<String>| Json::List(list.iter().cloned().map(Json::Text).collect());
    vec![
        ("enabled", (!settings.enabled).then_some(Json::Truth(false))),
        ("port", number(settings.port.map(u32::from))),
        ("start", settings.start.then_some(Json::Truth(true))),
        ("path", text(&settings.path)),
        ("modelsFolder", text(&settings.models_folder)),
        ("keepAlive", text(&settings.keep_alive)),
        ("contextLength", number(settings.context_length)),
        ("parallel", number(settings.parallel)),
        ("flashAttention", settings.flash_attention.map(Json::Truth)),
        ("cacheType", settings.cache_type.map(|cache| Json::Text(cache.word().to_owned()))),
        ("gpus", settings.gpus.as_ref().map(gpus)),
        ("cloud", settings.cloud.then_some(Json::Truth(true))),
        ("defaultModel", text(&settings.default_model)),
    ]
}

fn backend_keys(entry: &BackendEntry) -> Vec<(&'static str, Option<Json>)> {
    let kind = match entry.kind {
        BackendKind::Openai => "openai",
        BackendKind::Ollama => "ollama",
    };
    vec![
        ("kind", Some(Json::Text(kind.to_owned()))),
        ("url", Some(Json::Text(entry.url.clone()))),
        ("token", entry.token.clone().map(Json::Text)),
        ("enabled", (!entry.enabled).then_some(Json::Truth(false))),
        ("default", entry.default.then_some(Json::Truth(true))),
    ]
}
