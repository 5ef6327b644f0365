//! What is known of models and of the computer they run on: which are installed, how each fits,
//! and what a load taught.
//!
//! Everything is asked for at the moment somebody wants to know it. What a model is made of does
//! not change while its digest stays, so that alone is kept in memory; what a load taught is kept
//! over a restart.

mod catalog;
mod computer;
mod fit;
mod learning;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_audit::Record;
use drawbridge_hardware::learn::Measurements;
use drawbridge_hardware::probe::{Computer, Probe};
use drawbridge_hardware::sizing::{Shape, Unknown};
use drawbridge_llm::api::{self, ApiError, Listed};
use drawbridge_llm::model_name;
use drawbridge_model::Problem;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::ollama::{Ollama, OllamaNow, loaded_view};
use crate::view::{CacheType, ComputerView, DiskView, InstalledModel, ModelFit};

pub(crate) use self::learning::learn;

/// A look at the computer counts for so long: free memory is another one a moment later.
const LOOK: Duration = Duration::from_secs(2);
/// The most shapes kept.
const MOST_SHAPES: usize = 1000;

/// What a model is made of, or why that cannot be told.
type Known = Result<Arc<Shape>, Unknown>;

/// A handle; all handles are the same shelf.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    ollama: Ollama,
    probe: Arc<Probe>,
    looked: Mutex<Option<(Instant, Arc<Computer>)>>,
    shapes: Mutex<HashMap<String, Known>>,
    measured: Mutex<Measurements>,
    memory_free: watch::Sender<Option<u64>>,
    record: Record,
    tasks: TaskTracker,
}

/// The model of a request for a fit.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Tokens of conversation; what Ollama would take where absent.
    pub(crate) context: Option<u32>,
    /// How exactly the conversation is kept; as Ollama is set where absent.
    pub(crate) cache: Option<CacheType>,
}

impl Wanted {
    /// As Ollama would load it now.
    pub(crate) const AS_SET: Self = Self { context: None, cache: None };
}

