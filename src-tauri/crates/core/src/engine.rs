//! The whole life of the engine: open what is on disk, listen, start the servers behind it, and at
//! the end drain in the opposite order.

mod activity;
mod consent;
mod export;
mod failure;
mod models;
mod ollama;
mod pauses;
mod record;
mod secrets;
mod seen;
mod servers;
mod start_error;
mod switches;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use drawbridge_audit::Record;
use drawbridge_gateway::{Clients, GuardRules, Health, ModelAccess, Presences};
use drawbridge_llm::backend::Backends;
use drawbridge_mcp::{Bulletin, CatalogStore, Upstreams};
use drawbridge_model::ClientName;
use drawbridge_policy::{Answers, Blocked, Fingerprint, KeptAnswers, Questions};
use drawbridge_secrets::{SecretStore, Token};
use drawbridge_supervisor::{LogBook, sweep_leftovers};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use activity::indented;
use record::RecordDesk;
pub use start_error::StartError;

use crate::access::Access;
use crate::attendance::Attendance;
use crate::backends::{self, BackendViews};
use crate::bridge::PanelEvent;
use crate::config::edit::RemovedText;
use crate::config::{BackendEntry, InForce, Store, StoreSettings};
use crate::controller::{self, Consent, Controller, Event, Kept, Launcher, Sources, State, Tables};
use crate::export::change::{PlannedChange, WrittenChange};
use crate::findings;
use crate::gateway_port::GatewayPort;
use crate::in_order::InOrder;
use crate::logs::Logs;
use crate::ollama::{self as ollama_now, Ollama};
use crate::paths::Paths;
use crate::pins;
use crate::pulls::{self, Pulls};
use crate::shelf::{self, Shelf};
use crate::undo::UndoShelf;
use crate::view::Snapshot;

/// How long calls in flight may go on once Drawbridge is quitting.
const DRAIN_GRACE: Duration = Duration::from_secs(5);
/// How long tasks may take to end after that; a task that takes longer is left behind.
const LAST_TASKS: Duration = Duration::from_secs(2);
/// How long the panel is left alone after it was told that something is on record.
const ACTIVITY_PAUSE: Duration = Duration::from_millis(150);
/// The name of the log of an Ollama of ours: no server's, since theirs have no such blank.
const OLLAMA_LOG: &str = "Ollama (Drawbridge)";
/// Events that wait for a slow panel. A panel that falls further behind misses some and asks for
/// the snapshot again.
const WAITING_EVENTS: usize = 256;

/// What the engine is started with.
pub struct EngineSettings {
    paths: Paths,
    attendance: Attendance,
    secrets: Arc<dyn SecretStore>,
    port: Option<u16>,
    guardian: Option<PathBuf>,
}

impl EngineSettings {
    /// The engine of these places.
    pub fn new(paths: Paths, attendance: Attendance, secrets: Arc<dyn SecretStore>) -> Self {
        Self { paths, attendance, secrets, port: None, guardian: None }
    }

    /// Listens on this port whatever the config says; 0 takes any free one.
    #[must_use]
    pub fn with_port(mut self, port: Option<u16>) -> Self {
        self.port = port;
        self
    }

    /// Starts children through this guardian instead of the one beside our own program.
    #[must_use]
    pub fn with_guardian(mut self, guardian: PathBuf) -> Self {
        self.guardian = Some(guardian);
        self
    }
}

