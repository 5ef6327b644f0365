//! Which connection serves which client.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use drawbridge_model::{ClientName, Problem, ServerName};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::mailbox::lock;

/// Opens a connection for one client.
pub type OpenConnection =
    Arc<dyn Fn(ClientName) -> BoxFuture<'static, Result<Connection, ConnectError>> + Send + Sync>;

/// How a server that answers is reached.
#[derive(Debug, Clone)]
pub enum Reach {
    /// One connection serves all clients.
    Shared(Connection),
    /// Each client has a connection of its own, opened when it is first used and again when it
    /// has ended.
    PerClient(PerClient),
}

/// Whether a server can be called.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// It answers.
    Ready(Reach),
    /// It does not; the sentence says why and what to do.
    NotReady {
        /// For a person.
        sentence: String,
    },
}

/// A server that cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Unavailable(pub Problem);

/// The connections of one server, one a client.
#[derive(Clone)]
pub struct PerClient {
    inner: Arc<PerClientInner>,
}

struct PerClientInner {
    open: OpenConnection,
    sessions: Mutex<HashMap<ClientName, Opened>>,
}

type Opened = Shared<BoxFuture<'static, Result<Connection, ConnectError>>>;

impl fmt::Debug for PerClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients: Vec<ClientName> = lock(&self.inner.sessions).keys().cloned().collect();
        formatter.debug_struct("PerClient").field("clients", &clients).finish_non_exhaustive()
    }
}

impl PerClient {
    /// No connection yet. `open` is called once for a client, however many of its calls wait for
    /// it.
    #[must_use]
    pub fn new(open: OpenConnection) -> Self {
        Self { inner: Arc::new(PerClientInner { open, sessions: Mutex::default() }) }
    }

    /// The client's connection, opened when there is none or when it has ended.
    ///
    /// # Errors
    /// Why it could not be opened. The next call tries again.
    pub async fn connection(&self, client: &ClientName) -> Result<Connection, ConnectError> {
        let (opened, joined) = self.slot(client);
        match opened.clone().await {
            Ok(connection) if !connection.is_closed() => Ok(connection),
            // Somebody else's attempt that failed, perhaps long ago: try once for ourselves.
            _ if joined => {
                self.forget(client, &opened);
                let (opened, _) = self.slot(client);
                let result = opened.clone().await;
                if result.is_err() {
                    self.forget(client, &opened);
                }
                result
            }
            result => {
                self.forget(client, &opened);
                result
            }
        }
    }

    /// Closes and forgets the connection of a client that is gone.
    pub async fn close(&self, client: &ClientName) {
        let opened = lock(&self.inner.sessions).remove(client);
        if let Some(Ok(connection)) = opened.as_ref().and_then(Shared::peek) {
            connection.close().await;
        }
    }

    /// Closes all connections.
    pub async fn close_all(&self) {
        let opened: Vec<Opened> =
            lock(&self.inner.sessions).drain().map(|(_, opened)| opened).collect();
        for connection in opened.iter().filter_map(|opened| opened.peek()?.as_ref().ok()) {
            connection.close().await;
        }
    }

    fn slot(&self, client: &ClientName) -> (Opened, bool) {
        let mut sessions = lock(&self.inner.sessions);
        if let Some(opened) = sessions.get(client) {
            return (opened.clone(), true);
        }
        let opened = (self.inner.open)(client.clone()).shared();
        sessions.insert(client.clone(), opened.clone());
        (opened, false)
    }

    fn forget(&self, client: &ClientName, opened: &Opened) {
        let mut sessions = lock(&self.inner.sessions);
        if sessions.get(client).is_some_and(|known| known.ptr_eq(opened)) {
            sessions.remove(client);
        }
    }
}

/// The table from server to connection. Read without a lock at every call, swapped when a server
/// starts or ends.
#[derive(Debug, Default)]
pub struct Upstreams {
    table: ArcSwap<HashMap<ServerName, Upstream>>,
}

impl Upstreams {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how a server stands. Connections it had before are dropped, and so closed when the
    /// last call on them has ended.
    pub fn set(&self, server: &ServerName, upstream: Upstream) {
        self.table.rcu(|table| {
            let mut table = HashMap::clone(table);
            table.insert(server.clone(), upstream.clone());
            table
        });
    }

    /// Forgets a server.
    pub fn remove(&self, server: &str) {
        self.table.rcu(|table| {
            let mut table = HashMap::clone(table);
            table.remove(server);
            table
        });
    }

    /// How a server stands; `None` when there is none of that name.
    #[must_use]
    pub fn get(&self, server: &str) -> Option<Upstream> {
        self.table.load().get(server).cloned()
    }

    /// The connection that serves everybody's calls to a server, where there is one.
    #[must_use]
    pub fn shared(&self, server: &str) -> Option<Connection> {
        match self.table.load().get(server) {
            Some(Upstream::Ready(Reach::Shared(connection))) => Some(connection.clone()),
            _ => None,
        }
    }

    /// The connection that serves a client's calls to a server.
    ///
    /// # Errors
    /// [`Unavailable`] with a sentence for the person: no such server, not running, or a
    /// connection for this client could not be opened.
    pub async fn connection_for(
        &self,
        server: &str,
        client: &ClientName,
    ) -> Result<Connection, Unavailable> {
        let per_client = match self.table.load().get(server) {
            Some(Upstream::Ready(Reach::Shared(connection))) => return Ok(connection.clone()),
            Some(Upstream::Ready(Reach::PerClient(per_client))) => per_client.clone(),
            Some(Upstream::NotReady { sentence }) => {
                return Err(Unavailable(Problem::new(sentence, "")));
            }
            None => {
                return Err(Unavailable(Problem::new(
                    format!("There is no server named {server}."),
                    "",
                )));
            }
        };
        per_client.connection(client).await.map_err(|error| Unavailable(error.problem()))
    }
}
