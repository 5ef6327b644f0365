//! Ollama on this computer: found, started where the person wants that, watched, and ended with us.
//!
//! One task owns all that is known of it ([`Life`]) and publishes it whole. It looks at Ollama over
//! HTTP alone, and every look and every run is a task of its own, so that nothing here waits.

mod environment;
mod events;
mod find;
mod life;
mod run;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_audit::{Note, Record};
use drawbridge_llm::api::{self, Loaded, Ollama as Api, Probed};
use drawbridge_llm::http::Http;
use drawbridge_model::{ActivityOutcome, Problem};
use drawbridge_supervisor::{LogBook, Spawner};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::events::{Effect, Event, Looked, Wanted};
use self::life::Life;
pub(crate) use self::run::Heard;
use crate::config::Loaded as Config;
use crate::controller::{Launcher, Moment};
use crate::os;
use crate::view::{LoadedModel, OllamaRunBy, OllamaSettings, OllamaState, OllamaView};

/// How long one look may take. It answers at once or not at all: what it computes is elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests that wait for the task.
const INBOX: usize = 16;

/// What is known of Ollama now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OllamaNow {
    pub(crate) state: OllamaState,
    pub(crate) problem: Option<Problem>,
    pub(crate) notice: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) run_by: Option<OllamaRunBy>,
    pub(crate) program: Option<PathBuf>,
    pub(crate) models_folder: Option<PathBuf>,
    pub(crate) settings: OllamaSettings,
    /// The port of the one that runs.
    pub(crate) port: u16,
    pub(crate) restart_needed: bool,
    pub(crate) loaded: Vec<Loaded>,
}

impl OllamaNow {
    /// Whether it answers.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, OllamaState::Ready { .. })
    }

    /// Whether Drawbridge started it.
    pub(crate) fn is_ours(&self) -> bool {
        self.run_by == Some(OllamaRunBy::Drawbridge)
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// As the person sees it.
    pub(crate) fn view(&self, memory_free: Option<u64>) -> OllamaView {
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        OllamaView {
            state: self.state.clone(),
            problem: self.problem.clone(),
            notice: self.notice.clone(),
            version: self.version.clone(),
            run_by: self.run_by,
            address: self.address(),
            program: shown(&self.program),
            models_folder: shown(&self.models_folder),
            settings: self.settings.clone(),
            restart_needed: self.restart_needed,
            loaded: self.loaded.iter().map(loaded_view).collect(),
            memory_free,
        }
    }

    /// Why it cannot be asked, as an app's user reads it.
    pub(crate) fn unavailable(&self) -> Option<String> {
        let why = match &self.state {
            OllamaState::Ready { .. } | OllamaState::NotResponding { .. } => return None,
            OllamaState::Off => "Ollama is switched off in Drawbridge's settings.".to_owned(),
            OllamaState::Looking => "Ollama is being looked for. Try again in a moment.".to_owned(),
            OllamaState::NotInstalled => {
                "Ollama is not installed on this computer. Drawbridge shows where to get it."
                    .to_owned()
            }
            OllamaState::Stopped | OllamaState::Stopping | OllamaState::Offline => {
                "Ollama does not run. It can be started in the Drawbridge panel.".to_owned()
            }
            OllamaState::Starting { .. } => "Ollama is starting. Try again in a moment.".to_owned(),
            OllamaState::Waiting { .. } => {
                "Ollama ended and is being started again. Try again in a moment.".to_owned()
            }
            OllamaState::Failed => {
                "Ollama does not run, and starting it failed. Drawbridge says why.".to_owned()
            }
            OllamaState::PortTaken { .. } => {
                "Another program uses Ollama's port. Drawbridge says what to do.".to_owned()
            }
        };
        Some(why)
    }
}

/// A model in memory as the person sees it.
pub(crate) fn loaded_view(loaded: &Loaded) -> LoadedModel {
    LoadedModel {
        name: loaded.name.clone(),
        size: loaded.size,
        size_vram: loaded.size_vram,
        context: loaded.context_length.and_then(|tokens| u32::try_from(tokens).ok()),
        until: api::moment(&loaded.expires_at),
    }
}

