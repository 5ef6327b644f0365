//! Pulls and pushes. What has come of a layer lies in the models folder, so a pull that broke off
//! goes on where it was, whether the server was started anew or not.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::body::{Answer, Piece, Response, What};
use crate::go::{self, Refusal};
use crate::manage::{catalog, named, progress};
use crate::models::{Name, digest_of};
use crate::script::{Model, PullFault};
use crate::server::{Blob, Shared};

/// A layer on its way.
struct Layer {
    digest: String,
    total: u64,
    completed: u64,
    /// It was there before: one line says so.
    known: bool,
}

impl Layer {
    fn progress(&self) -> Value {
        let mut line = json!({
            "status": format!("pulling {}", &self.digest[..12]),
            "digest": format!("sha256:{}", self.digest),
            "total": self.total,
        });
        if self.completed > 0 {
            line["completed"] = self.completed.into();
        }
        line
    }
}

/// A pull under way.
struct Pulling {
    shared: Arc<Shared>,
    model: Model,
    layers: Vec<Layer>,
    at: usize,
    phase: Phase,
    last: Instant,
    /// Bytes that were paid for and not yet counted, in parts of a byte.
    owed: f64,
}

#[derive(PartialEq)]
enum Phase {
    Manifest,
    Layers,
    Verify,
    Write,
    Success,
    Over,
}

/// `/api/pull`.
pub(crate) async fn pull(shared: &Arc<Shared>, body: &[u8]) -> Result<Response, Refusal> {
    let object = go::object(body, "PullRequest")?;
    let asked = named(&object);
    let wrong = || Refusal::new(400, "invalid model name");
    let name = Name::parse(asked).ok_or_else(wrong)?;
    let stream = object.get("stream") != Some(&Value::Bool(false));
    let known =
        |model: &&Model| Name::parse(&model.name).is_some_and(|one| one.short == name.short);
    let in_library = shared.script.library.iter().find(known).cloned();
    let found = in_library.or_else(|| catalog(shared).find(&name).cloned());
    let wait = Duration::from_millis(shared.script.pull.manifest_ms);
    let Some(mut model) = found else {
        tokio::time::sleep(wait).await;
        let message = if shared.script.cloud.online {
            "pull model manifest: file does not exist".to_owned()
        } else {
            format!(
                "pull model manifest: Get \"https://registry.ollama.ai/v2/{}\": dial tcp: lookup \
                registry.ollama.ai: no such host",
                name.full()
            )
        };
        let lines = vec![json!({"status": "pulling manifest"}), json!({"error": message})];
        return Ok(progress(shared, lines, stream));
    };
    model.name = name.short;
    let mut pulling = Pulling::new(shared, model);
    if stream {
        let pieces = std::iter::from_fn(move || pulling.next());
        let mut response = Response::new(Answer::paced(Box::new(pieces), shared.ender.clone()));
        go::header(&mut response, "content-type", "application/x-ndjson");
        return Ok(response);
    }
    let mut last = Value::Null;
    while let Some(piece) = pulling.next() {
        tokio::time::sleep(piece.wait).await;
        match piece.what {
            What::Bytes(bytes) => last = serde_json::from_slice(&bytes).unwrap_or_default(),
            What::Crash(code, stderr) => {
                shared.ender.crash(code, &stderr);
                std::future::pending().await
            }
            What::Hang => std::future::pending().await,
            What::Cut => last = json!({"error": "unexpected EOF"}),
        }
    }
    Ok(progress(shared, vec![last], false))
}

impl Pulling {
    fn new(shared: &Arc<Shared>, model: Model) -> Pulling {
        let folder = catalog(shared).blobs_folder();
        let sizes = if model.layers.is_empty() { vec![model.size] } else { model.layers.clone() };
        let layers = sizes.iter().enumerate().map(|(index, total)| {
            let digest = digest_of(&format!("{} layer {index} {total}", model.name));
            let known = is_known(shared, folder.as_deref(), &digest);
            let completed = match (known, &folder) {
                (true, _) => *total,
                (false, Some(folder)) => completed(folder, &digest).min(*total),
                (false, None) => in_memory(shared, &digest).min(*total),
            };
            Layer { digest, total: *total, completed, known }
        });
        Pulling {
            shared: Arc::clone(shared),
            layers: layers.collect(),
            model,
            at: 0,
            phase: Phase::Manifest,
            last: Instant::now(),
            owed: 0.0,
        }
    }

