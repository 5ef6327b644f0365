//! The programs under test, and the ones that stand around them: where they are, and how one is run
//! to its end or spoken to line by line.
#![expect(clippy::disallowed_methods, reason = "the tests start the programs they look at")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::files;
use crate::wait::SOON;

/// Where the programs under test are.
///
/// `cargo xtask test` builds them and says where; a test started by hand has them built first.
///
/// # Panics
/// When they cannot be built.
#[must_use]
pub fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("DRAWBRIDGE_PROGRAMS") {
            return PathBuf::from(folder);
        }
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "-p", "drawbridge-supervisor", "-p", "drawbridge-headless"])
            .args(["-p", "drawbridge-tests", "-p", "drawbridge-scripted-ollama", "--bins"])
            .current_dir(files::repository())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "the programs under test are built");
        let test = std::env::current_exe().unwrap_or_else(|error| panic!("own path: {error}"));
        // target/debug/deps/this-test -> target/debug
        test.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
    })
}

/// The path of a program under test.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// What a short run of `drawbridged` gave.
pub struct Finished {
    /// Its exit code, `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started or runs longer than [`SOON`].
pub fn finish(command: &mut Command) -> Finished {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    let started = Instant::now();
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if started.elapsed() > SOON {
            let _ = child.kill();
            panic!("{command:?} did not end within {SOON:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("its output: {error}"));
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A remote server for the tests, listening on loopback.
pub struct Remote {
    /// The port it listens on.
    pub port: u16,
    log: PathBuf,
    process: Child,
}

impl Remote {
    /// Starts it; port 0 takes any free one.
    ///
    /// # Panics
    /// When it does not come to listen.
    #[must_use]
    pub fn start(folder: &Path, port: u16) -> Self {
        let log = folder.join("logs").join("remote");
        let mut process = Command::new(program("test-server"))
            .args(["http", &port.to_string()])
            .env("TEST_SERVER_LOG", &log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start the remote server: {error}"));
        let stdout = process.stdout.take().unwrap_or_else(|| panic!("its output is a pipe"));
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let port = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("the remote server prints its port, not {line:?}"));
        Self { port, log, process }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// What it was sent: headers, method and parameters, one message a line.
    #[must_use]
    pub fn log(&self) -> String {
        files::read(&self.log)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `drawbridged stdio`, spoken to line by line.
pub struct Shim {
    process: Child,
    to: Option<std::process::ChildStdin>,
    from: mpsc::Receiver<String>,
}

impl Shim {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let to = process.stdin.take();
        let stdout = process.stdout.take().unwrap_or_else(|| panic!("its output is a pipe"));
        let (say, from) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        Self { process, to, from }
    }

    /// Writes one message.
    ///
    /// # Panics
    /// When it does not read.
    pub fn send(&mut self, message: &Value) {
        use std::io::Write as _;
        let to = self.to.as_mut().unwrap_or_else(|| panic!("its input is open"));
        writeln!(to, "{message}")
            .and_then(|()| to.flush())
            .unwrap_or_else(|e| panic!("write: {e}"));
    }

    /// The next message it writes.
    ///
    /// # Panics
    /// When none comes within the limit, or something that is not JSON.
    pub fn next(&mut self, limit: Duration) -> Value {
        let line = self.from.recv_timeout(limit).unwrap_or_else(|error| panic!("no line: {error}"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// Makes a request and gives its answer; what comes before is dropped.
    pub fn request(&mut self, id: i64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.next(SOON);
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Closes its input and waits for its end.
    ///
    /// # Panics
    /// When it does not end within [`SOON`].
    pub fn close(&mut self) -> Option<i32> {
        self.to = None;
        let started = Instant::now();
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return status.code();
            }
            assert!(started.elapsed() < SOON, "it does not end with its input");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
