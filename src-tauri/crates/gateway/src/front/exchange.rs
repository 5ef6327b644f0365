//! One call between an app's request and its answer.
//!
//! The call itself is one future that always runs to its end: policy, record, server, events,
//! record. It is polled by the request it belongs to, so that a call costs no change of task, and
//! tells what it has to say through a small queue. When the request goes away first, because the
//! app closed its connection, the future moves to the gateway's tasks and ends there; that is how
//! the end of every call comes on record whatever the app does. It sees that nobody listens and
//! stops by itself after the grace.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use drawbridge_mcp::sse;
use futures_util::stream;
use http::{Response, StatusCode};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::NO_MEANING;
use super::accept::Forms;
use crate::answer::{self, Answer};

/// What a call has to say to its app.
#[derive(Debug)]
pub(crate) enum Said {
    /// A notification or a question.
    Message(String),
    /// The answer; `None` when the app itself took the call back and expects none.
    Answer(Option<String>),
}

/// The call's side of the queue.
pub(crate) type Voice = mpsc::Sender<Said>;

/// How much a call may say ahead of an app that reads slowly. Then it waits.
const AHEAD: usize = 32;

/// The request's side of a call.
pub(crate) struct Exchange {
    heard: mpsc::Receiver<Said>,
    call: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tasks: TaskTracker,
}

impl Exchange {
    pub(crate) fn new<C>(tasks: &TaskTracker, call: impl FnOnce(Voice) -> C) -> Self
    where
        C: Future<Output = ()> + Send + 'static,
    {
        let (voice, heard) = mpsc::channel(AHEAD);
        Self { heard, call: Some(Box::pin(call(voice))), tasks: tasks.clone() }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(call) = &mut self.call
            && call.as_mut().poll(context).is_ready()
        {
            self.call = None;
        }
        self.heard.poll_recv(context)
    }

    /// The next thing the call says. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The answer, leaving out whatever comes before it.
    pub(crate) async fn answer(mut self) -> Option<String> {
        loop {
            match self.next().await? {
                Said::Message(_) => {}
                Said::Answer(answer) => return answer,
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.heard.close();
        if let Some(call) = self.call.take() {
            self.tasks.spawn(call);
        }
    }
}

/// Times of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// After which an answer that has not come becomes a stream.
    pub(crate) stream_after: Duration,
    /// Between comments on a quiet stream.
    pub(crate) keep_alive: Duration,
}

/// Answers a request in the form that fits: one JSON message where the answer comes first and
/// soon, a stream where something comes before it or it takes long.
pub(crate) async fn respond(mut exchange: Exchange, forms: Forms, pace: Pace) -> Response<Answer> {
    let first = match forms {
        Forms::Json => Some(Said::Answer(exchange.answer().await)),
        Forms::Either => match tokio::time::timeout(pace.stream_after, exchange.next()).await {
            Err(_elapsed) => return answer::events(events(None, exchange, pace.keep_alive)),
            Ok(Some(message @ Said::Message(_))) => {
                return answer::events(events(Some(message), exchange, pace.keep_alive));
            }
            Ok(answer) => answer,
        },
        Forms::Stream => return answer::events(events(None, exchange, pace.keep_alive)),
    };
    match first {
        Some(Said::Answer(Some(message))) => answer::json(StatusCode::OK, message),
        // Nothing is expected any more (2025-11-25, basic/utilities/cancellation).
        _ => super::error(StatusCode::OK, NO_MEANING, "The request was cancelled."),
    }
}

/// What a call says, as events; the answer ends the stream (2025-11-25, basic/transports, sending
/// messages to the server, 6).
fn events(
    first: Option<Said>,
    exchange: Exchange,
    keep_alive: Duration,
) -> impl futures_util::Stream<Item = Bytes> + Send {
    stream::unfold(Some((first, exchange)), move |state| async move {
        let (first, mut exchange) = state?;
        let said = match first {
            Some(said) => Ok(Some(said)),
            None => tokio::time::timeout(keep_alive, exchange.next()).await,
        };
        match said {
            Err(_elapsed) => Some((KEEP_ALIVE, Some((None, exchange)))),
            Ok(Some(Said::Message(message))) => Some((event(&message), Some((None, exchange)))),
            Ok(Some(Said::Answer(Some(message)))) => Some((event(&message), None)),
            Ok(Some(Said::Answer(None)) | None) => None,
        }
    })
}

/// A comment: readers skip it.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// A message as an event.
pub(crate) fn event(message: &str) -> Bytes {
    let mut event = String::with_capacity(message.len() + 32);
    sse::write_event(&mut event, Some("message"), None, message);
    event.into()
}
