//! The bridge for apps that only start a program and speak to it over standard input and output:
//! one JSON-RPC message a line on this side, Streamable HTTP to the running gateway on the other.
//!
//! Nothing but protocol is written to standard output. The token comes from the engine's runtime
//! file, which only this user can read, so the app's own settings hold none. When the engine comes
//! back after a restart, the session is opened again with the app's own `initialize`.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_core::clients::{RuntimeFile, RuntimeFileError};
use drawbridge_core::paths::Paths;
use drawbridge_mcp::sse::{self, EventReader};
use drawbridge_model::ClientName;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{EXIT_OK, EXIT_TROUBLE, Places};

/// How long the engine may take to come up before the app is told.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long requests in flight may go on once the app has closed its side.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// JSON-RPC's code for an error inside the peer.
const INTERNAL_ERROR: i32 = -32603;

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

/// Carries messages both ways until the app closes its side.
pub(crate) async fn bridge(client: ClientName, places: Places) -> anyhow::Result<u8> {
    let paths = places.paths()?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let (lines, written) = mpsc::channel(64);
    let writer = tasks.spawn(write_lines(written));
    let bridge = Arc::new(Bridge {
        http: reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .build()?,
        paths,
        client,
        lines,
        session: watch::Sender::new(Session::default()),
        engine: watch::Sender::new(None),
        tasks: tasks.clone(),
        stop: stop.clone(),
    });
    let reached = bridge.clone().carry().await;
    tasks.close();
    let _ = tokio::time::timeout(LAST_ANSWERS, bridge.answers_written()).await;
    stop.cancel();
    bridge.end_session().await;
    drop(bridge);
    let _ = tokio::time::timeout(LAST_ANSWERS, writer).await;
    reached.map(|()| EXIT_OK).or_else(|error| {
        tracing::error!(%error, "standard input could not be read");
        Ok(EXIT_TROUBLE)
    })
}

async fn write_lines(mut lines: mpsc::Receiver<String>) {
    let mut stdout = tokio::io::stdout();
    while let Some(mut line) = lines.recv().await {
        // JSON strings hold no raw line ends, so what is replaced is only layout.
        line = line.replace(['\n', '\r'], " ");
        line.push('\n');
        if stdout.write_all(line.as_bytes()).await.is_err() || stdout.flush().await.is_err() {
            return;
        }
    }
}

/// What of a message decides how it is carried.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Clone, Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    /// The app's own `initialize`, to open the session again with.
    opening: Option<Arc<str>>,
    /// Grows each time the session is opened.
    generation: u64,
}

