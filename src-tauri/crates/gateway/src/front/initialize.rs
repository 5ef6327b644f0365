//! Opening a session (2025-11-25, basic/lifecycle): answered here, for all servers together or in
//! the words of one.

use std::borrow::Cow;
use std::sync::Arc;

use drawbridge_mcp::{PeerFeatures, names, wire};
use http::header::HeaderValue;
use http::{Response, StatusCode};
use serde_json::value::RawValue;

use super::accept::Forms;
use super::{NO_MEANING, SESSION_ID, now};
use crate::answer::Answer;
use crate::clients::Client;
use crate::edge::Edge;
use crate::session::{Hello, Revision, Scope};

/// What all servers together can do. Servers come and go while a session lasts, so everything that
/// one of them might do is declared.
const CAPABILITIES: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"logging":{},"completions":{}}"#;

/// Opens a session and answers with it.
pub(crate) async fn initialize(
    edge: &Arc<Edge>,
    client: Arc<Client>,
    scope: Scope,
    id: &str,
    params: Option<&RawValue>,
    forms: Forms,
) -> Response<Answer> {
    let refuse = |code, why: &str| now(wire::error_response(Some(id), code, why), forms);
    let wanted = params
        .and_then(|params| wire::find(params, &["protocolVersion"]).ok()?)
        .and_then(|field| field.text());
    let (Some(params), Some(wanted)) = (params, wanted) else {
        return refuse(wire::INVALID_PARAMS, "initialize needs a protocolVersion");
    };
    let revision = Revision::agree(&wanted);
    let result = match &scope {
        Scope::Merged => merged(edge, revision),
        Scope::Single(server) => {
            if let Err(refusal) = may_open(edge, server.as_str()) {
                return refuse(NO_MEANING, &refusal);
            }
            let upstreams = &edge.shared.upstreams;
            match upstreams.connection_for(server.as_str(), &client.name).await {
                Ok(connection) => of_one(&connection.opening().result, revision),
                Err(unavailable) => return refuse(NO_MEANING, &unavailable.0.message),
            }
        }
    };
    let hello = Hello {
        client,
        scope,
        revision,
        features: PeerFeatures::of_initialize(params),
        says: says(params).map(Into::into),
    };
    let (session, evicted) = match edge.sessions.open(hello, edge.limits.sessions_per_client) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "no random bytes for a session id");
            return refuse(wire::INTERNAL_ERROR, "The system gives no random numbers.");
        }
    };
    if let Some(evicted) = evicted {
        edge.tidy(&[evicted]);
    }
    edge.sessions_changed(&session);
    let mut response = now(wire::result_message(id, &result), forms);
    match HeaderValue::from_str(&session.id) {
        Ok(value) => {
            response.headers_mut().insert(SESSION_ID, value);
            response
        }
        Err(_) => super::error(StatusCode::INTERNAL_SERVER_ERROR, NO_MEANING, "No session."),
    }
}

/// A server that is switched off does not introduce itself; a pause does not keep it from it.
fn may_open(edge: &Edge, server: &str) -> Result<(), String> {
    if edge.shared.policy.load().lists_server(server) {
        Ok(())
    } else {
        Err(drawbridge_policy::Refusal::ServerOff.sentence(server, "initialize"))
    }
}

fn merged(edge: &Edge, revision: Revision) -> String {
    let instructions = wire::raw_string(&instructions(edge));
    format!(
        r#"{{"protocolVersion":"{}","capabilities":{CAPABILITIES},"serverInfo":{{"name":"drawbridge","title":"Drawbridge","version":"{}"}},"instructions":{instructions}}}"#,
        revision.as_str(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// Which servers there are and how their tools can be told apart.
fn instructions(edge: &Edge) -> String {
    let policy = edge.shared.policy.load();
    let mut servers: Vec<&str> = policy
        .servers
        .iter()
        .filter(|(_, rules)| rules.enabled)
        .map(|(name, _)| name.as_str())
        .collect();
    servers.sort_unstable();
    if servers.is_empty() {
        return "Drawbridge passes the tools of several servers on. None is switched on at present."
            .to_owned();
    }
    let servers: Vec<String> = servers
        .into_iter()
        .map(|server| format!("{server} ({}__*)", names::slug(server)))
        .collect();
    format!(
        "Drawbridge passes the tools of these servers on; a tool's name begins with that of its \
         server: {}.",
        servers.join(", ")
    )
}

/// A server's own words, with the revision that was agreed on with the app. Each list it has may
/// change, whatever it says itself, since a person may switch parts of it off.
fn of_one(result: &RawValue, revision: Revision) -> String {
    let agreed = wire::raw_string(revision.as_str());
    let paths: [&[&str]; 4] = [
        &["protocolVersion"],
        &["capabilities", "tools"],
        &["capabilities", "prompts"],
        &["capabilities", "resources"],
    ];
    let change = |index, field: &wire::Field<'_>| match index {
        0 => Some(Cow::Owned(agreed.clone())),
        _ => changing(field.raw).map(Cow::Owned),
    };
    match wire::rewrite(result, &paths, change) {
        Ok(Some(changed)) => changed.get().to_owned(),
        // The connection was opened with this result, so the field stands there, once.
        Ok(None) | Err(_) => result.get().to_owned(),
    }
}

/// What a server can do with one kind of list, with `listChanged` in it. `None` when it says so
/// already, or says something that is no object.
fn changing(capability: &str) -> Option<String> {
    let inside = capability.strip_prefix('{')?.trim_start();
    let whole = RawValue::from_string(capability.to_owned()).ok()?;
    match wire::find(&whole, &["listChanged"]).ok()? {
        Some(said) if said.is_true() => None,
        Some(_) => {
            let yes = wire::splice(&whole, &[(&["listChanged"], "true")]).ok()?;
            Some(yes.get().to_owned())
        }
        None if inside == "}" => Some(r#"{"listChanged":true}"#.to_owned()),
        None => Some(format!(r#"{{"listChanged":true,{inside}"#)),
    }
}

/// What an app calls itself. These are its own words, and prove nothing.
fn says(params: &RawValue) -> Option<String> {
    let text = |key| {
        let field = wire::find(params, &["clientInfo", key]).ok()??;
        Some(field.text()?.chars().take(100).collect::<String>())
    };
    let name = text("name")?;
    Some(match text("version") {
        Some(version) => format!("{name} {version}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_its_own_route_says_that_its_lists_may_change() {
        let revision = Revision::agree("2025-06-18");
        for (said, told) in [
            (r#"{"tools":{}}"#, r#"{"tools":{"listChanged":true}}"#),
            (r#"{"tools":{"listChanged":false}}"#, r#"{"tools":{"listChanged":true}}"#),
            (
                r#"{"x":1e3,"resources":{ "subscribe":true}}"#,
                r#"{"x":1e3,"resources":{"listChanged":true,"subscribe":true}}"#,
            ),
            (r#"{"prompts":{"listChanged":true}}"#, r#"{"prompts":{"listChanged":true}}"#),
            (r#"{"logging":{}}"#, r#"{"logging":{}}"#),
        ] {
            let result = format!(r#"{{"protocolVersion":"2025-11-25","capabilities":{said}}}"#);
            let result = RawValue::from_string(result).expect("JSON");
            let expected = format!(r#"{{"protocolVersion":"2025-06-18","capabilities":{told}}}"#);
            assert_eq!(of_one(&result, revision), expected);
        }
    }
}
