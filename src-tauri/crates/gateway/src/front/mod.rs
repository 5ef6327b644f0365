//! MCP as apps speak it today: revisions 2024-11-05 to 2025-11-25 over Streamable HTTP, with
//! `initialize` and sessions. `/mcp` shows all servers together, `/mcp/{server}` one in its own
//! words.
//!
//! What is answered here: opening, sessions, pings, lists (from the catalog, as far as the policy
//! shows them), log levels and the counting of subscriptions. Everything else crosses to a server
//! through [`calls`], which alone asks the policy and keeps the record.

pub(crate) mod exchange;
pub(crate) mod fanout;
pub(crate) mod interest;

pub(crate) mod accept;
mod batch;
pub(crate) mod body;
mod calls;
mod consent;
mod content;
mod decision;
mod ending;
mod initialize;
mod kept;
mod listen;
mod lists;
mod questions;
mod requests;
mod resources;
mod targets;

use std::sync::Arc;

use drawbridge_mcp::Outcome;
use drawbridge_mcp::wire::{self, Id, Message, WireError};
use futures_util::stream;
use http::header::{HeaderMap, HeaderName};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::value::RawValue;

use self::accept::Forms;
use self::exchange::Pace;
use self::requests::Turn;
use crate::answer::{self, Answer};
use crate::clients::Client;
use crate::edge::Edge;
use crate::session::{Revision, Scope, Session};

/// A JSON-RPC error code from the range in which codes carry no meaning of their own: the sentence
/// says it all.
pub(crate) const NO_MEANING: i32 = -32000;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// An HTTP answer with a JSON-RPC error that belongs to no request.
pub(crate) fn error(status: StatusCode, code: i32, message: &str) -> Response<Answer> {
    answer::json(status, wire::error_response(None, code, message))
}

/// The scope of `/mcp/{server}`.
pub(crate) fn single(edge: &Edge, server: &str) -> Result<Scope, Box<Response<Answer>>> {
    match edge.shared.policy.load().servers.get_key_value(server) {
        Some((name, _)) => Ok(Scope::Single(name.clone())),
        None => {
            let why = "There is no server of that name.";
            Err(Box::new(error(StatusCode::NOT_FOUND, NO_MEANING, why)))
        }
    }
}

