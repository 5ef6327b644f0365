//! What each method of a session does.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use drawbridge_mcp::LogLevel;
use drawbridge_mcp::wire::{self, Field};
use drawbridge_model::{ActivityKind, RecordRule};
use serde_json::value::RawValue;

use super::accept::Forms;
use super::calls::{Crossing, Entry, Gate, Launch, Passage, Translate};
use super::content::{self, Suspicious};
use super::exchange::Exchange;
use super::kept;
use super::resources::{self, RESOURCE_NOT_FOUND};
use super::targets::{self, Target};
use super::{lists, owned};
use crate::edge::Edge;
use crate::session::{Scope, Session};

/// What became of a request.
pub(crate) enum Turn {
    /// It is answered.
    Answered(String),
    /// It is on its way to a server.
    UnderWay(Exchange),
}

/// Where the result of a tool call names resources: links and embedded ones.
const IN_TOOL_RESULTS: &[&[&str]] =
    &[&["content", "*", "uri"], &["content", "*", "resource", "uri"]];
/// Where a prompt names resources.
const IN_PROMPTS: &[&[&str]] =
    &[&["messages", "*", "content", "uri"], &["messages", "*", "content", "resource", "uri"]];
/// Where a resource that was read names itself.
const IN_RESOURCES: &[&[&str]] = &[&["contents", "*", "uri"]];

/// Takes one request.
pub(crate) async fn take(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    id: &str,
    method: &str,
    params: Option<&RawValue>,
    forms: Forms,
) -> Turn {
    let crossing = match method {
        "ping" => return Turn::Answered(wire::result_message(id, "{}")),
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
            return Turn::Answered(
                Box::pin(lists::answer(edge, session, id, method, params)).await,
            );
        }
        "resources/subscribe" => {
            return Turn::Answered(Box::pin(resources::subscribe(edge, session, id, params)).await);
        }
        "resources/unsubscribe" => {
            return Turn::Answered(
                Box::pin(resources::unsubscribe(edge, session, id, params)).await,
            );
        }
        "logging/setLevel" => set_level(edge, session, id, params).map_err(Wrong::Answered),
        "tools/call" => match tool_call(edge, session, params) {
            // Nobody has seen a tool that is not listed yet, and there may be none of that name.
            Ok(crossing) if crossing.is_unread(edge) => {
                Box::pin(first_reading(edge, session, &crossing)).await;
                tool_call(edge, session, params)
            }
            called => called,
        },
        "prompts/get" => prompt_get(edge, session, params),
        "resources/read" => resource_read(edge, session, params),
        "completion/complete" => complete(edge, session, params),
        _ => other(edge, session, method, params),
    };
    let crossing = match crossing {
        Ok(crossing) => crossing,
        Err(Wrong::Answered(answer)) => return Turn::Answered(answer),
        Err(Wrong::Params(code, why)) => {
            return Turn::Answered(wire::error_response(Some(id), code, &why));
        }
    };
    let id = Arc::<str>::from(id);
    match session.begin_call(Arc::clone(&id), &crossing.server, edge.limits.calls_per_session) {
        Ok(in_flight) => {
            let passage = Passage {
                edge: Arc::clone(edge),
                session: Arc::clone(session),
                id,
                in_flight,
                forms,
            };
            Turn::UnderWay(Exchange::new(&edge.tasks, |voice| passage.cross(crossing, voice)))
        }
        Err(refused) => {
            let why = refused.to_string();
            Turn::Answered(wire::error_response(Some(&id), wire::INVALID_REQUEST, &why))
        }
    }
}

/// Why a request does not cross.
enum Wrong {
    /// It is answered here.
    Answered(String),
    /// An error with this code and sentence.
    Params(i32, String),
}

impl Wrong {
    fn params(why: impl Into<String>) -> Self {
        Self::Params(wire::INVALID_PARAMS, why.into())
    }
}

impl From<wire::WireError> for Wrong {
    fn from(error: wire::WireError) -> Self {
        Self::params(error.to_string())
    }
}

/// The fields at these paths. One that stands twice makes the request invalid: its server might
/// read the other one.
fn fields<'a, const N: usize>(
    params: Option<&'a RawValue>,
    paths: [&[&str]; N],
) -> Result<[Option<Field<'a>>; N], Wrong> {
    let mut found = [const { None }; N];
    if let Some(params) = params {
        wire::find_each(params, &paths, |index, field| found[index] = Some(field))?;
    }
    Ok(found)
}