/// A handle on the running engine. All handles are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    paths: Paths,
    controller: Controller,
    store: Store,
    record: Record,
    answers: Arc<Answers>,
    questions: Arc<Questions>,
    blocked: Arc<Blocked>,
    catalog: Arc<CatalogStore>,
    launcher: Arc<Launcher>,
    secrets: Arc<dyn SecretStore>,
    gateway: GatewayPort,
    kept: watch::Sender<Kept>,
    kept_written: watch::Receiver<u64>,
    events: broadcast::Sender<PanelEvent>,
    record_desk: Arc<RecordDesk>,
    /// When this run began, in milliseconds since 1970 (UTC).
    started_at: i64,
    edits: InOrder,
    log_watch: watch::Sender<CancellationToken>,
    ollama: Ollama,
    ollama_log_watch: watch::Sender<CancellationToken>,
    /// Runs of Ollama.
    ollama_runs: TaskTracker,
    pulls: Pulls,
    shelf: Shelf,
    computer_watch: watch::Sender<CancellationToken>,
    /// Models that are being loaded, each with what breaks that off.
    loading: Mutex<HashMap<String, CancellationToken>>,
    /// Has the other places with models asked again.
    ask_backends: Arc<Notify>,
    /// The place with models that was removed last, so that it can be put back whole.
    removed_backend: Mutex<Option<(String, BackendEntry)>>,
    /// Removed servers that can be put back.
    removed: UndoShelf<(RemovedText, Fingerprint)>,
    /// The difference that was shown last.
    planned: Mutex<Option<PlannedChange>>,
    /// Written files that can be put back.
    written: UndoShelf<WrittenChange>,
    /// Tokens that are known because they were made in this run.
    tokens: Mutex<HashMap<ClientName, Token>>,
    tasks: TaskTracker,
    servers: TaskTracker,
    /// The Controller and what it puts on record.
    recording: TaskTracker,
    stop: CancellationToken,
}

