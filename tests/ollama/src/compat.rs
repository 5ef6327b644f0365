//! The dialect of OpenAI: `/v1/chat/completions` and `/v1/completions`.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::body::Response;
use crate::chat::{Ask, Chunk, Done, MadeCall, random_number};
use crate::clock;
use crate::go::{self, Refusal};
use crate::infer::{Dialect, lenient};

/// An error as OpenAI's routes have it.
pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        400 => "invalid_request_error",
        404 => "not_found_error",
        _ => "api_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

/// A refusal from a handler, with the line feed of Go's encoder.
pub(crate) fn refusal(refusal: &Refusal) -> Response {
    if refusal.passing {
        return refusal.native();
    }
    let body = format!("{}\n", error(refusal.status, &refusal.message));
    go::bytes(refusal.status, "application/json", body.into_bytes())
}

/// A refusal from before the handler.
pub(crate) fn early(refusal: &Refusal) -> Response {
    go::json(refusal.status, &error(refusal.status, &refusal.message))
}

/// The calls, as OpenAI has them.
pub(crate) fn tool_calls(calls: &[MadeCall]) -> Vec<Value> {
    let one = |call: &MadeCall| {
        let arguments = Value::Object(call.arguments.clone()).to_string();
        json!({
            "id": call.id,
            "index": call.index,
            "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        })
    };
    calls.iter().map(one).collect()
}

fn usage(done: &Done) -> Value {
    json!({
        "prompt_tokens": done.prompt_count,
        "completion_tokens": done.count,
        "total_tokens": done.prompt_count + done.count,
    })
}

/// One event.
#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    index: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

/// `/v1/chat/completions`, or `/v1/completions`.
pub(crate) struct OpenAi {
    id: String,
    model: String,
    chat: bool,
    include_usage: bool,
    created: u64,
    begun: bool,
    called: bool,
}

impl OpenAi {
    pub(crate) fn new(model: &str, chat: bool, include_usage: bool) -> OpenAi {
        let prefix = if chat { "chatcmpl" } else { "cmpl" };
        OpenAi {
            id: format!("{prefix}-{}", random_number() % 999),
            model: model.to_owned(),
            chat,
            include_usage,
            created: clock::unix_seconds(SystemTime::now()),
            begun: false,
            called: false,
        }
    }

    fn event(&self, choices: Vec<Choice<'_>>, usage: Option<Value>, out: &mut Vec<u8>) {
        let event = Event {
            id: &self.id,
            object: if self.chat { "chat.completion.chunk" } else { "text_completion" },
            created: self.created,
            model: &self.model,
            system_fingerprint: "fp_ollama",
            choices,
            usage,
        };
        out.extend(b"data: ");
        let _ = serde_json::to_writer(&mut *out, &event);
        out.extend(b"\n\n");
    }

    fn delta(&self, delta: Delta<'_>, out: &mut Vec<u8>) {
        let choice = Choice { text: None, index: 0, delta: Some(delta), finish_reason: None };
        self.event(vec![choice], None, out);
    }

    fn chat_line(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        let nothing =
            chunk.content.is_empty() && chunk.thinking.is_empty() && chunk.calls.is_empty();
        if !(nothing && chunk.done.is_some() && self.begun) {
            let role = if self.begun { "" } else { "assistant" };
            self.begun = true;
            self.called |= !chunk.calls.is_empty();
            let calls = tool_calls(&chunk.calls);
            let content = Some(chunk.content.as_str());
            let more = !chunk.content.is_empty() || !calls.is_empty();
            if !chunk.thinking.is_empty() && more {
                let first = Delta { role, reasoning: &chunk.thinking, ..Delta::default() };
                self.delta(first, out);
                self.delta(Delta { content, tool_calls: calls, ..Delta::default() }, out);
            } else {
                let reasoning = &chunk.thinking;
                self.delta(Delta { role, content, reasoning, tool_calls: calls }, out);
            }
        }
        let Some(done) = &chunk.done else { return };
        let reason = match &*done.reason {
            "stop" if self.called => "tool_calls",
            reason => reason,
        };
        let choice = Choice {
            text: None,
            index: 0,
            delta: Some(Delta::default()),
            finish_reason: Some(reason),
        };
        self.event(vec![choice], None, out);
        if self.include_usage {
            self.event(Vec::new(), Some(usage(done)), out);
        }
        out.extend(b"data: [DONE]\n\n");
    }

    fn text_line(&self, chunk: &Chunk, out: &mut Vec<u8>) {
        let reason = chunk.done.as_ref().map(|done| done.reason.as_str());
        let text = Some(chunk.content.as_str());
        let choice = Choice { text, index: 0, delta: None, finish_reason: reason };
        let nothing = self.include_usage.then(|| usage(&Done::default()));
        self.event(vec![choice], nothing, out);
        let Some(done) = &chunk.done else { return };
        if self.include_usage {
            self.event(Vec::new(), Some(usage(done)), out);
        }
        out.extend(b"data: [DONE]\n\n");
    }
}

impl Dialect for OpenAi {
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn whole_type(&self) -> &'static str {
        "application/json"
    }

    fn line(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        if self.chat {
            self.chat_line(chunk, out);
        } else {
            self.text_line(chunk, out);
        }
    }

    /// The line with the error is read as a reply that says nothing, and goes out as one.
    fn error_line(&mut self, _: &str, out: &mut Vec<u8>) {
        let model = std::mem::take(&mut self.model);
        self.line(&Chunk::default(), out);
        self.model = model;
    }

    fn whole(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        let done = chunk.done.clone().unwrap_or_default();
        let calls = tool_calls(&chunk.calls);
        let reason = match &*done.reason {
            "stop" if !calls.is_empty() => "tool_calls",
            reason => reason,
        };
        let mut choice = json!({"index": 0, "finish_reason": reason});
        if self.chat {
            let mut message = json!({"role": "assistant", "content": chunk.content});
            if !chunk.thinking.is_empty() {
                message["reasoning"] = chunk.thinking.as_str().into();
            }
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            choice["message"] = message;
        } else {
            choice["text"] = chunk.content.as_str().into();
        }
        let body = json!({
            "id": self.id,
            "object": if self.chat { "chat.completion" } else { "text_completion" },
            "created": self.created,
            "model": self.model,
            "system_fingerprint": "fp_ollama",
            "choices": [choice],
            "usage": usage(&done),
        });
        out.extend(body.to_string().into_bytes());
        out.push(b'\n');
    }

    fn refusal(&self, one: &Refusal) -> Response {
        refusal(one)
    }
}

/// What `/v1/chat/completions` asks for, and whether it wants the usage.
pub(crate) fn chat(body: &[u8]) -> Result<(Ask, bool), Refusal> {
    let object = lenient(body, "ChatCompletionRequest")?;
    let none = Vec::new();
    let messages = object.get("messages").and_then(Value::as_array).unwrap_or(&none);
    if messages.is_empty() {
        return Err(Refusal::new(400, "[] is too short - 'messages'"));
    }
    let mut ask = common(&object);
    ask.chat = true;
    ask.tools = object.get("tools").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    ask.think = match object.get("reasoning_effort").and_then(Value::as_str) {
        Some("none") => Some(false),
        Some(_) => Some(true),
        None => None,
    };
    ask.read_messages(messages);
    Ok((ask, include_usage(&object)))
}

/// What `/v1/completions` asks for, and whether it wants the usage.
pub(crate) fn text(body: &[u8]) -> Result<(Ask, bool), Refusal> {
    let object = lenient(body, "CompletionRequest")?;
    let mut ask = common(&object);
    let prompt = go::text(&object, "prompt");
    ask.anything = !prompt.is_empty();
    ask.length = prompt.len();
    ask.suffix = !go::text(&object, "suffix").is_empty();
    Ok((ask, include_usage(&object)))
}

fn include_usage(object: &Map<String, Value>) -> bool {
    let options = object.get("stream_options");
    options.is_some_and(|options| options["include_usage"] == Value::Bool(true))
}

fn common(object: &Map<String, Value>) -> Ask {
    let mut options = Map::new();
    if let Some(limit) = object.get("max_tokens").filter(|limit| !limit.is_null()) {
        options.insert("num_predict".to_owned(), limit.clone());
    }
    Ask {
        model: go::text(object, "model").to_owned(),
        stream: object.get("stream") == Some(&Value::Bool(true)),
        options,
        ..Ask::default()
    }
}
