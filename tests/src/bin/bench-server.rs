//! The small server behind both sides of the measurement: it answers as fast as a server of its
//! kind can, so that what differs is what stands before it. `bench-server TOOLS` offers that many.

use std::io::{BufRead as _, Write as _};

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: std::borrow::Cow<'a, str>,
}

const OPENING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}"#;

const RESULT: &str =
    r#"{"content":[{"type":"text","text":"The quick brown fox jumps over the lazy dog."}]}"#;

fn tools(count: usize) -> String {
    let tools: Vec<String> = (0..count)
        .map(|at| {
            format!(
                r#"{{"name":"tool_{at}","description":"Does the thing number {at}, and says what came of it.","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string","description":"Where."}},"depth":{{"type":"integer","minimum":0}}}},"required":["path"]}}}}"#
            )
        })
        .collect();
    format!(r#"{{"tools":[{}]}}"#, tools.join(","))
}

/// Drawbridge starts servers so. Where the system schedules sessions as groups (Linux: sched(7), the
/// autogroup feature), it has to be the same before the forwarder, or what is compared is that.
fn in_a_session_of_its_own() {
    // Fails where it has one already.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
}

fn main() -> std::io::Result<()> {
    in_a_session_of_its_own();
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1);
    let tools = tools(count);
    let mut out = std::io::stdout().lock();
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    while input.read_line(&mut line)? > 0 {
        if let Ok(Message { id: Some(id), method }) = serde_json::from_str(&line) {
            let result = match &*method {
                "initialize" => OPENING,
                "tools/list" => &tools,
                "tools/call" => RESULT,
                _ => "{}",
            };
            let answer =
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}\n", id.get());
            out.write_all(answer.as_bytes())?;
            out.flush()?;
        }
        line.clear();
    }
    Ok(())
}
