//! Performs what the state asks for: swaps tables, starts and ends runs, sets timers, and hands
//! slow writes to tasks of their own. Nothing in here waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use drawbridge_audit::{Note, ReadError, Record, SwitchedOff};
use drawbridge_gateway::Health;
use drawbridge_mcp::{Bulletin, CatalogStore, ListKind, Notice, Upstream, Upstreams};
use drawbridge_model::ServerName;
use drawbridge_policy::{Policy, Questions};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Controller;
use super::pauses::Pauses;
use super::pins::Pins;
use super::run::Launcher;
use super::state::{Effect, Event, FromBefore, RunEvent, RunId};
use crate::config::Loaded;

/// Notes that wait to be put on record. One more is dropped and said so in the log: nothing ran
/// because of it.
const WAITING_NOTES: usize = 1024;

/// The tables a tool call reads, and the hands that change them.
pub(crate) struct Tables {
    pub(crate) policy: Arc<ArcSwap<Policy>>,
    pub(crate) questions: Arc<Questions>,
    pub(crate) health: Arc<ArcSwap<Health>>,
    pub(crate) catalog: Arc<CatalogStore>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) bulletin: Bulletin,
    pub(crate) launcher: Arc<Launcher>,
    pub(crate) controller: Controller,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) access: watch::Sender<Arc<Loaded>>,
    pub(crate) port: mpsc::Sender<u16>,
    pub(crate) kept: watch::Sender<Kept>,
    pub(crate) notes: mpsc::Sender<Note>,
    pub(crate) runs: HashMap<ServerName, (RunId, CancellationToken)>,
    pub(crate) retries: HashMap<ServerName, CancellationToken>,
    /// Stops the timer of the pause that ends next.
    pub(crate) resume: CancellationToken,
}

/// What outlives a restart and is not in the config file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) pauses: Pauses,
    pub(crate) switched_off: BTreeSet<SwitchedOff>,
    /// What is known of the tools of those servers of which that has changed in this run.
    pub(crate) pins: Pins,
    /// Grows with each change, so that one can wait until it is written.
    pub(crate) revision: u64,
}

impl Tables {
    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform_one(effect);
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Launch { definition, run } => {
                let halt = self.stop.child_token();
                self.runs.insert(definition.name.clone(), (run, halt.clone()));
                let launcher = Arc::clone(&self.launcher);
                let controller = self.controller.clone();
                self.tasks.spawn(async move {
                    let server = definition.name.clone();
                    let tell = move |event: RunEvent| {
                        let (controller, server) = (controller.clone(), server.clone());
                        async move {
                            controller.tell(Event::RunChanged { server, run, event }).await;
                        }
                    };
                    launcher.run(*definition, halt, tell).await;
                });
            }
            Effect::Halt { server } => {
                if let Some((_, halt)) = self.runs.remove(&server) {
                    halt.cancel();
                }
            }
            Effect::ScheduleRetry { server, run, at } => {
                self.cancel_retry(&server);
                let cancelled = self.stop.child_token();
                self.retries.insert(server.clone(), cancelled.clone());
                let controller = self.controller.clone();
                self.tasks.spawn(async move {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {
                            controller.report(Event::RetryDue { server, run }).await;
                        }
                        () = cancelled.cancelled() => {}
                    }
                });
            }
            Effect::CancelRetry { server } => self.cancel_retry(&server),
            Effect::Unavailable { server, sentence } => {
                self.upstreams.set(&server, Upstream::NotReady { sentence });
            }
            Effect::Withdraw { server } => self.withdraw(&server),
            Effect::Forget { server } => {
                self.cancel_retry(&server);
                self.runs.remove(&server);
                self.upstreams.remove(server.as_str());
                self.withdraw(&server);
                self.launcher.logs.forget(&server);
            }
            Effect::PublishPolicy(policy) => {
                self.policy.store(policy);
                self.questions.rules_changed();
            }
            Effect::TellToolsChanged(server) => {
                self.bulletin.announce(Notice::ListChanged {
                    server,
                    client: None,
                    kind: ListKind::Tools,
                });
            }
            Effect::PublishAccess(loaded) => drop(self.access.send_replace(loaded)),
            Effect::MoveGateway(port) => {
                if self.port.try_send(port).is_err() {
                    tracing::warn!(port, "the gateway is still being moved");
                }
            }
            Effect::PublishOffer { server, offer } => self.catalog.publish(&server, *offer),
            Effect::KeepPauses(pauses) => self.keep(|kept| kept.pauses = pauses),
            Effect::ScheduleResume(at) => self.schedule_resume(at),
            Effect::KeepPins { server, pins } => self.keep(|kept| {
                kept.pins.insert(server, pins);
            }),
            Effect::KeepSwitchedOff(all) => self.keep(|kept| kept.switched_off = all),
            Effect::Note(note) => {
                if self.notes.try_send(*note).is_err() {
                    tracing::warn!("too much is waiting to be put on record; a note is dropped");
                }
            }
        }
    }

    fn withdraw(&self, server: &ServerName) {
        if self.catalog.load().server(server.as_str()).is_none() {
            return;
        }
        self.catalog.withdraw(server);
        for kind in ListKind::ALL {
            let server = server.clone();
            self.bulletin.announce(Notice::ListChanged { server, client: None, kind });
        }
    }

    fn keep(&self, change: impl FnOnce(&mut Kept)) {
        self.kept.send_modify(|kept| {
            change(kept);
            kept.revision += 1;
        });
    }

    fn schedule_resume(&mut self, at: Option<Instant>) {
        std::mem::replace(&mut self.resume, self.stop.child_token()).cancel();
        let Some(at) = at else { return };
        let (cancelled, controller) = (self.resume.clone(), self.controller.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(at) => controller.report(Event::PauseEnds).await,
                () = cancelled.cancelled() => {}
            }
        });
    }

    fn cancel_retry(&mut self, server: &ServerName) {
        if let Some(retry) = self.retries.remove(server) {
            retry.cancel();
        }
    }
}

