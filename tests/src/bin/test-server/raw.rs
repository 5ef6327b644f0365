//! A server whose answers are written byte for byte, with what no typed model would keep: fields
//! nobody knows, numbers in odd forms, an unusual order of keys, escapes that could be written
//! otherwise.

use serde_json::json;

use crate::wire::serve;

/// The tool as it stands in the list, its name at `@`.
const TOOL: &str = r#"{"zeta":1e3,"inputSchema":{"type":"object","x-vendor":{"n":1.0,"big":12345678901234567890},"properties":{"b":{"type":"string"},"a":{"type":"string","const":"A"}}},"execution":{"taskSupport":"optional"},"name":"@","vendor":null,"description":"café \/ ☕"}"#;

/// The result of a call.
const RESULT: &str = r#"{"vendor":{"z":1,"a":[1.50,1E+2,-0.0,0.1e-7]},"content":[{"type":"hologram","data":"A","weight":1e3},{"text":"tab\there","type":"text"}],"structuredContent":{"n":12345678901234567890,"f":1.0},"_meta":{"com.example/b":1,"com.example/a":1.10},"isError":false}"#;

pub(crate) fn run() {
    serve(json!({"tools": {}, "prompts": {}}), |wire, request| {
        let id = &request.id;
        match request.method.as_str() {
            "tools/list" => {
                let (odd, fail) = (TOOL.replace('@', "odd"), TOOL.replace('@', "fail"));
                wire.send_text(&format!(
                    r#"{{"result":{{"vendor":1e3,"tools":[{odd},{fail}]}},"id":{id},"jsonrpc":"2.0"}}"#
                ));
            }
            "tools/call" if request.params["name"] == "fail" => wire.send_text(&format!(
                r#"{{"id":{id},"error":{{"data":{{"n":1e3,"z":1,"a":2}},"message":"odd","code":-32123,"vendor":1.0}},"jsonrpc":"2.0"}}"#
            )),
            "tools/call" => wire.send_text(&format!(
                r#"{{"vendorTop":1,"id":{id},"result":{RESULT},"jsonrpc":"2.0"}}"#
            )),
            "prompts/list" => wire.send_text(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"prompts":[{{"weight":1e3,"name":"odd"}}]}}}}"#
            )),
            "prompts/get" => wire.send_text(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"messages":[{{"content":{{"type":"hologram","n":1e3}},"role":"user"}}],"vendor":1.0}}}}"#
            )),
            other => wire.error(id, -32601, &format!("unknown method {other}")),
        }
    });
}
