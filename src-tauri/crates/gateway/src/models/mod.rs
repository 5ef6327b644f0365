//! The addresses of Ollama's API and of those it imitates. A request is passed on to the backend
//! that has its model, and its answer comes back as it is, piece by piece.
//!
//! What is decided here: whether the address is one that is passed on at all, whether the app may
//! do that, whether it would leave this computer, and where the model is. A request to a model is
//! on record before it is passed on, and its end after. Nothing is held back or kept: when the app
//! leaves, its request to the backend is dropped, which is how a backend learns that it is over.

mod lists;
mod on_record;
mod passing;
mod upload;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use drawbridge_llm::backend::{Backend, Backends, Kind, Reach};
use drawbridge_llm::http::Http;
use drawbridge_llm::model_name;
use drawbridge_llm::request::{self, NotRead, Peeked};
use drawbridge_llm::route::{self, Class, Dialect, Found, Names, Route};
use drawbridge_model::ActivityReason;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use tokio::sync::Notify;

use self::on_record::{Asked, OnRecord};
use self::upload::Upload;
use crate::answer::{self, Answer};
use crate::clients::Client;
use crate::edge::Edge;
use crate::serving::read_body_up_to;

/// How model requests reach their backends.
#[derive(Clone)]
pub struct ModelAccess {
    /// Where models are.
    pub backends: Arc<ArcSwap<Backends>>,
    /// What asks them.
    pub http: Http,
    /// Told when an app asked in vain for Ollama on this computer, so that somebody looks.
    pub missed: Arc<Notify>,
    /// The same for other places.
    pub missed_elsewhere: Arc<Notify>,
}

impl ModelAccess {
    /// Access to these backends.
    ///
    /// # Errors
    /// When no HTTP client can be made: the system gives no randomness.
    pub fn new(backends: Backends) -> Result<Self, reqwest::Error> {
        Ok(Self {
            backends: Arc::new(ArcSwap::from_pointee(backends)),
            http: Http::new()?,
            missed: Arc::default(),
            missed_elsewhere: Arc::default(),
        })
    }

    fn miss(&self, backend: &Backend) {
        match backend.name.is_empty() {
            true => self.missed.notify_one(),
            false => self.missed_elsewhere.notify_one(),
        }
    }
}

/// A request's head, as far as it matters behind the door.
pub(crate) struct Head {
    pub(crate) method: Method,
    /// The path without the token, with its query.
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
}

impl Head {
    fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }
}

/// An answer of ours, in the shape of the API that was asked.
pub(crate) fn error(dialect: Dialect, status: StatusCode, message: &str) -> Response<Answer> {
    answer::json(status, dialect.error(status, message))
}

/// Answers a request to one of the addresses of models.
pub(crate) async fn answer(
    edge: &Arc<Edge>,
    client: &Arc<Client>,
    dialect: Dialect,
    head: Head,
    body: Incoming,
) -> Response<Answer> {
    let route = match route::find(&head.method, head.path()) {
        Found::Route(route) => route,
        Found::OtherMethod(allowed) => {
            let message = "This address does not take that method.";
            let mut response = error(dialect, StatusCode::METHOD_NOT_ALLOWED, message);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            return response;
        }
        Found::Nothing => {
            let message = "Drawbridge does not pass this address on.";
            return error(dialect, StatusCode::NOT_FOUND, message);
        }
    };
    let turn = Turn { edge, client, route, head };
    match turn.take(body).await {
        Ok(response) => response,
        Err(Refusal { status, message }) => error(route.dialect, status, &message),
    }
}

/// Why a request is not passed on, or came to nothing.
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// One request.
struct Turn<'e> {
    edge: &'e Arc<Edge>,
    client: &'e Arc<Client>,
    route: Route,
    head: Head,
}

/// What is passed on, and where.
struct Parcel {
    backend: Arc<Backend>,
    /// The model, as the app named it.
    model: Option<String>,
    /// It has Ollama search the web.
    searches_the_web: bool,
    body: reqwest::Body,
    /// Its body is not what came: it was unpacked and names its model differently.
    rewritten: bool,
}

