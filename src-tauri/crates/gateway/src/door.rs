//! The way of a request from the socket to its route: guard, token, route. In this order, and the
//! body is not touched on the way.

use std::net::SocketAddr;
use std::sync::Arc;

use drawbridge_llm::route::Dialect;
use http::header::{HOST, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;

use crate::answer::{self, Answer};
use crate::auth::{self, Denied};
use crate::clients::Client;
use crate::connections::Seat;
use crate::edge::Edge;
use crate::front;
use crate::guard::{self, Admitted};
use crate::health;
use crate::models;
use crate::refusal::{Refused, shown};
use crate::route::{Route, Target};
use crate::session::Scope;

/// Answers one request. The head is gone through at once, so that the future, which is part of
/// every request's, holds only what its route needs.
pub(crate) fn answer(
    edge: &Arc<Edge>,
    peer: SocketAddr,
    seat: &Seat,
    request: Request<Incoming>,
) -> impl Future<Output = Response<Answer>> + Send + use<> {
    let (parts, body) = request.into_parts();
    let target = Target::read(parts.uri.path());
    let (admission, origin) = match pass_guard(edge, peer, &parts, &target) {
        Ok(origin) => (admit(edge, peer, seat, &target, &parts), origin),
        Err(response) => (Admission::Answered(response), None),
    };
    let models = matches!(admission, Admission::Models(..))
        .then(|| with_query(target.path, parts.uri.query()));
    let (edge, method, headers) = (Arc::clone(edge), parts.method, parts.headers);
    async move {
        let mut response = match admission {
            Admission::Answered(response) => *response,
            Admission::Mcp(client, scope) => {
                front::answer(&edge, client, scope, &method, &headers, body).await
            }
            Admission::Models(client, dialect) => {
                let path_and_query = models.unwrap_or_default();
                let head = models::Head { method, path_and_query, headers };
                // Boxed, so that the futures of tool calls do not grow by it.
                Box::pin(models::answer(&edge, &client, dialect, head, body)).await
            }
        };
        if let Some(origin) = origin {
            answer::name_origin(&mut response, origin);
        }
        response
    }
}

/// The allowed origin that the answer has to name, if the request comes from one.
fn pass_guard(
    edge: &Edge,
    peer: SocketAddr,
    parts: &Parts,
    target: &Target<'_>,
) -> Result<Option<HeaderValue>, Box<Response<Answer>>> {
    match guard::check(&edge.listening, &edge.shared.guard.load(), parts, target.path) {
        Ok(Admitted::Plain) => Ok(None),
        Ok(Admitted::From(origin)) => Ok(Some(origin)),
        Ok(Admitted::Preflight { origin, private_network }) => {
            Err(Box::new(answer::preflight(origin, private_network)))
        }
        Err(refusal) => {
            turned_away(edge, peer, parts, target, &refusal);
            let (status, message) = (refusal.status(), capitalised(&refusal));
            let mut response = refused(target.path, status, refusal.code(), &message);
            if parts.headers.contains_key(ORIGIN) {
                answer::vary(&mut response);
            }
            Err(Box::new(response))
        }
    }
}

/// What comes of a request that the guard let pass.
enum Admission {
    /// It is answered.
    Answered(Box<Response<Answer>>),
    /// This client speaks MCP to that address.
    Mcp(Arc<Client>, Scope),
    /// This client asks for a model, in that API.
    Models(Arc<Client>, Dialect),
}

/// From the token check on, as far as the head alone decides.
fn admit(
    edge: &Edge,
    peer: SocketAddr,
    seat: &Seat,
    target: &Target<'_>,
    parts: &Parts,
) -> Admission {
    let answered = |response| Admission::Answered(Box::new(response));
    let route = Route::read(target.path);
    if route == Route::NoAuthorizationServer {
        return answered(not_found(target.path));
    }
    let client = match auth::client(&edge.shared.clients.load(), &parts.headers, target.token) {
        Ok(client) => client,
        Err(Denied::Missing) if route == Route::Health => {
            return answered(health(&parts.method, || health::FOR_ANYONE.into()));
        }
        Err(denied) => {
            turned_away(edge, peer, parts, target, &denied);
            let (status, code) = match denied {
                Denied::Missing => (StatusCode::UNAUTHORIZED, "token_missing"),
                Denied::Invalid => (StatusCode::UNAUTHORIZED, "token_invalid"),
                Denied::Malformed => (StatusCode::BAD_REQUEST, "authorization_malformed"),
            };
            let mut response = refused(target.path, status, code, denied.sentence());
            answer::challenge(&mut response, denied.challenge());
            return answered(response);
        }
    };
    seat.prove();
    edge.presence.request(&client.name);
    match route {
        Route::Health => {
            answered(health(&parts.method, || health::for_client(&edge.shared.health.load())))
        }
        Route::Merged => Admission::Mcp(client, Scope::Merged),
        Route::Single(server) => match front::single(edge, &server) {
            Ok(scope) => Admission::Mcp(client, scope),
            Err(unknown) => Admission::Answered(unknown),
        },
        Route::Models(dialect) => Admission::Models(client, dialect),
        Route::NoAuthorizationServer | Route::Unknown => answered(not_found(target.path)),
    }
}

fn with_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn health(method: &Method, body: impl FnOnce() -> Vec<u8>) -> Response<Answer> {
    match *method {
        Method::GET | Method::HEAD => answer::json(StatusCode::OK, body()),
        _ => answer::method_not_allowed("GET, HEAD"),
    }
}

fn not_found(path: &str) -> Response<Answer> {
    refused(path, StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
}

/// An error in the shape of the address it is about: JSON-RPC on the MCP addresses (2025-11-25,
/// basic/transports, security warning: an error response without an id), that of the API on the
/// addresses of models, our own elsewhere.
fn refused(path: &str, status: StatusCode, code: &str, message: &str) -> Response<Answer> {
    if path == "/mcp" || path.starts_with("/mcp/") {
        front::error(status, front::NO_MEANING, message)
    } else if let Some(dialect) = Dialect::of(path) {
        models::error(dialect, status, message)
    } else {
        answer::error(status, code, message)
    }
}

fn capitalised(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).chain(['.']).collect(),
        None => text,
    }
}

fn turned_away(
    edge: &Edge,
    peer: SocketAddr,
    parts: &Parts,
    target: &Target<'_>,
    reason: &impl ToString,
) {
    edge.door.turned_away(Refused {
        peer: peer.to_string(),
        request: format!("{} {}", shown_method(&parts.method), target.shown()),
        host: shown(parts.headers.get(HOST)),
        origin: shown(parts.headers.get(ORIGIN)),
        reason: reason.to_string(),
    });
}

/// A method may be any token; what is shown of it is bounded.
fn shown_method(method: &Method) -> &str {
    let method = method.as_str();
    method.get(..16).unwrap_or(method)
}
