//! Lists, from the catalog: what the policy lets this app see, on one page.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_mcp::catalog::Scope as Part;
use drawbridge_mcp::{Upstream, wire};
use serde_json::value::RawValue;

use super::NO_MEANING;
use crate::edge::Edge;
use crate::session::{Scope, Session};

/// How long a list waits for a server that answers and whose lists are still being read.
const FIRST_READING: Duration = Duration::from_secs(10);

/// Answers one of the four list methods.
pub(crate) async fn answer(
    edge: &Arc<Edge>,
    session: &Session,
    id: &str,
    method: &str,
    params: Option<&RawValue>,
) -> String {
    // No list of ours has a second page, so no cursor is one of ours.
    let cursor = params.map(|params| wire::find(params, &["cursor"]));
    match cursor {
        Some(Err(error)) => {
            return wire::error_response(Some(id), wire::INVALID_PARAMS, &error.to_string());
        }
        Some(Ok(Some(cursor))) if cursor.raw != "null" => {
            return wire::error_response(Some(id), wire::INVALID_PARAMS, "unknown cursor");
        }
        _ => {}
    }
    if let Scope::Single(server) = &session.hello.scope
        && let Err(sentence) = is_there(edge, server.as_str()).await
    {
        return wire::error_response(Some(id), NO_MEANING, &sentence);
    }
    let catalog = edge.shared.catalog.load();
    let policy = edge.shared.policy.load();
    let part = match &session.hello.scope {
        Scope::Merged => Part::Merged,
        Scope::Single(server) => Part::Server(server.as_str()),
    };
    let result = match method {
        "tools/list" => catalog.list_tools(part, |server, tool| {
            policy.lists_tool(server.as_str(), tool.name.as_str(), tool.digest.into())
        }),
        "prompts/list" => catalog.list_prompts(part, |name| policy.lists_server(name.as_str())),
        "resources/list" => catalog.list_resources(part, |name| policy.lists_server(name.as_str())),
        _ => catalog.list_templates(part, |name| policy.lists_server(name.as_str())),
    };
    wire::result_message(id, &result)
}

/// Whether the catalog has what a server offers. An empty list would say that it offers nothing.
pub(super) async fn is_there(edge: &Edge, server: &str) -> Result<(), String> {
    if !edge.shared.policy.load().lists_server(server) {
        return Ok(());
    }
    let mut changes = edge.shared.catalog.changes();
    let listed = || edge.shared.catalog.load().server(server).is_some();
    if listed() {
        return Ok(());
    }
    if let Some(Upstream::NotReady { sentence }) = edge.shared.upstreams.get(server) {
        return Err(sentence);
    }
    let appears = async {
        while !listed() {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::time::timeout(FIRST_READING, appears)
        .await
        .map_err(|_| format!("What {server} offers could not be read yet."))
}
