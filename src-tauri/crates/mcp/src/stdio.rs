//! Servers that speak on a pair of pipes, one message a line: child processes, and built-in
//! servers over a pipe in memory (MCP 2025-11-25, basic/transports, stdio).

pub(crate) mod outbox;
mod reader;

use std::sync::Arc;

use drawbridge_model::Problem;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::call::{CallEvent, Entry, Outcome};
use crate::connection::{Connection, SendError};
use crate::core::{Core, Link};
use crate::error::ConnectError;
use crate::event::ServerEvents;
use crate::legacy;
use crate::mailbox::Mailbox;
use crate::opening::{ConnectOptions, Opening};
use crate::wire;
use outbox::Outbox;
use reader::Reader;

/// Opens a server on its standard input and output.
///
/// Lines that are no messages are skipped, because some programs greet on standard output; they
/// come as [`crate::ServerEvent::Rubbish`], and the first is named if no answer follows.
///
/// # Errors
/// [`ConnectError`]; the pipes are closed then.
pub async fn connect(
    stdin: impl AsyncWrite + Send + Unpin + 'static,
    stdout: impl AsyncRead + Send + Unpin + 'static,
    options: ConnectOptions,
) -> Result<(Connection, ServerEvents), ConnectError> {
    let outbox = Arc::new(Outbox::new(Box::new(stdin)));
    let core = Core::new(Link::Stdio(Arc::clone(&outbox)), &options);
    // From here on, dropping the connection ends its tasks: also when this future is dropped.
    let connection = Connection::new(Arc::clone(&core));
    let events = ServerEvents { mailbox: Arc::clone(&core.events) };
    let reader = Reader::new(Arc::clone(&core), options.message_limit);
    let first_rubbish = reader.first_rubbish();
    options.tasks.spawn(reader.run(stdout));
    options.tasks.spawn(outbox::run(outbox, Arc::clone(&core)));

    let opened = tokio::time::timeout(options.limit, open(&core, &options)).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(_) => Err(ConnectError::TimedOut { limit: options.limit }),
    };
    let opened = opened.map_err(|error| match (error, first_rubbish.get()) {
        (ConnectError::Exited | ConnectError::TimedOut { .. }, Some(line)) => {
            ConnectError::Rubbish { line: line.clone() }
        }
        (error, _) => error,
    });
    match opened {
        Ok(opening) => {
            let _ = core.opening.set(opening);
            Ok((connection, events))
        }
        Err(error) => {
            core.shut(&error.problem());
            Err(error)
        }
    }
}

async fn open(core: &Arc<Core>, options: &ConnectOptions) -> Result<Opening, ConnectError> {
    let mailbox = Arc::new(Mailbox::<CallEvent>::new());
    let lost = |_: Problem| {
        if options.stop.is_cancelled() { ConnectError::Stopped } else { ConnectError::Exited }
    };
    let id = core
        .calls
        .open(Entry {
            mailbox: Arc::clone(&mailbox),
            caller: None,
            token: None,
            worker: None,
            cancellable: false,
        })
        .map_err(lost)?;
    if let Link::Stdio(outbox) = &core.link {
        let params = legacy::initialize_params(options);
        outbox.push(|line| {
            wire::push_request(line, id, legacy::INITIALIZE, Some(&params), &mut []);
        });
    }
    let result: Box<RawValue> = loop {
        match std::future::poll_fn(|context| mailbox.poll(context)).await {
            Some(CallEvent::Done(Outcome::Result(result))) => break result,
            Some(CallEvent::Done(Outcome::Error(error))) => {
                return Err(ConnectError::Refused { error: error.get().to_owned() });
            }
            Some(CallEvent::Lost(lost_call)) => return Err(lost(lost_call.0)),
            // Nothing is asked and nothing reported before the connection is open.
            Some(CallEvent::Notification { .. } | CallEvent::Question(_)) => {}
            None => return Err(ConnectError::Exited),
        }
    };
    let opening = legacy::opening(&result)?;
    core.notify(legacy::INITIALIZED, None).await.map_err(|error| match error {
        SendError::Closed(problem) => lost(problem),
        error => ConnectError::Malformed { detail: error.to_string() },
    })?;
    Ok(opening)
}
