//! What sessions want to hear from servers, counted together: a server is told once that somebody
//! wants to hear of a resource, and once that nobody does any more; it logs at the most verbose
//! level any session asked for.
//!
//! A server whose connection all clients share is told on that connection. A server with a
//! connection for each client is told on the connection of the client, which is why the client is
//! part of the key there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_mcp::{Connection, LogLevel, Reach, Upstream, wire};
use drawbridge_model::{ClientName, ServerName};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::edge::Edge;
use crate::session::{Scope, Session};

/// How long a server may take to answer a request of our own.
pub(crate) const OWN_REQUEST: Duration = Duration::from_secs(30);

/// Whose connection something is told on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) server: ServerName,
    /// The client, where each has a connection of its own.
    pub(crate) client: Option<ClientName>,
}

impl Line {
    /// The line a session's requests to a server take; `None` when the server does not answer.
    pub(crate) fn of(edge: &Edge, server: &ServerName, session: &Session) -> Option<Self> {
        let client = match edge.shared.upstreams.get(server.as_str())? {
            Upstream::Ready(Reach::Shared(_)) => None,
            Upstream::Ready(Reach::PerClient(_)) => Some(session.hello.client.name.clone()),
            Upstream::NotReady { .. } => return None,
        };
        Some(Self { server: server.clone(), client })
    }
}

#[derive(Default)]
pub(crate) struct Interest {
    /// The keys of the sessions that want to hear of a resource.
    subscribers: Mutex<HashMap<(Line, String), HashSet<u64>>>,
    /// The levels servers were told.
    levels: Mutex<HashMap<Line, LogLevel>>,
    /// Wakes the task that tells servers their level.
    relevel: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether somebody was interested before, or still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// Yes.
    Some,
    /// No: the server has to be told.
    None,
}

impl Interest {
    pub(crate) fn add(&self, line: Line, uri: &str, session: u64) -> Others {
        match lock(&self.subscribers).entry((line, uri.to_owned())) {
            Entry::Occupied(mut known) => {
                known.get_mut().insert(session);
                Others::Some
            }
            Entry::Vacant(free) => {
                free.insert(HashSet::from([session]));
                Others::None
            }
        }
    }

    /// Takes a session's interest in a resource back. Gives the line on which the server has to be
    /// told, when it was the last.
    pub(crate) fn remove(
        &self,
        server: &ServerName,
        client: &ClientName,
        uri: &str,
        session: u64,
    ) -> Option<Line> {
        let mut subscribers = lock(&self.subscribers);
        // A server may have become a shared one, or ceased to be, since the session asked.
        [None, Some(client.clone())].into_iter().find_map(|client| {
            let key = (Line { server: server.clone(), client }, uri.to_owned());
            let sessions = subscribers.get_mut(&key)?;
            let was_there = sessions.remove(&session);
            if sessions.is_empty() {
                subscribers.remove(&key);
                return was_there.then_some(key.0);
            }
            None
        })
    }

    /// A level was asked for, or a session that asked for one ended.
    pub(crate) fn levels_changed(&self) {
        self.relevel.notify_one();
    }

    fn wanted_from(&self, server: &ServerName) -> Vec<(Line, String)> {
        lock(&self.subscribers).keys().filter(|(line, _)| line.server == *server).cloned().collect()
    }
}

/// Tells a server that is back what sessions want to hear.
pub(crate) async fn renew(edge: Arc<Edge>, server: ServerName) {
    lock(&edge.interest.levels).retain(|line, _| line.server != server);
    edge.interest.levels_changed();
    for (line, uri) in edge.interest.wanted_from(&server) {
        if let Some(connection) = connection(&edge, &line).await {
            tell(&connection, &server, "resources/subscribe", &uri_params(&uri)).await;
        }
    }
}

/// Tells a server that nobody wants to hear of a resource any more.
pub(crate) async fn forget(edge: Arc<Edge>, line: Line, uri: String) {
    if let Some(connection) = connection(&edge, &line).await {
        tell(&connection, &line.server, "resources/unsubscribe", &uri_params(&uri)).await;
    }
}

/// Keeps each server at the most verbose level any session needs. Ends only by being dropped.
pub(crate) async fn keep_levels(edge: Arc<Edge>) {
    loop {
        edge.interest.relevel.notified().await;
        for (line, level) in needed(&edge) {
            if lock(&edge.interest.levels).get(&line) == Some(&level) {
                continue;
            }
            let Some(connection) = connection(&edge, &line).await else { continue };
            if !connection.opening().capabilities.logging {
                continue;
            }
            lock(&edge.interest.levels).insert(line.clone(), level);
            let params = format!(r#"{{"level":"{}"}}"#, level.name());
            tell(&connection, &line.server, "logging/setLevel", &params).await;
        }
    }
}

/// The most verbose level asked for on each line. A session on the merged address says nothing to
/// servers with a connection for each client: opening all of them would be too much for that.
fn needed(edge: &Edge) -> HashMap<Line, LogLevel> {
    let servers: Vec<ServerName> = edge.shared.policy.load().servers.keys().cloned().collect();
    let mut needed: HashMap<Line, LogLevel> = HashMap::new();
    for session in edge.sessions.all() {
        let Some(level) = session.level() else { continue };
        for server in servers.iter().filter(|server| session.hello.scope.covers(server.as_str())) {
            let Some(line) = Line::of(edge, server, &session) else { continue };
            if line.client.is_some() && session.hello.scope == Scope::Merged {
                continue;
            }
            needed.entry(line).and_modify(|known| *known = level.min(*known)).or_insert(level);
        }
    }
    needed
}

async fn connection(edge: &Edge, line: &Line) -> Option<Connection> {
    match (edge.shared.upstreams.get(line.server.as_str())?, &line.client) {
        (Upstream::Ready(Reach::Shared(connection)), _) => Some(connection),
        (Upstream::Ready(Reach::PerClient(each)), Some(client)) => {
            each.connection(client).await.ok()
        }
        _ => None,
    }
}

async fn tell(connection: &Connection, server: &ServerName, method: &str, params: &str) {
    let params: Option<&RawValue> = serde_json::from_str(params).ok();
    if let Err(error) = connection.ask(method, params, OWN_REQUEST).await {
        tracing::debug!(%server, method, %error, "a server was not told");
    }
}

/// The parameters of both methods.
pub(crate) fn uri_params(uri: &str) -> String {
    format!("{{\"uri\":{}}}", wire::raw_string(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_of_the_first_and_of_the_last() {
        let interest = Interest::default();
        let server = ServerName::new("files").expect("a plain name");
        let line = || Line { server: server.clone(), client: None };
        assert_eq!(interest.add(line(), "a", 1), Others::None);
        assert_eq!(interest.add(line(), "a", 2), Others::Some);
        assert_eq!(interest.add(line(), "a", 2), Others::Some, "twice counts once");
        assert_eq!(interest.add(line(), "b", 1), Others::None);
        let client = ClientName::new("editor").expect("a plain name");
        let remove = |uri, session| interest.remove(&server, &client, uri, session);
        assert_eq!(remove("a", 2), None);
        assert_eq!(remove("a", 2), None, "it was gone already");
        assert_eq!(remove("a", 1), Some(line()));
        let own = Line { client: Some(client.clone()), ..line() };
        interest.add(own.clone(), "c", 1);
        assert_eq!(remove("c", 1), Some(own), "on the line it was asked for");
        assert_eq!(interest.wanted_from(&server), [(line(), "b".to_owned())]);
    }
}
