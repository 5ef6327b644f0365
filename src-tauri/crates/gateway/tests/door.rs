//! The door as bytes on a socket: every rule on every route, each beside a request that passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::sync::Arc;

use drawbridge_gateway::{GuardRules, Health, ServerHealth};
use drawbridge_model::ServerState;
use serde_json::json;
use support::http::{Answer, Line};
use support::server::Script;
use support::{CHAT, EDITOR, Stage, server};

/// Method, path, and what it answers when it is let in.
const ROUTES: [(&str, &str, u16); 12] = [
    ("POST", "/mcp", 400),
    ("POST", "/mcp/files", 400),
    ("POST", "/mcp/nobody", 404),
    ("GET", "/mcp", 400),
    ("DELETE", "/mcp", 400),
    ("PUT", "/mcp", 405),
    ("OPTIONS", "/mcp", 405),
    ("GET", "/health", 200),
    ("GET", "/unknown", 404),
    ("POST", "/api/me", 404),
    ("POST", "/api/pull", 403),
    ("POST", "/", 405),
];

async fn raw(stage: &Stage, request: &str) -> Answer {
    let mut line = Line::open(stage.port()).await;
    line.write(request.replace("PORT", &stage.port().to_string()).as_bytes()).await;
    line.answer().await
}

async fn request(stage: &Stage, method: &str, path: &str, headers: &str) -> Answer {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let length = body.len();
    raw(
        stage,
        &format!(
            "{method} {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

fn with_token(headers: &str) -> String {
    format!("{headers}Authorization: Bearer {EDITOR}\r\n")
}

#[tokio::test]
async fn every_route_answers_what_it_should_once_a_request_is_let_in() {
    let stage = Stage::new().await;
    stage.add("files", Script::Echo).await;
    for (method, path, status) in ROUTES {
        let headers = with_token("Host: localhost:PORT\r\n");
        let answer = request(&stage, method, path, &headers).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_host_or_origin_is_refused_on_every_route_with_and_without_a_token() {
    let stage = Stage::new().await;
    stage.add("files", Script::Echo).await;
    let own = "Host: localhost:PORT\r\n";
    let twice = format!("{own}{own}");
    let cases = [
        ("X: y\r\n", 400),
        (twice.as_str(), 400),
        ("Host: user@localhost:PORT\r\n", 400),
        ("Host: localhost:abc\r\n", 400),
        ("Host: localhost:PORT,evil\r\n", 400),
        ("Host: evil.example:PORT\r\n", 403),
        ("Host: localhost\r\n", 403),
        ("Host: localhost.:PORT\r\n", 403),
        ("Host: 0.0.0.0:PORT\r\n", 403),
        ("Host: localhost:PORT\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost:PORT\r\nOrigin: null\r\n", 403),
        ("Host: localhost:PORT\r\nOrigin:\r\n", 403),
        ("Host: localhost:PORT\r\nOrigin: http://localhost:3000\r\n", 403),
        ("Host: localhost:PORT\r\nOrigin: http://user@localhost:PORT\r\n", 403),
        (
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT\r\n\
             Origin: http://localhost:PORT\r\n",
            403,
        ),
        ("Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Host: localhost:PORT\r\nSec-Fetch-Site: same-site\r\n", 403),
    ];
    for (method, path, _) in ROUTES {
        for (headers, status) in cases {
            for headers in [headers.to_owned(), with_token(headers)] {
                let answer = request(&stage, method, path, &headers).await;
                assert_eq!(answer.status, status, "{method} {path} {headers:?}");
                assert!(!answer.body.contains("evil"), "it does not repeat what was sent");
                assert!(
                    answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")),
                    "{answer:?}"
                );
                if headers.contains("Origin") {
                    assert_eq!(answer.header("vary"), Some("Origin"), "{headers:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_ways_to_name_us_all_lead_in() {
    let stage = Stage::new().await;
    for headers in [
        "Host: localhost:PORT\r\n",
        "Host: LOCALHOST:PORT\r\n",
        "Host: 127.0.0.1:PORT\r\n",
        "Host: localhost:PORT\r\nOrigin: http://localhost:PORT\r\n",
        "Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n",
        "Host: localhost:PORT\r\nOrigin: HTTP://LOCALHOST:PORT\r\n",
        "Host: localhost:PORT\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: localhost:PORT\r\nSec-Fetch-Site: none\r\n",
    ] {
        let answer = request(&stage, "GET", "/health", headers).await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#), "{headers:?}");
    }
    for (target, status) in [
        ("http://localhost:PORT/health", 200),
        ("http://127.0.0.1:PORT/health", 400),
        ("http://evil.example:PORT/health", 400),
        ("https://localhost:PORT/health", 400),
    ] {
        let answer = request(&stage, "GET", target, "Host: localhost:PORT\r\n").await;
        assert_eq!(answer.status, status, "{target}");
    }
    if let Ok(stream) = tokio::net::TcpStream::connect(("::1", stage.port())).await {
        drop(stream);
        let answer = request(&stage, "GET", "/health", "Host: [::1]:PORT\r\n").await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn every_route_but_health_needs_a_token() {
    let stage = Stage::new().await;
    stage.add("files", Script::Echo).await;
    let host = "Host: localhost:PORT\r\n";
    for (method, path, let_in) in ROUTES {
        let denied = if path == "/health" { 200 } else { 401 };
        for (shown, wanted) in [
            (String::new(), denied),
            (format!("Authorization: Bearer {EDITOR}\r\n"), let_in),
            (format!("X-API-Key: {EDITOR}\r\n"), let_in),
            (format!("Authorization: Bearer {EDITOR}x\r\n"), 401),
            (format!("Authorization: Basic {EDITOR}\r\n"), 401),
            ("Authorization: Bearer\r\n".to_owned(), 400),
            (format!("Authorization: Bearer {EDITOR} x\r\n"), 400),
            (format!("Cookie: token={EDITOR}\r\n"), denied),
        ] {
            let answer = request(&stage, method, path, &format!("{host}{shown}")).await;
            assert_eq!(answer.status, wanted, "{method} {path} {shown:?}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert_eq!(answer.status == 401, challenge.starts_with("Bearer") && wanted != 400);
            assert!(!answer.body.contains(EDITOR));
        }
        let query = format!("{path}?token={EDITOR}&access_token={EDITOR}");
        assert_eq!(request(&stage, method, &query, host).await.status, denied, "{path}");
    }
}

#[tokio::test]
async fn a_token_in_the_path_counts_for_the_app_that_may_and_for_no_other() {
    let stage = Stage::new().await;
    for (path, status) in [
        (format!("/k/{CHAT}/mcp"), 400),
        (format!("/k/{CHAT}/unknown"), 404),
        (format!("/k/{CHAT}/health"), 200),
        (format!("/k/{EDITOR}/mcp"), 401),
        (format!("/k/{EDITOR}/health"), 401),
        ("/k/db_wrong/mcp".to_owned(), 401),
        ("/k//mcp".to_owned(), 401),
        ("/k/".to_owned(), 401),
    ] {
        for host in ["Host: localhost:PORT\r\n", "Host: evil.example:PORT\r\n"] {
            let answer = request(&stage, "POST", &path, host).await;
            let method = if path.ends_with("health") { "GET" } else { "POST" };
            let answer =
                if method == "GET" { request(&stage, method, &path, host).await } else { answer };
            let wanted = if host.contains("evil") { 403 } else { status };
            assert_eq!(answer.status, wanted, "{path} {host}");
        }
    }
}

#[tokio::test]
async fn preflights_are_answered_for_listed_origins_and_no_page_gets_more() {
    let stage = Stage::new().await;
    stage.shared.guard.store(Arc::new(GuardRules {
        hosts: vec!["host.docker.internal".into()],
        origins: vec!["http://localhost:3000".into(), "null".into()],
    }));
    let headers = |origin: &str| {
        format!(
            "Host: localhost:PORT\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-site\r\n\
             Access-Control-Request-Method: POST\r\n\
             Access-Control-Request-Private-Network: true\r\n"
        )
    };
    for path in ["/mcp", "/mcp/files", "/unknown"] {
        let answer = request(&stage, "OPTIONS", path, &headers("http://localhost:3000")).await;
        assert_eq!(answer.status, 204, "{path}");
        let header = |name| answer.header(name);
        assert_eq!(header("access-control-allow-origin"), Some("http://localhost:3000"));
        assert_eq!(header("access-control-allow-private-network"), Some("true"));
        assert_eq!(header("access-control-allow-methods"), Some("POST, GET, DELETE"));
        assert!(header("access-control-allow-headers").unwrap().contains("mcp-session-id"));
        assert_eq!(header("access-control-allow-credentials"), None);
        assert_eq!(header("vary"), Some("Origin"));
        for origin in ["http://localhost:3001", "null", "*", "https://localhost:3000"] {
            let answer = request(&stage, "OPTIONS", path, &headers(origin)).await;
            assert_eq!(answer.status, 403, "{origin}");
            assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
        }
    }
    let listed = with_token(&headers("http://localhost:3000"));
    let answer = request(&stage, "GET", "/health", &listed).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    let denied = request(&stage, "POST", "/mcp", &headers("http://localhost:3000")).await;
    assert_eq!(denied.status, 401, "a listed page needs a token too");
    assert_eq!(denied.header("access-control-allow-origin"), Some("http://localhost:3000"));
    let plain = request(&stage, "GET", "/health", "Host: localhost:PORT\r\n").await;
    assert_eq!(plain.header("access-control-allow-origin"), None);
    let docker = "Host: host.docker.internal:PORT\r\n";
    assert_eq!(request(&stage, "GET", "/health", docker).await.status, 200);
}

#[tokio::test]
async fn nothing_here_looks_like_an_authorization_server() {
    let stage = Stage::new().await;
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/mcp/.well-known/openid-configuration",
    ] {
        let answer = request(&stage, "GET", path, "Host: localhost:PORT\r\n").await;
        assert_eq!(answer.status, 404, "{path}");
        let foreign = request(&stage, "GET", path, "Host: evil.example:PORT\r\n").await;
        assert_eq!(foreign.status, 403, "{path}");
    }
}

#[tokio::test]
async fn health_names_servers_to_clients_alone() {
    let stage = Stage::new().await;
    stage.shared.health.store(Arc::new(Health {
        paused: false,
        servers: vec![ServerHealth {
            name: server("files"),
            enabled: true,
            state: ServerState::Ready { since: 5 },
            problem: None,
            tools: 3,
        }],
    }));
    let host = "Host: localhost:PORT\r\n";
    let anyone = request(&stage, "GET", "/health", host).await;
    assert_eq!(anyone.body, r#"{"status":"ok"}"#);
    let client = request(&stage, "GET", "/health", &with_token(host)).await.json();
    assert_eq!(
        client,
        json!({"status": "ok", "paused": false, "servers": [{
            "name": "files", "enabled": true, "state": {"kind": "ready", "since": 5},
            "problem": null, "tools": 3,
        }]})
    );
    assert_eq!(request(&stage, "POST", "/health", host).await.status, 405);
    let head = "HEAD /health HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n";
    let mut line = Line::open(stage.port()).await;
    line.write(head.replace("PORT", &stage.port().to_string()).as_bytes()).await;
    assert_eq!(line.head().await.status, 200);
}

#[tokio::test]
async fn a_body_is_json_and_not_too_large() {
    let stage = Stage::new().await;
    let app = stage.app("/mcp").await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let send = async |headers: &str, body: &str| {
        let request = format!(
            "POST /mcp HTTP/1.1\r\n{}{headers}Content-Length: {}\r\n\r\n{body}",
            app.headers(),
            body.len()
        );
        raw(&stage, &request).await
    };
    for (headers, body, status) in [
        ("Content-Type: application/json\r\n", ping, 200),
        ("Content-Type: Application/JSON; charset=utf-8\r\n", ping, 200),
        ("Content-Type: application/json\r\nAccept: */*\r\n", ping, 200),
        ("Content-Type: text/plain\r\n", ping, 415),
        ("Content-Type: application/json-patch+json\r\n", ping, 415),
        ("", ping, 415),
        ("Content-Type: application/json\r\nContent-Type: application/json\r\n", ping, 415),
        ("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", ping, 415),
        ("Content-Type: application/json\r\nAccept: text/html\r\n", ping, 406),
        ("Content-Type: application/json\r\n", "{", 400),
        ("Content-Type: application/json\r\n", "", 400),
        (
            "Content-Type: application/json\r\n",
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            400,
        ),
        ("Content-Type: application/json\r\n", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 400),
    ] {
        assert_eq!(send(headers, body).await.status, status, "{headers:?} {body}");
    }
    let json = "Content-Type: application/json\r\n";
    let padded = |bytes: usize| format!("{ping}{}", " ".repeat(bytes - ping.len()));
    assert_eq!(send(json, &padded(64 * 1024)).await.status, 200);
    let large = send(json, &padded(64 * 1024 + 1)).await;
    assert_eq!(large.status, 413);
    assert!(large.json()["error"]["message"].is_string());
    // The same without saying so first.
    let chunk = " ".repeat(0x8000);
    let mut chunked =
        format!("POST /mcp HTTP/1.1\r\n{}{json}Transfer-Encoding: chunked\r\n\r\n", app.headers());
    for _ in 0..3 {
        chunked.push_str(&format!("8000\r\n{chunk}\r\n"));
    }
    assert_eq!(raw(&stage, &format!("{chunked}0\r\n\r\n")).await.status, 413);
    let slow = format!("POST /mcp HTTP/1.1\r\n{}{json}Content-Length: 9\r\n\r\n{{", app.headers());
    assert_eq!(raw(&stage, &slow).await.status, 408, "it never arrives whole");
}

#[tokio::test]
async fn no_part_of_a_body_is_read_before_the_token() {
    let stage = Stage::new().await;
    let request = "POST /mcp HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: 1000000\r\n\
                   Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    let mut line = Line::open(stage.port()).await;
    line.write(request.replace("PORT", &stage.port().to_string()).as_bytes()).await;
    assert_eq!(line.head().await.status, 401, "without asking for the body first");
}
