//! From a request to its answer: who may ask, what goes wrong, which route it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use crate::body::{Broken, Request, Response};
use crate::go::{self, Refusal};
use crate::guard::{self, Checked};
use crate::infer::{Dialect, infer};
use crate::native::{self, Native};
use crate::record::Passage;
use crate::script::FaultKind;
use crate::server::Shared;
use crate::{cloud, compat, embed, loaded, log, manage, messages, pull, responses};

/// The routes and the methods of each. A `*` at the end stands for one more part.
const ROUTES: [(&str, &str); 30] = [
    ("/", "HEAD, GET"),
    ("/api/version", "HEAD, GET"),
    ("/api/status", "GET"),
    ("/api/pull", "POST"),
    ("/api/push", "POST"),
    ("/api/tags", "HEAD, GET"),
    ("/api/show", "POST"),
    ("/api/delete", "DELETE"),
    ("/api/me", "POST"),
    ("/api/signout", "POST"),
    ("/api/user/keys/*", "DELETE"),
    ("/api/create", "POST"),
    ("/api/blobs/*", "POST, HEAD"),
    ("/api/copy", "POST"),
    ("/api/experimental/web_search", "POST"),
    ("/api/experimental/web_fetch", "POST"),
    ("/api/experimental/model-recommendations", "GET"),
    ("/api/ps", "GET"),
    ("/api/generate", "POST"),
    ("/api/chat", "POST"),
    ("/api/embed", "POST"),
    ("/api/embeddings", "POST"),
    ("/v1/chat/completions", "POST"),
    ("/v1/completions", "POST"),
    ("/v1/embeddings", "POST"),
    ("/v1/models", "GET"),
    ("/v1/models/*", "GET"),
    ("/v1/responses", "POST"),
    ("/v1/audio/transcriptions", "POST"),
    ("/v1/messages", "POST"),
];

/// What is inference, for the faults that name no route.
const INFERENCE: [&str; 9] = [
    "/api/generate",
    "/api/chat",
    "/api/embed",
    "/api/embeddings",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
];

/// Answers one request; an error closes the connection without an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    request: Request,
    peer: SocketAddr,
) -> Result<Response, Broken> {
    let number = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let arrived = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut passage = Passage {
        recorder: Arc::clone(&shared.recorder),
        number,
        arrived,
        status: 0,
        sent: 0,
        lines: 0,
        ended: "client_gone",
    };
    if let Some(crash) = &shared.script.crash
        && crash.at_request.is_some_and(|at| number >= at)
    {
        shared.ender.crash(crash.code, &crash.stderr);
        std::future::pending::<()>().await;
    }
    if shared.hangs(number) {
        record(&shared, number, (&method, request.uri(), request.headers()), None);
        std::future::pending::<()>().await;
    }
    let response = handle(&shared, request, number).await?;
    passage.status = response.status().as_u16();
    let took = arrived.elapsed();
    let address = peer.ip().to_string();
    log::access(&shared, passage.status, took, &address, [method.as_str(), &path]);
    if method == Method::HEAD {
        passage.ended = "complete";
    }
    Ok(response.map(|body| body.recorded(passage)))
}

/// One line of the record for a request that arrived; its body is missing where it is not read.
fn record(
    shared: &Shared,
    number: u64,
    what: (&Method, &hyper::Uri, &HeaderMap),
    body: Option<&Bytes>,
) {
    if !shared.recorder.wanted() {
        return;
    }
    let (method, uri, fields) = what;
    let mut line = json!({
        "event": "request",
        "n": number,
        "method": method.as_str(),
        "path": uri.path(),
        "query": uri.query(),
        "headers": headers(fields),
        "body_bytes": body.map(Bytes::len),
    });
    if let Some(body) = body.filter(|_| shared.script.log_bodies) {
        line["body"] = match serde_json::from_slice::<Value>(body) {
            Ok(body) => body,
            Err(_) => String::from_utf8_lossy(body).into(),
        };
    }
    shared.recorder.write(line);
}

