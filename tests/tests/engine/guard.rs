//! The guard in front of every route, as bytes over TCP. Each refused request differs in one line
//! from one that passes.

use drawbridge_tests::raw::{RawAnswer, exchange};
use drawbridge_tests::{Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::json;

/// A page the person allowed.
const LISTED: &str = "http://localhost:3000";

/// Paths of every kind: served, of one server, to come, and unknown.
const ROUTES: &[&str] = &[
    "/mcp",
    "/mcp/answers",
    "/mcp/no-such-server",
    "/health",
    "/metrics",
    "/",
    "/sse",
    "/messages",
    "/messages?sessionId=1",
    "/ws",
    "/api/chat",
    "/v1/models",
    "/rest/answers/echo",
    "/contexts",
    "/favicon.ico",
    "/no/such/path",
    "/mcp/../health",
    "//mcp",
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}"#;

fn engine() -> TestEngine {
    Setup::new().server("answers", "answers").gateway(json!({"origins": [LISTED]})).start()
}

/// The request line and the lines every request has but `Host`.
fn request(engine: &TestEngine, method: &str, target: &str, lines: &[String]) -> Vec<u8> {
    let body = if method == "POST" { INITIALIZE } else { "" };
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str(&format!("Authorization: Bearer {}\r\n", engine.token));
    text.push_str("Accept: application/json, text/event-stream\r\n");
    text.push_str("Content-Type: application/json\r\nConnection: close\r\n");
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    text.into_bytes()
}

fn ask(engine: &TestEngine, method: &str, target: &str, lines: &[String]) -> RawAnswer {
    exchange(engine.port, &request(engine, method, target, lines))
}

fn good_host(engine: &TestEngine) -> String {
    format!("Host: 127.0.0.1:{}", engine.port)
}

/// Sends every method to every route with `lines`, and sees the guard refuse with `status` where
/// the same request with a good `Host` alone is not refused.
fn refused_everywhere(engine: &TestEngine, lines: &[String], status: u16) {
    for route in ROUTES {
        for method in METHODS {
            let answer = ask(engine, method, route, lines);
            assert_eq!(answer.status, status, "{method} {route} with {lines:?}: {answer:?}");
            assert!(
                !answer.has_header_starting("access-control-"),
                "a refusal opens no door: {method} {route} with {lines:?}: {answer:?}"
            );
            assert!(
                !answer.has_header_starting("mcp-session-id"),
                "a refusal reaches no handler: {method} {route} with {lines:?}"
            );
        }
    }
}

/// The refusals of the guard are told apart from what handlers answer by this: with a good `Host`
/// no method on any route gets 403, and only what is malformed gets 400.
#[tokio::test]
async fn the_same_request_with_a_good_host_passes_on_every_route() {
    let engine = engine();
    let host = [good_host(&engine)];
    for route in ROUTES {
        for method in METHODS {
            let answer = ask(&engine, method, route, &host);
            assert_ne!(answer.status, 403, "{method} {route}: {answer:?}");
            assert_ne!(answer.status, 401, "{method} {route}: {answer:?}");
            assert_ne!(answer.status, 0, "{method} {route} is answered");
        }
    }
    assert_eq!(ask(&engine, "POST", "/mcp", &host).status, 200);
    assert_eq!(ask(&engine, "POST", "/mcp/answers", &host).status, 200);
    assert_eq!(ask(&engine, "GET", "/health", &host).status, 200);
    assert_eq!(ask(&engine, "GET", "/no/such/path", &host).status, 404);
}

#[tokio::test]
async fn a_host_of_our_own_passes_in_any_case_of_letters() {
    let engine = engine();
    let port = engine.port;
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("LOCALHOST:{port}"),
        format!("LocalHost:{port}"),
    ] {
        let answer = ask(&engine, "POST", "/mcp", &[format!("Host: {host}")]);
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
    }
    let target = format!("http://127.0.0.1:{port}/mcp");
    let answer = ask(&engine, "POST", &target, &[good_host(&engine)]);
    assert_eq!(answer.status, 200, "the absolute form with the same authority: {answer:?}");
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_route() {
    let engine = engine();
    let port = engine.port;
    let other = if port == 65535 { 1024 } else { port + 1 };
    for host in [
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        format!("localhost.:{port}"),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        format!("localhost:{other}"),
        format!("0.0.0.0:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[0:0:0:0:0:0:0:1]:{port}"),
        format!("host.docker.internal:{port}"),
        format!("127.0.0.2:{port}"),
        format!("127.0.0.01:{port}"),
        format!("localhost:0{port}"),
    ] {
        refused_everywhere(&engine, &[format!("Host: {host}")], 403);
    }
}

#[tokio::test]
async fn a_malformed_host_is_refused_on_every_route() {
    let engine = engine();
    let port = engine.port;
    for lines in [
        vec![],
        vec![format!("Host: 127.0.0.1:{port}"), format!("Host: 127.0.0.1:{port}")],
        vec![format!("Host: 127.0.0.1:{port}"), format!("Host: evil.example:{port}")],
        vec![format!("Host: user@localhost:{port}")],
        vec!["Host: localhost:abc".to_owned()],
        vec![format!("Host: localhost:{port},evil.example")],
        vec![format!("Host: localhost:{port} evil")],
        vec!["Host: local host".to_owned()],
        vec!["Host:".to_owned()],
    ] {
        refused_everywhere(&engine, &lines, 400);
    }
}

#[tokio::test]
async fn an_absolute_target_that_differs_from_the_host_is_refused() {
    let engine = engine();
    for route in ROUTES {
        for method in METHODS {
            let target = format!("http://evil.example:{}{route}", engine.port);
            let answer = ask(&engine, method, &target, &[good_host(&engine)]);
            assert_eq!(answer.status, 400, "{method} {target}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let engine = engine();
    let port = engine.port;
    let other = if port == 65535 { 1024 } else { port + 1 };
    let origins = [
        "null".to_owned(),
        String::new(),
        "https://evil.example".to_owned(),
        format!("https://localhost:{port}"),
        format!("http://localhost:{other}"),
        "http://localhost".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("http://localhost.:{port}"),
        format!("http://localhost:{port}.evil.example"),
        format!("http://xlocalhost:{port}"),
        format!("http://user@localhost:{port}"),
        format!("http://localhost:{port}/"),
        format!("http://localhost:{port}/path"),
        format!("http://localhost:{port}?query"),
        format!("http://localhost:{port}#fragment"),
        "http://localhost:99999".to_owned(),
        "http://localhost:".to_owned(),
        format!("http://localhost:{port}, https://evil.example"),
        format!("https://evil.example, http://localhost:{port}"),
        format!("http://localhost:{port} http://localhost:{port}"),
        format!("http://l\u{f6}calhost:{port}"),
        "tauri://localhost".to_owned(),
        "http://tauri.localhost".to_owned(),
        "https://tauri.localhost".to_owned(),
        "vscode-webview://0123456789abcdef".to_owned(),
        "vscode-file://vscode-app".to_owned(),
        "chrome-extension://abcdefghijklmnop".to_owned(),
        "moz-extension://0123".to_owned(),
        "file://".to_owned(),
        "app://".to_owned(),
        "localhost".to_owned(),
        "*".to_owned(),
    ];
    for origin in origins {
        let lines = [good_host(&engine), format!("Origin: {origin}")];
        refused_everywhere(&engine, &lines, 403);
    }
    let own = format!("Origin: http://localhost:{port}");
    let evil = "Origin: https://evil.example".to_owned();
    for pair in [
        [own.clone(), own.clone()],
        [own.clone(), evil.clone()],
        [evil, own],
        [format!("Origin: {LISTED}"), format!("Origin: {LISTED}")],
    ] {
        let [first, second] = pair;
        refused_everywhere(&engine, &[good_host(&engine), first, second], 403);
    }
}

#[tokio::test]
async fn a_listed_origin_passes_and_still_needs_its_token() {
    let engine = engine();
    let port = engine.port;
    for origin in [
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("HTTP://LOCALHOST:{port}"),
        LISTED.to_owned(),
    ] {
        let lines = [good_host(&engine), format!("Origin: {origin}")];
        let answer = ask(&engine, "POST", "/mcp", &lines);
        assert_eq!(answer.status, 200, "{origin}: {answer:?}");
        assert_ne!(answer.header("access-control-allow-origin"), Some("*"), "{origin}");
        assert!(answer.header("access-control-allow-credentials").is_none(), "{origin}");
        assert!(
            answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")),
            "an answer that depends on the origin says so: {answer:?}"
        );
        let bare = format!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\n\
             Content-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(exchange(port, bare.as_bytes()).status, 401, "{origin} without a token");
    }
}

#[tokio::test]
async fn another_site_is_refused_by_what_the_browser_says_about_it() {
    let engine = engine();
    let site = |site: &str| format!("Sec-Fetch-Site: {site}");
    for foreign in ["cross-site", "same-site"] {
        refused_everywhere(&engine, &[good_host(&engine), site(foreign)], 403);
    }
    for route in ["/mcp", "/mcp/answers"] {
        for method in METHODS {
            let answer = ask(&engine, method, route, &[good_host(&engine), site("none")]);
            assert_eq!(answer.status, 403, "{method} {route} typed into an address bar");
        }
    }
    let same = ask(&engine, "POST", "/mcp", &[good_host(&engine), site("same-origin")]);
    assert_eq!(same.status, 200, "{same:?}");
    let listed = [good_host(&engine), site("same-site"), format!("Origin: {LISTED}")];
    let answer = ask(&engine, "POST", "/mcp", &listed);
    assert_eq!(answer.status, 200, "a listed page is not also held to its site: {answer:?}");
}

#[tokio::test]
async fn a_preflight_is_answered_for_listed_origins_alone() {
    let engine = engine();
    let preflight = |origin: &str| {
        [
            good_host(&engine),
            format!("Origin: {origin}"),
            "Access-Control-Request-Method: POST".to_owned(),
            "Access-Control-Request-Headers: authorization, content-type".to_owned(),
            "Access-Control-Request-Private-Network: true".to_owned(),
        ]
    };
    for route in ["/mcp", "/mcp/answers"] {
        let mut bare = format!("OPTIONS {route} HTTP/1.1\r\nConnection: close\r\n");
        for line in preflight(LISTED) {
            bare.push_str(&line);
            bare.push_str("\r\n");
        }
        bare.push_str("\r\n");
        // A browser sends no token with a preflight.
        let answer = exchange(engine.port, bare.as_bytes());
        assert_eq!(answer.status, 204, "{route}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(LISTED));
        let methods = answer.header("access-control-allow-methods").unwrap_or_default();
        for method in ["POST", "GET", "DELETE"] {
            assert!(methods.contains(method), "{method} in {methods:?}");
        }
        let headers = answer.header("access-control-allow-headers").unwrap_or_default();
        let headers = headers.to_ascii_lowercase();
        for header in ["authorization", "content-type", "mcp-session-id", "mcp-protocol-version"] {
            assert!(headers.contains(header), "{header} in {headers:?}");
        }
        assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
    for origin in ["https://evil.example", "null", "http://localhost:3001"] {
        refused_everywhere(&engine, &preflight(origin), 403);
    }
}

#[tokio::test]
async fn the_guard_comes_before_the_token_and_the_token_before_the_body() {
    let engine = engine();
    let port = engine.port;
    let with = |host: &str, token: &str, kind: &str, body: &str| {
        let text = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nAccept: application/json, text/event-stream\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(port, text.as_bytes())
    };
    let own = format!("127.0.0.1:{port}");
    let foreign = format!("evil.example:{port}");
    assert_eq!(with(&foreign, "wrong", "text/plain", "{").status, 403);
    let refused = with(&own, "wrong", "text/plain", "{");
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(refused.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")));
    assert!(!refused.body.contains("wrong"), "an answer does not repeat the token");
    assert_eq!(with(&own, &engine.token, "text/plain", INITIALIZE).status, 415);
    assert_eq!(with(&own, &engine.token, "application/json", "{").status, 400);
    let good = with(&own, &engine.token, "application/json; charset=utf-8", INITIALIZE);
    assert_eq!(good.status, 200, "{good:?}");
}

#[tokio::test]
async fn every_route_but_health_needs_a_token() {
    let engine = engine();
    for route in ROUTES {
        for method in METHODS {
            let text = format!(
                "{method} {route} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
                 Content-Length: 0\r\n\r\n",
                engine.port
            );
            let answer = exchange(engine.port, text.as_bytes());
            let open = *route == "/health" && ["GET", "HEAD"].contains(method);
            let open = open || (*route == "/health" && answer.status == 405);
            if open {
                assert!(!answer.body.contains("answers"), "no server's name without a token");
            } else {
                assert_eq!(answer.status, 401, "{method} {route}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_may_come_in_the_other_header_and_never_in_the_query() {
    let engine = engine();
    let get = |target: &str, line: &str| {
        let text = format!(
            "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{line}Connection: close\r\n\r\n",
            engine.port
        );
        exchange(engine.port, text.as_bytes())
    };
    let key = format!("X-API-Key: {}\r\n", engine.token);
    assert_eq!(get("/no/such/path", &key).status, 404, "the key is taken");
    assert_eq!(get("/no/such/path", "").status, 401, "and needed");
    let target = format!("/no/such/path?token={0}&access_token={0}", engine.token);
    assert_eq!(get(&target, "").status, 401);
    let lower = format!("authorization: bearer {}\r\n", engine.token);
    assert_eq!(get("/no/such/path", &lower).status, 404, "the scheme's letters are folded");
    let almost = &engine.token[..engine.token.len() - 1];
    assert_eq!(get("/no/such/path", &format!("X-API-Key: {almost}\r\n")).status, 401);
    assert_eq!(get("/no/such/path", &format!("X-API-Key: {}x\r\n", engine.token)).status, 401);
    let empty = get("/no/such/path", "Authorization: Bearer \r\n").status;
    assert!([400, 401].contains(&empty), "malformed or missing: {empty}");
}

#[tokio::test]
async fn it_listens_on_loopback_alone() {
    let engine = engine();
    let port = format!(":{:04X}", engine.port);
    let listening = |file: &str| -> Vec<String> {
        files::read(file.as_ref())
            .lines()
            .skip(1)
            .filter_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                (fields[1].ends_with(&port) && fields[3] == "0A").then(|| fields[1].to_owned())
            })
            .collect()
    };
    assert_eq!(listening("/proc/net/tcp"), [format!("0100007F{port}")]);
    for address in listening("/proc/net/tcp6") {
        assert_eq!(address, format!("00000000000000000000000001000000{port}"));
    }
}

#[tokio::test]
async fn a_host_the_person_added_passes_and_others_still_do_not() {
    let engine = Setup::new().gateway(json!({"hosts": ["host.docker.internal"]})).start();
    let host = |name: &str| [format!("Host: {name}:{}", engine.port)];
    assert_eq!(ask(&engine, "POST", "/mcp", &host("host.docker.internal")).status, 200);
    assert_eq!(ask(&engine, "POST", "/mcp", &host("gateway.docker.internal")).status, 403);
}

#[tokio::test]
async fn junk_and_half_open_connections_leave_it_serving() {
    use std::io::Write as _;
    let engine = engine();
    let mut held = Vec::new();
    for bytes in
        [&b""[..], b"\x16\x03\x01\x02\x00", b"GET /mcp HTTP/1.1\r\nHost: 127", b"\r\n\r\n\r\n"]
    {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", engine.port)).unwrap();
        stream.write_all(bytes).unwrap();
        held.push(stream);
    }
    assert_eq!(ask(&engine, "POST", "/mcp", &[good_host(&engine)]).status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    use std::io::Write as _;
    let engine = engine();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", engine.port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\n{}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: 1000000000\r\n\r\n",
        good_host(&engine),
        engine.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = drawbridge_tests::raw::read_answer(&mut stream);
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn a_refusal_is_in_the_log_without_the_token() {
    let engine = engine();
    let answer = ask(&engine, "POST", "/mcp", &[format!("Host: evil.example:{}", engine.port)]);
    assert_eq!(answer.status, 403);
    assert!(!answer.body.contains("evil.example"), "an answer repeats no header: {answer:?}");
    eventually("the refusal is in the log", SOON, async || {
        engine.log().contains("evil.example").then_some(())
    })
    .await;
    assert!(!engine.log().contains(&engine.token), "the token is not");
}
