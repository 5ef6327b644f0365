//! A server that asks the client something in the middle of a call.

use serde_json::{Value, json};

use crate::wire::{serve, tool};

pub(crate) fn run() {
    serve(json!({"tools": {}}), |wire, request| match request.method.as_str() {
        "tools/list" => wire.result(
            &request.id,
            json!({"tools": [
                tool("ask", "Asks the person for a name."),
                tool("sample", "Asks the app's model for a poem."),
                tool("roots", "Asks which folders the app works in."),
                tool("echo", "Answers."),
            ]}),
        ),
        "tools/call" => {
            let answer = match request.params["name"].as_str().unwrap_or_default() {
                "ask" => wire.ask(
                    "elicitation/create",
                    json!({"message": "What is your name?", "requestedSchema":
                        {"type": "object", "properties": {"name": {"type": "string"}}}}),
                ),
                "sample" => wire.ask(
                    "sampling/createMessage",
                    json!({"maxTokens": 10, "messages": [
                        {"role": "user", "content": {"type": "text", "text": "A poem."}}]}),
                ),
                "roots" => wire.ask("roots/list", json!({})),
                _ => Value::Null,
            };
            wire.text(&request.id, &answer.to_string());
        }
        other => wire.error(&request.id, -32601, &format!("unknown method {other}")),
    });
}
