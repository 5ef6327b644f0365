//! The server: bound, started, answering, ended.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::environment::Environment;
use crate::loaded::Loading;
use crate::models::Catalog;
use crate::record::Recorder;
use crate::route;
use crate::script::{Runner, Script};
use crate::{loaded, log};

/// How often models that have outstayed their time are looked for.
const EXPIRY: Duration = Duration::from_millis(50);

/// How the server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code a process of it has.
    pub code: i32,
    /// The last line on stderr.
    pub stderr: Option<String>,
}

/// What ends a server from outside.
#[derive(Debug, Clone)]
pub struct Ender(watch::Sender<Option<Ended>>);

impl Ender {
    /// Ends it as SIGTERM does.
    pub fn stop(&self) {
        self.0.send_replace(Some(Ended { code: 0, stderr: None }));
    }

    /// Ends it as a crash does.
    pub fn crash(&self, code: i32, stderr: &str) {
        let stderr = (!stderr.is_empty()).then(|| stderr.to_owned());
        self.0.send_replace(Some(Ended { code, stderr }));
    }
}

/// A blob that was sent.
#[derive(Clone, Default)]
pub(crate) struct Blob {
    pub(crate) size: u64,
    /// What it says of itself that a model made of it can do.
    pub(crate) capabilities: Vec<String>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) script: Script,
    pub(crate) environment: Environment,
    pub(crate) address: SocketAddr,
    pub(crate) catalog: Mutex<Catalog>,
    pub(crate) loading: Loading,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) requests: AtomicU64,
    pub(crate) waiting: AtomicUsize,
    /// How often each fault has matched.
    pub(crate) faults: Vec<AtomicU64>,
    /// Blobs by their digits, with their sizes; a folder has its own.
    pub(crate) blobs: Mutex<HashMap<String, Blob>>,
    /// Layers that have come in part, where there is no folder.
    pub(crate) partial: Mutex<HashMap<String, u64>>,
    pub(crate) ender: Ender,
    pub(crate) bound: Instant,
    pub(crate) runner_program: Option<PathBuf>,
    pub(crate) quiet: bool,
}

impl Shared {
    pub(crate) fn cloud_disabled(&self) -> bool {
        self.environment.no_cloud || self.script.cloud.disabled
    }

    /// Whether nothing is answered any more.
    pub(crate) fn hangs(&self, request: u64) -> bool {
        let after = self.script.hang_after_ms.map(Duration::from_millis);
        after.is_some_and(|after| self.bound.elapsed() >= after)
            || self.script.hang_at_request.is_some_and(|at| request >= at)
    }
}

/// A server that is bound and does not answer yet.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    ending: watch::Receiver<Option<Ended>>,
}

impl Server {
    /// Binds. The models folder and the rest come from `environment`, its address does not.
    ///
    /// # Errors
    ///
    /// When the address is taken, or when the models folder or the record cannot be written.
    pub async fn bind(
        script: Script,
        environment: Environment,
        address: SocketAddr,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        Server::on(listener, script, environment)
    }

    /// Takes a socket that is bound already.
    ///
    /// # Errors
    ///
    /// When the models folder or the record cannot be written.
    pub fn on(
        listener: TcpListener,
        script: Script,
        environment: Environment,
    ) -> io::Result<Server> {
        let (sender, ending) = watch::channel(None);
        let catalog = Catalog::open(&script, environment.models.clone(), environment.no_prune)?;
        let shared = Shared {
            address: listener.local_addr()?,
            catalog: Mutex::new(catalog),
            loading: Loading::default(),
            recorder: Arc::new(Recorder::open(script.log.as_deref())?),
            requests: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            faults: script.faults.iter().map(|_| AtomicU64::new(0)).collect(),
            blobs: Mutex::new(HashMap::new()),
            partial: Mutex::new(HashMap::new()),
            ender: Ender(sender),
            bound: Instant::now(),
            runner_program: None,
            quiet: true,
            script,
            environment,
        };
        Ok(Server { listener, shared: Arc::new(shared), ending })
    }

    /// Writes to stdout and stderr what a process of Ollama writes.
    #[must_use]
    pub fn loud(mut self) -> Server {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.quiet = false;
        }
        self
    }

    /// The program that is started with the argument `runner` where the script asks for children.
    #[must_use]
    pub fn with_runner(mut self, program: PathBuf) -> Server {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.runner_program = Some(program);
        }
        self
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What ends it.
    #[must_use]
    pub fn ender(&self) -> Ender {
        self.shared.ender.clone()
    }

    /// Answers until something ends it.
    pub async fn serve(mut self) -> Ended {
        let shared = Arc::clone(&self.shared);
        log::listening(&shared);
        if shared.script.runner == Runner::AtStart {
            loaded::start_lone_runner(&shared);
        }
        let starting = Duration::from_millis(shared.script.delays.starting_ms);
        let crash = shared.script.crash.clone().unwrap_or_default();
        let mut connections = JoinSet::new();
        let mut expiry = interval(EXPIRY);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let crash_timer = async {
            match crash.after_ms {
                Some(after) => sleep(Duration::from_millis(after)).await,
                None => std::future::pending().await,
            }
        };
        let started = sleep(starting);
        tokio::pin!(crash_timer, started);
        let (mut ready, mut crashed) = (false, false);
        let ended = loop {
            tokio::select! {
                () = &mut started, if !ready => {
                    ready = true;
                    log::ready(&shared);
                }
                accepted = self.listener.accept(), if ready => {
                    // A connection that was given up before it was taken is no reason to end.
                    if let Ok((stream, peer)) = accepted {
                        connections.spawn(serve_connection(Arc::clone(&shared), stream, peer));
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                _ = expiry.tick() => loaded::expire(&shared),
                () = &mut crash_timer, if !crashed => {
                    crashed = true;
                    shared.ender.crash(crash.code, &crash.stderr);
                }
                changed = self.ending.changed() => {
                    let ended = self.ending.borrow_and_update().clone();
                    match ended {
                        Some(ended) => break ended,
                        None if changed.is_err() => break Ended { code: 0, stderr: None },
                        None => {}
                    }
                }
            }
        };
        // A crash leaves its children behind; an end that was asked for does not.
        if ended.code == 0 && ended.stderr.is_none() {
            drop(self.listener);
            connections.shutdown().await;
            sleep(Duration::from_millis(shared.script.stop_ms)).await;
            loaded::unload_all(&shared);
        } else {
            loaded::abandon_all(&shared);
        }
        ended
    }
}

async fn serve_connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    // A line must not wait for the next one.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { route::answer(shared, request, peer).await }
    });
    // A connection that breaks off is a client that went away; the record tells of it.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Binds and answers until something in the script ends it.
///
/// # Errors
///
/// When the address is taken, or when the models folder or the record cannot be written.
pub async fn run(script: Script, address: SocketAddr) -> io::Result<Ended> {
    Ok(Server::bind(script, Environment::default(), address).await?.serve().await)
}
