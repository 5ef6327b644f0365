//! What goes wrong with requests.

use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http;
use crate::program::{Program, events, eventually, lines, question, question_with, read_on};

fn with(fault: &Value) -> Program {
    Program::start(&json!({"models": [{"name": "tiny"}], "faults": [fault]}))
}

#[test]
fn refusals_have_the_shape_of_the_dialect() {
    let cases = [
        (json!("queue_full"), 503, "server busy"),
        (json!("unauthorized"), 401, "unauthorized"),
        (json!("cloud_disabled"), 403, "ollama cloud is disabled"),
        (json!({"refuse": {"status": 500, "message": "no reason"}}), 500, "no reason"),
    ];
    for (then, status, message) in cases {
        let program = with(&json!({"then": then}));
        let native = program.post("/api/chat", &question());
        assert_eq!(native.status, status);
        let body: Value = serde_json::from_slice(&native.body).unwrap();
        assert!(body["error"].as_str().unwrap().contains(message));
        assert_eq!(body["signin_url"].is_string(), status == 401);
        let openai = program.post("/v1/chat/completions", &question());
        let body: Value = serde_json::from_slice(&openai.body).unwrap();
        // What passes on to the cloud answers in the native shape on every route.
        let passing = [401, 403].contains(&status);
        assert_eq!(openai.status, status);
        assert_eq!(body["error"]["message"].is_string(), !passing);
        let anthropic = program.post("/v1/messages", &question());
        let body: Value = serde_json::from_slice(&anthropic.body).unwrap();
        assert_eq!((anthropic.status, body["type"] == "error"), (status, !passing));
        assert_eq!(program.get("/api/tags").status, 200);
    }
}

#[test]
fn a_fault_is_for_its_route_its_model_and_its_turn() {
    let then = json!({"raw": {"status": 418, "content_type": "text/plain", "body": "tea"}});
    let program = with(&json!({"route": "/api/tags", "skip": 1, "times": 1, "then": then}));
    let statuses: Vec<u16> = (0..3).map(|_| program.get("/api/tags").status).collect();
    assert_eq!(statuses, [200, 418, 200]);

    let then = json!({"refuse": {"status": 500, "message": "no"}});
    let program = with(&json!({"model": "other", "then": then}));
    assert_eq!(program.post("/api/chat", &question()).status, 200);
    let other = json!({"model": "other", "prompt": "hi"});
    assert_eq!(program.post("/api/generate", &other).status, 500);
}

