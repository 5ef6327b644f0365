//! The handle on one connected server.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::Problem;
use serde_json::value::RawValue;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::call::{Call, CallEvent, CallLost, Entry, Outcome};
use crate::core::{Core, Link};
use crate::mailbox::Mailbox;
use crate::opening::Opening;
use crate::peer::Caller;
use crate::wire::{self, Edit, WireError};

/// One connected server: a child process, a session with a remote server, or a built-in one.
///
/// Cheap to clone. When the last handle and the last [`Call`] are dropped the connection is
/// closed.
#[derive(Debug, Clone)]
pub struct Connection {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
    _stop: DropGuard,
}

/// A request to forward.
#[derive(Debug)]
pub struct Request<'a> {
    /// What is asked.
    pub method: &'a str,
    /// An object, sent as it is except for `edits` and the progress token.
    pub params: Option<&'a RawValue>,
    /// Spans of `params` to exchange on the way, found with [`wire::find`]. The progress token
    /// needs none: the connection exchanges it for its own.
    pub edits: &'a [Edit<'a>],
    /// Who it is for.
    pub caller: Caller,
}

impl<'a> Request<'a> {
    /// A request sent as it is.
    #[must_use]
    pub fn new(method: &'a str, params: Option<&'a RawValue>, caller: Caller) -> Self {
        Self { method, params, edits: &[], caller }
    }
}

/// Why a request was not answered, or not even sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection has ended. Nothing was sent.
    #[error("the connection is closed: {}", .0.message)]
    Closed(Problem),
    /// The parameters cannot be sent: a key that is interpreted stands twice.
    #[error(transparent)]
    Params(#[from] WireError),
    /// No answer came within the limit; the request was cancelled. Only for requests of our own.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It was sent and no answer will come.
    #[error(transparent)]
    Lost(#[from] CallLost),
}

impl SendError {
    /// What happened, for a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Closed(problem) | Self::Lost(CallLost(problem)) => problem.clone(),
            Self::Params(error) => {
                Problem::new("The request is malformed and was not sent.", error.to_string())
            }
            Self::TimedOut(limit) => Problem::new(
                format!("The server did not answer within {} seconds.", limit.as_secs()),
                "",
            ),
        }
    }
}

