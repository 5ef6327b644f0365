//! Who may connect: one client is one app with a token of its own.

use std::sync::Arc;

use drawbridge_model::ClientName;
use drawbridge_secrets::TokenDigest;

/// One app that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name in the config.
    pub name: ClientName,
    /// What its token hashes to.
    pub digest: TokenDigest,
    /// Where it may show its token.
    pub placement: TokenPlace,
    /// Whether it may download, change and delete models.
    pub manages_models: bool,
}

/// Where an app may show its token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenPlace {
    /// Only in a header.
    #[default]
    Header,
    /// In a header or in the base address `/k/TOKEN/…`, because it cannot send headers.
    HeaderOrPath,
}

/// All apps that may connect: an immutable table, swapped whole.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<Arc<Client>>);

impl Clients {
    /// A table of these apps.
    #[must_use]
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        Self(clients.into_iter().map(Arc::new).collect())
    }

    /// Whose token this is. All digests are compared, each in constant time, so that the time says
    /// nothing about which one came close.
    pub(crate) fn holder_of(&self, presented: &str) -> Option<&Arc<Client>> {
        let presented = TokenDigest::of(presented);
        let mut holder = None;
        for client in &self.0 {
            if client.digest.same(&presented) {
                holder = Some(client);
            }
        }
        holder
    }

    /// Whether this very app, with this very token, may still connect.
    pub(crate) fn has(&self, client: &Client) -> bool {
        self.0.iter().any(|known| known.name == client.name && known.digest == client.digest)
    }
}
