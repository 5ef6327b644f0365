//! Models that are loaded: how they come, how long they stay, and the children that stand for
//! `llama-server`.

use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::clock;
use crate::environment::KeepAlive;
use crate::go::Refusal;
use crate::log;
use crate::script::{Model, Runner};
use crate::server::Shared;

/// What is as far away as Go's longest duration.
const FOREVER: Duration = Duration::from_nanos(i64::MAX as u64);
/// What makes a model load anew when it changes.
const RELOADING: [&str; 6] =
    ["num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread"];
/// Beyond this many requests under way, each waits for its place.
const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";

/// The models that are loaded.
#[derive(Default)]
pub(crate) struct Loading {
    /// One load at a time.
    turn: tokio::sync::Mutex<()>,
    loaded: Mutex<Vec<Loaded>>,
    freed: Notify,
    lone: Mutex<Option<Child>>,
}

struct Loaded {
    model: Model,
    num_ctx: u64,
    options: Map<String, Value>,
    busy: usize,
    keep_alive: KeepAlive,
    /// Since when nobody uses it.
    idle: Instant,
    expires_at: SystemTime,
    slots: Arc<Semaphore>,
    child: Option<Child>,
}

impl Loaded {
    fn expired(&self) -> bool {
        match self.keep_alive {
            KeepAlive::For(duration) => self.busy == 0 && self.idle.elapsed() >= duration,
            KeepAlive::Forever => false,
        }
    }

    fn touch(&mut self) {
        self.idle = Instant::now();
        let stay = match self.keep_alive {
            KeepAlive::For(duration) => duration.min(FOREVER),
            KeepAlive::Forever => FOREVER,
        };
        self.expires_at = SystemTime::now() + stay;
    }

    fn end(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The use of a loaded model, for one request.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    name: String,
    _slot: OwnedSemaphorePermit,
    pub(crate) load: Duration,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut loaded = lock(&self.shared.loading);
        if let Some(one) = loaded.iter_mut().find(|one| one.model.name == self.name) {
            one.busy = one.busy.saturating_sub(1);
            one.touch();
        }
        drop(loaded);
        expire(&self.shared);
        self.shared.loading.freed.notify_waiters();
    }
}

fn lock(loading: &Loading) -> MutexGuard<'_, Vec<Loaded>> {
    loading.loaded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The `keep_alive` of a request.
pub(crate) fn keep_alive(value: Option<&Value>) -> Result<Option<KeepAlive>, Refusal> {
    let read = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(seconds)) => {
            let seconds = seconds.as_f64().unwrap_or_default();
            (seconds < 0.0, Duration::try_from_secs_f64(seconds).unwrap_or_default())
        }
        Some(Value::String(text)) => clock::go_duration(text).ok_or_else(|| {
            let reason = if text.ends_with(|c: char| c.is_ascii_digit()) {
                "missing unit in duration"
            } else {
                "invalid duration"
            };
            Refusal::new(400, format!("time: {reason} {text:?}"))
        })?,
        Some(other) => {
            let kind = if other.is_boolean() { "bool" } else { "object" };
            return Err(Refusal::new(400, format!("Unsupported type: '{kind}'")));
        }
    };
    Ok(Some(match read {
        (true, _) => KeepAlive::Forever,
        (false, duration) => KeepAlive::For(duration),
    }))
}

/// The context a model has when loaded with these options.
pub(crate) fn num_ctx(shared: &Shared, model: &Model, options: &Map<String, Value>) -> u64 {
    let own = model.parameters.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("num_ctx")).then(|| words.next()?.parse().ok())?
    });
    let asked = options.get("num_ctx").and_then(Value::as_u64).filter(|asked| *asked > 0).or(own);
    let default = match shared.environment.context_length {
        0 => log::default_context(shared),
        set => set,
    };
    asked.unwrap_or(default)
}

/// Loads a model where it is not loaded and takes a place in it.
pub(crate) async fn schedule(
    shared: &Arc<Shared>,
    model: &Model,
    options: &Map<String, Value>,
    keep_alive: Option<KeepAlive>,
) -> Result<Lease, Refusal> {
    let began = Instant::now();
    if let Some(error) = &model.load_error {
        return Err(Refusal::new(500, error.clone()));
    }
    let waiting = Waiting::new(shared)?;
    let turn = shared.loading.turn.lock().await;
    let slots = place(shared, model, options, keep_alive).await;
    drop(turn);
    // From here on the model is held: the lease lets go of it, whatever becomes of the wait.
    let held = Held { shared, name: &model.name, done: false };
    let Ok(slot) = slots.acquire_owned().await else {
        return Err(Refusal::new(499, "request canceled"));
    };
    drop(waiting);
    let name = held.keep();
    Ok(Lease { shared: Arc::clone(shared), name, _slot: slot, load: began.elapsed() })
}

/// A request that waits, counted.
struct Waiting<'a>(&'a Shared);

impl Waiting<'_> {
    fn new(shared: &Shared) -> Result<Waiting<'_>, Refusal> {
        let before = shared.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(shared);
        if before > shared.environment.max_queue {
            return Err(Refusal::new(503, BUSY));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A model that counts as used until it becomes a lease or is given up.
struct Held<'a> {
    shared: &'a Shared,
    name: &'a str,
    done: bool,
}

impl Held<'_> {
    fn keep(mut self) -> String {
        self.done = true;
        self.name.to_owned()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.done
            && let Some(one) =
                lock(&self.shared.loading).iter_mut().find(|one| one.model.name == self.name)
        {
            one.busy = one.busy.saturating_sub(1);
            one.touch();
        }
    }
}