impl Engine {
    /// Opens what is on disk, listens, and starts the servers behind it, side by side.
    ///
    /// # Errors
    /// When the data folder cannot be used, or, unattended, when the config cannot be understood
    /// or the port is taken.
    pub async fn start(settings: EngineSettings) -> Result<Self, StartError> {
        let EngineSettings { paths, attendance, secrets, port: fixed_port, guardian } = settings;
        let tasks = TaskTracker::new();
        let servers = TaskTracker::new();
        let stop = CancellationToken::new();

        let record = Record::open(&paths.data_dir, &tasks).await?;
        let store = Store::open(StoreSettings::new(&paths, tasks.clone(), stop.clone())).await;
        let loaded = store.loaded();
        if attendance == Attendance::Unattended
            && loaded.in_force == InForce::Nothing
            && let Some(problem) = &loaded.problem
        {
            return Err(StartError::BadConfig(problem.clone()));
        }
        for leftover in sweep_leftovers(&paths.state_dir()).await {
            tracing::warn!(?leftover, "ended what an earlier run left behind");
        }

        let wanted_port = fixed_port.unwrap_or_else(|| loaded.config.gateway.port());
        let listening = drawbridge_gateway::bind(wanted_port).await;
        let listening = match (listening, attendance) {
            (Err(error), Attendance::Unattended) => return Err(StartError::Port(error)),
            (listening, _) => listening,
        };

        let before = controller::read_kept(&record).await?;
        let kept = Kept {
            pauses: before.pauses.clone(),
            switched_off: before.switched_off.clone(),
            ..Kept::default()
        };
        let kept_answers: KeptAnswers = record.kept().answers().await?.unwrap_or_default();
        let answers = Arc::new(Answers::restored(kept_answers));
        let questions = Arc::new(Questions::new(attendance == Attendance::Attended));
        let blocked = Arc::new(Blocked::default());
        let state = State::new(
            Arc::clone(&loaded),
            before,
            attendance,
            paths.config_file.display().to_string(),
            wanted_port,
            fixed_port.is_some(),
        );
        let (controller, inbox) = Controller::new(&state);

        let policy = Arc::new(ArcSwap::new(state.policy()));
        let catalog = Arc::new(CatalogStore::default());
        let upstreams = Arc::new(Upstreams::default());
        let bulletin = Bulletin::default();
        let clients = Arc::new(ArcSwap::from_pointee(Clients::default()));
        let guard = Arc::new(ArcSwap::from_pointee(GuardRules::default()));
        let launcher = Arc::new(Launcher::new(
            &paths,
            attendance,
            guardian.unwrap_or_else(crate::paths::guardian_beside_us),
            Arc::clone(&secrets),
            Arc::clone(&catalog),
            Arc::clone(&upstreams),
            bulletin.clone(),
            Logs::new(&paths.log_dir(), tasks.clone()),
            servers.clone(),
        ));

        let models = ModelAccess::new(Backends::ollama_alone(loaded.config.ollama.port()))
            .map_err(|error| StartError::Http(error.to_string()))?;
        // Known before Ollama is started, which else deletes what is half there.
        let pulls_wait = Arc::new(AtomicBool::new(pulls::are_kept(&record.kept()).await));
        let ollama_runs = TaskTracker::new();
        let ollama = Ollama::start(ollama_now::Parts {
            config: store.subscribe(),
            launcher: Arc::clone(&launcher),
            record: record.clone(),
            http: models.http.clone(),
            book: LogBook::open(&paths.log_dir(), OLLAMA_LOG, &tasks),
            missed: Arc::clone(&models.missed),
            pulls_wait: Arc::clone(&pulls_wait),
            runs: ollama_runs.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let (backend_views, backends_seen) = watch::channel(BackendViews::default());
        let ask_backends = Arc::clone(&models.missed_elsewhere);
        tasks.spawn(backends::keep(
            backends::Parts {
                config: store.subscribe(),
                ollama: ollama.watch(),
                secrets: Arc::clone(&secrets),
                http: models.http.clone(),
                table: Arc::clone(&models.backends),
                ask: Arc::clone(&ask_backends),
                tasks: tasks.clone(),
                stop: stop.clone(),
            },
            backend_views,
        ));

        let health = Arc::new(ArcSwap::from_pointee(Health::default()));
        let shared = drawbridge_gateway::Shared {
            policy: Arc::clone(&policy),
            answers: Arc::clone(&answers),
            questions: Arc::clone(&questions),
            blocked: Arc::clone(&blocked),
            clients: Arc::clone(&clients),
            catalog: Arc::clone(&catalog),
            upstreams: Arc::clone(&upstreams),
            bulletin: bulletin.clone(),
            record: record.clone(),
            guard: Arc::clone(&guard),
            health: Arc::clone(&health),
            models,
        };
        let presences = watch::Sender::new(Presences::default());
        let seen = presences.subscribe();
        let gateway = GatewayPort::new(shared, presences, controller.clone(), &tasks);
        let mut access = Access {
            clients: Arc::clone(&clients),
            guard: Arc::clone(&guard),
            answers: Arc::clone(&answers),
            secrets: Arc::clone(&secrets),
            paths: paths.clone(),
            tasks: tasks.clone(),
            gateway: gateway.clone(),
            bridges: BTreeMap::new(),
        };
        access.publish(&loaded, None).await;

        let address = gateway.address();
        gateway.take(listening, wanted_port).await;

        let (access_wanted, access_loaded) = watch::channel(Arc::clone(&loaded));
        tasks.spawn(access.follow(access_loaded, address));
        let (move_port, ports) = mpsc::channel(4);
        tasks.spawn(gateway.clone().follow(ports, stop.clone()));
        let on_disk = kept.clone();
        let (kept, kept_wanted) = watch::channel(kept);
        let (written, kept_written) = watch::channel(0);
        tasks.spawn(controller::write_kept(
            record.clone(),
            kept_wanted,
            on_disk,
            written,
            stop.clone(),
        ));
        let (notes, waiting_notes) = controller::notes();
        let recording = TaskTracker::new();
        recording.spawn(controller::write_notes(record.clone(), waiting_notes));

        let (memory_free, memory_seen) = watch::channel(None);
        let shelf = Shelf::open(ollama.clone(), record.clone(), memory_free, tasks.clone()).await;
        launcher.offer_models(shelf.clone());
        let sources = Sources {
            catalog: catalog.changes(),
            presences: seen,
            record_trouble: record.trouble(),
            consent: Consent::new(
                Arc::clone(&questions),
                Arc::clone(&answers),
                Arc::clone(&blocked),
            ),
            config: store.subscribe(),
            ollama: ollama.watch(),
            backends: backends_seen,
            memory_free: memory_seen,
        };
        let tables = Tables {
            policy,
            questions: Arc::clone(&questions),
            health,
            catalog: Arc::clone(&catalog),
            upstreams,
            bulletin,
            launcher: Arc::clone(&launcher),
            controller: controller.clone(),
            tasks: servers.clone(),
            stop: stop.clone(),
            access: access_wanted,
            port: move_port,
            kept: kept.clone(),
            notes,
            runs: HashMap::new(),
            retries: HashMap::new(),
            resume: CancellationToken::new(),
        };
        recording.spawn(controller::run(state, inbox, sources, tables));
        controller.reload().await;
        // Where somebody is there, they look at the tools themselves.
        if attendance == Attendance::Unattended {
            tasks.spawn(pins::follow(paths.clone(), controller.clone(), stop.clone()));
        }
        tasks.spawn(findings::keep_scanning(
            Arc::clone(&catalog),
            controller.clone(),
            tasks.clone(),
            stop.clone(),
        ));

        tasks.spawn(record::keep_short(record.clone(), store.subscribe(), stop.clone()));

        let (events, _) = broadcast::channel(WAITING_EVENTS);
        let record_desk = RecordDesk::new(events.clone());
        tasks.spawn(record::look_after_indexing(
            Arc::clone(&record_desk),
            record.behind(),
            tasks.clone(),
            stop.clone(),
        ));
        tasks.spawn(shelf::learn(shelf.clone(), events.clone(), stop.clone()));
        let pulls = Pulls::start(pulls::Parts {
            ollama: ollama.watch(),
            http: ollama.http.plain(),
            record: record.clone(),
            events: events.clone(),
            wait: pulls_wait,
            tasks: tasks.clone(),
            stop: stop.clone(),
        })
        .await;
        let engine = Self(Arc::new(Inner {
            edits: InOrder::start(&tasks, &stop),
            log_watch: watch::Sender::new(CancellationToken::new()),
            ollama,
            ollama_log_watch: watch::Sender::new(CancellationToken::new()),
            ollama_runs,
            pulls,
            shelf,
            computer_watch: watch::Sender::new(CancellationToken::new()),
            loading: Mutex::default(),
            ask_backends,
            removed_backend: Mutex::default(),
            removed: UndoShelf::default(),
            planned: Mutex::default(),
            written: UndoShelf::default(),
            tokens: Mutex::default(),
            paths,
            controller,
            store,
            record,
            answers,
            questions,
            blocked,
            catalog,
            launcher,
            secrets,
            gateway,
            kept,
            kept_written,
            record_desk: Arc::clone(&record_desk),
            started_at: crate::clock::now_ms(),
            events,
            tasks,
            servers,
            recording,
            stop,
        }));
        engine.announce_events();
        Ok(engine)
    }

    /// How everything stands now.
    #[must_use]
    pub fn current_snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.controller.snapshots().borrow())
    }