    fn next(&mut self) -> Option<Piece> {
        let settings = &self.shared.script.pull;
        let said = |text: &str| Piece::now(format!("{}\n", json!({ "status": text })).into_bytes());
        match self.phase {
            Phase::Manifest => {
                self.phase = Phase::Layers;
                let mut piece = said("pulling manifest");
                piece.wait = Duration::from_millis(settings.manifest_ms);
                Some(piece)
            }
            Phase::Layers => Some(self.layer()),
            Phase::Verify => {
                self.phase = Phase::Write;
                Some(said("verifying sha256 digest"))
            }
            Phase::Write => {
                self.phase = Phase::Success;
                Some(said("writing manifest"))
            }
            Phase::Success => {
                self.phase = Phase::Over;
                let mut model = self.model.clone();
                model.modified_at.clear();
                match catalog(&self.shared).add(model) {
                    Ok(()) => Some(said("success")),
                    Err(error) => Some(self.error(&error.to_string())),
                }
            }
            Phase::Over => None,
        }
    }

    fn error(&self, message: &str) -> Piece {
        Piece::now(format!("{}\n", json!({ "error": message })).into_bytes())
    }

    /// The next line of the layers: one step further, or the fault that is due.
    fn layer(&mut self) -> Piece {
        let settings = self.shared.script.pull.clone();
        let open = |layer: &Layer| layer.completed < layer.total || layer.known;
        let Some(at) = self.turn(settings.together) else {
            self.phase = Phase::Verify;
            return match self.next() {
                Some(piece) => piece,
                None => self.error("unexpected EOF"),
            };
        };
        if self.layers[at].known {
            self.layers[at].known = false;
            return Piece::now(format!("{}\n", self.layers[at].progress()).into_bytes());
        }
        let interval = Duration::from_millis(settings.interval_ms.max(1));
        let wait = if settings.bytes_per_second == 0 { Duration::ZERO } else { interval };
        let among =
            if settings.together { self.layers.iter().filter(|one| open(one)).count() } else { 1 };
        let mut step = match settings.bytes_per_second {
            // Without a rate a layer comes in four steps.
            0 => self.layers[at].total.div_ceil(4).max(1),
            rate => {
                self.owed += rate as f64 * interval.as_secs_f64() / among.max(1) as f64;
                let whole = self.owed.floor();
                self.owed -= whole;
                whole as u64
            }
        };
        let before: u64 = self.layers.iter().map(|layer| layer.completed).sum();
        let fail = settings.fail.as_ref().filter(|fail| before < fail.at_bytes);
        if let Some(fail) = fail {
            step = step.min(fail.at_bytes - before);
        }
        let layer = &mut self.layers[at];
        layer.completed = (layer.completed + step).min(layer.total);
        if let Err(error) = keep(&self.shared, &self.layers[at]) {
            self.phase = Phase::Over;
            return self.error(&error.to_string());
        }
        let after: u64 = self.layers.iter().map(|layer| layer.completed).sum();
        if let Some(fail) = fail.filter(|fail| after >= fail.at_bytes) {
            self.phase = Phase::Over;
            let mut piece = self.failed(at, fail.kind, fail.message.as_deref());
            piece.wait = wait;
            return piece;
        }
        let line = format!("{}\n", self.layers[at].progress()).into_bytes();
        self.last = Instant::now();
        Piece { wait, what: What::Bytes(line) }
    }

    /// Whose turn it is: the first that is not whole, or the one that has least.
    fn turn(&mut self, together: bool) -> Option<usize> {
        let open = |layer: &Layer| layer.completed < layer.total || layer.known;
        let ids = (0..self.layers.len()).filter(|at| open(&self.layers[*at]));
        if !together {
            return ids.min();
        }
        let ids: Vec<usize> = ids.collect();
        self.at += 1;
        ids.get(self.at % ids.len().max(1)).copied()
    }

    fn failed(&self, at: usize, kind: PullFault, message: Option<&str>) -> Piece {
        let digest = &self.layers[at].digest;
        let said = |default: String| message.map_or(default, str::to_owned);
        let what = match kind {
            PullFault::Error => {
                let default = "read tcp 127.0.0.1:1->127.0.0.1:443: read: connection reset by peer";
                return self.error(&said(default.to_owned()));
            }
            PullFault::DiskFull => {
                let path = file(&self.folder(), digest, "-partial");
                let default = format!("write {}: no space left on device", path.display());
                return self.error(&said(default));
            }
            PullFault::DigestMismatch => {
                forget(&self.shared, digest);
                return self.error(&said(format!(
                    "digest mismatch, file must be downloaded again: want sha256:{digest}, got \
                    sha256:{}",
                    digest_of(digest)
                )));
            }
            PullFault::Cut => What::Cut,
            PullFault::Hang => What::Hang,
            PullFault::Crash => What::Crash(2, said(String::new())),
        };
        Piece { wait: Duration::ZERO, what }
    }

