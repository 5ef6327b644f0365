//! Which requests reach which models: the list of addresses, and places beside Ollama.

use drawbridge_tests::ollama::{Ollama, with_models};
use drawbridge_tests::raw::exchange;
use drawbridge_tests::{Setup, TestEngine, client, eventually, wait::SOON};
use reqwest::Method;
use serde_json::{Value, json};

use crate::models::{ask, before, ended, get, post, ready};

#[tokio::test]
async fn what_may_not_cross_never_reaches_ollama_and_says_so_in_the_shape_of_its_api() {
    let (engine, ollama) = before(&with_models(&["m:1"])).await;
    let model = json!({"model": "m:1"});
    for (method, path, body, status) in [
        (Method::POST, "/api/me", json!({}), 404),
        (Method::POST, "/api/signout", json!({}), 404),
        (Method::DELETE, "/api/user/keys/x", json!({}), 404),
        (Method::GET, "/debug/pprof/", json!({}), 404),
        (Method::GET, "/debug/pprof/heap", json!({}), 404),
        (Method::POST, "/api/new-and-unknown", json!({}), 404),
        (Method::POST, "/v1/messages/count_tokens", json!({}), 404),
        (Method::POST, "/v1/systemone", model.clone(), 404),
        (Method::PUT, "/api/chat", model.clone(), 405),
        (Method::POST, "/api/pull", model.clone(), 403),
        (Method::POST, "/api/create", model.clone(), 403),
        (Method::POST, "/api/copy", json!({"source": "m:1", "destination": "x"}), 403),
        (Method::DELETE, "/api/delete", model.clone(), 403),
        (Method::POST, "/api/blobs/sha256:00", json!({}), 403),
        (Method::POST, "/api/push", model.clone(), 403),
        (Method::POST, "/api/experimental/web_search", json!({"query": "x"}), 403),
        (Method::POST, "/api/experimental/web_fetch", json!({"url": "x"}), 403),
        (Method::POST, "/api/chat", json!({"model": "gpt-oss:120b-cloud"}), 403),
        (Method::POST, "/v1/messages", json!({"model": "glm:cloud", "max_tokens": 1}), 403),
        (
            Method::POST,
            "/v1/responses",
            json!({"model": "m:1", "input": "x", "tools": [{"type": "web_search"}]}),
            403,
        ),
        (Method::POST, "/api/show", json!({"model": "gpt-oss:120b:cloud"}), 403),
        (Method::GET, "/v1/models/glm:cloud", json!({}), 403),
        (Method::POST, "/api/chat", json!([]), 400),
    ] {
        let what = format!("{method} {path} {body}");
        let answer = ask(&engine, method, path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{what}");
        let said: Value = answer.json().await.unwrap();
        let message = match path {
            _ if path.starts_with("/debug") => &said["message"],
            _ if path.starts_with("/v1") => &said["error"]["message"],
            _ => &said["error"],
        };
        assert!(message.as_str().is_some_and(|text| text.len() > 10), "{what}: {said}");
    }
    let twice = r#"{"model":"m:1","Model":"gpt-oss:120b-cloud","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = ask(&engine, Method::POST, "/api/chat")
        .header("content-type", "application/json")
        .body(twice)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400, "a second name would get round what is set");
    let reached: Vec<_> = ollama
        .seen()
        .into_iter()
        .filter(|line| {
            line["event"] == "request"
                && line["path"] != "/api/version"
                && line["path"] != "/api/ps"
        })
        .collect();
    assert!(reached.is_empty(), "{reached:?}");
}

/// One request as bytes, and the status of its answer.
fn status_of(engine: &TestEngine, head: &str, body: &str) -> u16 {
    let (port, token, length) = (engine.port, &engine.token, body.len());
    let request = format!(
        "{head} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    exchange(engine.port, request.as_bytes()).status
}

#[tokio::test]
async fn no_way_of_writing_an_address_leads_past_the_list() {
    let ollama = Ollama::started(&with_models(&["m:1"])).await;
    let other = Ollama::started(&with_models(&["far:1"])).await;
    let engine = Setup::new()
        .ollama(ollama.section(false))
        .managing_models()
        .backends(json!({"lab": {"url": format!("http://127.0.0.1:{}/v1", other.port)}}))
        .start();
    ready(&engine).await;
    for head in [
        r"GET /v1/models/x\..\..\..\debug\pprof\heap",
        "GET /v1/models/x/../../../debug/pprof/heap",
        "GET /v1/models/lab%2F..%2F..%2Fdebug%2Fpprof%2Fheap",
        "GET /v1/models/lab/%252e%252e/%252e%252e/debug",
        "GET /v1/models/lab/%2e%2e/%2e%2e/api/tags",
        r"POST /api/blobs/x\..\..\signout",
        "POST /api/blobs/x%2f..%2f..%2fpush",
        "POST /api/blobs/x%5c..%5c..%5cpush",
    ] {
        assert_eq!(status_of(&engine, head, ""), 404, "{head}");
    }
    for place in [&ollama, &other] {
        let led: Vec<_> = place
            .seen()
            .into_iter()
            .filter_map(|line| line["path"].as_str().map(str::to_owned))
            .filter(|path| ["debug", "signout", "push"].iter().any(|part| path.contains(part)))
            .collect();
        assert!(led.is_empty(), "{led:?}");
    }
    assert_eq!(status_of(&engine, "GET /v1/models/lab%2Ffar%3A1", ""), 200);
    assert_eq!(status_of(&engine, "GET /api/version", "body"), 200, "it is not waited for");
    assert_eq!(status_of(&engine, "GET /api/version", ""), 200);
}

#[tokio::test]
async fn foreign_pages_and_hosts_reach_no_model() {
    let (engine, ollama) = before(&with_models(&["m:1"])).await;
    for (method, path) in [
        (Method::HEAD, "/"),
        (Method::GET, "/api/tags"),
        (Method::POST, "/api/chat"),
        (Method::POST, "/v1/chat/completions"),
        (Method::POST, "/v1/messages"),
    ] {
        for (name, value) in
            [("origin", "https://evil.example"), ("origin", "null"), ("host", "rebound.example")]
        {
            let answer = ask(&engine, method.clone(), path)
                .header(name, value)
                .json(&json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]}))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 403, "{method} {path} {name}: {value}");
        }
        let answer = client::http()
            .request(method.clone(), format!("http://127.0.0.1:{}{path}", engine.port))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{method} {path} without a token");
    }
    let paths: Vec<_> = ollama.seen().iter().map(|line| line["path"].to_string()).collect();
    assert!(!paths.iter().any(|path| path.contains("chat") || path.contains("tags")), "{paths:?}");
}

