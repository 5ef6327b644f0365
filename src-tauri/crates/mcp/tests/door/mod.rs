//! A server elsewhere that does what the test says, request by request.
#![allow(unreachable_pub, reason = "a module of a test program")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use drawbridge_mcp::http::{HttpEndpoint, connect};
use drawbridge_mcp::{ConnectOptions, Connection, ServerEvents};
use http::{HeaderMap, Method};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::peer::within;

/// A server that hands each request to the test and waits for its word.
pub struct Remote {
    pub address: SocketAddr,
    pub requests: mpsc::Receiver<Exchange>,
    pub aside: VecDeque<Exchange>,
}

pub struct Exchange {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: serde_json::Value,
    pub text: String,
    reply: oneshot::Sender<Response>,
}

pub type Door = mpsc::Sender<Exchange>;

pub async fn handle(State(door): State<Door>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let (reply, answer) = oneshot::channel();
    let exchange = Exchange {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
        reply,
    };
    door.send(exchange).await.unwrap();
    answer.await.unwrap_or_else(|_| status(503, ""))
}

pub fn status(code: u16, body: &str) -> Response {
    let response = Response::builder().status(code).header("content-type", "application/json");
    response.body(Body::from(body.to_owned())).unwrap()
}

/// The pieces of a stream; dropping it ends the stream.
pub struct Pieces(pub mpsc::Sender<Bytes>);

impl Pieces {
    pub async fn say(&self, text: &str) {
        within("writing", self.0.send(Bytes::copy_from_slice(text.as_bytes()))).await.unwrap();
    }
    pub async fn event(&self, data: &str) {
        self.say(&format!("event: message\ndata: {data}\n\n")).await;
    }
}

impl Exchange {
    pub fn reply(self, response: Response) {
        let _ = self.reply.send(response);
    }
    pub fn answer(self, result: &str) {
        let id = self.body["id"].clone();
        self.reply(status(200, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)));
    }
    pub fn accept(self) {
        self.reply(status(202, ""));
    }
    pub fn stream(self) -> Pieces {
        let (sender, receiver) = mpsc::channel::<Bytes>(16);
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (Ok::<_, Infallible>(piece), receiver))
        });
        let response = Response::builder()
            .header("content-type", "Text/Event-Stream; charset=utf-8")
            .body(Body::from_stream(stream));
        self.reply(response.unwrap());
        Pieces(sender)
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    pub fn id(&self) -> String {
        self.body["id"].to_string()
    }
}

impl Remote {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (door, requests) = mpsc::channel(64);
        let app = Router::new().fallback(handle).with_state(door);
        // Ends with the runtime of the test.
        let tasks = TaskTracker::new();
        tasks.spawn(async move { axum::serve(listener, app).await });
        Self { address, requests, aside: VecDeque::new() }
    }

    pub fn endpoint(&self) -> HttpEndpoint {
        self.endpoint_at("/mcp")
    }

    pub fn endpoint_at(&self, path: &str) -> HttpEndpoint {
        let headers = [("Authorization", "Bearer upstream"), ("Accept", "text/html")];
        HttpEndpoint::new(&format!("http://{}{path}", self.address), headers).unwrap()
    }

    /// The next request of this method; others wait.
    pub async fn hear(&mut self, method: Method) -> Exchange {
        if let Some(at) = self.aside.iter().position(|exchange| exchange.method == method) {
            return self.aside.remove(at).unwrap();
        }
        loop {
            let exchange = within("a request", self.requests.recv()).await.unwrap();
            if exchange.method == method {
                return exchange;
            }
            self.aside.push_back(exchange);
        }
    }

    pub async fn post(&mut self) -> Exchange {
        self.hear(Method::POST).await
    }

    /// Answers `initialize` with a session of this name, and takes `initialized`.
    pub async fn greet(&mut self, session: &str, capabilities: &str) {
        let initialize = self.post().await;
        assert_eq!(initialize.body["method"], "initialize");
        assert_eq!(initialize.header("mcp-session-id"), None);
        let answer = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{"protocolVersion":"2025-06-18","capabilities":{capabilities},"serverInfo":{{"name":"remote","version":"1"}}}}}}"#,
            initialize.id()
        );
        let mut response = status(200, &answer);
        response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        initialize.reply(response);
        let initialized = self.post().await;
        assert_eq!(initialized.body["method"], "notifications/initialized");
        assert_eq!(initialized.header("mcp-session-id"), Some(session));
        initialized.accept();
    }

    pub async fn connect(&mut self, options: ConnectOptions) -> (Connection, ServerEvents) {
        let endpoint = self.endpoint();
        let capabilities = r#"{"tools":{"listChanged":true}}"#;
        let (opened, ()) = tokio::join!(connect(endpoint, options), self.greet("s1", capabilities));
        opened.expect("opens")
    }
}
