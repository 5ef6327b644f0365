//! The dialect of OpenAI's Responses: `/v1/responses`.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::body::Response;
use crate::chat::{Ask, Chunk, Done, MadeCall, random_number};
use crate::clock;
use crate::compat;
use crate::go::{self, Refusal};
use crate::infer::{Dialect, lenient};

/// `/v1/responses`.
pub(crate) struct Responses {
    id: String,
    item: String,
    model: String,
    request: Map<String, Value>,
    sequence: u64,
    index: u64,
    begun: bool,
    called: bool,
    text: Option<String>,
    thinking: Option<(String, String)>,
    items: Vec<Value>,
}

impl Responses {
    pub(crate) fn new(model: &str, request: Map<String, Value>) -> Responses {
        Responses {
            id: format!("resp_{}", random_number() % 999_999),
            item: format!("msg_{}", random_number() % 999_999),
            model: model.to_owned(),
            request,
            sequence: 0,
            index: 0,
            begun: false,
            called: false,
            text: None,
            thinking: None,
            items: Vec::new(),
        }
    }

    fn event(&mut self, kind: &str, mut data: Value, out: &mut Vec<u8>) {
        data["type"] = kind.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        out.extend(format!("event: {kind}\ndata: {data}\n\n").into_bytes());
    }

    /// The response object, with what the request said given back.
    fn response(&self, status: &str, output: &[Value], done: Option<&Done>) -> Value {
        let now = clock::unix_seconds(SystemTime::now());
        let asked = |field: &str| self.request.get(field).cloned().unwrap_or_default();
        let or = |field: &str, default: Value| match asked(field) {
            Value::Null => default,
            value => value,
        };
        let instructions = match asked("instructions") {
            Value::String(text) if text.is_empty() => Value::Null,
            instructions => instructions,
        };
        let reasoning = match asked("reasoning") {
            Value::Object(reasoning) => json!({
                "effort": reasoning.get("effort"), "summary": reasoning.get("summary"),
            }),
            _ => Value::Null,
        };
        let usage = done.map(|done| {
            json!({
                "input_tokens": done.prompt_count,
                "output_tokens": done.count,
                "total_tokens": done.prompt_count + done.count,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            })
        });
        json!({
            "id": self.id,
            "object": "response",
            "created_at": now,
            "completed_at": done.map(|_| now),
            "status": status,
            "incomplete_details": null,
            "model": self.model,
            "previous_response_id": null,
            "instructions": instructions,
            "output": output,
            "error": null,
            "tools": self.tools(),
            "tool_choice": "auto",
            "truncation": or("truncation", "disabled".into()),
            "parallel_tool_calls": true,
            "text": or("text", json!({"format": {"type": "text"}})),
            "top_p": or("top_p", json!(1)),
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": or("temperature", json!(1)),
            "reasoning": reasoning,
            "usage": usage,
            "max_output_tokens": asked("max_output_tokens"),
            "max_tool_calls": null,
            "store": false,
            "background": or("background", false.into()),
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": null,
            "prompt_cache_key": null,
        })
    }

    /// The tools of the request, with everything a tool has.
    fn tools(&self) -> Vec<Value> {
        let given = self.request.get("tools").and_then(Value::as_array).into_iter().flatten();
        let whole = |tool: &Value| {
            json!({
                "type": tool["type"],
                "name": tool["name"],
                "description": tool["description"],
                "strict": tool["strict"],
                "parameters": tool["parameters"],
            })
        };
        given.map(whole).collect()
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let response = self.response("in_progress", &[], None);
        self.event("response.created", json!({"response": response}), out);
        self.event("response.in_progress", json!({"response": response}), out);
    }