impl Shelf {
    /// A shelf with what was learned before the last end.
    pub(crate) async fn open(
        ollama: Ollama,
        record: Record,
        memory_free: watch::Sender<Option<u64>>,
        tasks: TaskTracker,
    ) -> Self {
        let measured = record.kept().measured().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what models were measured to take is not known any more");
            None
        });
        Self(Arc::new(Inner {
            ollama,
            probe: Arc::new(Probe::new()),
            looked: Mutex::default(),
            shapes: Mutex::default(),
            measured: Mutex::new(measured.unwrap_or_default()),
            memory_free,
            record,
            tasks,
        }))
    }

    /// What is in the computer now, as Ollama sees it where it has said so.
    pub(crate) async fn look(&self) -> Arc<Computer> {
        let computer = self.look_ourselves().await;
        // What Ollama says of cards counts from the moment it says so.
        match self.0.ollama.heard().devices.as_slice() {
            [] => computer,
            devices => Arc::new(computer.seen_by_ollama(devices).computer),
        }
    }

    async fn look_ourselves(&self) -> Arc<Computer> {
        let looked = || self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = looked().clone().filter(|(at, _)| at.elapsed() < LOOK);
        if let Some((_, fresh)) = fresh {
            return fresh;
        }
        let probe = Arc::clone(&self.0.probe);
        let computer = self.0.tasks.spawn_blocking(move || probe.computer()).await;
        let computer = Arc::new(computer.unwrap_or_default());
        *looked() = Some((Instant::now(), Arc::clone(&computer)));
        computer
    }

    /// The computer as the person sees it.
    pub(crate) async fn computer(&self) -> ComputerView {
        let computer = self.look().await;
        computer::view(&computer, self.disk().await, &self.0.ollama.now())
    }

    /// The disk that models are kept on.
    pub(crate) async fn disk(&self) -> Option<DiskView> {
        let folder = self.0.ollama.now().models_folder.clone()?;
        let probe = Arc::clone(&self.0.probe);
        let disk = self.0.tasks.spawn_blocking(move || probe.disk(&folder)).await.ok()?.ok()?;
        Some(DiskView {
            folder: disk.path.display().to_string(),
            total: disk.total,
            free: disk.free,
        })
    }

    /// The installed models, each with how it fits.
    pub(crate) async fn installed(&self) -> Result<Vec<InstalledModel>, Problem> {
        let now = self.0.ollama.now();
        let computer = self.look().await;
        let mut installed = Vec::new();
        for listed in self.listed(&now).await? {
            let known = self.shape(&listed).await;
            let cloud = model_name::is_cloud(&listed.name) || listed.remote_host.is_some();
            let fit = (!cloud).then(|| {
                let question = fit::Question {
                    name: &listed.name,
                    digest: Some(&listed.digest),
                    shape: known.as_ref().ok().map(AsRef::as_ref),
                    wanted: &Wanted::AS_SET,
                    purpose: fit::purpose_of(&listed.name, &listed.capabilities),
                    tools: listed.capabilities.iter().any(|one| one == "tools"),
                };
                self.fit(&question, &computer, &now)
            });
            installed.push(installed_view(listed, &now, cloud, fit));
        }
        installed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(installed)
    }

    async fn listed(&self, now: &OllamaNow) -> Result<Vec<Listed>, Problem> {
        if let Some(sentence) = now.unavailable() {
            return Err(Problem::new(sentence, ""));
        }
        let listed = self.0.ollama.api().tags().await;
        listed.map_err(|error| Problem::new("Ollama did not list its models.", error.to_string()))
    }

    /// How one model would fit: an installed one, or one of the catalog.
    pub(crate) async fn fit_of(&self, name: &str, wanted: &Wanted) -> Result<ModelFit, Problem> {
        let now = self.0.ollama.now();
        let computer = self.look().await;
        let listed = self.listed(&now).await.unwrap_or_default();
        if let Some(listed) = listed.iter().find(|listed| model_name::same(&listed.name, name)) {
            let known = self.shape(listed).await;
            let question = fit::Question {
                name,
                digest: Some(&listed.digest),
                shape: known.as_ref().ok().map(AsRef::as_ref),
                wanted,
                purpose: fit::purpose_of(&listed.name, &listed.capabilities),
                tools: listed.capabilities.iter().any(|one| one == "tools"),
            };
            return Ok(self.fit(&question, &computer, &now));
        }
        if let Some(entry) = drawbridge_hardware::catalog::entry(name) {
            return Ok(self.entry_fit(entry, wanted, &computer, &now));
        }
        let message = format!("There is no model named \"{name}\" any more.");
        Err(Problem::new(message, ""))
    }

    /// What an installed model is made of. Asked once for each digest.
    async fn shape(&self, listed: &Listed) -> Known {
        let kept = || self.0.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&listed.digest) {
            return known.clone();
        }
        let known = match self.ask_shape(&listed.name).await {
            Ok(known) => known,
            // It was not there to ask: another time it may be.
            Err(error) => {
                tracing::debug!(%error, model = %listed.name, "what it is made of is not known");
                return Err(Unknown::Missing("answer".to_owned()));
            }
        };
        let known = known.map(|shape| Arc::new(Shape { file: listed.size, ..shape })).inspect_err(
            |error| {
                tracing::debug!(%error, model = %listed.name, "its size cannot be told");
            },
        );
        let mut shapes = kept();
        if shapes.len() >= MOST_SHAPES {
            shapes.clear();
        }
        shapes.insert(listed.digest.clone(), known.clone());
        known
    }

    async fn ask_shape(&self, name: &str) -> Result<Result<Shape, Unknown>, ApiError> {
        let api = self.0.ollama.api();
        match Shape::from_show(&api.show(name, false).await?) {
            Err(Unknown::NeedsVerbose(_)) => Ok(Shape::from_show(&api.show(name, true).await?)),
            known => Ok(known),
        }
    }
}

fn installed_view(
    model: Listed,
    now: &OllamaNow,
    cloud: bool,
    fit: Option<ModelFit>,
) -> InstalledModel {
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    InstalledModel {
        loaded: now.loaded.iter().find(|loaded| loaded.name == model.name).map(loaded_view),
        cloud,
        name: model.name,
        size: model.size,
        modified_at: api::moment(&model.modified_at),
        parameters: said(model.details.parameter_size),
        quantization: said(model.details.quantization_level),
        capabilities: model.capabilities,
        fit,
    }
}
