//! Being told when a resource changes.

use std::sync::Arc;

use drawbridge_mcp::{Outcome, wire};
use drawbridge_model::ServerName;
use serde_json::value::RawValue;

use super::NO_MEANING;
use super::interest::{Line, OWN_REQUEST, Others, uri_params};
use super::targets::{self, Target};
use crate::edge::Edge;
use crate::session::Session;

/// The protocol's code for a resource that is not there (2025-11-25, server/resources).
pub(crate) const RESOURCE_NOT_FOUND: i32 = -32002;

/// Answers `resources/subscribe`.
pub(crate) async fn subscribe(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    id: &str,
    params: Option<&RawValue>,
) -> String {
    let Target { server, name: uri } = match target(edge, session, id, params) {
        Ok(target) => target,
        Err(answer) => return answer,
    };
    let client = session.hello.client.name.as_str();
    if let Err(refusal) = edge.shared.policy.load().decide_server(client, server.as_str()) {
        return refuse(id, &refusal.sentence(server.as_str(), &uri));
    }
    let upstreams = &edge.shared.upstreams;
    let connection =
        match upstreams.connection_for(server.as_str(), &session.hello.client.name).await {
            Ok(connection) => connection,
            Err(unavailable) => return refuse(id, &unavailable.0.message),
        };
    let Some(line) = Line::of(edge, &server, session) else {
        return refuse(id, "The server is not running.");
    };
    if !session.subscribe(&server, &uri, edge.limits.subscriptions_per_session) {
        return refuse(id, "The session is subscribed to too many resources.");
    }
    if edge.interest.add(line.clone(), &uri, session.key) == Others::Some {
        return wire::result_message(id, "{}");
    }
    let mut pending = Pending { edge, session, server: Some(&server), uri: &uri };
    let params = uri_params(&uri);
    let params: Option<&RawValue> = serde_json::from_str(&params).ok();
    match connection.ask("resources/subscribe", params, OWN_REQUEST).await {
        Ok(Outcome::Result(result)) => {
            // A session that ended meanwhile has left already.
            if !session.ended.is_cancelled() {
                pending.server = None;
            }
            wire::result_message(id, result.get())
        }
        Ok(Outcome::Error(error)) => wire::error_message(Some(id), error.get()),
        Err(error) => refuse(id, &error.problem().message),
    }
}

/// Answers `resources/unsubscribe`.
pub(crate) async fn unsubscribe(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    id: &str,
    params: Option<&RawValue>,
) -> String {
    let Target { server, name: uri } = match target(edge, session, id, params) {
        Ok(target) => target,
        Err(answer) => return answer,
    };
    if session.unsubscribe(&server, &uri)
        && let Some(line) =
            edge.interest.remove(&server, &session.hello.client.name, &uri, session.key)
    {
        super::interest::forget(Arc::clone(edge), line, uri.to_string()).await;
    }
    wire::result_message(id, "{}")
}

/// A subscription the server has not confirmed. Unless it is, it is taken back.
struct Pending<'a> {
    edge: &'a Edge,
    session: &'a Session,
    server: Option<&'a ServerName>,
    uri: &'a str,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(server) = self.server {
            self.session.unsubscribe(server, self.uri);
            let client = &self.session.hello.client.name;
            self.edge.interest.remove(server, client, self.uri, self.session.key);
        }
    }
}

fn target(
    edge: &Edge,
    session: &Session,
    id: &str,
    params: Option<&RawValue>,
) -> Result<Target, String> {
    let wrong = |why: &str| wire::error_response(Some(id), wire::INVALID_PARAMS, why);
    let field = match params.map(|params| wire::find(params, &["uri"])) {
        Some(Ok(Some(field))) => field,
        Some(Err(error)) => return Err(wrong(&error.to_string())),
        _ => return Err(wrong("`uri` is missing")),
    };
    let uri = field.text().ok_or_else(|| wrong("`uri` is not a string"))?;
    targets::resource(edge, &session.hello.scope, &uri)
        .ok_or_else(|| wire::error_response(Some(id), RESOURCE_NOT_FOUND, "Resource not found"))
}

fn refuse(id: &str, sentence: &str) -> String {
    wire::error_response(Some(id), NO_MEANING, sentence)
}
