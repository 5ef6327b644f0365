//! Answers as they arrive: one JSON document, or a stream of events.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::Response;

use super::link::{HttpLink, Session, detail};
use crate::core::Core;
use crate::error::ConnectError;
use crate::event::ServerEvent;
use crate::sse::{EventReader, EventTooLong};

/// Failures in a row after which an interrupted answer is given up.
const RESUMES_LIMIT: u32 = 5;
/// Wait before a stream is asked for again, unless the server names another.
const RESUME_WAIT: Duration = Duration::from_secs(1);
const RESUME_WAIT_LIMIT: Duration = Duration::from_secs(30);
/// How long the end of a stream is awaited after the answer, so that its connection can be used
/// again.
const TRAILER_LIMIT: Duration = Duration::from_secs(2);

/// Where to go on when a stream breaks.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) last_id: Option<String>,
    pub(crate) retry: Option<Duration>,
}

/// How a stream ended that can go on.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Messages it brought.
    pub(crate) messages: u64,
    pub(crate) why: String,
}

/// Reads the answer to a call, however it comes.
pub(crate) async fn receive(
    core: &Arc<Core>,
    link: &HttpLink,
    response: Response,
    call: u64,
    session: &Session,
) -> Result<(), ConnectError> {
    if is_event_stream(&response) {
        return receive_events(core, link, response, call, session).await;
    }
    let kind = content_type(&response);
    let status = response.status();
    let body = body(response, link.message_limit()).await?;
    let malformed = |detail: String| Err(ConnectError::Malformed { detail });
    if body.trim_ascii().is_empty() {
        return malformed(format!("HTTP {status} without an answer"));
    }
    if !kind.eq_ignore_ascii_case("application/json") {
        return malformed(format!("an answer of type {kind:?}"));
    }
    let Ok(text) = std::str::from_utf8(&body) else {
        return malformed("the answer is not UTF-8".to_owned());
    };
    if let Err(error) = core.received(text, Some(call)) {
        return malformed(error.to_string());
    }
    if core.calls.is_open(call) {
        return malformed("the answer is to another request".to_owned());
    }
    Ok(())
}

async fn receive_events(
    core: &Arc<Core>,
    link: &HttpLink,
    response: Response,
    call: u64,
    session: &Session,
) -> Result<(), ConnectError> {
    let mut place = Place::default();
    let mut ended = read_events(core, response, Some(call), &mut place, link).await?;
    let mut failures = 0;
    while core.calls.is_open(call) {
        if place.last_id.is_none() || failures == RESUMES_LIMIT {
            let detail = format!("the connection broke before the answer: {}", ended.why);
            return Err(ConnectError::Unreachable { detail });
        }
        tokio::time::sleep(place.retry.unwrap_or(RESUME_WAIT)).await;
        match link.get(session, place.last_id.as_deref()).await {
            Ok(response) if response.status().is_success() && is_event_stream(&response) => {
                failures = 0;
                ended = read_events(core, response, Some(call), &mut place, link).await?;
            }
            Ok(response) if response.status().is_client_error() => {
                let detail = format!(
                    "the connection broke before the answer, and the rest is not to be had: HTTP {}",
                    response.status().as_u16()
                );
                return Err(ConnectError::Unreachable { detail });
            }
            Ok(response) => {
                failures += 1;
                ended.why = format!("HTTP {}", response.status().as_u16());
            }
            Err(error) => {
                failures += 1;
                ended.why = error.to_string();
            }
        }
    }
    Ok(())
}

/// Reads a stream to its end, or until the call on it has its answer.
///
/// # Errors
/// When an event is too long to be read.
pub(crate) async fn read_events(
    core: &Arc<Core>,
    mut response: Response,
    call: Option<u64>,
    place: &mut Place,
    link: &HttpLink,
) -> Result<Ended, ConnectError> {
    let mut reader = EventReader::new(link.message_limit());
    let mut messages = 0;
    let why = loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break "the server ended the stream".to_owned(),
            Err(error) => break detail(&error),
        };
        let read = reader.feed(&piece, |event| {
            if event.kind != "message" {
                return;
            }
            messages += 1;
            if core.received(&event.data, call).is_err() {
                let line: String = event.data.chars().take(1024).collect();
                let bytes = line.len();
                // What finds no room is counted by the mailbox.
                let _ = core.events.push(ServerEvent::Rubbish(line), bytes);
            }
        });
        if let Some(id) = reader.last_id() {
            place.last_id = Some(id.to_owned());
        }
        if let Some(retry) = reader.retry_ms() {
            place.retry = Some(Duration::from_millis(retry).min(RESUME_WAIT_LIMIT));
        }
        read.map_err(|EventTooLong(limit)| ConnectError::TooLarge { limit })?;
        if call.is_some_and(|call| !core.calls.is_open(call)) {
            let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = tokio::time::timeout(TRAILER_LIMIT, rest).await;
            break String::new();
        }
    };
    Ok(Ended { messages, why })
}

pub(crate) fn is_event_stream(response: &Response) -> bool {
    content_type(response).eq_ignore_ascii_case("text/event-stream")
}

fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_owned()
}

/// The whole body, unless it is longer than the limit.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, ConnectError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if body.len() + piece.len() <= limit => body.extend_from_slice(&piece),
            Ok(Some(_)) => return Err(ConnectError::TooLarge { limit }),
            Ok(None) => return Ok(body),
            Err(error) => return Err(ConnectError::Unreachable { detail: detail(&error) }),
        }
    }
}
