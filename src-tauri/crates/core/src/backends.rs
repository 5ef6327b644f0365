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
    /// Counts how often it was asked, so that a late answer is not taken for a newer one.
    asked: u64,
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
    let mut all = true;
    loop {
        let loaded = Arc::clone(&parts.config.borrow_and_update());
        let wanted = &loaded.config.backends;
        places.retain(|name, place| wanted.get(name).is_some_and(|entry| place.entry == *entry));
        for (name, entry) in wanted {
            let is_new = !places.contains_key(name);
            let place = places.entry(name.clone()).or_insert_with(|| Place {
                entry: entry.clone(),
                state: BackendState::Off,
                authorization: None,
                models: Vec::new(),
                asked: 0,
            });
            if entry.enabled && (is_new || all) {
                place.asked += 1;
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
    parts.table.store(Arc::new(Backends {
        ollama: Arc::new(Backend::ollama(ollama.port, reach)),
        others,
        default: default.map(|(name, _)| name.clone()),
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
fn secret_name(token: &str) -> Option<&str> {
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
    #[derive(Deserialize)]
    struct List {
        #[serde(alias = "models")]
        data: Option<Vec<Named>>,
    }
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "name")]
        id: String,
    }
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
    let list: List = serde_json::from_slice(&body).map_err(|error| strange(error.to_string()))?;
    let mut models: Vec<_> =
        list.data.unwrap_or_default().into_iter().map(|named| named.id).collect();
    models.sort();
    models.dedup();
    Ok(models)
}
