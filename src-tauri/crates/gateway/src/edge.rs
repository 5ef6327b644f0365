//! The running gateway: what all requests share, the accept loops, and the end.
//!
//! Every task is spawned on the caller's tracker and ends with the gateway's own cancellation
//! tokens. At the end nothing is accepted any more, listening streams close, calls in flight have
//! the grace they are given, and what still runs then is cancelled and says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use drawbridge_audit::Record;
use drawbridge_mcp::{Bulletin, CatalogStore, Upstreams};
use drawbridge_policy::{Answers, Blocked, Policy, Questions};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clients::Clients;
use crate::connections::{Connections, Seated};
use crate::front::fanout;
use crate::front::interest::{self, Interest};
use crate::guard::{GuardRules, Listening};
use crate::health::Health;
use crate::limits::Limits;
use crate::listener::Listeners;
use crate::models::ModelAccess;
use crate::presence::{Presence, Presences};
use crate::refusal::Door;
use crate::serving::Ending;
use crate::session::{CallsOf, Session, Sessions};
use crate::{door, listener, serving};

/// What the gateway reads while it serves. Each table is swapped whole by its owner, so that a
/// request sees one state of it and takes no lock.
#[derive(Clone)]
pub struct Shared {
    /// May this call cross?
    pub policy: Arc<ArcSwap<Policy>>,
    /// What the person allowed before.
    pub answers: Arc<Answers>,
    /// Where calls wait for the person's answer.
    pub questions: Arc<Questions>,
    /// What was stopped because it held a key or token.
    pub blocked: Arc<Blocked>,
    /// Who may connect. After a change call [`Gateway::clients_changed`].
    pub clients: Arc<ArcSwap<Clients>>,
    /// What the servers offer.
    pub catalog: Arc<CatalogStore>,
    /// The servers' connections.
    pub upstreams: Arc<Upstreams>,
    /// What servers and settings announce.
    pub bulletin: Bulletin,
    /// Where calls are put on record before they run.
    pub record: Record,
    /// Hosts and origins the person added.
    pub guard: Arc<ArcSwap<GuardRules>>,
    /// What `/health` tells a client.
    pub health: Arc<ArcSwap<Health>>,
    /// Where models are, and how they are asked.
    pub models: ModelAccess,
}

pub(crate) struct Edge {
    pub(crate) shared: Shared,
    pub(crate) limits: Limits,
    pub(crate) listening: Listening,
    pub(crate) sessions: Sessions,
    pub(crate) interest: Interest,
    pub(crate) presence: Presence,
    pub(crate) door: Door,
    /// Where all tasks run.
    pub(crate) tasks: TaskTracker,
    /// Counts calls in flight.
    pub(crate) calls: TaskTracker,
    /// Set when nothing more is accepted.
    pub(crate) draining: CancellationToken,
    connections: Arc<Connections>,
    /// Counts open connections.
    open: TaskTracker,
    /// Set when open connections are cut.
    cut: CancellationToken,
    /// Wakes the task that ends idle sessions.
    session_opened: Notify,
}

impl Edge {
    /// Opened, closed or evicted: the count of a client's sessions changed.
    pub(crate) fn sessions_changed(&self, session: &Session) {
        let client = &session.hello.client.name;
        self.presence.sessions(client, self.sessions.count(client));
        self.session_opened.notify_one();
    }

    /// What remains to be done for sessions that have ended.
    pub(crate) fn tidy(self: &Arc<Self>, ended: &[Arc<Session>]) {
        for session in ended {
            self.shared.answers.end_session(session.key);
            self.sessions_changed(session);
            fanout::release(self, session);
        }
    }

    /// Whether the app of this session may still connect.
    pub(crate) fn still_connected(&self, session: &Session) -> bool {
        self.shared.clients.load().has(&session.hello.client)
    }

    async fn end_what_is_over(self: Arc<Self>) {
        loop {
            let (ended, next) = self.sessions.expire(&self.limits);
            self.tidy(&ended);
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => self.session_opened.notified().await,
            }
        }
    }
}

/// The gateway while it serves.
pub struct Gateway {
    edge: Arc<Edge>,
    port: u16,
    /// Ends the gateway's own tasks.
    stop: CancellationToken,
}

impl Gateway {
    /// Serves on these sockets until [`Gateway::drain`].
    #[must_use]
    pub fn serve(listeners: Listeners, shared: Shared, tasks: TaskTracker) -> Self {
        Self::serve_with(listeners, shared, Limits::default(), tasks)
    }

