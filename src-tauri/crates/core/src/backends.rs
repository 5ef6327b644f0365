//! Where models are, as the gateway reads it, and how each place does.
//!
//! One task makes the table from the config, from what is known of Ollama, and from what the other
//! places answer. These are asked when they are added or changed, when the person looks, and after
//! an app asked in vain; nothing is asked again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use drawbridge_llm::api;
use drawbridge_llm::backend::{Backend, Backends, Kind, Reach};
use drawbridge_llm::http::Http;
use drawbridge_model::Problem;
use drawbridge_secrets::SecretStore;
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{BackendEntry, Loaded};
use crate::ollama::OllamaNow;
use crate::values;
use crate::view::{BackendKind, BackendState, BackendView};

/// How long a place may take to list its models.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of that list.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How the others do.
pub(crate) type BackendViews = Arc<Vec<BackendView>>;

/// What the task is made with.
pub(crate) struct Parts {
    pub(crate) config: watch::Receiver<Arc<Loaded>>,
    pub(crate) ollama: watch::Receiver<Arc<OllamaNow>>,
    pub(crate) secrets: Arc<dyn SecretStore>,
    pub(crate) http: Http,
    pub(crate) table: Arc<ArcSwap<Backends>>,
    /// Told when somebody wants them asked again.
    pub(crate) ask: Arc<Notify>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// One place as it is configured, and how it does.
struct Place {
    entry: BackendEntry,
    state: BackendState,
    authorization: Option<HeaderValue>,
    models: Vec<String>,
    has_listed: bool,
    /// The number of the newest question, of all that are asked of any place: a late answer, also
    /// one to what stood here under this name before, is not taken for a newer one.
    asked: u64,
}

/// Whether nothing changed that what it answered depends on.
fn is_same_place(one: &BackendEntry, other: &BackendEntry) -> bool {
    (one.kind, &one.url, &one.token) == (other.kind, &other.url, &other.token)
}

/// What one place answered.
struct Answered {
    name: String,
    asked: u64,
    authorization: Option<HeaderValue>,
    models: Result<Vec<String>, Problem>,
}

/// Keeps the table and the views current until the end.
pub(crate) async fn keep(mut parts: Parts, views: watch::Sender<BackendViews>) {
    let (answers, mut answered) = mpsc::channel(8);
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let (mut all, mut questions) = (true, 0);
    loop {
        let loaded = Arc::clone(&parts.config.borrow_and_update());
        let wanted = &loaded.config.backends;
        places.retain(|name, place| {
            wanted.get(name).is_some_and(|entry| is_same_place(&place.entry, entry))
        });
        for (name, entry) in wanted {
            let was_used = places.get(name).is_some_and(|place| place.entry.enabled);
            let place = places.entry(name.clone()).or_insert_with(|| Place {
                entry: entry.clone(),
                state: BackendState::Off,
                authorization: None,
                models: Vec::new(),
                has_listed: false,
                asked: 0,
            });
            place.entry = entry.clone();
            if entry.enabled && (!was_used || all) {
                questions += 1;
                place.asked = questions;
                if !matches!(place.state, BackendState::Ready) {
                    place.state = BackendState::Checking;
                }
                parts.tasks.spawn(ask(&parts, name.clone(), place, answers.clone()));
            }
        }
        all = false;
        publish(&parts, &loaded, &places, &views);
        tokio::select! {
            () = parts.stop.cancelled() => return,
            changed = parts.config.changed() => if changed.is_err() { return },
            changed = parts.ollama.changed() => if changed.is_err() { return },
            () = parts.ask.notified() => all = true,
            Some(answer) = answered.recv() => take(&mut places, answer),
        }
    }
}

fn take(places: &mut BTreeMap<String, Place>, answer: Answered) {
    let Some(place) = places.get_mut(&answer.name).filter(|place| place.asked == answer.asked)
    else {
        return;
    };
    place.authorization = answer.authorization;
    match answer.models {
        Ok(models) => {
            place.models = models;
            place.has_listed = true;
            place.state = BackendState::Ready;
        }
        Err(problem) => place.state = BackendState::Unreachable { problem },
    }
}

fn publish(
    parts: &Parts,
    loaded: &Loaded,
    places: &BTreeMap<String, Place>,
    views: &watch::Sender<BackendViews>,
) {
    let ollama = Arc::clone(&parts.ollama.borrow());
    let reach = match ollama.unavailable() {
        None => Reach::Ready,
        Some(sentence) => Reach::Down(sentence.into()),
    };
    let mut others = Vec::new();
    for (name, place) in places.iter().filter(|(_, place)| place.entry.enabled) {
        let needs_token = place.entry.token.is_some() && place.authorization.is_none();
        let reach = match (&place.state, needs_token) {
            (BackendState::Unreachable { problem }, true) => {
                Reach::Down(problem.message.as_str().into())
            }
            (_, true) => {
                Reach::Down(format!("\"{name}\" is being asked. Try again in a moment.").into())
            }
            // One that did not answer may answer by now: whoever asks finds out.
            (_, false) => Reach::Ready,
        };
        let authorization = place.authorization.clone();
        let kind = kind_of(place.entry.kind);
        match Backend::elsewhere(name, kind, &place.entry.url, authorization, reach) {
            Ok(backend) => others.push(Arc::new(backend)),
            Err(error) => tracing::warn!(backend = %name, %error, "this address cannot be used"),
        }
    }
    let default = loaded.config.backends.iter().find(|(_, entry)| entry.default && entry.enabled);
    let lists = default.and_then(|(name, _)| places.get(name)).filter(|place| place.has_listed);
    parts.table.store(Arc::new(Backends {
        ollama: Arc::new(Backend::ollama(ollama.port, reach)),
        others,
        default: default.map(|(name, _)| name.clone()),
        default_lists: lists.map(|place| place.models.as_slice().into()),
        cloud: loaded.config.ollama.cloud,
        default_model: loaded.config.ollama.default_model.clone(),
    }));
    let new: Vec<_> = places.iter().map(|(name, place)| view(name, place)).collect();
    views.send_if_modified(|before| {
        let changed = **before != new;
        if changed {
            *before = Arc::new(new);
        }
        changed
    });
}

fn view(name: &str, place: &Place) -> BackendView {
    let entry = &place.entry;
    BackendView {
        name: name.to_owned(),
        kind: entry.kind,
        url: entry.url.clone(),
        enabled: entry.enabled,
        is_default: entry.default,
        secret: entry.token.as_deref().and_then(secret_name).map(str::to_owned),
        state: if entry.enabled { place.state.clone() } else { BackendState::Off },
        models: place.models.clone(),
    }
}

/// The name in `${secret:NAME}`.
pub(crate) fn secret_name(token: &str) -> Option<&str> {
    token.strip_prefix("${secret:")?.strip_suffix('}')
}

pub(crate) fn kind_of(kind: BackendKind) -> Kind {
    match kind {
        BackendKind::Ollama => Kind::Ollama,
        BackendKind::Openai => Kind::OpenAi,
    }
}

fn ask(
    parts: &Parts,
    name: String,
    place: &Place,
    answers: mpsc::Sender<Answered>,
) -> impl Future<Output = ()> + Send + use<> {
    let (http, secrets, tasks) =
        (parts.http.clone(), Arc::clone(&parts.secrets), parts.tasks.clone());
    let (entry, asked) = (place.entry.clone(), place.asked);
    async move {
        let (authorization, models) = match authorization(&entry, &secrets, &tasks).await {
            Ok(authorization) => {
                let models = models_of(&http, &entry, authorization.clone()).await;
                (authorization, models)
            }
            Err(problem) => (None, Err(problem)),
        };
        let _ended = answers.send(Answered { name, asked, authorization, models }).await;
    }
}

/// What a place is given to let us in.
pub(crate) async fn authorization(
    entry: &BackendEntry,
    secrets: &Arc<dyn SecretStore>,
    tasks: &TaskTracker,
) -> Result<Option<HeaderValue>, Problem> {
    let Some(reference) = &entry.token else { return Ok(None) };
    let token = values::resolve(reference, secrets, tasks).await?;
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        Problem::new("The secret holds characters that cannot be sent. Store it anew.", "")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The models a place lists, which also shows that it can be used.
pub(crate) async fn models_of(
    http: &Http,
    entry: &BackendEntry,
    authorization: Option<HeaderValue>,
) -> Result<Vec<String>, Problem> {
    let kind = kind_of(entry.kind);
    let backend = Backend::elsewhere("", kind, &entry.url, authorization, Reach::Ready)
        .map_err(|error| Problem::new(error.to_string(), ""))?;
    let path = match kind {
        Kind::Ollama => "/api/tags",
        Kind::OpenAi => "/v1/models",
    };
    let mut request = http
        .request(Method::GET, &backend.at(path))
        .map_err(|error| {
            let message = "This system has no certificates to check an encrypted address with. \
                           Install its package of certificates (ca-certificates).";
            Problem::new(message, error.to_string())
        })?
        .timeout(PATIENCE);
    if let Some(authorization) = backend.authorization.clone() {
        request = request.header(AUTHORIZATION, authorization);
    }
    let mut answer = request.send().await.map_err(|error| {
        Problem::new(
            "It does not answer. Check that it runs and that the address is right.",
            api::ApiError::from(error).to_string(),
        )
    })?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => {}
        401 | 403 => {
            let message = match entry.token {
                Some(_) => "It does not accept the secret it is given. Store a new one.",
                None => "It wants a secret. Store one, and choose it here.",
            };
            return Err(Problem::new(message, format!("{path}: {status}")));
        }
        _ => {
            let message = "Something answers there, but it does not list models as expected. Check \
                           the address and the kind.";
            return Err(Problem::new(message, format!("{path}: {status}")));
        }
    }
    let strange = |detail: String| {
        let message = "Something answers there, but it does not list models as expected. Check \
                       the address and the kind.";
        Problem::new(message, detail)
    };
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| strange(error.to_string()))? {
        if body.len() + piece.len() > MOST_BYTES {
            return Err(strange("the list is too long".to_owned()));
        }
        body.extend_from_slice(&piece);
    }
    names_in(kind, &body).map_err(|error| strange(error.to_string()))
}

