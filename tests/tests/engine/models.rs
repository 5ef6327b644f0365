//! Requests to models, from an app through the gateway to a scripted Ollama and back.

use std::time::{Duration, Instant};

use drawbridge_tests::ollama::{NEXT_LOOK, Ollama, with_models};
use drawbridge_tests::programs::finish;
use drawbridge_tests::record::Database;
use drawbridge_tests::{Setup, TestEngine, client, eventually, processes, wait::SOON};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) fn ask(engine: &TestEngine, method: Method, path: &str) -> RequestBuilder {
    client::http()
        .request(method, format!("http://127.0.0.1:{}{path}", engine.port))
        .bearer_auth(&engine.token)
}

pub(crate) async fn post(engine: &TestEngine, path: &str, body: &Value) -> Response {
    ask(engine, Method::POST, path).json(body).send().await.unwrap()
}

pub(crate) async fn get(engine: &TestEngine, path: &str) -> Response {
    ask(engine, Method::GET, path).send().await.unwrap()
}

pub(crate) async fn ready(engine: &TestEngine) {
    eventually("Ollama answers through the gateway", NEXT_LOOK, async || {
        get(engine, "/api/version").await.status().is_success().then_some(())
    })
    .await;
}

/// An engine in front of a running Ollama.
pub(crate) async fn before(script: &Value) -> (TestEngine, Ollama) {
    let ollama = Ollama::started(script).await;
    let engine = Setup::new().ollama(ollama.section(false)).start();
    ready(&engine).await;
    (engine, ollama)
}

/// All that is on record, as it is handed out.
fn exported(engine: &TestEngine) -> String {
    let data = engine.data_dir().display().to_string();
    let arguments = ["audit", "export", "--data-dir", &data, "--format", "jsonl"];
    finish(&mut engine.command(&arguments)).stdout
}

/// Waits until the record says how the newest model request ended.
pub(crate) async fn ended(engine: &TestEngine) -> (String, String, String) {
    eventually("its end is on record", SOON, async || {
        let entries = Database::read(&engine.data_dir()).await.entries().await;
        let began = entries.iter().rev().find(|entry| entry.kind == "modelRequest")?;
        let end = entries.iter().find(|entry| entry.call == Some(began.id))?;
        Some((began.subject.clone(), end.outcome.clone(), end.note.clone()))
    })
    .await
}

#[tokio::test]
async fn a_chat_streams_line_by_line_as_it_is_and_is_on_record_without_its_words() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "turns": [{"content": "one two three four"}], "delays": {"token_ms": 300}});
    let (engine, ollama) = before(&script).await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hush-hush"}]});
    let began = Instant::now();
    let mut answer = post(&engine, "/api/chat", &body).await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let first = answer.chunk().await.unwrap().unwrap();
    let first_after = began.elapsed();
    let mut text = first.to_vec();
    while let Some(piece) = answer.chunk().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    assert!(first_after < began.elapsed() / 2, "the first line does not wait for the last");
    let lines: Vec<Value> = String::from_utf8(text)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.iter().filter(|line| line["done"] == true).count(), 1);
    let words: String =
        lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect();
    assert_eq!(words.split_whitespace().collect::<Vec<_>>(), ["one", "two", "three", "four"]);

    let (model, outcome, _) = ended(&engine).await;
    assert_eq!((model.as_str(), outcome.as_str()), ("m:1", "succeeded"));
    let detail = exported(&engine);
    assert!(detail.contains("promptTokens") && detail.contains("firstTokenMs"), "{detail}");
    for word in ["hush-hush", "three"] {
        assert!(!detail.contains(word), "nothing of the content is kept: {word}");
    }
    // What the app sent is what Ollama got.
    assert_eq!(ollama.asked("/api/chat").len(), 1);
}

#[tokio::test]
async fn a_long_silence_before_the_first_word_is_waited_for() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}], "delays": {"first_token_ms": 10_500}});
    let (engine, _ollama) = before(&script).await;
    let body =
        json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}], "stream": true});
    let answer = post(&engine, "/v1/chat/completions", &body).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn an_app_that_leaves_is_gone_for_ollama_within_a_second() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "reply": {"lines": 1000}, "delays": {"token_ms": 50}});
    let (engine, ollama) = before(&script).await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
    let mut answer = post(&engine, "/api/chat", &body).await;
    answer.chunk().await.unwrap().unwrap();
    drop(answer);
    let left = Instant::now();
    eventually("Ollama sees it", Duration::from_secs(5), async || {
        ollama.seen().iter().any(|line| line["client_gone"] == true).then_some(())
    })
    .await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
    let (_, outcome, note) = ended(&engine).await;
    assert_eq!(outcome, "cancelled");
    assert!(note.contains("The app left"), "{note}");
}

