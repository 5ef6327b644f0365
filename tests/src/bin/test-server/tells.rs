//! A server that lists and answers what stands in a file, and follows the file while it runs:
//! `{"tools": [definition, …], "answers": {"TOOL": "text", …}}`. A tool without an answer gives
//! back what it was called with.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::wire::{Wire, serve};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn run(arguments: &[String]) {
    let file = arguments.first().cloned().unwrap_or_default();
    serve(json!({"tools": {"listChanged": true}}), move |wire, request| {
        let told = read(Path::new(&file));
        match request.method.as_str() {
            "tools/list" => {
                wire.result(&request.id, json!({"tools": told["tools"]}));
                // Whoever lists first keeps this thread for looking.
                if request.params["cursor"].is_null() && wire.is_first("looking") {
                    follow(wire, Path::new(&file), &told["tools"]);
                }
            }
            "tools/call" => {
                let name = request.params["name"].as_str().unwrap_or_default();
                match told["answers"][name].as_str() {
                    Some(answer) => wire.text(&request.id, answer),
                    None => wire.text(&request.id, &request.params["arguments"].to_string()),
                }
            }
            other => wire.error(&request.id, -32601, &format!("unknown method {other}")),
        }
    });
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_else(|_| json!({"tools": []}))
}

fn follow(wire: &Wire, file: &Path, first: &Value) {
    let mut before = first.clone();
    loop {
        std::thread::sleep(LOOK_EVERY);
        let now = read(file)["tools"].clone();
        if now != before && now.as_array().is_some_and(|tools| !tools.is_empty()) {
            before = now;
            wire.notify("notifications/tools/list_changed", json!({}));
        }
    }
}
