//! Lines of JSON on standard input and output, each request on a thread of its own.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, Write as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// Writes to stderr, where a server may say what it likes.
pub(crate) fn say(line: &str) {
    // Nobody may be listening any more, and that is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The server's side of the connection.
pub(crate) struct Wire {
    log: Option<Mutex<File>>,
    cancelled: Mutex<HashSet<String>>,
    waiting: Mutex<HashMap<i64, Sender<Value>>>,
    begun: Mutex<HashSet<&'static str>>,
    next_id: AtomicI64,
}

/// A request the server is to answer.
pub(crate) struct Request {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Value,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    fn new() -> Self {
        let log = std::env::var_os("TEST_SERVER_LOG").and_then(|path| {
            File::options().create(true).append(true).open(path).ok().map(Mutex::new)
        });
        Self {
            log,
            cancelled: Mutex::default(),
            waiting: Mutex::default(),
            begun: Mutex::default(),
            next_id: AtomicI64::new(1),
        }
    }

    /// Writes one line exactly as given.
    pub(crate) fn send_text(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        let sent = writeln!(out, "{line}").and_then(|()| out.flush());
        if sent.is_err() {
            std::process::exit(0);
        }
    }

    pub(crate) fn send(&self, message: &Value) {
        self.send_text(&message.to_string());
    }

    pub(crate) fn result(&self, id: &Value, result: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    pub(crate) fn error(&self, id: &Value, code: i64, message: &str) {
        self.send(&json!({"jsonrpc": "2.0", "id": id,
            "error": {"code": code, "message": message}}));
    }

    pub(crate) fn text(&self, id: &Value, text: &str) {
        self.result(id, json!({"content": [{"type": "text", "text": text}]}));
    }

    pub(crate) fn notify(&self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Asks the client something and waits for its answer, error or result.
    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (say, hear) = channel();
        locked(&self.waiting).insert(id, say);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        hear.recv().unwrap_or_default()
    }

    /// Whether the client has cancelled that request.
    pub(crate) fn is_cancelled(&self, id: &Value) -> bool {
        locked(&self.cancelled).contains(&id.to_string())
    }

    /// Whether something is begun for the first time.
    pub(crate) fn is_first(&self, what: &'static str) -> bool {
        locked(&self.begun).insert(what)
    }

    /// Adds a line to the log.
    pub(crate) fn note(&self, line: &str) {
        if let Some(log) = &self.log {
            let mut log = locked(log);
            let _ = writeln!(log, "{line}").and_then(|()| log.flush());
        }
    }
}

/// What a server says about itself.
pub(crate) fn opening(params: &Value, capabilities: Value) -> Value {
    let version = params["protocolVersion"].as_str().unwrap_or("2025-11-25");
    json!({"protocolVersion": version, "capabilities": capabilities,
        "serverInfo": {"name": "test-server", "title": "A server for tests", "version": "1.0.0"},
        "instructions": "For tests."})
}

/// Serves until standard input ends. `handle` gets each request that is not `initialize` or `ping`,
/// on a thread of its own.
pub(crate) fn serve<H>(capabilities: Value, handle: H)
where
    H: Fn(&Wire, &Request) + Send + Sync + 'static,
{
    let wire = Arc::new(Wire::new());
    let handle = Arc::new(handle);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        wire.note(&line);
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let id = message["id"].clone();
        let params = message["params"].clone();
        match method.as_str() {
            "" => {
                let waiting = id.as_i64().and_then(|id| locked(&wire.waiting).remove(&id));
                if let Some(waiting) = waiting {
                    let _ = waiting.send(message);
                }
            }
            "initialize" => wire.result(&id, opening(&params, capabilities.clone())),
            "ping" => wire.result(&id, json!({})),
            "notifications/cancelled" => {
                locked(&wire.cancelled).insert(params["requestId"].to_string());
            }
            _ if id.is_null() => {}
            _ => {
                let (wire, handle) = (Arc::clone(&wire), Arc::clone(&handle));
                std::thread::spawn(move || handle(&wire, &Request { id, method, params }));
            }
        }
    }
}

/// A tool without arguments worth naming.
pub(crate) fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description,
        "inputSchema": {"type": "object", "properties": {}}})
}
