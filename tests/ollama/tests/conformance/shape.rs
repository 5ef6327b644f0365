//! What of an answer is compared: its status, its type, the keys and types of its JSON, the order
//! of its events, and the words of its errors.

use serde_json::{Map, Value, json};

use crate::http::Answer;

/// Keys whose text is compared as it is.
const LITERAL: [&str; 13] = [
    "error",
    "message",
    "status",
    "done_reason",
    "finish_reason",
    "stop_reason",
    "object",
    "type",
    "role",
    "code",
    "owned_by",
    "source",
    "stop",
];

/// The headers that are compared.
const HEADERS: [&str; 6] = [
    "content-type",
    "allow",
    "location",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "cache-control",
];

/// The shape of an answer.
pub(crate) fn of(answer: &Answer) -> Value {
    let headers: Map<String, Value> = HEADERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), answer.header(name)?.into())))
        .collect();
    let kind = answer.header("content-type").unwrap_or_default();
    let text = answer.text();
    let body = if kind.starts_with("text/event-stream") {
        collapsed(text.split("\n\n").filter(|event| !event.is_empty()).map(event))
    } else if kind.contains("json") {
        let lines: Vec<&str> = text.lines().collect();
        match lines.as_slice() {
            [one] if !kind.contains("ndjson") => line(one),
            _ => collapsed(lines.into_iter().map(line)),
        }
    } else {
        text.into()
    };
    json!({"status": answer.status, "headers": headers, "body": body})
}

fn line(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => shape("", &value),
        Err(_) => text.into(),
    }
}

fn event(text: &str) -> Value {
    let mut name = Value::Null;
    let mut data = Value::Null;
    for part in text.lines() {
        if let Some(event) = part.strip_prefix("event: ") {
            name = event.into();
        } else if let Some(value) = part.strip_prefix("data: ") {
            data = line(value);
        } else {
            data = part.into();
        }
    }
    json!({"event": name, "data": data})
}

/// Shapes in a row, those that repeat named once.
fn collapsed(shapes: impl Iterator<Item = Value>) -> Value {
    let mut row: Vec<Value> = Vec::new();
    for shape in shapes {
        if row.last() != Some(&shape) {
            row.push(shape);
        }
    }
    row.into()
}

fn shape(key: &str, value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) if key == "done" => (*value).into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) if LITERAL.contains(&key) => plain(text).into(),
        Value::String(_) => "text".into(),
        Value::Array(all) => {
            let mut kinds: Vec<Value> = Vec::new();
            for one in all {
                let one = shape("", one);
                if !kinds.contains(&one) {
                    kinds.push(one);
                }
            }
            kinds.into()
        }
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), shape(key, value))).collect()
        }
    }
}

/// Text without what is another each time.
fn plain(text: &str) -> String {
    // How a network that is not there is told of depends on the machine.
    if let Some((before, _)) = text.split_once("dial tcp") {
        let operation = before.split(['"', ':']).next().unwrap_or_default();
        return format!("{} … no network", operation.trim());
    }
    if text.starts_with("open ") && text.ends_with("no such file or directory") {
        return "open … no such file or directory".to_owned();
    }
    let mut plain = String::new();
    let mut digits = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_hexdigit() {
            digits.push(c);
            continue;
        }
        plain.push_str(if digits.len() >= 12 { "DIGEST" } else { &digits });
        digits.clear();
        plain.push(c);
    }
    plain.trim_end().to_owned()
}
