//! Questions of a server to the person before an app, while one of the app's calls is in flight:
//! elicitation and sampling. They travel on the call's own stream under an id of ours; the app
//! sends the answer as a message of its own.

use std::sync::Arc;

use drawbridge_mcp::wire;
use drawbridge_mcp::{Outcome, ServerRequest};
use futures_util::future::select_all;
use tokio_util::sync::CancellationToken;

use crate::session::Session;

/// The questions one call has asked. Those still open when the call ends are withdrawn.
pub(crate) struct Asked<'a> {
    session: &'a Arc<Session>,
    open: Vec<(u64, CancellationToken)>,
}

impl<'a> Asked<'a> {
    pub(crate) fn by(session: &'a Arc<Session>) -> Self {
        Self { session, open: Vec::new() }
    }

    /// Keeps a question until the app answers, and gives the message that asks it.
    pub(crate) fn ask(&mut self, question: ServerRequest) -> String {
        let withdrawn = question.withdrawn().clone();
        let method = wire::raw_string(&question.method);
        let params = match &question.params {
            Some(params) => format!(",\"params\":{}", params.get()),
            None => String::new(),
        };
        let id = self.session.ask(question);
        self.open.push((id, withdrawn));
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{method}{params}}}")
    }

    /// Waits until the server takes one of its questions back. Cancel-safe.
    pub(crate) async fn withdrawn(&mut self) -> u64 {
        loop {
            if self.open.is_empty() {
                return std::future::pending().await;
            }
            let waits = self.open.iter().map(|(_, token)| Box::pin(token.cancelled()));
            let ((), index, _) = select_all(waits).await;
            let (id, _) = self.open.swap_remove(index);
            // One that was answered meanwhile is no longer open for the app.
            if self.session.take_question(id).is_some() {
                return id;
            }
        }
    }

    /// The message that tells the app not to bother.
    pub(crate) fn taken_back(id: u64) -> String {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\
             \"params\":{{\"requestId\":{id}}}}}"
        )
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        for (id, _) in &self.open {
            self.session.take_question(*id);
        }
    }
}

/// An app's answer to a question. One that comes too late, or was never asked, changes nothing.
pub(crate) fn answered(session: &Session, id: Option<u64>, outcome: Outcome) {
    match id.and_then(|id| session.take_question(id)) {
        Some(question) => question.answer(outcome),
        None => tracing::debug!("an answer to no open question"),
    }
}
