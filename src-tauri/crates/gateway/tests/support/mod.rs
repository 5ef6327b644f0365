//! A gateway on a free port, before scripted servers, with a real record in a temporary folder.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

pub mod http;
pub mod server;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use drawbridge_audit::{Entry, Record};
use drawbridge_gateway::{
    Client, Clients, Gateway, GuardRules, Health, Limits, Shared, TokenPlace, bind,
};
use drawbridge_mcp::stdio;
use drawbridge_mcp::{
    Bulletin, CatalogStore, ConnectOptions, Connection, FollowInto, ListKind, Notice,
    OpenConnection, PerClient, Reach, Upstream, Upstreams, follow, relay,
};
use drawbridge_model::{ClientName, Mode, Preset, ServerName, ToolName};
use drawbridge_policy::{Known, Policy, Questions, ServerRules};
use drawbridge_secrets::TokenDigest;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::http::{Answer, Line};
use self::server::{Script, Scripted};

pub const EDITOR: &str = "db_editor-token";
pub const CHAT: &str = "db_chat-token";

pub struct Stage {
    pub gateway: Gateway,
    pub shared: Shared,
    pub tasks: TaskTracker,
    pub record: Record,
    _folder: tempfile::TempDir,
}

/// A server that starts anew for each app.
pub struct PerApp {
    started: Arc<std::sync::Mutex<Vec<(String, Scripted)>>>,
    open: Arc<Semaphore>,
}

impl PerApp {
    /// Lets one more start.
    pub fn let_one_start(&self) {
        self.open.add_permits(1);
    }

    /// Who it started for, and what each heard.
    pub fn heard(&self, method: &str) -> Vec<(String, Vec<Value>)> {
        let started = self.started.lock().unwrap();
        started.iter().map(|(client, server)| (client.clone(), server.heard(method))).collect()
    }
}

