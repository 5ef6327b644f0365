//! What a call costs when nothing is checked and nothing recorded: the gateway's HTTP server and
//! wire code with guard, tokens, policy and record left out.
//!
//! It does what forwarding a call takes and no more: sessions, the catalog's names, calls in flight
//! that can be cancelled and outlive their connection for a while, notifications on the way, URIs
//! in results. `bare-forwarder COMMAND [ARGUMENT …]` starts the server, which it calls `bench`,
//! prints the port it listens on, and ends when standard input does.
#![expect(clippy::disallowed_methods, reason = "it starts the server it stands in front of")]

mod sessions;

use std::borrow::Cow;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use drawbridge_gateway::Limits;
use drawbridge_gateway::serving::{self, Answer, Ending, Exchange, Forms, Pace, Said, Voice};
use drawbridge_mcp::wire::{self, Edit, Message};
use drawbridge_mcp::{
    Bulletin, Call, CallEvent, Caller, CatalogStore, ConnectOptions, Connection, FollowInto,
    Outcome, Request, follow, names, stdio,
};
use drawbridge_model::ServerName;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::sessions::{InFlight, Session, Sessions};

const SESSION_ID: &str = "mcp-session-id";
/// Where the result of a tool call names resources.
const URIS: &[&[&str]] = &[&["content", "*", "uri"], &["content", "*", "resource", "uri"]];

struct Edge {
    connection: Connection,
    catalog: Arc<CatalogStore>,
    limits: Limits,
    sessions: Sessions,
    tasks: TaskTracker,
}

fn main() -> anyhow::Result<()> {
    let command: Vec<String> = std::env::args().collect();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    drawbridge_core::runtime()?.block_on(serve(&command))
}

async fn serve(command: &[String]) -> anyhow::Result<()> {
    let [_own_name, program, arguments @ ..] = command else { bail!("which server?") };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {program}"))?;
    let tasks = TaskTracker::new();
    let options = ConnectOptions::new(tasks.clone(), CancellationToken::new(), "0");
    let stdin = child.stdin.take().context("no stdin")?;
    let stdout = child.stdout.take().context("no stdout")?;
    let (connection, events) = stdio::connect(stdin, stdout, options).await?;

    let (server, catalog) = (ServerName::new("bench")?, Arc::<CatalogStore>::default());
    let mut read = catalog.changes();
    let into = FollowInto {
        publish: {
            let (catalog, server) = (Arc::clone(&catalog), server.clone());
            Box::new(move |offer| {
                catalog.publish(&server, offer);
                Box::pin(async {})
            })
        },
        bulletin: Bulletin::default(),
        on_rubbish: Box::new(|_| {}),
        on_warning: Box::new(|_| {}),
    };
    tasks.spawn(follow(server, connection.clone(), events, into));
    read.changed().await?;

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    let (limits, sessions) = (Limits::default(), Sessions::default());
    let edge = Arc::new(Edge { connection, catalog, limits, sessions, tasks: tasks.clone() });
    loop {
        let (stream, _) = listener.accept().await?;
        let edge = Arc::clone(&edge);
        tasks.spawn(async move {
            let draining = CancellationToken::new();
            let (leave, cut) = (draining.child_token(), CancellationToken::new());
            let ending = Ending { draining, leave, cut };
            let answer = |request| answer(&edge, request);
            // A caller that hangs up is the end of a connection like any other.
            let _ = serving::connection(stream, &edge.limits, &ending, answer).await;
        });
    }
}

async fn answer(edge: &Arc<Edge>, request: http::Request<Incoming>) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    match (parts.uri.path(), parts.method) {
        ("/mcp", Method::POST) => post(edge, &parts.headers, body).await,
        ("/mcp", Method::DELETE) => {
            edge.sessions.end(parts.headers.get(SESSION_ID));
            serving::json(StatusCode::OK, "{}")
        }
        ("/mcp", _) => serving::json(StatusCode::METHOD_NOT_ALLOWED, "{}"),
        _ => serving::json(StatusCode::NOT_FOUND, "{}"),
    }
}

async fn post(edge: &Arc<Edge>, headers: &HeaderMap, body: Incoming) -> Response<Answer> {
    let refuse = |why: &'static str| serving::json(StatusCode::BAD_REQUEST, why);
    let forms = serving::forms(headers).filter(|_| serving::is_json(headers));
    let Some(forms) = forms else { return refuse("the headers") };
    let Ok(body) = serving::read_body(body, &edge.limits).await else { return refuse("the body") };
    let Ok(text) = std::str::from_utf8(&body) else { return refuse("the text") };
    let Ok(message) = wire::parse(text) else { return refuse("the message") };
    if let Message::Request { id, method, params } = &message
        && method == "initialize"
    {
        return initialize(edge, id.raw(), *params);
    }
    let Some(session) = edge.sessions.find(headers.get(SESSION_ID)) else {
        return serving::json(StatusCode::NOT_FOUND, "the session");
    };
    match message {
        Message::Request { id, method, params } => {
            let Some(crossing) = Crossing::read(edge, &method, params) else {
                let why = "there is no such method or tool";
                let error = wire::error_response(Some(id.raw()), wire::INVALID_PARAMS, why);
                return serving::json(StatusCode::OK, error);
            };
            let Some(in_flight) = session.begin_call(id.raw(), edge.limits.calls_per_session)
            else {
                return refuse("the id");
            };
            let passage =
                Passage { edge: Arc::clone(edge), session, id: id.raw().into(), in_flight, forms };
            let exchange = Exchange::new(&edge.tasks, |voice| passage.cross(crossing, voice));
            let Limits { stream_after, keep_alive, .. } = edge.limits;
            serving::respond(exchange, forms, Pace { stream_after, keep_alive }).await
        }
        Message::Notification { method, params: Some(params) }
            if method == "notifications/cancelled" =>
        {
            if let Ok(Some(id)) = wire::find(params, &["requestId"]) {
                session.cancel_call(id.raw);
            }
            serving::json(StatusCode::ACCEPTED, "")
        }
        _ => serving::json(StatusCode::ACCEPTED, ""),
    }
}