#[tokio::test]
async fn a_request_is_on_record_before_ollama_hears_of_it_and_without_a_record_it_does_not() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}], "delays": {"first_token_ms": 5_000}});
    let (engine, ollama) = before(&script).await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
    let held = post(&engine, "/api/chat", &body);
    let looks = async {
        eventually("Ollama has it", SOON, async || {
            (!ollama.asked("/api/chat").is_empty()).then_some(())
        })
        .await;
        // No waiting here: at the moment Ollama has it, the row is there.
        let mut database = Database::read(&engine.data_dir()).await;
        let requests = database.of_kind("modelRequest").await;
        let [began] = requests.as_slice() else { panic!("one request: {requests:?}") };
        assert_eq!((began.step.as_str(), began.subject.as_str()), ("began", "m:1"));
        assert_eq!(database.end_of(began.id).await, None, "it has not ended");
    };
    let (held, ()) = tokio::join!(held, looks);
    assert_eq!(held.status(), 200);

    let mut database = Database::write(&engine.data_dir()).await;
    database.lock().await;
    let refused = post(&engine, "/api/chat", &body).await;
    assert_eq!(refused.status(), 503);
    let told: Value = refused.json().await.unwrap();
    assert!(told["error"].as_str().unwrap().contains("record"), "{told}");
    database.release().await;
    assert_eq!(ollama.asked("/api/chat").len(), 1, "the first one alone");
}

#[tokio::test]
async fn an_app_that_leaves_before_the_first_word_is_gone_as_well() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}], "delays": {"first_token_ms": 60_000}});
    let (engine, ollama) = before(&script).await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
    let waiting = ask(&engine, Method::POST, "/api/chat").json(&body).send();
    assert!(tokio::time::timeout(Duration::from_millis(500), waiting).await.is_err());
    eventually("Ollama sees it", Duration::from_secs(2), async || {
        ollama.seen().iter().any(|line| line["client_gone"] == true).then_some(())
    })
    .await;
    assert_eq!(ended(&engine).await.1, "cancelled");
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    for (fault, note) in [
        (json!({"cut_after": {"lines": 2}}), "broke before"),
        (json!({"end_after": {"lines": 2}}), "stops before its end"),
        (json!({"error_after": {"lines": 2, "message": "no memory"}}), "no memory"),
    ] {
        let script = json!({
            "models": [{"name": "m:1", "size": 4_000_000}], "reply": {"lines": 10},
            "faults": [{"then": fault}]});
        let (engine, _ollama) = before(&script).await;
        let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
        let mut answer = post(&engine, "/api/chat", &body).await;
        let mut broke = false;
        loop {
            match answer.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    broke = true;
                    break;
                }
            }
        }
        assert_eq!(broke, fault.get("cut_after").is_some(), "the app sees what we see: {fault}");
        let (_, outcome, said) = ended(&engine).await;
        assert_eq!(outcome, "failed", "{fault}");
        assert!(said.contains(note), "{fault}: {said}");
    }
}

