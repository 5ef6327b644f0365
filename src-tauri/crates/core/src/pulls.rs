//! Downloads of models: one after another, over the end of the panel and of Drawbridge itself.
//!
//! One task owns them all. What is here of a model stays with Ollama, which goes on from there;
//! what is kept over a restart is which models are wanted, and which of them are paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drawbridge_audit::{KeptState, Note, Record};
use drawbridge_hardware::probe::Probe;
use drawbridge_llm::api::{ApiError, Ollama as Api};
use drawbridge_llm::model_name;
use drawbridge_llm::pull::{Progress, PullLine, Speed};
use drawbridge_model::{ActivityKind, ActivityOutcome, Problem, gigabytes};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bridge::PanelEvent;
use crate::ollama::OllamaNow;
use crate::view::{PullState, PullView, PullWait};

/// How often the panel is told how far downloads are.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// What has to stay free on the disk beside a model, in bytes: Ollama and the system write too.
const STAYS_FREE: u64 = 1 << 30;
/// Downloads kept at once, done ones included.
const MOST: usize = 50;
/// Tries after a connection that broke, and how long is waited before each.
const TRIES: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)];

/// What a person asks of downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Pull(String),
    Pause(String),
    Resume(String),
    Cancel(String),
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptPull {
    model: String,
    paused: bool,
    completed: u64,
    total: Option<u64>,
}

/// Whether downloads that were begun before the last end are to go on.
pub(crate) async fn are_kept(store: &KeptState) -> bool {
    // What cannot be read is rather kept.
    store
        .pulls::<Vec<KeptPull>>()
        .await
        .map_or(true, |kept| kept.is_some_and(|kept| !kept.is_empty()))
}

/// One download.
struct Pull {
    model: String,
    state: PullState,
    progress: Progress,
    /// What was known before it went on.
    before: (u64, Option<u64>),
    speed: Speed,
    began: Instant,
    tries: usize,
}

impl Pull {
    fn new(model: String, state: PullState) -> Self {
        Self {
            model,
            state,
            progress: Progress::default(),
            before: (0, None),
            speed: Speed::default(),
            began: Instant::now(),
            tries: 0,
        }
    }

    fn completed(&self) -> u64 {
        match self.progress.total() {
            Some(_) => self.progress.completed(),
            None => self.before.0,
        }
    }

    fn total(&self) -> Option<u64> {
        self.progress.total().or(self.before.1)
    }

    fn view(&self, ollama: bool) -> PullView {
        let (completed, total) = (self.completed(), self.total());
        let speed = match self.state {
            PullState::Running { .. } => self.speed.bytes_per_second(),
            _ => None,
        };
        let left = total.map(|total| total.saturating_sub(completed));
        PullView {
            name: self.model.clone(),
            state: self.state.clone(),
            completed,
            total,
            speed,
            seconds_left: left
                .zip(speed.filter(|speed| *speed > 0))
                .map(|(left, speed)| left / speed),
            waits_for: (self.state == PullState::Waiting).then_some(match (ollama, self.tries) {
                (false, _) => PullWait::Ollama,
                (true, 0) => PullWait::Turn,
                (true, _) => PullWait::NextTry,
            }),
        }
    }
}

/// What came of the one that runs.
enum News {
    Line(PullLine),
    Ended(Result<(), ApiError>),
}

/// A handle on the task.
#[derive(Clone)]
pub(crate) struct Pulls {
    inbox: mpsc::Sender<(Ask, oneshot::Sender<Result<(), Problem>>)>,
    views: watch::Receiver<Arc<Vec<PullView>>>,
}

