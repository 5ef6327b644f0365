//! JSON-RPC messages as raw text.
//!
//! Only the envelope of a message is interpreted. What it carries stays the text it was: unknown
//! fields, the form of numbers and the order of keys survive because nothing is parsed into a
//! model and printed again. Where one value inside must be another, [`Edit`] and [`splice`]
//! exchange its span and leave every other byte alone.
//!
//! A key that is interpreted may stand only once. Two readers that disagree on which of two
//! equal keys counts would let a message mean one thing here and another thing to the server.

mod build;
mod scan;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use build::{
    error_message, error_object, error_response, notification, push_notification, push_request,
    raw_string, result_message,
};
pub(crate) use build::{raw, single_line};
pub use scan::{Edit, Field, apply, find, find_each, rewrite, splice};

/// JSON-RPC: the text is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// JSON-RPC: the JSON is not a valid message.
pub const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC: there is no such method here.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC: the method is known and its parameters are wrong. Also for unknown tools and prompts.
pub const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC: something broke on this side.
pub const INTERNAL_ERROR: i32 = -32603;
/// A server's question that nobody could be asked. From the range in which codes carry no
/// meaning of their own.
pub const REFUSED: i32 = -32010;

/// Why a text is no message that can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// The text is an array: several messages at once, which only revision 2025-03-26 knows.
    #[error("several messages in one array")]
    Batch,
    /// The text is JSON and no JSON-RPC 2.0 message.
    #[error("not a JSON-RPC message: {0}")]
    Invalid(String),
    /// A key that is interpreted stands twice in one object.
    #[error("the key `{0}` stands twice")]
    Duplicate(String),
}

impl WireError {
    /// The JSON-RPC error code that tells the sender.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::NotJson(_) => PARSE_ERROR,
            Self::Batch | Self::Invalid(_) => INVALID_REQUEST,
            Self::Duplicate(_) => INVALID_PARAMS,
        }
    }
}

/// The id of a request, byte for byte as its sender wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Id<'a>(&'a RawValue);

impl<'a> Id<'a> {
    /// The id as JSON text: a number, a string in its quotes, or `null`.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.0.get()
    }

    /// Whether it is `null`, which MCP allows only in an answer to an unreadable message.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.raw() == "null"
    }

    /// The id as a plain unsigned number, the only form Drawbridge itself uses.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.raw().parse().ok()
    }
}

/// One message, borrowed from the text it was read from.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// Wants an answer.
    Request {
        /// To be echoed in the answer.
        id: Id<'a>,
        /// What is asked.
        method: Cow<'a, str>,
        /// An object, untouched.
        params: Option<&'a RawValue>,
    },
    /// Wants no answer.
    Notification {
        /// What happened.
        method: Cow<'a, str>,
        /// An object, untouched.
        params: Option<&'a RawValue>,
    },
    /// The answer to a request that went well.
    Result {
        /// The id of the request.
        id: Id<'a>,
        /// The value, untouched.
        result: &'a RawValue,
    },
    /// The answer to a request that did not.
    Error {
        /// The id of the request; absent or `null` when it could not be read.
        id: Option<Id<'a>>,
        /// The error object, untouched.
        error: &'a RawValue,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "text")]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// `null` is a value that is there, unlike what `Option` makes of it.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// A string that is borrowed where it holds no escapes.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    struct Text;
    impl<'de> serde::de::Visitor<'de> for Text {
        type Value = Cow<'de, str>;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a string")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    from.deserialize_str(Text).map(Some)
}

/// Reads the envelope of one message in one pass over the text.
///
/// # Errors
/// When the text is not JSON, is an array, or is not a JSON-RPC 2.0 request, notification or
/// response; also when a key of the envelope stands twice.
pub fn parse(text: &str) -> Result<Message<'_>, WireError> {
    match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        // A derived reader would take an array for the fields in their order.
        Some(b'[') => return Err(WireError::Batch),
        _ => {
            return match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => Err(WireError::Invalid("not an object".into())),
                Err(error) => Err(WireError::NotJson(error.to_string())),
            };
        }
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            WireError::Invalid(error.to_string())
        } else {
            WireError::NotJson(error.to_string())
        }
    })?;
    envelope.classify().map_err(|why| WireError::Invalid(why.into()))
}

