//! Connections over Streamable HTTP, against a server that follows a script.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod door;
mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::response::Response;
use door::{Remote, status};
use drawbridge_mcp::http::{HttpEndpoint, connect};
use drawbridge_mcp::{
    Call, CallEvent, ConnectError, ConnectOptions, Connection, ListKind, Outcome, Request,
    ServerEvent, ServerEvents,
};
use http::{Method, StatusCode};
use peer::{caller, options, raw, result, within};
use tokio::net::TcpListener;

/// Connected, and the server has no stream of its own.
async fn connected() -> (Remote, Connection, ServerEvents) {
    let mut remote = Remote::new().await;
    let (connection, events) = remote.connect(options()).await;
    remote.hear(Method::GET).await.reply(status(405, ""));
    (remote, connection, events)
}

async fn call(connection: &Connection, params: &str) -> Call {
    let params = raw(params);
    let request = Request::new("tools/call", Some(&params), caller(1));
    within("sending", connection.request(request)).await.expect("open")
}

async fn done(call: &mut Call) -> Outcome {
    match within("an event", call.next()).await {
        CallEvent::Done(outcome) => outcome,
        other => panic!("not the outcome: {other:?}"),
    }
}

async fn lost(call: &mut Call) -> drawbridge_mcp::CallLost {
    match within("an event", call.next()).await {
        CallEvent::Lost(lost) => lost,
        other => panic!("not lost: {other:?}"),
    }
}

#[tokio::test]
async fn requests_carry_the_session_and_the_endpoints_headers_and_nothing_else() {
    let (mut remote, connection, _events) = connected().await;
    let params = r#"{ "name":"a","n":1e3,"_meta":{"v":[ ]}}"#;
    let mut call = call(&connection, params).await;
    let exchange = remote.post().await;
    assert_eq!(
        exchange.text,
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{params}}}"#,
            exchange.id()
        )
    );
    for (name, value) in [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-session-id", "s1"),
        ("mcp-protocol-version", "2025-06-18"),
        ("authorization", "Bearer upstream"),
        ("user-agent", "drawbridge/0.0.1"),
    ] {
        assert_eq!(exchange.header(name), Some(value), "{name}");
    }
    let mut names: Vec<&str> = exchange.headers.keys().map(|name| name.as_str()).collect();
    names.retain(|name| !matches!(*name, "host" | "content-length"));
    assert_eq!(names.len(), 6, "{names:?}");
    let answer = r#"{"content":[],"n":1e3,"x":{ }}"#;
    exchange.answer(answer);
    assert_eq!(result(done(&mut call).await), answer);

    let (closed, goodbye) = tokio::join!(connection.close(), async {
        let exchange = remote.hear(Method::DELETE).await;
        let session = exchange.header("mcp-session-id").map(ToOwned::to_owned);
        exchange.reply(status(405, ""));
        session
    });
    let () = closed;
    assert_eq!(goodbye.as_deref(), Some("s1"));
    assert!(connection.is_closed());
}

#[test]
fn an_endpoint_keeps_its_values_to_itself() {
    let endpoint =
        HttpEndpoint::new("https://example.com/secret-path", [("X-Key", "secret")]).unwrap();
    let printed = format!("{endpoint:?}");
    assert!(!printed.contains("secret"), "{printed}");
    for (url, name, value) in [
        ("ftp://example.com", "a", "b"),
        ("not an address", "a", "b"),
        ("http://example.com", "a b", "c"),
        ("http://example.com", "a", "secret\nb"),
    ] {
        let refused = HttpEndpoint::new(url, [(name, value)]).expect_err("cannot be used");
        assert!(!format!("{refused:?}").contains("secret"));
    }
}

