//! Calls in flight.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use drawbridge_model::Problem;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::core::Core;
use crate::mailbox::{Mailbox, lock};
use crate::peer::Caller;
use crate::question::ServerRequest;
use crate::wire;

/// What came of a request: the server's own words, untouched.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The value of `result`.
    Result(Box<RawValue>),
    /// The value of `error`.
    Error(Box<RawValue>),
}

/// No answer came and none will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct CallLost(pub Problem);

/// One thing that happened to a call.
#[derive(Debug)]
pub enum CallEvent {
    /// The server says something about the call: progress, with the caller's own token in place,
    /// or another notification on the stream of the call.
    Notification {
        /// Its method.
        method: String,
        /// Its parameters.
        params: Option<Box<RawValue>>,
    },
    /// The server asks the caller something and waits.
    Question(ServerRequest),
    /// The server answered. Nothing follows.
    Done(Outcome),
    /// The server is gone, broke off, or answered with something that is no answer. Nothing
    /// follows. Whether the call did its work is not known.
    Lost(CallLost),
}

/// The events of one call, in the order the server sent them, the outcome last.
///
/// At most 1,024 events or 4 MiB of them wait. When a caller does not keep up, notifications are
/// dropped and counted and questions are refused; the outcome always comes.
///
/// Dropping a call before its outcome cancels it: the server is told (`notifications/cancelled`)
/// and a late answer is swallowed.
#[derive(Debug)]
pub struct Call {
    id: u64,
    mailbox: Arc<Mailbox<CallEvent>>,
    ended: bool,
    // Keeps the connection open as long as a call is.
    connection: Connection,
}

impl Call {
    pub(crate) fn new(id: u64, mailbox: Arc<Mailbox<CallEvent>>, connection: Connection) -> Self {
        Self { id, mailbox, ended: false, connection }
    }

    /// The next event. After [`CallEvent::Done`] or [`CallEvent::Lost`] it gives `Lost`. May be
    /// dropped and called again: no event is lost.
    pub async fn next(&mut self) -> CallEvent {
        let event = poll_fn(|context| self.mailbox.poll(context)).await;
        let event = event.unwrap_or_else(|| {
            CallEvent::Lost(CallLost(Problem::new("The call has ended already.", "")))
        });
        self.ended |= matches!(event, CallEvent::Done(_) | CallEvent::Lost(_));
        event
    }

    /// The id its request has on the way to the server.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the outcome. Notifications are dropped and questions refused on the way.
    ///
    /// # Errors
    /// [`CallLost`] when none will come.
    pub async fn outcome(mut self) -> Result<Outcome, CallLost> {
        loop {
            match self.next().await {
                CallEvent::Done(outcome) => return Ok(outcome),
                CallEvent::Lost(lost) => return Err(lost),
                CallEvent::Notification { .. } | CallEvent::Question(_) => {}
            }
        }
    }

    /// Gives the call up and tells the server, with the caller's reason (a JSON string) if there
    /// is one.
    pub fn cancel(mut self, reason: Option<&RawValue>) {
        self.give_up(reason.map(RawValue::get));
    }

    /// How many notifications found no room because they were not taken in time.
    #[must_use]
    pub fn dropped_notifications(&self) -> u64 {
        self.mailbox.dropped()
    }

    fn give_up(&mut self, reason: Option<&str>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.connection.core().abandon(self.id, reason);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.give_up(None);
    }
}

/// What is known of a call in flight.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mailbox: Arc<Mailbox<CallEvent>>,
    /// Who it is for; `None` for requests of our own.
    pub(crate) caller: Option<Caller>,
    /// The caller's progress token as JSON text; the server only sees our id.
    pub(crate) token: Option<Box<str>>,
    /// Ends what works on it, where a task does.
    pub(crate) worker: Option<CancellationToken>,
    /// Whether giving it up is told to the server. `initialize` must not be cancelled (MCP
    /// 2025-11-25, basic/utilities/cancellation).
    pub(crate) cancellable: bool,
}

/// The calls in flight of one connection, by our request id. No lock is held longer than it takes
/// to look something up.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    open: HashMap<u64, Entry>,
    /// Why nothing is taken any more.
    closed: Option<Problem>,
}

impl Calls {
    /// Takes a call and gives it an id, or says why the connection is closed.
    pub(crate) fn open(&self, entry: Entry) -> Result<u64, Problem> {
        let mut table = lock(&self.table);
        if let Some(problem) = &table.closed {
            return Err(problem.clone());
        }
        table.last_id += 1;
        let id = table.last_id;
        table.open.insert(id, entry);
        Ok(id)
    }

    /// Ends a call. An unknown id is that of a call that was given up, whose answer is swallowed.
    pub(crate) fn finish(&self, id: u64, last: CallEvent) -> bool {
        let entry = lock(&self.table).open.remove(&id);
        match entry {
            Some(entry) => {
                entry.mailbox.finish(last);
                true
            }
            None => false,
        }
    }

