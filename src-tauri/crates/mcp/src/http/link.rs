//! Requests to a remote server, and the session they belong to.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Method, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::HttpEndpoint;
use super::stream;
use crate::call::{CallEvent, Entry, Outcome};
use crate::core::{Core, Link};
use crate::error::ConnectError;
use crate::event::{ListKind, ServerEvent};
use crate::legacy;
use crate::mailbox::{Mailbox, lock};
use crate::opening::{ConnectOptions, Opening};
use crate::wire;

const SESSION_ID: &str = "mcp-session-id";
const PROTOCOL_VERSION: &str = "mcp-protocol-version";
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// For messages nobody waits for, and for ending a session.
const ASIDE_LIMIT: Duration = Duration::from_secs(10);
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
const REDIRECTS_LIMIT: usize = 5;

/// A session as the server named it.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) id: Option<HeaderValue>,
    protocol: Option<HeaderValue>,
    /// Grows with each session of this connection.
    pub(crate) generation: u64,
}

type Reopening = Shared<BoxFuture<'static, Result<(), ConnectError>>>;

pub(crate) struct HttpLink {
    client: Client,
    url: Url,
    options: ConnectOptions,
    session: ArcSwap<Session>,
    /// The attempt to replace the session of a generation. All calls that find it gone share one.
    reopening: Mutex<Option<(u64, Reopening)>>,
    /// The generation of the session, for the listener to see that there is another one.
    generation: watch::Sender<u64>,
}

/// The address may hold a key, so it is not printed.
impl std::fmt::Debug for HttpLink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HttpLink").finish_non_exhaustive()
    }
}