    /// The same with other bounds.
    #[must_use]
    pub fn serve_with(
        listeners: Listeners,
        shared: Shared,
        limits: Limits,
        tasks: TaskTracker,
    ) -> Self {
        let port = listeners.port();
        let listening = Listening::new(port, listeners.serves_v6());
        let stop = CancellationToken::new();
        let (door, clerk) =
            Door::open(shared.record.clone(), limits.refusals_per_minute, stop.clone());
        let notices = shared.bulletin.listen();
        let edge = Arc::new(Edge {
            shared,
            limits,
            listening,
            sessions: Sessions::default(),
            interest: Interest::default(),
            presence: Presence::new(),
            door,
            tasks: tasks.clone(),
            calls: TaskTracker::new(),
            draining: CancellationToken::new(),
            connections: Arc::default(),
            open: TaskTracker::new(),
            cut: CancellationToken::new(),
            session_opened: Notify::new(),
        });
        tasks.spawn(clerk);
        let until_stopped = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = work => {}
                }
            }
        };
        let watched = Arc::clone(&edge);
        tasks.spawn(until_stopped(Box::pin(async move { watched.presence.keep_current().await })));
        tasks.spawn(until_stopped(Box::pin(Arc::clone(&edge).end_what_is_over())));
        tasks.spawn(until_stopped(Box::pin(fanout::spread(Arc::clone(&edge), notices))));
        tasks.spawn(until_stopped(Box::pin(interest::keep_levels(Arc::clone(&edge)))));
        let listener::Listeners { v4, v6, .. } = listeners;
        for socket in std::iter::once(v4).chain(v6) {
            tasks.spawn(accept(Arc::clone(&edge), socket));
        }
        Self { edge, port, stop }
    }

    /// The address apps are told.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The apps that have sent a request, brought up to date at most once a second.
    #[must_use]
    pub fn sessions(&self) -> watch::Receiver<Presences> {
        self.edge.presence.watch()
    }

    /// Closes the sessions of apps that may no longer connect. Their requests are refused as soon
    /// as the table of clients is swapped; this ends what is under way.
    pub fn clients_changed(&self) {
        let clients = self.edge.shared.clients.load_full();
        let ended = self.edge.sessions.end_where(|session| !clients.has(&session.hello.client));
        self.edge.tidy(&ended);
    }

    /// How many of these calls are in flight.
    #[must_use]
    pub fn count_calls(&self, of: &CallsOf) -> usize {
        self.edge.sessions.count_calls(of)
    }

    /// Cancels these calls, as the person wishes, and gives how many there were. Their servers are
    /// told, and their apps get an answer that says so.
    pub fn cancel_calls(&self, of: &CallsOf) -> usize {
        self.edge.sessions.cancel_calls(of)
    }

    /// Ends: nothing more is accepted, listening streams close, calls in flight have `grace`, and
    /// what runs then is cancelled. Returns when all connections are closed.
    pub async fn drain(&self, grace: Duration) {
        let edge = &self.edge;
        edge.draining.cancel();
        for session in edge.sessions.all() {
            session.close_streams();
        }
        edge.calls.close();
        let _in_time = tokio::time::timeout(grace, edge.calls.wait()).await;
        let ended = edge.sessions.end_where(|_| true);
        edge.tidy(&ended);
        // Calls that were cancelled have their end to write and an answer to send; an app that
        // does not read it cannot hold up the end.
        edge.open.close();
        let last_words = async {
            edge.calls.wait().await;
            edge.open.wait().await;
        };
        let _in_time = tokio::time::timeout(Duration::from_secs(1), last_words).await;
        edge.cut.cancel();
        edge.open.wait().await;
        edge.calls.wait().await;
        self.stop.cancel();
    }
}

/// Accepts until the end. No connection can hold up the next: each has a task of its own.
async fn accept(edge: Arc<Edge>, socket: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = edge.draining.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(seated) = edge.connections.seat(edge.limits.connections, &edge.draining)
                else {
                    tracing::warn!("too many connections; one was closed");
                    continue;
                };
                let open = edge.open.token();
                let edge = Arc::clone(&edge);
                edge.tasks.clone().spawn(async move {
                    let _open = open;
                    serve_connection(edge, stream, peer, seated).await;
                });
            }
            // Out of file descriptors, most likely: there is nothing to do but wait for some.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_connection(edge: Arc<Edge>, stream: TcpStream, peer: SocketAddr, seated: Seated) {
    let seat = &seated.seat;
    let ending = Ending {
        draining: edge.draining.clone(),
        leave: seat.leave.clone(),
        cut: edge.cut.clone(),
    };
    let answer = |request| door::answer(&edge, peer, seat, request);
    if let Err(error) = serving::connection(stream, &edge.limits, &ending, answer).await {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}