#[tokio::test]
async fn what_ollama_refuses_is_refused_in_its_words() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "faults": [{"model": "busy", "then": "queue_full"}]});
    let (engine, _ollama) = before(&script).await;
    let unknown = post(
        &engine,
        "/api/chat",
        &json!({"model": "no", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(unknown.status(), 404);
    let said: Value = unknown.json().await.unwrap();
    assert!(said["error"].as_str().unwrap().contains("not found"), "{said}");
    let openai = json!({"model": "no", "messages": [{"role": "user", "content": "hi"}]});
    let unknown = post(&engine, "/v1/chat/completions", &openai).await;
    assert_eq!(unknown.status(), 404);
    assert!(unknown.json::<Value>().await.unwrap()["error"]["message"].is_string());
}

#[tokio::test]
async fn ollama_hears_neither_the_token_nor_where_the_app_came_from() {
    let (engine, ollama) = before(&with_models(&["m:1"])).await;
    let answer = ask(&engine, Method::POST, "/api/chat")
        .header("origin", format!("http://127.0.0.1:{}", engine.port))
        .header("cookie", "a=b")
        .header("x-mine", "kept")
        .json(&json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let cors = answer.headers().get("access-control-allow-origin").cloned();
    assert_eq!(cors.unwrap(), format!("http://127.0.0.1:{}", engine.port).as_str());
    let asked = ollama.asked("/api/chat").pop().unwrap();
    let headers = &asked["headers"];
    for name in ["authorization", "origin", "cookie", "x-api-key"] {
        assert!(headers.get(name).is_none(), "{name}: {asked}");
    }
    assert_eq!(headers["host"], format!("127.0.0.1:{}", ollama.port));
    assert_eq!(headers["x-mine"], "kept");
    assert!(!asked.to_string().contains(&engine.token));
    let in_path = client::http()
        .get(format!("http://127.0.0.1:{}/k/{}/api/tags?x=1", engine.port, engine.token))
        .send()
        .await
        .unwrap();
    assert_eq!(in_path.status(), 200, "as OLLAMA_HOST may hold it");
    assert!(!ollama.seen().iter().any(|line| line.to_string().contains(&engine.token)));
}

#[tokio::test]
async fn an_app_that_may_manage_models_downloads_as_it_comes() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "library": [{"name": "big:1", "size": 40_000_000}],
        "pull": {"bytes_per_second": 20_000_000, "interval_ms": 50}});
    let ollama = Ollama::started(&script).await;
    let engine = Setup::new().ollama(ollama.section(false)).managing_models().start();
    ready(&engine).await;
    let began = Instant::now();
    let mut answer = post(&engine, "/api/pull", &json!({"model": "big:1"})).await;
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("pulling manifest"));
    let first_after = began.elapsed();
    let rest = answer.text().await.unwrap();
    assert!(rest.contains("\"success\""), "{rest}");
    assert!(first_after < began.elapsed() / 2, "{first_after:?} of {:?}", began.elapsed());
    let deleted = ask(&engine, Method::DELETE, "/api/delete").json(&json!({"model": "m:1"}));
    assert_eq!(deleted.send().await.unwrap().status(), 200);
    let tags: Value = get(&engine, "/api/tags").await.json().await.unwrap();
    let names: Vec<_> = tags["models"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
    assert_eq!(names, ["big:1"]);
    // What leaves the computer is another matter.
    assert_eq!(post(&engine, "/api/push", &json!({"model": "big:1"})).await.status(), 403);
}

#[tokio::test]
async fn a_blob_of_any_size_is_passed_on_as_it_comes() {
    let ollama = Ollama::started(&with_models(&[])).await;
    let engine = Setup::new().ollama(ollama.section(false)).managing_models().start();
    ready(&engine).await;
    // More than a request to a model may have.
    let body = vec![7_u8; 80 << 20];
    let path = format!("/api/blobs/sha256:{}", hex::encode(Sha256::digest(&body)));
    let sent = ask(&engine, Method::POST, &path).body(body).send().await.unwrap();
    assert_eq!(sent.status(), 201);
    let there = ask(&engine, Method::HEAD, &path).send().await.unwrap();
    assert_eq!(there.status(), 200);
}

/// Reads until so much of it is there.
async fn hear(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut heard, mut piece) = (String::new(), [0; 4096]);
    while !heard.contains(wanted) {
        let reading = tokio::time::timeout(SOON, stream.read(&mut piece));
        let count = reading.await.expect("an answer comes").expect("it is not reset");
        assert!(count > 0, "the connection was closed after {heard:?}");
        heard.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    heard
}

