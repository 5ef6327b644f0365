//! The way of a request from the socket to its route: guard, token, route. In this order, and the
//! body is not touched on the way.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
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
use crate::refusal::{Refused, shown};
use crate::route::{Route, Target};

/// Answers one request.
pub(crate) async fn answer(
    edge: &Arc<Edge>,
    peer: SocketAddr,
    seat: &Seat,
    request: Request<Incoming>,
) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let target = Target::read(&path);
    let admitted = guard::check(&edge.listening, &edge.shared.guard.load(), &parts, target.path);
    match admitted {
        Err(refusal) => {
            turned_away(edge, peer, &parts, &target, &refusal);
            let mut response =
                refused(target.path, refusal.status(), refusal.code(), &capitalised(&refusal));
            if parts.headers.contains_key(ORIGIN) {
                answer::vary(&mut response);
            }
            response
        }
        Ok(Admitted::Preflight { origin, private_network }) => {
            answer::preflight(origin, private_network)
        }
        Ok(Admitted::Plain) => admit(edge, peer, seat, &target, parts, body).await,
        Ok(Admitted::From(origin)) => {
            let mut response = admit(edge, peer, seat, &target, parts, body).await;
            answer::name_origin(&mut response, origin);
            response
        }
    }
}

/// From the token check on.
async fn admit(
    edge: &Arc<Edge>,
    peer: SocketAddr,
    seat: &Seat,
    target: &Target<'_>,
    parts: Parts,
    body: Incoming,
) -> Response<Answer> {
    let route = Route::read(target.path);
    if route == Route::NoAuthorizationServer {
        return not_found(target.path);
    }
    let client = match auth::client(&edge.shared.clients.load(), &parts.headers, target.token) {
        Ok(client) => client,
        Err(Denied::Missing) if route == Route::Health => {
            return health(&parts.method, || health::FOR_ANYONE.into());
        }
        Err(denied) => {
            turned_away(edge, peer, &parts, target, &denied);
            let (status, code) = match denied {
                Denied::Missing => (StatusCode::UNAUTHORIZED, "token_missing"),
                Denied::Invalid => (StatusCode::UNAUTHORIZED, "token_invalid"),
                Denied::Malformed => (StatusCode::BAD_REQUEST, "authorization_malformed"),
            };
            let mut response = refused(target.path, status, code, denied.sentence());
            answer::challenge(&mut response, denied.challenge());
            return response;
        }
    };
    seat.prove();
    edge.presence.request(&client.name);
    serve(edge, client, route, target, parts, body).await
}

async fn serve(
    edge: &Arc<Edge>,
    client: Arc<Client>,
    route: Route<'_>,
    target: &Target<'_>,
    parts: Parts,
    body: Incoming,
) -> Response<Answer> {
    match route {
        Route::Health => health(&parts.method, || health::for_client(&edge.shared.health.load())),
        Route::Merged => front::merged(edge, client, parts, body).await,
        Route::Single(server) => front::single(edge, client, &server, parts, body).await,
        Route::NoAuthorizationServer | Route::Unknown => not_found(target.path),
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
/// basic/transports, security warning: an error response without an id), our own elsewhere.
fn refused(path: &str, status: StatusCode, code: &str, message: &str) -> Response<Answer> {
    if path == "/mcp" || path.starts_with("/mcp/") {
        front::error(status, front::NO_MEANING, message)
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
