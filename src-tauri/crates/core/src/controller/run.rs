//! One run of a server, from its start until nothing of it is left. Each run is one task; it owns
//! the process and the connection, and the Controller only hears how it went.

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use drawbridge_mcp::catalog::CatalogStore;
use drawbridge_mcp::{
    Bulletin, ConnectError, ConnectOptions, Connection, FollowInto, PerClient, Publish, Reach,
    ServerEvents, Upstream, Upstreams,
};
use drawbridge_model::{
    ClientName, Isolation, Launch, Problem, ServerDefinition, ServerName, Transport, display_argv,
};
use drawbridge_secrets::SecretStore;
use drawbridge_supervisor::{
    ExitReport, LogBook, LogSource, Running, Spawned, Spawner, SpawnerSettings, login_shell_path,
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::state::RunEvent;
use crate::attendance::Attendance;
use crate::logs::Logs;
use crate::paths::Paths;
use crate::shelf::Shelf;
use crate::view::ServerIdentity;
use crate::{computer, findings, values};

/// How long a server may take to end once it was asked to, before it is ended by force.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Lines of the log that are shown beside a problem.
const LAST_LINES: usize = 20;

/// Starts servers.
pub(crate) struct Launcher {
    attendance: Attendance,
    guardian: PathBuf,
    state_dir: PathBuf,
    /// Where commands are looked up, found at the first start, since asking the login shell takes
    /// a moment.
    search_path: OnceCell<OsString>,
    spawner: OnceCell<Spawner>,
    secrets: Arc<dyn SecretStore>,
    catalog: Arc<CatalogStore>,
    upstreams: Arc<Upstreams>,
    bulletin: Bulletin,
    /// Owns everything that runs for a server.
    tasks: TaskTracker,
    pub(crate) logs: Logs,
    /// What the built-in server tells of models, once that is known.
    models: OnceLock<Shelf>,
}

/// A server that answered.
struct Opened {
    connection: Connection,
    events: ServerEvents,
    process: Option<Running>,
}

/// Why a server did not answer.
enum NotOpened {
    Problem(Problem),
    Halted,
}

impl From<Problem> for NotOpened {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Launcher {
    #[expect(clippy::too_many_arguments, reason = "made in one place, from the engine's parts")]
    pub(crate) fn new(
        paths: &Paths,
        attendance: Attendance,
        guardian: PathBuf,
        secrets: Arc<dyn SecretStore>,
        catalog: Arc<CatalogStore>,
        upstreams: Arc<Upstreams>,
        bulletin: Bulletin,
        logs: Logs,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            attendance,
            guardian,
            state_dir: paths.state_dir(),
            search_path: OnceCell::new(),
            spawner: OnceCell::new(),
            secrets,
            catalog,
            upstreams,
            bulletin,
            logs,
            tasks,
            models: OnceLock::new(),
        }
    }

    /// Lets the built-in server tell which models fit. Counts the first time.
    pub(crate) fn offer_models(&self, shelf: Shelf) {
        let _there_already = self.models.set(shelf);
    }

    /// Runs a server until it ends or is halted. `tell` hears when it answers, and once how it
    /// ended, after nothing of it is left.
    pub(crate) async fn run<Told: Future<Output = ()> + Send + 'static>(
        self: Arc<Self>,
        definition: ServerDefinition,
        halt: CancellationToken,
        tell: impl Fn(RunEvent) -> Told + Clone + Send + Sync + 'static,
    ) {
        let log = self.logs.of(&definition.name);
        // Everything of this run hangs on this token, so that it ends with the run.
        let alive = halt.child_token();
        let ended = match self.open(&definition, &log, &halt, &alive).await {
            Ok(opened) => {
                let crew = TaskTracker::new();
                let process = self.serve(&definition, opened, &log, &alive, &crew, &tell).await;
                alive.cancel();
                crew.close();
                crew.wait().await;
                process
            }
            Err(not_opened) => not_opened,
        };
        alive.cancel();
        let event = match ended {
            NotOpened::Problem(problem) if !halt.is_cancelled() => {
                log.append(LogSource::Drawbridge, &problem.message);
                RunEvent::Exited(problem)
            }
            _ => {
                log.append(LogSource::Drawbridge, "stopped");
                RunEvent::Stopped
            }
        };
        tell(event).await;
    }

    /// Starts the server and asks what it is.
    async fn open(
        &self,
        definition: &ServerDefinition,
        log: &LogBook,
        halt: &CancellationToken,
        alive: &CancellationToken,
    ) -> Result<Opened, NotOpened> {
        let options =
            || ConnectOptions::new(self.tasks.clone(), alive.clone(), env!("CARGO_PKG_VERSION"));
        let opening = async {
            match &definition.transport {
                Transport::Stdio(launch) => {
                    self.open_child(&definition.name, launch, options(), log, halt).await
                }
                Transport::Http(endpoint) => {
                    log.append(LogSource::Drawbridge, &format!("connecting to {}", endpoint.url));
                    let endpoint = self.resolve_endpoint(endpoint, log).await?;
                    let connected = drawbridge_mcp::http::connect(endpoint, options()).await;
                    let (connection, events) = connected.map_err(|error| error.problem())?;
                    Ok(Opened { connection, events, process: None })
                }
                Transport::BuiltIn => {
                    let connected = computer::connect(options(), self.models.get().cloned()).await;
                    let (connection, events) = connected.map_err(|error| error.problem())?;
                    Ok(Opened { connection, events, process: None })
                }
            }
        };
        match &definition.transport {
            // A child that was started has to be stopped, so its own code looks at `halt`.
            Transport::Stdio(_) => opening.await,
            Transport::Http(_) | Transport::BuiltIn => tokio::select! {
                opened = opening => opened,
                () = halt.cancelled() => Err(NotOpened::Halted),
            },
        }
    }

    async fn open_child(
        &self,
        name: &ServerName,
        launch: &Launch,
        options: ConnectOptions,
        log: &LogBook,
        halt: &CancellationToken,
    ) -> Result<Opened, NotOpened> {
        // What is logged is the command as configured: a resolved one may hold a secret.
        let words =
            std::iter::once(launch.command.as_str()).chain(launch.args.iter().map(String::as_str));
        log.append(LogSource::Drawbridge, &format!("starting {}", display_argv(words)));

        let started = async {
            let (resolved, secrets) =
                values::resolve_launch(launch, &self.secrets, &self.tasks).await?;
            log.conceal(secrets);
            let spawner = self.spawner().await;
            spawner.spawn(&resolved, log).await.map_err(|error| error.problem())
        };
        let Spawned { stdin, stdout, running, .. } = tokio::select! {
            started = started => started?,
            () = halt.cancelled() => return Err(NotOpened::Halted),
        };

        let connected = tokio::select! {
            connected = drawbridge_mcp::stdio::connect(stdin, stdout, options) => connected,
            () = halt.cancelled() => Err(ConnectError::Stopped),
        };
        match connected {
            Ok((connection, events)) => Ok(Opened { connection, events, process: Some(running) }),
            Err(error) => {
                let report = running.stop().await;
                Err(match error {
                    ConnectError::Stopped => NotOpened::Halted,
                    error => NotOpened::Problem(not_answering(name, &error, &report, log)),
                })
            }
        }
    }

    /// Serves apps with a server that answered, until it ends or is halted.
    async fn serve<Told: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        definition: &ServerDefinition,
        opened: Opened,
        log: &LogBook,
        alive: &CancellationToken,
        crew: &TaskTracker,
        tell: &(impl Fn(RunEvent) -> Told + Clone + Send + Sync + 'static),
    ) -> NotOpened {
        let name = &definition.name;
        let Opened { connection, events, process } = opened;
        let opening = connection.opening();
        let identity = ServerIdentity {
            name: opening.server_name.clone(),
            title: opening.server_title.clone(),
            version: opening.server_version.clone(),
            protocol: opening.protocol.clone(),
        };
        let rubbish = {
            let log = log.clone();
            move |line: String| log.append(LogSource::Stdout, &line)
        };
        let into = FollowInto {
            publish: self.publish_through(name, tell.clone()),
            bulletin: self.bulletin.clone(),
            on_rubbish: Box::new(rubbish),
            on_warning: Box::new({
                let log = log.clone();
                move |sentence: String| log.append(LogSource::Drawbridge, &sentence)
            }),
        };

        let following = drawbridge_mcp::follow(name.clone(), connection.clone(), events, into);
        tokio::pin!(following);
        log.append(LogSource::Drawbridge, "answers");
        let reach = self.reach(definition, &connection, log, alive, crew);
        self.upstreams.set(name, Upstream::Ready(reach));
        tell(RunEvent::BecameReady(identity)).await;
        let reason = tokio::select! {
            reason = &mut following => Some(reason),
            () = alive.cancelled() => None,
        };

        connection.close().await;
        drop(connection);
        let report = match process {
            Some(process) => Some(process.stop().await),
            None => None,
        };
        match reason {
            Some(reason) => NotOpened::Problem(ended(name, &reason, report.as_ref(), log)),
            None => NotOpened::Halted,
        }
    }

    /// Scans what a server offers, and hands it to the Controller, which lets apps see it.
    fn publish_through<Told: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        name: &ServerName,
        tell: impl Fn(RunEvent) -> Told + Clone + Send + Sync + 'static,
    ) -> Publish {
        let (launcher, name) = (Arc::clone(self), name.clone());
        Box::new(move |offer| {
            let (launcher, name, tell) = (Arc::clone(&launcher), name.clone(), tell.clone());
            Box::pin(async move {
                let present = launcher.catalog.snapshot();
                let findings = findings::scan(&name, &offer.tools, present, &launcher.tasks).await;
                tell(RunEvent::Offered(Box::new(offer), findings)).await;
            })
        })
    }

    /// How apps reach a server that answered.
    fn reach(
        self: &Arc<Self>,
        definition: &ServerDefinition,
        connection: &Connection,
        log: &LogBook,
        alive: &CancellationToken,
        crew: &TaskTracker,
    ) -> Reach {
        match (&definition.transport, definition.isolation) {
            (Transport::BuiltIn, _) | (Transport::Stdio(_), Isolation::Shared) => {
                Reach::Shared(connection.clone())
            }
            (Transport::Stdio(_), Isolation::PerApp) | (Transport::Http(_), _) => {
                let launcher = Arc::clone(self);
                let (definition, log) = (definition.clone(), log.clone());
                let (alive, crew) = (alive.clone(), crew.clone());
                Reach::PerClient(PerClient::new(Arc::new(move |client| {
                    let launcher = Arc::clone(&launcher);
                    let (definition, log) = (definition.clone(), log.clone());
                    let (alive, crew) = (alive.clone(), crew.clone());
                    Box::pin(async move {
                        launcher.open_for(client, definition, log, alive, crew).await
                    })
                })))
            }
        }
    }

    /// Opens a connection that serves one app alone. A task of the run's crew owns it.
    async fn open_for(
        self: Arc<Self>,
        client: ClientName,
        definition: ServerDefinition,
        log: LogBook,
        alive: CancellationToken,
        crew: TaskTracker,
    ) -> Result<Connection, ConnectError> {
        log.append(LogSource::Drawbridge, &format!("opening a connection for {client}"));
        let opened = self.open(&definition, &log, &alive, &alive).await;
        let Opened { connection, events, process } = opened.map_err(|error| match error {
            NotOpened::Halted => ConnectError::Stopped,
            NotOpened::Problem(problem) => ConnectError::Unreachable { detail: problem.message },
        })?;
        let bulletin = self.bulletin.clone();
        let kept = connection.clone();
        crew.spawn(async move {
            let relaying =
                drawbridge_mcp::relay(definition.name.clone(), client.clone(), events, bulletin);
            tokio::select! {
                _ = relaying => {}
                () = alive.cancelled() => {}
            }
            kept.close().await;
            drop(kept);
            if let Some(process) = process {
                process.stop().await;
            }
            log.append(LogSource::Drawbridge, &format!("the connection for {client} ended"));
        });
        Ok(connection)
    }

    async fn resolve_endpoint(
        &self,
        endpoint: &drawbridge_model::Endpoint,
        log: &LogBook,
    ) -> Result<drawbridge_mcp::http::HttpEndpoint, Problem> {
        let (headers, secrets) =
            values::resolve_headers(&endpoint.headers, &self.secrets, &self.tasks).await?;
        log.conceal(secrets);
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        drawbridge_mcp::http::HttpEndpoint::new(&endpoint.url, headers)
            .map_err(|error| error.problem())
    }

    pub(crate) async fn spawner(&self) -> &Spawner {
        self.spawner
            .get_or_init(|| async {
                Spawner::new(SpawnerSettings {
                    guardian: self.guardian.clone(),
                    state_dir: self.state_dir.clone(),
                    grace: STOP_GRACE,
                    search_path: self.search_path().await.clone(),
                    tasks: self.tasks.clone(),
                })
            })
            .await
    }

    /// Where commands are looked up. A desktop starts us with a short `PATH`, so there the login
    /// shell is asked for the one the person knows from a terminal.
    pub(crate) async fn search_path(&self) -> &OsString {
        let inherited = || std::env::var_os("PATH").unwrap_or_default();
        self.search_path
            .get_or_init(|| async {
                match self.attendance {
                    Attendance::Attended => {
                        login_shell_path().await.map_or_else(inherited, Into::into)
                    }
                    Attendance::Unattended => inherited(),
                }
            })
            .await
    }

    /// Where a command would be found.
    pub(crate) async fn find(&self, command: &str, cwd: Option<&Path>) -> Option<PathBuf> {
        drawbridge_supervisor::find_program(command, self.search_path().await, cwd)
    }
}

