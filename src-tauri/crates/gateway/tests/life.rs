//! Connections, sessions and the end: what is bounded, what expires, and what a drain leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use drawbridge_gateway::{Client, Clients, Limits, TokenPlace};
use drawbridge_model::{ActivityKind, ActivityOutcome, ClientName};
use drawbridge_secrets::TokenDigest;
use serde_json::json;
use support::http::Line;
use support::server::Script;
use support::{CHAT, EDITOR, Stage, quick, said, until};

fn ping() -> serde_json::Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})
}

#[tokio::test]
async fn junk_and_half_open_connections_leave_the_listener_serving() {
    let stage = Stage::with(Limits { connections: 8, ..quick() }).await;
    let app = stage.app("/mcp").await;
    let mut silent = Vec::new();
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00", b"GET /health HTTP/1.1\r\nHost: ", b"\0\0\0\0"]
    {
        for _ in 0..8 {
            let mut line = Line::open(stage.port()).await;
            line.write(bytes).await;
            silent.push(line);
        }
        assert_eq!(app.post(&ping()).await.status, 200, "after {bytes:?}");
    }
    for mut line in silent {
        assert!(line.closes().await, "it is closed when it keeps silent for too long");
    }
}

#[tokio::test]
async fn a_session_is_its_clients_alone_and_belongs_to_one_address() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let editor = stage.app("/mcp").await;
    assert!(editor.session.len() >= 32, "at least 128 bits: {}", editor.session);
    assert!(editor.session.bytes().all(|byte| byte.is_ascii_graphic()));
    let stolen = |change: fn(&mut support::App)| {
        let mut app = editor.clone();
        change(&mut app);
        app
    };
    for (what, app, status) in [
        ("the app itself", stolen(|_| {}), 200),
        ("another client", stolen(|app| app.token = CHAT.into()), 404),
        ("nobody", stolen(|app| app.token = "db_wrong".into()), 401),
        ("another address", stolen(|app| app.path = "/mcp/files".into()), 404),
        ("an id that never was", stolen(|app| app.session = "x".repeat(32)), 404),
        ("no session", stolen(|app| app.session.clear()), 400),
    ] {
        assert_eq!(app.post(&ping()).await.status, status, "POST by {what}");
        let mut line = app.listen().await;
        assert_eq!(line.head().await.status, status, "GET by {what}");
        if status != 200 {
            assert_eq!(app.end().await.status, status, "DELETE by {what}");
        }
    }
    let headers = editor.headers() + &format!("Mcp-Session-Id: {}\r\n", editor.session);
    let mut line = Line::open(stage.port()).await;
    line.write(format!("DELETE /mcp HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
    assert_eq!(line.answer().await.status, 400, "two ids");
    assert_eq!(editor.post(&ping()).await.status, 200, "nobody ended it");
}

#[tokio::test]
async fn the_protocol_version_header_is_one_that_is_spoken() {
    let stage = Stage::new().await;
    let app = stage.app("/mcp").await;
    for (version, status) in [
        ("", 200),
        ("MCP-Protocol-Version: 2025-11-25\r\n", 200),
        ("MCP-Protocol-Version: 2025-03-26\r\n", 200),
        ("MCP-Protocol-Version: 2026-07-28\r\n", 400),
        ("MCP-Protocol-Version: nonsense\r\n", 400),
    ] {
        let mut line = Line::open(stage.port()).await;
        let body = ping().to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\n{}{version}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            app.headers(),
            body.len()
        );
        line.write(request.as_bytes()).await;
        assert_eq!(line.answer().await.status, status, "{version:?}");
    }
}

#[tokio::test]
async fn the_session_idle_for_longest_makes_room_and_idle_ones_end() {
    let stage = Stage::with(Limits { sessions_per_client: 3, ..quick() }).await;
    let mut apps = Vec::new();
    for _ in 0..3 {
        apps.push(stage.app("/mcp").await);
    }
    let other = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    apps[0].post(&ping()).await;
    let newest = stage.app("/mcp").await;
    assert_eq!(apps[1].post(&ping()).await.status, 404, "it was idle for longest");
    for app in [&apps[0], &apps[2], &newest, &other] {
        assert_eq!(app.post(&ping()).await.status, 200);
    }

    let idle = Duration::from_millis(300);
    let stage = Stage::with(Limits { session_idle: idle, ..quick() }).await;
    let listening = stage.app("/mcp").await;
    let mut line = listening.listen().await;
    line.head().await;
    let forgotten = stage.app("/mcp").await;
    let presence = stage.gateway.sessions();
    until("the idle one ends", async || (presence.borrow()[0].sessions == 1).then_some(())).await;
    assert_eq!(forgotten.post(&ping()).await.status, 404);
    assert_eq!(listening.post(&ping()).await.status, 200, "one that listens is not idle");
}

