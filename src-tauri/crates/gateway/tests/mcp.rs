//! The MCP front before scripted servers: opening, lists, names, calls and what is on record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use drawbridge_model::{ActivityKind, ActivityOutcome, Mode};
use serde_json::{Value, json};
use support::server::{ODD_RESULT, Script};
use support::{CHAT, EDITOR, Stage, names, said};

#[tokio::test]
async fn the_merged_address_introduces_itself_and_one_server_speaks_in_its_own_words() {
    let stage = Stage::new().await;
    stage.add("my files", Script::Everything).await;
    let merged = stage.app("/mcp").await.opening;
    assert_eq!(merged["protocolVersion"], "2025-11-25");
    assert_eq!(merged["serverInfo"]["name"], "drawbridge");
    assert_eq!(
        merged["capabilities"],
        json!({
            "tools": {"listChanged": true}, "prompts": {"listChanged": true},
            "resources": {"subscribe": true, "listChanged": true},
            "logging": {}, "completions": {},
        })
    );
    assert!(merged["instructions"].as_str().unwrap().contains("my files"));

    let single = stage.app_with("/mcp/my%20files", EDITOR, "2025-03-26", json!({})).await.opening;
    assert_eq!(single["protocolVersion"], "2025-03-26", "agreed on with the app");
    assert_eq!(single["serverInfo"], json!({"name": "my files", "version": "7", "vendor": 1}));
    assert_eq!(single["capabilities"]["experimental"], json!({"x": {}}));
    assert_eq!(single["instructions"], "use my files well");
}

#[tokio::test]
async fn the_revision_is_the_one_asked_for_or_the_newest_with_sessions() {
    let stage = Stage::new().await;
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let app = stage.app_with("/mcp", EDITOR, asked, json!({})).await;
        assert_eq!(app.opening["protocolVersion"], agreed, "asked for {asked}");
    }
    let app = stage.app("/mcp").await;
    let answer =
        app.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})).await;
    assert_eq!(answer.json()["error"]["code"], -32602);
    assert_eq!(answer.header("mcp-session-id"), None, "nothing was opened");
}

#[tokio::test]
async fn lists_show_all_servers_under_merged_names_and_one_server_untouched() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    stage.add("notes", Script::Echo).await;
    let mut merged = stage.app("/mcp").await;
    let tools = merged.ask("tools/list", json!({})).await;
    let listed = names(&tools, "tools", "name");
    assert!(listed.contains(&"files__echo") && listed.contains(&"notes__echo"), "{listed:?}");
    assert_eq!(tools["result"]["tools"][0]["x"], 1, "unknown fields cross");
    assert!(listed.iter().any(|name| name.starts_with("files__fs_read_")), "{listed:?}");
    let prompts = merged.ask("prompts/list", json!({})).await;
    assert_eq!(names(&prompts, "prompts", "name"), ["files__greet"]);
    let resources = merged.ask("resources/list", json!({})).await;
    assert_eq!(names(&resources, "resources", "uri"), ["drawbridge+files:file:///a"]);
    let templates = merged.ask("resources/templates/list", json!({})).await;
    assert_eq!(
        names(&templates, "resourceTemplates", "uriTemplate"),
        ["drawbridge+files:file:///{path}"]
    );

    let mut single = stage.app("/mcp/files").await;
    let tools = single.ask("tools/list", json!({})).await;
    assert!(names(&tools, "tools", "name").contains(&"fs.read"));
    let resources = single.ask("resources/list", json!({})).await;
    assert_eq!(names(&resources, "resources", "uri"), ["file:///a"]);

    let cursor = merged.ask("tools/list", json!({"cursor": "x"})).await;
    assert_eq!(cursor["error"]["code"], -32602);
}

#[tokio::test]
async fn what_is_off_is_not_listed_and_a_pause_changes_no_list() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    stage.add("notes", Script::Echo).await;
    let mut app = stage.app("/mcp").await;
    stage.set_mode("files", "echo", Mode::Off);
    stage.policy(|policy| policy.servers.get_mut("notes").unwrap().enabled = false);
    let tools = app.ask("tools/list", json!({})).await;
    let listed = names(&tools, "tools", "name");
    assert!(!listed.contains(&"files__echo") && !listed.contains(&"notes__echo"), "{listed:?}");
    assert!(listed.contains(&"files__odd"), "the rest is still there");
    stage.policy(|policy| policy.paused = true);
    let paused = app.ask("tools/list", json!({})).await;
    assert_eq!(names(&paused, "tools", "name"), listed);
    stage.policy(|policy| policy.servers.get_mut("files").unwrap().enabled = false);
    let prompts = app.ask("prompts/list", json!({})).await;
    assert!(names(&prompts, "prompts", "name").is_empty(), "prompts follow their server");
}