#[test]
fn an_error_in_the_middle_is_a_line_here_and_silence_there() {
    let program = with(&json!({"then": {"error_after": {"lines": 2, "message": "it broke"}}}));
    let native = lines(&program.post("/api/chat", &question()));
    assert_eq!(native.len(), 3);
    assert_eq!(native[2], json!({"error": "it broke"}));

    let streamed = question_with(&json!({"stream": true, "max_tokens": 50, "input": "hi"}));
    let chat = events(&program.post("/v1/chat/completions", &streamed));
    assert_eq!(chat.len(), 3);
    assert_eq!(chat[2]["choices"][0]["delta"], json!({"content": ""}));
    assert_eq!(chat[2]["model"], "");
    let messages = program.post("/v1/messages", &streamed).text();
    assert!(messages.contains("content_block_delta") && !messages.contains("message_stop"));
    let responses = program.post("/v1/responses", &streamed).text();
    assert!(responses.contains("output_text.delta") && !responses.contains("completed\n"));

    let whole = program.post("/api/chat", &question_with(&json!({"stream": false})));
    assert_eq!((whole.status, whole.text()), (500, r#"{"error":"it broke"}"#.to_owned()));
}

#[test]
fn a_stream_can_break_off_and_can_end_too_early() {
    let program = with(&json!({"then": {"cut_after": {"lines": 2}}}));
    let text = read_on(&mut program.open("/api/chat", &question()));
    assert_eq!(text.matches("\"done\":false").count(), 2);
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");

    let program = with(&json!({"then": {"end_after": {"lines": 2}}}));
    let answer = program.post("/api/chat", &question());
    assert_eq!(lines(&answer).len(), 2);
    assert!(!answer.text().contains("\"done\":true"));
}

#[test]
fn a_connection_can_be_closed_or_left_hanging() {
    let program = with(&json!({"then": "close"}));
    assert_eq!(read_on(&mut program.open("/api/chat", &question())), "");
    for then in [json!("hang"), json!({"hang_after": {"lines": 0}})] {
        let program = with(&json!({ "then": then }));
        let mut stream = program.open("/api/chat", &question());
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(stream.read(&mut [0; 16]).is_err());
    }
}

#[test]
fn the_process_can_end_in_the_middle_of_a_stream() {
    let then = json!({"crash_after": {"lines": 1, "code": 134, "stderr": "SIGABRT: abort"}});
    let mut program = with(&json!({ "then": then }));
    let text = read_on(&mut program.open("/api/chat", &question()));
    assert_eq!(text.matches("\"done\":false").count(), 1);
    assert_eq!(program.wait().code(), Some(134));
    assert!(program.stderr().ends_with("SIGABRT: abort\n"));
}

#[test]
fn the_record_tells_when_a_client_went_away() {
    let script = json!({"models": [{"name": "tiny"}], "delays": {"first_token_ms": 10_000}});
    let program = Program::start(&script);
    let stream = program.open("/api/chat", &question());
    eventually("the request", || {
        program.record("request").iter().any(|one| one["path"] == "/api/chat")
    });
    let asked = program.record("request").pop().unwrap();
    assert_eq!(asked["body"], question());
    assert_eq!(asked["headers"]["host"], "localhost");
    let since = Instant::now();
    drop(stream);
    let gone = |one: &Value| one["n"] == asked["n"] && one["client_gone"] == true;
    eventually("the end", || program.record("end").iter().any(gone));
    assert!(since.elapsed() < Duration::from_secs(1));

    let script = json!({"models": [{"name": "tiny"}], "delays": {"token_ms": 20},
        "reply": {"lines": 10_000}});
    let program = Program::start(&script);
    let mut stream = program.open("/api/chat", &question());
    stream.read_exact(&mut [0; 600]).unwrap();
    drop(stream);
    let gone = |one: &Value| one["client_gone"] == true && one["chunks"].as_u64() >= Some(1);
    eventually("the end of the stream", || program.record("end").iter().any(gone));
}

#[test]
fn a_client_that_does_not_read_holds_the_stream_up() {
    let script = json!({"models": [{"name": "tiny"}], "reply": {"lines": 2_000_000}});
    let program = Program::start(&script);
    let stream = program.open("/api/chat", &question());
    std::thread::sleep(Duration::from_millis(1500));
    drop(stream);
    let mut ends = Vec::new();
    eventually("the end", || {
        ends = program.record("end");
        ends.iter().any(|end| end["client_gone"] == true)
    });
    let end = ends.iter().find(|end| end["client_gone"] == true).unwrap();
    let sent = end["sent_bytes"].as_u64().unwrap();
    assert!((1000..40_000_000).contains(&sent), "{sent} bytes were taken");
}

#[test]
fn a_request_beyond_the_queue_is_refused() {
    let script = json!({"models": [{"name": "tiny"}], "delays": {"first_token_ms": 700}});
    let program = Program::start_with(&script, &[("OLLAMA_MAX_QUEUE", "0")]);
    let first = program.open("/api/chat", &question());
    eventually("the load", || program.record("load").len() == 1);
    let second = program.open("/api/chat", &question());
    eventually("the second", || program.record("request").len() >= 3);
    std::thread::sleep(Duration::from_millis(100));
    let third =
        http::send(program.port, "POST", "/api/chat", &[], question().to_string().as_bytes());
    let third = third.unwrap();
    assert_eq!(third.status, 503);
    assert!(third.text().contains("maximum pending requests exceeded"));
    drop((first, second));
}