#[tokio::test]
async fn other_places_are_reached_by_their_prefix_and_listed_beside_ollama() {
    let ollama = Ollama::started(&with_models(&["m:1"])).await;
    let other = Ollama::started(&with_models(&["far:1"])).await;
    let engine = Setup::new()
        .ollama(ollama.section(false))
        .environment("LAB_TOKEN", "hush-token-of-the-lab")
        .backends(json!({
            "lab": {"url": format!("http://127.0.0.1:{}/v1", other.port), "token": "${env:LAB_TOKEN}"},
            "attic": {"kind": "ollama", "url": format!("http://127.0.0.1:{}", other.port)},
            "gone": {"kind": "ollama", "url": "http://127.0.0.1:9"},
        }))
        .start();
    ready(&engine).await;
    let listed: Value = get(&engine, "/v1/models").await.json().await.unwrap();
    let mut names: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names, ["attic/far:1", "lab/far:1", "m:1"]);
    let tags: Value = get(&engine, "/api/tags").await.json().await.unwrap();
    let names: Vec<_> = tags["models"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
    assert_eq!(names, ["m:1", "attic/far:1"], "what speaks only OpenAI's API is not for /api");

    // The lab's token is asked for in the background.
    eventually("the lab answers", SOON, async || {
        let body = json!({"model": "lab/far:1", "messages": [{"role": "user", "content": "hi"}]});
        let answer = post(&engine, "/v1/chat/completions", &body).await;
        answer.status().is_success().then_some(())
    })
    .await;
    let asked = other.asked("/v1/chat/completions").pop().unwrap();
    assert_eq!(asked["headers"]["authorization"], "Bearer hush-token-of-the-lab");
    assert!(ollama.asked("/v1/chat/completions").is_empty());
    assert_eq!(ended(&engine).await.0, "lab/far:1");

    let native = post(
        &engine,
        "/api/chat",
        &json!({"model": "attic/far:1", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(native.status(), 200);
    let asked = other.asked("/api/chat").pop().unwrap();
    assert!(
        asked["headers"].get("authorization").is_none(),
        "the lab's token is the lab's: {asked}"
    );
    let shown = post(&engine, "/api/show", &json!({"model": "attic/far:1"})).await;
    assert_eq!(shown.status(), 200);
    let one = get(&engine, "/v1/models/lab/far:1").await;
    assert_eq!(one.status(), 200);
    let wrong = post(
        &engine,
        "/api/chat",
        &json!({"model": "lab/far:1", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("/v1/chat/completions"));
    let gone = post(
        &engine,
        "/api/chat",
        &json!({"model": "gone/x", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(gone.status(), 503);
    assert!(gone.text().await.unwrap().contains("gone"));
    assert!(!engine.log().contains("hush-token"), "no secret is logged");
}

#[tokio::test]
async fn models_without_a_prefix_may_be_elsewhere() {
    let ollama = Ollama::started(&with_models(&["m:1"])).await;
    let other = Ollama::started(&with_models(&["far:1"])).await;
    let engine = Setup::new()
        .ollama(ollama.section(false))
        .backends(json!({"lab": {
            "url": format!("http://127.0.0.1:{}", other.port), "default": true}}))
        .start();
    ready(&engine).await;
    let body = json!({"model": "far:1", "messages": [{"role": "user", "content": "hi"}]});
    let answer = post(&engine, "/v1/chat/completions", &body).await;
    assert_eq!(answer.status(), 200);
    assert!(ollama.asked("/v1/chat/completions").is_empty());
    eventually("what it has is known, and the others are Ollama's", SOON, async || {
        let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
        let answer = post(&engine, "/v1/chat/completions", &body).await;
        answer.status().is_success().then_some(())
    })
    .await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(post(&engine, "/api/chat", &body).await.status(), 200, "as it is listed");
    assert_eq!(ollama.asked("/api/chat").len(), 1);
}