fn initialize(edge: &Edge, id: &str, params: Option<&RawValue>) -> Response<Answer> {
    let opening = &edge.connection.opening().result;
    let message = wire::result_message(id, opening.get());
    let mut response = serving::json(StatusCode::OK, message);
    let session = edge.sessions.open(params);
    match HeaderValue::from_str(&session.id) {
        Ok(value) => response.headers_mut().insert(SESSION_ID, value),
        Err(_) => None,
    };
    response
}

/// A call on its way to the server.
struct Crossing {
    server: ServerName,
    params: Box<RawValue>,
    /// Where the tool's name stands, and the server's own name for it.
    edit: (Range<usize>, String),
}

impl Crossing {
    fn read(edge: &Edge, method: &str, params: Option<&RawValue>) -> Option<Self> {
        let params = params.filter(|_| method == "tools/call")?;
        let name = wire::find(params, &["name"]).ok()??;
        let catalog = edge.catalog.load();
        let (server, tool) = catalog.tool(&name.text()?)?;
        let edit = (name.span.clone(), wire::raw_string(tool.name.as_str()));
        Some(Self { server: server.clone(), params: params.to_owned(), edit })
    }
}

/// What a call needs on its way.
struct Passage {
    edge: Arc<Edge>,
    session: Arc<Session>,
    id: Box<str>,
    in_flight: InFlight,
    forms: Forms,
}

impl Passage {
    async fn cross(mut self, crossing: Crossing, voice: Voice) {
        let grace = self.edge.limits.grace_after_loss;
        let app_gone = async {
            voice.closed().await;
            tokio::time::sleep(grace).await;
        };
        let answer = tokio::select! {
            biased;
            outcome = forward(&self.edge, &self.session, self.forms, &crossing, &voice) => {
                Some(match outcome {
                    Ok(Outcome::Result(result)) => {
                        let translated = translated(&result, &crossing.server);
                        let text = translated.as_deref().unwrap_or(&result).get();
                        wire::result_message(&self.id, text)
                    }
                    Ok(Outcome::Error(error)) => {
                        wire::error_message(Some(&self.id), error.get())
                    }
                    Err(error) => wire::error_response(
                        Some(&self.id),
                        wire::INTERNAL_ERROR,
                        &error.to_string(),
                    ),
                })
            }
            () = self.in_flight.withdrawn() => None,
            () = app_gone => None,
        };
        drop(self.in_flight);
        voice.say(Said::Answer(answer)).await;
    }
}

async fn forward(
    edge: &Edge,
    session: &Session,
    forms: Forms,
    crossing: &Crossing,
    voice: &Voice,
) -> anyhow::Result<Outcome> {
    edge.connection.room().await;
    let mut call = send(edge, session, crossing)?;
    loop {
        match call.next().await {
            CallEvent::Done(outcome) => return Ok(outcome),
            CallEvent::Lost(lost) => return Err(lost.into()),
            CallEvent::Notification { method, params } => {
                if forms != Forms::Json {
                    let message = wire::notification(&method, params.as_deref());
                    voice.say(Said::Message(message)).await;
                }
            }
            // Dropped, a question is refused.
            CallEvent::Question(_) => {}
        }
    }
}

fn send(edge: &Edge, session: &Session, crossing: &Crossing) -> anyhow::Result<Call> {
    let (span, with) = &crossing.edit;
    let edit = Edit { span: span.clone(), with: with.as_str().into() };
    let caller = Caller { key: session.key, features: session.features };
    let request =
        Request { method: "tools/call", params: Some(&crossing.params), edits: &[edit], caller };
    let (call, prepared) = edge.connection.prepare(request)?;
    prepared.send().flush();
    Ok(call)
}

fn translated(result: &RawValue, server: &ServerName) -> Option<Box<RawValue>> {
    if !result.get().contains("\"uri\"") {
        return None;
    }
    let prefix = names::uri_prefix(server.as_str());
    let change = |_, field: &wire::Field<'_>| {
        let uri = field.text()?;
        Some(Cow::Owned(wire::raw_string(&format!("{prefix}{uri}"))))
    };
    wire::rewrite(result, URIS, change).ok().flatten()
}
