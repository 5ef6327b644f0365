//! `drawbridged serve` as a child process in a folder of its own.
#![expect(clippy::disallowed_methods, reason = "the tests start the programs they look at")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::processes::Process;
use crate::wait::{SOON, eventually};
use crate::{files, processes, programs::program};

/// A variable in the environment of every test server; its value is the engine's folder.
pub const MARKER: &str = "DRAWBRIDGE_TEST_FOLDER";

/// How long a server without tools is waited for.
const LISTS_LIMIT: Duration = Duration::from_secs(3);

/// The variable the token of the client `tester` is read from.
const TOKEN_VARIABLE: &str = "DRAWBRIDGE_TEST_TOKEN";

/// An engine to be started: its folder and its configuration.
pub struct Setup {
    folder: TempDir,
    servers: Map<String, Value>,
    gateway: Value,
    policy: Value,
    ollama: Value,
    backends: Value,
    manages_models: bool,
    environment: BTreeMap<String, String>,
    token: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// A configuration with the client `tester` and no servers.
    ///
    /// # Panics
    /// When there is no room for a temporary folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("drawbridge-test-")
            .tempdir()
            .unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        for name in ["home", "data", "logs", "notes"] {
            std::fs::create_dir(folder.path().join(name))
                .unwrap_or_else(|error| panic!("create {name}: {error}"));
        }
        Self {
            folder,
            servers: Map::new(),
            gateway: json!({}),
            policy: json!({}),
            // Whoever runs the tests may have an Ollama of their own.
            ollama: json!({"enabled": false}),
            backends: json!({}),
            manages_models: false,
            environment: BTreeMap::new(),
            token: "db_tests-0123456789abcdefghijklmnopqrstuvwxyzABCD".to_owned(),
        }
    }

    /// The folder of this engine.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a test server that behaves as named. All its tools are allowed.
    #[must_use]
    pub fn server(self, name: &str, behaviour: &str) -> Self {
        self.server_with(name, &[behaviour], json!({"preset": "allow"}))
    }

    /// Adds a test server with arguments and its `drawbridge` section.
    #[must_use]
    pub fn server_with(self, name: &str, arguments: &[&str], ours: Value) -> Self {
        let command = program("test-server").display().to_string();
        let definition = json!({"command": command, "args": arguments, "drawbridge": ours});
        self.define(name, definition)
    }

    /// Adds a server as it would stand in the config file. A stdio server is told where to keep its
    /// log, and marked as belonging to this engine.
    #[must_use]
    pub fn define(mut self, name: &str, mut definition: Value) -> Self {
        if definition.get("command").is_some() {
            let log = self.log_path(name).display().to_string();
            let folder = self.folder.path().display().to_string();
            let notes = self.folder.path().join("notes").display().to_string();
            let environment = &mut definition["env"];
            if environment.is_null() {
                *environment = json!({});
            }
            environment["TEST_SERVER_LOG"] = json!(log);
            environment["TEST_SERVER_NOTES"] = json!(notes);
            environment[MARKER] = json!(folder);
        }
        self.servers.insert(name.to_owned(), definition);
        self
    }

    /// Adds a real server behind a program that writes down each line it is sent.
    #[must_use]
    pub fn real_server(self, name: &str, command: &[&str], cwd: &Path) -> Self {
        let mut arguments = vec!["listens-in".to_owned()];
        arguments.extend(command.iter().map(|&part| part.to_owned()));
        self.define(
            name,
            json!({"command": program("test-server").display().to_string(), "args": arguments,
                "cwd": cwd.display().to_string(), "drawbridge": {"preset": "allow"}}),
        )
    }

    /// Sets the `gateway` section.
    #[must_use]
    pub fn gateway(mut self, gateway: Value) -> Self {
        self.gateway = gateway;
        self
    }

    /// Sets the `policy` section.
    #[must_use]
    pub fn policy(mut self, policy: Value) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the `ollama` section; it is switched off otherwise.
    #[must_use]
    pub fn ollama(mut self, ollama: Value) -> Self {
        self.ollama = ollama;
        self
    }

    /// Sets the `backends` section.
    #[must_use]
    pub fn backends(mut self, backends: Value) -> Self {
        self.backends = backends;
        self
    }

    /// Lets the client `tester` download and delete models.
    #[must_use]
    pub fn managing_models(mut self) -> Self {
        self.manages_models = true;
        self
    }

    /// Adds a variable to the engine's own environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a server that lists and answers what stands in a file of that name; see
    /// [`TestEngine::tell`].
    #[must_use]
    pub fn telling(self, name: &str, told: &Value) -> Self {
        let file = told_file(self.folder.path(), name);
        files::write(&file, &told.to_string());
        let file = file.display().to_string();
        self.server_with(name, &["tells", &file], json!({"preset": "allow"}))
    }

    fn log_path(&self, server: &str) -> PathBuf {
        self.folder.path().join("logs").join(server)
    }

    /// The configuration as it would be written.
    #[must_use]
    pub fn config(&self) -> Value {
        json!({
            "mcpServers": self.servers,
            "clients": {"tester": {
                "token": format!("${{env:{TOKEN_VARIABLE}}}"), "tokenInPath": true,
                "manageModels": self.manages_models}},
            "ollama": self.ollama,
            "backends": self.backends,
            "gateway": self.gateway,
            "policy": self.policy,
        })
    }

    /// Starts the engine and waits until it listens.
    ///
    /// # Panics
    /// When it does not come to listen.
    pub fn start(self) -> TestEngine {
        self.prepare(0).started()
    }

    /// Writes the configuration for an engine that somebody else starts: the tray app.
    pub fn prepare(self, port: u16) -> TestEngine {
        let engine = TestEngine {
            config: self.config(),
            token: self.token,
            folder: self.folder,
            environment: self.environment,
            process: None,
            port,
        };
        files::write(&engine.config_path(), &pretty(&engine.config));
        engine
    }

    /// Starts the engine and waits until every server of the configuration answers.
    ///
    /// # Panics
    /// When one does not.
    pub async fn start_ready(self) -> TestEngine {
        let names: Vec<String> = self.servers.keys().cloned().collect();
        let engine = self.start();
        for name in names {
            engine.until_ready(&name).await;
        }
        engine
    }
}

