//! Writing messages around raw values.

use std::io::Write as _;

use serde_json::value::RawValue;

use super::{Edit, apply};

/// Appends a request with a number of ours as its id and the edits made to its parameters. The
/// message holds no line break, as framing by lines asks for: breaks in JSON text that are legal
/// at all stand between values, where a space means the same.
pub fn push_request(
    into: &mut Vec<u8>,
    id: u64,
    method: &str,
    params: Option<&str>,
    edits: &mut [Edit<'_>],
) {
    let start = into.len();
    into.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    // Writing into a `Vec` cannot fail.
    let _ = write!(into, "{id}");
    into.extend_from_slice(br#","method":"#);
    push_string(into, method);
    if let Some(params) = params {
        into.extend_from_slice(br#","params":"#);
        apply(params, edits, into);
    }
    into.push(b'}');
    one_line(&mut into[start..]);
}

/// Appends a notification, without a line break inside.
pub fn push_notification(into: &mut Vec<u8>, method: &str, params: Option<&str>) {
    let start = into.len();
    into.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    push_string(into, method);
    if let Some(params) = params {
        into.extend_from_slice(br#","params":"#);
        into.extend_from_slice(params.as_bytes());
    }
    into.push(b'}');
    one_line(&mut into[start..]);
}

/// A notification as text.
#[must_use]
pub fn notification(method: &str, params: Option<&RawValue>) -> String {
    let mut out = Vec::with_capacity(64 + method.len() + params.map_or(0, |raw| raw.get().len()));
    push_notification(&mut out, method, params.map(RawValue::get));
    into_text(out)
}

/// The answer to the request with this id (as JSON text) when it went well.
#[must_use]
pub fn result_message(id: &str, result: &str) -> String {
    ["{\"jsonrpc\":\"2.0\",\"id\":", id, ",\"result\":", result, "}"].concat()
}

/// The answer to the request with this id (as JSON text) when it did not go well, around an error
/// object. Without an id the answer says `null`, as JSON-RPC asks for an unreadable request.
#[must_use]
pub fn error_message(id: Option<&str>, error: &str) -> String {
    ["{\"jsonrpc\":\"2.0\",\"id\":", id.unwrap_or("null"), ",\"error\":", error, "}"].concat()
}

/// An error object with a code and a sentence.
#[must_use]
pub fn error_object(code: i32, message: &str) -> Box<RawValue> {
    let mut out = Vec::with_capacity(32 + message.len());
    let _ = write!(out, "{{\"code\":{code},\"message\":");
    push_string(&mut out, message);
    out.push(b'}');
    raw(into_text(out))
}

/// The whole answer with an error of our own.
#[must_use]
pub fn error_response(id: Option<&str>, code: i32, message: &str) -> String {
    error_message(id, error_object(code, message).get())
}

/// A text built here as a raw value. Were it no JSON, it would be `null`.
pub(crate) fn raw(text: String) -> Box<RawValue> {
    match RawValue::from_string(text) {
        Ok(raw) => raw,
        Err(_) => RawValue::NULL.to_owned(),
    }
}

/// A text in JSON quotes.
#[must_use]
pub fn raw_string(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_string(&mut out, text);
    into_text(out)
}

fn push_string(into: &mut Vec<u8>, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        into.push(b'"');
        into.extend_from_slice(text.as_bytes());
        into.push(b'"');
    } else {
        // A string serialises, and a `Vec` takes it.
        let _ = serde_json::to_writer(into, text);
    }
}

/// A message as bytes without a line break inside.
pub(crate) fn single_line(message: String) -> Vec<u8> {
    let mut message = message.into_bytes();
    one_line(&mut message);
    message
}

fn one_line(message: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', &message[from..]) {
        message[from + at] = b' ';
        from += at + 1;
    }
}

fn into_text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Message, parse};

    #[test]
    fn a_request_fits_on_one_line_whatever_its_parameters_look_like() {
        let params = "{\r\n  \"a\": \"x\\ny\",\n  \"b\": 1e3\n}";
        let mut line = Vec::new();
        push_request(&mut line, 7, "tools/call", Some(params), &mut []);
        let line = String::from_utf8(line).expect("text");
        assert!(!line.contains(['\n', '\r']));
        assert!(line.contains(r#""a": "x\ny""#), "an escape inside a string is no line break");
        assert!(matches!(parse(&line), Ok(Message::Request { .. })));
    }

    #[test]
    fn what_is_built_can_be_read() {
        for text in [
            result_message("\"a\"", "{}"),
            error_response(Some("1"), -32601, "no \"such\" method\n"),
            error_response(None, -32700, "ü"),
            notification("a\"b", None),
        ] {
            assert!(parse(&text).is_ok(), "{text}");
        }
    }
}
