//! Which server a name or URI of an app is about, and what the server itself calls it.
//!
//! The catalog knows. Where a server does not answer, the catalog has nothing of it, and then the
//! server is told from the name alone, so that a call to it is refused with the reason and not as
//! unknown. What such a call is then decided by is the very name the server would get, so that
//! this way leads past no rule.

use std::sync::Arc;

use drawbridge_mcp::names;
use drawbridge_model::ServerName;

use crate::edge::Edge;
use crate::session::Scope;

/// A thing of a server, in the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) server: ServerName,
    pub(crate) name: Arc<str>,
}

/// The tool an app calls so. `None` when there is none.
pub(crate) fn tool(edge: &Edge, scope: &Scope, name: &str) -> Option<Target> {
    let catalog = edge.shared.catalog.load();
    match scope {
        Scope::Merged => match catalog.tool(name) {
            Some((server, tool)) => {
                Some(Target { server: server.clone(), name: tool.name.clone().into() })
            }
            None => absent(edge, name),
        },
        Scope::Single(server) => {
            let known = catalog.server(server.as_str()).is_none()
                || catalog.tool_of(server.as_str(), name).is_some();
            known.then(|| Target { server: server.clone(), name: name.into() })
        }
    }
}

/// The prompt an app calls so. `None` when there is none.
pub(crate) fn prompt(edge: &Edge, scope: &Scope, name: &str) -> Option<Target> {
    let catalog = edge.shared.catalog.load();
    match scope {
        Scope::Merged => match catalog.prompt(name) {
            Some((server, prompt)) => {
                Some(Target { server: server.clone(), name: prompt.name.as_str().into() })
            }
            None => absent(edge, name),
        },
        Scope::Single(server) => {
            let known = catalog.server(server.as_str()).is_none()
                || catalog.prompt_of(server.as_str(), name).is_some();
            known.then(|| Target { server: server.clone(), name: name.into() })
        }
    }
}

/// The resource an app calls so. It need not be listed. `None` when no server is named.
pub(crate) fn resource(edge: &Edge, scope: &Scope, uri: &str) -> Option<Target> {
    match scope {
        Scope::Merged => {
            if let Some((server, original)) = edge.shared.catalog.load().resource(uri) {
                return Some(Target { server: server.clone(), name: original.into() });
            }
            let (prefix, original) = names::split_uri(uri)?;
            let policy = edge.shared.policy.load();
            let server =
                policy.servers.keys().find(|name| names::uri_prefix(name.as_str()) == prefix)?;
            Some(Target { server: server.clone(), name: original.into() })
        }
        Scope::Single(server) => Some(Target { server: server.clone(), name: uri.into() }),
    }
}

/// The server that a merged name belongs to, where the catalog has nothing of that server.
fn absent(edge: &Edge, name: &str) -> Option<Target> {
    // A slug holds no separator and does not end in a part of one.
    let (slug, rest) = name.split_once("__")?;
    let policy = edge.shared.policy.load();
    let server = policy.servers.keys().find(|server| names::slug(server.as_str()) == slug)?;
    let answers = edge.shared.catalog.load().server(server.as_str()).is_some();
    (!answers).then(|| Target { server: server.clone(), name: rest.into() })
}