/// What the task is made with.
pub(crate) struct Parts {
    pub(crate) ollama: watch::Receiver<Arc<OllamaNow>>,
    pub(crate) http: reqwest::Client,
    pub(crate) record: Record,
    pub(crate) events: broadcast::Sender<PanelEvent>,
    /// Set while downloads wait to go on.
    pub(crate) wait: Arc<AtomicBool>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Pulls {
    /// Starts the task, with what was wanted before the last end.
    pub(crate) async fn start(parts: Parts) -> Self {
        let store = parts.record.kept();
        let kept: Vec<KeptPull> = match store.pulls().await {
            Ok(kept) => kept.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "the downloads that were under way are not known any more");
                Vec::new()
            }
        };
        let pulls: Vec<_> = kept
            .into_iter()
            .map(|kept| {
                let state = if kept.paused { PullState::Paused } else { PullState::Waiting };
                let before = (kept.completed, kept.total);
                Pull { before, ..Pull::new(kept.model, state) }
            })
            .collect();
        parts.wait.store(!pulls.is_empty(), Ordering::Relaxed);
        let (inbox, asks) = mpsc::channel(16);
        let ready = parts.ollama.borrow().is_ready();
        let first: Vec<_> = pulls.iter().map(|pull| pull.view(ready)).collect();
        let (publish, views) = watch::channel(Arc::new(first));
        let tasks = parts.tasks.clone();
        tasks.spawn(Desk { pulls, parts, store, publish, kept: Vec::new() }.keep(asks));
        Self { inbox, views }
    }

    /// How they do.
    pub(crate) fn views(&self) -> Arc<Vec<PullView>> {
        Arc::clone(&self.views.borrow())
    }

    /// Asks something of them.
    ///
    /// # Errors
    /// When it makes no sense.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<(), Problem> {
        let (done, answer) = oneshot::channel();
        let quitting = || Problem::new("Drawbridge is quitting.", "");
        self.inbox.send((ask, done)).await.map_err(|_| quitting())?;
        answer.await.map_err(|_| quitting())?
    }
}

/// The task's own.
struct Desk {
    pulls: Vec<Pull>,
    parts: Parts,
    store: KeptState,
    publish: watch::Sender<Arc<Vec<PullView>>>,
    kept: Vec<KeptPull>,
}

/// The one that runs.
struct Running {
    model: String,
    halt: CancellationToken,
    news: mpsc::Receiver<News>,
}

