//! News of servers for the sessions of clients.

use std::sync::Arc;

use drawbridge_model::{ClientName, ServerName};
use serde_json::value::RawValue;
use tokio::sync::broadcast;

use crate::event::{ListKind, LogLevel};

/// One piece of news. `client` is set when only that client may hear it, because it comes from a
/// connection of its own.
#[derive(Debug)]
pub enum Notice {
    /// A connection to a server was opened. What sessions asked of an earlier one (subscriptions,
    /// the level of logging) has to be asked of this one again.
    Opened {
        /// Which server.
        server: ServerName,
    },
    /// A list is not what it was; the catalog shows the new one already.
    ListChanged {
        /// Whose list.
        server: ServerName,
        /// Who may hear it; `None` for everyone.
        client: Option<ClientName>,
        /// Which list.
        kind: ListKind,
    },
    /// A server logged a message.
    Logged {
        /// Which server.
        server: ServerName,
        /// Who may hear it; `None` for everyone.
        client: Option<ClientName>,
        /// How grave it is.
        level: LogLevel,
        /// The parameters of `notifications/message`, untouched.
        params: Box<RawValue>,
    },
    /// The content of a resource changed.
    ResourceUpdated {
        /// Which server.
        server: ServerName,
        /// Who may hear it; `None` for everyone.
        client: Option<ClientName>,
        /// The resource, as the server names it.
        uri: String,
        /// The parameters of `notifications/resources/updated`, untouched.
        params: Box<RawValue>,
    },
    /// Another notification.
    Notified {
        /// Which server.
        server: ServerName,
        /// Who may hear it; `None` for everyone.
        client: Option<ClientName>,
        /// Its method.
        method: String,
        /// Its parameters, untouched.
        params: Option<Box<RawValue>>,
    },
}

impl Notice {
    /// The server it is about.
    #[must_use]
    pub fn server(&self) -> &ServerName {
        match self {
            Self::Opened { server }
            | Self::ListChanged { server, .. }
            | Self::Logged { server, .. }
            | Self::ResourceUpdated { server, .. }
            | Self::Notified { server, .. } => server,
        }
    }

    /// Whether this client may hear it.
    #[must_use]
    pub fn is_for(&self, name: &ClientName) -> bool {
        match self {
            Self::Opened { .. } => true,
            Self::ListChanged { client, .. }
            | Self::Logged { client, .. }
            | Self::ResourceUpdated { client, .. }
            | Self::Notified { client, .. } => client.as_ref().is_none_or(|client| client == name),
        }
    }
}

/// Most notices a listener may be behind.
const BEHIND_LIMIT: usize = 256;

/// Where news is pinned up and read. Cheap to clone.
///
/// A listener that falls more than 256 notices behind misses the oldest and is told so
/// (`RecvError::Lagged`); it should then take every list as changed.
#[derive(Debug, Clone)]
pub struct Bulletin {
    sender: broadcast::Sender<Arc<Notice>>,
}

impl Default for Bulletin {
    fn default() -> Self {
        Self::new()
    }
}

impl Bulletin {
    /// A bulletin without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND_LIMIT) }
    }

    /// Pins up a notice. Without listeners it is gone.
    pub fn announce(&self, notice: Notice) {
        // An error only says that nobody listens.
        let _ = self.sender.send(Arc::new(notice));
    }

    /// Hears everything announced from this moment on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.sender.subscribe()
    }
}
