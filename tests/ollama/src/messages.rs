//! The dialect of Anthropic: `/v1/messages`.

use serde_json::{Map, Value, json};

use crate::body::Response;
use crate::chat::{Ask, Chunk, random_number};
use crate::go::{self, Refusal};
use crate::infer::{Dialect, lenient};

/// An id with 24 hexadecimal digits.
fn id(prefix: &str) -> String {
    format!("{prefix}_{:016x}{:08x}", random_number(), random_number() & 0xffff_ffff)
}

/// An error, as Anthropic's routes have it.
fn error(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": {"type": kind, "message": refusal.message},
        "request_id": id("req"),
    })
}

/// A refusal from before the handler.
pub(crate) fn early(refusal: &Refusal) -> Response {
    go::json(refusal.status, &error(refusal))
}

/// `/v1/messages`.
pub(crate) struct Messages {
    id: String,
    model: String,
    estimate: u64,
    begun: bool,
    index: u64,
    thinking: bool,
    thought: bool,
    text: bool,
    called: bool,
}

impl Messages {
    pub(crate) fn new(model: &str, length: usize) -> Messages {
        Messages {
            id: id("msg"),
            model: model.to_owned(),
            estimate: (length as u64).div_ceil(4).max(1),
            begun: false,
            index: 0,
            thinking: false,
            thought: false,
            text: false,
            called: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "usage": {"input_tokens": self.estimate, "output_tokens": 0},
        });
        event("message_start", json!({ "message": message }), out);
    }

    fn start(&self, block: &Value, out: &mut Vec<u8>) {
        let data = json!({"index": self.index, "content_block": block});
        event("content_block_start", data, out);
    }

    fn delta(&self, delta: &Value, out: &mut Vec<u8>) {
        event("content_block_delta", json!({"index": self.index, "delta": delta}), out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        event("content_block_stop", json!({ "index": self.index }), out);
        self.index += 1;
    }

    fn stop_thinking(&mut self, out: &mut Vec<u8>) {
        if self.thinking && !self.thought {
            self.thought = true;
            self.stop(out);
        }
    }

    fn stop_text(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.text) {
            self.stop(out);
        }
    }
}

fn event(kind: &str, mut data: Value, out: &mut Vec<u8>) {
    data["type"] = kind.into();
    out.extend(format!("event: {kind}\ndata: {data}\n\n").into_bytes());
}

fn stop_reason(reason: &str, called: bool) -> Option<&'static str> {
    match reason {
        _ if called => Some("tool_use"),
        "stop" => Some("end_turn"),
        "length" => Some("max_tokens"),
        "" => None,
        _ => Some("stop_sequence"),
    }
}

impl Dialect for Messages {
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn whole_type(&self) -> &'static str {
        "application/json"
    }

    fn line(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.begin(out);
        if !chunk.thinking.is_empty() && !self.thought {
            self.stop_text(out);
            if !self.thinking {
                self.thinking = true;
                self.start(&json!({"type": "thinking", "thinking": ""}), out);
            }
            self.delta(&json!({"type": "thinking_delta", "thinking": chunk.thinking}), out);
        }
        if !chunk.content.is_empty() {
            self.stop_thinking(out);
            if !self.text {
                self.text = true;
                self.start(&json!({"type": "text", "text": ""}), out);
            }
            self.delta(&json!({"type": "text_delta", "text": chunk.content}), out);
        }
        for call in &chunk.calls {
            self.stop_thinking(out);
            self.stop_text(out);
            self.called = true;
            let arguments = Value::Object(call.arguments.clone()).to_string();
            let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
            self.start(&block, out);
            self.delta(&json!({"type": "input_json_delta", "partial_json": arguments}), out);
            self.stop(out);
        }
        let Some(done) = &chunk.done else { return };
        self.stop_text(out);
        self.stop_thinking(out);
        let delta = match stop_reason(&done.reason, self.called) {
            Some(reason) => json!({ "stop_reason": reason }),
            None => json!({}),
        };
        let usage = json!({"input_tokens": done.prompt_count, "output_tokens": done.count});
        event("message_delta", json!({"delta": delta, "usage": usage}), out);
        event("message_stop", json!({}), out);
    }

    /// The line with the error is read as a reply that says nothing.
    fn error_line(&mut self, _: &str, out: &mut Vec<u8>) {
        self.begin(out);
    }

    fn whole(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        let done = chunk.done.clone().unwrap_or_default();
        let mut content = Vec::new();
        if !chunk.thinking.is_empty() {
            content.push(json!({"type": "thinking", "thinking": chunk.thinking}));
        }
        if !chunk.content.is_empty() {
            content.push(json!({"type": "text", "text": chunk.content}));
        }
        for call in &chunk.calls {
            content.push(json!({
                "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments,
            }));
        }
        let mut body = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "usage": {"input_tokens": done.prompt_count, "output_tokens": done.count},
        });
        if let Some(reason) = stop_reason(&done.reason, !chunk.calls.is_empty()) {
            body["stop_reason"] = reason.into();
        }
        out.extend(body.to_string().into_bytes());
        out.push(b'\n');
    }

    fn refusal(&self, refusal: &Refusal) -> Response {
        let body = format!("{}\n", error(refusal));
        go::bytes(refusal.status, "application/json", body.into_bytes())
    }

    fn stream_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("cache-control", "no-cache"), ("connection", "keep-alive")]
    }
}

/// What `/v1/messages` asks for.
pub(crate) fn read(body: &[u8]) -> Result<Ask, Refusal> {
    let object = lenient(body, "MessagesRequest")?;
    if go::text(&object, "model").is_empty() {
        return Err(Refusal::new(400, "model is required"));
    }
    let limit = object.get("max_tokens").and_then(Value::as_i64).unwrap_or_default();
    if limit <= 0 {
        return Err(Refusal::new(400, "max_tokens is required and must be positive"));
    }
    let none = Vec::new();
    let messages = object.get("messages").and_then(Value::as_array).unwrap_or(&none);
    if messages.is_empty() {
        return Err(Refusal::new(400, "messages is required"));
    }
    let mut options = Map::new();
    options.insert("num_predict".to_owned(), limit.into());
    let think = object.get("thinking").and_then(|thinking| thinking["type"].as_str());
    let mut ask = Ask {
        model: go::text(&object, "model").to_owned(),
        stream: object.get("stream") == Some(&Value::Bool(true)),
        chat: true,
        tools: object.get("tools").and_then(Value::as_array).is_some_and(|all| !all.is_empty()),
        think: think.map(|think| think != "disabled"),
        relax_thinking: true,
        options,
        ..Ask::default()
    };
    ask.read_messages(messages);
    Ok(ask)
}