impl Connection {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let stop = core.stop.clone().drop_guard();
        Self { handle: Arc::new(Handle { core, _stop: stop }) }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// What the server said when it was opened.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        self.core().opening.get_or_init(Opening::unknown)
    }

    /// Sends a request. Waits only while the server does not take what was sent before (1 MiB
    /// of it).
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended, [`SendError::Params`] when `_meta` or
    /// its progress token stands twice. A server that is lost later ends the call with
    /// [`CallEvent::Lost`].
    pub async fn request(&self, request: Request<'_>) -> Result<Call, SendError> {
        self.start(request.method, request.params, request.edits, Some(request.caller)).await
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended, and over HTTP [`SendError::Lost`] when
    /// the server does not take it.
    pub async fn notify(&self, method: &str, params: Option<&RawValue>) -> Result<(), SendError> {
        self.core().notify(method, params).await
    }

    /// Sends a request of our own and waits for its outcome. Questions on the way are refused.
    ///
    /// # Errors
    /// All of [`SendError`]. After the limit the request is cancelled.
    pub async fn ask(
        &self,
        method: &str,
        params: Option<&RawValue>,
        limit: Duration,
    ) -> Result<Outcome, SendError> {
        let asked = async {
            let call = self.start(method, params, &[], None).await?;
            Ok(call.outcome().await?)
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::TimedOut(limit)),
        }
    }

    async fn start(
        &self,
        method: &str,
        params: Option<&RawValue>,
        edits: &[Edit<'_>],
        caller: Option<Caller>,
    ) -> Result<Call, SendError> {
        self.room().await;
        let (call, prepared) = self.make(method, params, edits, caller)?;
        prepared.send().flush();
        Ok(call)
    }

    /// Waits while the server does not take what was sent before (1 MiB of it).
    pub async fn room(&self) {
        if let Link::Stdio(outbox) = &self.core().link {
            outbox.room().await;
        }
    }

    /// Makes a request ready, so that sending it takes no time. Whoever sends many waits for
    /// [`Connection::room`] before. Dropped unsent, it leaves no trace at the server.
    ///
    /// # Errors
    /// Those of [`Connection::request`].
    pub fn prepare(&self, request: Request<'_>) -> Result<(Call, Prepared), SendError> {
        self.make(request.method, request.params, request.edits, Some(request.caller))
    }

    fn make(
        &self,
        method: &str,
        params: Option<&RawValue>,
        edits: &[Edit<'_>],
        caller: Option<Caller>,
    ) -> Result<(Call, Prepared), SendError> {
        let core = self.core();
        let token = match params {
            // Requests of our own carry no token.
            Some(params) if caller.is_some() => wire::find(params, &["_meta", "progressToken"])?,
            _ => None,
        };
        let mailbox = Arc::new(Mailbox::<CallEvent>::new());
        let worker = match &core.link {
            Link::Stdio(_) => None,
            Link::Http(_) => Some(CancellationToken::new()),
        };
        let id = core
            .calls
            .open(Entry {
                mailbox: Arc::clone(&mailbox),
                caller,
                token: token.as_ref().map(|token| token.raw.into()),
                worker: worker.clone(),
                // Before it was sent there is nothing to cancel.
                cancellable: false,
            })
            .map_err(SendError::Closed)?;
        let call = Call::new(id, mailbox, self.clone());

        let mut edits: Vec<Edit<'_>> = edits.to_vec();
        if let Some(token) = token {
            edits.push(Edit { span: token.span, with: id.to_string().into() });
        }
        let params = params.map(RawValue::get);
        let mut message = Vec::with_capacity(96 + params.map_or(0, str::len));
        wire::push_request(&mut message, id, method, params, &mut edits);
        Ok((call, Prepared { core: Arc::clone(core), id, message, worker }))
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core().ended.is_cancelled()
    }

    /// Waits until the connection has ended and says why, for a person.
    pub async fn closed(&self) -> String {
        self.core().ended.cancelled().await;
        self.core().calls.closed().map(|problem| problem.message).unwrap_or_default()
    }

    /// Ends the connection: calls in flight are lost, a child's standard input is closed, a remote
    /// session is ended (at most 2 seconds are spent on telling the server).
    pub async fn close(&self) {
        let core = self.core();
        core.shut(&Problem::new("The connection was closed by Drawbridge.", ""));
        if let Link::Http(link) = &core.link {
            link.end_session().await;
        }
    }
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    core: Arc<Core>,
    id: u64,
    message: Vec<u8>,
    worker: Option<CancellationToken>,
}

impl Prepared {
    /// Sends it. Requests that are sent together and then flushed share one write.
    #[must_use = "it is flushed last"]
    pub fn send(self) -> Sent {
        let Self { core, id, message, worker } = self;
        if core.calls.sending(id) {
            match &core.link {
                Link::Stdio(outbox) => outbox.queue(&message),
                Link::Http(link) => link.start(&core, id, message, worker.unwrap_or_default()),
            }
        }
        Sent(core)
    }

    /// Ends its call without sending it.
    pub fn withhold(self, why: Problem) {
        self.core.calls.finish(self.id, CallEvent::Lost(CallLost(why)));
    }
}

/// A request that may wait to be written with others.
#[derive(Debug)]
pub struct Sent(Arc<Core>);

impl Sent {
    /// Writes what waits.
    pub fn flush(self) {
        if let Link::Stdio(outbox) = &self.0.link {
            outbox.write_now();
        }
    }
}

impl Core {
    pub(crate) async fn notify(
        self: &Arc<Self>,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(), SendError> {
        if let Some(problem) = self.calls.closed() {
            return Err(SendError::Closed(problem));
        }
        let params = params.map(RawValue::get);
        match &self.link {
            Link::Stdio(outbox) => {
                outbox.room().await;
                outbox.push(|line| wire::push_notification(line, method, params));
                Ok(())
            }
            Link::Http(link) => {
                let mut body = Vec::with_capacity(96 + params.map_or(0, str::len));
                wire::push_notification(&mut body, method, params);
                link.tell(self, body)
                    .await
                    .map_err(|error| SendError::Lost(CallLost(error.problem())))
            }
        }
    }
}
