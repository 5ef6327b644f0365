//! What the gateway need not understand it does not touch, down to the byte.

use drawbridge_tests::{McpClient, Setup};

const TOOL: &str = r#"{"zeta":1e3,"inputSchema":{"type":"object","x-vendor":{"n":1.0,"big":12345678901234567890},"properties":{"b":{"type":"string"},"a":{"type":"string","const":"A"}}},"execution":{"taskSupport":"optional"},"name":"@","vendor":null,"description":"café \/ ☕"}"#;

const RESULT: &str = r#"{"vendor":{"z":1,"a":[1.50,1E+2,-0.0,0.1e-7]},"content":[{"type":"hologram","data":"A","weight":1e3},{"text":"tab\there","type":"text"}],"structuredContent":{"n":12345678901234567890,"f":1.0},"_meta":{"com.example/b":1,"com.example/a":1.10},"isError":false}"#;

async fn raw(client: &McpClient, body: &str) -> String {
    let answer = client.send_text(body.to_owned()).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_tool_keeps_its_fields_numbers_and_order_but_for_its_name() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    for (path, name) in [("/mcp", "raw__odd"), ("/mcp/raw", "odd")] {
        let client = McpClient::open(&engine, path).await;
        let list = raw(&client, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
        assert!(list.contains(&TOOL.replace('@', name)), "{path}: {list}");
    }
}

#[tokio::test]
async fn a_result_comes_back_byte_for_byte() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    for (path, name) in [("/mcp", "raw__odd"), ("/mcp/raw", "odd")] {
        let client = McpClient::open(&engine, path).await;
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#
        );
        let answer = raw(&client, &call).await;
        assert!(answer.contains(RESULT), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_error_comes_back_byte_for_byte() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__fail"}}"#;
    let answer = raw(&client, call).await;
    let error = r#"{"data":{"n":1e3,"z":1,"a":2},"message":"odd","code":-32123,"vendor":1.0}"#;
    assert!(answer.contains(error), "{answer}");
}

#[tokio::test]
async fn arguments_arrive_byte_for_byte() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    let arguments =
        r#"{"z":1e3,"a":[1.0,2E5,-0],"":{"\u00e9":"é","big":12345678901234567890},"b":"a\/b"}"#;
    for (path, name) in [("/mcp", "raw__odd"), ("/mcp/raw", "odd")] {
        let client = McpClient::open(&engine, path).await;
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"vendor":1e3,"arguments":{arguments},"name":"{name}","_meta":{{"com.example/x":1.0}}}}}}"#
        );
        raw(&client, &call).await;
    }
    let log = engine.server_log("raw");
    assert_eq!(log.matches(arguments).count(), 2, "{log}");
    assert_eq!(log.matches(r#""vendor":1e3"#).count(), 2, "{log}");
    assert_eq!(log.matches(r#""com.example/x":1.0"#).count(), 2, "{log}");
}

#[tokio::test]
async fn an_id_comes_back_as_it_was_written() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for id in ["1", "-7", "0", "9007199254740993", r#""1""#, r#""""#, r#""\u00e9\/""#] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","method":"tools/call","id":{id},"params":{{"name":"raw__odd"}}}}"#
        );
        let answer = raw(&client, &call).await;
        assert!(answer.contains(&format!(r#""id":{id}"#)), "{id}: {answer}");
    }
}

#[tokio::test]
async fn a_prompt_comes_back_byte_for_byte() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    let client = McpClient::open(&engine, "/mcp/raw").await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"odd"}}"#;
    let answer = raw(&client, call).await;
    let result =
        r#"{"messages":[{"content":{"type":"hologram","n":1e3},"role":"user"}],"vendor":1.0}"#;
    assert!(answer.contains(result), "{answer}");
}

#[tokio::test]
async fn a_message_that_says_a_thing_twice_is_refused() {
    let engine = Setup::new().server("raw", "raw").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    // Two readers of one message must not see two different tools.
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw__odd","name":"raw__fail"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"raw__odd"}}"#,
    ] {
        let answer = client.send_text(body.to_owned()).await.text().await.unwrap();
        assert!(answer.contains("\"error\""), "{body}: {answer}");
    }
    assert!(engine.calls_seen_by("raw").is_empty());
}