impl HttpLink {
    pub(crate) fn new(
        endpoint: HttpEndpoint,
        options: &ConnectOptions,
    ) -> Result<Self, ConnectError> {
        let loopback = endpoint.is_loopback();
        let HttpEndpoint { url, mut headers } = endpoint;
        // What the protocol and the connection set is not the endpoint's to say.
        for ours in [ACCEPT, CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(ours);
        }
        headers.remove(SESSION_ID);
        headers.remove(PROTOCOL_VERSION);
        let mut builder = Client::builder()
            .user_agent(format!("drawbridge/{}", options.client_version))
            .default_headers(headers)
            .connect_timeout(CONNECT_LIMIT)
            .tcp_nodelay(true)
            .redirect(Policy::custom(same_origin));
        if loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| ConnectError::Configuration {
            what: "address".to_owned(),
            detail: detail(&error),
        })?;
        Ok(Self {
            client,
            url,
            options: options.clone(),
            session: ArcSwap::default(),
            reopening: Mutex::default(),
            generation: watch::Sender::new(0),
        })
    }

    pub(crate) fn message_limit(&self) -> usize {
        self.options.message_limit
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        self.session.load_full()
    }

    /// Waits until there is a later session than the one of this generation.
    pub(crate) async fn later_than(&self, generation: u64) {
        let mut current = self.generation.subscribe();
        // The sender lives as long as this link, so this ends only with a later session.
        let _ = current.wait_for(|current| *current > generation).await;
    }

    fn prepare(&self, method: Method, session: &Session) -> RequestBuilder {
        let mut request = self.client.request(method, self.url.clone());
        if let Some(id) = &session.id {
            request = request.header(SESSION_ID, id.clone());
        }
        if let Some(protocol) = &session.protocol {
            request = request.header(PROTOCOL_VERSION, protocol.clone());
        }
        request
    }

    fn post(&self, session: &Session, body: Bytes) -> RequestBuilder {
        self.prepare(Method::POST, session)
            .header(ACCEPT, BOTH)
            .header(CONTENT_TYPE, JSON)
            .body(body)
    }

    /// Asks for the server's own stream, or for the rest of one that broke.
    pub(crate) async fn get(
        &self,
        session: &Session,
        after: Option<&str>,
    ) -> Result<Response, ConnectError> {
        let mut request = self.prepare(Method::GET, session).header(ACCEPT, EVENTS);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        send(request).await
    }

    /// Opens a session and puts it in the place of the one before.
    pub(crate) async fn open(&self, core: &Arc<Core>) -> Result<Opening, ConnectError> {
        let limit = self.options.limit;
        tokio::select! {
            biased;
            () = core.stop.cancelled() => Err(ConnectError::Stopped),
            opened = tokio::time::timeout(limit, self.handshake(core)) => {
                opened.unwrap_or(Err(ConnectError::TimedOut { limit }))
            }
        }
    }

    async fn handshake(&self, core: &Arc<Core>) -> Result<Opening, ConnectError> {
        let mailbox = Arc::new(Mailbox::<CallEvent>::new());
        let entry = Entry {
            mailbox: Arc::clone(&mailbox),
            caller: None,
            token: None,
            worker: None,
            cancellable: false,
        };
        let id = core.calls.open(entry).map_err(|_| ConnectError::Stopped)?;
        let opened = self.initialize(core, id, &mailbox).await;
        if opened.is_err() {
            core.calls.remove(id);
        }
        opened
    }

    async fn initialize(
        &self,
        core: &Arc<Core>,
        id: u64,
        mailbox: &Mailbox<CallEvent>,
    ) -> Result<Opening, ConnectError> {
        let params = legacy::initialize_params(&self.options);
        let mut body = Vec::new();
        wire::push_request(&mut body, id, legacy::INITIALIZE, Some(&params), &mut []);
        let response = send(self.post(&Session::default(), body.into())).await?;
        let response = self.success(core, response, Some(id)).await?;
        let mut session =
            Session { generation: self.session.load().generation + 1, ..Session::default() };
        let received = async {
            if let Some(response) = response {
                session.id = response.headers().get(SESSION_ID).cloned();
                stream::receive(core, self, response, id, &session).await?;
            }
            // The answer is in the mailbox.
            Ok(std::future::pending::<Infallible>().await)
        };
        // The answer counts when it is there, not when its stream ends.
        let result = tokio::select! {
            result = initialized(mailbox) => result?,
            received = received => match received {
                Ok(never) => match never {},
                Err(error) => return Err(error),
            },
        };
        let opening = legacy::opening(&result)?;
        session.protocol = HeaderValue::from_str(&opening.protocol).ok();
        let mut body = Vec::new();
        wire::push_notification(&mut body, legacy::INITIALIZED, None);
        let response = send(self.post(&session, body.into())).await?;
        self.success(core, response, None).await?;
        let generation = session.generation;
        self.session.store(Arc::new(session));
        self.generation.send_replace(generation);
        Ok(opening)
    }

    /// Replaces the session of a generation unless that has happened.
    pub(crate) async fn reopen(
        &self,
        core: &Arc<Core>,
        generation: u64,
    ) -> Result<(), ConnectError> {
        let reopening = {
            let mut slot = lock(&self.reopening);
            if self.session.load().generation != generation {
                return Ok(());
            }
            match &*slot {
                Some((of, reopening)) if *of == generation => reopening.clone(),
                _ => {
                    // Weak, because the future is kept inside of what it needs.
                    let reopening = reopened(Arc::downgrade(core)).boxed().shared();
                    *slot = Some((generation, reopening.clone()));
                    reopening
                }
            }
        };
        let result = reopening.clone().await;
        let mut slot = lock(&self.reopening);
        if slot.as_ref().is_some_and(|(_, known)| known.ptr_eq(&reopening)) {
            *slot = None;
        }
        result
    }

    /// Sends a request and reads its answer, in a task of its own.
    pub(crate) fn start(
        &self,
        core: &Arc<Core>,
        id: u64,
        body: Vec<u8>,
        worker: CancellationToken,
    ) {
        let core = Arc::clone(core);
        self.options.tasks.spawn(async move {
            let Link::Http(link) = &core.link else { return };
            let exchanged = tokio::select! {
                () = core.stop.cancelled() => return,
                () = worker.cancelled() => return,
                exchanged = link.exchange(&core, id, body.into()) => exchanged,
            };
            if let Err(error) = exchanged {
                core.lose(id, error.problem());
            }
        });
    }

    async fn exchange(&self, core: &Arc<Core>, id: u64, body: Bytes) -> Result<(), ConnectError> {
        let (response, session) = self.post_in_session(core, body).await?;
        match self.success(core, response, Some(id)).await? {
            Some(response) => stream::receive(core, self, response, id, &session).await,
            None => Ok(()),
        }
    }

    /// Posts a message; once more in another session if the server has forgotten this one.
    async fn post_in_session(
        &self,
        core: &Arc<Core>,
        body: Bytes,
    ) -> Result<(Response, Arc<Session>), ConnectError> {
        let session = self.session();
        let response = send(self.post(&session, body.clone())).await?;
        if response.status() != StatusCode::NOT_FOUND || session.id.is_none() {
            return Ok((response, session));
        }
        self.reopen(core, session.generation).await?;
        let session = self.session();
        let response = send(self.post(&session, body)).await?;
        Ok((response, session))
    }

    /// Posts a notification and waits until it is taken.
    pub(crate) async fn tell(&self, core: &Arc<Core>, body: Vec<u8>) -> Result<(), ConnectError> {
        let told = async {
            let (response, _) = self.post_in_session(core, body.into()).await?;
            self.success(core, response, None).await.map(|_| ())
        };
        let limit = ASIDE_LIMIT;
        match tokio::time::timeout(limit, told).await {
            Ok(told) => told,
            Err(_) => Err(ConnectError::TimedOut { limit }),
        }
    }

    /// Posts a message nobody waits for. There are no more of these than calls and questions.
    pub(crate) fn post_soon(&self, message: Vec<u8>, tasks: &TaskTracker, stop: CancellationToken) {
        // A call may be dropped where there is no runtime any more; then there is nobody to tell.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let request = self.post(&self.session(), message.into());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                sent = tokio::time::timeout(ASIDE_LIMIT, request.send()) => {
                    if !matches!(sent, Ok(Ok(_))) {
                        tracing::debug!("a message to a remote server was not taken");
                    }
                }
            }
        });
    }

    /// Tells the server that the session is over.
    pub(crate) async fn end_session(&self) {
        let session = self.session.swap(Arc::default());
        if session.id.is_some() {
            let request = self.prepare(Method::DELETE, &session);
            // Best effort: many servers have no such method (405), and some are gone.
            let _ = tokio::time::timeout(GOODBYE_LIMIT, request.send()).await;
        }
    }

    /// Gives a successful response back, or the error it stands for. `None` when the body of the
    /// error was the answer to the call.
    async fn success(
        &self,
        core: &Arc<Core>,
        response: Response,
        call: Option<u64>,
    ) -> Result<Option<Response>, ConnectError> {
        let status = response.status();
        if status.is_success() {
            return Ok(Some(response));
        }
        if status.is_redirection() {
            return Err(ConnectError::Redirected { status: status.as_u16() });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let challenge = response.headers().get(http::header::WWW_AUTHENTICATE);
            let challenge = challenge.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
            return Err(ConnectError::NeedsSignIn { status: status.as_u16(), challenge });
        }
        let body = stream::body(response, 64 * 1024).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        if let (Some(call), Ok(wire::Message::Error { .. })) = (call, wire::parse(&body)) {
            let _ = core.received(&body, Some(call));
            if !core.calls.is_open(call) {
                return Ok(None);
            }
        }
        let body = body.chars().take(500).collect();
        Err(ConnectError::Status { status: status.as_u16(), body })
    }
}

