//! Passing on: what of a request's head goes to the backend, and how its answer comes back.

use std::pin::Pin;

use bytes::Bytes;
use drawbridge_llm::answer::Follower;
use drawbridge_llm::route::Route;
use futures_util::{Stream, StreamExt as _, stream};
use http::Response;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT,
    HOST, HeaderMap, HeaderName, ORIGIN, REFERER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use super::on_record::OnRecord;
use crate::answer::{Answer, CutOff};

/// Headers that belong to one connection (RFC 9110 section 7.6.1, and those it names of old).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "proxy-authenticate")
}

/// What of an app's headers the backend gets: not where the app found us and from which page it
/// comes, not what it proves itself with, and not what belongs to its connection. How long the body
/// is follows from the one that is sent: an address that takes none gets none.
pub(super) fn outbound(headers: &HeaderMap, rewritten: bool) -> HeaderMap {
    let named: Vec<_> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let ours = |name: &HeaderName| {
        [AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, ORIGIN, REFERER].contains(name)
            || matches!(name.as_str(), "x-api-key" | "proxy-authorization")
            || name.as_str().starts_with("sec-")
            || is_hop_by_hop(name)
            || named.iter().any(|other| other == name.as_str())
            || (rewritten && *name == CONTENT_ENCODING)
    };
    let kept = headers.iter().filter(|(name, _)| !ours(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What of a backend's headers the app gets: which pages may read the answer is ours to say.
fn inbound(headers: &HeaderMap) -> HeaderMap {
    let theirs = |name: &HeaderName| {
        *name == SET_COOKIE || name.as_str().starts_with("access-control-") || is_hop_by_hop(name)
    };
    let kept = headers.iter().filter(|(name, _)| !theirs(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, CutOff>> + Send>>;

fn with(response: &reqwest::Response) -> http::response::Builder {
    let mut head = Response::builder().status(response.status());
    if let Some(headers) = head.headers_mut() {
        *headers = inbound(response.headers());
    }
    head
}

fn whole(head: http::response::Builder, pieces: Pieces) -> Response<Answer> {
    head.body(Answer::Passed(pieces)).unwrap_or_else(|_| {
        // The head was taken from one that was read, so this does not happen.
        crate::answer::empty(http::StatusCode::BAD_GATEWAY)
    })
}

/// The answer as it comes. When the backend breaks off, so does this: an end that looks clean
/// would be taken for one.
pub(super) fn unrecorded(response: reqwest::Response) -> Response<Answer> {
    let head = with(&response);
    let pieces = response.bytes_stream().map(|piece| piece.map_err(|_| CutOff));
    whole(head, Box::pin(pieces))
}

/// The same, followed on its way for the record.
pub(super) fn recorded(
    response: reqwest::Response,
    route: &Route,
    path: &str,
    mut entry: OnRecord,
) -> Response<Answer> {
    let head = with(&response);
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    entry.answered(response.status(), Follower::new(route, path, kind.unwrap_or_default()));
    let pieces = Box::pin(response.bytes_stream());
    // The entry is part of what is sent: dropped with it, it says that the app left.
    let pieces = stream::unfold(Some((pieces, entry)), move |going| async move {
        let (mut pieces, mut entry) = going?;
        match pieces.next().await {
            Some(Ok(piece)) => {
                entry.piece(&piece);
                Some((Ok(piece), Some((pieces, entry))))
            }
            Some(Err(_)) => {
                entry.broke_off();
                Some((Err(CutOff), None))
            }
            None => {
                entry.ended();
                None
            }
        }
    });
    whole(head, Box::pin(pieces))
}
