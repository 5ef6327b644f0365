//! The forwarder that the gateway is measured against: that it does what forwarding a call takes,
//! so that a ratio compares like with like.

use drawbridge_tests::forwarder::Forwarder;
use drawbridge_tests::{McpClient, eventually, wait::SOON};
use serde_json::json;

#[tokio::test]
async fn what_the_gateway_is_measured_against_forwards_calls_and_cancels_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let forwarder = Forwarder::start("test-server", &["answers"]);
    let client = McpClient::open_on(forwarder.port).await;
    let echoed = client.call("bench__echo", json!({"text": "good morning"})).await;
    assert_eq!(echoed["content"][0]["text"], "good morning");

    let until = folder.path().join("let go");
    let (id, mut held) = client
        .begin(
            "tools/call",
            json!({"name": "bench__hold", "arguments": {"until": until},
                "_meta": {"progressToken": "mine"}}),
        )
        .await;
    let step = held.next().await.expect("progress on the way");
    assert_eq!(step["params"]["progressToken"], "mine", "{step}");
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    eventually("the cancelled call ends without an answer", SOON, async || {
        let message = held.next().await;
        assert!(message.as_ref().is_none_or(|message| message["id"].is_null()), "{message:?}");
        message.is_none().then_some(())
    })
    .await;

    let unknown = client.request("tools/call", json!({"name": "bench__none"})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    assert_eq!(client.close().await, 200);
    let late = client.send(&json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call"})).await;
    assert_eq!(late.status(), 404, "its session is over");
}