#[tokio::test]
async fn a_result_crosses_byte_for_byte_and_the_call_is_on_record() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    for path in ["/mcp", "/mcp/files"] {
        let app = stage.app(path).await;
        let name = if path == "/mcp" { "files__odd" } else { "odd" };
        for id in ["7", "\"caf\\u00e9\"", "1.50"] {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{{"n":1e3}}}}}}"#
            );
            let answer = app.post_raw(&body, "application/json, text/event-stream").await;
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let wanted = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{ODD_RESULT}}}"#);
            assert_eq!(answer.body, wanted);
        }
    }
    let entries = stage.entries(6).await;
    assert_eq!(entries.len(), 6, "as many as were made");
    let entry = stage.record.entry(entries[0].id).await.unwrap().unwrap();
    assert_eq!(entry.entry.kind, ActivityKind::ToolCall);
    assert_eq!(entry.entry.outcome, Some(ActivityOutcome::Succeeded));
    assert_eq!(entry.entry.client.as_deref(), Some("editor"));
    assert_eq!(entry.entry.client_says.as_deref(), Some("test app 1"));
    assert_eq!(entry.entry.server.as_deref(), Some("files"));
    assert_eq!(entry.entry.subject.as_deref(), Some("odd"));
    assert!(entry.entry.duration.is_some());
    assert_eq!(entry.arguments.unwrap().text, r#"{"n":1e3}"#);
    assert_eq!(entry.result.unwrap().text, ODD_RESULT);
}

#[tokio::test]
async fn errors_cross_as_errors_and_failures_as_results() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let failed = app.call("files__fail", json!({})).await;
    assert_eq!(failed["result"], json!({"content": [], "isError": true}));
    let broken = app.call("files__break", json!({})).await;
    assert_eq!(broken["error"], json!({"code": -32602, "message": "bad arguments", "data": [1]}));
    let unknown = app.call("files__nothing", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    let unknown = app.call("nobody__echo", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    let entries = stage.entries(2).await;
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.outcome.unwrap()).collect();
    assert_eq!(outcomes, [ActivityOutcome::Failed; 2]);
    assert_eq!(entries[0].note.as_deref(), Some("bad arguments"));
}

#[tokio::test]
async fn a_changed_name_leads_to_the_tool_it_was_made_from() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let exposed = drawbridge_mcp::names::exposed_name("files", "fs.read");
    let answer = app.call(&exposed, json!({})).await;
    assert_eq!(said(&answer), "fs.read");
    assert_eq!(files.heard("tools/call")[0]["params"]["name"], "fs.read");
}

#[tokio::test]
async fn a_refused_call_never_reaches_its_server_and_says_what_to_do() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut merged = stage.app("/mcp").await;
    let mut single = stage.app("/mcp/files").await;
    let refuse = |stage: &Stage, row: usize| match row {
        0 => stage.set_mode("files", "echo", Mode::Off),
        1 => stage.set_mode("files", "echo", Mode::Ask),
        2 => stage.policy(|policy| policy.paused = true),
        _ => stage.policy(|policy| {
            policy.paused = false;
            policy.servers.get_mut("files").unwrap().enabled = false;
        }),
    };
    assert_eq!(said(&merged.call("files__echo", json!({})).await), "files: {}");
    let crossed = files.heard("tools/call").len();
    for (row, why) in
        ["switched off", "nobody to ask", "paused", "server is switched off"].iter().enumerate()
    {
        refuse(&stage, row);
        for (app, name) in [(&mut merged, "files__echo"), (&mut single, "echo")] {
            let answer = app.call(name, json!({"secret": 1})).await;
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(said(&answer).contains(why), "{answer}");
        }
    }
    assert_eq!(files.heard("tools/call").len(), crossed, "none of them reached the server");
    let entries = stage.entries(9).await;
    assert_eq!(entries.len(), 9, "one row a refusal, and the call that crossed");
    for entry in &entries[..8] {
        assert_eq!(entry.outcome, Some(ActivityOutcome::Refused));
        assert_eq!(entry.subject.as_deref(), Some("echo"));
        assert!(entry.note.as_deref().unwrap().contains("refused"));
    }
    stage.policy(|policy| {
        let rules = policy.servers.get_mut("files").unwrap();
        rules.enabled = true;
        rules.tools.clear();
    });
    assert_eq!(said(&merged.call("files__echo", json!({})).await), "files: {}");
}

