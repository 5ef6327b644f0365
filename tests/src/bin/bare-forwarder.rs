//! What a call costs when nothing is checked and nothing recorded: the gateway's own HTTP server and
//! wire code, with guard, tokens, sessions, policy and record left out.
//!
//! `bare-forwarder COMMAND [ARGUMENT …]` starts the server, prints the port it listens on, and ends
//! when standard input does. Tools have the names the gateway would give them for a server named
//! `bench`, and are exchanged for the server's own in the same way.
#![expect(clippy::disallowed_methods, reason = "it starts the server it stands in front of")]

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use drawbridge_gateway::Limits;
use drawbridge_gateway::serving::{self, Answer, Ending, Exchange, Pace, Said, Voice};
use drawbridge_mcp::wire::{self, Edit, Message};
use drawbridge_mcp::{Caller, ConnectOptions, Connection, Outcome, PeerFeatures, Request, stdio};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
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
    drawbridge_core::runtime()?.block_on(serve(&command))
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
    let limits = Arc::new(Limits::default());
    loop {
        let (stream, _) = listener.accept().await?;
        let (limits, connection) = (Arc::clone(&limits), connection.clone());
        let exchanges = tasks.clone();
        tasks.spawn(async move {
            let draining = CancellationToken::new();
            let (leave, cut) = (draining.child_token(), CancellationToken::new());
            let ending = Ending { draining, leave, cut };
            let answer = |request| answer(&limits, &connection, &exchanges, request);
            // A caller that hangs up is the end of a connection like any other.
            let _ = serving::connection(stream, &limits, &ending, answer).await;
        });
    }
}

async fn answer(
    limits: &Limits,
    connection: &Connection,
    tasks: &TaskTracker,
    request: http::Request<Incoming>,
) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    let forms = serving::forms(&parts.headers).filter(|_| serving::is_json(&parts.headers));
    let Some(forms) = forms else { return serving::json(StatusCode::BAD_REQUEST, "the headers") };
    let Ok(body) = serving::read_body(body, limits).await else {
        return serving::json(StatusCode::BAD_REQUEST, "the body");
    };
    let connection = connection.clone();
    let exchange = Exchange::new(tasks, |voice: Voice| async move {
        let answer = forward(&connection, &body).await;
        voice.say(Said::Answer(answer.ok())).await;
    });
    let pace = Pace { stream_after: limits.stream_after, keep_alive: limits.keep_alive };
    serving::respond(exchange, forms, pace).await
}

async fn forward(connection: &Connection, body: &[u8]) -> anyhow::Result<String> {
    let text = std::str::from_utf8(body)?;
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