    fn think(&mut self, thinking: &str, out: &mut Vec<u8>) {
        if self.thinking.is_none() {
            let id = format!("rs_{}", random_number() % 999_999);
            let item = json!({"id": id, "type": "reasoning", "summary": []});
            self.thinking = Some((id, String::new()));
            let data = json!({"output_index": self.index, "item": item});
            self.event("response.output_item.added", data, out);
        }
        let Some((id, all)) = &mut self.thinking else { return };
        all.push_str(thinking);
        let data = json!({
            "item_id": id, "output_index": self.index, "summary_index": 0, "delta": thinking,
        });
        self.event("response.reasoning_summary_text.delta", data, out);
    }

    fn end_thinking(&mut self, out: &mut Vec<u8>) {
        let Some((id, text)) = self.thinking.take() else { return };
        let item = reasoning(&id, &text);
        self.items.push(item.clone());
        let index = self.index;
        self.index += 1;
        let data = json!({"item_id": id, "output_index": index, "summary_index": 0, "text": text});
        self.event("response.reasoning_summary_text.done", data, out);
        let data = json!({"output_index": index, "item": item});
        self.event("response.output_item.done", data, out);
    }

    fn call(&mut self, call: &MadeCall, at: usize, out: &mut Vec<u8>) {
        let id = format!("fc_{}_{at}", random_number() % 999_999);
        let arguments = Value::Object(call.arguments.clone()).to_string();
        let done = function_call(&id, call, &arguments, "completed");
        let added = function_call(&id, call, "", "in_progress");
        self.items.push(done.clone());
        let index = self.index;
        self.index += 1;
        let data = json!({"output_index": index, "item": added});
        self.event("response.output_item.added", data, out);
        let data = json!({"item_id": id, "output_index": index, "delta": arguments});
        self.event("response.function_call_arguments.delta", data, out);
        let data = json!({"item_id": id, "output_index": index, "arguments": arguments});
        self.event("response.function_call_arguments.done", data, out);
        let data = json!({"output_index": index, "item": done});
        self.event("response.output_item.done", data, out);
    }

    fn say(&mut self, content: &str, out: &mut Vec<u8>) {
        self.end_thinking(out);
        let id = self.item.clone();
        if self.text.is_none() {
            self.text = Some(String::new());
            let item = json!({
                "id": id, "type": "message", "status": "in_progress", "role": "assistant",
                "content": [],
            });
            let data = json!({"output_index": self.index, "item": item});
            self.event("response.output_item.added", data, out);
            let data = json!({
                "item_id": id, "output_index": self.index, "content_index": 0, "part": part(""),
            });
            self.event("response.content_part.added", data, out);
        }
        if let Some(text) = &mut self.text {
            text.push_str(content);
        }
        let data = json!({
            "item_id": id, "output_index": self.index, "content_index": 0, "delta": content,
            "logprobs": [],
        });
        self.event("response.output_text.delta", data, out);
    }

    fn complete(&mut self, done: &Done, out: &mut Vec<u8>) {
        self.end_thinking(out);
        if let Some(text) = self.text.take()
            && !self.called
        {
            let id = self.item.clone();
            let index = self.index;
            let data = json!({
                "item_id": id, "output_index": index, "content_index": 0, "text": text,
                "logprobs": [],
            });
            self.event("response.output_text.done", data, out);
            let data = json!({
                "item_id": id, "output_index": index, "content_index": 0, "part": part(&text),
            });
            self.event("response.content_part.done", data, out);
            let item = message(&id, &text);
            self.items.push(item.clone());
            let data = json!({"output_index": index, "item": item});
            self.event("response.output_item.done", data, out);
        }
        let items = std::mem::take(&mut self.items);
        let response = self.response("completed", &items, Some(done));
        self.event("response.completed", json!({"response": response}), out);
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn message(id: &str, text: &str) -> Value {
    json!({
        "id": id, "type": "message", "status": "completed", "role": "assistant",
        "content": [part(text)],
    })
}

fn reasoning(id: &str, text: &str) -> Value {
    json!({
        "id": id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}],
        "encrypted_content": text,
    })
}