fn text<'a>(field: Option<&Field<'a>>, key: &str) -> Result<Cow<'a, str>, Wrong> {
    let field = field.ok_or_else(|| Wrong::params(format!("`{key}` is missing")))?;
    field.text().ok_or_else(|| Wrong::params(format!("`{key}` is not a string")))
}

/// A crossing to a target whose name stands in `field`.
fn crossing(
    session: &Session,
    method: &'static str,
    params: Option<&RawValue>,
    field: &Field<'_>,
    target: Target,
) -> Crossing {
    let edit = match session.hello.scope {
        Scope::Merged => Some((field.span.clone(), wire::raw_string(&target.name))),
        Scope::Single(_) => None,
    };
    Crossing {
        server: target.server,
        method: Cow::Borrowed(method),
        params: owned(params),
        edit,
        gate: Gate::Server,
        subject: target.name,
        entry: Entry::None,
        translate: Translate::Nothing,
        allowed: OnceLock::new(),
        launch: Launch::default(),
        rule: RecordRule::Content,
        suspicious: None,
    }
}

fn translate(session: &Session, paths: &'static [&'static [&'static str]]) -> Translate {
    match session.hello.scope {
        Scope::Merged => Translate::Uris(paths),
        Scope::Single(_) => Translate::Nothing,
    }
}

/// Waits until a server's lists are read for the first time.
async fn first_reading(edge: &Arc<Edge>, session: &Session, crossing: &Crossing) {
    tokio::select! {
        _ = lists::is_there(edge, crossing.server.as_str()) => {}
        () = edge.draining.cancelled() => {}
        () = session.ended.cancelled() => {}
    }
}

fn tool_call(edge: &Edge, session: &Session, params: Option<&RawValue>) -> Result<Crossing, Wrong> {
    let [name, arguments] = fields(params, [&["name"], &["arguments"]])?;
    let called = text(name.as_ref(), "name")?;
    let (Some(target), Some(name)) = (targets::tool(edge, &session.hello.scope, &called), name)
    else {
        return Err(Wrong::params(format!("Unknown tool: {called}")));
    };
    let (entry, rule, suspicious) = called_with(edge, ActivityKind::ToolCall, &target, arguments);
    Ok(Crossing {
        gate: Gate::Tool,
        entry,
        rule,
        suspicious,
        translate: translate(session, IN_TOOL_RESULTS),
        ..crossing(session, "tools/call", params, &name, target)
    })
}

/// What a call with these arguments leaves on record, and what is to be said about them.
fn called_with(
    edge: &Edge,
    kind: ActivityKind,
    target: &Target,
    arguments: Option<Field<'_>>,
) -> (Entry, RecordRule, Option<Box<Suspicious>>) {
    let policy = edge.shared.policy.load();
    let rule = kept::rule(&policy, target.server.as_str());
    let Some(field) = arguments else { return (Entry::Call { kind, arguments: None }, rule, None) };
    let looked = content::arguments(&policy, target.server.as_str(), field.raw, &field.span);
    let kept = kept::excerpt(rule, looked.on_record.as_deref().unwrap_or(field.raw));
    (Entry::Call { kind, arguments: Some(kept) }, rule, looked.suspicious)
}

fn prompt_get(
    edge: &Edge,
    session: &Session,
    params: Option<&RawValue>,
) -> Result<Crossing, Wrong> {
    let [name, arguments] = fields(params, [&["name"], &["arguments"]])?;
    let called = text(name.as_ref(), "name")?;
    let (Some(target), Some(name)) = (targets::prompt(edge, &session.hello.scope, &called), name)
    else {
        return Err(Wrong::params(format!("Unknown prompt: {called}")));
    };
    let (entry, rule, suspicious) = called_with(edge, ActivityKind::PromptUse, &target, arguments);
    Ok(Crossing {
        entry,
        rule,
        suspicious,
        translate: translate(session, IN_PROMPTS),
        ..crossing(session, "prompts/get", params, &name, target)
    })
}

fn resource_read(
    edge: &Edge,
    session: &Session,
    params: Option<&RawValue>,
) -> Result<Crossing, Wrong> {
    let [uri] = fields(params, [&["uri"]])?;
    let called = text(uri.as_ref(), "uri")?;
    let (Some(target), Some(uri)) = (targets::resource(edge, &session.hello.scope, &called), uri)
    else {
        return Err(Wrong::Params(RESOURCE_NOT_FOUND, "Resource not found".into()));
    };
    let (subject, suspicious) = content::address(&target.name);
    Ok(Crossing {
        entry: Entry::Call { kind: ActivityKind::ResourceRead, arguments: None },
        rule: kept::rule(&edge.shared.policy.load(), target.server.as_str()),
        suspicious,
        subject: subject.into(),
        translate: translate(session, IN_RESOURCES),
        ..crossing(session, "resources/read", params, &uri, target)
    })
}

/// Completing an argument leaves nothing on record: apps ask at every key press, and what is
/// completed is not used yet.
fn complete(edge: &Edge, session: &Session, params: Option<&RawValue>) -> Result<Crossing, Wrong> {
    let [kind, name, uri] = fields(params, [&["ref", "type"], &["ref", "name"], &["ref", "uri"]])?;
    let scope = &session.hello.scope;
    let (target, field) = match &*text(kind.as_ref(), "ref.type")? {
        "ref/prompt" => (targets::prompt(edge, scope, &text(name.as_ref(), "ref.name")?), name),
        "ref/resource" => (targets::resource(edge, scope, &text(uri.as_ref(), "ref.uri")?), uri),
        _ => return Err(Wrong::params("`ref.type` is neither ref/prompt nor ref/resource")),
    };
    match (target, field) {
        (Some(target), Some(field)) => {
            Ok(crossing(session, "completion/complete", params, &field, target))
        }
        _ => Err(Wrong::params("`ref` names nothing that is there")),
    }
}

fn set_level(
    edge: &Edge,
    session: &Session,
    id: &str,
    params: Option<&RawValue>,
) -> Result<Crossing, String> {
    let level = params
        .and_then(|params| wire::find(params, &["level"]).ok()?)
        .and_then(|level| LogLevel::from_name(&level.text()?));
    let Some(level) = level else {
        let why = "`level` is not a log level";
        return Err(wire::error_response(Some(id), wire::INVALID_PARAMS, why));
    };
    session.set_level(level);
    edge.interest.levels_changed();
    Err(wire::result_message(id, "{}"))
}

/// A method that is not understood goes to the one server it can be meant for, as it is. It might
/// do anything, so it is on record like a call.
fn other(
    edge: &Edge,
    session: &Session,
    method: &str,
    params: Option<&RawValue>,
) -> Result<Crossing, Wrong> {
    match &session.hello.scope {
        Scope::Merged => {
            Err(Wrong::Params(wire::METHOD_NOT_FOUND, "there is no such method here".into()))
        }
        Scope::Single(server) => {
            let target = Target { server: server.clone(), name: method.into() };
            let whole = params.map(|params| {
                let raw = params.get();
                Field { raw, span: 0..raw.len() }
            });
            let (entry, rule, suspicious) =
                called_with(edge, ActivityKind::ToolCall, &target, whole);
            Ok(Crossing {
                server: target.server,
                method: Cow::Owned(method.to_owned()),
                params: owned(params),
                edit: None,
                gate: Gate::Server,
                subject: target.name,
                entry,
                rule,
                suspicious,
                translate: Translate::Nothing,
                allowed: OnceLock::new(),
                launch: Launch::default(),
            })
        }
    }
}

/// Takes a notification of an app.
pub(crate) async fn notified(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    method: &str,
    params: Option<&RawValue>,
) {
    match (method, &session.hello.scope) {
        ("notifications/cancelled", _) => {
            let Some(params) = params else { return };
            let read = fields(Some(params), [&["requestId"], &["reason"]]);
            if let Ok([Some(id), reason]) = read {
                session.cancel_call(id.raw, reason.and_then(|reason| reason.value()));
            }
        }
        // About the session itself, which ends here.
        (
            "notifications/initialized"
            | "notifications/roots/list_changed"
            | "notifications/progress",
            _,
        )
        | (_, Scope::Merged) => {}
        (_, Scope::Single(server)) => {
            let client = &session.hello.client.name;
            let policy = edge.shared.policy.load();
            if policy.decide_server(client.as_str(), server.as_str()).is_err() {
                return;
            }
            drop(policy);
            let upstreams = &edge.shared.upstreams;
            if let Ok(connection) = upstreams.connection_for(server.as_str(), client).await
                && let Err(error) = connection.notify(method, params).await
            {
                tracing::debug!(%server, %error, "a notification was not passed on");
            }
        }
    }
}