/// Puts notes on record, in order, until every sender is gone.
pub(crate) async fn write_notes(record: Record, mut notes: mpsc::Receiver<Note>) {
    while let Some(note) = notes.recv().await {
        if let Err(error) = record.note(note).await {
            tracing::warn!(%error, "a note was not put on record");
        }
    }
}

/// The channel of [`write_notes`].
pub(crate) fn notes() -> (mpsc::Sender<Note>, mpsc::Receiver<Note>) {
    mpsc::channel(WAITING_NOTES)
}

/// Keeps the newest state of pauses, switches and pins over restarts. `before` is what is on disk
/// already. `written` follows the revision that
/// is on disk, or that could not be written, which the record's own trouble tells.
pub(crate) async fn write_kept(
    record: Record,
    mut wanted: watch::Receiver<Kept>,
    mut before: Kept,
    written: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let store = record.kept();
    let mut complete = true;
    loop {
        // What was switched before the end is still written.
        tokio::select! {
            biased;
            changed = wanted.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        let kept = wanted.borrow_and_update().clone();
        let (pause, switches) =
            (before.pauses != kept.pauses, before.switched_off != kept.switched_off);
        // What was not written is written together with the next change.
        let all = !complete;
        complete = true;
        if (all || pause)
            && let Err(error) = store.set_pauses(&kept.pauses).await
        {
            tracing::warn!(%error, "the pause is in force but was not kept");
            complete = false;
        }
        if (all || switches)
            && let Err(error) = store.set_switched_off(&kept.switched_off).await
        {
            tracing::warn!(%error, "what is switched off is in force but was not kept");
            complete = false;
        }
        for (server, pins) in &kept.pins {
            let same = before.pins.get(server) == Some(pins);
            if (all || !same)
                && let Err(error) = store.set_pins(server, pins.as_ref()).await
            {
                tracing::warn!(%error, %server, "what was seen of its tools was not kept");
                complete = false;
            }
        }
        written.send_replace(kept.revision);
        before = kept;
    }
}

/// What was kept over the last restart.
pub(crate) async fn read_kept(record: &Record) -> Result<FromBefore, ReadError> {
    let store = record.kept();
    let pauses: Pauses = store.pauses().await?.unwrap_or_default();
    Ok(FromBefore {
        pauses: pauses.restored(crate::clock::now_ms()),
        switched_off: store.switched_off().await?,
        pins: store.pins().await?,
    })
}