    /// From now on giving the call up is told to the server. `false` when it was given up before.
    pub(crate) fn sending(&self, id: u64) -> bool {
        let mut table = lock(&self.table);
        let entry = table.open.get_mut(&id);
        entry.map(|entry| entry.cancellable = true).is_some()
    }

    /// Forgets a call.
    pub(crate) fn remove(&self, id: u64) -> Option<Entry> {
        lock(&self.table).open.remove(&id)
    }

    pub(crate) fn is_open(&self, id: u64) -> bool {
        lock(&self.table).open.contains_key(&id)
    }

    /// Hands an event to a call; gives it back when there is no such call or no room.
    pub(crate) fn push(&self, id: u64, event: CallEvent, bytes: usize) -> Result<(), CallEvent> {
        let mailbox = lock(&self.table).open.get(&id).map(|entry| Arc::clone(&entry.mailbox));
        match mailbox {
            Some(mailbox) => mailbox.push(event, bytes),
            None => Err(event),
        }
    }

    /// Progress: finds the call by our token and puts the caller's own back in its place. What
    /// belongs to no call in flight, or to one that asked for none, is dropped.
    pub(crate) fn progress(&self, method: &str, params: &RawValue) {
        let Ok(Some(field)) = wire::find(params, &["progressToken"]) else { return };
        let Ok(id) = field.raw.parse::<u64>() else { return };
        let (mailbox, token) = {
            let table = lock(&self.table);
            match table.open.get(&id) {
                Some(Entry { mailbox, token: Some(token), .. }) => {
                    (Arc::clone(mailbox), token.clone())
                }
                _ => return,
            }
        };
        let text = params.get();
        let text = [&text[..field.span.start], &*token, &text[field.span.end..]].concat();
        let bytes = text.len();
        let event =
            CallEvent::Notification { method: method.to_owned(), params: Some(wire::raw(text)) };
        // What finds no room is counted by the mailbox.
        let _ = mailbox.push(event, bytes);
    }

    /// The newest call of the only caller that has calls in flight. A question that arrives on a
    /// stream that belongs to no call can be for nobody else; with two callers it would be a
    /// guess, and a guess shows one person's business to another.
    pub(crate) fn only_caller(&self) -> OnlyCaller {
        let table = lock(&self.table);
        let mut newest: Option<(u64, Caller)> = None;
        for (id, entry) in &table.open {
            let Some(caller) = entry.caller else { continue };
            newest = match newest {
                Some((_, known)) if known.key != caller.key => return OnlyCaller::Several,
                Some((newer, known)) if newer > *id => Some((newer, known)),
                _ => Some((*id, caller)),
            };
        }
        newest.map_or(OnlyCaller::Nobody, |(id, caller)| OnlyCaller::Call(id, caller))
    }

    pub(crate) fn caller_of(&self, id: u64) -> Option<Caller> {
        lock(&self.table).open.get(&id)?.caller
    }

    /// Ends every call and takes no more. Gives false when that had happened before.
    pub(crate) fn close(&self, problem: &Problem) -> bool {
        let open = {
            let mut table = lock(&self.table);
            if table.closed.is_some() {
                return false;
            }
            table.closed = Some(problem.clone());
            std::mem::take(&mut table.open)
        };
        for entry in open.into_values() {
            entry.mailbox.finish(CallEvent::Lost(CallLost(problem.clone())));
            if let Some(worker) = entry.worker {
                worker.cancel();
            }
        }
        true
    }

    pub(crate) fn closed(&self) -> Option<Problem> {
        lock(&self.table).closed.clone()
    }
}

/// Who a question without a call can be for.
#[derive(Debug)]
pub(crate) enum OnlyCaller {
    /// No call is in flight.
    Nobody,
    /// More than one caller has calls in flight.
    Several,
    /// This call, the newest of the one caller.
    Call(u64, Caller),
}

impl Core {
    /// Gives a call up: tells the server, best effort and without waiting, unless the call has
    /// ended.
    pub(crate) fn abandon(&self, id: u64, reason: Option<&str>) {
        let Some(entry) = self.calls.remove(id) else { return };
        if entry.cancellable {
            let reason = reason.filter(|reason| reason.starts_with('"'));
            let params = match reason {
                Some(reason) => format!(r#"{{"requestId":{id},"reason":{reason}}}"#),
                None => format!(r#"{{"requestId":{id}}}"#),
            };
            let mut message = Vec::with_capacity(params.len() + 80);
            wire::push_notification(&mut message, "notifications/cancelled", Some(&params));
            self.send_soon(message);
        }
        if let Some(worker) = entry.worker {
            worker.cancel();
        }
    }
}
