//! A small MCP client of the 2025-11-25 revision over Streamable HTTP. It is written apart from the
//! engine's own wire code, so that one misunderstanding cannot hide in both.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::TestEngine;
use crate::wait::SOON;

/// The revision this client speaks.
pub const REVISION: &str = "2025-11-25";

/// One session with the gateway.
pub struct McpClient {
    http: reqwest::Client,
    url: String,
    token: String,
    session: String,
    next_id: AtomicI64,
    /// The answer to `initialize`.
    pub opening: Value,
}

impl McpClient {
    /// Opens a session at `path` (such as `/mcp`) with a client that can do nothing special.
    pub async fn open(engine: &TestEngine, path: &str) -> Self {
        Self::open_as(engine, path, &engine.token, json!({})).await
    }

    /// Opens a session with a token and the capabilities the client declares.
    ///
    /// # Panics
    /// When the gateway does not answer `initialize` as it should.
    pub async fn open_as(
        engine: &TestEngine,
        path: &str,
        token: &str,
        capabilities: Value,
    ) -> Self {
        Self::unopened(engine, path, token).opened(capabilities).await
    }

    /// Opens a session at `/mcp` of whatever listens on `port` and asks for no token.
    pub async fn open_on(port: u16) -> Self {
        Self::open_on_with(port, "").await
    }

    /// The same with a token.
    pub async fn open_on_with(port: u16, token: &str) -> Self {
        Self::unopened_on(port, "/mcp", token).opened(json!({})).await
    }

    async fn opened(self, capabilities: Value) -> Self {
        let mut client = self;
        let answer = client
            .send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": REVISION, "capabilities": capabilities,
                "clientInfo": {"name": "drawbridge-tests", "version": "1"}}}))
            .await;
        assert_eq!(answer.status(), 200, "initialize is answered");
        client.session = answer
            .headers()
            .get("mcp-session-id")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_else(|| panic!("initialize gives a session id"))
            .to_owned();
        let mut exchange = Exchange::new(answer);
        client.opening = exchange.next().await.unwrap_or_else(|| panic!("an answer to initialize"))
            ["result"]
            .take();
        let accepted =
            client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        assert_eq!(accepted.status(), 202, "a notification is accepted");
        client
    }

    /// A client that has not said `initialize` yet.
    #[must_use]
    pub fn unopened(engine: &TestEngine, path: &str, token: &str) -> Self {
        Self::unopened_on(engine.port, path, token)
    }

    /// As [`McpClient::unopened`], for an engine of the test's own.
    #[must_use]
    pub fn unopened_on(port: u16, path: &str, token: &str) -> Self {
        Self {
            http: http(),
            url: format!("http://127.0.0.1:{port}{path}"),
            token: token.to_owned(),
            session: String::new(),
            next_id: AtomicI64::new(1),
            opening: Value::Null,
        }
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Goes on under another session's id.
    pub fn set_session(&mut self, session: &str) {
        session.clone_into(&mut self.session);
    }

    /// Goes on with another token.
    pub fn set_token(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    fn prepared(&self, method: reqwest::Method) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .request(method, &self.url)
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream");
        if !self.session.is_empty() {
            request = request
                .header("mcp-session-id", &self.session)
                .header("mcp-protocol-version", REVISION);
        }
        request
    }

    /// Posts one message and gives the answer as it comes.
    ///
    /// # Panics
    /// When the gateway cannot be reached.
    pub async fn send(&self, message: &Value) -> reqwest::Response {
        self.send_text(message.to_string()).await
    }

    /// Posts a body exactly as written.
    ///
    /// # Panics
    /// When the gateway cannot be reached.
    pub async fn send_text(&self, body: String) -> reqwest::Response {
        self.prepared(reqwest::Method::POST)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("post: {error}"))
    }

    /// Begins a request: its id, and the messages that come for it.
    pub async fn begin(&self, method: &str, params: Value) -> (i64, Exchange) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let answer = self
            .send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        (id, Exchange::new(answer))
    }

    /// Makes a request and gives the message that ends it, `result` or `error` included.
    ///
    /// # Panics
    /// When no such message comes.
    pub async fn request(&self, method: &str, params: Value) -> Value {
        let (id, mut exchange) = self.begin(method, params).await;
        exchange.answer_to(id).await
    }

    /// Makes a request and gives the message that ends it; `None` when the gateway went away.
    pub async fn try_request(&self, method: &str, params: Value) -> Option<Value> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let answer = self
            .prepared(reqwest::Method::POST)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(message.to_string())
            .send()
            .await;
        let text = answer.ok()?.text().await.ok()?;
        let last = text.lines().rev().find(|line| line.contains(r#""jsonrpc""#))?;
        serde_json::from_str(last.trim_start_matches("data:").trim()).ok()
    }

    /// Calls a tool and gives its result.
    ///
    /// # Panics
    /// When the answer is an error.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer =
            self.request("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert!(answer.get("result").is_some(), "calling {tool} gave {answer}");
        answer["result"].clone()
    }

    /// Sends a notification.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn notify(&self, method: &str, params: Value) {
        let answer =
            self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
        assert_eq!(answer.status(), 202, "the notification {method} is accepted");
    }

    /// Answers a request of the server.
    ///
    /// # Panics
    /// When the answer is not accepted.
    pub async fn answer(&self, id: &Value, result: Value) {
        let answer = self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})).await;
        assert_eq!(answer.status(), 202, "an answer to the server is accepted");
    }

    /// The names of all tools, all pages of the list.
    ///
    /// # Panics
    /// When the list cannot be read.
    pub async fn tools(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut params = json!({});
        loop {
            let answer = self.request("tools/list", params).await;
            let tools = answer["result"]["tools"]
                .as_array()
                .unwrap_or_else(|| panic!("a list of tools, not {answer}"));
            names.extend(tools.iter().filter_map(|tool| Some(tool["name"].as_str()?.to_owned())));
            let Some(cursor) = answer["result"]["nextCursor"].as_str() else { return names };
            params = json!({ "cursor": cursor });
        }
    }

    /// Opens the stream for what the server says on its own.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn listen(&self) -> Exchange {
        let answer = self
            .prepared(reqwest::Method::GET)
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap_or_else(|error| panic!("get: {error}"));
        assert_eq!(answer.status(), 200, "the stream of the session opens");
        Exchange::new(answer)
    }

    /// Ends the session and gives the status.
    ///
    /// # Panics
    /// When the gateway cannot be reached.
    pub async fn close(&self) -> u16 {
        self.prepared(reqwest::Method::DELETE)
            .send()
            .await
            .unwrap_or_else(|error| panic!("delete: {error}"))
            .status()
            .as_u16()
    }
}

