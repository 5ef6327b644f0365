//! What is asked of a server, in this order: each request builds on those before it.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::gguf::{Kind, tiny_model};
use crate::http::{self, Answer};

/// One request.
pub(crate) struct Request {
    pub(crate) name: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    /// How long to wait before it.
    wait: Duration,
}

impl Request {
    pub(crate) fn send(&self, port: u16) -> Answer {
        std::thread::sleep(self.wait);
        let sent = http::send(port, self.method, &self.path, &self.headers, &self.body);
        sent.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// All of them.
pub(crate) fn all() -> Vec<Request> {
    let talks = tiny_model(Kind::Talks);
    let embeds = tiny_model(Kind::Embeds);
    let calls = tiny_model(Kind::Calls);
    let (talks_digest, embeds_digest) = (digest(&talks), digest(&embeds));
    let calls_digest = digest(&calls);
    let none = format!("sha256:{}", "0".repeat(64));
    let mut all = Vec::new();
    let mut add = |name, method, path: &str, body: &[u8]| {
        all.push(Request {
            name,
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: body.to_vec(),
            wait: Duration::ZERO,
        });
    };
    for (name, method, path) in PLAIN {
        add(name, method, path, b"");
    }
    let blob = |digest: &str| format!("/api/blobs/{digest}");
    add("blob: missing", "HEAD", &blob(&talks_digest), b"");
    add("blob: not a digest", "HEAD", "/api/blobs/x", b"");
    add("blob: sent", "POST", &blob(&talks_digest), &talks);
    // It is known by its name: what is sent is not read.
    add("blob: sent again", "POST", &blob(&talks_digest), b"");
    add("blob: not what it says", "POST", &blob(&none), b"xx");
    add("blob: there", "HEAD", &blob(&talks_digest), b"");
    add("blob: the second", "POST", &blob(&embeds_digest), &embeds);
    add("blob: the third", "POST", &blob(&calls_digest), &calls);
    let made = [
        ("create: from a file", "tiny", talks_digest),
        ("create: the second", "embeds", embeds_digest),
        ("create: the third", "calls", calls_digest),
    ];
    for (name, model, digest) in made {
        let body = format!(r#"{{"model":"{model}","files":{{"m.gguf":"{digest}"}}}}"#);
        add(name, "POST", "/api/create", body.as_bytes());
    }
    for (name, method, path, body) in JSON {
        add(name, method, path, body.as_bytes());
    }
    for (name, method, path, headers) in GUARDED {
        all.push(Request {
            name,
            method,
            path: (*path).to_owned(),
            headers: headers.to_vec(),
            body: Vec::new(),
            wait: Duration::ZERO,
        });
    }
    all.push(Request {
        name: "ps: after its time",
        method: "GET",
        path: "/api/ps".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        wait: Duration::from_millis(2500),
    });
    all
}

/// Requests without a body, on a server that has nothing.
const PLAIN: [(&str, &str, &str); 20] = [
    ("root", "GET", "/"),
    ("root: head", "HEAD", "/"),
    ("version", "GET", "/api/version"),
    ("version: head", "HEAD", "/api/version"),
    ("tags: none", "GET", "/api/tags"),
    ("tags: head", "HEAD", "/api/tags"),
    ("ps: none", "GET", "/api/ps"),
    ("status", "GET", "/api/status"),
    ("models: none", "GET", "/v1/models"),
    ("recommendations", "GET", "/api/experimental/model-recommendations"),
    ("search: no body", "POST", "/api/experimental/web_search"),
    ("me", "POST", "/api/me"),
    ("sign out", "POST", "/api/signout"),
    ("sign out: by key", "DELETE", "/api/user/keys/abc"),
    ("no route", "GET", "/nope"),
    ("no route: profiles", "GET", "/debug/pprof/cmdline"),
    ("no route: count", "POST", "/v1/messages/count_tokens"),
    ("wrong method", "PUT", "/api/tags"),
    ("slash too many", "GET", "/api/tags/"),
    ("slash too many: post", "POST", "/api/chat/"),
];

/// Requests with a body, on a server that has `tiny` and `embeds`.
const JSON: &[(&str, &str, &str, &str)] = &[
    (
        "create: from a model",
        "POST",
        "/api/create",
        r#"{"model":"tiny2","from":"tiny","system":"be nice","parameters":{"num_ctx":256}}"#,
    ),
    (
        "create: not streamed",
        "POST",
        "/api/create",
        r#"{"model":"tiny3","from":"tiny","stream":false}"#,
    ),
    ("create: from nothing", "POST", "/api/create", r#"{"model":"tiny4"}"#),
    ("create: bad name", "POST", "/api/create", r#"{"model":"!!","from":"tiny"}"#),
    ("tags", "GET", "/api/tags", ""),
    ("models", "GET", "/v1/models", ""),
    ("models: one", "GET", "/v1/models/tiny", ""),
    ("models: missing", "GET", "/v1/models/nope", ""),
    ("show", "POST", "/api/show", r#"{"model":"tiny"}"#),
    ("show: with parameters", "POST", "/api/show", r#"{"model":"tiny2"}"#),
    ("show: by name", "POST", "/api/show", r#"{"name":"tiny"}"#),
    ("show: verbose", "POST", "/api/show", r#"{"model":"tiny","verbose":true}"#),
    ("show: missing", "POST", "/api/show", r#"{"model":"nope"}"#),
    ("show: bad name", "POST", "/api/show", r#"{"model":"!!"}"#),
    ("show: no name", "POST", "/api/show", "{}"),
    ("show: no body", "POST", "/api/show", ""),
    ("chat: no body", "POST", "/api/chat", ""),
    ("chat: bad JSON", "POST", "/api/chat", "{bad"),
    ("chat: half JSON", "POST", "/api/chat", r#"{"model":"#),
    ("chat: wrong type", "POST", "/api/chat", r#"{"model":5}"#),
    ("chat: no model", "POST", "/api/chat", "{}"),
    ("chat: missing", "POST", "/api/chat", r#"{"model":"nope","messages":[]}"#),
    ("chat: bad keep_alive", "POST", "/api/chat", r#"{"model":"tiny","keep_alive":"x"}"#),
    (
        "chat: bad think",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","think":"much","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("chat: too many logprobs", "POST", "/api/chat", r#"{"model":"tiny","top_logprobs":21}"#),
    ("chat: preload", "POST", "/api/chat", r#"{"model":"tiny"}"#),
    ("ps", "GET", "/api/ps", ""),
    (
        "chat",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "chat: short",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","messages":[{"role":"user","content":"hi"}],"options":{"num_predict":3}}"#,
    ),
    (
        "chat: not streamed",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","stream":false,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "chat: think",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","think":true,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "chat: tools",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "chat: for embeddings only",
        "POST",
        "/api/chat",
        r#"{"model":"embeds","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("chat: unload", "POST", "/api/chat", r#"{"model":"tiny","keep_alive":0}"#),
    ("ps: unloaded", "GET", "/api/ps", ""),
    ("generate: no model", "POST", "/api/generate", "{}"),
    ("generate: missing", "POST", "/api/generate", r#"{"model":"nope"}"#),
    ("generate: cloud", "POST", "/api/generate", r#"{"model":"nope:cloud","prompt":"hi"}"#),
    ("generate: preload", "POST", "/api/generate", r#"{"model":"tiny","keep_alive":-1}"#),
    ("generate", "POST", "/api/generate", r#"{"model":"tiny","prompt":"hi"}"#),
    (
        "generate: short",
        "POST",
        "/api/generate",
        r#"{"model":"tiny","prompt":"hi","options":{"num_predict":3}}"#,
    ),
    (
        "generate: not streamed",
        "POST",
        "/api/generate",
        r#"{"model":"tiny","prompt":"hi","stream":false}"#,
    ),
    (
        "generate: raw",
        "POST",
        "/api/generate",
        r#"{"model":"tiny","prompt":"hi","raw":true,"stream":false}"#,
    ),
    (
        "generate: raw with a system",
        "POST",
        "/api/generate",
        r#"{"model":"tiny","prompt":"hi","raw":true,"system":"x"}"#,
    ),
    ("generate: suffix", "POST", "/api/generate", r#"{"model":"tiny","prompt":"hi","suffix":"x"}"#),
    (
        "generate: for embeddings only",
        "POST",
        "/api/generate",
        r#"{"model":"embeds","prompt":"hi"}"#,
    ),
    ("generate: unload", "POST", "/api/generate", r#"{"model":"tiny","keep_alive":0}"#),
    ("embed", "POST", "/api/embed", r#"{"model":"embeds","input":["a","b c"]}"#),
    ("embed: one", "POST", "/api/embed", r#"{"model":"embeds","input":"a","dimensions":8}"#),
    ("embed: nothing", "POST", "/api/embed", r#"{"model":"embeds","input":[]}"#),
    ("embed: wrong type", "POST", "/api/embed", r#"{"model":"embeds","input":5}"#),
    ("embed: missing", "POST", "/api/embed", r#"{"model":"nope","input":"a"}"#),
    ("embed: talks only", "POST", "/api/embed", r#"{"model":"tiny","input":"a"}"#),
    ("embeddings", "POST", "/api/embeddings", r#"{"model":"embeds","prompt":"a"}"#),
    ("embeddings: nothing", "POST", "/api/embeddings", r#"{"model":"embeds"}"#),
    ("embeddings: missing", "POST", "/api/embeddings", r#"{"model":"nope","prompt":"a"}"#),
    ("embeddings: no model", "POST", "/api/embeddings", "{}"),
    ("openai embeddings", "POST", "/v1/embeddings", r#"{"model":"embeds","input":["a","b"]}"#),
    (
        "openai embeddings: base64",
        "POST",
        "/v1/embeddings",
        r#"{"model":"embeds","input":"a","encoding_format":"base64"}"#,
    ),
    (
        "openai embeddings: bad format",
        "POST",
        "/v1/embeddings",
        r#"{"model":"embeds","input":"a","encoding_format":"x"}"#,
    ),
    ("openai embeddings: nothing", "POST", "/v1/embeddings", r#"{"model":"embeds"}"#),
    ("openai embeddings: missing", "POST", "/v1/embeddings", r#"{"model":"nope","input":"a"}"#),
    (
        "completions",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"tiny","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "completions: streamed",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"tiny","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "completions: usage",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"tiny","stream":true,"max_tokens":2,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("completions: no messages", "POST", "/v1/chat/completions", r#"{"model":"tiny"}"#),
    (
        "completions: missing",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"nope","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("completions: no body", "POST", "/v1/chat/completions", ""),
    (
        "completions: tools",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"tiny","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("text completions", "POST", "/v1/completions", r#"{"model":"tiny","prompt":"hi"}"#),
    (
        "text completions: streamed",
        "POST",
        "/v1/completions",
        r#"{"model":"tiny","prompt":"hi","stream":true}"#,
    ),
    (
        "text completions: usage",
        "POST",
        "/v1/completions",
        r#"{"model":"tiny","prompt":"hi","stream":true,"max_tokens":2,"stream_options":{"include_usage":true}}"#,
    ),
    ("text completions: missing", "POST", "/v1/completions", r#"{"model":"nope","prompt":"hi"}"#),
    ("responses", "POST", "/v1/responses", r#"{"model":"tiny","input":"hi"}"#),
    (
        "responses: streamed",
        "POST",
        "/v1/responses",
        r#"{"model":"tiny","stream":true,"max_output_tokens":2,"input":"hi","instructions":"x"}"#,
    ),
    (
        "responses: missing",
        "POST",
        "/v1/responses",
        r#"{"model":"nope","stream":true,"input":"hi"}"#,
    ),
    (
        "responses: bad item",
        "POST",
        "/v1/responses",
        r#"{"model":"tiny","input":[{"type":"nope"}]}"#,
    ),
    (
        "messages",
        "POST",
        "/v1/messages",
        r#"{"model":"tiny","max_tokens":2,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "messages: to the end",
        "POST",
        "/v1/messages",
        r#"{"model":"tiny","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "messages: streamed",
        "POST",
        "/v1/messages",
        r#"{"model":"tiny","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "messages: thinking",
        "POST",
        "/v1/messages",
        r#"{"model":"tiny","max_tokens":2,"thinking":{"type":"enabled","budget_tokens":5},"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "messages: missing",
        "POST",
        "/v1/messages",
        r#"{"model":"nope","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "messages: no limit",
        "POST",
        "/v1/messages",
        r#"{"model":"tiny","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("messages: no messages", "POST", "/v1/messages", r#"{"model":"tiny","max_tokens":2}"#),
    ("messages: no model", "POST", "/v1/messages", r#"{"max_tokens":2}"#),
    ("transcriptions: no form", "POST", "/v1/audio/transcriptions", ""),
    ("copy", "POST", "/api/copy", r#"{"source":"tiny","destination":"other"}"#),
    ("copy: missing", "POST", "/api/copy", r#"{"source":"nope","destination":"other"}"#),
    ("copy: no source", "POST", "/api/copy", r#"{"destination":"other"}"#),
    ("copy: no destination", "POST", "/api/copy", r#"{"source":"tiny"}"#),
    ("delete", "DELETE", "/api/delete", r#"{"model":"other"}"#),
    ("delete: again", "DELETE", "/api/delete", r#"{"model":"other"}"#),
    ("delete: no name", "DELETE", "/api/delete", "{}"),
    ("delete: bad name", "DELETE", "/api/delete", r#"{"model":"!!"}"#),
    ("pull: no network", "POST", "/api/pull", r#"{"model":"nope"}"#),
    ("pull: not streamed", "POST", "/api/pull", r#"{"model":"nope","stream":false}"#),
    ("pull: bad name", "POST", "/api/pull", r#"{"model":"!!"}"#),
    ("pull: no name", "POST", "/api/pull", "{}"),
    ("push: missing", "POST", "/api/push", r#"{"model":"nope"}"#),
    ("push: no network", "POST", "/api/push", r#"{"model":"tiny"}"#),
    ("push: no name", "POST", "/api/push", "{}"),
    ("search: no network", "POST", "/api/experimental/web_search", r#"{"query":"x"}"#),
    (
        "fetch: no network",
        "POST",
        "/api/experimental/web_fetch",
        r#"{"url":"https://example.com"}"#,
    ),
    ("calls: show", "POST", "/api/show", r#"{"model":"calls"}"#),
    (
        "calls: chat without tools",
        "POST",
        "/api/chat",
        r#"{"model":"calls","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: chat",
        "POST",
        "/api/chat",
        r#"{"model":"calls","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: chat not streamed",
        "POST",
        "/api/chat",
        r#"{"model":"calls","stream":false,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: completions",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"calls","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: completions streamed",
        "POST",
        "/v1/chat/completions",
        r#"{"model":"calls","stream":true,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: responses",
        "POST",
        "/v1/responses",
        r#"{"model":"calls","input":"hi","tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}"#,
    ),
    (
        "calls: responses streamed",
        "POST",
        "/v1/responses",
        r#"{"model":"calls","stream":true,"input":"hi","tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}"#,
    ),
    (
        "calls: messages",
        "POST",
        "/v1/messages",
        r#"{"model":"calls","max_tokens":50,"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        "calls: messages streamed",
        "POST",
        "/v1/messages",
        r#"{"model":"calls","stream":true,"max_tokens":50,"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}],"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("calls: unload", "POST", "/api/generate", r#"{"model":"calls","keep_alive":0}"#),
    (
        "chat: a second of keep_alive",
        "POST",
        "/api/chat",
        r#"{"model":"tiny","keep_alive":"1s","stream":false,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    ("embeds: unload", "POST", "/api/embed", r#"{"model":"embeds","keep_alive":0,"input":"a"}"#),
];

/// What is asked of a server whose cloud is switched off.
pub(crate) fn without_cloud() -> Vec<Request> {
    let asked = r#""model":"x:cloud","messages":[{"role":"user","content":"hi"}]"#;
    let rows = [
        ("no cloud: status", "GET", "/api/status", String::new()),
        ("no cloud: chat", "POST", "/api/chat", format!("{{{asked}}}")),
        ("no cloud: generate", "POST", "/api/generate", r#"{"model":"x:cloud"}"#.to_owned()),
        ("no cloud: completions", "POST", "/v1/chat/completions", format!("{{{asked}}}")),
        ("no cloud: messages", "POST", "/v1/messages", format!(r#"{{"max_tokens":5,{asked}}}"#)),
        (
            "no cloud: responses",
            "POST",
            "/v1/responses",
            r#"{"model":"x-cloud","input":"hi"}"#.to_owned(),
        ),
        (
            "no cloud: by its tag",
            "POST",
            "/v1/responses",
            r#"{"model":"x:1b-cloud","input":"hi"}"#.to_owned(),
        ),
        ("no cloud: embed", "POST", "/api/embed", r#"{"model":"x:cloud","input":"a"}"#.to_owned()),
        (
            "no cloud: openai embeddings",
            "POST",
            "/v1/embeddings",
            r#"{"model":"x:cloud","input":"a"}"#.to_owned(),
        ),
        ("no cloud: show", "POST", "/api/show", r#"{"model":"x:cloud"}"#.to_owned()),
        ("no cloud: models", "GET", "/v1/models/x:cloud", String::new()),
        ("no cloud: search", "POST", "/api/experimental/web_search", r#"{"query":"x"}"#.to_owned()),
    ];
    let one = |(name, method, path, body): (&'static str, &'static str, &str, String)| Request {
        name,
        method,
        path: path.to_owned(),
        headers: Vec::new(),
        body: body.into_bytes(),
        wait: Duration::ZERO,
    };
    rows.into_iter().map(one).collect()
}

/// Headers of a request.
type Headers = &'static [(&'static str, &'static str)];

/// Requests that are turned away, or not, for where they come from.
const GUARDED: &[(&str, &str, &str, Headers)] = &[
    ("host: foreign", "GET", "/api/version", &[("Host", "evil.example")]),
    ("host: foreign, head", "HEAD", "/", &[("Host", "evil.example")]),
    ("host: localhost", "GET", "/api/version", &[("Host", "localhost:1")]),
    ("host: local", "GET", "/api/version", &[("Host", "box.local")]),
    ("host: private address", "GET", "/api/version", &[("Host", "10.1.2.3")]),
    ("host: public address", "GET", "/api/version", &[("Host", "8.8.8.8")]),
    ("origin: foreign", "GET", "/api/version", &[("Origin", "https://evil.example")]),
    ("origin: foreign, no route", "GET", "/nope", &[("Origin", "https://evil.example")]),
    ("origin: null", "GET", "/api/version", &[("Origin", "null")]),
    ("origin: localhost", "GET", "/api/version", &[("Origin", "http://localhost:5")]),
    ("origin: app", "GET", "/api/version", &[("Origin", "tauri://localhost")]),
    ("origin: extension", "GET", "/api/version", &[("Origin", "chrome-extension://abc")]),
    (
        "origin: preflight",
        "OPTIONS",
        "/api/chat",
        &[("Origin", "http://localhost:5"), ("Access-Control-Request-Method", "POST")],
    ),
    (
        "origin: foreign preflight",
        "OPTIONS",
        "/api/chat",
        &[("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")],
    ),
    ("options: no origin", "OPTIONS", "/api/chat", &[]),
    ("options: localhost", "OPTIONS", "/api/chat", &[("Host", "localhost")]),
];
