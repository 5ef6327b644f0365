//! The gateway's port: listening, moving to another one, and draining.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_gateway::{BindError, CallsOf, Gateway, Listeners, Presences, Shared};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::controller::{Controller, Event};
use crate::view::{GatewayState, GatewayView};

/// How long calls may go on at the old port after the address moved.
const MOVE_GRACE: Duration = Duration::from_secs(5);

/// A handle on whichever gateway listens now. There is at most one.
#[derive(Clone)]
pub(crate) struct GatewayPort(Arc<Inner>);

struct Inner {
    shared: Shared,
    controller: Controller,
    tasks: TaskTracker,
    present: Mutex<Option<Gateway>>,
    /// What the present gateway tells about the apps that are here.
    presences: watch::Sender<Presences>,
    address: watch::Sender<Option<String>>,
}

impl GatewayPort {
    pub(crate) fn new(
        shared: Shared,
        presences: watch::Sender<Presences>,
        controller: Controller,
        tasks: &TaskTracker,
    ) -> Self {
        Self(Arc::new(Inner {
            shared,
            controller,
            tasks: tasks.clone(),
            present: Mutex::new(None),
            presences,
            address: watch::Sender::new(None),
        }))
    }

    /// The address apps connect to, while there is one.
    pub(crate) fn address(&self) -> watch::Receiver<Option<String>> {
        self.0.address.subscribe()
    }

    /// Serves on what was bound, or says why it was not.
    pub(crate) async fn take(&self, listening: Result<Listeners, BindError>, wanted: u16) {
        let (port, state) = match listening {
            Ok(listeners) => {
                let port = listeners.port();
                let gateway =
                    Gateway::serve(listeners, self.0.shared.clone(), self.0.tasks.clone());
                self.tell_presences(&gateway);
                self.0.address.send_replace(Some(GatewayView::address_at(port)));
                let before = self.replace(Some(gateway));
                if let Some(before) = before {
                    before.drain(MOVE_GRACE).await;
                }
                (port, GatewayState::Listening)
            }
            Err(error) => {
                tracing::error!(%error, "the gateway does not listen");
                trouble_at_port(wanted, &error)
            }
        };
        self.0.controller.report(Event::GatewayChanged { port, state }).await;
    }

    /// Listens on `port`. What listens on another port goes on until this one does.
    pub(crate) async fn listen(&self, port: u16) {
        self.take(drawbridge_gateway::bind(port).await, port).await;
    }

    /// Moves to each port it is told, until `stop`.
    pub(crate) async fn follow(self, mut ports: mpsc::Receiver<u16>, stop: CancellationToken) {
        loop {
            tokio::select! {
                port = ports.recv() => match port {
                    Some(port) => self.listen(port).await,
                    None => return,
                },
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes no new calls and gives those in flight that long.
    pub(crate) async fn drain(&self, grace: Duration) {
        let present = self.replace(None);
        if let Some(gateway) = present {
            gateway.drain(grace).await;
        }
        self.0.address.send_replace(None);
    }

    /// Ends the sessions of apps that may no longer connect.
    pub(crate) fn clients_changed(&self) {
        let present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gateway) = present.as_ref() {
            gateway.clients_changed();
        }
    }

    /// How many of these calls are in flight.
    pub(crate) fn count_calls(&self, of: &CallsOf) -> usize {
        let present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.as_ref().map_or(0, |gateway| gateway.count_calls(of))
    }

    /// Cancels these calls and gives how many there were.
    pub(crate) fn cancel_calls(&self, of: &CallsOf) -> usize {
        let present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.as_ref().map_or(0, |gateway| gateway.cancel_calls(of))
    }

    /// Passes on who is here, until that gateway is gone.
    fn tell_presences(&self, gateway: &Gateway) {
        let mut seen = gateway.sessions();
        let inner = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            while seen.changed().await.is_ok() {
                inner.presences.send_replace(Arc::clone(&seen.borrow_and_update()));
            }
        });
    }

    fn replace(&self, gateway: Option<Gateway>) -> Option<Gateway> {
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut present, gateway)
    }
}

/// Whether the port is taken, as the snapshot says it.
fn trouble_at_port(port: u16, error: &BindError) -> (u16, GatewayState) {
    let problem = error.problem();
    let state = match error {
        BindError::InUse { holder, .. } => {
            GatewayState::PortInUse { holder: holder.clone(), problem }
        }
        BindError::Other { .. } => GatewayState::Failed { problem },
    };
    (port, state)
}
