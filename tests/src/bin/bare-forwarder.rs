//! What a call costs when nothing is checked and nothing recorded: the gateway's HTTP server and the
//! gateway's wire code, with guard, tokens, sessions, policy and record left out.
//!
//! `bare-forwarder COMMAND [ARGUMENT …]` starts the server, prints the port it listens on, and ends
//! when standard input does. Tools have the names the gateway would give them for a server named
//! `bench`, and are exchanged for the server's own in the same way.
#![expect(clippy::disallowed_methods, reason = "it starts the server it stands in front of")]

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use drawbridge_mcp::wire::{self, Edit, Message};
use drawbridge_mcp::{Caller, ConnectOptions, Connection, Outcome, PeerFeatures, Request, stdio};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the gateway puts before the names of the tools of `bench`.
const PREFIX: &str = "bench__";

fn main() -> anyhow::Result<()> {
    let command: Vec<String> = std::env::args().skip(1).collect();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // The same runtime the gateway has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&command))
}

async fn serve(command: &[String]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("which server?")?;
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
    let (connection, _events) = stdio::connect(stdin, stdout, options).await?;

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tasks.spawn(serve_connection(stream, connection.clone()));
    }
}

async fn serve_connection(stream: TcpStream, connection: Connection) {
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(connection);
    let service = service_fn(|request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(answer(&connection, request).await) }
    });
    // A caller that hangs up is the end of a connection like any other.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    connection: &Connection,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let (status, body) = match forward(connection, request).await {
        Ok(body) => (200, body),
        Err(error) => (400, error.to_string()),
    };
    let mut response = hyper::Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

async fn forward(
    connection: &Connection,
    request: hyper::Request<Incoming>,
) -> anyhow::Result<String> {
    let body = request.into_body().collect().await?.to_bytes();
    let text = std::str::from_utf8(&body)?;
    let Message::Request { id, method, params } = wire::parse(text)? else {
        return Ok(String::new());
    };
    let mut name = None;
    if let Some(params) = params.filter(|_| method == "tools/call") {
        name = wire::find(params, &["name"])?;
    }
    let own = name.as_ref().and_then(|name| {
        let called = name.text()?;
        Some(wire::raw_string(called.strip_prefix(PREFIX)?))
    });
    let edits: Vec<Edit<'_>> = name
        .iter()
        .zip(&own)
        .map(|(name, own)| Edit { span: name.span.clone(), with: own.as_str().into() })
        .collect();
    let caller = Caller { key: 0, features: PeerFeatures::default() };
    let call =
        connection.request(Request { method: &method, params, edits: &edits, caller }).await?;
    Ok(match call.outcome().await? {
        Outcome::Result(result) => wire::result_message(id.raw(), result.get()),
        Outcome::Error(error) => wire::error_message(Some(id.raw()), error.get()),
    })
}
