//! What it costs to pass one tool call and its result on, three ways:
//!
//! - raw: the envelope is read, the name and the progress token are exchanged, the text is written;
//! - value: the message is parsed into `serde_json::Value`, changed, and printed;
//! - typed: the message is parsed into a typed model of the protocol, changed, and printed.
//!
//! And what it costs to list 1,000 tools of 20 servers from the catalog.
//!
//! Run with `cargo run --release -p drawbridge-mcp --example wire_cost`. Prints nanoseconds per
//! call with its result, the median of several rounds, and whether the bytes survived.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for a person to read")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use drawbridge_mcp::catalog::{Scope, Tool, ToolAnnotations};
use drawbridge_mcp::wire::{self, Edit, Message};
use drawbridge_mcp::{CatalogStore, Offer, names};
use drawbridge_model::{ServerName, ToolName};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, ServerJsonRpcMessage};
use serde_json::Value;
use serde_json::value::RawValue;

type Way = fn(&str, &str, &mut Vec<u8>);

const ROUNDS: usize = 15;
const TURNS: usize = 4000;

fn request(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{{"name":"files__read_file","arguments":{arguments},"_meta":{{"progressToken":"p-17"}}}}}}"#
    )
}

fn result(text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":41,"result":{{"content":[{{"type":"text","text":"{text}"}}],"structuredContent":{{"lines":120,"bytes":4096,"ratio":1e-3}},"isError":false}}}}"#
    )
}

fn raw_way(request: &str, result: &str, out: &mut Vec<u8>) {
    let Ok(Message::Request { id, method, params: Some(params) }) = wire::parse(request) else {
        panic!("a request");
    };
    // As the gateway and the connection do: one look for the name, one for the token.
    let name = wire::find(params, &["name"]).unwrap().unwrap();
    let token = wire::find(params, &["_meta", "progressToken"]).unwrap().unwrap();
    let mut edits = vec![
        Edit { span: name.span, with: "\"read_file\"".into() },
        Edit { span: token.span, with: "7".into() },
    ];
    wire::push_request(out, 7, &method, Some(params.get()), &mut edits);
    let Ok(Message::Result { result, .. }) = wire::parse(result) else { panic!("a result") };
    let kept = result.to_owned();
    out.extend_from_slice(wire::result_message(id.raw(), kept.get()).as_bytes());
}

fn value_way(request: &str, result: &str, out: &mut Vec<u8>) {
    let mut request: Value = serde_json::from_str(request).unwrap();
    let id = request["id"].take();
    request["id"] = 7.into();
    request["params"]["name"] = "read_file".into();
    request["params"]["_meta"]["progressToken"] = 7.into();
    serde_json::to_writer(&mut *out, &request).unwrap();
    let mut result: Value = serde_json::from_str(result).unwrap();
    result["id"] = id;
    serde_json::to_writer(&mut *out, &result).unwrap();
}

fn typed_way(request: &str, result: &str, out: &mut Vec<u8>) {
    let mut request: ClientJsonRpcMessage = serde_json::from_str(request).unwrap();
    let JsonRpcMessage::Request(request_inside) = &mut request else { panic!("a request") };
    let id = std::mem::replace(&mut request_inside.id, rmcp::model::NumberOrString::Number(7));
    let ClientRequest::CallToolRequest(call) = &mut request_inside.request else {
        panic!("a call")
    };
    call.params.name = "read_file".into();
    serde_json::to_writer(&mut *out, &request).unwrap();
    let mut result: ServerJsonRpcMessage = serde_json::from_str(result).unwrap();
    if let JsonRpcMessage::Response(response) = &mut result {
        response.id = id;
    }
    serde_json::to_writer(&mut *out, &result).unwrap();
}

fn list_cost() {
    let store = CatalogStore::new();
    for index in 0..20 {
        let server = ServerName::new(&format!("server{index}")).unwrap();
        let tool = |name: usize| {
            let entry = |name: &str| {
                RawValue::from_string(format!(
                    r#"{{"name":"{name}","description":"{}","inputSchema":{{}}}}"#,
                    "x".repeat(600)
                ))
                .unwrap()
            };
            let name = format!("tool{name}");
            let exposed = names::exposed_name(server.as_str(), &name);
            Tool {
                digest: [0; 32],
                name: ToolName::new(&name).unwrap(),
                raw: entry(&name),
                exposed_raw: entry(&exposed),
                exposed: exposed.into(),
                title: None,
                description: None,
                annotations: ToolAnnotations::default(),
            }
        };
        let tools = Arc::new((0..50).map(tool).collect());
        store.publish(&server, Offer { tools, ..Offer::default() });
    }
    let mut times = Vec::new();
    for _ in 0..101 {
        let since = Instant::now();
        black_box(store.load().list_tools(Scope::Merged, |_, _| true));
        times.push(since.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("list of 1,000 tools: {} us", times[times.len() / 2]);
}

fn main() {
    list_cost();
    for (label, argument, text) in
        [("small", 60, 200), ("16 KiB", 60, 16 * 1024), ("1 MiB", 1 << 20, 1 << 20)]
    {
        let request = request(&format!(r#"{{"path":"{}"}}"#, "a".repeat(argument)));
        let result = result(&"line of text\\n".repeat(text / 14));
        println!("{label}: request {} bytes, result {} bytes", request.len(), result.len());
        let ways: [(&str, Way); 3] = [("raw", raw_way), ("value", value_way), ("typed", typed_way)];
        let turns = (TURNS * 1000 / (1000 + request.len() + result.len())).max(5);
        let mut times = [const { Vec::new() }; 3];
        let mut out = Vec::new();
        // The ways take turns, so that a busy moment of the machine does not hit one alone.
        for _ in 0..ROUNDS {
            for (times, (_, way)) in times.iter_mut().zip(ways) {
                let since = Instant::now();
                for _ in 0..turns {
                    out.clear();
                    way(black_box(&request), black_box(&result), &mut out);
                    black_box(&out);
                }
                times.push(since.elapsed().as_nanos() / turns as u128);
            }
        }
        for (times, (name, way)) in times.iter_mut().zip(ways) {
            times.sort_unstable();
            out.clear();
            way(&request, &result, &mut out);
            let kept = String::from_utf8_lossy(&out).contains("1e-3");
            println!("  {name:>5}: {:>9} ns, number form kept: {kept}", times[ROUNDS / 2]);
        }
    }
}