fn function_call(id: &str, call: &MadeCall, arguments: &str, status: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status, "call_id": call.id,
        "name": call.name, "arguments": arguments,
    })
}

impl Dialect for Responses {
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn whole_type(&self) -> &'static str {
        "application/json"
    }

    fn line(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.begin(out);
        if !chunk.thinking.is_empty() {
            self.think(&chunk.thinking, out);
        }
        if chunk.calls.is_empty() {
            // Text beside or after calls is lost.
            if !self.called && !chunk.content.is_empty() {
                self.say(&chunk.content, out);
            }
        } else {
            self.end_thinking(out);
            for (at, call) in chunk.calls.iter().enumerate() {
                self.call(call, at, out);
            }
            self.called = true;
        }
        if let Some(done) = &chunk.done {
            self.complete(done, out);
        }
    }

    /// The line with the error is read as a reply that says nothing.
    fn error_line(&mut self, _: &str, out: &mut Vec<u8>) {
        self.begin(out);
    }

    fn whole(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        let done = chunk.done.clone().unwrap_or_default();
        let mut output = Vec::new();
        if !chunk.thinking.is_empty() {
            output.push(reasoning(&format!("rs_{}", self.id), &chunk.thinking));
        }
        if chunk.calls.is_empty() {
            output.push(message(&self.item, &chunk.content));
        }
        for (at, call) in chunk.calls.iter().enumerate() {
            let arguments = Value::Object(call.arguments.clone()).to_string();
            let id = format!("fc_{}_{at}", self.id);
            output.push(function_call(&id, call, &arguments, "completed"));
        }
        let response = self.response("completed", &output, Some(&done));
        out.extend(response.to_string().into_bytes());
        out.push(b'\n');
    }

    fn refusal(&self, refusal: &Refusal) -> Response {
        compat::refusal(refusal)
    }

    fn stream_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("cache-control", "no-cache"), ("connection", "keep-alive")]
    }
}

/// What `/v1/responses` asks for, and the request to give back.
pub(crate) fn read(body: &[u8]) -> Result<(Ask, Map<String, Value>), Refusal> {
    let object = lenient(body, "ResponsesRequest")?;
    let mut options = Map::new();
    if let Some(limit) = object.get("max_output_tokens").filter(|limit| !limit.is_null()) {
        options.insert("num_predict".to_owned(), limit.clone());
    }
    let mut ask = Ask {
        model: go::text(&object, "model").to_owned(),
        stream: object.get("stream") == Some(&Value::Bool(true)),
        chat: true,
        tools: object.get("tools").and_then(Value::as_array).is_some_and(|all| !all.is_empty()),
        options,
        ..Ask::default()
    };
    match object.get("input") {
        Some(Value::String(text)) => {
            ask.anything = true;
            ask.length = text.len();
        }
        Some(Value::Array(items)) => {
            ask.anything = !items.is_empty();
            ask.length = items.iter().map(|item| item.to_string().len()).sum();
            ask.rounds = rounds(items)?;
        }
        _ => return Err(Refusal::new(400, "input must be a string or array")),
    }
    Ok((ask, object))
}

/// Rounds of calls since the last message of the user. Outputs that follow one another belong to
/// one round.
fn rounds(items: &[Value]) -> Result<usize, Refusal> {
    let mut rounds = 0;
    let mut before = "";
    for (at, item) in items.iter().enumerate() {
        let kind = match item["type"].as_str() {
            Some(kind) => kind,
            None if item["role"].is_string() => "message",
            None => "",
        };
        match kind {
            "message" if item["role"] == "user" => rounds = 0,
            "message" | "function_call" | "reasoning" | "web_search_call" => {}
            "function_call_output" => rounds += usize::from(before != "function_call_output"),
            other => {
                let message = format!("input[{at}]: unknown input item type: {other:?}");
                return Err(Refusal::new(400, message));
            }
        }
        before = kind;
    }
    Ok(rounds)
}
