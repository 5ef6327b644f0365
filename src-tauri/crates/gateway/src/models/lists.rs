//! Lists of models. With Ollama alone its list is passed on as it is; with other places beside it,
//! theirs follow, each name with its prefix.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_llm::backend::{Backend, Backends, Kind, Reach};
use drawbridge_llm::model_name;
use drawbridge_llm::route::Dialect;
use futures_util::future;
use http::header::AUTHORIZATION;
use http::{Method, Response, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Refusal, Turn};
use crate::answer::{self, Answer};

/// How long another place may take to list what it has, before it is left out.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most bytes of one list.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A list: what stands around it, and its entries.
struct List {
    around: BTreeMap<String, Box<RawValue>>,
    entries: Vec<Box<RawValue>>,
}

pub(super) async fn answer(
    turn: &Turn<'_>,
    backends: &Backends,
) -> Result<Response<Answer>, Refusal> {
    let key = key_of(turn.route.dialect);
    // OpenAI's places do not speak Ollama's API, so a model of theirs cannot be asked for there.
    let others: Vec<&Arc<Backend>> = backends
        .others
        .iter()
        .filter(|other| other.kind == Kind::Ollama || turn.route.dialect == Dialect::OpenAi)
        .collect();
    if others.is_empty() && backends.default_model.is_none() {
        return turn.pass(turn.parcel(&backends.ollama)).await;
    }
    let own = async {
        match backends.ollama.reach {
            Reach::Ready => list(turn, &backends.ollama).await,
            Reach::Down(_) => None,
        }
    };
    let (own, theirs) =
        future::join(own, future::join_all(others.iter().map(|other| list(turn, other)))).await;
    if own.is_none() && theirs.iter().all(Option::is_none) {
        return turn.pass(turn.parcel(&backends.ollama)).await;
    }
    let List { mut around, mut entries } =
        own.unwrap_or_else(|| List { around: BTreeMap::new(), entries: Vec::new() });
    if let Some(first) = &backends.default_model {
        // Only the order changes, and only because the person chose it.
        entries.sort_by_key(|entry| !is_named(entry, first));
    }
    for (other, list) in others.iter().zip(theirs) {
        entries.extend(
            list.into_iter()
                .flat_map(|list| list.entries)
                .filter_map(|entry| renamed(&entry, other)),
        );
    }
    if turn.route.dialect == Dialect::OpenAi {
        around.entry("object".to_owned()).or_insert_with(|| raw("list"));
    }
    let entries = serde_json::value::to_raw_value(&entries).map_err(|_| cannot_be_written())?;
    around.insert(key.to_owned(), entries);
    let body = serde_json::to_vec(&around).map_err(|_| cannot_be_written())?;
    let mut response = answer::json(StatusCode::OK, body);
    if turn.head.method == Method::HEAD {
        *response.body_mut() = Answer::Whole(bytes::Bytes::new());
    }
    Ok(response)
}

fn cannot_be_written() -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, "The list of models cannot be put together.")
}

fn key_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Ollama => "models",
        Dialect::OpenAi | Dialect::Anthropic => "data",
    }
}

fn raw(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).unwrap_or_default()
}

/// What a backend lists; `None` when it does not.
async fn list(turn: &Turn<'_>, backend: &Backend) -> Option<List> {
    let address = backend.at(turn.head.path());
    let http = &turn.edge.shared.models.http;
    let mut request = http.request(Method::GET, &address).ok()?.timeout(PATIENCE);
    if let Some(authorization) = &backend.authorization {
        request = request.header(AUTHORIZATION, authorization.clone());
    }
    let mut response = request.send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        if body.len() + piece.len() > MOST_BYTES {
            return None;
        }
        body.extend_from_slice(&piece);
    }
    let mut around: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body).ok()?;
    let entries = around.remove(key_of(turn.route.dialect))?;
    // Ollama writes `null` for an empty list.
    let entries = serde_json::from_str::<Option<Vec<Box<RawValue>>>>(entries.get()).ok()?;
    Some(List { around, entries: entries.unwrap_or_default() })
}

const NAMES: [&str; 3] = ["id", "name", "model"];

fn is_named(entry: &RawValue, model: &str) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_str(entry.get()) else { return false };
    NAMES.iter().any(|key| {
        fields.get(*key).and_then(Value::as_str).is_some_and(|name| model_name::same(name, model))
    })
}

/// An entry with the prefix of its backend before its names.
fn renamed(entry: &RawValue, backend: &Backend) -> Option<Box<RawValue>> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(entry.get()) else { return None };
    for key in NAMES {
        if let Some(Value::String(name)) = fields.get_mut(key) {
            *name = backend.prefixed(name);
        }
    }
    serde_json::value::to_raw_value(&fields).ok()
}