impl<'a> Envelope<'a> {
    fn classify(self) -> Result<Message<'a>, &'static str> {
        if self.jsonrpc.as_deref() != Some("2.0") {
            return Err("`jsonrpc` is not \"2.0\"");
        }
        let id = match self.id {
            Some(id) if matches!(id.get().as_bytes()[0], b'{' | b'[' | b't' | b'f') => {
                return Err("an id is a string or a number");
            }
            id => id.map(Id),
        };
        // Some clients write `"params":null` where they mean none.
        let params = self.params.filter(|params| params.get() != "null");
        if params.is_some_and(|params| !params.get().starts_with('{')) {
            return Err("`params` is not an object");
        }
        match (self.method, self.result, self.error) {
            (Some(method), None, None) => Ok(match id {
                Some(id) => Message::Request { id, method, params },
                None => Message::Notification { method, params },
            }),
            (None, Some(result), None) => match id {
                Some(id) => Ok(Message::Result { id, result }),
                None => Err("a result without an id"),
            },
            // Some servers send `"result":null` beside the error.
            (None, result, Some(error))
                if result.is_none_or(|result| result.get() == "null")
                    && error.get().starts_with('{') =>
            {
                Ok(Message::Error { id, error })
            }
            _ => Err("neither a request nor a response"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_byte_for_byte() {
        for id in
            ["1", "-7", "1.50", "1e3", "\"a\"", "\"\\u0061\\\"b\"", "null", "18446744073709551616"]
        {
            let text = format!(r#" {{"jsonrpc":"2.0", "id" : {id} ,"method":"ping"}}"#);
            let Ok(Message::Request { id: read, method, params: None }) = parse(&text) else {
                panic!("{text} is a request");
            };
            assert_eq!(read.raw(), id);
            assert_eq!(method, "ping");
        }
    }

    #[test]
    fn what_a_message_is_follows_from_its_keys() {
        let kind = |text: &str| match parse(text) {
            Ok(Message::Request { .. }) => "request".to_owned(),
            Ok(Message::Notification { .. }) => "notification".to_owned(),
            Ok(Message::Result { .. }) => "result".to_owned(),
            Ok(Message::Error { id, .. }) => {
                format!("error {}", id.map_or("none", |id| id.raw()))
            }
            Err(error) => error.code().to_string(),
        };
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{}}"#, "request"),
            (r#"{"jsonrpc":"2.0","method":"a"}"#, "notification"),
            (r#"{"jsonrpc":"2.0","method":"a","params":null}"#, "notification"),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "result"),
            (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "result"),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#, "error 1"),
            (r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, "error null"),
            (r#"{"jsonrpc":"2.0","error":{}}"#, "error none"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","vendor":[1e3]}"#, "request"),
            (r#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"a"}"#, "request"),
            (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, "-32600"),
            (r#"{"id":1,"method":"a"}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","result":1}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, "-32600"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#, "-32600"),
            (r#"["2.0",1,"a"]"#, "-32600"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#, "-32600"),
            ("7", "-32600"),
            ("", "-32700"),
            ("{", "-32700"),
            ("Server started", "-32700"),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\nb\"}", "-32700"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert_eq!(parse("[1]").map(|_| ()), Err(WireError::Batch));
    }

    #[test]
    fn params_and_results_are_the_bytes_that_were_sent() {
        let params = r#"{ "z":1e3,"a": 1.0, "_meta":{"x/y":[ ]},"u":"\u00e9" }"#;
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        let Ok(Message::Request { params: Some(read), .. }) = parse(&text) else {
            panic!("a request");
        };
        assert_eq!(read.get(), params);
    }

    #[test]
    fn a_very_deep_message_does_not_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{deep}}}"#);
        assert!(matches!(parse(&text), Ok(Message::Result { .. })));
    }
}