impl Turn<'_> {
    async fn take(self, body: Incoming) -> Result<Response<Answer>, Refusal> {
        if self.edge.draining.is_cancelled() {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Drawbridge is quitting."));
        }
        let backends = self.edge.shared.models.backends.load_full();
        match self.route.class {
            Class::Liveness => self.pass(self.parcel(&backends.ollama)).await,
            Class::List => lists::answer(&self, &backends).await,
            Class::Read if self.route.names == Names::Nothing => {
                self.pass(self.parcel(&backends.ollama)).await
            }
            Class::Read => {
                let parcel = self.addressed(&backends, body).await?;
                // Ollama asks its cloud about a model that is there.
                if let Err((reason, refusal)) = self.stays_here(&backends, &parcel) {
                    let asked = Asked::new(&self, parcel.model.as_deref());
                    asked.refused(reason, &refusal.message).await;
                    return Err(refusal);
                }
                self.pass(parcel).await
            }
            Class::Inference | Class::Manage | Class::LeavesTheComputer => {
                let parcel = self.addressed(&backends, body).await?;
                let asked = Asked::new(&self, parcel.model.as_deref());
                if let Err((reason, refusal)) = self.may(&backends, &parcel) {
                    asked.refused(reason, &refusal.message).await;
                    return Err(refusal);
                }
                let entry = asked.begin().await?;
                self.pass_on_record(parcel, entry).await
            }
        }
    }

    /// Whether this app may do that now.
    fn may(&self, backends: &Backends, parcel: &Parcel) -> Result<(), (ActivityReason, Refusal)> {
        let no =
            |reason, message: &str| Err((reason, Refusal::new(StatusCode::FORBIDDEN, message)));
        let policy = self.edge.shared.policy.load();
        if policy.paused_clients.contains(&self.client.name) {
            return no(
                ActivityReason::Pause,
                "This app is paused. A person at this computer can let it go on in Drawbridge.",
            );
        }
        let manages = self.route.class == Class::Manage || self.head.path() == "/api/push";
        if manages && !self.client.manages_models {
            return no(
                ActivityReason::Mode,
                "This app may use models, and may not download, change or delete them. A person at \
                 this computer can allow it in Drawbridge, under Apps.",
            );
        }
        self.stays_here(backends, parcel)
    }

    /// Whether it stays on this computer, where the person wants that.
    fn stays_here(
        &self,
        backends: &Backends,
        parcel: &Parcel,
    ) -> Result<(), (ActivityReason, Refusal)> {
        let own = parcel.backend.name.is_empty();
        let cloud = own && parcel.model.as_deref().is_some_and(model_name::is_cloud);
        let message = if self.route.class == Class::LeavesTheComputer || cloud {
            "This would leave this computer for Ollama's cloud, which is switched off. A person at \
             this computer can switch it on in Drawbridge's settings, under Ollama."
        } else if own && parcel.searches_the_web {
            "This request has Ollama search the web in its cloud, which is switched off. A person \
             at this computer can switch it on in Drawbridge's settings, under Ollama."
        } else {
            return Ok(());
        };
        match backends.cloud {
            true => Ok(()),
            false => {
                let refusal = Refusal::new(StatusCode::FORBIDDEN, message);
                Err((ActivityReason::Mode, refusal))
            }
        }
    }

    /// Reads which model the request is about, as far as its address asks for one.
    async fn addressed(&self, backends: &Backends, body: Incoming) -> Result<Parcel, Refusal> {
        if self.route.streams_in {
            let body = reqwest::Body::wrap(Upload::new(body, &self.edge.tasks));
            return Ok(Parcel { body, ..self.parcel(&backends.ollama) });
        }
        let limits = &self.edge.limits;
        let body = read_body_up_to(body, limits.model_body_bytes, limits.body_time)
            .await
            .map_err(|unread| Refusal::new(unread.status(), unread.sentence()))?;
        let not_read = |error: NotRead| {
            let status = match error {
                NotRead::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                NotRead::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                NotRead::NotJson | NotRead::TwoModels => StatusCode::BAD_REQUEST,
            };
            Refusal::new(status, error.to_string())
        };
        match self.route.names {
            Names::Nothing => Ok(Parcel { body: body.into(), ..self.parcel(&backends.ollama) }),
            Names::Path(prefix) => {
                let written = &self.head.path()[prefix.len()..];
                let model = percent_decode_str(written).decode_utf8_lossy().into_owned();
                let (backend, _) = backends.of_model(&model, self.route.dialect);
                Ok(Parcel { model: Some(model), ..self.parcel(backend) })
            }
            Names::Form => {
                let kind = self.head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
                let model = kind.and_then(|kind| request::model_in_form(kind, &body));
                // A form is passed on as it is: a prefix in it would not be understood.
                let named = model.as_deref().unwrap_or_default();
                let backend = backends.without_prefix(named, self.route.dialect);
                Ok(Parcel { model, body: body.into(), ..self.parcel(backend) })
            }
            Names::Body => {
                let encoding = self.head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
                let plain = request::unpacked(&body, encoding).map_err(not_read)?;
                let peeked = request::peek(&plain).map_err(not_read)?;
                self.by_model(backends, body, plain, peeked)
            }
        }
    }

    fn by_model(
        &self,
        backends: &Backends,
        body: Bytes,
        plain: Bytes,
        peeked: Peeked,
    ) -> Result<Parcel, Refusal> {
        let Some(model) = peeked.model.clone().filter(|model| !model.is_empty()) else {
            // Ollama says best what it misses.
            let backend = backends.without_prefix("", self.route.dialect);
            return Ok(Parcel { body: body.into(), ..self.parcel(backend) });
        };
        let (backend, bare) = backends.of_model(&model, self.route.dialect);
        // Only this computer's Ollama is downloaded to without a prefix.
        let backend = match self.route.class {
            Class::Manage | Class::LeavesTheComputer if bare == model => &backends.ollama,
            _ => backend,
        };
        if backend.kind == Kind::OpenAi && self.route.dialect == Dialect::Ollama {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "The model \"{model}\" is at \"{}\", which speaks only OpenAI's API. Ask for it \
                     at /v1/chat/completions.",
                    backend.name
                ),
            ));
        }
        let rewritten = bare != model;
        let searches_the_web = peeked.searches_the_web;
        let body = if rewritten { peeked.renamed(&plain, bare) } else { body };
        let parcel = self.parcel(backend);
        Ok(Parcel { model: Some(model), searches_the_web, body: body.into(), rewritten, ..parcel })
    }

    fn parcel(&self, backend: &Arc<Backend>) -> Parcel {
        Parcel {
            backend: Arc::clone(backend),
            model: None,
            searches_the_web: false,
            body: reqwest::Body::default(),
            rewritten: false,
        }
    }

    /// Where the request goes. A model in the path is named there as its backend names it.
    fn target(&self, parcel: &Parcel) -> String {
        let path = &self.head.path_and_query;
        if let (Names::Path(prefix), Some(model)) = (self.route.names, &parcel.model)
            && !parcel.backend.name.is_empty()
            && let Some(bare) = model.strip_prefix(&format!("{}/", parcel.backend.name))
        {
            return parcel.backend.at(&format!("{prefix}{bare}"));
        }
        // No query of these addresses says where a token belongs; one in it would be ours.
        match path.split_once('?') {
            Some((bare, query)) if query.contains("db_") => parcel.backend.at(bare),
            _ => parcel.backend.at(path),
        }
    }

    async fn pass(&self, parcel: Parcel) -> Result<Response<Answer>, Refusal> {
        Ok(passing::unrecorded(self.send(parcel).await?))
    }

    async fn pass_on_record(
        &self,
        parcel: Parcel,
        mut entry: OnRecord,
    ) -> Result<Response<Answer>, Refusal> {
        match self.send(parcel).await {
            Ok(response) => Ok(passing::recorded(response, &self.route, self.head.path(), entry)),
            Err(refusal) => {
                entry.failed(&refusal.message);
                Err(refusal)
            }
        }
    }

    /// Sends it, and gives what the backend answers as soon as its head is there.
    async fn send(&self, parcel: Parcel) -> Result<reqwest::Response, Refusal> {
        let models = &self.edge.shared.models;
        if let Reach::Down(sentence) = &parcel.backend.reach {
            models.miss(&parcel.backend);
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, &**sentence));
        }
        let target = self.target(&parcel);
        if !leads_where_it_says(&target) {
            let message = "Drawbridge does not pass this address on.";
            return Err(Refusal::new(StatusCode::NOT_FOUND, message));
        }
        let mut request = models
            .http
            .request(self.head.method.clone(), &target)
            .map_err(|error| unreachable(&parcel.backend, &error))?
            .headers(passing::outbound(&self.head.headers, parcel.rewritten))
            .body(parcel.body);
        if let Some(authorization) = &parcel.backend.authorization {
            request = request.header(http::header::AUTHORIZATION, authorization.clone());
        }
        request.send().await.map_err(|error| {
            models.miss(&parcel.backend);
            unreachable(&parcel.backend, &error)
        })
    }
}

/// Whether an address still has the path that was looked at once it is read the way it is sent:
/// dot segments and backslashes would lead elsewhere.
fn leads_where_it_says(address: &str) -> bool {
    let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let path = path.and_then(|(_, path)| path.split(['?', '#']).next());
    reqwest::Url::parse(address).is_ok_and(|url| url.path().strip_prefix('/') == path)
}

fn unreachable(backend: &Backend, error: &reqwest::Error) -> Refusal {
    let name = match backend.name.is_empty() {
        true => "Ollama".to_owned(),
        false => format!("\"{}\"", backend.name),
    };
    if error.is_connect() || error.is_timeout() {
        let message = format!("{name} does not answer. Drawbridge shows how it does.");
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
    }
    Refusal::new(StatusCode::BAD_GATEWAY, format!("{name} broke off before it answered."))
}