impl Desk {
    async fn keep(mut self, mut asks: mpsc::Receiver<(Ask, oneshot::Sender<Result<(), Problem>>)>) {
        let mut running: Option<Running> = None;
        let mut told: Option<Instant> = None;
        let mut untold = true;
        loop {
            if running.is_none() {
                running = self.begin_next();
            }
            let wait =
                told.map_or(Duration::ZERO, |told| TOLD_EVERY.saturating_sub(told.elapsed()));
            if untold && wait.is_zero() {
                self.tell();
                (untold, told) = (false, Some(Instant::now()));
            }
            self.keep_wanted().await;
            tokio::select! {
                () = self.parts.stop.cancelled() => {
                    if let Some(running) = running {
                        running.halt.cancel();
                    }
                    return;
                }
                ask = asks.recv() => {
                    let Some((ask, done)) = ask else { return };
                    let answer = self.answer(ask, &mut running);
                    self.tell();
                    self.keep_wanted().await;
                    let _gone = done.send(answer);
                }
                changed = self.parts.ollama.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    untold = true;
                }
                news = next(&mut running) => {
                    untold = true;
                    let Some(present) = &running else { continue };
                    let model = present.model.clone();
                    match news {
                        Some(News::Line(line)) => self.line(&model, &line, &mut running).await,
                        Some(News::Ended(result)) => {
                            running = None;
                            self.ended(&model, result);
                            self.tell();
                        }
                        None => running = None,
                    }
                }
                () = tokio::time::sleep(wait), if untold => {}
            }
        }
    }

    fn find(&mut self, model: &str) -> Option<&mut Pull> {
        self.pulls.iter_mut().find(|pull| model_name::same(&pull.model, model))
    }

    fn answer(&mut self, ask: Ask, running: &mut Option<Running>) -> Result<(), Problem> {
        let mut halt = |model: &str| {
            if let Some(present) =
                running.take_if(|running| model_name::same(&running.model, model))
            {
                present.halt.cancel();
            }
        };
        let gone = || Problem::new("This download is not there any more.", "");
        match ask {
            Ask::Pull(model) => {
                if !model_name::is_valid(&model) {
                    return Err(Problem::new(
                        "That is not the name of a model. Names look like \"qwen3:8b\" or \
                         \"hf.co/someone/a-model-GGUF\".",
                        "",
                    ));
                }
                if let Some(pull) = self.find(&model) {
                    if !matches!(pull.state, PullState::Running { .. } | PullState::Waiting) {
                        pull.state = PullState::Waiting;
                        pull.tries = 0;
                    }
                    return Ok(());
                }
                if self.pulls.len() >= MOST {
                    self.pulls.retain(|pull| pull.state != PullState::Done);
                }
                if self.pulls.len() >= MOST {
                    return Err(Problem::new(
                        "Too many downloads wait. Let some end, or cancel some.",
                        "",
                    ));
                }
                self.pulls.push(Pull::new(model, PullState::Waiting));
            }
            Ask::Pause(model) => {
                let pull = self.find(&model).ok_or_else(gone)?;
                if matches!(pull.state, PullState::Running { .. } | PullState::Waiting) {
                    pull.state = PullState::Paused;
                    halt(&model);
                }
            }
            Ask::Resume(model) => {
                let pull = self.find(&model).ok_or_else(gone)?;
                if matches!(pull.state, PullState::Paused | PullState::Failed { .. }) {
                    pull.state = PullState::Waiting;
                    pull.tries = 0;
                }
            }
            Ask::Cancel(model) => {
                self.find(&model).ok_or_else(gone)?;
                halt(&model);
                self.pulls.retain(|pull| !model_name::same(&pull.model, &model));
            }
        }
        Ok(())
    }

    /// Begins the next one that waits, if Ollama is there.
    fn begin_next(&mut self) -> Option<Running> {
        let now = Arc::clone(&self.parts.ollama.borrow_and_update());
        if !now.is_ready() {
            return None;
        }
        let pull = self.pulls.iter_mut().find(|pull| pull.state == PullState::Waiting)?;
        pull.before = (pull.completed(), pull.total());
        pull.progress = Progress::default();
        pull.speed = Speed::default();
        pull.began = Instant::now();
        let wait = pull.tries.checked_sub(1).and_then(|tries| TRIES.get(tries)).copied();
        // While it waits to be tried again it is not under way.
        if wait.is_none() {
            pull.state = PullState::Running { step: String::new() };
        }
        let halt = self.parts.stop.child_token();
        let (tell, news) = mpsc::channel(64);
        let api = Api::new(self.parts.http.clone(), now.address());
        let (model, stopped) = (pull.model.clone(), halt.clone());
        self.parts.tasks.spawn(async move {
            let pulling = async {
                tokio::time::sleep(wait.unwrap_or_default()).await;
                let ended = pull_all(&api, &model, &tell).await;
                let _gone = tell.send(News::Ended(ended)).await;
            };
            tokio::select! {
                () = stopped.cancelled() => {}
                () = pulling => {}
            }
        });
        Some(Running { model: pull.model.clone(), halt, news })
    }

    async fn line(&mut self, model: &str, line: &PullLine, running: &mut Option<Running>) {
        let Some(pull) = self.find(model) else { return };
        let known_before = pull.progress.total();
        pull.progress.take(line);
        pull.speed.sample(pull.began.elapsed(), pull.progress.completed());
        if pull.completed() > pull.before.0 {
            pull.tries = 0;
        }
        pull.state = PullState::Running { step: pull.progress.step.clone() };
        // Its size is known layer by layer; each time there is more of it, there must be room.
        let total = pull.progress.total();
        let missing = total.unwrap_or(0).saturating_sub(pull.progress.completed());
        if total > known_before
            && let Some(free) = self.free().await
            && missing.saturating_add(STAYS_FREE) > free
            && let Some(pull) = self.find(model)
        {
            pull.state = PullState::Failed { problem: no_room(model, missing, free) };
            if let Some(running) = running.take() {
                running.halt.cancel();
            }
        }
    }

    /// Bytes that are free on the disk with the models. A disk that hangs holds up downloads alone.
    async fn free(&self) -> Option<u64> {
        let folder = self.parts.ollama.borrow().models_folder.clone()?;
        let disk = self.parts.tasks.spawn_blocking(move || Probe::new().disk(&folder));
        Some(disk.await.ok()?.ok()?.free)
    }

    fn ended(&mut self, model: &str, result: Result<(), ApiError>) {
        let ready = self.parts.ollama.borrow().is_ready();
        let Some(pull) = self.find(model) else { return };
        let (state, outcome, sentence) = match result {
            Ok(()) => {
                (PullState::Done, ActivityOutcome::Succeeded, format!("{model} was downloaded."))
            }
            // While Ollama is away nothing is tried, so nothing counts.
            Err(ApiError::Unreachable(_)) if !ready || pull.tries < TRIES.len() => {
                pull.tries += usize::from(ready);
                pull.state = PullState::Waiting;
                return;
            }
            Err(error) => {
                let problem = failed(model, &error);
                let sentence = problem.message.clone();
                (PullState::Failed { problem }, ActivityOutcome::Failed, sentence)
            }
        };
        if state == PullState::Done {
            let total = pull.progress.total();
            pull.before = (total.unwrap_or(0), total);
            pull.progress = Progress::default();
        }
        pull.state = state;
        let mut note = Note::new(ActivityKind::SettingChanged);
        note.subject = Some(model.into());
        note.outcome = Some(outcome);
        note.note = Some(sentence);
        let record = self.parts.record.clone();
        self.parts.tasks.spawn(async move {
            if let Err(error) = record.note(note).await {
                tracing::warn!(%error, "a download is not on record");
            }
        });
        // Nobody may be looking.
        let _ = self.parts.events.send(PanelEvent::ModelsChanged);
    }

    fn tell(&self) {
        let ready = self.parts.ollama.borrow().is_ready();
        let views: Vec<_> = self.pulls.iter().map(|pull| pull.view(ready)).collect();
        if **self.publish.borrow() != views {
            self.publish.send_replace(Arc::new(views.clone()));
            // Nobody may be looking.
            let _ = self.parts.events.send(PanelEvent::PullsMoved(views));
        }
    }

    /// Keeps over a restart what is wanted. How far it is is only kept when that changes.
    async fn keep_wanted(&mut self) {
        let wanted: Vec<_> = self
            .pulls
            .iter()
            .filter(|pull| pull.state != PullState::Done)
            .map(|pull| KeptPull {
                model: pull.model.clone(),
                paused: matches!(pull.state, PullState::Paused | PullState::Failed { .. }),
                completed: pull.completed(),
                total: pull.total(),
            })
            .collect();
        self.parts.wait.store(!wanted.is_empty(), Ordering::Relaxed);
        let names = |list: &[KeptPull]| {
            list.iter().map(|kept| (kept.model.clone(), kept.paused)).collect::<Vec<_>>()
        };
        if names(&wanted) == names(&self.kept) {
            return;
        }
        if let Err(error) = self.store.set_pulls(&wanted).await {
            tracing::warn!(%error, "which downloads are wanted was not kept");
        }
        self.kept = wanted;
    }
}

