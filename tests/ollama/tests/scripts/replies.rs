//! What models say: calls, thoughts, and how fast.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Program, events, eventually, lines, question, question_with};

fn tools() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather", "parameters": {"type": "object", "properties": {}},
    }}])
}

fn with_calls(engine: &str) -> Program {
    let call = |city: &str| json!({"name": "get_weather", "arguments": {"city": city}});
    let script = json!({
        "models": [{"name": "tiny", "capabilities": ["completion", "tools", "thinking"]}],
        "engine": engine,
        "turns": [
            {"thinking": "Need the weather.", "tool_calls": [[call("Tokyo")], [call("Bern")]]},
            {"content": "It is 22 C."},
        ],
    });
    Program::start(&script)
}

#[test]
fn one_engine_calls_in_lines_the_other_at_the_end() {
    for (engine, at_end) in [("rendered", false), ("native", true)] {
        let program = with_calls(engine);
        let all = lines(&program.post("/api/chat", &question_with(&json!({"tools": tools()}))));
        let calling = |line: &&Value| line["message"]["tool_calls"].is_array();
        let calling: Vec<&Value> = all.iter().filter(calling).collect();
        assert!(calling.iter().all(|line| line["done"] == at_end));
        assert_eq!(calling.len(), if at_end { 1 } else { 2 });
        let calls: Vec<&Value> = calling
            .iter()
            .flat_map(|line| line["message"]["tool_calls"].as_array().unwrap())
            .collect();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1]["function"]["arguments"], json!({"city": "Bern"}));
        let id = calls[0]["id"].as_str().unwrap();
        assert_eq!(id.starts_with("call_"), !at_end);
        assert_eq!(all.last().unwrap()["done_reason"], "stop");
        assert_eq!(all[0]["message"]["thinking"], "Need ");
    }
}

#[test]
fn the_turn_is_counted_by_the_rounds_of_calls() {
    let program = with_calls("rendered");
    let mut native = question_with(&json!({"tools": tools(), "stream": false}));
    let first: Value = serde_json::from_slice(&program.post("/api/chat", &native).body).unwrap();
    let call = &first["message"];
    native["messages"].as_array_mut().unwrap().extend([
        call.clone(),
        json!({"role": "tool", "tool_name": "get_weather", "content": "22 C"}),
    ]);
    let second: Value = serde_json::from_slice(&program.post("/api/chat", &native).body).unwrap();
    assert_eq!(second["message"]["content"], "It is 22 C.");

    let responses = json!({"model": "tiny", "tools": [{"type": "function", "name": "get_weather"}],
        "input": [{"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "22 C"}]});
    let text = program.post("/v1/responses", &responses).text();
    assert!(text.contains("It is 22 C."), "{text}");

    let messages = json!({"model": "tiny", "max_tokens": 50, "tools": [{"name": "get_weather"}],
        "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "get_weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "22 C"}]}]});
    let text = program.post("/v1/messages", &messages).text();
    assert!(text.contains("It is 22 C."), "{text}");
}

#[test]
fn calls_come_in_every_dialect() {
    let program = with_calls("rendered");
    let more = json!({"tools": tools(), "stream": true, "max_tokens": 50, "input": "hi"});
    let asked = question_with(&more);
    let chat = events(&program.post("/v1/chat/completions", &asked));
    assert_eq!(chat[0]["choices"][0]["delta"]["reasoning"], "Need ");
    let arguments = |event: &Value| {
        event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
            .as_str()
            .map(str::to_owned)
    };
    let calls: Vec<String> = chat.iter().filter_map(arguments).collect();
    assert_eq!(calls, [r#"{"city":"Tokyo"}"#, r#"{"city":"Bern"}"#]);
    assert_eq!(chat[chat.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chat[chat.len() - 1], "[DONE]");

    let responses = events(&program.post("/v1/responses", &asked));
    let kinds: Vec<&str> = responses.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds[..3],
        ["response.created", "response.in_progress", "response.output_item.added"]
    );
    let output = responses.last().unwrap()["response"]["output"].as_array().unwrap();
    let output: Vec<&str> = output.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(output, ["reasoning", "function_call", "function_call"]);
    let numbers: Vec<u64> =
        responses.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert!(numbers.iter().enumerate().all(|(at, number)| at as u64 == *number));

    let messages = events(&program.post("/v1/messages", &asked));
    let kinds: Vec<&str> = messages.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "content_block_start").count(), 3);
    assert_eq!(messages[messages.len() - 2]["delta"]["stop_reason"], "tool_use");
    assert_eq!(kinds.last(), Some(&"message_stop"));
}

#[test]
fn a_model_without_tools_or_thoughts_has_none() {
    let program = with_calls("rendered");
    let quiet = question_with(&json!({"think": false, "stream": false}));
    let text = program.post("/api/chat", &quiet).text();
    assert!(!text.contains("thinking") && !text.contains("tool_calls"), "{text}");
}

#[test]
fn another_context_loads_a_model_anew() {
    let program = Program::start(&json!({"models": [{"name": "tiny"}]}));
    for num_ctx in [512, 512, 1024] {
        program.post("/api/chat", &question_with(&json!({"options": {"num_ctx": num_ctx}})));
    }
    let loads = program.record("load");
    let reloads: Vec<&Value> = loads.iter().map(|load| &load["reload"]).collect();
    assert_eq!(reloads, [false, true]);
    assert!(program.get("/api/ps").text().contains("\"context_length\":1024"));
}

#[test]
fn no_more_models_are_loaded_than_may_be() {
    let script = json!({"models": [{"name": "a"}, {"name": "b"}]});
    let program = Program::start_with(&script, &[("OLLAMA_MAX_LOADED_MODELS", "1")]);
    for model in ["a", "b"] {
        program.post("/api/generate", &json!({"model": model}));
    }
    let ps = program.get("/api/ps").text();
    assert!(ps.contains("b:latest") && !ps.contains("a:latest"), "{ps}");
}

#[test]
fn replies_wait_for_one_another_unless_they_may_run_side_by_side() {
    let script = json!({"models": [{"name": "tiny"}], "delays": {"first_token_ms": 300}});
    for (parallel, least, most) in [("1", 600, 5000), ("2", 300, 590)] {
        let program = Program::start_with(&script, &[("OLLAMA_NUM_PARALLEL", parallel)]);
        let since = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| program.post("/api/chat", &question()));
            }
        });
        let took = since.elapsed();
        assert!(took >= Duration::from_millis(least), "{parallel}: {took:?}");
        assert!(took <= Duration::from_millis(most), "{parallel}: {took:?}");
    }
}

#[test]
fn a_model_that_cannot_be_loaded_says_why() {
    let script =
        json!({"models": [{"name": "tiny", "load_error": "cudaMalloc failed: out of memory"}]});
    let program = Program::start(&script);
    let answer = program.post("/api/chat", &question());
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("out of memory"));
}

#[test]
fn many_lines_come_one_by_one_and_fast() {
    let script = json!({"models": [{"name": "tiny"}], "reply": {"lines": 20_000, "token": "x"}});
    let program = Program::start(&script);
    let since = Instant::now();
    let all = lines(&program.post("/api/chat", &question()));
    assert_eq!(all.len(), 20_001);
    assert!(since.elapsed() < Duration::from_secs(20));
    eventually("the record", || program.record("end").iter().any(|end| end["chunks"] == 20_001));
}
