//! What a server asks of us, or of the person before a client.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::call::{CallEvent, OnlyCaller, Outcome};
use crate::core::Core;
use crate::mailbox::lock;
use crate::peer::{Caller, PeerFeatures};
use crate::wire::{self, Id, METHOD_NOT_FOUND, REFUSED};

/// A server's request that waits for an answer. Dropped unanswered, it is refused.
#[derive(Debug)]
pub struct ServerRequest {
    /// What is asked, such as `elicitation/create`.
    pub method: String,
    /// Its parameters, untouched.
    pub params: Option<Box<RawValue>>,
    id: Box<str>,
    withdrawn: CancellationToken,
    core: Arc<Core>,
    answered: bool,
}

impl ServerRequest {
    /// Answers the server. Does nothing when the question was withdrawn.
    pub fn answer(mut self, outcome: Outcome) {
        self.reply(&outcome);
    }

    /// Resolves when the server no longer wants an answer: it withdrew the question or is gone.
    #[must_use]
    pub fn withdrawn(&self) -> &CancellationToken {
        &self.withdrawn
    }

    fn reply(&mut self, outcome: &Outcome) {
        if std::mem::replace(&mut self.answered, true) {
            return;
        }
        let waited_for = lock(&self.core.questions).remove(&self.id).is_some();
        if waited_for {
            self.core.reply(&self.id, outcome);
        }
    }
}

impl Drop for ServerRequest {
    fn drop(&mut self) {
        let refusal = wire::error_object(REFUSED, "nobody answered the question");
        self.reply(&Outcome::Error(refusal));
    }
}

impl Core {
    /// Takes a request of the server. `call` is the call whose stream it came on, where streams
    /// belong to calls.
    pub(crate) fn asked(
        self: &Arc<Self>,
        id: Id<'_>,
        method: &str,
        params: Option<&RawValue>,
        call: Option<u64>,
    ) {
        let refusal = match method {
            "ping" => {
                self.reply(id.raw(), &Outcome::Result(wire::raw("{}".to_owned())));
                return;
            }
            "elicitation/create" | "sampling/createMessage" | "roots/list" => {
                match self.addressee(method, params, call) {
                    Ok(call) => {
                        self.put_question(call, id, method, params);
                        return;
                    }
                    Err(refusal) => refusal,
                }
            }
            _ => wire::error_object(METHOD_NOT_FOUND, "this client has no such method"),
        };
        self.reply(id.raw(), &Outcome::Error(refusal));
    }

    /// Which call a question is for, or the error that refuses it.
    fn addressee(
        &self,
        method: &str,
        params: Option<&RawValue>,
        call: Option<u64>,
    ) -> Result<u64, Box<RawValue>> {
        if method == "roots/list" && !self.declared.roots {
            return Err(wire::error_object(METHOD_NOT_FOUND, "roots are not offered"));
        }
        let (call, caller): (u64, Caller) = match call {
            // A stream of a call names the caller, or nobody when the call has ended.
            Some(call) => match self.calls.caller_of(call) {
                Some(caller) => (call, caller),
                None => {
                    return Err(wire::error_object(
                        REFUSED,
                        "the call this belongs to is not in flight, so there is nobody to ask",
                    ));
                }
            },
            None => match self.calls.only_caller() {
                OnlyCaller::Call(call, caller) => (call, caller),
                OnlyCaller::Nobody => {
                    return Err(wire::error_object(
                        REFUSED,
                        "no call is in flight, so there is nobody to ask",
                    ));
                }
                OnlyCaller::Several => {
                    return Err(wire::error_object(
                        REFUSED,
                        "calls of several apps are in flight, and which one the question is for \
                         cannot be told",
                    ));
                }
            },
        };
        match missing_feature(method, params, caller.features) {
            None => Ok(call),
            Some(feature) => Err(wire::error_object(
                METHOD_NOT_FOUND,
                &format!("the app that made the call does not offer {feature}"),
            )),
        }
    }

    fn put_question(
        self: &Arc<Self>,
        call: u64,
        id: Id<'_>,
        method: &str,
        params: Option<&RawValue>,
    ) {
        let withdrawn = self.ended.child_token();
        let known = lock(&self.questions).insert(id.raw().into(), withdrawn.clone());
        if let Some(known) = known {
            // A server that uses an id twice no longer waits under the first one.
            known.cancel();
        }
        let bytes = params.map_or(0, |params| params.get().len());
        let question = ServerRequest {
            method: method.to_owned(),
            params: params.map(ToOwned::to_owned),
            id: id.raw().into(),
            withdrawn,
            core: Arc::clone(self),
            answered: false,
        };
        // A question that finds no room is dropped here, and so refused.
        let _ = self.calls.push(call, CallEvent::Question(question), bytes);
    }

    /// The server withdrew a question of its own (`notifications/cancelled`).
    pub(crate) fn question_withdrawn(&self, params: Option<&RawValue>) {
        let Some(Ok(Some(id))) = params.map(|params| wire::find(params, &["requestId"])) else {
            return;
        };
        let question = lock(&self.questions).remove(id.raw);
        if let Some(withdrawn) = question {
            withdrawn.cancel();
        }
    }

    pub(crate) fn reply(&self, id: &str, outcome: &Outcome) {
        let message = match outcome {
            Outcome::Result(result) => wire::result_message(id, result.get()),
            Outcome::Error(error) => wire::error_message(Some(id), error.get()),
        };
        self.send_soon(wire::single_line(message));
    }
}

/// What a client lacks for a question.
fn missing_feature(
    method: &str,
    params: Option<&RawValue>,
    features: PeerFeatures,
) -> Option<&'static str> {
    let field = |key: &str| wire::find(params?, &[key]).ok().flatten();
    let missing = |offered: bool, feature| (!offered).then_some(feature);
    match method {
        "elicitation/create" => {
            if field("mode").is_some_and(|mode| mode.text().as_deref() == Some("url")) {
                missing(features.elicitation_url, "opening an address for a server")
            } else {
                missing(features.elicitation_form, "forms for a server's questions")
            }
        }
        "sampling/createMessage" => {
            if field("tools").is_some() {
                missing(features.sampling && features.sampling_tools, "its model with tools")
            } else {
                missing(features.sampling, "its model")
            }
        }
        _ => missing(features.roots, "its folders"),
    }
}