#[tokio::test]
async fn events_of_a_call_come_in_order_whatever_pieces_they_arrive_in() {
    let (mut remote, connection, mut events) = connected().await;
    let mut call = call(&connection, r#"{"_meta":{"progressToken":"mine"}}"#).await;
    let exchange = remote.post().await;
    let id = exchange.id();
    let pieces = exchange.stream();
    let stream = format!(
        "\u{feff}: hi\r\n\r\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{id},\"progress\":1e0}}}}\r\n\r\n\
         event: message\rdata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\rdata: \"params\":{{\"level\":\"info\",\"data\":\"é\"}}}}\r\r\
         data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}}\n\n\
         event: ping\ndata: ignored\n\n\
         data: {{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"elicitation/create\",\"params\":{{\"message\":\"?\"}}}}\n\n"
    );
    let listen = async {
        match within("progress", call.next()).await {
            CallEvent::Notification { params, .. } => {
                assert_eq!(params.unwrap().get(), r#"{"progressToken":"mine","progress":1e0}"#);
            }
            other => panic!("not progress: {other:?}"),
        }
        match within("a log message", call.next()).await {
            CallEvent::Notification { method, params } => {
                assert_eq!(method, "notifications/message");
                assert_eq!(params.unwrap().get(), r#"{"level":"info","data":"é"}"#);
            }
            other => panic!("not a log message: {other:?}"),
        }
        match within("a question", call.next()).await {
            CallEvent::Question(question) => {
                question.answer(Outcome::Result(raw(r#"{"action":"decline"}"#)));
            }
            other => panic!("not a question: {other:?}"),
        }
    };
    let say = async {
        for piece in stream.as_bytes().chunks(5) {
            within("writing", pieces.0.send(Bytes::copy_from_slice(piece))).await.unwrap();
        }
    };
    tokio::join!(say, listen);
    let answer = remote.post().await;
    assert_eq!(answer.text, r#"{"jsonrpc":"2.0","id":"q","result":{"action":"decline"}}"#);
    answer.accept();
    assert!(matches!(
        within("a list change", events.next()).await,
        Some(ServerEvent::ListChanged(ListKind::Tools))
    ));
    pieces.event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"ok":1e3}}}}"#)).await;
    assert_eq!(result(done(&mut call).await), r#"{"ok":1e3}"#);
}

#[tokio::test]
async fn a_session_the_server_forgot_is_opened_anew_and_the_call_sent_once_more() {
    let (mut remote, connection, mut events) = connected().await;
    let mut one = call(&connection, r#"{"n":1}"#).await;
    let mut two = call(&connection, r#"{"n":2}"#).await;
    let (first, second) = (remote.post().await, remote.post().await);
    assert_eq!(first.header("mcp-session-id"), Some("s1"));
    first.reply(status(404, ""));
    second.reply(status(404, ""));
    // Both share one new session.
    remote.greet("s2", r#"{"tools":{}}"#).await;
    for _ in 0..2 {
        let again = remote.post().await;
        assert_eq!(again.body["method"], "tools/call");
        assert_eq!(again.header("mcp-session-id"), Some("s2"));
        let n = again.body["params"]["n"].to_string();
        again.answer(&n);
    }
    assert_eq!(result(done(&mut one).await), "1");
    assert_eq!(result(done(&mut two).await), "2");
    assert!(matches!(
        within("a list change", events.next()).await,
        Some(ServerEvent::ListChanged(ListKind::Tools))
    ));

    // Once: a server that answers 404 for ever gets two requests and no more.
    let mut third = call(&connection, "{}").await;
    remote.post().await.reply(status(404, ""));
    remote.greet("s3", r#"{"tools":{}}"#).await;
    remote.post().await.reply(status(404, ""));
    assert!(lost(&mut third).await.0.detail.contains("404"));
    let mut fourth = call(&connection, "{}").await;
    let exchange = remote.post().await;
    assert_eq!(exchange.header("mcp-session-id"), Some("s3"));
    exchange.answer("4");
    assert_eq!(result(done(&mut fourth).await), "4");
}

#[tokio::test]
async fn a_question_on_the_stream_of_a_call_is_for_that_call_alone() {
    let (mut remote, connection, _events) = connected().await;
    let params = raw("{}");
    let mut calls = Vec::new();
    for key in [1, 2] {
        let request = Request::new("tools/call", Some(&params), caller(key));
        calls.push(connection.request(request).await.expect("open"));
    }
    // Two callers are in flight, and the stream says whose question it is.
    let mut streams = Vec::new();
    for _ in 0..2 {
        let exchange = remote.post().await;
        streams.push((exchange.id().parse::<u64>().unwrap(), exchange.stream()));
    }
    streams.sort_unstable_by_key(|(id, _)| *id);
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}"#;
    for (call, (_, pieces)) in calls.iter_mut().zip(&streams) {
        pieces.event(question).await;
        let asked = within("a question", call.next()).await;
        assert!(matches!(asked, CallEvent::Question(_)));
        drop(asked);
        remote.post().await.accept();
    }
}

#[tokio::test]
async fn an_answer_to_initialize_counts_before_its_stream_ends() {
    let mut remote = Remote::new().await;
    let endpoint = remote.endpoint();
    let (opened, _pieces) = tokio::join!(connect(endpoint, options()), async {
        let exchange = remote.post().await;
        let id = exchange.id();
        let pieces = exchange.stream();
        let answer = r#"{"protocolVersion":"2025-11-25"}"#;
        pieces.event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{answer}}}"#)).await;
        remote.post().await.accept();
        pieces
    });
    assert_eq!(opened.expect("opens").0.opening().protocol, "2025-11-25");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_resumed_where_it_broke() {
    let (mut remote, connection, _events) = connected().await;
    let mut call = call(&connection, r#"{"_meta":{"progressToken":9}}"#).await;
    let exchange = remote.post().await;
    let id = exchange.id();
    let pieces = exchange.stream();
    pieces.say("retry: 1\nid: e1\ndata\n\n").await;
    drop(pieces);
    let resumed = remote.hear(Method::GET).await;
    assert_eq!(resumed.header("last-event-id"), Some("e1"));
    assert_eq!(resumed.header("mcp-session-id"), Some("s1"));
    let pieces = resumed.stream();
    pieces
        .say(&format!(
            "id: e2\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{id},\"progress\":1}}}}\n\n"
        ))
        .await;
    assert!(matches!(within("progress", call.next()).await, CallEvent::Notification { .. }));
    drop(pieces);
    // A failure on the way is no reason to give up.
    let resumed = remote.hear(Method::GET).await;
    assert_eq!(resumed.header("last-event-id"), Some("e2"));
    resumed.reply(status(503, ""));
    let pieces = remote.hear(Method::GET).await.stream();
    pieces.event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":7}}"#)).await;
    assert_eq!(result(done(&mut call).await), "7");
}

#[tokio::test]
async fn an_answer_that_breaks_off_for_good_loses_the_call() {
    let (mut remote, connection, _events) = connected().await;
    let mut first = call(&connection, "{}").await;
    drop(remote.post().await.stream());
    assert!(lost(&mut first).await.0.detail.contains("broke"));

    let mut second = call(&connection, "{}").await;
    let pieces = remote.post().await.stream();
    pieces.say("retry: 1\nid: e1\ndata\n\n").await;
    drop(pieces);
    remote.hear(Method::GET).await.reply(status(404, ""));
    assert!(lost(&mut second).await.0.detail.contains("404"));
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn the_servers_own_stream_is_read_and_resumed() {
    let mut remote = Remote::new().await;
    let (_connection, mut events) = remote.connect(options()).await;
    let listening = remote.hear(Method::GET).await;
    assert_eq!(listening.header("accept"), Some("text/event-stream"));
    assert_eq!(listening.header("mcp-session-id"), Some("s1"));
    assert_eq!(listening.header("last-event-id"), None);
    let pieces = listening.stream();
    pieces.say("id: 7\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"a:b\"}}\n\n").await;
    assert!(matches!(
        within("an update", events.next()).await,
        Some(ServerEvent::ResourceUpdated { uri, .. }) if uri == "a:b"
    ));
    // With nobody in flight a question is refused by a message of its own.
    pieces.event(r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}"#).await;
    let refused = remote.post().await;
    assert_eq!((refused.id().as_str(), &refused.body["error"]["code"]), ("5", &(-32010).into()));
    refused.accept();
    drop(pieces);
    let again = remote.hear(Method::GET).await;
    assert_eq!(again.header("last-event-id"), Some("7"));
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_by_a_message() {
    let (mut remote, connection, _events) = connected().await;
    let dropped = call(&connection, "{}").await;
    let exchange = remote.post().await;
    let id = exchange.id();
    let _pieces = exchange.stream();
    drop(dropped);
    let told = remote.post().await;
    assert_eq!(told.body["method"], "notifications/cancelled");
    assert_eq!(told.body["params"]["requestId"].to_string(), id);
    assert_eq!(told.header("mcp-session-id"), Some("s1"));
    told.accept();
}

#[tokio::test]
async fn an_error_status_ends_a_call_with_what_it_says() {
    let (mut remote, connection, _events) = connected().await;
    for (code, body, expected) in [
        (401, "", "asks for credentials"),
        (403, "", "does not allow"),
        (500, "<h1>oops</h1>", "HTTP error (500)"),
        (202, "", "not valid MCP"),
        (200, r#"{"jsonrpc":"2.0","id":999999,"result":{}}"#, "not valid MCP"),
        (200, "nonsense", "not valid MCP"),
    ] {
        let mut call = call(&connection, "{}").await;
        remote.post().await.reply(status(code, body));
        let message = lost(&mut call).await.0.message;
        assert!(message.contains(expected), "{code}: {message}");
    }
    // A JSON-RPC error is the server's answer, whatever the status and the id.
    for id in ["null", "own"] {
        let mut call = call(&connection, "{}").await;
        let exchange = remote.post().await;
        let id = if id == "own" { exchange.id() } else { id.to_owned() };
        let error = r#"{"code":-32602,"message":"bad","n":1e3}"#;
        exchange.reply(status(400, &format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)));
        assert!(matches!(done(&mut call).await, Outcome::Error(kept) if kept.get() == error));
    }
    // Too large.
    let options = ConnectOptions { message_limit: 10_000, ..options() };
    let mut remote = Remote::new().await;
    let (connection, _events) = remote.connect(options).await;
    let long = "x".repeat(20_000);
    let mut large = call(&connection, "{}").await;
    remote.post().await.answer(&format!("\"{long}\""));
    assert_eq!(lost(&mut large).await.0.message, "The server's answer is too large.");
    let mut large = call(&connection, "{}").await;
    let pieces = remote.post().await.stream();
    pieces.event(&long).await;
    assert_eq!(lost(&mut large).await.0.message, "The server's answer is too large.");
}

async fn refused(response: impl FnOnce(SocketAddr) -> Response) -> ConnectError {
    let mut remote = Remote::new().await;
    let address = remote.address;
    let endpoint = remote.endpoint();
    let (opened, ()) = tokio::join!(connect(endpoint, options()), async {
        remote.post().await.reply(response(address));
    });
    opened.expect_err("it does not open")
}

#[tokio::test]
async fn what_keeps_a_remote_server_from_opening_is_named() {
    let challenge = r#"Bearer resource_metadata="https://example.com/x""#;
    let error = refused(|_| {
        let mut response = status(401, "");
        response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
        response
    })
    .await;
    assert_eq!(
        error,
        ConnectError::NeedsSignIn { status: 401, challenge: Some(challenge.to_owned()) }
    );
    assert_eq!(
        refused(|_| status(404, "nothing here")).await,
        ConnectError::Status { status: 404, body: "nothing here".into() }
    );
    let error = refused(|_| status(400, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602}}"#));
    assert!(matches!(error.await, ConnectError::Refused { .. }));

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let endpoint = HttpEndpoint::new(&format!("http://{address}/?key=secret"), []).unwrap();
    let error =
        within("an error", connect(endpoint, options())).await.expect_err("nobody is there");
    assert!(matches!(error, ConnectError::Unreachable { .. }));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");

    let mut remote = Remote::new().await;
    let hurried = ConnectOptions { limit: Duration::from_millis(50), ..options() };
    let error = connect(remote.endpoint(), hurried).await.expect_err("it is silent");
    assert!(matches!(error, ConnectError::TimedOut { .. }));
    remote.post().await.accept();
}

fn redirect(code: u16, to: &str) -> Response {
    let mut response = status(code, "");
    response.headers_mut().insert("location", to.parse().unwrap());
    response
}

#[tokio::test]
async fn headers_do_not_follow_a_redirect_to_another_origin() {
    let mut other = Remote::new().await;
    let elsewhere = format!("http://{}/mcp", other.address);
    for code in [302, 307] {
        let error = refused(|_| redirect(code, &elsewhere)).await;
        assert_eq!(error, ConnectError::Redirected { status: code });
    }
    assert!(other.requests.try_recv().is_err(), "nothing was sent there");

    // Within the origin a redirect that keeps the method is followed.
    let mut remote = Remote::new().await;
    let endpoint = remote.endpoint_at("/moved");
    let (opened, ()) = tokio::join!(connect(endpoint, options()), async {
        remote.post().await.reply(redirect(307, "/mcp/"));
        let again = remote.post().await;
        assert_eq!(again.path, "/mcp/");
        assert_eq!(again.header("authorization"), Some("Bearer upstream"));
        again.answer(r#"{"protocolVersion":"2025-03-26"}"#);
        remote.post().await.reply(redirect(308, "/mcp/"));
        remote.post().await.accept();
    });
    assert_eq!(opened.expect("opens").0.opening().protocol, "2025-03-26");
}

#[tokio::test]
async fn dropping_the_connection_ends_the_session_and_its_tasks() {
    let mut remote = Remote::new().await;
    let options = options();
    let tasks = options.tasks.clone();
    let (connection, mut events) = remote.connect(options).await;
    let pieces = remote.hear(Method::GET).await.stream();
    drop(connection);
    remote.hear(Method::DELETE).await.reply(status(StatusCode::NO_CONTENT.as_u16(), ""));
    assert!(matches!(within("the end", events.next()).await, Some(ServerEvent::Closed(_))));
    tasks.close();
    within("its tasks end", tasks.wait()).await;
    drop(pieces);
}