struct Bridge {
    http: reqwest::Client,
    paths: Paths,
    client: ClientName,
    lines: mpsc::Sender<String>,
    session: watch::Sender<Session>,
    /// The engine that answered last.
    engine: watch::Sender<Option<Engine>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Bridge {
    async fn carry(self: Arc<Self>) -> std::io::Result<()> {
        let mut input = BufReader::new(tokio::io::stdin());
        let mut line = String::new();
        loop {
            line.clear();
            if input.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let text = line.trim();
            if text.is_empty() {
                continue;
            }
            let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
                self.answer_error(None, -32700, "This line is not JSON.").await;
                continue;
            };
            let opens = envelope.method.as_deref() == Some("initialize");
            let is_request = envelope.method.is_some() && envelope.id.is_some();
            let id = envelope.id.map(|id| id.get().to_owned());
            let text: Arc<str> = text.into();
            if opens || !is_request {
                // What follows may depend on it.
                Arc::clone(&self).deliver(text, id, opens).await;
            } else {
                let bridge = Arc::clone(&self);
                self.tasks.spawn(async move {
                    let stop = bridge.stop.clone();
                    tokio::select! {
                        () = bridge.deliver(text, id, false) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        }
    }

    /// Sends one message and writes what comes back. `id` is set when the app waits for an answer.
    async fn deliver(self: Arc<Self>, text: Arc<str>, id: Option<String>, opens: bool) {
        if let Err(sentence) = self.exchange(&text, opens).await {
            tracing::warn!("{sentence}");
            if id.is_some() {
                self.answer_error(id.as_deref(), INTERNAL_ERROR, &sentence).await;
            }
        }
        if opens {
            self.follow_stream();
        }
    }

    async fn exchange(&self, text: &Arc<str>, opens: bool) -> Result<(), String> {
        let known = if opens { Session::default() } else { self.session.borrow().clone() };
        let mut response = self.post(text, &known).await?;
        if response.status() == StatusCode::NOT_FOUND && known.id.is_some() {
            let session = self.reopen(&known).await?;
            response = self.post(text, &session).await?;
        }
        if opens && response.status().is_success() {
            let id = response.headers().get(SESSION).cloned();
            let version = self.write_answer(response, true).await?;
            self.session.send_modify(|session| {
                *session = Session {
                    id,
                    version: version.and_then(|text| HeaderValue::from_str(&text).ok()),
                    opening: Some(Arc::clone(text)),
                    generation: session.generation + 1,
                };
            });
            return Ok(());
        }
        self.write_answer(response, false).await.map(drop)
    }

    /// Opens the session again after the engine was restarted. One caller does; the others find
    /// it done.
    async fn reopen(&self, known: &Session) -> Result<Session, String> {
        let present = self.session.borrow().clone();
        if present.generation != known.generation {
            return Ok(present);
        }
        let opening = known.opening.clone().ok_or("The session is over.")?;
        let response = self.post(&opening, &Session::default()).await?;
        let id = response.headers().get(SESSION).cloned();
        if !response.status().is_success() || id.is_none() {
            return Err("Drawbridge did not open the session again.".into());
        }
        drop(response.bytes().await);
        let session = Session { id, generation: known.generation + 1, ..known.clone() };
        let opened: Arc<str> = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into();
        self.post(&opened, &session).await?;
        self.session.send_replace(session.clone());
        Ok(session)
    }

    async fn post(&self, text: &Arc<str>, session: &Session) -> Result<Response, String> {
        let sent = self.request(Method::POST, &self.engine().await?, session);
        let body = text.as_bytes().to_vec();
        match sent.header(CONTENT_TYPE, "application/json").body(body.clone()).send().await {
            Ok(response) => Ok(response),
            // Nothing was sent, so it is safe to wait for the engine and send it again.
            Err(error) if error.is_connect() => {
                self.engine.send_replace(None);
                self.request(Method::POST, &self.engine().await?, session)
                    .header(CONTENT_TYPE, "application/json")
                    .body(body)
                    .send()
                    .await
                    .map_err(broken)
            }
            Err(error) => Err(broken(error)),
        }
    }

    fn request(&self, method: Method, engine: &Engine, session: &Session) -> RequestBuilder {
        let accept = match method {
            Method::GET => "text/event-stream",
            _ => "application/json, text/event-stream",
        };
        let mut request = self
            .http
            .request(method, format!("{}/mcp", engine.address))
            .bearer_auth(engine.token.expose())
            .header(ACCEPT, accept);
        if let Some(id) = &session.id {
            request = request.header(SESSION, id);
        }
        if let Some(version) = &session.version {
            request = request.header(VERSION, version);
        }
        request
    }

    /// The running engine's address and this app's token; waits while there is none.
    async fn engine(&self) -> Result<Engine, String> {
        if let Some(engine) = self.engine.borrow().clone() {
            return Ok(engine);
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let reason = match RuntimeFile::read(&self.paths) {
                Ok(file) => match file.token(&self.client) {
                    Some(token) if self.answers(&file.address).await => {
                        let engine = Engine { address: file.address, token: Arc::new(token) };
                        self.engine.send_replace(Some(engine.clone()));
                        return Ok(engine);
                    }
                    Some(_) => not_running(),
                    None => format!(
                        "No app named \"{}\" may connect. Add it in the Drawbridge panel, or with: \
                         drawbridged client add {}",
                        self.client, self.client
                    ),
                },
                Err(RuntimeFileError::Absent) => not_running(),
                Err(error) => format!("Drawbridge's runtime file cannot be read: {error}"),
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(reason);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => return Err(reason),
            }
        }
    }

    async fn answers(&self, address: &str) -> bool {
        let asked =
            self.http.get(format!("{address}/health")).timeout(Duration::from_secs(2)).send();
        asked.await.is_ok_and(|response| response.status().is_success())
    }

    /// Writes what came back; answers with the agreed protocol version when `opening` is set.
    async fn write_answer(
        &self,
        response: Response,
        opening: bool,
    ) -> Result<Option<String>, String> {
        let status = response.status();
        let streamed = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("text/event-stream"));
        if status == StatusCode::ACCEPTED {
            return Ok(None);
        }
        if !status.is_success() {
            let text = response.text().await.unwrap_or_default();
            if serde_json::from_str::<Envelope<'_>>(&text).is_ok_and(|body| body.id.is_some()) {
                let _ = self.lines.send(text).await;
                return Ok(None);
            }
            return Err(refusal(status, &text));
        }
        let mut version = None;
        let mut note = |text: &str| {
            if opening {
                version = agreed_version(text).or(version.take());
            }
        };
        if streamed {
            let mut events = EventReader::new(sse::EVENT_LIMIT);
            let mut body = response.bytes_stream();
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|_| "The connection to Drawbridge broke.".to_owned())?;
                let mut read = Vec::new();
                events
                    .feed(&chunk, |event| read.push(event.data))
                    .map_err(|error| error.to_string())?;
                for data in read.into_iter().filter(|data| !data.is_empty()) {
                    note(&data);
                    let _ = self.lines.send(data).await;
                }
            }
        } else {
            let text = response
                .text()
                .await
                .map_err(|_| "The connection to Drawbridge broke.".to_owned())?;
            note(&text);
            let _ = self.lines.send(text).await;
        }
        Ok(version)
    }

