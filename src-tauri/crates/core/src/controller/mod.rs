//! The Controller: the one writer of what is true right now.
//!
//! Everything that can change the state arrives in one inbox as an [`Event`]; `State::apply` says
//! what follows, and this loop does it. A tool call never passes through here: it reads tables that
//! this loop swaps whole.

mod consent;
mod effects;
mod pauses;
mod pins;
mod run;
mod slot;
mod snapshot;
mod start;
mod state;

use std::sync::Arc;

use drawbridge_audit::NotRecorded;
use drawbridge_gateway::Presences;
use drawbridge_model::ServerName;
use drawbridge_policy::{Answers, Blocked, Questions, ServerPins};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub(crate) use effects::{Kept, Tables, notes, read_kept, write_kept, write_notes};
pub(crate) use run::Launcher;
pub(crate) use snapshot::{Seen, tool_view};
pub(crate) use start::{shown, start_of};
pub(crate) use state::{Event, Moment, State, Ticket, setting_note};

use crate::backends::BackendViews;
use crate::ollama::OllamaNow;
use crate::view::Snapshot;

/// Messages that wait for the Controller. Whoever sends one more waits, which slows a flood down
/// at its source.
const INBOX: usize = 256;

/// What the Controller is told.
pub(crate) enum Message {
    /// Something happened. The sender, if it waits, is told when all that follows at once is done
    /// and stands in the snapshot.
    Event(Event, Option<oneshot::Sender<()>>),
    /// The config store has something newer. The sender is told when it is in force and stands in
    /// the snapshot.
    Reload(oneshot::Sender<()>),
    /// Somebody asks what the person has seen of a server.
    Pins(ServerName, oneshot::Sender<Option<Arc<ServerPins>>>),
    /// Somebody changes a switch and needs a ticket newer than all before it.
    Ticket(oneshot::Sender<Ticket>),
}

/// A handle on the Controller.
#[derive(Clone)]
pub(crate) struct Controller {
    inbox: mpsc::Sender<Message>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// What changes the snapshot without passing through the inbox.
pub(crate) struct Sources {
    pub(crate) catalog: watch::Receiver<u64>,
    pub(crate) presences: watch::Receiver<Presences>,
    pub(crate) record_trouble: watch::Receiver<Option<NotRecorded>>,
    pub(crate) consent: Consent,
    pub(crate) config: watch::Receiver<Arc<crate::config::Loaded>>,
    pub(crate) ollama: watch::Receiver<Arc<OllamaNow>>,
    pub(crate) backends: watch::Receiver<BackendViews>,
    pub(crate) memory_free: watch::Receiver<Option<u64>>,
}

/// Questions, remembered answers and what was stopped, and when they change.
pub(crate) struct Consent {
    pub(crate) questions: Arc<Questions>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) blocked: Arc<Blocked>,
    pub(crate) asked: watch::Receiver<u64>,
    pub(crate) answered: watch::Receiver<u64>,
    pub(crate) stopped: watch::Receiver<u64>,
}

impl Consent {
    pub(crate) fn new(
        questions: Arc<Questions>,
        answers: Arc<Answers>,
        blocked: Arc<Blocked>,
    ) -> Self {
        let (asked, answered) = (questions.changes(), answers.changes());
        let stopped = blocked.changes();
        Self { questions, answers, blocked, asked, answered, stopped }
    }
}

/// The inbox's other end, until the loop takes it.
pub(crate) struct Inbox(mpsc::Receiver<Message>, watch::Sender<Arc<Snapshot>>);

impl Controller {
    /// A handle and the inbox it writes to.
    pub(crate) fn new(state: &State) -> (Self, Inbox) {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (publish, snapshots) = watch::channel(Arc::new(snapshot::first(state)));
        (Self { inbox, snapshots }, Inbox(messages, publish))
    }

    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Tells the Controller and waits until what follows at once is done. After the end of the
    /// Controller this does nothing.
    pub(crate) async fn tell(&self, event: Event) {
        let _ended = self.begin_to_tell(event).await.await;
    }

