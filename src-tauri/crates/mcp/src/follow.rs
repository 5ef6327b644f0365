//! Keeping the catalog current while a connection lasts.

use std::fmt;
use std::time::Duration;

use drawbridge_model::{ClientName, ServerName};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::bulletin::{Bulletin, Notice};
use crate::catalog::{Offer, read_list, read_offer};
use crate::connection::{Connection, SendError};
use crate::event::{ListKind, ServerEvent, ServerEvents};

/// A burst of list changes within this time is read once.
const SETTLE: Duration = Duration::from_millis(50);

/// Where what a server offers and says goes.
pub struct FollowInto {
    /// Takes its lists, each time they were read, and ends once the catalog shows what apps may
    /// see of them.
    pub publish: Publish,
    /// Takes its news.
    pub bulletin: Bulletin,
    /// Takes lines on standard output that are no messages.
    pub on_rubbish: Box<dyn Fn(String) + Send + Sync>,
    /// Takes sentences about lists that could not be read in full.
    pub on_warning: Box<dyn Fn(String) + Send + Sync>,
}

/// Puts what a server offers where apps see it.
pub type Publish = Box<dyn Fn(Offer) -> BoxFuture<'static, ()> + Send + Sync>;

impl fmt::Debug for FollowInto {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FollowInto").finish_non_exhaustive()
    }
}

/// Reads everything a server offers, publishes it, and follows its changes until the connection
/// ends. Gives why it ended.
///
/// A list is announced as changed only once the catalog shows it. The offer stays in the catalog
/// afterwards: a server that is started again in a moment has the same tools, and a call meanwhile
/// is told so instead of hearing that the tool is unknown. Who gives a server up withdraws it.
pub async fn follow(
    server: ServerName,
    connection: Connection,
    events: ServerEvents,
    into: FollowInto,
) -> String {
    let mut follower = Follower {
        server,
        connection,
        into,
        offer: Offer::default(),
        published: false,
        stale: ListKind::ALL.to_vec(),
    };
    follower.run(events).await
}

/// Passes on what a connection of one client says, until it ends. Its lists are not read: the
/// catalog has them from elsewhere.
pub async fn relay(
    server: ServerName,
    client: ClientName,
    mut events: ServerEvents,
    bulletin: Bulletin,
) -> String {
    while let Some(event) = events.next().await {
        match event {
            ServerEvent::Closed(why) => return why,
            event => announce(&server, Some(&client), event, &bulletin),
        }
    }
    String::new()
}

struct Follower {
    server: ServerName,
    connection: Connection,
    into: FollowInto,
    offer: Offer,
    published: bool,
    /// Lists to be read anew.
    stale: Vec<ListKind>,
}

type Reading = BoxFuture<'static, (Result<Offer, SendError>, Vec<String>)>;

impl Follower {
    async fn run(&mut self, mut events: ServerEvents) -> String {
        let mut reading: Option<(Vec<ListKind>, Reading)> = None;
        loop {
            if reading.is_none() && !self.stale.is_empty() {
                let kinds = std::mem::take(&mut self.stale);
                reading = Some((kinds.clone(), self.read(kinds)));
            }
            let read = async {
                match &mut reading {
                    Some((_, reading)) => reading.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.next() => match event {
                    None => return String::new(),
                    Some(ServerEvent::Closed(why)) => return why,
                    Some(event) => self.heard(event),
                },
                (result, warnings) = read => {
                    let kinds = reading.take().map(|(kinds, _)| kinds).unwrap_or_default();
                    warnings.into_iter().for_each(&self.into.on_warning);
                    match result {
                        Ok(offer) => self.publish(offer, &kinds).await,
                        Err(SendError::Closed(_)) => {}
                        Err(error) => {
                            (self.into.on_warning)(format!("its lists could not be read: {error}"));
                        }
                    }
                }
            }
        }
    }

    fn read(&self, kinds: Vec<ListKind>) -> Reading {
        let (server, connection) = (self.server.clone(), self.connection.clone());
        let mut offer = self.offer.clone();
        let first = !self.published;
        async move {
            let mut warnings = Vec::new();
            let result = if first {
                read_offer(&server, &connection, &mut warnings).await
            } else {
                tokio::time::sleep(SETTLE).await;
                let mut result = Ok(());
                for kind in kinds {
                    result = read_list(&server, &connection, kind, &mut offer, &mut warnings).await;
                    if result.is_err() {
                        break;
                    }
                }
                result.map(|()| offer)
            };
            (result, warnings)
        }
        .boxed()
    }

    fn heard(&mut self, event: ServerEvent) {
        match event {
            // Announced once it is read. A change during a reading is read again after it.
            ServerEvent::ListChanged(kind) => {
                if !self.stale.contains(&kind) {
                    self.stale.push(kind);
                }
            }
            ServerEvent::Rubbish(line) => (self.into.on_rubbish)(line),
            event => announce(&self.server, None, event, &self.into.bulletin),
        }
    }

    async fn publish(&mut self, offer: Offer, kinds: &[ListKind]) {
        self.offer = offer.clone();
        (self.into.publish)(offer).await;
        if !std::mem::replace(&mut self.published, true) {
            self.into.bulletin.announce(Notice::Opened { server: self.server.clone() });
        }
        for kind in kinds {
            self.announce_list(*kind);
        }
    }

    fn announce_list(&self, kind: ListKind) {
        let can = self.connection.opening().capabilities;
        let has = match kind {
            ListKind::Tools => can.tools,
            ListKind::Prompts => can.prompts,
            ListKind::Resources => can.resources,
        };
        if has {
            let server = self.server.clone();
            self.into.bulletin.announce(Notice::ListChanged { server, client: None, kind });
        }
    }
}

fn announce(
    server: &ServerName,
    client: Option<&ClientName>,
    event: ServerEvent,
    bulletin: &Bulletin,
) {
    let (server, client) = (server.clone(), client.cloned());
    bulletin.announce(match event {
        ServerEvent::ListChanged(kind) => Notice::ListChanged { server, client, kind },
        ServerEvent::ResourceUpdated { uri, params } => {
            Notice::ResourceUpdated { server, client, uri, params }
        }
        ServerEvent::Logged { level, params } => Notice::Logged { server, client, level, params },
        ServerEvent::Notified { method, params } => {
            Notice::Notified { server, client, method, params }
        }
        ServerEvent::Rubbish(_) | ServerEvent::Closed(_) => return,
    });
}
