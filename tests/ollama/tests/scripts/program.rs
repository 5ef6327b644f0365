//! The program, started with a script.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{self, Answer};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs; dropped, it is killed.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) port: u16,
    folder: PathBuf,
    _own: Option<TempDir>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "not in time: {what}");
        sleep(Duration::from_millis(10));
    }
}

impl Program {
    /// Starts it and waits until it answers.
    pub(crate) fn start(script: &Value) -> Program {
        let program = Program::begin(script, &[]);
        program.wait_until_it_answers();
        program
    }

    pub(crate) fn start_with(script: &Value, variables: &[(&str, &str)]) -> Program {
        let program = Program::begin(script, variables);
        program.wait_until_it_answers();
        program
    }

    /// Starts it and waits for nothing.
    pub(crate) fn begin(script: &Value, variables: &[(&str, &str)]) -> Program {
        let own = tempfile::tempdir().unwrap();
        let mut program = Program::begin_in(own.path().to_owned(), script, variables);
        program._own = Some(own);
        program
    }

    #[expect(clippy::disallowed_methods, reason = "the tests start the program they look at")]
    pub(crate) fn begin_in(folder: PathBuf, script: &Value, variables: &[(&str, &str)]) -> Program {
        let port = free_port();
        let file = std::fs::File::create(folder.join("script.json")).unwrap();
        serde_json::to_writer(file, script).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_scripted-ollama"))
            .arg("serve")
            .env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
            .env("OLLAMA_MODELS", folder.join("models"))
            .env("SCRIPTED_OLLAMA", folder.join("script.json"))
            .env("SCRIPTED_OLLAMA_LOG", folder.join("record"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Program { child, port, folder, _own: None }
    }

    pub(crate) fn wait_until_it_answers(&self) {
        eventually("an answer", || http::send(self.port, "GET", "/", &[], b"").is_ok());
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http::send(self.port, "GET", path, &[], b"").unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        http::send(self.port, "POST", path, &[], body.to_string().as_bytes()).unwrap()
    }

    /// Sends a request and leaves the answer to be read.
    pub(crate) fn open(&self, path: &str, body: &Value) -> TcpStream {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    /// The record so far, one event of it.
    pub(crate) fn record(&self, event: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join("record")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event).collect()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests send signals to what they started")]
pub(crate) fn send_signal(id: u32, signal: &str) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{signal}")).arg(id.to_string()).stderr(Stdio::null());
    kill.status().unwrap().success()
}

/// Whether a process runs; one that has ended and waits for its parent does not.
pub(crate) fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// The lines of an answer, each an object.
pub(crate) fn lines(answer: &Answer) -> Vec<Value> {
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The data of an answer in events, `[DONE]` as text.
pub(crate) fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

/// Everything until the stream ends, whichever way.
pub(crate) fn read_on(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut all = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

/// A question for `tiny`.
pub(crate) fn question() -> Value {
    json!({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})
}

/// The same with more in it.
pub(crate) fn question_with(more: &Value) -> Value {
    let mut question = question();
    for (key, value) in more.as_object().unwrap() {
        question[key] = value.clone();
    }
    question
}
