//! What needs the network of Ollama's makers: accounts, models that run elsewhere, searches.

use serde_json::{Value, json};

use crate::body::Response;
use crate::go::{self, Refusal};
use crate::server::Shared;

const SIGN_IN: &str = "https://ollama.com/connect?name=scripted&key=c3NoLWVkMjU1MTkgQUFBQQ";

/// Why a model that runs elsewhere does not, said by what passes requests on.
pub(crate) fn passing(shared: &Shared, operation: &str) -> Refusal {
    Refusal { passing: true, ..refusal(shared, operation) }
}

/// Why a model that runs elsewhere does not.
pub(crate) fn refusal(shared: &Shared, operation: &str) -> Refusal {
    if shared.cloud_disabled() {
        return Refusal::new(403, format!("ollama cloud is disabled: {operation}"));
    }
    if !shared.script.cloud.online {
        return Refusal::new(502, unreachable("api/generate"));
    }
    unauthorized()
}

/// Nobody is signed in.
pub(crate) fn unauthorized() -> Refusal {
    let mut refusal = Refusal::new(401, "unauthorized");
    refusal.signin_url = Some(SIGN_IN.to_owned());
    refusal
}

fn unreachable(path: &str) -> String {
    format!("Post \"https://ollama.com:443/{path}\": dial tcp: lookup ollama.com: no such host")
}

/// `/api/me`.
pub(crate) fn me(shared: &Shared) -> Response {
    let cloud = &shared.script.cloud;
    if !cloud.online {
        return Refusal::new(503, "account unavailable").native();
    }
    let Some(account) = &cloud.account else { return unauthorized().native() };
    let plan = if account.plan.is_empty() { "free" } else { &account.plan };
    let body = json!({
        "id": "00000000-0000-0000-0000-000000000001",
        "email": account.email,
        "name": account.name,
        "plan": plan,
    });
    go::json(200, &body)
}

/// `/api/signout`, and the same by the name of a key.
pub(crate) fn sign_out(shared: &Shared) -> Response {
    let cloud = &shared.script.cloud;
    if !cloud.online {
        return Refusal::new(500, "there was an error signing out").native();
    }
    if cloud.account.is_none() {
        return Refusal::new(401, "you are not currently signed in").native();
    }
    go::json(200, &Value::Null)
}

/// `/api/status`.
pub(crate) fn status(shared: &Shared) -> Response {
    let source = match (shared.environment.no_cloud, shared.script.cloud.disabled) {
        (true, true) => "both",
        (true, false) => "env",
        (false, true) => "config",
        (false, false) => "none",
    };
    go::json(200, &json!({"cloud": {"disabled": shared.cloud_disabled(), "source": source}}))
}

/// `/api/experimental/web_search` and `web_fetch`.
pub(crate) fn web(shared: &Shared, body: &[u8], what: &str) -> Response {
    if body.trim_ascii().is_empty() {
        return Refusal::new(400, "missing request body").native();
    }
    let operation = format!("web {what} is unavailable");
    let path = format!("api/web_{what}");
    if !shared.cloud_disabled() && !shared.script.cloud.online {
        return Refusal::new(502, unreachable(&path)).native();
    }
    if !shared.cloud_disabled() && shared.script.cloud.account.is_some() {
        let found = json!({"title": "A page", "url": "https://example.com/", "content": "Words."});
        let body = match what {
            "search" => json!({ "results": [found] }),
            _ => json!({"title": "A page", "content": "Words.", "links": []}),
        };
        return go::json(200, &body);
    }
    refusal(shared, &operation).native()
}

/// `/api/experimental/model-recommendations`.
pub(crate) fn recommendations(shared: &Shared) -> Response {
    let given = &shared.script.cloud.recommendations;
    let one = |(model, description): (&String, &String)| json!({"model": model, "description": description});
    let mut all: Vec<Value> = given.iter().map(one).collect();
    if all.is_empty() {
        all.push(json!({
            "model": "kimi-k2.6:cloud",
            "description": "State-of-the-art coding",
            "context_length": 262_144,
            "max_output_tokens": 262_144,
        }));
        all.push(json!({
            "model": "gemma4",
            "description": "Reasoning and code generation locally",
            "vram_bytes": 12_000_000_000_u64,
        }));
    }
    go::json(200, &json!({ "recommendations": all }))
}
