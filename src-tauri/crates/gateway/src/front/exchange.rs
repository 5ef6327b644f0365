//! One call between an app's request and its answer.
//!
//! The call itself is one future that always runs to its end: policy, record, server, events,
//! record. It is polled by the request it belongs to, so that a call costs no change of task, and
//! tells what it has to say through a small queue. When the request goes away first, because the
//! app closed its connection, the future moves to the gateway's tasks and ends there; that is how
//! the end of every call comes on record whatever the app does. It sees that nobody listens and
//! stops by itself after the grace.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use drawbridge_mcp::sse;
use futures_util::stream;
use http::{Response, StatusCode};
use tokio_util::task::TaskTracker;

use super::NO_MEANING;
use super::accept::Forms;
use crate::answer::{self, Answer};

/// What a call has to say to its app.
#[derive(Debug)]
pub enum Said {
    /// A notification or a question.
    Message(String),
    /// The answer; `None` when the app itself took the call back and expects none.
    Answer(Option<String>),
}

/// How much a call may say ahead of an app that reads slowly. Then it waits.
const AHEAD: usize = 32;

/// The queue between a call and its request. The two are polled by the same task, the call first,
/// for as long as there are two of them, and the call is polled anew when it moves: so neither side
/// ever has to wake the other, and what a channel would cost is saved.
#[derive(Debug, Default)]
struct Queue {
    said: VecDeque<Said>,
    /// The request is gone.
    closed: bool,
}

/// The call's side of the queue.
#[derive(Debug, Clone)]
pub struct Voice(Arc<Mutex<Queue>>);

impl Voice {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something. It is lost when the request is gone.
    pub async fn say(&self, said: Said) {
        let mut said = Some(said);
        poll_fn(|_| {
            let mut queue = self.lock();
            if queue.closed {
                return Poll::Ready(());
            }
            // The request has something to take, so it does not sleep, and polls again.
            if queue.said.len() >= AHEAD {
                return Poll::Pending;
            }
            queue.said.extend(said.take());
            Poll::Ready(())
        })
        .await;
    }

    /// Whether the request is gone.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until the request is gone.
    pub async fn closed(&self) {
        poll_fn(|_| if self.is_closed() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// The request's side of a call.
pub struct Exchange {
    heard: Voice,
    call: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    tasks: TaskTracker,
}

impl Exchange {
    /// Begins a call. Should its request go away, it ends among these tasks.
    pub fn new<C>(tasks: &TaskTracker, call: impl FnOnce(Voice) -> C) -> Self
    where
        C: Future<Output = ()> + Send + 'static,
    {
        let heard = Voice(Arc::default());
        let call: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(call(heard.clone()));
        Self { heard, call: Some(call), tasks: tasks.clone() }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(call) = &mut self.call
            && call.as_mut().poll(context).is_ready()
        {
            self.call = None;
        }
        match self.heard.lock().said.pop_front() {
            Some(said) => Poll::Ready(Some(said)),
            None if self.call.is_none() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// The next thing the call says. Cancel-safe.
    pub async fn next(&mut self) -> Option<Said> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The answer, leaving out whatever comes before it.
    pub async fn answer(mut self) -> Option<String> {
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
        self.heard.lock().closed = true;
        if let Some(call) = self.call.take() {
            self.tasks.spawn(call);
        }
    }
}

/// Times of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// After which an answer that has not come becomes a stream.
    pub stream_after: Duration,
    /// Between comments on a quiet stream.
    pub keep_alive: Duration,
}

/// Answers a request in the form that fits: one JSON message where the answer comes first and
/// soon, a stream where something comes before it or it takes long.
pub async fn respond(mut exchange: Exchange, forms: Forms, pace: Pace) -> Response<Answer> {
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn word(n: usize) -> Said {
        Said::Message(n.to_string())
    }

    #[tokio::test]
    async fn everything_is_heard_in_order_however_far_ahead_the_call_is() {
        let mut exchange = Exchange::new(&TaskTracker::new(), async |voice| {
            for n in 0..5 * AHEAD {
                voice.say(word(n)).await;
            }
            voice.say(Said::Answer(Some("done".into()))).await;
        });
        for n in 0..5 * AHEAD {
            let heard = exchange.next().await;
            assert!(matches!(heard, Some(Said::Message(text)) if text == n.to_string()));
        }
        assert!(matches!(exchange.next().await, Some(Said::Answer(Some(_)))));
        assert!(exchange.next().await.is_none());
    }

    #[tokio::test]
    async fn a_call_whose_request_goes_away_runs_to_its_end_and_notices() {
        let tasks = TaskTracker::new();
        for said_before in [0, AHEAD + 1] {
            let (ended, end) = oneshot::channel();
            let mut exchange = Exchange::new(&tasks, async move |voice| {
                for n in 0..said_before {
                    voice.say(word(n)).await;
                }
                voice.closed().await;
                voice.say(word(0)).await;
                let _nobody_waits = ended.send(());
            });
            let first = tokio::time::timeout(Duration::from_millis(1), exchange.next()).await;
            assert_eq!(first.is_ok(), said_before > 0);
            assert_eq!(tasks.len(), 0, "it is part of its request");
            drop(exchange);
            assert_eq!(tasks.len(), 1, "it has moved");
            tokio::time::timeout(Duration::from_secs(10), end)
                .await
                .expect("in time")
                .expect("to its end");
        }
        tasks.close();
        tasks.wait().await;
    }
}