async fn handle(shared: &Arc<Shared>, request: Request, number: u64) -> Result<Response, Broken> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if path.starts_with("/api/blobs/") && method == Method::POST && !shared.script.foreign {
        record(shared, number, (&method, request.uri(), request.headers()), None);
        return Ok(blob(shared, &path, request, number).await);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Err(Broken) };
    let body = body.to_bytes();
    record(shared, number, (&method, &parts.uri, &parts.headers), Some(&body));
    if shared.script.foreign {
        return Ok(foreign(&path));
    }
    let allowed = match guard::check(shared, &method, &parts.headers) {
        Checked::Pass(allowed) => allowed,
        Checked::Answer(mut response) => {
            // Which methods a path has is known before who asks is looked at.
            let others = methods_of(&path).filter(|methods| !has(methods, &method));
            go::header(&mut response, "allow", others.unwrap_or_default());
            return Ok(*response);
        }
    };
    let mut response = match routed(shared, &method, &path, &parts.headers, &body).await {
        Ok(response) => response,
        Err(None) => return Err(Broken),
        Err(Some(refusal)) => refusal.native(),
    };
    if let Some(origin) = allowed {
        go::header(&mut response, "access-control-allow-origin", &origin);
        go::header(&mut response, "vary", "Origin");
    }
    Ok(response)
}

fn headers(from: &HeaderMap) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in from {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match headers.get(name.as_str()).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        headers.insert(name.as_str().to_owned(), joined.into());
    }
    headers
}

async fn blob(shared: &Arc<Shared>, path: &str, request: Request, number: u64) -> Response {
    let allowed = match guard::check(shared, request.method(), request.headers()) {
        Checked::Pass(allowed) => allowed,
        Checked::Answer(response) => return *response,
    };
    let mut came = 0;
    let digest = path.trim_start_matches("/api/blobs/");
    let mut response = manage::post_blob(shared, digest, request, &mut came).await;
    shared.recorder.write(json!({"event": "body", "n": number, "body_bytes": came}));
    if let Some(origin) = allowed {
        go::header(&mut response, "access-control-allow-origin", &origin);
    }
    response
}

/// What another program says that happens to listen on the port.
fn foreign(path: &str) -> Response {
    if path == "/" {
        let page = "<!doctype html><title>Another program</title><p>This is another program.";
        return go::bytes(200, "text/html; charset=utf-8", page.as_bytes().to_vec());
    }
    go::json(404, &json!({"message": "Not Found", "status": 404}))
}

/// The route, or `None` as an error where the connection is to be closed.
async fn routed(
    shared: &Arc<Shared>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Option<Refusal>> {
    let plain = |status: u16, text: &str| go::bytes(status, "text/plain", text.as_bytes().to_vec());
    let missing = shared.script.missing_routes.iter().any(|one| one == path);
    let Some(methods) = methods_of(path).filter(|_| !missing) else {
        let trimmed = path.trim_end_matches('/');
        if !missing && trimmed.len() + 1 == path.len() && methods_of(trimmed).is_some() {
            let mut response = if method == Method::GET {
                let page = format!("<a href=\"{trimmed}\">Moved Permanently</a>.\n\n");
                go::bytes(301, "text/html; charset=utf-8", page.into_bytes())
            } else {
                go::empty(307)
            };
            go::header(&mut response, "location", trimmed);
            return Ok(response);
        }
        return Ok(plain(404, "404 page not found"));
    };
    if !has(methods, method) {
        let mut response = plain(405, "405 method not allowed");
        go::header(&mut response, "allow", methods);
        return Ok(response);
    }
    let fault = fault(shared, path, body);
    match fault {
        None => {}
        Some(FaultKind::Close) => return Err(None),
        Some(FaultKind::Hang) => std::future::pending().await,
        Some(ref fault) => {
            if let Some(response) = refused(path, fault) {
                return Ok(response);
            }
        }
    }
    dispatch(shared, method, path, headers, body, fault).await.map_err(Some)
}

fn has(methods: &str, method: &Method) -> bool {
    methods.split(", ").any(|one| one == method.as_str())
}

fn methods_of(path: &str) -> Option<&'static str> {
    let fits = |route: &str| match route.strip_suffix('*') {
        None => route == path,
        Some(start) => {
            path.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        }
    };
    ROUTES.iter().find(|(route, _)| fits(route)).map(|(_, methods)| *methods)
}

/// The fault that is due for this request.
fn fault(shared: &Shared, path: &str, body: &Bytes) -> Option<FaultKind> {
    for (fault, seen) in shared.script.faults.iter().zip(&shared.faults) {
        let here = match &fault.route {
            Some(route) => route == path,
            None => INFERENCE.contains(&path),
        };
        let model = || {
            let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
            body["model"].as_str().or(body["name"].as_str()).map(str::to_owned)
        };
        if !here || (fault.model.is_some() && fault.model != model()) {
            continue;
        }
        let before = seen.fetch_add(1, Ordering::Relaxed);
        let until = fault.times.map_or(u64::MAX, |times| fault.skip.saturating_add(times));
        if (fault.skip..until).contains(&before) {
            return Some(fault.then.clone());
        }
    }
    None
}