/// A running engine. Dropping it kills the process; the folder goes with it.
pub struct TestEngine {
    /// The configuration last written through this handle.
    pub config: Value,
    /// The token of the client `tester`.
    pub token: String,
    /// The port it listens on.
    pub port: u16,
    folder: TempDir,
    environment: BTreeMap<String, String>,
    process: Option<Child>,
}

impl TestEngine {
    /// `drawbridged` with the environment of this test: nothing of the person who runs it.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("drawbridged"));
        command
            .args(arguments)
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_CONFIG_HOME", self.folder.path().join("home/.config"))
            .env("XDG_DATA_HOME", self.folder.path().join("home/.local/share"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("home"))
            .env("SHELL", "/bin/sh")
            .env(TOKEN_VARIABLE, &self.token)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .envs(&self.environment)
            .current_dir(self.folder.path());
        command
    }

    /// A program of the desktop session this test runs in, with this engine's home and token.
    #[must_use]
    pub fn desktop_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_CONFIG_HOME", self.folder.path().join("home/.config"))
            .env("XDG_DATA_HOME", self.folder.path().join("home/.local/share"))
            .env("XDG_CACHE_HOME", self.folder.path().join("home/.cache"))
            .env(TOKEN_VARIABLE, &self.token)
            .envs(&self.environment)
            .current_dir(self.folder.path());
        command
    }

    /// `--config` and `--data-dir` of this engine.
    #[must_use]
    pub fn places(&self) -> [String; 4] {
        [
            "--config".to_owned(),
            self.config_path().display().to_string(),
            "--data-dir".to_owned(),
            self.data_dir().display().to_string(),
        ]
    }

    fn started(mut self) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap_or_else(|error| panic!("the engine's log: {error}"));
        // A restart comes back on the port it had, as it does for a person.
        let port = self.port.to_string();
        let places = self.places();
        let mut arguments = vec!["serve", "--port", &port];
        arguments.extend(places.iter().map(String::as_str));
        let mut process = self
            .command(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("start the engine: {error}"));
        let stdout = process.stdout.take().unwrap_or_else(|| panic!("its output is a pipe"));
        self.process = Some(process);
        let (say, hear) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads on to the end, so that the engine never writes into a closed pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        let line = hear.recv_timeout(SOON).unwrap_or_else(|_| {
            panic!("the engine does not say that it listens; it says: {}", self.log())
        });
        self.port = line
            .strip_prefix("listening on http://127.0.0.1:")
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("the line a script waits for, not {line:?}"));
        self
    }

    /// The engine's process id.
    ///
    /// # Panics
    /// When it was stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map(Child::id).unwrap_or_else(|| panic!("the engine runs"))
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its config file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("engine.log")
    }

    /// What it wrote to stderr.
    #[must_use]
    pub fn log(&self) -> String {
        files::read(&self.log_path())
    }

    /// What a test server wrote down: one received message a line.
    #[must_use]
    pub fn server_log(&self, server: &str) -> String {
        files::read(&self.folder.path().join("logs").join(server))
    }

    /// The tools a test server was asked to run, in order.
    #[must_use]
    pub fn calls_seen_by(&self, server: &str) -> Vec<String> {
        self.server_log(server)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["method"] == "tools/call")
            .filter_map(|message| Some(message["params"]["name"].as_str()?.to_owned()))
            .collect()
    }

    /// How often a test server was started, each start being one `initialize`.
    #[must_use]
    pub fn starts_of(&self, server: &str) -> usize {
        self.server_log(server).matches("\"method\":\"initialize\"").count()
    }

    /// Changes the configuration and writes it in place.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.config);
        files::write(&self.config_path(), &pretty(&self.config));
    }

    /// Has a server that was set up by [`Setup::telling`] list and answer something else.
    pub fn tell(&self, server: &str, told: &Value) {
        files::write(&told_file(self.folder.path(), server), &told.to_string());
    }

    /// The health the gateway shows to a client.
    pub async fn health(&self) -> Value {
        let answer = crate::client::http()
            .get(format!("http://127.0.0.1:{}/health", self.port))
            .bearer_auth(&self.token)
            .send()
            .await;
        match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }

    /// The health of one server.
    pub async fn server_health(&self, server: &str) -> Value {
        let mut health = self.health().await;
        let servers = health["servers"].as_array_mut().map(std::mem::take).unwrap_or_default();
        servers.into_iter().find(|known| known["name"] == server).unwrap_or_default()
    }

    /// Waits until a server is in a state.
    pub async fn until_state(&self, server: &str, state: &str) -> Value {
        let mut last = Value::Null;
        let what = format!("{server} is {state}");
        let found = eventually(&what, Duration::from_secs(90), async || {
            last = self.server_health(server).await;
            (last["state"]["kind"] == state).then(|| last.clone())
        });
        found.await
    }

    /// Waits until a server answers and its lists are read, if it has any tools.
    pub async fn until_ready(&self, server: &str) {
        self.until_state(server, "ready").await;
        let started = Instant::now();
        while started.elapsed() < LISTS_LIMIT {
            if self.server_health(server).await["tools"].as_u64() > Some(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// The servers' processes and what they started; the guardians they run under are left out.
    #[must_use]
    pub fn server_processes(&self) -> Vec<Process> {
        let mut all = processes::marked_with(self.folder.path());
        all.retain(|process| !process.command.contains("drawbridge-guardian "));
        all
    }

    /// Sends a signal to the engine alone.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits until the engine has ended.
    ///
    /// # Panics
    /// When it does not end within the limit.
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        let started = Instant::now();
        let process = self.process.as_mut().unwrap_or_else(|| panic!("the engine was started"));
        loop {
            if let Ok(Some(status)) = process.try_wait() {
                self.process = None;
                return status;
            }
            assert!(started.elapsed() < limit, "the engine still runs after {limit:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks the engine to end and waits for it.
    #[cfg(unix)]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.wait_for_end(SOON)
    }

    /// Ends the engine: there is no polite signal here.
    #[cfg(not(unix))]
    pub fn stop(&mut self) -> ExitStatus {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
        }
        self.wait_for_end(SOON)
    }

    /// What `drawbridged audit verify` says about its record.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn verify(&self) -> String {
        let folder = self.data_dir().display().to_string();
        let said = self.command(&["audit", "verify", "--data-dir", &folder]).output();
        let said = said.unwrap_or_else(|error| panic!("drawbridged audit verify: {error}"));
        format!(
            "{}{}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        )
    }

    /// Starts it again on the port it had.
    ///
    /// # Panics
    /// When it still runs.
    #[must_use]
    pub fn start_again(self) -> Self {
        assert!(self.process.is_none(), "the engine was stopped first");
        self.started()
    }

    /// Kills the engine as the out-of-memory killer would.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap_or_else(|error| panic!("kill: {error}"));
            let _ = process.wait();
        }
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test shows what the engine said")]
            let show = |text: &str| eprintln!("{text}");
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            show(&format!("--- the engine's log, newest first ---\n{}", tail.join("\n")));
        }
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn told_file(folder: &Path, server: &str) -> PathBuf {
    folder.join("notes").join(format!("told-{server}.json"))
}

/// A configuration as a person would keep it.
///
/// # Panics
/// Never: a JSON value can be written.
#[must_use]
pub fn pretty(config: &Value) -> String {
    serde_json::to_string_pretty(config).unwrap_or_else(|error| panic!("JSON: {error}"))
}
