//! An Ollama that does what a script says, as a program an engine starts, and as one that runs
//! already.
#![expect(clippy::disallowed_methods, reason = "the tests start the programs they look at")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::MARKER;
use crate::files;
use crate::processes::{self, Process};
use crate::programs::program;
use crate::wait::{SOON, eventually};

/// A folder with a program named `ollama`, its script, its models and what it was asked.
pub struct Ollama {
    folder: TempDir,
    /// The port it listens on.
    pub port: u16,
    process: Option<Child>,
}

impl Ollama {
    /// One that does as the script says, on a free port. It does not run yet.
    ///
    /// # Panics
    /// When there is no room for a folder, or no free port.
    #[must_use]
    pub fn new(script: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a folder: {error}"));
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .unwrap_or_else(|error| panic!("a free port: {error}"))
            .port();
        let ollama = Self { folder, port, process: None };
        ollama.tell(script);
        // What an engine starts gets a short environment, so the program brings its own.
        let text = format!(
            "#!/bin/sh\n{MARKER}='{}' SCRIPTED_OLLAMA='{}' SCRIPTED_OLLAMA_LOG='{}' exec '{}' \"$@\"\n",
            ollama.folder().display(),
            ollama.script().display(),
            ollama.record().display(),
            program("scripted-ollama").display()
        );
        files::write(&ollama.program(), &text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let rights = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(ollama.program(), rights)
                .unwrap_or_else(|error| panic!("make it a program: {error}"));
        }
        ollama
    }

    /// Has it do something else from its next start on.
    pub fn tell(&self, script: &Value) {
        files::write(&self.script(), &script.to_string());
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder.path().join("ollama")
    }

    /// Where it keeps its models.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("script.json")
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("requests")
    }

    /// The section `ollama` for an engine that uses it, and starts it if `start`.
    #[must_use]
    pub fn section(&self, start: bool) -> Value {
        json!({
            "port": self.port, "start": start, "path": self.program(),
            "modelsFolder": self.models(),
        })
    }

    /// Starts it, as somebody else would, and waits until it has its port.
    pub async fn start(&mut self) {
        self.start_for(1).await;
    }

    /// The same with so many requests answered at once.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start_for(&mut self, parallel: u32) {
        let process = Command::new(self.program())
            .arg("serve")
            .env("OLLAMA_HOST", format!("127.0.0.1:{}", self.port))
            .env("OLLAMA_MODELS", self.models())
            .env("OLLAMA_NUM_PARALLEL", parallel.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap_or_else(|error| panic!("start it: {error}")));
        let port = self.port;
        eventually("it listens", SOON, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
        })
        .await;
    }

    /// Starts it and waits until it answers.
    pub async fn started(script: &Value) -> Self {
        Self::started_for(script, 1).await
    }

    /// The same with so many requests answered at once.
    pub async fn started_for(script: &Value, parallel: u32) -> Self {
        let mut ollama = Self::new(script);
        ollama.start_for(parallel).await;
        let url = format!("http://127.0.0.1:{}/api/version", ollama.port);
        eventually("it answers", SOON, async || {
            let answer = crate::client::http().get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        // What was asked until here is of no interest.
        files::write(&ollama.record(), "");
        ollama
    }

    /// Ends it, as whoever started it would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) {
        assert!(self.process.is_some(), "it runs");
        self.end();
    }

    fn end(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // What it started outlives a hard end of it, as with the real one.
        let all = self.processes();
        let _ = process.kill();
        let _ = process.wait();
        #[cfg(unix)]
        for left in all.into_iter().filter(Process::runs) {
            processes::signal(left.pid, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        drop(all);
    }

    /// Whether the one started by [`Ollama::start`] still runs.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// What it was asked and how that went, in order: see the scripted Ollama's record.
    #[must_use]
    pub fn seen(&self) -> Vec<Value> {
        files::read(&self.record())
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The requests it got for a path, with what is known of each.
    #[must_use]
    pub fn asked(&self, path: &str) -> Vec<Value> {
        self.seen()
            .into_iter()
            .filter(|line| line["event"] == "request" && line["path"] == path)
            .collect()
    }

    /// Its processes, whoever started them.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        processes::marked_with(self.folder())
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Ollama {
    fn drop(&mut self) {
        self.end();
    }
}

/// A model for a script.
#[must_use]
pub fn model(name: &str) -> Value {
    json!({"name": name, "size": 4_000_000})
}

/// A script of models.
#[must_use]
pub fn with_models(names: &[&str]) -> Value {
    json!({"models": names.iter().map(|name| model(name)).collect::<Vec<_>>()})
}

/// How long something that is looked at every five seconds may take to show.
pub const NEXT_LOOK: Duration = Duration::from_secs(30);
