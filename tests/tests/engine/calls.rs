//! What crosses on a call, and in which order.

use drawbridge_tests::{McpClient, Setup, eventually, wait::SOON};
use serde_json::{Value, json};

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_call_crosses_and_its_result_comes_back() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let all = McpClient::open(&engine, "/mcp").await;
    assert!(all.tools().await.contains(&"answers__echo".to_owned()));
    assert_eq!(
        text(&all.call("answers__echo", json!({"text": "good morning"})).await),
        "good morning"
    );
    let one = McpClient::open(&engine, "/mcp/answers").await;
    assert!(one.tools().await.contains(&"echo".to_owned()));
    let sum = one.call("add", json!({"a": 2, "b": 3.5})).await;
    assert_eq!(sum["structuredContent"]["sum"], 5.5);
    assert_eq!(engine.calls_seen_by("answers"), ["echo", "add"]);
}

#[tokio::test]
async fn two_servers_with_the_same_tools_and_uris_are_both_reachable() {
    let engine =
        Setup::new().server("left", "answers").server("right one", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    // A server answers a moment before its lists are read.
    let right = eventually("the second server's tool is listed", SOON, async || {
        let tools = client.tools().await;
        tools.into_iter().find(|tool| tool.starts_with("right") && tool.contains("echo"))
    })
    .await;
    let right = right.as_str();
    assert!(
        right.len() <= 64 && right.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    );
    client.call("left__echo", json!({"text": "l"})).await;
    client.call(right, json!({"text": "r"})).await;
    assert_eq!(engine.calls_seen_by("left"), ["echo"]);
    assert_eq!(engine.calls_seen_by("right one"), ["echo"]);
    let listed = client.request("resources/list", json!({})).await;
    let uris: Vec<&str> = listed["result"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|resource| resource["uri"].as_str())
        .filter(|uri| uri.ends_with("note://one"))
        .collect();
    assert_eq!(uris.len(), 2, "each server's note has an address of its own: {uris:?}");
    for uri in uris {
        let read = client.request("resources/read", json!({"uri": uri})).await;
        assert_eq!(read["result"]["contents"][0]["text"], "This is note one.", "{uri}");
    }
}

#[tokio::test]
async fn progress_comes_in_order_under_the_callers_own_token_and_before_the_result() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for token in [json!("mine"), json!(7)] {
        let (id, mut exchange) = client
            .begin(
                "tools/call",
                json!({"name": "answers__count", "arguments": {"steps": 50},
                    "_meta": {"progressToken": token}}),
            )
            .await;
        let mut seen = Vec::new();
        let result = loop {
            let message = exchange.next().await.expect("the result comes");
            if message["id"] == id {
                break message;
            }
            assert_eq!(message["method"], "notifications/progress");
            assert_eq!(message["params"]["progressToken"], token);
            seen.push(message["params"]["progress"].as_u64().unwrap());
        };
        assert_eq!(seen, (1..=50).collect::<Vec<_>>(), "in order, none lost, none late");
        assert_eq!(text(&result["result"]), "counted");
        assert!(exchange.next().await.is_none(), "the stream ends with the result");
    }
}

#[tokio::test]
async fn two_callers_with_the_same_ids_and_tokens_get_their_own_answers() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let first = McpClient::open(&engine, "/mcp").await;
    let second = McpClient::open(&engine, "/mcp").await;
    let gate = engine.path().join("open");
    let hold = json!({"name": "answers__hold", "arguments": {"until": gate.display().to_string()},
        "_meta": {"progressToken": "same"}});
    let (id, mut held) = first.begin("tools/call", hold).await;
    held.notification("notifications/progress").await;
    let (other_id, mut quick) = second
        .begin(
            "tools/call",
            json!({"name": "answers__echo", "arguments": {"text": "quick"},
            "_meta": {"progressToken": "same"}}),
        )
        .await;
    assert_eq!(id, other_id, "both clients chose the same id");
    assert_eq!(text(&quick.answer_to(other_id).await["result"]), "quick");
    drawbridge_tests::files::write(&gate, "");
    assert_eq!(text(&held.answer_to(id).await["result"]), "let go");
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_the_server() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let (id, mut exchange) = client
        .begin(
            "tools/call",
            json!({"name": "answers__hold", "arguments": {"until": "/never"},
            "_meta": {"progressToken": 1}}),
        )
        .await;
    exchange.notification("notifications/progress").await;
    client.notify("notifications/cancelled", json!({"requestId": id, "reason": "enough"})).await;
    eventually("the server stops the call", SOON, async || {
        engine.server_log("answers").contains("the call was cancelled").then_some(())
    })
    .await;
    assert_eq!(text(&client.call("answers__echo", json!({"text": "on"})).await), "on");
}

