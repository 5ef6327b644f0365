//! What servers and settings announce, on its way to the sessions that want to hear it.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_mcp::wire::{self, Field};
use drawbridge_mcp::{ListKind, LogLevel, Notice, names};
use drawbridge_model::ServerName;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::exchange::event;
use super::interest;
use crate::edge::Edge;
use crate::session::{Missable, Scope, Session};

/// The level of a session that never asked for one: the protocol leaves the choice to the server.
pub(crate) const USUAL_LEVEL: LogLevel = LogLevel::Info;

/// Passes notices on until there are none any more.
pub(crate) async fn spread(edge: Arc<Edge>, mut notices: broadcast::Receiver<Arc<Notice>>) {
    loop {
        match notices.recv().await {
            Ok(notice) => pass_on(&edge, &notice),
            // Which notices were missed is not known, so every list may be another one.
            Err(RecvError::Lagged(_)) => {
                for session in edge.sessions.all() {
                    for kind in ListKind::ALL {
                        session.push(list_changed(kind), Missable::No);
                    }
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn pass_on(edge: &Arc<Edge>, notice: &Notice) {
    let server = notice.server();
    match notice {
        Notice::Opened { server } => {
            edge.tasks.spawn(interest::renew(Arc::clone(edge), server.clone()));
            return;
        }
        Notice::ListChanged { .. } => {}
        Notice::Logged { .. } | Notice::ResourceUpdated { .. } | Notice::Notified { .. } => {
            if !edge.shared.policy.load().lists_server(server.as_str()) {
                return;
            }
        }
    }
    for session in edge.sessions.all() {
        let hears = session.hello.scope.covers(server.as_str())
            && notice.is_for(&session.hello.client.name);
        if hears && let Some((event, missable)) = for_session(&session, notice) {
            session.push(event, missable);
        }
    }
}

fn for_session(session: &Session, notice: &Notice) -> Option<(Bytes, Missable)> {
    match notice {
        Notice::Opened { .. } => None,
        Notice::ListChanged { kind, .. } => Some((list_changed(*kind), Missable::No)),
        Notice::Logged { level, params, .. } => {
            let wanted = *level >= session.level().unwrap_or(USUAL_LEVEL);
            wanted.then(|| {
                let text = wire::notification("notifications/message", Some(params));
                (event(&text), Missable::Yes)
            })
        }
        Notice::ResourceUpdated { server, uri, params, .. } => {
            if !session.is_subscribed(server, uri) {
                return None;
            }
            let exposed = match session.hello.scope {
                Scope::Merged => exposed_params(server, params),
                Scope::Single(_) => None,
            };
            let params = exposed.as_deref().unwrap_or(params);
            let text = wire::notification("notifications/resources/updated", Some(params));
            Some((event(&text), Missable::Yes))
        }
        // What is not understood belongs to the one server it comes from.
        Notice::Notified { method, params, .. } => match session.hello.scope {
            Scope::Single(_) => {
                let text = wire::notification(method, params.as_deref());
                Some((event(&text), Missable::Yes))
            }
            Scope::Merged => None,
        },
    }
}

fn list_changed(kind: ListKind) -> Bytes {
    event(&wire::notification(kind.notification(), None))
}

fn exposed_params(
    server: &ServerName,
    params: &serde_json::value::RawValue,
) -> Option<Box<serde_json::value::RawValue>> {
    let change = |_, field: &Field<'_>| {
        let exposed = names::exposed_uri(server.as_str(), &field.text()?);
        Some(wire::raw_string(&exposed).into())
    };
    wire::rewrite(params, &[&["uri"]], change).ok().flatten()
}

/// Takes back what an ended session wanted to hear.
pub(crate) fn release(edge: &Arc<Edge>, session: &Session) {
    if session.level().is_some() {
        edge.interest.levels_changed();
    }
    let client = &session.hello.client.name;
    for (server, uri) in session.subscriptions() {
        // A client's own connection ends with the client, and is not opened again to say so.
        if let Some(line) = edge.interest.remove(&server, client, &uri, session.key)
            && line.client.is_none()
        {
            edge.tasks.spawn(interest::forget(Arc::clone(edge), line, uri));
        }
    }
}