/// What the task is asked.
enum Message {
    Event(Event, oneshot::Sender<()>),
    /// Answered when the next look has ended.
    Look(oneshot::Sender<()>),
    Finished(u64, Option<events::Exited>),
}

/// A handle on the task.
#[derive(Clone)]
pub(crate) struct Ollama {
    inbox: mpsc::Sender<Message>,
    now: watch::Receiver<Arc<OllamaNow>>,
    heard: Arc<Mutex<Heard>>,
    pub(crate) http: Http,
    pub(crate) book: LogBook,
}

/// What the task is made with.
pub(crate) struct Parts {
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) launcher: Arc<Launcher>,
    pub(crate) record: Record,
    pub(crate) http: Http,
    pub(crate) book: LogBook,
    /// Told when an app asked for it in vain.
    pub(crate) missed: Arc<Notify>,
    /// Whether downloads wait to go on.
    pub(crate) pulls_wait: Arc<std::sync::atomic::AtomicBool>,
    /// Where its runs live; the engine waits for them at its end.
    pub(crate) runs: TaskTracker,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Ollama {
    /// Starts the task.
    pub(crate) fn start(parts: Parts) -> Self {
        let (inbox, messages) = mpsc::channel(INBOX);
        let wanted = wanted(&parts.config.borrow());
        let port = wanted.port;
        let life = Life::new(wanted, moment());
        let first = OllamaNow {
            state: life.state(),
            settings: parts.config.borrow().config.ollama.clone(),
            port,
            ..OllamaNow::default()
        };
        let (publish, now) = watch::channel(Arc::new(first));
        let (http, book) = (parts.http.clone(), parts.book.clone());
        let own = inbox.clone();
        let heard = Arc::<Mutex<Heard>>::default();
        let tasks = parts.tasks.clone();
        let keeper = Keeper {
            life,
            parts,
            inbox: own,
            publish,
            halt: None,
            heard: Arc::clone(&heard),
            started_with: None,
        };
        tasks.spawn(keeper.keep(messages));
        Self { inbox, now, heard, http, book }
    }

    /// What is known now, and when that changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<OllamaNow>> {
        self.now.clone()
    }

    /// What is known now.
    pub(crate) fn now(&self) -> Arc<OllamaNow> {
        Arc::clone(&self.now.borrow())
    }

    /// What ours has said of itself; nothing for anybody else's.
    pub(crate) fn heard(&self) -> Heard {
        match self.now().is_ours() {
            true => self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            false => Heard::default(),
        }
    }

    /// Its API, at its present address.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.http.plain(), self.now().address())
    }

    /// Starts it where it waits or was given up.
    pub(crate) async fn begin(&self) {
        self.tell(Event::Start).await;
    }

    /// Starts ours afresh.
    pub(crate) async fn restart(&self) {
        self.tell(Event::Restart).await;
    }

    /// Has it looked at soon.
    pub(crate) async fn look_soon(&self) {
        self.tell(Event::Look).await;
    }

    /// Looks at once, and gives when what was found is known.
    pub(crate) async fn look(&self) {
        let (done, looked) = oneshot::channel();
        if self.inbox.send(Message::Look(done)).await.is_ok() {
            let _ended = looked.await;
        }
    }

    /// Ends ours, and gives when nothing of it is left. Does nothing to anybody else's.
    pub(crate) async fn quit(&self) {
        self.tell(Event::Quit).await;
    }

    async fn tell(&self, event: Event) {
        let (done, told) = oneshot::channel();
        if self.inbox.send(Message::Event(event, done)).await.is_ok() {
            let _ended = told.await;
        }
    }
}

