//! The native dialect: `/api/chat` and `/api/generate`, one JSON object a line.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::body::Response;
use crate::chat::{Ask, Chunk, MadeCall};
use crate::clock;
use crate::go::{self, Refusal};
use crate::infer::Dialect;

/// A message of an assistant.
#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    index: usize,
    name: &'a str,
    arguments: &'a Map<String, Value>,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    done: bool,
    #[serde(flatten)]
    end: Option<End<'a>>,
}

/// What the last line has more.
#[derive(Serialize)]
struct End<'a> {
    done_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a [u64]>,
    #[serde(flatten)]
    metrics: Option<Metrics>,
}

#[derive(Serialize)]
struct Metrics {
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

/// `/api/chat`, or `/api/generate`.
pub(crate) struct Native {
    model: String,
    chat: bool,
}

impl Native {
    pub(crate) fn new(model: &str, chat: bool) -> Native {
        Native { model: model.to_owned(), chat }
    }

    fn write(&self, chunk: &Chunk, metrics: bool, out: &mut Vec<u8>) {
        let done = chunk.done.as_ref();
        let message = Message {
            role: "assistant",
            content: &chunk.content,
            thinking: &chunk.thinking,
            tool_calls: chunk.calls.iter().map(tool_call).collect(),
        };
        let line = Line {
            model: &self.model,
            created_at: clock::rfc3339(SystemTime::now()),
            message: self.chat.then_some(message),
            response: (!self.chat).then_some(&chunk.content),
            thinking: if self.chat { "" } else { &chunk.thinking },
            done: done.is_some(),
            end: done.map(|done| End {
                done_reason: &done.reason,
                context: done.context.as_deref(),
                metrics: metrics.then_some(Metrics {
                    total_duration: done.total,
                    load_duration: done.load,
                    prompt_eval_count: done.prompt_count,
                    prompt_eval_duration: done.prompt_time,
                    eval_count: done.count,
                    eval_duration: done.time.max(1),
                }),
            }),
        };
        // Strings and numbers can always be written.
        let _ = serde_json::to_writer(out, &line);
    }
}

fn tool_call(call: &MadeCall) -> ToolCall<'_> {
    let function = Function { index: call.index, name: &call.name, arguments: &call.arguments };
    ToolCall { id: &call.id, function }
}

impl Dialect for Native {
    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn whole_type(&self) -> &'static str {
        "application/json; charset=utf-8"
    }

    fn line(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.write(chunk, true, out);
        out.push(b'\n');
    }

    fn error_line(&mut self, message: &str, out: &mut Vec<u8>) {
        out.extend(serde_json::json!({ "error": message }).to_string().into_bytes());
        out.push(b'\n');
    }

    fn whole(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.write(chunk, true, out);
    }

    fn bare(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.write(chunk, false, out);
    }

    fn refusal(&self, refusal: &Refusal) -> Response {
        refusal.native()
    }
}

/// What `/api/chat` asks for.
pub(crate) fn chat(body: &[u8]) -> Result<Ask, Refusal> {
    let object = go::object(body, "ChatRequest")?;
    let mut ask = common(&object)?;
    ask.chat = true;
    ask.tools = object.get("tools").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let none = Vec::new();
    ask.read_messages(object.get("messages").and_then(Value::as_array).unwrap_or(&none));
    Ok(ask)
}

/// What `/api/generate` asks for.
pub(crate) fn generate(body: &[u8]) -> Result<Ask, Refusal> {
    let object = go::object(body, "GenerateRequest")?;
    let mut ask = common(&object)?;
    let prompt = go::text(&object, "prompt");
    ask.anything = !prompt.is_empty();
    ask.length = prompt.len() + go::text(&object, "system").len();
    ask.raw = object.get("raw") == Some(&Value::Bool(true));
    ask.suffix = !go::text(&object, "suffix").is_empty();
    if ask.raw
        && (!go::text(&object, "template").is_empty() || !go::text(&object, "system").is_empty())
    {
        let message = "raw mode does not support template, system, or context";
        return Err(Refusal::new(400, message));
    }
    Ok(ask)
}

fn common(object: &Map<String, Value>) -> Result<Ask, Refusal> {
    let top = object.get("top_logprobs").and_then(Value::as_i64).unwrap_or_default();
    if !(0..=20).contains(&top) {
        return Err(Refusal::new(400, "top_logprobs must be between 0 and 20"));
    }
    let think = match object.get("think") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(think)) => Some(*think),
        Some(Value::String(level))
            if ["low", "medium", "high", "max"].contains(&level.as_str()) =>
        {
            Some(true)
        }
        Some(other) => {
            let message = format!(
                "invalid think value: {other} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
            );
            return Err(Refusal::new(400, message));
        }
    };
    Ok(Ask {
        model: go::text(object, "model").to_owned(),
        think,
        stream: object.get("stream") != Some(&Value::Bool(false)),
        options: object.get("options").and_then(Value::as_object).cloned().unwrap_or_default(),
        keep_alive: object.get("keep_alive").cloned(),
        ..Ask::default()
    })
}