    /// Snapshots, one for each change or burst of changes.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.controller.snapshots()
    }

    /// What the panel is told without asking, except snapshots, which have a channel of their own.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<PanelEvent> {
        self.0.events.subscribe()
    }

    /// Where this engine keeps its files.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.0.paths
    }

    /// Ends everything: no new calls, calls in flight get five seconds, then the servers are
    /// stopped, side by side and with their own grace, and what is on record is flushed. Takes at
    /// most about thirteen seconds. May be called more than once.
    pub async fn shut_down(&self) {
        let inner = &self.0;
        inner.gateway.drain(DRAIN_GRACE).await;
        inner.controller.tell(Event::Quit).await;
        inner.ollama.quit().await;
        inner.servers.close();
        inner.ollama_runs.close();
        // A server has five seconds to end by itself and is ended by force after that.
        let _ = tokio::time::timeout(DRAIN_GRACE + LAST_TASKS, inner.servers.wait()).await;
        let _ = tokio::time::timeout(DRAIN_GRACE + LAST_TASKS, inner.ollama_runs.wait()).await;
        // That servers stopped is written before the record closes.
        inner.recording.close();
        let _ = tokio::time::timeout(LAST_TASKS, inner.recording.wait()).await;
        self.keep_use_of_answers().await;
        inner.stop.cancel();
        inner.launcher.logs.close();
        inner.record.close().await;
        inner.tasks.close();
        if tokio::time::timeout(LAST_TASKS, inner.tasks.wait()).await.is_err() {
            tracing::warn!(left = inner.tasks.len(), "not every task ended in time");
        }
    }

    /// Turns new rows of the record into events, for as long as the engine lives.
    fn announce_events(&self) {
        let events = self.0.events.clone();
        let mut newest = self.0.record.newest();
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move {
            loop {
                tokio::select! {
                    changed = newest.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        newest.borrow_and_update();
                        let _ = events.send(PanelEvent::ActivityRecorded);
                    }
                    () = stop.cancelled() => return,
                }
                // A call must not wake this task: a burst is one event.
                tokio::select! {
                    () = tokio::time::sleep(ACTIVITY_PAUSE) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }
}