/// Answers a request to `/mcp` or `/mcp/{server}`.
pub(crate) async fn answer(
    edge: &Arc<Edge>,
    client: Arc<Client>,
    scope: Scope,
    method: &Method,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Answer> {
    match *method {
        Method::POST => post(edge, client, scope, headers, body).await,
        Method::GET => {
            if !accept::wants_stream(headers) {
                return error(
                    StatusCode::NOT_ACCEPTABLE,
                    NO_MEANING,
                    "A GET is answered with text/event-stream, which Accept does not name.",
                );
            }
            match session_of(edge, &client, &scope, headers) {
                Ok(session) => listen::listen(edge, session),
                Err(refusal) => *refusal,
            }
        }
        Method::DELETE => match session_of(edge, &client, &scope, headers) {
            Ok(session) => {
                let ended = edge.sessions.end_where(|known| known.key == session.key);
                edge.tidy(&ended);
                answer::empty(StatusCode::NO_CONTENT)
            }
            Err(refusal) => *refusal,
        },
        _ => answer::method_not_allowed("POST, GET, DELETE"),
    }
}

/// What is rare is boxed: its future would else be part of each call's.
async fn post(
    edge: &Arc<Edge>,
    client: Arc<Client>,
    scope: Scope,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Answer> {
    if !body::is_json(headers) {
        return error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            NO_MEANING,
            "The body has to be application/json.",
        );
    }
    let Some(forms) = accept::forms(headers) else {
        return error(
            StatusCode::NOT_ACCEPTABLE,
            NO_MEANING,
            "Answers are application/json or text/event-stream, and Accept names neither.",
        );
    };
    let body = match body::read(body, &edge.limits).await {
        Ok(body) => body,
        Err(refusal) => return error(refusal.status(), NO_MEANING, refusal.sentence()),
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return error(StatusCode::BAD_REQUEST, wire::PARSE_ERROR, "The body is not UTF-8.");
    };
    let message = match wire::parse(text) {
        Err(WireError::Batch) => {
            return match session_of(edge, &client, &scope, headers) {
                Ok(session) => Box::pin(batch::answer(edge, &session, text, forms)).await,
                Err(refusal) => *refusal,
            };
        }
        Err(unreadable) => {
            return error(StatusCode::BAD_REQUEST, unreadable.code(), &unreadable.to_string());
        }
        Ok(message) => message,
    };
    if let Message::Request { id, method, params } = &message
        && method == "initialize"
    {
        return match valid_id(*id) {
            Ok(id) => {
                Box::pin(initialize::initialize(edge, client, scope, id, *params, forms)).await
            }
            Err(refusal) => *refusal,
        };
    }
    let session = match session_of(edge, &client, &scope, headers) {
        Ok(session) => session,
        Err(refusal) => return *refusal,
    };
    match message {
        Message::Request { id, method, params } => {
            let id = match valid_id(id) {
                Ok(id) => id,
                Err(refusal) => return *refusal,
            };
            match requests::take(edge, &session, id, &method, params, forms).await {
                Turn::Answered(message) => now(message, forms),
                Turn::UnderWay(exchange) => {
                    let pace = Pace {
                        stream_after: edge.limits.stream_after,
                        keep_alive: edge.limits.keep_alive,
                    };
                    exchange::respond(exchange, forms, pace).await
                }
            }
        }
        other => {
            Box::pin(told(edge, &session, other)).await;
            answer::empty(StatusCode::ACCEPTED)
        }
    }
}

/// An id that MCP allows: `null` is none (2025-11-25, basic, requests).
fn valid_id(id: Id<'_>) -> Result<&str, Box<Response<Answer>>> {
    if id.is_null() {
        let why = "the id of a request is a string or a number";
        return Err(Box::new(error(StatusCode::BAD_REQUEST, wire::INVALID_REQUEST, why)));
    }
    Ok(id.raw())
}

/// Takes a notification or the answer to a question.
async fn told(edge: &Arc<Edge>, session: &Arc<Session>, message: Message<'_>) {
    match message {
        Message::Notification { method, params } => {
            requests::notified(edge, session, &method, params).await;
        }
        Message::Result { id, result } => {
            questions::answered(session, id.number(), Outcome::Result(result.to_owned()));
        }
        Message::Error { id, error } => {
            let id = id.and_then(|id| id.number());
            questions::answered(session, id, Outcome::Error(error.to_owned()));
        }
        Message::Request { .. } => {}
    }
}

/// The session a request belongs to (2025-11-25, basic/transports, session management, and
/// protocol version header).
fn session_of(
    edge: &Edge,
    client: &Client,
    scope: &Scope,
    headers: &HeaderMap,
) -> Result<Arc<Session>, Box<Response<Answer>>> {
    let refuse = |status, message| Err(Box::new(error(status, NO_MEANING, message)));
    let mut ids = headers.get_all(SESSION_ID).iter();
    let (id, None) = (ids.next(), ids.next()) else {
        return refuse(StatusCode::BAD_REQUEST, "The request names more than one session.");
    };
    let Some(id) = id else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "The request belongs to no session: send initialize first, then Mcp-Session-Id.",
        );
    };
    let session = id.to_str().ok().and_then(|id| edge.sessions.find(client, scope, id));
    let Some(session) = session else {
        return refuse(
            StatusCode::NOT_FOUND,
            "There is no such session. It may have ended; send initialize again.",
        );
    };
    // Absent, the session's own revision counts.
    let spoken = headers.get_all(PROTOCOL_VERSION).iter();
    for version in spoken {
        if version.to_str().ok().and_then(Revision::read).is_none() {
            return refuse(
                StatusCode::BAD_REQUEST,
                "MCP-Protocol-Version names a revision that is not spoken here.",
            );
        }
    }
    session.touch();
    Ok(session)
}

/// An answer that is there at once, in the form the app takes.
fn now(message: String, forms: Forms) -> Response<Answer> {
    match forms {
        Forms::Json | Forms::Either => answer::json(StatusCode::OK, message),
        Forms::Stream => {
            let event = exchange::event(&message);
            answer::events(stream::once(std::future::ready(event)))
        }
    }
}

/// Parameters as a value of their own.
fn owned(params: Option<&RawValue>) -> Option<Box<RawValue>> {
    params.map(ToOwned::to_owned)
}