#[tokio::test]
async fn prompts_resources_and_completion_cross_without_a_list_before() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let one = McpClient::open(&engine, "/mcp/answers").await;
    let prompt =
        one.request("prompts/get", json!({"name": "greet", "arguments": {"who": "Ada"}})).await;
    assert_eq!(
        prompt["result"]["messages"][0]["content"]["text"], "Say good morning to Ada.",
        "{prompt}"
    );
    let read = one.request("resources/read", json!({"uri": "note://two"})).await;
    assert_eq!(read["result"]["contents"][0]["text"], "This is note two.", "{read}");
    let reference = json!({"type": "ref/prompt", "name": "greet"});
    let completed = one
        .request(
            "completion/complete",
            json!({"ref": reference, "argument": {"name": "who", "value": "A"}}),
        )
        .await;
    assert_eq!(completed["result"]["completion"]["values"], json!(["Ada", "Alan"]), "{completed}");

    let all = McpClient::open(&engine, "/mcp").await;
    let listed = all.request("prompts/list", json!({})).await;
    let name = listed["result"]["prompts"][0]["name"].as_str().expect("a prompt").to_owned();
    let prompt =
        all.request("prompts/get", json!({"name": name, "arguments": {"who": "Bo"}})).await;
    assert_eq!(prompt["result"]["messages"][0]["content"]["text"], "Say good morning to Bo.");
    let templates = all.request("resources/templates/list", json!({})).await;
    let template = templates["result"]["resourceTemplates"][0]["uriTemplate"].as_str().unwrap();
    assert!(template.ends_with("note://{name}"), "{template}");
    let uri = template.replace("{name}", "three");
    let read = all.request("resources/read", json!({"uri": uri})).await;
    assert_eq!(read["result"]["contents"][0]["text"], "This is note three.", "{read}");
    assert_eq!(read["result"]["contents"][0]["uri"], uri, "the address it was asked for");
    let reference = json!({"type": "ref/prompt", "name": name});
    let completed = all
        .request(
            "completion/complete",
            json!({"ref": reference, "argument": {"name": "who", "value": "A"}}),
        )
        .await;
    assert_eq!(completed["result"]["completion"]["values"], json!(["Ada", "Alan"]), "{completed}");
}

#[tokio::test]
async fn a_subscribed_resource_tells_its_subscriber_when_it_changed() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let stranger = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    let mut elsewhere = stranger.listen().await;
    let uri = "drawbridge+answers:note://one";
    let subscribed = client.request("resources/subscribe", json!({"uri": uri})).await;
    assert!(subscribed.get("result").is_some(), "{subscribed}");
    let updated = stream.notification("notifications/resources/updated").await;
    assert_eq!(updated["params"]["uri"], uri);
    // What the stranger gets first is the thing all are told, not the update of another's note.
    let subscribed = stranger
        .request("resources/subscribe", json!({"uri": "drawbridge+answers:note://two"}))
        .await;
    assert!(subscribed.get("result").is_some(), "{subscribed}");
    let updated = elsewhere.notification("notifications/resources/updated").await;
    assert_eq!(updated["params"]["uri"], "drawbridge+answers:note://two");
}

#[tokio::test]
async fn log_messages_cross_at_the_level_the_client_asked_for() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    for (level, heard) in [("error", "unheard"), ("warning", "heard")] {
        let set = client.request("logging/setLevel", json!({"level": level})).await;
        assert!(set.get("result").is_some(), "{set}");
        client.call("answers__speak", json!({"text": heard})).await;
    }
    let message = stream.notification("notifications/message").await;
    assert_eq!(message["params"]["data"]["heard"], "heard", "the first was below the level");
    assert_eq!(message["params"]["level"], "warning");
}

#[tokio::test]
async fn a_tools_own_failure_arrives_as_its_result() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let result = client.call("answers__complain", json!({})).await;
    assert_eq!(result["isError"], true);
    assert_eq!(text(&result), "the disk is on fire");
}

#[tokio::test]
async fn a_tool_nobody_offers_is_unknown_and_no_server_hears_of_it() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    for (path, names) in [
        ("/mcp", ["answers__nothing", "nobody__echo", "echo", ""]),
        ("/mcp/answers", ["answers__echo", "nothing", "Echo", ""]),
    ] {
        let client = McpClient::open(&engine, path).await;
        for name in names {
            let answer = client.request("tools/call", json!({"name": name, "arguments": {}})).await;
            assert_eq!(answer["error"]["code"], -32602, "{path} {name:?}: {answer}");
        }
    }
    assert!(engine.calls_seen_by("answers").is_empty());
}

#[tokio::test]
async fn every_page_of_a_long_list_is_read() {
    let engine = Setup::new().server("pages", "pages").start_ready().await;
    let client = McpClient::open(&engine, "/mcp/pages").await;
    assert_eq!(client.tools().await.len(), 210);
    assert_eq!(text(&client.call("t209", json!({})).await), "t209");
    for (method, key) in [("prompts/list", "prompts"), ("resources/list", "resources")] {
        let mut count = 0;
        let mut params = json!({});
        loop {
            let page = client.request(method, params).await;
            count += page["result"][key].as_array().unwrap().len();
            let Some(cursor) = page["result"]["nextCursor"].as_str() else { break };
            params = json!({"cursor": cursor});
        }
        assert_eq!(count, 210, "{method}");
    }
}

