//! Servers that do not behave.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use serde_json::json;

use crate::wire::{say, serve, tool};

/// Reads everything and says nothing.
pub(crate) fn never_answers() {
    say("never-answers: reading");
    for _ in std::io::stdin().lock().lines() {}
}

/// Says why on stderr and ends.
pub(crate) fn exits_at_once() {
    say("exits-at-once: the key file /nowhere/key was not found");
    std::process::exit(3);
}

/// Answers each line with something that is not JSON-RPC.
pub(crate) fn prints_rubbish() {
    for _ in std::io::stdin().lock().lines() {
        let mut out = std::io::stdout().lock();
        let _ =
            out.write_all(b"Welcome to the server!\n{\"not\": \"json-rpc\"}\n\x00\xff\xfe\n[1,2\n");
        let _ = out.flush();
    }
}

/// Answers as it should, with lines of another kind in between.
pub(crate) fn prints_rubbish_between() {
    serve(json!({"tools": {}}), |wire, request| {
        wire.send_text("DEBUG: got a request");
        match request.method.as_str() {
            "tools/list" => wire.result(&request.id, json!({"tools": [tool("echo", "Answers.")]})),
            "tools/call" => {
                wire.send_text("");
                wire.text(&request.id, "in spite of it all");
            }
            _ => wire.error(&request.id, -32601, "unknown method"),
        }
    });
}

/// Answers as it should, and writes to stderr without an end.
pub(crate) fn floods_stderr() {
    std::thread::spawn(|| {
        let line = format!("floods-stderr: {}\n", "x".repeat(1000));
        let mut out = std::io::stderr().lock();
        while out.write_all(line.as_bytes()).is_ok() {}
    });
    serve(json!({"tools": {}}), |wire, request| match request.method.as_str() {
        "tools/list" => wire.result(&request.id, json!({"tools": [tool("echo", "Answers.")]})),
        "tools/call" => wire.text(&request.id, "above the noise"),
        _ => wire.error(&request.id, -32601, "unknown method"),
    });
}

/// Answers, and stays when its input ends and when it is asked to end.
pub(crate) fn ignores_sigterm() {
    #[cfg(unix)]
    std::thread::spawn(|| {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let (Ok(mut term), Ok(mut int), Ok(mut hup)) = (
                signal(SignalKind::terminate()),
                signal(SignalKind::interrupt()),
                signal(SignalKind::hangup()),
            ) else {
                return;
            };
            loop {
                tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, _ = hup.recv() => {} }
            }
        });
    });
    serve(json!({"tools": {}}), |wire, request| match request.method.as_str() {
        "tools/list" => wire.result(&request.id, json!({"tools": [tool("echo", "Answers.")]})),
        _ => wire.text(&request.id, "still here"),
    });
    loop {
        std::thread::park();
    }
}

/// Answers, and has a child of its own that outlives it if nobody ends it.
#[expect(clippy::disallowed_methods, reason = "this is the test server that starts a process")]
pub(crate) fn forks_a_grandchild() {
    let Ok(own) = std::env::current_exe() else { return };
    let grandchild = std::process::Command::new(own)
        .arg("sleeps")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn();
    if let Err(error) = grandchild {
        say(&format!("forks-a-grandchild: {error}"));
    }
    serve(json!({"tools": {}}), |wire, request| match request.method.as_str() {
        "tools/list" => wire.result(&request.id, json!({"tools": [tool("echo", "Answers.")]})),
        _ => wire.text(&request.id, "here"),
    });
}

/// Sleeps for an hour.
pub(crate) fn sleeps() {
    std::thread::sleep(Duration::from_secs(3600));
}