/// Why a program that was started does not answer.
fn not_answering(
    name: &ServerName,
    error: &ConnectError,
    report: &ExitReport,
    log: &LogBook,
) -> Problem {
    let problem = error.problem();
    let message = match error {
        ConnectError::Exited => {
            format!("\"{name}\" {report} before it answered.{}", last_words(report))
        }
        _ => format!("{}{}", problem.message, last_words(report)),
    };
    Problem::new(message, with_log(&problem.detail, log))
}

/// Why a server that answered ended.
fn ended(name: &ServerName, reason: &str, report: Option<&ExitReport>, log: &LogBook) -> Problem {
    let message = match report {
        Some(report) => format!("\"{name}\" {report}.{}", last_words(report)),
        None => format!("The connection to \"{name}\" ended: {reason}."),
    };
    Problem::new(message, with_log(reason, log))
}

fn last_words(report: &ExitReport) -> String {
    report.last_stderr.as_ref().map(|line| format!(" It said: {line}")).unwrap_or_default()
}

fn with_log(detail: &str, log: &LogBook) -> String {
    let lines: Vec<_> = log
        .tail(LAST_LINES)
        .into_iter()
        .filter(|line| line.source != LogSource::Drawbridge)
        .map(|line| line.text.to_string())
        .collect();
    match lines.as_slice() {
        [] => detail.to_owned(),
        lines => format!("{detail}\n{}", lines.join("\n")),
    }
}
