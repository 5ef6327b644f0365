//! A server with everything a 2025-11-25 client expects.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::wire::{Request, Wire, say, serve, tool};

/// How often a waiting tool looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) fn run() {
    let capabilities = json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true}, "logging": {}, "completions": {}});
    let level = Mutex::new("info".to_owned());
    serve(capabilities, move |wire, request| match request.method.as_str() {
        "tools/list" => wire.result(&request.id, json!({"tools": tools()})),
        "tools/call" => call(wire, request),
        "prompts/list" => wire.result(
            &request.id,
            json!({"prompts": [{"name": "greet",
            "description": "Greets somebody.",
            "arguments": [{"name": "who", "required": true}]}]}),
        ),
        "prompts/get" => {
            let who = request.params["arguments"]["who"].as_str().unwrap_or("you");
            let text = format!("Say good morning to {who}.");
            wire.result(
                &request.id,
                json!({"messages": [
                {"role": "user", "content": {"type": "text", "text": text}}]}),
            );
        }
        "resources/list" => wire.result(
            &request.id,
            json!({"resources": [
            {"uri": "note://one", "name": "one", "mimeType": "text/plain"}]}),
        ),
        "resources/templates/list" => wire.result(
            &request.id,
            json!({"resourceTemplates": [
            {"uriTemplate": "note://{name}", "name": "a note"}]}),
        ),
        "resources/read" => read(wire, request),
        "resources/subscribe" => {
            wire.result(&request.id, json!({}));
            wire.notify("notifications/resources/updated", json!({"uri": request.params["uri"]}));
        }
        "resources/unsubscribe" => wire.result(&request.id, json!({})),
        "completion/complete" => wire.result(
            &request.id,
            json!({"completion":
            {"values": ["Ada", "Alan"], "hasMore": false}}),
        ),
        "logging/setLevel" => {
            if let Ok(mut level) = level.lock() {
                request.params["level"].as_str().unwrap_or("info").clone_into(&mut level);
            }
            wire.result(&request.id, json!({}));
        }
        other => wire.error(&request.id, -32601, &format!("unknown method {other}")),
    });
}

fn tools() -> Vec<Value> {
    vec![
        json!({"name": "echo", "title": "Echo", "description": "Says what it was told.",
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}},
                "required": ["text"]},
            "annotations": {"readOnlyHint": true}}),
        json!({"name": "add", "description": "Adds two numbers.",
            "inputSchema": {"type": "object", "properties":
                {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]},
            "outputSchema": {"type": "object", "properties": {"sum": {"type": "number"}}}}),
        json!({"name": "write_note", "description": "Writes a note.",
            "inputSchema": {"type": "object", "properties":
                {"name": {"type": "string"}, "text": {"type": "string"}}},
            "annotations": {"destructiveHint": true}}),
        tool("hold", "Waits until the file `until` is there or the call is cancelled."),
        tool("count", "Reports progress `steps` times, then ends."),
        tool("complain", "Fails, as a tool does."),
        tool("speak", "Sends a log message, then ends."),
        tool("where", "Says where it runs and which variables it got."),
        tool("reveal", "Tells the variable `name`, here and on standard error."),
        tool("die", "Ends the whole server in mid-call."),
    ]
}

fn call(wire: &Wire, request: &Request) {
    let arguments = &request.params["arguments"];
    let progress = &request.params["_meta"]["progressToken"];
    let id = &request.id;
    match request.params["name"].as_str().unwrap_or_default() {
        "echo" => wire.text(id, arguments["text"].as_str().unwrap_or_default()),
        "add" => {
            let sum =
                arguments["a"].as_f64().unwrap_or(0.0) + arguments["b"].as_f64().unwrap_or(0.0);
            wire.result(
                id,
                json!({"content": [{"type": "text", "text": sum.to_string()}],
                "structuredContent": {"sum": sum}}),
            );
        }
        "write_note" => {
            let folder = std::env::var("TEST_SERVER_NOTES").unwrap_or_default();
            let path = Path::new(&folder).join(arguments["name"].as_str().unwrap_or("note"));
            let text = arguments["text"].as_str().unwrap_or_default();
            let written = std::fs::File::create(path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
            match written {
                Ok(()) => wire.text(id, "written"),
                Err(error) => wire.text(id, &format!("not written: {error}")),
            }
        }
        "hold" => {
            let until = Path::new(arguments["until"].as_str().unwrap_or("/")).to_path_buf();
            let mut step = 0;
            while !until.exists() {
                if wire.is_cancelled(id) {
                    wire.note("the call was cancelled");
                    return;
                }
                if !progress.is_null() {
                    step += 1;
                    wire.notify(
                        "notifications/progress",
                        json!({"progressToken": progress, "progress": step}),
                    );
                }
                std::thread::sleep(LOOK_EVERY);
            }
            wire.text(id, "let go");
        }
        "count" => {
            let steps = arguments["steps"].as_u64().unwrap_or(3);
            for step in 1..=steps {
                if !progress.is_null() {
                    wire.notify(
                        "notifications/progress",
                        json!({"progressToken": progress,
                        "progress": step, "total": steps, "message": format!("step {step}")}),
                    );
                }
            }
            wire.text(id, "counted");
        }
        "complain" => wire.result(
            id,
            json!({"isError": true,
            "content": [{"type": "text", "text": "the disk is on fire"}]}),
        ),
        "speak" => {
            wire.notify("notifications/message",
                json!({"level": "warning", "logger": "answers", "data": {"heard": arguments["text"]}}));
            wire.text(id, "spoken");
        }
        "where" => {
            let mut variables: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            variables.sort();
            let folder = std::env::current_dir().unwrap_or_default();
            wire.text(
                id,
                &json!({"pid": std::process::id(), "folder": folder,
                "variables": variables, "path": std::env::var("PATH").unwrap_or_default()})
                .to_string(),
            );
        }
        "reveal" => {
            let name = arguments["name"].as_str().unwrap_or_default();
            let value = std::env::var(name).unwrap_or_default();
            say(&format!("{name}={value}"));
            wire.text(id, &value);
        }
        "die" => std::process::abort(),
        other => wire.error(id, -32602, &format!("unknown tool {other}")),
    }
}

fn read(wire: &Wire, request: &Request) {
    let uri = request.params["uri"].as_str().unwrap_or_default();
    match uri.strip_prefix("note://") {
        Some(name) => wire.result(
            &request.id,
            json!({"contents": [
            {"uri": uri, "mimeType": "text/plain", "text": format!("This is note {name}.")}]}),
        ),
        None => wire.error(&request.id, -32002, "resource not found"),
    }
}