/// The task's own.
struct Keeper {
    life: Life,
    parts: Parts,
    inbox: mpsc::Sender<Message>,
    publish: watch::Sender<Arc<OllamaNow>>,
    halt: Option<CancellationToken>,
    heard: Arc<Mutex<Heard>>,
    started_with: Option<StartedWith>,
}

/// What ours was started with, as it was set then.
struct StartedWith {
    env: BTreeMap<String, String>,
    port: u16,
    path: Option<String>,
}

impl StartedWith {
    fn of(settings: &OllamaSettings) -> Self {
        Self {
            // What keeps downloads is no setting that asks for a restart.
            env: environment::of(settings, std::env::vars_os(), false),
            port: settings.port(),
            path: settings.path.clone(),
        }
    }
}

impl Keeper {
    async fn keep(mut self, mut messages: mpsc::Receiver<Message>) {
        let (seen, mut looks) = mpsc::channel(1);
        let missed = Arc::clone(&self.parts.missed);
        let mut looking = false;
        let mut next = Some(Instant::now());
        let mut curious: Vec<oneshot::Sender<()>> = Vec::new();
        loop {
            self.tell_all();
            if !looking && !self.life.is_asked() {
                for done in curious.drain(..) {
                    let _gone = done.send(());
                }
            }
            if self.parts.stop.is_cancelled() && !self.life.runs() {
                return;
            }
            let due = async {
                match next.filter(|_| !looking) {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let before = self.life.state();
            tokio::select! {
                () = self.parts.stop.cancelled(), if !self.life.runs() => return,
                message = messages.recv() => match message {
                    Some(Message::Event(event, done)) => {
                        self.apply(event).await;
                        self.tell_all();
                        let _gone = done.send(());
                    }
                    Some(Message::Look(done)) => {
                        self.apply(Event::Look).await;
                        curious.push(done);
                    }
                    Some(Message::Finished(run, exited)) => {
                        self.halt = None;
                        self.apply(Event::Ended(run, exited)).await;
                    }
                    None => return,
                },
                Ok(()) = self.parts.config.changed() => {
                    let wanted = wanted(&self.parts.config.borrow_and_update());
                    self.apply(Event::Wanted(wanted)).await;
                }
                () = missed.notified() => self.apply(Event::Look).await,
                Some(looked) = looks.recv() => {
                    looking = false;
                    self.apply(Event::Looked(looked)).await;
                }
                () = due => {
                    looking = true;
                    next = None;
                    self.look(seen.clone()).await;
                    continue;
                }
            }
            let wait = self.life.next_look().map(|wait| Instant::now() + wait);
            // What changed is looked at soon; what did not, when it was due anyway.
            next = match (wait, next) {
                (Some(wait), Some(due)) if before == self.life.state() => Some(wait.min(due)),
                (wait, _) => wait,
            };
        }
    }

    async fn apply(&mut self, event: Event) {
        for effect in self.life.apply(event, moment()) {
            match effect {
                Effect::Launch(run, program) => self.launch(run, program).await,
                Effect::Halt => {
                    if let Some(halt) = &self.halt {
                        halt.cancel();
                    }
                }
                Effect::Note(kind, sentence) => {
                    let mut note = Note::new(kind);
                    note.subject = Some("Ollama".into());
                    note.outcome = Some(match kind {
                        drawbridge_model::ActivityKind::ServerCrashed => ActivityOutcome::Failed,
                        _ => ActivityOutcome::Succeeded,
                    });
                    note.note = Some(sentence);
                    let record = self.parts.record.clone();
                    self.parts.runs.spawn(async move {
                        if let Err(error) = record.note(note).await {
                            tracing::warn!(%error, "what happened to Ollama is not on record");
                        }
                    });
                }
            }
        }
    }

    async fn launch(&mut self, run: u64, program: PathBuf) {
        let settings = self.settings();
        let keep_partial = self.parts.pulls_wait.load(std::sync::atomic::Ordering::Relaxed);
        let env = environment::of(&settings, std::env::vars_os(), keep_partial);
        self.started_with = Some(StartedWith::of(&settings));
        let halt = CancellationToken::new();
        self.halt = Some(halt.clone());
        let launcher = Arc::clone(&self.parts.launcher);
        let (book, heard) = (self.parts.book.clone(), Arc::clone(&self.heard));
        let inbox = self.inbox.clone();
        let tasks = self.parts.tasks.clone();
        self.parts.runs.spawn(async move {
            // It may have been set, updated or moved since it was last looked for.
            let search_path = launcher.search_path().await.clone();
            let found = tasks.spawn_blocking(move || find::program(&settings, &search_path)).await;
            let program = found.ok().flatten().unwrap_or(program);
            let spawner: &Spawner = launcher.spawner().await;
            let exited = run::run(spawner, &program, env, &book, &heard, &halt).await;
            // Fails at the very end, when nobody wants to know.
            let _ended = inbox.send(Message::Finished(run, exited)).await;
        });
    }

    fn settings(&self) -> OllamaSettings {
        self.parts.config.borrow().config.ollama.clone()
    }

    /// Begins a look. What it found comes back through the channel.
    async fn look(&self, seen: mpsc::Sender<Looked>) {
        // Ours stays where it was started until it is started anew.
        let wanted = self.life.port();
        let started = self.started_with.as_ref().filter(|_| self.life.runs());
        let port = started.map_or(wanted, |started| started.port);
        let settings = self.settings();
        let launcher = Arc::clone(&self.parts.launcher);
        let http = self.parts.http.plain();
        let knows_program = self.life.program.is_some() && self.life.is_ready();
        let is_ours = self.life.runs();
        let tasks = self.parts.tasks.clone();
        self.parts.tasks.spawn(async move {
            let api = Api::new(http, format!("http://127.0.0.1:{port}"));
            let probed = api.probe(PATIENCE).await;
            let loaded = match probed {
                Probed::Answers(_) => api.ps().await.ok(),
                _ => None,
            };
            let search_path: OsString = match knows_program {
                true => OsString::new(),
                false => launcher.search_path().await.clone(),
            };
            let answers = matches!(probed, Probed::Answers(_));
            let stranger = probed == Probed::Stranger;
            let found = tasks.spawn_blocking(move || {
                let program =
                    if knows_program { None } else { find::program(&settings, &search_path) };
                let run_by = (answers && !is_ours && !knows_program).then(os::ollama_run_by);
                let holder = stranger.then(|| drawbridge_gateway::port_holder(port)).flatten();
                (program, run_by, holder)
            });
            let (program, run_by, holder) = found.await.unwrap_or_default();
            let searched = !knows_program;
            let looked = Looked { port: wanted, probed, program, searched, run_by, holder, loaded };
            let _ended = seen.send(looked).await;
        });
    }

    fn tell_all(&self) {
        let settings = self.settings();
        let life = &self.life;
        let started = self.started_with.as_ref().filter(|_| life.runs());
        let restart_needed = started.is_some_and(|started| {
            let anew = StartedWith::of(&settings);
            started.env != anew.env || started.path != anew.path
        });
        let port = started.map_or_else(|| settings.port(), |started| started.port);
        let now = OllamaNow {
            state: life.state(),
            problem: life.problem.clone(),
            notice: life.notice(),
            version: life.version.clone(),
            run_by: life.run_by,
            program: life.program.clone(),
            models_folder: find::models_folder(&settings, life.run_by),
            settings,
            port,
            restart_needed,
            loaded: life.loaded.clone(),
        };
        self.publish.send_if_modified(|before| {
            let changed = **before != now;
            if changed {
                *before = Arc::new(now);
            }
            changed
        });
    }
}

fn wanted(config: &Config) -> Wanted {
    let ollama = &config.config.ollama;
    Wanted {
        enabled: ollama.enabled,
        start: ollama.start,
        port: ollama.port(),
        path: ollama.path.clone(),
    }
}

fn moment() -> Moment {
    Moment { instant: Instant::now(), wall_ms: crate::clock::now_ms() }
}