#[tokio::test]
async fn without_a_record_no_call_runs() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    assert_eq!(said(&app.call("files__echo", json!({})).await), "files: {}");
    stage.record.close().await;
    let answer = app.call("files__echo", json!({})).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let answer = app.ask("resources/read", json!({"uri": "drawbridge+files:file:///a"})).await;
    assert!(answer["error"]["message"].is_string(), "{answer}");
    assert_eq!(files.heard("tools/call").len(), 1, "only the first reached the server");
    assert!(files.heard("resources/read").is_empty());
}

#[tokio::test]
async fn prompts_resources_and_completions_are_mapped_and_need_no_list_first() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let read = app.ask("resources/read", json!({"uri": "drawbridge+files:file:///x/y z"})).await;
    let content = &read["result"]["contents"][0];
    assert_eq!(content["uri"], "drawbridge+files:file:///x/y z");
    assert_eq!(files.heard("resources/read")[0]["params"]["uri"], "file:///x/y z");
    let prompt =
        app.ask("prompts/get", json!({"name": "files__greet", "arguments": {"who": "me"}})).await;
    assert_eq!(prompt["result"]["messages"][0]["content"]["text"], "files greets \"me\"");
    let complete = async |app: &mut support::App, reference: Value| {
        let argument = json!({"name": "a", "value": "b"});
        let params = json!({"ref": reference, "argument": argument});
        app.ask("completion/complete", params).await
    };
    let done = complete(&mut app, json!({"type": "ref/prompt", "name": "files__greet"})).await;
    assert_eq!(done["result"]["completion"]["values"][0]["name"], "greet");
    let uri = "drawbridge+files:file:///{path}";
    let done = complete(&mut app, json!({"type": "ref/resource", "uri": uri})).await;
    assert_eq!(done["result"]["completion"]["values"][0]["uri"], "file:///{path}");

    let links = app.call("files__link", json!({})).await;
    assert_eq!(links["result"]["content"][0]["uri"], "drawbridge+files:file:///a");
    assert_eq!(links["result"]["content"][1]["resource"]["uri"], "drawbridge+files:file:///b");

    for (method, params, code) in [
        ("resources/read", json!({"uri": "file:///a"}), -32002),
        ("resources/read", json!({"uri": "drawbridge+nobody:file:///a"}), -32002),
        ("resources/read", json!({}), -32602),
        ("prompts/get", json!({"name": "files__nothing"}), -32602),
        ("vendor/thing", json!({}), -32601),
    ] {
        let answer = app.ask(method, params.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{method} {params}");
    }
    let kinds: Vec<_> = stage.entries(3).await.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [ActivityKind::ToolCall, ActivityKind::PromptUse, ActivityKind::ResourceRead]
    );

    let mut single = stage.app("/mcp/files").await;
    let read = single.ask("resources/read", json!({"uri": "file:///a"})).await;
    assert_eq!(read["result"]["contents"][0]["uri"], "file:///a");
    let links = single.call("link", json!({})).await;
    assert_eq!(links["result"]["content"][0]["uri"], "file:///a", "untouched");
    let vendor = single.ask("vendor/thing", json!({"a": 1})).await;
    assert_eq!(vendor["result"]["vendor"], json!({"a": 1}));
    stage.policy(|policy| policy.paused = true);
    for (method, params) in [
        ("resources/read", json!({"uri": "file:///a"})),
        ("prompts/get", json!({"name": "greet"})),
        ("vendor/thing", json!({})),
    ] {
        let answer = single.ask(method, params).await;
        assert!(answer["error"]["message"].as_str().unwrap().contains("paused"), "{answer}");
    }
    assert_eq!(files.heard("vendor/thing").len(), 1);
}

