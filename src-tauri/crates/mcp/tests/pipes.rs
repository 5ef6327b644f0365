//! Connections over pipes, against a server that follows a script.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod peer;

use std::time::Duration;

use drawbridge_mcp::wire::{self, Edit};
use drawbridge_mcp::{
    Call, CallEvent, Caller, ConnectError, Outcome, PeerFeatures, Request, SendError, ServerEvent,
    stdio,
};
use peer::{caller, connect, connect_with, options, pipes, raw, result, within};
use tokio_util::task::TaskTracker;

async fn call(connection: &drawbridge_mcp::Connection, key: u64, params: &str) -> Call {
    let params = raw(params);
    let request = Request::new("tools/call", Some(&params), caller(key));
    within("sending", connection.request(request)).await.expect("open")
}

async fn done(call: &mut Call) -> Outcome {
    match within("an event", call.next()).await {
        CallEvent::Done(outcome) => outcome,
        other => panic!("not the outcome: {other:?}"),
    }
}

#[tokio::test]
async fn what_a_server_says_of_itself_is_kept() {
    let (mut peer, stdin, stdout) = pipes(4096);
    let (opened, initialize) = tokio::join!(
        stdio::connect(stdin, stdout, options()),
        peer.greet(r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}}"#)
    );
    let (connection, _events) = opened.expect("opens");
    assert_eq!(initialize["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(
        initialize["params"]["capabilities"],
        serde_json::json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}})
    );
    assert_eq!(initialize["params"]["clientInfo"]["version"], "0.0.1");
    let opening = connection.opening();
    assert_eq!(opening.protocol, "2025-06-18");
    assert_eq!(opening.server_name, "scripted");
    assert_eq!(opening.server_title.as_deref(), Some("Scripted"));
    assert_eq!(opening.server_version, "7");
    assert_eq!(opening.instructions.as_deref(), Some("be kind"));
    assert!(opening.result.get().ends_with(r#""vendor":1e3}"#), "the result is untouched");
    let can = opening.capabilities;
    assert!(can.tools && can.tools_list_changed && can.resources && can.resources_subscribe);
    assert!(can.logging && !can.prompts && !can.completions && !can.resources_list_changed);
}

#[tokio::test]
async fn a_call_and_its_result_pass_byte_for_byte() {
    let (mut peer, connection, _events) = connect("{}").await;
    let params = raw(
        "{ \"vendor\":[1e3, 1.0],\n \"name\" : \"files__read\" ,\"_meta\":{\"x/y\":{},\"progressToken\":\"to\\u006ben\",\"a\":1E-2},\"arguments\":{\"z\":\"\\u00e9\\n\",\"a\":12345678901234567890}}",
    );
    let name = wire::find(&params, &["name"]).unwrap().unwrap();
    let edits = [Edit { span: name.span, with: "\"read\"".into() }];
    let request = Request { edits: &edits, ..Request::new("tools/call", Some(&params), caller(1)) };
    let mut call = connection.request(request).await.expect("open");

    let line = peer.line().await;
    let id = serde_json::from_str::<serde_json::Value>(&line).unwrap()["id"].clone();
    let expected = params
        .get()
        .replace('\n', " ")
        .replace("\"files__read\"", "\"read\"")
        .replace("\"to\\u006ben\"", &id.to_string());
    assert_eq!(
        line,
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{expected}}}"#)
    );

    let progress = |token: &str| {
        format!(r#"{{ "progress":1e0,"vendor":{{}}, "progressToken" : {token} ,"total":2.50}}"#)
    };
    let params = progress(&id.to_string());
    peer.say(&format!(
        r#"{{"method":"notifications/progress","params":{params},"jsonrpc":"2.0"}}"#
    ))
    .await;
    match within("progress", call.next()).await {
        CallEvent::Notification { method, params } => {
            assert_eq!(method, "notifications/progress");
            assert_eq!(params.unwrap().get(), progress("\"to\\u006ben\""));
        }
        other => panic!("not progress: {other:?}"),
    }

    let answer = r#"{ "structuredContent":{"n":1e3,"b":1,"a":2.0},"content":[ ],"x-vendor":null }"#;
    peer.say("").await;
    peer.say(&format!("  {{\"result\":{answer},\"extra\":1, \"jsonrpc\":\"2.0\",\"id\":{id}}}\r"))
        .await;
    assert_eq!(result(done(&mut call).await), answer);

    // An error passes as it is too.
    let params = raw("{}");
    let mut call = connection
        .request(Request::new("prompts/get", Some(&params), caller(1)))
        .await
        .expect("open");
    let id = peer.hear().await["id"].clone();
    let error = r#"{"code":-32002,"message":"no","data":{"uri":"x","n":1e3}}"#;
    peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)).await;
    assert!(matches!(done(&mut call).await, Outcome::Error(kept) if kept.get() == error));
}

