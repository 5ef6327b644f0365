//! Several messages in one array, which revision 2025-03-26 knows and no other.

use std::sync::Arc;

use drawbridge_mcp::wire::{self, Message};
use futures_util::future::join_all;
use futures_util::stream;
use http::{Response, StatusCode};
use serde_json::value::RawValue;

use super::accept::Forms;
use super::requests::{self, Turn};
use super::{error, exchange, told};
use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::session::{Revision, Session};

/// Most messages in one array.
const LIMIT: usize = 100;

/// Takes all messages and answers the requests among them together. Nothing comes before the
/// answers: an app that sends several requests at once cannot be asked which one a question is
/// about.
pub(crate) async fn answer(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    text: &str,
    forms: Forms,
) -> Response<Answer> {
    let refuse = |why: &str| error(StatusCode::BAD_REQUEST, wire::INVALID_REQUEST, why);
    if session.hello.revision != Revision::Batches {
        return refuse("several messages in one array are not part of this protocol revision");
    }
    let messages: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(messages) => messages,
        Err(unreadable) => {
            let why = unreadable.to_string();
            return error(StatusCode::BAD_REQUEST, wire::PARSE_ERROR, &why);
        }
    };
    if messages.is_empty() || messages.len() > LIMIT {
        return refuse("an array holds between 1 and 100 messages");
    }
    // All are read before the first is taken: an array is taken whole or not at all.
    let mut parsed = Vec::with_capacity(messages.len());
    for message in &messages {
        match wire::parse(message.get()) {
            Ok(Message::Request { method, .. }) if method == "initialize" => {
                return refuse("initialize stands alone");
            }
            Ok(Message::Request { id, .. }) if id.is_null() => {
                return refuse("the id of a request is a string or a number");
            }
            Ok(message) => parsed.push(message),
            Err(unreadable) => {
                let why = unreadable.to_string();
                return error(StatusCode::BAD_REQUEST, unreadable.code(), &why);
            }
        }
    }
    let answers = join_all(parsed.into_iter().map(async |message| match message {
        Message::Request { id, method, params } => {
            let taken = requests::take(edge, session, id.raw(), &method, params, Forms::Json);
            match taken.await {
                Turn::Answered(message) => Some(message),
                Turn::UnderWay(exchange) => exchange.answer().await,
            }
        }
        other => {
            told(edge, session, other).await;
            None
        }
    }))
    .await;
    let answers: Vec<String> = answers.into_iter().flatten().collect();
    if answers.is_empty() {
        return answer::empty(StatusCode::ACCEPTED);
    }
    match forms {
        Forms::Json | Forms::Either => {
            answer::json(StatusCode::OK, format!("[{}]", answers.join(",")))
        }
        Forms::Stream => {
            answer::events(stream::iter(answers.into_iter().map(|a| exchange::event(&a))))
        }
    }
}