/// The names of the models in a list of `/v1/models` or `/api/tags`, sorted.
fn names_in(kind: Kind, body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct List {
        data: Option<Vec<Named>>,
        models: Option<Vec<Named>>,
    }
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
        name: Option<String>,
    }
    let list: List = serde_json::from_slice(body)?;
    // llama-server sends both lists, and some name their models twice.
    let entries = match kind {
        Kind::Ollama => list.models.or(list.data),
        Kind::OpenAi => list.data.or(list.models),
    };
    let name = |named: Named| match kind {
        Kind::Ollama => named.name.or(named.id),
        Kind::OpenAi => named.id.or(named.name),
    };
    let mut models: Vec<_> = entries.unwrap_or_default().into_iter().filter_map(name).collect();
    models.sort();
    models.dedup();
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_each_kind_of_server_are_read() {
        // Constructed after llama-server, Ollama, vLLM and a service that names models twice.
        let llama_server = r#"{"models":[{"name":"m.gguf","model":"m.gguf","modified_at":"","size":"",
            "digest":"","type":"model","capabilities":["completion"],"details":{"format":"gguf"}}],
            "object":"list","data":[{"id":"m.gguf","object":"model","created":1,
            "owned_by":"llamacpp","meta":{"n_ctx_train":8192}}]}"#;
        for (kind, body, wanted) in [
            (Kind::OpenAi, llama_server, Some(vec!["m.gguf"])),
            (
                Kind::Ollama,
                r#"{"models":[{"name":"b:1"},{"name":"a:1"}]}"#,
                Some(vec!["a:1", "b:1"]),
            ),
            (Kind::OpenAi, r#"{"object":"list","data":[{"id":"x/y"}]}"#, Some(vec!["x/y"])),
            (Kind::OpenAi, r#"{"data":[{"id":"x","name":"A model"}]}"#, Some(vec!["x"])),
            (Kind::Ollama, r#"{"models":null}"#, Some(vec![])),
            (Kind::OpenAi, "[]", None),
            (Kind::OpenAi, "<html>", None),
        ] {
            let wanted = wanted.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(names_in(kind, body.as_bytes()).ok(), wanted, "{body}");
        }
    }

    #[test]
    fn a_late_answer_to_an_earlier_question_changes_nothing() {
        let entry = BackendEntry {
            kind: BackendKind::Openai,
            url: "http://127.0.0.1:1".to_owned(),
            token: None,
            enabled: true,
            default: false,
        };
        let place = Place {
            entry: entry.clone(),
            state: BackendState::Checking,
            authorization: None,
            models: Vec::new(),
            has_listed: false,
            asked: 2,
        };
        let mut places = BTreeMap::from([("lab".to_owned(), place)]);
        let answer = |asked| Answered {
            name: "lab".to_owned(),
            asked,
            authorization: Some(HeaderValue::from_static("Bearer old")),
            models: Ok(vec!["old".to_owned()]),
        };
        take(&mut places, answer(1));
        let place = places.get("lab").map(|place| (&place.state, place.authorization.is_some()));
        assert_eq!(place, Some((&BackendState::Checking, false)));
        take(&mut places, answer(2));
        assert!(places.get("lab").is_some_and(|place| place.state == BackendState::Ready));
        let elsewhere = BackendEntry { url: "http://127.0.0.1:2".to_owned(), ..entry.clone() };
        let unused = BackendEntry { enabled: false, default: true, ..entry.clone() };
        assert!(!is_same_place(&entry, &elsewhere) && is_same_place(&entry, &unused));
    }
}