    fn folder(&self) -> PathBuf {
        catalog(&self.shared).blobs_folder().unwrap_or_default()
    }
}

fn file(folder: &Path, digest: &str, end: &str) -> PathBuf {
    folder.join(format!("sha256-{digest}{end}"))
}

fn is_known(shared: &Shared, folder: Option<&Path>, digest: &str) -> bool {
    folder.is_some_and(|folder| file(folder, digest, "").exists())
        || shared.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
}

fn in_memory(shared: &Shared, digest: &str) -> u64 {
    let partial = shared.partial.lock().unwrap_or_else(PoisonError::into_inner);
    partial.get(digest).copied().unwrap_or_default()
}

/// How much of a layer is there, as its part file says.
fn completed(folder: &Path, digest: &str) -> u64 {
    let mut text = String::new();
    let read = File::open(file(folder, digest, "-partial-0"))
        .and_then(|mut part| part.read_to_string(&mut text));
    if read.is_err() {
        return 0;
    }
    let part: Value = serde_json::from_str(&text).unwrap_or_default();
    part["Completed"].as_u64().unwrap_or_default()
}

/// Keeps what has come: a file as long as the layer with nothing in it, and a part file beside it
/// that says how much of it counts.
fn keep(shared: &Shared, layer: &Layer) -> io::Result<()> {
    let whole = layer.completed >= layer.total;
    let Some(folder) = catalog(shared).blobs_folder() else {
        let mut partial = shared.partial.lock().unwrap_or_else(PoisonError::into_inner);
        partial.insert(layer.digest.clone(), layer.completed);
        if whole {
            let mut blobs = shared.blobs.lock().unwrap_or_else(PoisonError::into_inner);
            blobs.insert(layer.digest.clone(), Blob { size: layer.total, ..Blob::default() });
        }
        return Ok(());
    };
    let partial = file(&folder, &layer.digest, "-partial");
    let part = file(&folder, &layer.digest, "-partial-0");
    if !partial.exists() {
        File::create(&partial)?.set_len(layer.total)?;
    }
    if whole {
        fs::rename(partial, file(&folder, &layer.digest, ""))?;
        if part.exists() {
            fs::remove_file(part)?;
        }
        return Ok(());
    }
    let text = json!({
        "N": 0, "Offset": 0, "Size": layer.total, "Completed": layer.completed,
    });
    File::create(part)?.write_all(text.to_string().as_bytes())
}

/// Throws away what has come of a layer.
fn forget(shared: &Shared, digest: &str) {
    shared.partial.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    shared.blobs.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    if let Some(folder) = catalog(shared).blobs_folder() {
        for end in ["", "-partial", "-partial-0"] {
            // What is not there needs no removing.
            let _ = fs::remove_file(file(&folder, digest, end));
        }
    }
}

/// `/api/push`.
pub(crate) fn push(shared: &Shared, body: &[u8]) -> Result<Response, Refusal> {
    let object = go::object(body, "PushRequest")?;
    let asked = named(&object);
    if asked.is_empty() {
        return Err(Refusal::new(400, "model is required"));
    }
    let stream = object.get("stream") != Some(&Value::Bool(false));
    let status = |text: &str| json!({ "status": text });
    let mut lines = vec![status("retrieving manifest")];
    let name = Name::parse(asked);
    let model = name.and_then(|name| catalog(shared).find(&name).cloned());
    match model {
        None => {
            lines.push(status("couldn't retrieve manifest"));
            let message = format!("open manifests/{asked}: no such file or directory");
            lines.push(json!({ "error": message }));
        }
        Some(model) if shared.script.push && shared.script.cloud.online => {
            for completed in [0, model.size / 2, model.size] {
                let mut line = json!({
                    "status": format!("pushing {}", &model.digest[..12]),
                    "digest": format!("sha256:{}", model.digest),
                    "total": model.size,
                });
                if completed > 0 {
                    line["completed"] = completed.into();
                }
                lines.push(line);
            }
            lines.push(status("pushing manifest"));
            lines.push(status("success"));
        }
        Some(model) => {
            let message = format!(
                "Head \"https://registry.ollama.ai/v2/library/{}/blobs/sha256:{}\": dial tcp: \
                lookup registry.ollama.ai: no such host",
                model.name, model.digest
            );
            lines.push(json!({ "error": message }));
        }
    }
    Ok(progress(shared, lines, stream))
}