#[tokio::test]
async fn a_list_that_changes_while_the_server_runs_is_told_and_read_again() {
    let accepts = Setup::new().policy(json!({"changedTools": "accept"}));
    let engine = accepts.server("changes", "changes-tools").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let mut stream = client.listen().await;
    client.call("changes__grow", json!({})).await;
    stream.notification("notifications/tools/list_changed").await;
    assert!(client.tools().await.contains(&"changes__grown".to_owned()));
    assert_eq!(text(&client.call("changes__grown", json!({})).await), "here");
    client.call("changes__shrink", json!({})).await;
    stream.notification("notifications/tools/list_changed").await;
    assert!(!client.tools().await.contains(&"changes__grown".to_owned()));
}

#[tokio::test]
async fn a_question_of_the_server_reaches_the_client_whose_call_it_belongs_to() {
    let engine = Setup::new().server("asks", "asks-back").start_ready().await;
    let features = json!({"elicitation": {}, "sampling": {}});
    let client = McpClient::open_as(&engine, "/mcp", &engine.token, features).await;
    for (tool, method, answer) in [
        (
            "asks__ask",
            "elicitation/create",
            json!({"action": "accept", "content": {"name": "Ada"}}),
        ),
        (
            "asks__sample",
            "sampling/createMessage",
            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "roses"}}),
        ),
    ] {
        let (id, mut exchange) =
            client.begin("tools/call", json!({"name": tool, "arguments": {}})).await;
        let question = exchange.next().await.expect("the question comes on the call's stream");
        assert_eq!(question["method"], method, "{question}");
        client.answer(&question["id"], answer.clone()).await;
        let result = exchange.answer_to(id).await;
        let heard: Value = serde_json::from_str(text(&result["result"])).unwrap();
        assert_eq!(heard["result"], answer, "the server hears the answer as it was given");
    }
}

#[tokio::test]
async fn a_question_nobody_can_answer_is_refused_at_once() {
    let engine = Setup::new().server("asks", "asks-back").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for tool in ["asks__ask", "asks__sample", "asks__roots"] {
        let result = client.call(tool, json!({})).await;
        let heard: Value = serde_json::from_str(text(&result)).unwrap();
        assert!(heard["error"]["code"].is_i64(), "{tool}: the server is told no: {heard}");
    }
    // Roots are not offered, even by a client that has them: one process serves all apps.
    let rich = McpClient::open_as(&engine, "/mcp", &engine.token, json!({"roots": {}})).await;
    let result = rich.call("asks__roots", json!({})).await;
    let heard: Value = serde_json::from_str(text(&result)).unwrap();
    assert_eq!(heard["error"]["code"], -32601, "{heard}");
}

#[tokio::test]
async fn a_question_is_refused_while_two_apps_have_calls_in_flight() {
    let engine =
        Setup::new().server("answers", "answers").server("asks", "asks-back").start_ready().await;
    let features = json!({"elicitation": {}});
    let first = McpClient::open_as(&engine, "/mcp", &engine.token, features.clone()).await;
    let second = McpClient::open_as(&engine, "/mcp", &engine.token, features).await;
    let (first_id, mut first_call) =
        first.begin("tools/call", json!({"name": "asks__ask", "arguments": {}})).await;
    let question = first_call.next().await.expect("the only caller is asked");
    let result = second.call("asks__ask", json!({})).await;
    let heard: Value = serde_json::from_str(text(&result)).unwrap();
    assert!(heard["error"]["code"].is_i64(), "whom to ask is not clear: {heard}");
    first.answer(&question["id"], json!({"action": "decline"})).await;
    let result = first_call.answer_to(first_id).await;
    let heard: Value = serde_json::from_str(text(&result["result"])).unwrap();
    assert_eq!(heard["result"]["action"], "decline");
}

#[tokio::test]
async fn the_computer_answers_with_nothing_configured() {
    let engine = Setup::new().start();
    engine.until_ready("computer").await;
    let client = McpClient::open(&engine, "/mcp/computer").await;
    let tools = client.tools().await;
    assert!(!tools.is_empty(), "the built-in server offers something");
    for tool in &tools {
        let result = client.call(tool, json!({})).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        assert!(!text(&result).is_empty(), "{tool} says something");
    }
}

#[tokio::test]
async fn a_hundred_calls_in_a_row_all_come_back() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    for at in 0..100 {
        let said = format!("call {at} with ünïcode and a \u{2028} separator");
        assert_eq!(text(&client.call("answers__echo", json!({"text": said})).await), said);
    }
    assert_eq!(engine.calls_seen_by("answers").len(), 100);
}

#[tokio::test]
async fn a_large_result_crosses_whole() {
    let engine = Setup::new().server("answers", "answers").start_ready().await;
    let client = McpClient::open(&engine, "/mcp").await;
    let large = "0123456789abcdef".repeat(64 * 1024);
    let result = client.call("answers__echo", json!({ "text": large })).await;
    assert_eq!(text(&result), large, "a megabyte in and out");
}