#[tokio::test]
async fn a_token_that_stands_twice_is_not_sent() {
    let (_peer, connection, _events) = connect("{}").await;
    let params = raw(r#"{"_meta":{"progressToken":1},"_meta":{"progressToken":2}}"#);
    let refused = connection.request(Request::new("tools/call", Some(&params), caller(1))).await;
    assert!(matches!(refused, Err(SendError::Params(_))));
}

#[tokio::test]
async fn a_thousand_progress_notifications_come_in_order_before_the_result() {
    let (mut peer, connection, _events) = connect("{}").await;
    let mut call = call(&connection, 1, r#"{"_meta":{"progressToken":"t"}}"#).await;
    let id = peer.hear().await["id"].clone();
    let script = async {
        for step in 0..1000 {
            peer.say(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{id},"progress":{step}}}}}"#
            ))
            .await;
        }
        peer.answer(&id, "{}").await;
    };
    let listen = async {
        for step in 0..1000 {
            match within("progress", call.next()).await {
                CallEvent::Notification { params, .. } => assert_eq!(
                    params.unwrap().get(),
                    format!(r#"{{"progressToken":"t","progress":{step}}}"#)
                ),
                other => panic!("not progress {step}: {other:?}"),
            }
        }
        assert_eq!(result(done(&mut call).await), "{}");
    };
    tokio::join!(script, listen);
}

