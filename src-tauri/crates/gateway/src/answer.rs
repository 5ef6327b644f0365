//! Answers: the body type of all our responses, and the two shapes of our own errors.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;

/// What an answer is passed on from broke off. The connection is cut, so that the app sees it too.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the answer broke off")]
pub struct CutOff;

/// A response's body: whole, an event stream, or somebody else's.
pub enum Answer {
    /// All of it.
    Whole(Bytes),
    /// Events as they come.
    Events(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
    /// What another server answers, as it comes.
    Passed(Pin<Box<dyn Stream<Item = Result<Bytes, CutOff>> + Send>>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Events(events) => {
                events.as_mut().poll_next(context).map(|next| next.map(|b| Ok(Frame::data(b))))
            }
            Self::Passed(pieces) => pieces
                .as_mut()
                .poll_next(context)
                .map(|next| next.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) | Self::Passed(_) => SizeHint::default(),
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn empty(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// An answer in JSON, which the body must be.
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An event stream. No intermediary is to keep or delay it.
pub(crate) fn events(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response<Answer> {
    let mut response = Response::new(Answer::Events(Box::pin(stream)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// An error of one of our own routes: `{"code","message"}`. Neither holds anything that was sent.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response<Answer> {
    #[derive(Serialize)]
    struct Shape<'a> {
        code: &'a str,
        message: &'a str,
    }
    json(status, serde_json::to_vec(&Shape { code, message }).unwrap_or_default())
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Answer> {
    let mut response = error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not take that method.",
    );
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Asks for a token (RFC 6750 section 3). No OAuth metadata is named: there is none.
pub(crate) fn challenge(response: &mut Response<Answer>, challenge: &'static str) {
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
}

/// Answers a preflight for an allowed origin.
pub(crate) fn preflight(origin: HeaderValue, private_network: bool) -> Response<Answer> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let mut put = |name, value| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    put("access-control-allow-methods", "POST, GET, DELETE");
    put(
        "access-control-allow-headers",
        "authorization, x-api-key, content-type, accept, mcp-session-id, mcp-protocol-version, \
         mcp-method, mcp-name, last-event-id, anthropic-version, anthropic-beta, \
         anthropic-dangerous-direct-browser-access, openai-beta, openai-organization, \
         openai-project, x-stainless-arch, x-stainless-helper-method, x-stainless-lang, \
         x-stainless-os, x-stainless-package-version, x-stainless-retry-count, \
         x-stainless-runtime, x-stainless-runtime-version, x-stainless-timeout",
    );
    put("access-control-max-age", "600");
    if private_network {
        put("access-control-allow-private-network", "true");
    }
    name_origin(&mut response, origin);
    response
}

/// Names the allowed origin a request came from, so that its page may read the answer.
pub(crate) fn name_origin(response: &mut Response<Answer>, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("access-control-allow-origin"), origin);
    headers.insert(
        HeaderName::from_static("access-control-expose-headers"),
        HeaderValue::from_static("mcp-session-id, www-authenticate"),
    );
    vary(response);
}

/// Says that the answer depends on `Origin`.
pub(crate) fn vary(response: &mut Response<Answer>) {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
}