#[tokio::test]
async fn a_call_to_a_server_that_is_gone_says_so_and_the_next_one_works_when_it_is_back() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    let mut single = stage.app("/mcp/files").await;
    let mut line = app.start("tools/call", json!({"name": "files__wait"})).await;
    support::until("the call arrives", async || files.heard("tools/call").pop()).await;
    files.crash();
    let lost = line.answer().await.last_message();
    assert_eq!(lost["result"]["isError"], true, "{lost}");
    stage.shared.upstreams.set(
        &support::server("files"),
        drawbridge_mcp::Upstream::NotReady { sentence: "The server files is not running.".into() },
    );
    // Its tools stay listed while it may be back in a moment, and go when it is given up.
    let listed = single.ask("tools/list", json!({})).await;
    assert!(listed["result"]["tools"].is_array(), "{listed}");
    let meanwhile = app.call("files__echo", json!({})).await;
    assert_eq!(said(&meanwhile), "The server files is not running.");
    stage.shared.catalog.withdraw(&support::server("files"));
    for (app, name) in [(&mut app, "files__echo"), (&mut single, "echo")] {
        let answer = app.call(name, json!({})).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(said(&answer), "The server files is not running.");
    }
    let list = single.ask("tools/list", json!({})).await;
    assert_eq!(list["error"]["message"], "The server files is not running.");
    stage.add("files", Script::Everything).await;
    assert_eq!(said(&app.call("files__echo", json!({})).await), "files: {}");
    assert_eq!(said(&single.call("echo", json!({})).await), "files: {}");
    let outcomes: Vec<_> =
        stage.entries(6).await.iter().map(|entry| entry.outcome.unwrap()).collect();
    use ActivityOutcome::{Failed, Succeeded};
    assert_eq!(outcomes, [Succeeded, Succeeded, Failed, Failed, Failed, Failed]);
}

#[tokio::test]
async fn several_messages_in_one_array_are_taken_in_the_one_revision_that_has_them() {
    let stage = Stage::new().await;
    stage.add("files", Script::Everything).await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
         "params": {"name": "files__echo", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "nonsense"},
    ]);
    let app = stage.app_with("/mcp", EDITOR, "2025-03-26", json!({})).await;
    let answers = app.post(&batch).await.json();
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    assert_eq!(answers[1]["id"], 2);
    assert_eq!(answers[2]["error"]["code"], -32601);
    let silent = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(app.post(&silent).await.status, 202);
    for (wrong, why) in [
        (json!([]), "empty"),
        (json!([{"jsonrpc": "2.0", "id": 1, "method": "initialize"}]), "initialize"),
        (json!([1]), "no message"),
    ] {
        assert_eq!(app.post(&wrong).await.status, 400, "{why}");
    }
    for revision in ["2025-06-18", "2025-11-25"] {
        let app = stage.app_with("/mcp", EDITOR, revision, json!({})).await;
        assert_eq!(app.post(&batch).await.status, 400, "{revision} has none");
        assert_eq!(app.post(&batch[0]).await.status, 200);
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_where_it_decides_is_refused() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    stage.set_mode("files", "fail", Mode::Off);
    for path in ["/mcp", "/mcp/files"] {
        let app = stage.app(path).await;
        let (good, bad) = match path {
            "/mcp" => ("files__echo", "files__fail"),
            _ => ("echo", "fail"),
        };
        for params in [
            format!(r#"{{"name":"{good}","name":"{bad}","arguments":{{}}}}"#),
            format!(r#"{{"name":"{good}","n\u0061me":"{bad}","arguments":{{}}}}"#),
        ] {
            let body =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
            let answer = app.post_raw(&body, "application/json").await.json();
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
        }
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#;
        assert_eq!(app.post_raw(body, "application/json").await.status, 400);
    }
    assert!(files.heard("tools/call").is_empty());
}

#[tokio::test]
async fn no_server_sees_a_token_or_a_header_of_an_app() {
    let stage = Stage::new().await;
    let files = stage.add("files", Script::Everything).await;
    let mut app = stage.app("/mcp").await;
    app.call("files__echo", json!({})).await;
    let mut chat =
        stage.app_with(&format!("/k/{CHAT}/mcp/files"), "ignored", "2025-06-18", json!({})).await;
    assert_eq!(said(&chat.call("echo", json!({})).await), "files: {}");
    let everything = files.everything();
    for secret in [EDITOR, CHAT, &app.session, &chat.session, "Bearer", "uthorization"] {
        assert!(!everything.contains(secret), "{secret} reached the server");
    }
    for entry in stage.entries(2).await {
        let shown = format!("{:?}", stage.record.entry(entry.id).await.unwrap());
        assert!(!shown.contains(EDITOR) && !shown.contains(CHAT), "{shown}");
    }
}
