//! The official TypeScript and Python clients, each driven line by line: a step goes in as JSON, what
//! came of it comes out as JSON.
#![expect(clippy::disallowed_methods, reason = "the tests start the clients they drive")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::engine::TestEngine;
use crate::files;

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Official {
    /// `@modelcontextprotocol/sdk`, run by Node.
    TypeScript,
    /// `mcp` from PyPI.
    Python,
}

/// A running client with one open session.
pub struct OfficialClient {
    process: Child,
    steps: ChildStdin,
    answers: Receiver<String>,
    name: &'static str,
}

/// Where the clients and the real servers are installed.
#[must_use]
pub fn clients_folder() -> PathBuf {
    files::repository().join("tests/clients")
}

/// A program of the tests' Python environment.
#[must_use]
pub fn python(program: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    files::repository().join("tests/.venv").join(folder).join(program)
}

impl OfficialClient {
    /// Starts the client and opens a session at `path`.
    ///
    /// # Panics
    /// When the client is not installed or does not come to speak with the gateway.
    #[must_use]
    pub fn open(which: Official, engine: &TestEngine, path: &str) -> Self {
        let (name, mut command) = match which {
            Official::TypeScript => {
                let mut command = Command::new("node");
                command.arg(clients_folder().join("typescript/client.mjs"));
                ("the TypeScript client", command)
            }
            Official::Python => {
                let mut command = Command::new(python("python"));
                command.arg("-u").arg(clients_folder().join("python/client.py"));
                ("the Python client", command)
            }
        };
        let url = format!("http://127.0.0.1:{}{path}", engine.port);
        let mut process = command
            .env("GATEWAY_URL", url)
            .env("GATEWAY_TOKEN", &engine.token)
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} cannot be started ({error}); `cargo xtask setup` installs it")
            });
        let steps = process.stdin.take().unwrap_or_else(|| panic!("stdin is a pipe"));
        let stdout = process.stdout.take().unwrap_or_else(|| panic!("stdout is a pipe"));
        let (say, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        let mut client = Self { process, steps, answers, name };
        client.step(serde_json::json!({"do": "open"}));
        client
    }

    /// Does one step and gives what came of it.
    ///
    /// # Panics
    /// When nothing comes within a minute.
    pub fn step(&mut self, step: Value) -> Value {
        writeln!(self.steps, "{step}")
            .and_then(|()| self.steps.flush())
            .unwrap_or_else(|error| panic!("{} does not listen to {step}: {error}", self.name));
        let line = self
            .answers
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|error| panic!("{} says nothing to {step}: {error}", self.name));
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{} says {line:?}: {error}", self.name));
        assert!(answer.get("trouble").is_none(), "{} at {step}: {answer}", self.name);
        answer
    }
}

impl Drop for OfficialClient {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