/// The answer to a request that is refused, in the dialect of its route.
fn refused(path: &str, fault: &FaultKind) -> Option<Response> {
    let refusal = match fault {
        FaultKind::QueueFull => {
            Refusal::new(503, "server busy, please try again.  maximum pending requests exceeded")
        }
        // These two come from what passes on to the cloud, in the native shape on every route.
        FaultKind::Unauthorized => return Some(cloud::unauthorized().native()),
        FaultKind::CloudDisabled => {
            let message = "ollama cloud is disabled: remote model is unavailable";
            return Some(Refusal::new(403, message).native());
        }
        FaultKind::Refuse { status, message } => Refusal::new(*status, message.clone()),
        FaultKind::Raw { status, content_type, body } => {
            return Some(go::bytes(*status, content_type, body.clone().into_bytes()));
        }
        _ => return None,
    };
    Some(match path {
        "/v1/messages" => messages::Messages::new("", 0).refusal(&refusal),
        path if path.starts_with("/v1/") => compat::refusal(&refusal),
        _ => refusal.native(),
    })
}

async fn dispatch(
    shared: &Arc<Shared>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
    fault: Option<FaultKind>,
) -> Result<Response, Refusal> {
    let version = || go::json(200, &json!({"version": shared.script.version}));
    Ok(match path {
        "/" => go::bytes(200, "text/plain; charset=utf-8", b"Ollama is running".to_vec()),
        "/api/version" => version(),
        "/api/status" => cloud::status(shared),
        "/api/pull" => pull::pull(shared, body).await?,
        "/api/push" => pull::push(shared, body)?,
        "/api/tags" => manage::tags(shared),
        "/api/show" => {
            let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
            manage::show(shared, body, agent.unwrap_or_default())?
        }
        "/api/delete" => manage::delete(shared, body)?,
        "/api/me" => cloud::me(shared),
        "/api/signout" => cloud::sign_out(shared),
        "/api/create" => manage::create(shared, body)?,
        "/api/copy" => manage::copy(shared, body)?,
        "/api/experimental/web_search" => cloud::web(shared, body, "search"),
        "/api/experimental/web_fetch" => cloud::web(shared, body, "fetch"),
        "/api/experimental/model-recommendations" => cloud::recommendations(shared),
        "/api/ps" => go::json(200, &loaded::ps(shared)),
        "/api/embed" => embed::embed(shared, body).await?,
        "/api/embeddings" => embed::embeddings(shared, body).await?,
        "/v1/embeddings" => embed::openai(shared, body).await,
        "/v1/models" => manage::openai_list(shared),
        "/v1/audio/transcriptions" => {
            let message = "failed to parse multipart form: request Content-Type isn't \
                multipart/form-data";
            compat::early(&Refusal::new(400, message))
        }
        "/api/generate" => {
            let ask = native::generate(body)?;
            let dialect = Box::new(Native::new(&ask.model, false));
            infer(shared, ask, dialect, fault).await
        }
        "/api/chat" => {
            let ask = native::chat(body)?;
            let dialect = Box::new(Native::new(&ask.model, true));
            infer(shared, ask, dialect, fault).await
        }
        "/v1/chat/completions" | "/v1/completions" => {
            let chat = path == "/v1/chat/completions";
            match if chat { compat::chat(body) } else { compat::text(body) } {
                Ok((ask, usage)) => {
                    let dialect = Box::new(compat::OpenAi::new(&ask.model, chat, usage));
                    infer(shared, ask, dialect, fault).await
                }
                Err(refusal) => compat::early(&refusal),
            }
        }
        "/v1/responses" => match responses::read(body) {
            Ok((ask, request)) => {
                let dialect = Box::new(responses::Responses::new(&ask.model, request));
                infer(shared, ask, dialect, fault).await
            }
            Err(refusal) => compat::early(&refusal),
        },
        "/v1/messages" => match messages::read(body) {
            Ok(ask) => {
                let dialect = Box::new(messages::Messages::new(&ask.model, ask.length));
                infer(shared, ask, dialect, fault).await
            }
            Err(refusal) => messages::early(&refusal),
        },
        path => match path.rsplit_once('/') {
            Some(("/api/user/keys", _)) => cloud::sign_out(shared),
            Some(("/api/blobs", digest)) if method == Method::HEAD => {
                manage::head_blob(shared, digest)
            }
            Some(("/v1/models", name)) => manage::openai_one(shared, name),
            _ => go::empty(404),
        },
    })
}
