//! What one connection is, behind its handle: calls in flight, questions, events, and the link.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use drawbridge_model::Problem;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{CallEvent, CallLost, Calls, Outcome};
use crate::event::{self, ServerEvent};
use crate::http::link::HttpLink;
use crate::mailbox::{Mailbox, lock};
use crate::opening::{ConnectOptions, Opening};
use crate::peer::PeerFeatures;
use crate::stdio::outbox::Outbox;
use crate::wire::{self, Message};

/// How messages travel.
#[derive(Debug)]
pub(crate) enum Link {
    /// One message a line, over a pair of pipes.
    Stdio(Arc<Outbox>),
    /// One HTTP request a message.
    Http(Box<HttpLink>),
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) calls: Calls,
    /// Questions of the server that wait, by their id as JSON text. As many as the server asks,
    /// but each one waits in the bounded mailbox of a call or with its reader.
    pub(crate) questions: Mutex<HashMap<Box<str>, CancellationToken>>,
    pub(crate) events: Arc<Mailbox<ServerEvent>>,
    pub(crate) link: Link,
    pub(crate) opening: OnceLock<Opening>,
    pub(crate) declared: PeerFeatures,
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the connection is to end; its tasks watch it.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the connection has ended: after that nothing is sent or received.
    pub(crate) ended: CancellationToken,
}

impl Core {
    pub(crate) fn new(link: Link, options: &ConnectOptions) -> Arc<Self> {
        Arc::new(Self {
            calls: Calls::default(),
            questions: Mutex::default(),
            events: Arc::new(Mailbox::new()),
            link,
            opening: OnceLock::new(),
            declared: options.declare,
            tasks: options.tasks.clone(),
            stop: options.stop.child_token(),
            ended: CancellationToken::new(),
        })
    }

    /// Ends the connection: every call in flight ends with the sentence, waiting questions are
    /// withdrawn, and the tasks stop. Only the first reason counts.
    pub(crate) fn shut(&self, problem: &Problem) {
        if !self.calls.close(problem) {
            return;
        }
        lock(&self.questions).clear();
        if let Link::Stdio(outbox) = &self.link {
            outbox.close();
        }
        self.stop.cancel();
        self.events.finish(ServerEvent::Closed(problem.message.clone()));
        self.ended.cancel();
    }

    /// Sends a message that nobody waits for. Never blocks; what cannot be sent is lost, which is
    /// all that can happen to a message to a server that is gone.
    pub(crate) fn send_soon(&self, message: Vec<u8>) {
        match &self.link {
            Link::Stdio(outbox) => outbox.push_soon(&message),
            Link::Http(link) => link.post_soon(message, &self.tasks, self.stop.clone()),
        }
    }

    /// Takes one message of the server. `call` is the call on whose stream it came, where streams
    /// belong to calls. Gives the text back as an error when it is no message.
    pub(crate) fn received(
        self: &Arc<Self>,
        text: &str,
        call: Option<u64>,
    ) -> Result<(), wire::WireError> {
        match wire::parse(text) {
            Ok(message) => {
                self.take(message, call);
                Ok(())
            }
            // Revision 2025-03-26 lets a server put several messages into one array.
            Err(wire::WireError::Batch) => {
                let messages: Vec<&RawValue> = serde_json::from_str(text)
                    .map_err(|error| wire::WireError::NotJson(error.to_string()))?;
                for message in messages {
                    self.take(wire::parse(message.get())?, call);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take(self: &Arc<Self>, message: Message<'_>, call: Option<u64>) {
        match message {
            Message::Result { id, result } => {
                if let Some(id) = id.number() {
                    self.calls.finish(id, CallEvent::Done(Outcome::Result(result.to_owned())));
                }
            }
            Message::Error { id, error } => {
                // On a stream that belongs to a call, an error without an id is that call's.
                let id = match id {
                    Some(id) if !id.is_null() => id.number(),
                    _ => call,
                };
                let error = Outcome::Error(error.to_owned());
                match id {
                    Some(id) => drop(self.calls.finish(id, CallEvent::Done(error))),
                    None => tracing::warn!("a server sent an error that belongs to no request"),
                }
            }
            Message::Request { id, method, params } => self.asked(id, &method, params, call),
            Message::Notification { method, params } => self.told(&method, params, call),
        }
    }

    fn told(&self, method: &str, params: Option<&RawValue>, call: Option<u64>) {
        match (method, params, call) {
            ("notifications/progress", Some(params), _) => self.calls.progress(method, params),
            ("notifications/cancelled", params, _) => self.question_withdrawn(params),
            // These change what all sessions see, whatever stream they came on.
            (
                "notifications/tools/list_changed"
                | "notifications/prompts/list_changed"
                | "notifications/resources/list_changed"
                | "notifications/resources/updated",
                ..,
            )
            | (_, _, None) => event::announce(&self.events, method, params),
            (_, _, Some(call)) => {
                let event = CallEvent::Notification {
                    method: method.to_owned(),
                    params: params.map(ToOwned::to_owned),
                };
                // What finds no room is counted by the mailbox.
                let bytes = params.map_or(0, |params| params.get().len());
                let _ = self.calls.push(call, event, bytes);
            }
        }
    }

    /// Ends one call that can have no answer.
    pub(crate) fn lose(&self, id: u64, problem: Problem) {
        self.calls.finish(id, CallEvent::Lost(CallLost(problem)));
    }
}
