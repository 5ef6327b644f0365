//! Who may connect: turns the config's apps and guard rules into the tables the gateway reads, and
//! tells the stdio bridge how to reach the running engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use drawbridge_gateway::{Client, Clients, GuardRules, TokenPlace};
use drawbridge_model::ClientName;
use drawbridge_policy::{Answers, Use};
use drawbridge_secrets::{SecretStore, Token, TokenDigest};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::clients::RuntimeFile;
use crate::config::{ClientEntry, Loaded, TokenSource};
use crate::gateway_port::GatewayPort;
use crate::paths::Paths;
use crate::values;

/// The tables and what they are made with.
pub(crate) struct Access {
    pub(crate) clients: Arc<ArcSwap<Clients>>,
    pub(crate) guard: Arc<ArcSwap<GuardRules>>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) secrets: Arc<dyn SecretStore>,
    pub(crate) paths: Paths,
    pub(crate) tasks: TaskTracker,
    pub(crate) gateway: GatewayPort,
    /// A token for each app's stdio bridge, made anew at each start of the engine.
    pub(crate) bridges: BTreeMap<ClientName, Token>,
}

impl Access {
    /// Puts what the config says in force, whenever it changes, and writes the runtime file,
    /// whenever the address does. Ends when both senders are gone.
    pub(crate) async fn follow(
        mut self,
        mut loaded: watch::Receiver<Arc<Loaded>>,
        mut address: watch::Receiver<Option<String>>,
    ) {
        loop {
            tokio::select! {
                changed = loaded.changed() => if changed.is_err() { break },
                changed = address.changed() => if changed.is_err() { break },
            }
            let config = Arc::clone(&loaded.borrow_and_update());
            let address = address.borrow_and_update().clone();
            self.publish(&config, address.as_deref()).await;
        }
        RuntimeFile::remove(&self.paths);
    }

    /// Puts one config in force.
    pub(crate) async fn publish(&mut self, loaded: &Loaded, address: Option<&str>) {
        let gateway = &loaded.config.gateway;
        self.guard.store(Arc::new(GuardRules {
            hosts: gateway.hosts.clone(),
            origins: gateway.origins.clone(),
        }));

        let mut clients = Vec::new();
        self.bridges.retain(|name, _| loaded.config.clients.contains_key(name));
        for (name, entry) in &loaded.config.clients {
            let place = match entry.in_path {
                true => TokenPlace::HeaderOrPath,
                false => TokenPlace::Header,
            };
            let client = |digest| Client {
                name: name.clone(),
                digest,
                placement: TokenPlace::Header,
                manages_models: entry.manages_models,
            };
            if let Some(digest) = self.digest(name, entry).await {
                clients.push(Client { placement: place, ..client(digest) });
            }
            if !self.bridges.contains_key(name) {
                match Token::generate() {
                    Ok(token) => drop(self.bridges.insert(name.clone(), token)),
                    Err(error) => tracing::error!(%error, "the system gives no random numbers"),
                }
            }
            if let Some(token) = self.bridges.get(name) {
                let digest = token.digest();
                clients.push(client(digest));
            }
        }
        self.clients.store(Arc::new(Clients::new(clients)));
        self.gateway.clients_changed();
        // Another app, or another server, may get the name of one that is gone.
        self.answers.take_back(|remembered| {
            let Use { client, server, .. } = &remembered.about;
            !loaded.config.clients.contains_key(client)
                || loaded.config.server(server.as_str()).is_none()
        });

        if let Some(address) = address {
            let file = RuntimeFile::new(address, &self.bridges);
            let paths = self.paths.clone();
            let written = self.tasks.spawn_blocking(move || file.write(&paths)).await;
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the stdio bridge cannot be told"),
                Err(error) => tracing::error!(%error, "writing the runtime file broke off"),
            }
        }
    }

    /// What an app's token hashes to; `None`, with a line in the log, when it cannot be told.
    async fn digest(&self, name: &ClientName, entry: &ClientEntry) -> Option<TokenDigest> {
        match &entry.token {
            TokenSource::Sha256(digits) => match digits.parse() {
                Ok(digest) => Some(digest),
                Err(error) => {
                    tracing::warn!(client = %name, %error, "this app's tokenSha256 is not a hash");
                    None
                }
            },
            TokenSource::Template(reference) => {
                let resolved = values::resolve(reference, &self.secrets, &self.tasks).await;
                match resolved {
                    Ok(token) => Some(TokenDigest::of(&token)),
                    Err(problem) => {
                        tracing::warn!(client = %name, "{}", problem.message);
                        None
                    }
                }
            }
        }
    }
}