    /// Hands an event in. What it gives waits until what follows at once is done.
    pub(crate) async fn begin_to_tell(&self, event: Event) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        let _ended = self.inbox.send(Message::Event(event, Some(done))).await;
        told
    }

    /// Tells the Controller without waiting for what follows.
    pub(crate) async fn report(&self, event: Event) {
        let _ = self.inbox.send(Message::Event(event, None)).await;
    }

    /// Puts the newest config in force and waits until it is.
    pub(crate) async fn reload(&self) {
        let (done, told) = oneshot::channel();
        if self.inbox.send(Message::Reload(done)).await.is_ok() {
            let _ = told.await;
        }
    }

    /// What the person has seen of a server; `None` when that is nothing, or after the end of the
    /// Controller.
    pub(crate) async fn pins(&self, server: &ServerName) -> Option<ServerPins> {
        let (give, pins) = oneshot::channel();
        self.inbox.send(Message::Pins(server.clone(), give)).await.ok()?;
        pins.await.ok()?.as_deref().cloned()
    }

    /// Asks for a ticket newer than all before it. What it gives waits for the ticket, and fails
    /// after the end of the Controller.
    pub(crate) async fn ticket(&self) -> oneshot::Receiver<Ticket> {
        let (give, ticket) = oneshot::channel();
        let _ended = self.inbox.send(Message::Ticket(give)).await;
        ticket
    }
}

/// Runs until every server has stopped after [`Event::Quit`], or all handles are gone.
pub(crate) async fn run(
    mut state: State,
    mut inbox: Inbox,
    mut sources: Sources,
    mut tables: Tables,
) {
    let mut revision = 0;
    let mut told: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        revision += 1;
        let snapshot = snapshot::of(&state, &sources, &tables.catalog.load(), revision);
        tables.health.store(Arc::new(snapshot::health(&snapshot)));
        inbox.1.send_replace(Arc::new(snapshot));
        for waiting in told.drain(..) {
            let _gone = waiting.send(());
        }
        if state.quitting && state.all_stopped() {
            return;
        }
        tokio::select! {
            message = inbox.0.recv() => {
                let Some(message) = message else { return };
                told.extend(take(&mut state, &mut tables, &mut sources, message));
                // A burst becomes one snapshot.
                while let Ok(message) = inbox.0.try_recv() {
                    told.extend(take(&mut state, &mut tables, &mut sources, message));
                }
            }
            Ok(()) = sources.config.changed() => reload(&mut state, &mut tables, &mut sources),
            Ok(()) = sources.catalog.changed() => {}
            Ok(()) = sources.ollama.changed() => {}
            Ok(()) = sources.backends.changed() => {}
            Ok(()) = sources.memory_free.changed() => {}
            Ok(()) = sources.presences.changed() => {}
            Ok(()) = sources.record_trouble.changed() => {}
            Ok(()) = sources.consent.asked.changed() => {}
            Ok(()) = sources.consent.answered.changed() => {}
            Ok(()) = sources.consent.stopped.changed() => {}
        }
    }
}

fn reload(state: &mut State, tables: &mut Tables, sources: &mut Sources) {
    let loaded = Arc::clone(&sources.config.borrow_and_update());
    let effects = state.apply(Event::ConfigLoaded(loaded), now());
    tables.perform(effects);
}

/// Takes in one message, and gives who is to be told once the snapshot shows it.
fn take(
    state: &mut State,
    tables: &mut Tables,
    sources: &mut Sources,
    message: Message,
) -> Option<oneshot::Sender<()>> {
    match message {
        Message::Event(event, done) => {
            let effects = state.apply(event, now());
            tables.perform(effects);
            return done;
        }
        Message::Reload(done) => {
            reload(state, tables, sources);
            return Some(done);
        }
        Message::Pins(server, give) => drop(give.send(state.pins.get(&server).cloned())),
        Message::Ticket(give) => drop(give.send(state.ticket())),
    }
    None
}

fn now() -> Moment {
    Moment { instant: Instant::now(), wall_ms: crate::clock::now_ms() }
}
