//! A remote server over Streamable HTTP that writes down the headers it gets and can forget its
//! sessions. It listens on the port given, prints it, and ends when standard input does.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::wire::{opening, say, tool};

#[derive(Default)]
struct Remote {
    sessions: HashSet<String>,
    opened: usize,
}

pub(crate) fn run(arguments: &[String]) {
    let port: u16 = arguments.first().and_then(|port| port.parse().ok()).unwrap_or(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return say("http: no runtime") };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let served: std::io::Result<()> = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr()?.port())?;
        out.flush()?;
        let remote = Arc::new(Mutex::new(Remote::default()));
        let (post, delete) = (Arc::clone(&remote), Arc::clone(&remote));
        let routes = axum::Router::new().route(
            "/mcp",
            axum::routing::post(async move |headers: HeaderMap, body: Bytes| {
                answer(&mut post.lock().unwrap_or_else(PoisonError::into_inner), &headers, &body)
            })
            .delete(async move |headers: HeaderMap| {
                let session = header(&headers, "mcp-session-id");
                delete.lock().unwrap_or_else(PoisonError::into_inner).sessions.remove(&session);
                StatusCode::NO_CONTENT
            }),
        );
        axum::serve(listener, routes).await
    });
    if let Err(error) = served {
        say(&format!("http: {error}"));
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn note(headers: &HeaderMap, message: &Value) {
    let Some(path) = std::env::var_os("TEST_SERVER_LOG") else { return };
    let mut named = serde_json::Map::new();
    for (name, value) in headers {
        named.insert(name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())));
    }
    let line = json!({"headers": named, "method": message["method"], "params": message["params"]});
    let log = std::fs::File::options().create(true).append(true).open(path);
    if let Ok(mut log) = log {
        let _ = writeln!(log, "{line}");
    }
}

fn answer(remote: &mut Remote, headers: &HeaderMap, body: &[u8]) -> Response {
    let Ok(message) = serde_json::from_slice::<Value>(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    note(headers, &message);
    let id = &message["id"];
    let method = message["method"].as_str().unwrap_or_default();
    let params = &message["params"];
    let session = header(headers, "mcp-session-id");
    if method == "initialize" {
        remote.opened += 1;
        let session = format!("remote-{}", remote.opened);
        remote.sessions.insert(session.clone());
        let result = opening(params, json!({"tools": {}}));
        let body = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let headers =
            [("content-type", "application/json".to_owned()), ("mcp-session-id", session)];
        return (headers, body).into_response();
    }
    if !remote.sessions.contains(&session) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let result = match (method, params["name"].as_str()) {
        ("tools/list", _) => json!({"tools": [tool("echo", "Answers as a stream."),
            tool("session", "Says which session this is."), tool("forget", "Forgets all sessions.")]}),
        ("tools/call", Some("echo")) => {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params":
                {"progressToken": params["_meta"]["progressToken"], "progress": 1}});
            let result =
                json!({"content": [{"type": "text", "text": params["arguments"]["text"]}]});
            let result = json!({"jsonrpc": "2.0", "id": id, "result": result});
            let events = if params["_meta"]["progressToken"].is_null() {
                format!("event: message\ndata: {result}\n\n")
            } else {
                format!(": hello\n\ndata: {note}\n\nid: 7\nevent: message\ndata: {result}\n\n")
            };
            return ([("content-type", "text/event-stream")], events).into_response();
        }
        ("tools/call", Some("session")) => {
            json!({"content": [{"type": "text", "text": session}]})
        }
        ("tools/call", Some("forget")) => {
            remote.sessions.clear();
            json!({"content": [{"type": "text", "text": "forgotten"}]})
        }
        _ if id.is_null() => return StatusCode::ACCEPTED.into_response(),
        _ => json!({}),
    };
    let body = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
    ([("content-type", "application/json")], body).into_response()
}
