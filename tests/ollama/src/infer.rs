//! Inference, whatever the dialect: what is checked, in which order, and how the reply goes out.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::body::{Answer, Piece, Response, What};
use crate::chat::{Ask, Chunk, Done, Step, Steps};
use crate::environment::KeepAlive;
use crate::go::{self, Refusal};
use crate::loaded::{self, Lease};
use crate::models::{Name, is_cloud};
use crate::script::{Engine, FaultKind, Model, Turn};
use crate::server::Shared;

/// How a reply is written down.
pub(crate) trait Dialect: Send {
    /// The type of a stream.
    fn stream_type(&self) -> &'static str;
    /// The type of a reply in one.
    fn whole_type(&self) -> &'static str;
    /// One line of a stream.
    fn line(&mut self, chunk: &Chunk, out: &mut Vec<u8>);
    /// An error in the middle of a stream.
    fn error_line(&mut self, message: &str, out: &mut Vec<u8>);
    /// The reply in one.
    fn whole(&mut self, chunk: &Chunk, out: &mut Vec<u8>);
    /// A reply without figures: a model that was loaded or unloaded.
    fn bare(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.whole(chunk, out);
    }
    /// An error before anything was sent.
    fn refusal(&self, refusal: &Refusal) -> Response;
    /// What else stands in the head of a stream.
    fn stream_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

/// Answers a request for inference.
pub(crate) async fn infer(
    shared: &Arc<Shared>,
    ask: Ask,
    mut dialect: Box<dyn Dialect>,
    fault: Option<FaultKind>,
) -> Response {
    let streamed = dialect.stream_headers();
    let stream = ask.stream;
    let mut response = match reply(shared, ask, &mut dialect, fault).await {
        Ok(Reply::Whole(response)) => response,
        Ok(Reply::Stream(steps, lease)) => flowing(shared, steps, lease, dialect).await,
        Err(refusal) if refusal.passing => return refusal.native(),
        Err(refusal) => dialect.refusal(&refusal),
    };
    if stream {
        for (name, value) in streamed {
            go::header(&mut response, name, value);
        }
    }
    response
}

enum Reply {
    Whole(Response),
    Stream(Steps, Lease),
}

async fn reply(
    shared: &Arc<Shared>,
    mut ask: Ask,
    dialect: &mut Box<dyn Dialect>,
    fault: Option<FaultKind>,
) -> Result<Reply, Refusal> {
    let began = Instant::now();
    let keep_alive = loaded::keep_alive(ask.keep_alive.as_ref())?;
    let model = find(shared, &ask)?;
    let unloads = matches!(keep_alive, Some(KeepAlive::For(stay)) if stay.is_zero());
    if !ask.anything && unloads {
        loaded::unload(shared, &model.name);
        return Ok(Reply::Whole(bare(dialect, "unload")));
    }
    let thinks = check_capabilities(&mut ask, &model)?;
    let lease = loaded::schedule(shared, &model, &ask.options, keep_alive).await?;
    if !ask.anything {
        return Ok(Reply::Whole(bare(dialect, "load")));
    }
    let turns: &[Turn] = model.turns.as_deref().unwrap_or(&shared.script.turns);
    let engine: Engine = model.engine.unwrap_or(shared.script.engine);
    let steps =
        Steps::new(&shared.script, turns, engine, &ask, thinks, fault).loaded(began, lease.load);
    if ask.stream {
        return Ok(Reply::Stream(steps, lease));
    }
    let whole = gathered(shared, steps).await?;
    let mut out = Vec::new();
    dialect.whole(&whole, &mut out);
    Ok(Reply::Whole(go::bytes(200, dialect.whole_type(), out)))
}

fn bare(dialect: &mut Box<dyn Dialect>, reason: &str) -> Response {
    let done = Done { reason: reason.to_owned(), ..Done::default() };
    let mut out = Vec::new();
    dialect.bare(&Chunk { done: Some(done), ..Chunk::default() }, &mut out);
    go::bytes(200, dialect.whole_type(), out)
}

/// The model that is asked, or why there is none.
fn find(shared: &Shared, ask: &Ask) -> Result<Model, Refusal> {
    let not_found = || Refusal::new(404, format!("model '{}' not found", ask.model));
    if ask.model.is_empty() {
        return Err(if ask.chat { Refusal::new(400, "model is required") } else { not_found() });
    }
    if is_cloud(&ask.model) {
        return Err(crate::cloud::passing(shared, "remote model is unavailable"));
    }
    let Some(name) = Name::parse(&ask.model) else {
        return Err(if ask.chat { Refusal::new(400, "model is required") } else { not_found() });
    };
    let catalog = shared.catalog.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let model = catalog.find(&name).cloned().ok_or_else(not_found)?;
    drop(catalog);
    if !model.remote_host.is_empty() {
        return Err(crate::cloud::refusal(shared, "remote model is unavailable"));
    }
    Ok(model)
}

/// Whether the model thinks in this reply, or why it cannot do what is asked.
fn check_capabilities(ask: &mut Ask, model: &Model) -> Result<bool, Refusal> {
    let can = |what: &str| model.capabilities.iter().any(|one| one == what);
    let thinks = can("thinking");
    if !thinks && ask.think == Some(true) && !ask.relax_thinking {
        return Err(Refusal::new(400, format!("{:?} does not support thinking", ask.model)));
    }
    if !can("completion") {
        let what = if ask.chat { "chat" } else { "generate" };
        return Err(Refusal::new(400, format!("{:?} does not support {what}", ask.model)));
    }
    let full = Name::parse(&model.name).map_or_else(String::new, |name| name.full());
    let missing = [("tools", ask.tools), ("insert", ask.suffix)];
    for (what, wanted) in missing {
        if wanted && !can(what) {
            return Err(Refusal::new(400, format!("{full} does not support {what}")));
        }
    }
    Ok(thinks && ask.think != Some(false))
}

/// The reply in one: its parts put together.
async fn gathered(shared: &Shared, steps: Steps) -> Result<Chunk, Refusal> {
    let mut whole = Chunk::default();
    for (wait, step) in steps {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match step {
            Step::Chunk(chunk) => {
                whole.content.push_str(&chunk.content);
                whole.thinking.push_str(&chunk.thinking);
                whole.calls.extend(chunk.calls);
                whole.done = chunk.done;
            }
            Step::Error(message) => return Err(Refusal::new(500, message)),
            Step::Hang => std::future::pending().await,
            Step::Crash(code, stderr) => {
                shared.ender.crash(code, &stderr);
                std::future::pending().await
            }
            Step::Cut | Step::End => return Err(Refusal::new(500, "unexpected EOF")),
        }
    }
    Ok(whole)
}

/// The reply as a stream. Its head goes out with its first line, not before.
async fn flowing(
    shared: &Shared,
    mut steps: Steps,
    lease: Lease,
    mut dialect: Box<dyn Dialect>,
) -> Response {
    let content_type = dialect.stream_type();
    let first = steps.next();
    if let Some((wait, _)) = &first
        && !wait.is_zero()
    {
        tokio::time::sleep(*wait).await;
    }
    let first = match first {
        Some((_, Step::Error(message))) => return dialect.refusal(&Refusal::new(500, message)),
        Some((_, Step::Hang)) => std::future::pending().await,
        Some((_, Step::Crash(code, stderr))) => {
            shared.ender.crash(code, &stderr);
            std::future::pending().await
        }
        Some((_, step)) => Some((std::time::Duration::ZERO, step)),
        None => None,
    };
    let pieces = first.into_iter().chain(steps).filter_map(move |(wait, step)| {
        // The model is used for as long as its reply is read.
        let _used = &lease;
        let mut out = Vec::with_capacity(256);
        let what = match step {
            Step::Chunk(chunk) => {
                dialect.line(&chunk, &mut out);
                What::Bytes(out)
            }
            Step::Error(message) => {
                dialect.error_line(&message, &mut out);
                What::Bytes(out)
            }
            Step::Cut => What::Cut,
            Step::Hang => What::Hang,
            Step::Crash(code, stderr) => What::Crash(code, stderr),
            Step::End => return None,
        };
        let silent = matches!(&what, What::Bytes(out) if out.is_empty());
        (!silent).then_some(Piece { wait, what })
    });
    let mut response = Response::new(Answer::paced(Box::new(pieces), shared.ender.clone()));
    go::header(&mut response, "content-type", content_type);
    response
}

/// The body as an object, for the dialects that are not native.
pub(crate) fn lenient(
    body: &[u8],
    structure: &str,
) -> Result<serde_json::Map<String, Value>, Refusal> {
    go::object(body, structure).map_err(|mut refusal| {
        if body.is_empty() {
            refusal.message = "EOF".to_owned();
        }
        refusal
    })
}