#[tokio::test]
async fn a_caller_that_does_not_listen_holds_up_nobody() {
    let (mut peer, connection, _events) = connect("{}").await;
    let mut slow = call(&connection, 1, r#"{"_meta":{"progressToken":1}}"#).await;
    let slow_id = peer.hear().await["id"].clone();
    for step in 0..3000 {
        peer.say(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{slow_id},"progress":{step}}}}}"#
        ))
        .await;
    }
    peer.answer(&slow_id, r#""late""#).await;
    let mut quick = call(&connection, 2, "{}").await;
    let id = peer.hear().await["id"].clone();
    peer.answer(&id, r#""quick""#).await;
    assert_eq!(result(done(&mut quick).await), r#""quick""#);

    assert_eq!(slow.dropped_notifications(), 3000 - 1024);
    for _ in 0..1024 {
        assert!(matches!(slow.next().await, CallEvent::Notification { .. }));
    }
    assert_eq!(result(done(&mut slow).await), r#""late""#);
}

#[tokio::test]
async fn dropping_a_call_cancels_it_and_a_late_answer_is_swallowed() {
    let (mut peer, connection, _events) = connect("{}").await;
    let dropped = call(&connection, 1, "{}").await;
    let id = peer.hear().await["id"].clone();
    drop(dropped);
    let told = peer.hear().await;
    assert_eq!(told["method"], "notifications/cancelled");
    assert_eq!(told["params"], serde_json::json!({"requestId": id}));
    assert!(told.get("id").is_none(), "it is a notification");

    let given_up = call(&connection, 1, "{}").await;
    let second = peer.hear().await["id"].clone();
    given_up.cancel(Some(&raw(r#""not \"needed\"""#)));
    assert_eq!(
        peer.hear().await["params"],
        serde_json::json!({"requestId": second, "reason": "not \"needed\""})
    );

    peer.answer(&id, "{}").await;
    peer.answer(&second, "{}").await;
    let mut third = call(&connection, 1, "{}").await;
    let id = peer.hear().await["id"].clone();
    assert_ne!(id, second);
    peer.answer(&id, "3").await;
    assert_eq!(result(done(&mut third).await), "3");
    drop(third);
    let _last = call(&connection, 1, "{}").await;
    assert_eq!(peer.hear().await["method"], "tools/call", "an ended call is not cancelled");
}

#[tokio::test]
async fn a_request_of_our_own_is_cancelled_when_its_time_is_up() {
    let (mut peer, connection, _events) = connect("{}").await;
    let asked = connection.ask("tools/list", None, Duration::from_millis(50)).await;
    assert!(matches!(asked, Err(SendError::TimedOut(_))));
    assert_eq!(peer.hear().await["method"], "tools/list");
    assert_eq!(peer.hear().await["method"], "notifications/cancelled");
}

const FORM: &str = r#"{"mode":"form","message":"Sure?","requestedSchema":{"x":1e3}}"#;

async fn ask(peer: &mut peer::Peer, id: &str, method: &str, params: &str) {
    peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#))
        .await;
}

#[tokio::test]
async fn the_only_caller_in_flight_gets_the_question_and_answers_it() {
    let (mut peer, connection, _events) = connect("{}").await;
    let _older = call(&connection, 1, "{}").await;
    let mut newer = call(&connection, 1, "{}").await;
    peer.hear().await;
    peer.hear().await;
    ask(&mut peer, "\"q-\\u0031\"", "elicitation/create", FORM).await;
    let CallEvent::Question(question) = within("a question", newer.next()).await else {
        panic!("the newest call gets the question");
    };
    assert_eq!(question.method, "elicitation/create");
    assert_eq!(question.params.as_ref().unwrap().get(), FORM);
    let withdrawn = question.withdrawn().clone();
    question.answer(Outcome::Result(raw(r#"{"action":"accept","content":{"n":1e3}}"#)));
    assert_eq!(
        peer.line().await,
        r#"{"jsonrpc":"2.0","id":"q-\u0031","result":{"action":"accept","content":{"n":1e3}}}"#
    );
    assert!(!withdrawn.is_cancelled());

    // Dropped unanswered, a question is refused.
    ask(&mut peer, "2", "sampling/createMessage", r#"{"messages":[]}"#).await;
    let event = within("a question", newer.next()).await;
    assert!(matches!(event, CallEvent::Question(_)));
    drop(event);
    let refused = peer.hear().await;
    assert_eq!(
        (refused["id"].as_u64(), refused["error"]["code"].as_i64()),
        (Some(2), Some(-32010))
    );

    // Withdrawn by the server, it is answered no more.
    ask(&mut peer, "3", "elicitation/create", FORM).await;
    let CallEvent::Question(question) = within("a question", newer.next()).await else {
        panic!("a question");
    };
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#)
        .await;
    within("withdrawal", question.withdrawn().cancelled()).await;
    question.answer(Outcome::Result(raw("{}")));
    ask(&mut peer, "4", "ping", "{}").await;
    assert_eq!(peer.line().await, r#"{"jsonrpc":"2.0","id":4,"result":{}}"#);
}

#[tokio::test]
async fn a_question_that_could_be_for_two_callers_is_refused_at_once() {
    let (mut peer, connection, _events) = connect("{}").await;
    ask(&mut peer, "0", "elicitation/create", FORM).await;
    let refused = peer.hear().await;
    assert_eq!(refused["id"], 0);
    assert!(refused["error"]["message"].as_str().unwrap().contains("nobody to ask"));

    let mut one = call(&connection, 1, "{}").await;
    let other = call(&connection, 2, "{}").await;
    let id = peer.hear().await["id"].clone();
    peer.hear().await;
    ask(&mut peer, "\"1\"", "elicitation/create", FORM).await;
    let refused = peer.hear().await;
    assert_eq!(refused["id"], "1");
    assert!(refused["error"]["message"].as_str().unwrap().contains("several apps"));

    // With one of them gone there is no doubt.
    drop(other);
    peer.hear().await;
    ask(&mut peer, "2", "elicitation/create", FORM).await;
    assert!(matches!(within("a question", one.next()).await, CallEvent::Question(_)));
    assert_eq!(peer.hear().await["id"], 2);
    peer.answer(&id, "{}").await;
    assert_eq!(result(done(&mut one).await), "{}");
}

#[tokio::test]
async fn a_client_is_not_asked_what_it_cannot_do() {
    let (mut peer, connection, _events) = connect("{}").await;
    let caller = Caller {
        key: 1,
        features: PeerFeatures { elicitation_form: true, ..PeerFeatures::default() },
    };
    let _call = connection.request(Request::new("tools/call", None, caller)).await.unwrap();
    peer.hear().await;
    for (method, params) in [
        ("elicitation/create", r#"{"mode":"url","message":"","url":"https://example.com"}"#),
        ("sampling/createMessage", r#"{"messages":[]}"#),
        ("roots/list", "{}"),
        ("vendor/unknown", "{}"),
    ] {
        ask(&mut peer, "1", method, params).await;
        assert_eq!(peer.hear().await["error"]["code"], -32601, "{method}");
    }
}

#[tokio::test]
async fn each_call_in_flight_ends_with_a_clear_error_when_the_server_ends() {
    let (mut peer, connection, mut events) = connect("{}").await;
    let mut calls = Vec::new();
    for key in 0..5 {
        calls.push(call(&connection, key, "{}").await);
        peer.hear().await;
    }
    ask(&mut peer, "1", "ping", "{}").await;
    peer.hear().await;
    drop(peer);
    for call in &mut calls {
        match within("the end", call.next()).await {
            CallEvent::Lost(lost) => assert_eq!(lost.0.message, "The server ended."),
            other => panic!("not lost: {other:?}"),
        }
    }
    assert_eq!(within("the reason", connection.closed()).await, "The server ended.");
    assert!(connection.is_closed());
    assert!(
        matches!(within("the end", events.next()).await, Some(ServerEvent::Closed(why)) if why == "The server ended.")
    );
    assert!(within("nothing more", events.next()).await.is_none());
    let refused = connection.request(Request::new("tools/call", None, caller(1))).await;
    assert!(matches!(refused, Err(SendError::Closed(_))));
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_its_call_alone() {
    let options = drawbridge_mcp::ConnectOptions { message_limit: 100_000, ..options() };
    let (mut peer, opened) = connect_with("{}", options).await;
    let (connection, _events) = opened.expect("opens");
    for spread in [false, true] {
        let mut large = call(&connection, 1, "{}").await;
        let mut small = call(&connection, 1, "{}").await;
        let large_id = peer.hear().await["id"].clone();
        let small_id = peer.hear().await["id"].clone();
        let long = "x".repeat(300_000);
        let text = if spread {
            format!(r#"{{"jsonrpc":"2.0","id":{large_id},"result":"{long}"}}"#)
        } else {
            format!(r#"{{"result":"{long}","jsonrpc":"2.0","id":{large_id}}}"#)
        };
        peer.say(&text).await;
        peer.answer(&small_id, "1").await;
        match within("the end", large.next()).await {
            CallEvent::Lost(lost) => {
                assert_eq!(lost.0.message, "The server's answer is too large.");
            }
            other => panic!("not lost: {other:?}"),
        }
        assert_eq!(result(done(&mut small).await), "1");
    }
    // Nobody can tell whose answer this is, and a call that waits for ever is worse.
    let mut waiting = call(&connection, 1, "{}").await;
    peer.hear().await;
    peer.say(&"x".repeat(300_000)).await;
    assert!(matches!(within("the end", waiting.next()).await, CallEvent::Lost(_)));
    assert!(connection.is_closed());
}

#[tokio::test]
async fn text_that_is_no_message_is_told_apart() {
    let (mut peer, connection, mut events) = connect("{}").await;
    peer.say("added 3 packages").await;
    peer.out_bytes(b"\xff\xfe\n").await;
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1e3}}"#)
        .await;
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:\u0062"}}"#)
        .await;
    for _ in 0..3 {
        peer.say(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#).await;
    }
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/vendor","params":{}}"#).await;
    // An answer after them says that all of them have been read.
    ask(&mut peer, "1", "ping", "{}").await;
    peer.hear().await;
    let mut seen = Vec::new();
    connection.close().await;
    while let Some(event) = within("an event", events.next()).await {
        seen.push(match event {
            ServerEvent::Rubbish(line) => format!("rubbish {line}"),
            ServerEvent::Logged { level, params } => format!("{} {}", level.name(), params.get()),
            ServerEvent::ResourceUpdated { uri, .. } => uri,
            ServerEvent::ListChanged(kind) => format!("{kind:?}"),
            ServerEvent::Notified { method, .. } => method,
            ServerEvent::Closed(why) => why,
        });
    }
    assert_eq!(
        seen,
        [
            "rubbish added 3 packages",
            "rubbish \u{fffd}\u{fffd}",
            r#"error {"level":"error","data":1e3}"#,
            "a:b",
            "Tools",
            "notifications/vendor",
            "The connection was closed by Drawbridge.",
        ]
    );
}

impl peer::Peer {
    async fn out_bytes(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt as _;
        within("writing", self.out.write_all(bytes)).await.expect("writes");
    }
}

#[tokio::test]
async fn what_keeps_a_server_from_opening_is_named() {
    // It ends.
    let (peer, stdin, stdout) = pipes(4096);
    drop(peer);
    let refused = stdio::connect(stdin, stdout, options()).await.expect_err("it is gone");
    assert_eq!(refused, ConnectError::Exited);

    // It writes something else, then ends.
    let (mut peer, stdin, stdout) = pipes(4096);
    peer.say("usage: server [options]").await;
    peer.say("more").await;
    drop(peer);
    let refused = stdio::connect(stdin, stdout, options()).await.expect_err("it is no server");
    assert_eq!(refused, ConnectError::Rubbish { line: "usage: server [options]".into() });
    assert!(refused.problem().detail.contains("usage: server"));

    // It keeps silent.
    let (_peer, stdin, stdout) = pipes(4096);
    let hurried = drawbridge_mcp::ConnectOptions { limit: Duration::from_millis(20), ..options() };
    let tasks = hurried.tasks.clone();
    let refused = stdio::connect(stdin, stdout, hurried).await.expect_err("it is silent");
    assert!(matches!(refused, ConnectError::TimedOut { .. }));
    tasks.close();
    within("its tasks end", tasks.wait()).await;

    // It refuses, wants another version, or answers with nonsense.
    for (answer, expected) in [
        (r#""error":{"code":-32602,"message":"no"}"#, "Refused"),
        (r#""result":{"protocolVersion":"2026-07-28"}"#, "Version"),
        (r#""result":{"protocolVersion":7}"#, "Malformed"),
        (r#""result":[]"#, "Malformed"),
    ] {
        let (mut peer, stdin, stdout) = pipes(4096);
        let script = async {
            let id = peer.hear().await["id"].clone();
            peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},{answer}}}"#)).await;
            let rest = within("the end", peer.lines.next_line()).await.expect("reads");
            assert_eq!(rest, None, "its standard input is closed and initialize not cancelled");
        };
        let (opened, ()) = tokio::join!(stdio::connect(stdin, stdout, options()), script);
        let name = format!("{:?}", opened.expect_err("it is refused"));
        assert!(name.starts_with(expected), "{name}");
    }
}

#[tokio::test]
async fn every_legacy_revision_is_accepted() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let (mut peer, stdin, stdout) = pipes(4096);
        let script = async {
            // Some programs greet before they speak.
            peer.say("Welcome").await;
            let id = peer.hear().await["id"].clone();
            peer.answer(&id, &format!(r#"{{"protocolVersion":"{version}"}}"#)).await;
            peer.hear().await
        };
        let (opened, initialized) = tokio::join!(stdio::connect(stdin, stdout, options()), script);
        assert_eq!(opened.expect("opens").0.opening().protocol, version);
        assert_eq!(initialized["method"], "notifications/initialized");
    }
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connection_and_a_call_keeps_it() {
    let options = options();
    let tasks = options.tasks.clone();
    let (mut peer, opened) = connect_with("{}", options).await;
    let (connection, mut events) = opened.expect("opens");
    let mut call = call(&connection, 1, "{}").await;
    drop(connection);
    let id = peer.hear().await["id"].clone();
    peer.answer(&id, "{}").await;
    assert_eq!(result(done(&mut call).await), "{}");
    drop(call);
    let closed = within("the end", events.next()).await;
    assert!(matches!(closed, Some(ServerEvent::Closed(_))));
    tasks.close();
    within("its tasks end", tasks.wait()).await;
    assert_eq!(within("the end", peer.lines.next_line()).await.expect("reads"), None);
}

#[tokio::test]
async fn the_stop_token_ends_a_connection() {
    let options = options();
    let stop = options.stop.clone();
    let (_peer, opened) = connect_with("{}", options).await;
    let (connection, _events) = opened.expect("opens");
    let mut call = call(&connection, 1, "{}").await;
    stop.cancel();
    assert!(matches!(within("the end", call.next()).await, CallEvent::Lost(_)));
    within("the end", connection.closed()).await;
}

/// A pipe of a few bytes: nothing can be written at once, and messages still arrive whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_a_narrow_pipe_without_mixing_their_lines() {
    let (mut peer, stdin, stdout) = pipes(7);
    let (opened, _) = tokio::join!(stdio::connect(stdin, stdout, options()), peer.greet("{}"));
    let (connection, _events) = opened.expect("opens");
    let callers = TaskTracker::new();
    for key in 0..16_u64 {
        let connection = connection.clone();
        callers.spawn(async move {
            for round in 0..30 {
                let params = format!(r#"{{"from":"{key}-{round}","pad":"{}"}}"#, "p".repeat(50));
                let mut call = call(&connection, key, &params).await;
                assert_eq!(result(done(&mut call).await), params);
            }
        });
    }
    callers.close();
    let echo = async {
        for _ in 0..16 * 30 {
            let line = peer.line().await;
            let Ok(wire::Message::Request { id, params, .. }) = wire::parse(&line) else {
                panic!("a whole message: {line}");
            };
            peer.say(&wire::result_message(id.raw(), params.unwrap().get())).await;
        }
    };
    within("all calls", async { tokio::join!(echo, callers.wait()) }).await;
}

#[tokio::test]
async fn a_server_that_does_not_read_makes_requests_wait_and_not_the_program() {
    let (mut peer, stdin, stdout) = pipes(1024);
    let (opened, _) = tokio::join!(stdio::connect(stdin, stdout, options()), peer.greet("{}"));
    let (connection, _events) = opened.expect("opens");
    let params = format!(r#"{{"pad":"{}"}}"#, "p".repeat(700_000));
    let first = call(&connection, 1, &params).await;
    let second = call(&connection, 1, &params).await;
    let third = call(&connection, 1, &params).await;
    let params = raw("{}");
    let request = || Request::new("tools/call", Some(&params), caller(1));
    let waits =
        tokio::time::timeout(Duration::from_millis(50), connection.request(request())).await;
    assert!(waits.is_err(), "the queue is full");
    // Cancelling does not wait.
    drop((first, second, third));
    let (sent, ()) = tokio::join!(connection.request(request()), async {
        for method in ["tools/call"; 3].iter().chain(&["notifications/cancelled"; 3]) {
            assert_eq!(&peer.hear().await["method"], method);
        }
        assert_eq!(peer.hear().await["method"], "tools/call");
    });
    drop(sent.expect("there is room"));
}