/// An HTTP client that goes to loopback directly, whatever proxy the environment names.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap_or_else(|error| panic!("an HTTP client: {error}"))
}

/// The messages of one answer, be it JSON or an event stream.
pub struct Exchange {
    answer: Option<reqwest::Response>,
    status: u16,
    streams: bool,
    read: Vec<u8>,
}

impl Exchange {
    fn new(answer: reqwest::Response) -> Self {
        let streams = answer
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        Self { status: answer.status().as_u16(), streams, answer: Some(answer), read: Vec::new() }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the answer is an event stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// The next message, `None` when the answer has ended.
    ///
    /// # Panics
    /// When nothing comes within [`SOON`], or something that is not JSON.
    pub async fn next(&mut self) -> Option<Value> {
        self.next_within(SOON).await
    }

    /// The next message within a limit, `None` when the answer has ended.
    ///
    /// # Panics
    /// When the limit passes, or something comes that is not JSON.
    pub async fn next_within(&mut self, limit: Duration) -> Option<Value> {
        tokio::time::timeout(limit, self.read_next())
            .await
            .unwrap_or_else(|_| panic!("no message within {limit:?}"))
    }

    async fn read_next(&mut self) -> Option<Value> {
        loop {
            if self.streams
                && let Some(message) = self.take_event()
            {
                return Some(message);
            }
            let piece = match self.answer.as_mut() {
                Some(answer) => answer.chunk().await.ok().flatten(),
                None => None,
            };
            match piece {
                Some(piece) => self.read.extend_from_slice(&piece),
                None => {
                    self.answer = None;
                    if self.streams || self.read.is_empty() {
                        return None;
                    }
                    let body = std::mem::take(&mut self.read);
                    return Some(parse(&body));
                }
            }
        }
    }

    /// Takes one whole event with data out of what was read.
    fn take_event(&mut self) -> Option<Value> {
        loop {
            let text = self.read.as_slice();
            let (end, skip) = (0..text.len()).find_map(|at| {
                if text[at..].starts_with(b"\n\n") {
                    Some((at, 2))
                } else if text[at..].starts_with(b"\r\n\r\n") {
                    Some((at, 4))
                } else {
                    None
                }
            })?;
            let event: Vec<u8> = self.read.drain(..end + skip).collect();
            let data: Vec<&str> = std::str::from_utf8(&event)
                .unwrap_or_else(|_| panic!("an event in UTF-8"))
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            let data = data.join("\n");
            if !data.is_empty() {
                return Some(parse(data.as_bytes()));
            }
        }
    }

    /// The message that answers request `id`; what comes before it is dropped.
    ///
    /// # Panics
    /// When the answer ends without it.
    pub async fn answer_to(&mut self, id: i64) -> Value {
        let status = self.status;
        self.until(|message| message["id"] == id && message.get("method").is_none())
            .await
            .unwrap_or_else(|| panic!("no answer to request {id} (HTTP status {status})"))
    }

    /// The first message for which `wanted` holds.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let message = self.next().await?;
            if wanted(&message) {
                return Some(message);
            }
        }
    }

    /// The first notification of that method.
    ///
    /// # Panics
    /// When the stream ends without it.
    pub async fn notification(&mut self, method: &str) -> Value {
        self.until(|message| message["method"] == method)
            .await
            .unwrap_or_else(|| panic!("the stream ended before {method} came"))
    }
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(bytes)))
}
