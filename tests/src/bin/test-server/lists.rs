//! Servers whose lists are long, or change while they run.

use std::sync::Mutex;

use serde_json::json;

use crate::wire::{serve, tool};

/// Seven pages of tools, prompts and resources, thirty a page.
pub(crate) fn pages() {
    const PAGES: usize = 7;
    const ON_A_PAGE: usize = 30;
    serve(json!({"tools": {}, "prompts": {}, "resources": {}}), |wire, request| {
        let page: usize =
            request.params["cursor"].as_str().and_then(|page| page.parse().ok()).unwrap_or(0);
        let numbers = page * ON_A_PAGE..(page + 1) * ON_A_PAGE;
        let (key, entries): (&str, Vec<_>) = match request.method.as_str() {
            "tools/list" => ("tools", numbers.map(|at| tool(&format!("t{at}"), "One.")).collect()),
            "prompts/list" => {
                ("prompts", numbers.map(|at| json!({"name": format!("p{at}")})).collect())
            }
            "resources/list" => (
                "resources",
                numbers
                    .map(|at| json!({"uri": format!("page://{at}"), "name": format!("r{at}")}))
                    .collect(),
            ),
            "resources/templates/list" => {
                return wire.result(&request.id, json!({"resourceTemplates": []}));
            }
            "tools/call" => {
                return wire.text(&request.id, request.params["name"].as_str().unwrap_or_default());
            }
            other => return wire.error(&request.id, -32601, &format!("unknown method {other}")),
        };
        let mut result = json!({ key: entries });
        if page + 1 < PAGES {
            result["nextCursor"] = json!((page + 1).to_string());
        }
        wire.result(&request.id, result);
    });
}

/// A server whose tool `grow` adds the tool `grown`, and whose `shrink` takes it away.
pub(crate) fn changes_tools() {
    let grown = Mutex::new(false);
    serve(json!({"tools": {"listChanged": true}}), move |wire, request| {
        let mut grown = grown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (request.method.as_str(), request.params["name"].as_str()) {
            ("tools/list", _) => {
                let mut tools = vec![tool("grow", "Adds one."), tool("shrink", "Takes it away.")];
                if *grown {
                    tools.push(tool("grown", "Was added."));
                }
                wire.result(&request.id, json!({ "tools": tools }));
            }
            ("tools/call", Some(name @ ("grow" | "shrink"))) => {
                *grown = name == "grow";
                wire.text(&request.id, "changed");
                wire.notify("notifications/tools/list_changed", json!({}));
            }
            ("tools/call", Some("grown")) if *grown => wire.text(&request.id, "here"),
            (other, _) => wire.error(&request.id, -32601, &format!("unknown method {other}")),
        }
    });
}
