//! A server that does what a test tells it, over pipes in memory.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::future::Future;
use std::time::Duration;

use drawbridge_mcp::{
    Caller, ConnectError, ConnectOptions, Connection, Outcome, PeerFeatures, ServerEvents, stdio,
};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Waits for what must happen, at most ten seconds.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(10), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen"),
    }
}

pub(crate) fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("a test writes JSON")
}

pub(crate) fn options() -> ConnectOptions {
    ConnectOptions::new(TaskTracker::new(), CancellationToken::new(), "0.0.1")
}

/// A caller with every feature.
pub(crate) fn caller(key: u64) -> Caller {
    Caller {
        key,
        features: PeerFeatures {
            elicitation_form: true,
            elicitation_url: true,
            sampling: true,
            ..PeerFeatures::default()
        },
    }
}

pub(crate) fn result(outcome: Outcome) -> String {
    match outcome {
        Outcome::Result(result) => result.get().to_owned(),
        Outcome::Error(error) => panic!("an error: {}", error.get()),
    }
}

/// The server's end of the pipes.
pub(crate) struct Peer {
    pub(crate) lines: Lines<BufReader<DuplexStream>>,
    pub(crate) out: DuplexStream,
}

impl Peer {
    /// The next line it was sent.
    pub(crate) async fn line(&mut self) -> String {
        within("a line", self.lines.next_line()).await.expect("reads").expect("a line")
    }

    /// The next message it was sent.
    pub(crate) async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.line().await).expect("a message")
    }

    pub(crate) async fn say(&mut self, text: &str) {
        let text = format!("{text}\n");
        within("writing", self.out.write_all(text.as_bytes())).await.expect("writes");
    }

    pub(crate) async fn answer(&mut self, id: &Value, result: &str) {
        self.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).await;
    }

    /// Answers `initialize` and takes `notifications/initialized`.
    pub(crate) async fn greet(&mut self, capabilities: &str) -> Value {
        let initialize = self.hear().await;
        assert_eq!(initialize["method"], "initialize");
        let answer = format!(
            r#"{{"protocolVersion":"2025-06-18","capabilities":{capabilities},"serverInfo":{{"name":"scripted","title":"Scripted","version":"7"}},"instructions":"be kind","vendor":1e3}}"#
        );
        self.answer(&initialize["id"], &answer).await;
        assert_eq!(self.hear().await["method"], "notifications/initialized");
        initialize
    }
}

/// A peer and the two ends to connect to it.
pub(crate) fn pipes(size: usize) -> (Peer, DuplexStream, DuplexStream) {
    let (stdin, at_peer) = tokio::io::duplex(size);
    let (out, stdout) = tokio::io::duplex(size);
    (Peer { lines: BufReader::new(at_peer).lines(), out }, stdin, stdout)
}

pub(crate) async fn connect_with(
    capabilities: &str,
    options: ConnectOptions,
) -> (Peer, Result<(Connection, ServerEvents), ConnectError>) {
    let (mut peer, stdin, stdout) = pipes(256 * 1024);
    let (opened, _) =
        tokio::join!(stdio::connect(stdin, stdout, options), peer.greet(capabilities));
    (peer, opened)
}

pub(crate) async fn connect(capabilities: &str) -> (Peer, Connection, ServerEvents) {
    let (peer, opened) = connect_with(capabilities, options()).await;
    let (connection, events) = opened.expect("the peer answers");
    (peer, connection, events)
}