async fn initialized(mailbox: &Mailbox<CallEvent>) -> Result<Box<RawValue>, ConnectError> {
    loop {
        match std::future::poll_fn(|context| mailbox.poll(context)).await {
            Some(CallEvent::Done(Outcome::Result(result))) => return Ok(result),
            Some(CallEvent::Done(Outcome::Error(error))) => {
                return Err(ConnectError::Refused { error: error.get().to_owned() });
            }
            Some(CallEvent::Lost(_)) | None => return Err(ConnectError::Stopped),
            // Nothing is asked and nothing reported before the connection is open.
            Some(CallEvent::Notification { .. } | CallEvent::Question(_)) => {}
        }
    }
}

async fn reopened(core: Weak<Core>) -> Result<(), ConnectError> {
    let core = core.upgrade().ok_or(ConnectError::Stopped)?;
    let Link::Http(link) = &core.link else { return Err(ConnectError::Stopped) };
    let opening = link.open(&core).await?;
    // A server that forgot the session was probably started anew and may offer other things.
    let can = opening.capabilities;
    for (kind, has) in [
        (ListKind::Tools, can.tools),
        (ListKind::Prompts, can.prompts),
        (ListKind::Resources, can.resources),
    ] {
        if has {
            core.events.push_once(
                ServerEvent::ListChanged(kind),
                |event| matches!(event, ServerEvent::ListChanged(waiting) if *waiting == kind),
            );
        }
    }
    Ok(())
}

/// Follows a redirect only within the origin, so that our headers go nowhere else, and only where
/// the method and the body stay what they are.
fn same_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let keeps_method =
        matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let stays =
        attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps_method && stays && attempt.previous().len() <= REDIRECTS_LIMIT {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ConnectError> {
    request.send().await.map_err(|error| ConnectError::Unreachable { detail: detail(&error) })
}

/// The innermost cause, without the address: it may hold a secret.
pub(crate) fn detail(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) {
        return "the request failed".to_owned();
    }
    cause.to_string()
}