/// Finds the model loaded, or loads it. What must go first is waited for.
async fn place(
    shared: &Arc<Shared>,
    model: &Model,
    options: &Map<String, Value>,
    keep_alive: Option<KeepAlive>,
) -> Arc<Semaphore> {
    let mut key = options.clone();
    key.retain(|name, _| RELOADING.contains(&name.as_str()));
    let asked = num_ctx(shared, model, options);
    let too_large =
        (model.context_length > 0 && asked > model.context_length).then_some(model.context_length);
    let context = too_large.unwrap_or(asked);
    key.insert("num_ctx".to_owned(), context.into());
    let mut reload = false;
    loop {
        let freed = shared.loading.freed.notified();
        {
            let mut loaded = lock(&shared.loading);
            if let Some(at) = loaded.iter().position(|one| one.model.name == model.name) {
                let one = &mut loaded[at];
                if one.options == key {
                    one.busy += 1;
                    one.keep_alive = keep_alive.unwrap_or(one.keep_alive);
                    return Arc::clone(&one.slots);
                }
                reload = true;
                if one.busy == 0 {
                    loaded.remove(at).end();
                    break;
                }
            } else if loaded.len() < most(shared) {
                break;
            } else if let Some(at) = longest_idle(&loaded) {
                loaded.remove(at).end();
                break;
            }
        }
        freed.await;
    }
    log::loading(shared, &model.name, asked, too_large);
    shared.recorder.write(serde_json::json!({
        "event": "load", "model": model.name, "num_ctx": context, "reload": reload,
    }));
    let child = match shared.script.runner {
        Runner::OnLoad => start_runner(shared, &model.name),
        Runner::None | Runner::AtStart => None,
    };
    let slots = Arc::new(Semaphore::new(shared.environment.num_parallel));
    let took = Duration::from_millis(shared.script.delays.load_ms);
    let mut one = Loaded {
        model: model.clone(),
        num_ctx: context,
        options: key,
        busy: 1,
        keep_alive: keep_alive.unwrap_or(shared.environment.keep_alive),
        idle: Instant::now(),
        expires_at: SystemTime::now(),
        slots: Arc::clone(&slots),
        child,
    };
    one.touch();
    if !took.is_zero() {
        tokio::time::sleep(took).await;
    }
    log::loaded(shared, took);
    lock(&shared.loading).push(one);
    slots
}

fn most(shared: &Shared) -> usize {
    match shared.environment.max_loaded_models {
        0 => 3 * shared.script.devices.len().max(1),
        most => most,
    }
}

fn longest_idle(loaded: &[Loaded]) -> Option<usize> {
    let idle = loaded.iter().enumerate().filter(|(_, one)| one.busy == 0);
    idle.min_by_key(|(_, one)| one.idle).map(|(at, _)| at)
}

/// Unloads one model, at once where nobody uses it and otherwise after that.
pub(crate) fn unload(shared: &Shared, name: &str) {
    for one in lock(&shared.loading).iter_mut().filter(|one| one.model.name == name) {
        one.keep_alive = KeepAlive::For(Duration::ZERO);
    }
    expire(shared);
}

/// Unloads what has outstayed its time.
pub(crate) fn expire(shared: &Shared) {
    let mut loaded = lock(&shared.loading);
    let mut at = 0;
    while at < loaded.len() {
        if loaded[at].expired() {
            let mut one = loaded.remove(at);
            one.end();
            shared.recorder.write(serde_json::json!({"event": "unload", "model": one.model.name}));
        } else {
            at += 1;
        }
    }
}

/// Unloads everything, whoever uses it.
pub(crate) fn unload_all(shared: &Shared) {
    for mut one in lock(&shared.loading).drain(..) {
        one.end();
    }
    let lone = shared.loading.lone.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut child) = lone {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Forgets the children, which go on, as those of a crashed Ollama do.
pub(crate) fn abandon_all(shared: &Shared) {
    lock(&shared.loading).clear();
}

/// Starts one child that belongs to no model.
pub(crate) fn start_lone_runner(shared: &Shared) {
    let child = start_runner(shared, "lone");
    *shared.loading.lone.lock().unwrap_or_else(PoisonError::into_inner) = child;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a child nobody looks after is what the tests of the supervisor need"
)]
fn start_runner(shared: &Shared, model: &str) -> Option<Child> {
    let program = shared.runner_program.as_ref()?;
    let child = std::process::Command::new(program)
        .args(["runner", "--model", model])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let line = serde_json::json!({"event": "runner", "pid": child.id(), "model": model});
    shared.recorder.write(line);
    Some(child)
}

/// `/api/ps`.
pub(crate) fn ps(shared: &Shared) -> Value {
    expire(shared);
    let mut models = Vec::new();
    let loaded = lock(&shared.loading);
    let mut order: Vec<&Loaded> = loaded.iter().collect();
    order.sort_by_key(|one| std::cmp::Reverse(one.expires_at));
    let processor_only = shared.script.devices.iter().all(|device| device.dropped);
    for one in order {
        let model = &one.model;
        let size = model.size_vram.unwrap_or(model.size).max(model.size);
        let size_vram = if processor_only { 0 } else { model.size_vram.unwrap_or(size) };
        models.push(serde_json::json!({
            "name": model.name,
            "model": model.name,
            "size": size,
            "digest": model.digest,
            "details": crate::manage::details(model, false),
            "expires_at": clock::rfc3339(one.expires_at),
            "size_vram": size_vram,
            "context_length": one.num_ctx,
        }));
    }
    serde_json::json!({ "models": models })
}