#[tokio::test]
async fn an_answer_that_comes_before_all_of_a_file_is_there_reaches_its_app() {
    let ollama = Ollama::started(&with_models(&[])).await;
    let engine = Setup::new().ollama(ollama.section(false)).managing_models().start();
    ready(&engine).await;
    let path = format!("/api/blobs/sha256:{}", hex::encode(Sha256::digest("a file")));
    let sent = ask(&engine, Method::POST, &path).body("a file").send().await.unwrap();
    assert_eq!(sent.status(), 201);

    let mut stream = TcpStream::connect(("127.0.0.1", engine.port)).await.unwrap();
    let rest =
        format!("Host: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n", engine.port, engine.token);
    let begun =
        format!("POST {path} HTTP/1.1\r\n{rest}Transfer-Encoding: chunked\r\n\r\n2\r\na \r\n");
    stream.write_all(begun.as_bytes()).await.unwrap();
    assert!(hear(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 200"), "it is there already");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = format!("4\r\nfile\r\n0\r\n\r\nGET /api/version HTTP/1.1\r\n{rest}\r\n");
    stream.write_all(next.as_bytes()).await.unwrap();
    assert!(hear(&mut stream, "version").await.contains("HTTP/1.1 200"), "the connection goes on");
}

/// The processor time Ollama has taken, in clock ticks.
fn worked(ollama: &Ollama) -> u64 {
    ollama.processes().iter().map(|process| processes::worked(process.pid).unwrap()).sum()
}

#[tokio::test]
async fn an_app_that_does_not_read_holds_ollama_up() {
    let script = json!({"models": [{"name": "m:1"}], "reply": {"lines": 50_000_000}});
    let (engine, ollama) = before(&script).await;
    let mut stream = TcpStream::connect(("127.0.0.1", engine.port)).await.unwrap();
    let body = r#"{"model":"m:1","prompt":"hi"}"#;
    let request = format!(
        "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        engine.port,
        engine.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    hear(&mut stream, "\n").await;

    // What fits into the buffers of the system is made meanwhile.
    let reads_on = worked(&ollama);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let held = worked(&ollama);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(worked(&ollama) <= held + 2, "{reads_on}, {held}, {}", worked(&ollama));

    // Once it reads, it goes on.
    let until = Instant::now() + Duration::from_secs(1);
    let mut piece = vec![0; 64 * 1024];
    while Instant::now() < until {
        assert!(stream.read(&mut piece).await.unwrap() > 0);
    }
    assert!(worked(&ollama) > held + 10, "{held}, {}", worked(&ollama));
}

#[tokio::test]
async fn without_ollama_the_gateway_serves_and_says_why_and_recovers() {
    let mut ollama = Ollama::new(&with_models(&["m:1"]));
    let engine = Setup::new().ollama(ollama.section(false)).start();
    for (method, path) in [(Method::HEAD, "/"), (Method::GET, "/"), (Method::GET, "/api/version")] {
        let answer = ask(&engine, method.clone(), path).send().await.unwrap();
        assert_eq!(answer.status(), 503, "{method} {path}");
    }
    let answer = post(
        &engine,
        "/api/chat",
        &json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(answer.status(), 503);
    let said = eventually("it was looked for", SOON, async || {
        let said: Value = get(&engine, "/api/version").await.json().await.unwrap();
        let text = said["error"].as_str()?.to_owned();
        (!text.contains("looked for")).then_some(text)
    })
    .await;
    assert!(said.contains("does not run"), "{said}");
    ollama.start().await;
    ready(&engine).await;
    let answer = ask(&engine, Method::HEAD, "/").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = get(&engine, "/").await;
    assert_eq!(answer.text().await.unwrap(), "Ollama is running");
    let chat = post(
        &engine,
        "/api/chat",
        &json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]}),
    )
    .await;
    assert_eq!(chat.status(), 200);
}

#[tokio::test]
async fn a_compressed_request_is_understood_and_passed_on_as_it_came() {
    let (engine, ollama) = before(&with_models(&["m:1"])).await;
    let plain = br#"{"model":"m:1","messages":[{"role":"user","content":"hi"}]}"#;
    // A frame with one block as it is (RFC 8878 section 3.1.1): magic, one segment, its size.
    let mut packed = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, plain.len() as u8];
    packed.extend([((plain.len() << 3) | 1) as u8, (plain.len() >> 5) as u8, 0]);
    packed.extend(plain);
    let send = async |encoding: &str, path: &str| {
        ask(&engine, Method::POST, path)
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(packed.clone())
            .send()
            .await
            .unwrap()
    };
    let answer = send("zstd", "/v1/chat/completions").await;
    assert_eq!(ended(&engine).await.0, "m:1", "{:?}", answer.text().await);
    let asked = ollama.asked("/v1/chat/completions").pop().unwrap();
    assert_eq!(asked["headers"]["content-encoding"], "zstd");
    assert_eq!(send("gzip", "/v1/chat/completions").await.status(), 415);
}

#[tokio::test]
async fn quitting_lets_a_short_answer_end() {
    let script = json!({
        "models": [{"name": "m:1", "size": 4_000_000}],
        "reply": {"lines": 10}, "delays": {"token_ms": 100}});
    let (mut engine, _ollama) = before(&script).await;
    let body = json!({"model": "m:1", "messages": [{"role": "user", "content": "hi"}]});
    let mut answer = post(&engine, "/api/chat", &body).await;
    answer.chunk().await.unwrap().unwrap();
    let stopping = std::thread::spawn(move || {
        engine.stop();
        engine
    });
    let rest = answer.text().await.unwrap();
    assert!(rest.contains("\"done\":true"), "{rest}");
    let engine = stopping.join().unwrap();
    assert_eq!(ended(&engine).await.1, "succeeded");
}

#[tokio::test]
async fn a_killed_engine_leaves_nothing_of_its_ollama_and_all_of_anybody_elses() {
    let script = json!({"models": [{"name": "m:1"}], "runner": "at_start"});
    let owned = Ollama::new(&script);
    let mut engine = Setup::new().ollama(owned.section(true)).start();
    ready(&engine).await;
    let running = owned.processes();
    assert!(running.len() >= 2, "the program and its runner: {running:?}");
    engine.kill();
    eventually("nothing is left", SOON, async || owned.processes().is_empty().then_some(())).await;

    let attached = Ollama::started(&script).await;
    let mut engine = Setup::new().ollama(attached.section(true)).start();
    ready(&engine).await;
    let before = attached.processes();
    engine.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(attached.processes(), before, "it is not ours");
}