async fn next(running: &mut Option<Running>) -> Option<News> {
    match running {
        Some(running) => running.news.recv().await,
        None => std::future::pending().await,
    }
}

/// Downloads one, and tells each line.
async fn pull_all(api: &Api, model: &str, tell: &mpsc::Sender<News>) -> Result<(), ApiError> {
    let mut lines = std::pin::pin!(api.pull(model).await?);
    let mut succeeded = false;
    while let Some(line) = lines.next().await {
        let line = line?;
        if let Some(message) = line.error {
            return Err(ApiError::Refused { status: 200, message });
        }
        succeeded |= line.status == "success";
        if tell.send(News::Line(line)).await.is_err() {
            break;
        }
    }
    match succeeded {
        true => Ok(()),
        false => Err(ApiError::Unreachable("the download broke off".to_owned())),
    }
}

fn no_room(model: &str, missing: u64, free: u64) -> Problem {
    let (up, down) = (gigabytes::up(missing), gigabytes::down(free));
    Problem::new(
        format!(
            "There is not enough room for {model}: {up} GB are still to come, {down} GB are free on \
             the disk with the models, and 1 GB of it has to stay free. Delete a model you do not \
             use, or choose another folder."
        ),
        "",
    )
}

/// Why a download failed, for a person.
fn failed(model: &str, error: &ApiError) -> Problem {
    let detail = error.to_string();
    let says = |text: &str| detail.contains(text);
    let message = if says("file does not exist") || says("not found") {
        format!("There is no model named {model} to download. Check how its name is written.")
    } else if says("no space left") || says("not enough space") {
        format!("The disk is full, so {model} could not be downloaded. Make room and try again.")
    } else if says("unauthorized") || says("status 401") || says("401:") {
        format!("{model} can only be downloaded by those who were let in.")
    } else if says("no such host") || says("network is unreachable") || says("dial tcp") {
        "Ollama could not reach the internet. Check the connection and try again.".to_owned()
    } else if matches!(error, ApiError::Unreachable(_)) {
        format!("The download of {model} broke off again and again. What is here stays here.")
    } else {
        format!("{model} could not be downloaded. Details say what Ollama reports.")
    };
    Problem::new(message, detail)
}