pub fn server(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

pub fn tool(name: &str) -> ToolName {
    ToolName::new(name).unwrap()
}

/// Two apps: `editor` shows its token in a header, `chat` may show it in the path.
pub fn clients() -> Clients {
    Clients::new([
        Client {
            name: ClientName::new("editor").unwrap(),
            digest: TokenDigest::of(EDITOR),
            placement: TokenPlace::Header,
            manages_models: false,
        },
        Client {
            name: ClientName::new("chat").unwrap(),
            digest: TokenDigest::of(CHAT),
            placement: TokenPlace::HeaderOrPath,
            manages_models: false,
        },
    ])
}

/// Bounds that do not make a test wait.
pub fn quick() -> Limits {
    Limits {
        head_time: Duration::from_millis(700),
        body_time: Duration::from_millis(700),
        body_bytes: 64 * 1024,
        stream_after: Duration::from_millis(100),
        grace_after_loss: Duration::from_millis(300),
        keep_alive: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Waits until a condition holds, at most ten seconds.
pub async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(value) = holds().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"))
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::of(limits, false).await
    }

    /// One with a person who can be asked.
    pub async fn attended(limits: Limits) -> Self {
        Self::of(limits, true).await
    }

    async fn of(limits: Limits, attended: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tasks = TaskTracker::new();
        let record = Record::open(folder.path(), &tasks).await.unwrap();
        let shared = Shared {
            policy: Arc::new(ArcSwap::from_pointee(Policy::default())),
            answers: Arc::default(),
            questions: Arc::new(Questions::new(attended)),
            blocked: Arc::default(),
            clients: Arc::new(ArcSwap::from_pointee(clients())),
            catalog: Arc::new(CatalogStore::new()),
            upstreams: Arc::new(Upstreams::new()),
            bulletin: Bulletin::new(),
            record: record.clone(),
            guard: Arc::new(ArcSwap::from_pointee(GuardRules::default())),
            health: Arc::new(ArcSwap::from_pointee(Health::default())),
            models: drawbridge_gateway::ModelAccess::new(
                drawbridge_llm::backend::Backends::ollama_alone(9),
            )
            .unwrap(),
        };
        let listeners = bind(0).await.unwrap();
        let gateway = Gateway::serve_with(listeners, shared.clone(), limits, tasks.clone());
        Self { gateway, shared, tasks, record, _folder: folder }
    }

    /// Changes the policy as the core does.
    pub fn policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = Policy::clone(&self.shared.policy.load());
        change(&mut policy);
        self.shared.policy.store(Arc::new(policy));
        self.shared.questions.rules_changed();
    }

    pub fn set_mode(&self, name: &str, of: &str, mode: Mode) {
        self.policy(|policy| {
            policy.servers.get_mut(name).unwrap().tools.insert(tool(of), mode);
        });
        self.shared.bulletin.announce(Notice::ListChanged {
            server: server(name),
            client: None,
            kind: ListKind::Tools,
        });
    }

    /// Puts a scripted server behind the gateway and waits until its lists are read.
    pub async fn add(&self, name: &str, script: Script) -> Scripted {
        self.policy(|policy| {
            let rules = ServerRules {
                enabled: true,
                preset: Preset::Allow,
                known: Known::All,
                ..ServerRules::default()
            };
            policy.servers.insert(server(name), rules);
        });
        let (scripted, connection) = self.connect(name, script).await;
        self.shared.upstreams.set(&server(name), Upstream::Ready(Reach::Shared(connection)));
        let catalog = &self.shared.catalog;
        until("its lists are read", async || catalog.load().server(name).map(|_| ())).await;
        scripted
    }

    /// Puts a server behind the gateway that starts anew for each app, once it is let. Its lists
    /// come from a scripted server of its own.
    pub async fn add_per_app(&self, name: &str) -> PerApp {
        let lists = self.add(name, Script::Everything).await;
        let per_app = PerApp { started: Arc::default(), open: Arc::new(Semaphore::new(0)) };
        let (tasks, bulletin) = (self.tasks.clone(), self.shared.bulletin.clone());
        let (started, let_open) = (Arc::clone(&per_app.started), Arc::clone(&per_app.open));
        let own = server(name);
        let open: OpenConnection = Arc::new(move |client| {
            let (tasks, bulletin, own) = (tasks.clone(), bulletin.clone(), own.clone());
            let (started, let_open) = (Arc::clone(&started), Arc::clone(&let_open));
            Box::pin(async move {
                let_open.acquire().await.unwrap().forget();
                let (scripted, stdin, stdout) =
                    server::start(client.as_str(), Script::Everything, &tasks);
                let options = ConnectOptions::new(tasks.clone(), CancellationToken::new(), "0");
                let (connection, events) = stdio::connect(stdin, stdout, options).await?;
                tasks.spawn(relay(own, client.clone(), events, bulletin));
                started.lock().unwrap().push((client.to_string(), scripted));
                Ok(connection)
            })
        });
        // The server the lists were read from goes on, as the catalog follows it.
        std::mem::forget(lists);
        if let Some(Upstream::Ready(Reach::Shared(connection))) = self.shared.upstreams.get(name) {
            std::mem::forget(connection);
        }
        let reach = Reach::PerClient(PerClient::new(open));
        self.shared.upstreams.set(&server(name), Upstream::Ready(reach));
        per_app
    }

    async fn connect(&self, name: &str, script: Script) -> (Scripted, Connection) {
        let (scripted, stdin, stdout) = server::start(name, script, &self.tasks);
        let options =
            ConnectOptions::new(self.tasks.clone(), CancellationToken::new(), "0.0.0-test");
        let (connection, events) = stdio::connect(stdin, stdout, options).await.unwrap();
        self.tasks.spawn(follow(
            server(name),
            connection.clone(),
            events,
            FollowInto {
                publish: {
                    let (catalog, name) = (Arc::clone(&self.shared.catalog), server(name));
                    Box::new(move |offer| {
                        catalog.publish(&name, offer);
                        Box::pin(async {})
                    })
                },
                bulletin: self.shared.bulletin.clone(),
                on_rubbish: Box::new(|_| {}),
                on_warning: Box::new(|_| {}),
            },
        ));
        (scripted, connection)
    }

    pub fn port(&self) -> u16 {
        self.gateway.port()
    }

    /// Opens a connection and a session of `editor` on `path`.
    pub async fn app(&self, path: &str) -> App {
        self.app_with(path, EDITOR, "2025-11-25", json!({})).await
    }

    pub async fn app_with(
        &self,
        path: &str,
        token: &str,
        revision: &str,
        capabilities: Value,
    ) -> App {
        let mut app = App {
            port: self.port(),
            path: path.to_owned(),
            token: token.to_owned(),
            session: String::new(),
            opening: Value::Null,
            last_id: 0,
        };
        let answer = app
            .post(&json!({
                "jsonrpc": "2.0", "id": 0, "method": "initialize",
                "params": {
                    "protocolVersion": revision,
                    "capabilities": capabilities,
                    "clientInfo": {"name": "test app", "version": "1"},
                },
            }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        app.session = answer.header("mcp-session-id").expect("a session").to_owned();
        app.opening = answer.json()["result"].clone();
        app
    }

    /// What is on record, newest first, when `count` entries have an outcome.
    pub async fn entries(&self, count: usize) -> Vec<Entry> {
        until("that many entries are on record", async || {
            let page = self.record.page(None, 200).await.unwrap();
            let ended = page.entries.iter().filter(|entry| entry.outcome.is_some()).count();
            (ended >= count).then_some(page.entries)
        })
        .await
    }

    /// Everything on record at this moment.
    pub async fn record(&self) -> Vec<Entry> {
        self.record.page(None, 200).await.unwrap().entries
    }
}

/// An app with a session.
#[derive(Clone)]
pub struct App {
    pub port: u16,
    pub path: String,
    pub token: String,
    pub session: String,
    pub opening: Value,
    pub last_id: u64,
}

impl App {
    pub fn headers(&self) -> String {
        let session = match self.session.as_str() {
            "" => String::new(),
            session => format!("Mcp-Session-Id: {session}\r\n"),
        };
        format!(
            "Host: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n{session}",
            self.port, self.token
        )
    }

    /// A POST on a connection of its own.
    pub async fn post(&self, message: &Value) -> Answer {
        self.post_raw(&message.to_string(), "application/json, text/event-stream").await
    }

    pub async fn post_raw(&self, body: &str, accept: &str) -> Answer {
        let mut line = self.send(body, accept).await;
        line.answer().await
    }

    /// Sends a POST and leaves the answer on the line.
    pub async fn send(&self, body: &str, accept: &str) -> Line {
        let mut line = Line::open(self.port).await;
        let request = format!(
            "POST {} HTTP/1.1\r\n{}Content-Type: application/json\r\nAccept: {accept}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.path,
            self.headers(),
            body.len()
        );
        line.write(request.as_bytes()).await;
        line
    }

    /// Sends a request and leaves the answer on the line.
    pub async fn start(&mut self, method: &str, params: Value) -> Line {
        self.last_id += 1;
        let id = self.last_id;
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(&body.to_string(), "application/json, text/event-stream").await
    }

    /// A request and its answer.
    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let answer = self
            .post(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let message = answer.last_message();
        assert_eq!(message["id"], id, "{message}");
        message
    }

    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// A notification or an answer.
    pub async fn tell(&self, message: Value) {
        let answer = self.post(&message).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    }

    /// A listening stream.
    pub async fn listen(&self) -> Line {
        let mut line = Line::open(self.port).await;
        let request = format!(
            "GET {} HTTP/1.1\r\n{}Accept: text/event-stream\r\n\r\n",
            self.path,
            self.headers()
        );
        line.write(request.as_bytes()).await;
        line
    }

    pub async fn end(&self) -> Answer {
        let mut line = Line::open(self.port).await;
        let request = format!("DELETE {} HTTP/1.1\r\n{}\r\n", self.path, self.headers());
        line.write(request.as_bytes()).await;
        line.answer().await
    }
}

/// The text of a tool result.
pub fn said(message: &Value) -> &str {
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message}"))
}

pub fn names<'a>(message: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    let entries = message["result"][list].as_array().unwrap_or_else(|| panic!("{message}"));
    entries.iter().map(|entry| entry[key].as_str().unwrap()).collect()
}
