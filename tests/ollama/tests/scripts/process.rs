//! Starts and ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http;
use crate::program::{Program, eventually, question, runs, send_signal};

#[test]
fn it_is_bound_before_it_answers() {
    let program = Program::begin(&json!({"delays": {"starting_ms": 600}}), &[]);
    eventually("a connection", || TcpStream::connect(("127.0.0.1", program.port)).is_ok());
    let mut stream = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 16];
    assert!(stream.read(&mut buffer).is_err(), "it answers before it is ready");
    assert!(!program.stderr().contains("default_num_ctx"));
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(stream.read(&mut buffer).unwrap() > 0);
    assert!(program.stderr().contains("default_num_ctx=4096"));
}

#[test]
fn devices_stand_in_the_log_and_decide_the_context() {
    let script = json!({
        "devices": [{}, {"id": "1", "dropped": true}],
        "models": [{"name": "tiny", "size": 100, "context_length": 0}],
        "log_lines": ["a line of its own"],
    });
    let program = Program::start(&script);
    let log = program.stderr();
    assert!(log.contains("msg=\"inference compute\" id=GPU-00000000-0000-0000-0000-000000000001"));
    assert!(log.contains("type=discrete total=\"24.0 GiB\""), "{log}");
    assert!(log.contains("dropping integrated GPU"));
    assert!(log.contains("total_vram=\"24.0 GiB\" default_num_ctx=32768"));
    assert!(log.ends_with("a line of its own\n"));
    program.post("/api/generate", &json!({"model": "tiny"}));
    let ps = program.get("/api/ps").text();
    assert!(ps.contains("\"context_length\":32768") && ps.contains("\"size_vram\":100"), "{ps}");
}

#[test]
fn it_crashes_when_the_script_says() {
    let script = json!({"crash": {"after_ms": 100, "code": 7, "stderr": "panic: no reason"}});
    let mut program = Program::begin(&script, &[]);
    assert_eq!(program.wait().code(), Some(7));
    assert!(program.stderr().ends_with("panic: no reason\n"));

    let script = json!({"crash": {"at_request": 3, "code": 2}});
    let mut program = Program::start(&script);
    program.get("/api/version");
    assert!(http::send(program.port, "GET", "/api/version", &[], b"").unwrap().status == 0);
    assert_eq!(program.wait().code(), Some(2));
}

#[test]
fn it_ends_at_the_start_when_the_script_says() {
    let mut program = Program::begin(&json!({"exit_at_start": {}}), &[]);
    assert_eq!(program.wait().code(), Some(1));
    assert!(program.stderr().contains("Error: mkdir /usr/share/ollama: permission denied"));
}

#[test]
fn it_does_not_hear_sigterm_when_the_script_says() {
    let program = Program::start(&json!({"ignore_sigterm": true}));
    program.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(runs(program.child.id()));
    assert_eq!(program.get("/").status, 200);
}

#[test]
fn its_end_takes_as_long_as_the_script_says() {
    let mut program = Program::start(&json!({"stop_ms": 400}));
    let since = Instant::now();
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
    assert!(since.elapsed() >= Duration::from_millis(400));
}

#[test]
fn it_hangs_when_the_script_says() {
    let program = Program::start(&json!({"hang_at_request": 3}));
    program.get("/");
    let mut stream = program.open("/api/chat", &question());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(stream.read(&mut [0; 16]).is_err());
    assert!(TcpStream::connect(("127.0.0.1", program.port)).is_ok());
}

#[test]
fn children_go_with_a_clean_end_and_stay_after_a_hard_one() {
    let script = json!({"models": [{"name": "tiny"}], "runner": "on_load"});
    for (signal, stays) in [("TERM", false), ("KILL", true)] {
        let mut program = Program::start(&script);
        program.post("/api/chat", &question());
        let child = program.record("runner")[0]["pid"].as_u64().unwrap() as u32;
        assert!(runs(child));
        program.signal(signal);
        program.wait();
        eventually("what becomes of the child", || runs(child) == stays);
        if stays {
            send_signal(child, "KILL");
        }
    }
}

#[test]
fn a_child_goes_when_its_model_does() {
    let script = json!({"models": [{"name": "tiny"}], "runner": "on_load"});
    let program = Program::start_with(&script, &[("OLLAMA_KEEP_ALIVE", "100ms")]);
    program.post("/api/chat", &question());
    let child = program.record("runner")[0]["pid"].as_u64().unwrap() as u32;
    eventually("the end of the child", || !runs(child));
    assert_eq!(program.record("unload").len(), 1);
}

#[test]
fn it_can_be_another_program() {
    let program = Program::start(&json!({"foreign": true}));
    let root = program.get("/");
    assert_eq!(root.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let version = program.get("/api/version");
    assert_eq!(version.status, 404);
    assert!(!version.text().contains("version"));
}

#[test]
fn it_can_be_an_old_version() {
    let script = json!({"version": "0.1.14", "missing_routes": ["/v1/responses", "/api/ps"]});
    let program = Program::start(&script);
    assert_eq!(program.get("/api/version").text(), r#"{"version":"0.1.14"}"#);
    assert_eq!(program.get("/api/ps").text(), "404 page not found");
}

#[test]
fn a_slip_in_a_script_is_refused() {
    let mut program = Program::begin(&json!({"verison": "1"}), &[]);
    assert_eq!(program.wait().code(), Some(1));
    assert!(program.stderr().contains("unknown field `verison`"));
}