    /// Follows the stream on which the gateway speaks unasked, for as long as the session lives.
    fn follow_stream(self: &Arc<Self>) {
        let bridge = Arc::clone(self);
        let generation = self.session.borrow().generation;
        if generation != 1 {
            return;
        }
        self.tasks.spawn(async move {
            let stop = bridge.stop.clone();
            let follow = async {
                loop {
                    let session = bridge.session.borrow().clone();
                    let mut changed = bridge.session.subscribe();
                    let ended = bridge.read_stream(&session).await;
                    if ended.is_err_and(|status| status == StatusCode::METHOD_NOT_ALLOWED) {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(2)) => {}
                        _ = changed.changed() => {}
                    }
                }
            };
            tokio::select! {
                () = follow => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn read_stream(&self, session: &Session) -> Result<(), StatusCode> {
        let Ok(engine) = self.engine().await else { return Ok(()) };
        let request = self.request(Method::GET, &engine, session);
        let Ok(response) = request.send().await else {
            self.engine.send_replace(None);
            return Ok(());
        };
        if !response.status().is_success() {
            return Err(response.status());
        }
        let mut events = EventReader::new(sse::EVENT_LIMIT);
        let mut body = response.bytes_stream();
        while let Some(Ok(chunk)) = body.next().await {
            let mut read = Vec::new();
            if events.feed(&chunk, |event| read.push(event.data)).is_err() {
                return Ok(());
            }
            for data in read.into_iter().filter(|data| !data.is_empty()) {
                let _ = self.lines.send(data).await;
            }
        }
        Ok(())
    }

    async fn answers_written(&self) {
        // The stream the gateway speaks on has no end of its own; everything else has.
        while self.tasks.len() > 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end_session(&self) {
        let session = self.session.borrow().clone();
        let engine = self.engine.borrow().clone();
        if let (Some(_), Some(engine)) = (&session.id, engine) {
            let request = self.request(Method::DELETE, &engine, &session);
            drop(request.timeout(Duration::from_secs(2)).send().await);
        }
    }

    async fn answer_error(&self, id: Option<&str>, code: i32, sentence: &str) {
        let message = serde_json::Value::from(sentence);
        let id = id.unwrap_or("null");
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#
        );
        let _ = self.lines.send(line).await;
    }
}

#[derive(Clone)]
struct Engine {
    address: String,
    token: Arc<drawbridge_secrets::Secret>,
}

fn broken(error: reqwest::Error) -> String {
    format!("The connection to Drawbridge broke: {}", error.without_url())
}

fn not_running() -> String {
    "Drawbridge is not running. Start it, then try again.".into()
}

/// What a refused request tells the app: the gateway's own sentence where there is one.
fn refusal(status: StatusCode, text: &str) -> String {
    #[derive(Deserialize)]
    struct Plain {
        message: String,
    }
    #[derive(Deserialize)]
    struct JsonRpc {
        error: Plain,
    }
    serde_json::from_str::<JsonRpc>(text)
        .map(|body| body.error.message)
        .or_else(|_| serde_json::from_str::<Plain>(text).map(|body| body.message))
        .unwrap_or_else(|_| format!("Drawbridge answered with the status {status}."))
}

fn agreed_version(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Opened {
        protocol_version: String,
    }
    #[derive(Deserialize)]
    struct Answer {
        result: Opened,
    }
    serde_json::from_str::<Answer>(text).ok().map(|answer| answer.result.protocol_version)
}
