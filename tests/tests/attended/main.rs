//! The engine as the desktop runs it, with a person who answers, looks and pauses. The person is
//! played through the commands of the windows; apps speak to the gateway over HTTP.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where it fails, and lets apps call in the background"
)]

mod activity;
mod misuse;
mod models;
mod ollama;
mod pauses;
mod questions;
mod secrets;
mod seen;

use std::path::PathBuf;
use std::sync::Arc;

use drawbridge_core::paths::Paths;
use drawbridge_core::view::{QuestionAnswer, QuestionView, ServerView};
use drawbridge_core::{Attendance, Engine, EngineSettings};
use drawbridge_model::ServerName;
use drawbridge_secrets::{InMemory, TokenDigest};
use drawbridge_tests::programs::program;
use drawbridge_tests::{McpClient, eventually, files, wait::SOON};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const TOKEN: &str = "db_of-the-tester";
const OTHER_TOKEN: &str = "db_of-the-other";

fn named(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

/// A server as it is shown.
fn view_of(engine: &Engine, name: &str) -> Option<ServerView> {
    engine.current_snapshot().servers.iter().find(|server| server.name.as_str() == name).cloned()
}

/// Waits until a server lists its tools.
async fn until_it_answers(engine: &Engine, name: &str) {
    eventually("the server answers", SOON, async || {
        (!view_of(engine, name)?.tools.is_empty()).then_some(())
    })
    .await;
}

/// The person looks at how a server is started, and agrees.
async fn agree_to_start(engine: &Engine, name: &str) {
    let server = named(name);
    eventually("the server waits", SOON, async || view_of(engine, name)?.start_waits.then_some(()))
        .await;
    let review = engine.start_review(server.clone()).await.unwrap();
    engine.agree_to_start(server, review.fingerprint).await.unwrap();
}

/// A computer with Drawbridge on it.
struct Computer {
    folder: TempDir,
    engine: Engine,
    secrets: Arc<InMemory>,
}

impl Computer {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ours = json!({"preset": "allow", "tools": {"echo": "ask"}});
        let server = Self::server(&folder, "log", json!(["answers"]), ours);
        Self::with(folder, &json!({"answers": server})).await
    }

    /// One with servers that list and answer what they are told, as the file of each says. The
    /// person has agreed to their starts.
    async fn telling(servers: &[(&str, Value, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut all = serde_json::Map::new();
        for (name, told, ours) in servers {
            files::write(&Self::told_file(&folder, name), &told.to_string());
            let arguments = json!(["tells", Self::told_file(&folder, name)]);
            let log = format!("log-{name}");
            all.insert((*name).to_owned(), Self::server(&folder, &log, arguments, ours.clone()));
        }
        Self::with(folder, &Value::Object(all)).await
    }

    fn server(folder: &TempDir, log: &str, arguments: Value, ours: Value) -> Value {
        json!({
            "command": program("test-server").display().to_string(), "args": arguments,
            "env": {"TEST_SERVER_LOG": folder.path().join(log)}, "drawbridge": ours})
    }

    async fn with(folder: TempDir, servers: &Value) -> Self {
        let config = json!({
            "mcpServers": servers,
            // Whoever runs the tests may have an Ollama of their own.
            "ollama": {"enabled": false},
            "clients": {
                "tester": {"tokenSha256": TokenDigest::of(TOKEN).to_string()},
                "other": {"tokenSha256": TokenDigest::of(OTHER_TOKEN).to_string()},
            },
        });
        files::write(&Self::paths(&folder).config_file, &config.to_string());
        let secrets = Arc::new(InMemory::default());
        let engine = Self::open(&folder, &secrets).await;
        for name in servers.as_object().unwrap().keys() {
            agree_to_start(&engine, name).await;
            until_it_answers(&engine, name).await;
        }
        Self { folder, engine, secrets }
    }

    fn told_file(folder: &TempDir, server: &str) -> PathBuf {
        folder.path().join(format!("told-{server}.json"))
    }

    /// Has a server list and answer something else.
    fn tell(&self, server: &str, told: &Value) {
        files::write(&Self::told_file(&self.folder, server), &told.to_string());
    }

    /// How many calls the log of such a server shows.
    fn calls_of(&self, server: &str) -> usize {
        let log = self.folder.path().join(format!("log-{server}"));
        files::read(&log).matches("\"tools/call\"").count()
    }

    fn paths(folder: &TempDir) -> Paths {
        Paths {
            config_file: folder.path().join("config.json"),
            data_dir: folder.path().join("data"),
        }
    }

    /// Drawbridge as it starts, whatever its servers do.
    async fn open(folder: &TempDir, secrets: &Arc<InMemory>) -> Engine {
        let secrets = Arc::clone(secrets);
        let settings = EngineSettings::new(Self::paths(folder), Attendance::Attended, secrets)
            .with_port(Some(0))
            .with_guardian(program("drawbridge-guardian"));
        Engine::start(settings).await.unwrap()
    }

    /// Ends it and starts it again, and waits until one of its servers answers.
    async fn restart(&mut self, name: &str) {
        self.engine.shut_down().await;
        self.engine = Self::open(&self.folder, &self.secrets).await;
        until_it_answers(&self.engine, name).await;
    }

    async fn app(&self) -> Arc<McpClient> {
        self.app_with(TOKEN).await
    }

    async fn app_with(&self, token: &str) -> Arc<McpClient> {
        Arc::new(McpClient::open_on_with(self.port(), token).await)
    }

    fn port(&self) -> u16 {
        self.engine.current_snapshot().gateway.port
    }

    /// What waits, once something does.
    async fn question(&self) -> QuestionView {
        eventually("a question waits", SOON, async || {
            self.engine.current_snapshot().questions.first().cloned()
        })
        .await
    }

    async fn answer(&self, answer: QuestionAnswer) {
        let question = self.question().await;
        self.engine.answer_questions(vec![question.id], answer).await.unwrap();
    }

    /// How many calls the server's own log shows.
    fn calls(&self) -> usize {
        files::read(&self.folder.path().join("log")).matches("\"tools/call\"").count()
    }
}

fn call(app: &Arc<McpClient>, text: &str) -> JoinHandle<Value> {
    let (app, arguments) = (Arc::clone(app), json!({"text": text, "lines": [1, 2]}));
    tokio::spawn(async move { app.call("answers__echo", arguments).await })
}

fn said(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}