#[tokio::test]
async fn a_client_that_is_removed_is_refused_at_once_and_its_sessions_close() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut removed = stage.app("/mcp").await;
    let kept = stage.app_with("/mcp", CHAT, "2025-11-25", json!({})).await;
    let mut listening = removed.listen().await;
    listening.head().await;
    let mut line = removed.start("tools/call", json!({"name": "files__wait"})).await;
    until("the call arrives", async || files.heard("tools/call").pop()).await;
    stage.shared.clients.store(Arc::new(Clients::new([Client {
        name: ClientName::new("chat").unwrap(),
        digest: TokenDigest::of(CHAT),
        placement: TokenPlace::Header,
        manages_models: false,
    }])));
    assert_eq!(removed.post(&ping()).await.status, 401, "before anything else is told");
    stage.gateway.clients_changed();
    until("its call is cancelled", async || files.heard("notifications/cancelled").pop()).await;
    assert!(said(&line.answer().await.last_message()).contains("session was closed"));
    while listening.event().await.is_some() {}
    assert_eq!(kept.post(&ping()).await.status, 200);
}

#[tokio::test]
async fn the_panel_sees_who_is_here() {
    let stage = Stage::new().await;
    let mut presence = stage.gateway.sessions();
    assert!(presence.borrow_and_update().is_empty());
    let app = stage.app("/mcp").await;
    let _second = stage.app("/mcp").await;
    until("both sessions are seen", async || {
        let seen = presence.borrow();
        let editor = seen.first()?;
        assert_eq!(editor.name.as_str(), "editor");
        assert!(editor.last_seen > 1_600_000_000_000);
        (editor.sessions == 2).then_some(())
    })
    .await;
    app.end().await;
    until("one has ended", async || (presence.borrow()[0].sessions == 1).then_some(())).await;
}

#[tokio::test]
async fn a_drain_lets_calls_end_and_cancels_what_does_not() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut quick_app = stage.app("/mcp").await;
    let mut stuck_app = stage.app("/mcp").await;
    let mut listening = quick_app.listen().await;
    listening.head().await;
    let mut ends = quick_app.start("tools/call", json!({"name": "files__slow"})).await;
    let mut stuck = stuck_app.start("tools/call", json!({"name": "files__wait"})).await;
    let idle = Line::open(stage.port()).await;
    until("both arrive", async || (files.heard("tools/call").len() == 2).then_some(())).await;
    let port = stage.port();
    let drained = stage.gateway.drain(Duration::from_millis(700));
    let apps = async {
        while listening.event().await.is_some() {}
        let answer = ends.answer().await.last_message();
        assert_eq!(said(&answer), "slow", "it had the time it needed");
        let refused = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        assert!(refused.is_err(), "nothing is accepted any more");
        let answer = stuck.answer().await.last_message();
        assert!(said(&answer).contains("quitting"), "{answer}");
    };
    tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(drained, apps) })
        .await
        .expect("a drain ends");
    drop(idle);
    assert!(!files.heard("notifications/cancelled").is_empty());
    let mut outcomes: Vec<_> =
        stage.entries(2).await.iter().map(|entry| entry.outcome.unwrap()).collect();
    outcomes.sort_by_key(|outcome| format!("{outcome:?}"));
    assert_eq!(outcomes, [ActivityOutcome::Cancelled, ActivityOutcome::Succeeded]);
}

#[tokio::test]
async fn a_drain_with_nothing_to_do_is_over_at_once() {
    let stage = Stage::new().await;
    let app = stage.app("/mcp").await;
    let mut listening = app.listen().await;
    listening.head().await;
    let drain = stage.gateway.drain(Duration::from_secs(60));
    tokio::time::timeout(Duration::from_secs(5), drain).await.expect("nothing holds it up");
}

#[tokio::test]
async fn refused_requests_are_on_record_without_their_tokens_and_a_flood_is_counted() {
    let stage = Stage::with(Limits { refusals_per_minute: 3, ..quick() }).await;
    let app = stage.app("/mcp").await;
    for (n, (path, header)) in [
        ("/mcp?token=db_in-query", "X: y"),
        ("/k/db_in-path/mcp", "X: y"),
        ("/mcp", "Origin: http://evil.example"),
        ("/mcp", "Authorization: Bearer db_in-header"),
        ("/mcp", "X-API-Key: db_in-key"),
    ]
    .iter()
    .enumerate()
    {
        let mut line = Line::open(stage.port()).await;
        let port = stage.port();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{header}\r\n\r\n");
        line.write(request.as_bytes()).await;
        let answer = line.answer().await;
        assert!(answer.status >= 400, "{n}");
        assert!(!answer.body.contains("evil") && !answer.body.contains("db_"), "{answer:?}");
    }
    assert_eq!(app.post(&ping()).await.status, 200);
    stage.gateway.drain(Duration::ZERO).await;
    let entries = until("the count is on record", async || {
        let entries = stage.record().await;
        (entries.len() == 4).then_some(entries)
    })
    .await;
    let all = format!("{entries:?}");
    for token in ["in-query", "in-path", "in-header", "in-key", EDITOR] {
        assert!(!all.contains(token), "{all}");
    }
    assert!(entries.iter().all(|entry| entry.kind == ActivityKind::RequestRefused));
    assert!(entries.iter().all(|entry| entry.outcome == Some(ActivityOutcome::Refused)));
    assert!(entries[0].note.as_deref().unwrap().starts_with("2 further requests"), "{all}");
    assert_eq!(entries[2].subject.as_deref(), Some("GET /k/***/mcp"));
    assert!(entries[1].note.as_deref().unwrap().contains("evil.example"), "{all}");
}
