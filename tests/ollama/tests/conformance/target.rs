//! A server to look at: the scripted one, or a real one.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http;

/// How long a server may take to start and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program to start.
pub(crate) struct Target {
    program: PathBuf,
    folder: TempDir,
}

/// A server that runs; dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    log: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Target {
    pub(crate) fn scripted() -> Target {
        let target = Target::real(env!("CARGO_BIN_EXE_scripted-ollama").into());
        // No models, no network: as the real one is started.
        let script = std::fs::File::create(target.folder.path().join("script.json")).unwrap();
        let call = json!({"name": "f", "arguments": {"city": "Bern"}});
        let turn = json!({"thinking": "let me look", "tool_calls": [[call]]});
        let said = json!({"cloud": {"online": false}, "engine": "native", "turns": [turn]});
        serde_json::to_writer(script, &said).unwrap();
        target
    }

    pub(crate) fn real(program: PathBuf) -> Target {
        Target { program, folder: tempfile::tempdir().unwrap() }
    }

    #[expect(clippy::disallowed_methods, reason = "the tests start the programs they look at")]
    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("OLLAMA_HOST", format!("127.0.0.1:{port}"))
            .env("OLLAMA_MODELS", self.folder.path().join("models"))
            // Nobody listens there, so that nothing leaves the machine.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let script = self.folder.path().join("script.json");
        if script.exists() {
            command.env("SCRIPTED_OLLAMA", script);
        }
        command
    }

    /// Starts a server and waits until it answers.
    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        let port = free_port();
        let log = self.folder.path().join(format!("stderr-{port}"));
        let stderr = std::fs::File::create(&log).unwrap();
        let mut command = self.command(port);
        command.arg("serve").envs(variables.iter().copied());
        let child = command.stderr(stderr).spawn().unwrap();
        let running = Running { child, port, log };
        let since = Instant::now();
        while http::send(port, "GET", "/api/version", &[], b"").is_err() {
            assert!(since.elapsed() < PATIENCE, "{} does not answer", self.program.display());
            sleep(Duration::from_millis(20));
        }
        running
    }

    /// Starts a second server on a port that is taken.
    pub(crate) fn start_again(&self, port: u16) -> Value {
        let output = self.command(port).arg("serve").output().unwrap();
        ended(&output, &[(port.to_string().as_str(), "PORT")])
    }

    /// Starts a server whose models folder is a file.
    pub(crate) fn start_without_folder(&self) -> Value {
        let file = self.folder.path().join("file");
        std::fs::File::create(&file).unwrap();
        let mut command = self.command(free_port());
        let output = command.arg("serve").env("OLLAMA_MODELS", &file).output().unwrap();
        ended(&output, &[(file.to_str().unwrap(), "FOLDER"), ("FOLDER/blobs", "FOLDER")])
    }

    /// What it says of its version.
    pub(crate) fn version(&self, port: u16) -> Value {
        let output = self.command(port).arg("--version").stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let without_number = |line: &str| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if words.last().is_some_and(|word| word.contains('.')) {
                words.pop();
            }
            words.join(" ")
        };
        let lines: Vec<String> = text.lines().map(without_number).collect();
        json!({"code": output.status.code(), "stdout": lines})
    }
}

/// How a process ended, and its last line on stderr.
fn ended(output: &Output, replaced: &[(&str, &str)]) -> Value {
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    for (from, to) in replaced {
        text = text.replace(from, to);
    }
    json!({"code": output.status.code(), "last line": text.lines().last()})
}

impl Running {
    /// The messages of its log until it is ready, those that tell of a network that is not there
    /// left out, and what stands beside them.
    pub(crate) fn log_at_start(&self) -> Vec<Value> {
        let known = [
            "server config",
            "Ollama cloud disabled",
            "total blobs",
            "total unused blobs removed",
            "Listening on",
            "discovering available GPUs",
            "inference compute",
            "vram-based default context",
        ];
        let text = std::fs::read_to_string(&self.log).unwrap();
        let mut lines = Vec::new();
        for line in text.lines() {
            let Some((_, message)) = line.split_once(" msg=") else { continue };
            let message = message.trim_start_matches('"');
            let Some(known) = known.iter().find(|known| message.starts_with(**known)) else {
                continue;
            };
            let level = line.split(' ').find_map(|word| word.strip_prefix("level="));
            let mut keys = Vec::new();
            if *known != "server config" {
                for word in line.split(' ') {
                    let key = word.split_once('=').map(|(key, _)| key);
                    keys.extend(
                        key.filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')),
                    );
                }
            }
            lines.push(json!({"level": level, "message": known, "keys": keys}));
        }
        lines
    }

    /// Ends it by a signal.
    #[expect(clippy::disallowed_methods, reason = "the tests end the programs they look at")]
    pub(crate) fn end(mut self, signal: &str) -> Value {
        let id = self.child.id().to_string();
        Command::new("kill").arg(format!("-{signal}")).arg(id).status().unwrap();
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return json!({"code": status.code()});
            }
            assert!(since.elapsed() < PATIENCE, "it does not end by SIG{signal}");
            sleep(Duration::from_millis(20));
        }
    }
}
