//! The secrets that the config refers to: which there are, storing and replacing them. What they
//! are is never given out.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_model::{ClientName, Problem, ServerName, ServerState, Transport};
use drawbridge_secrets::{Secret, SecretStore, StoreError};

use super::Engine;
use crate::bridge::{CommandError, ErrorCode};
use crate::config::template::{self, Reference};
use crate::config::{Config, TokenSource};
use crate::controller::Event;
use crate::values;
use crate::view::{SecretView, SecretsView};

/// Most characters of a secret's name, and most bytes of a secret: what the keyrings of all three
/// systems take (Windows Credential Manager: 2,560 bytes).
const MOST_NAME: usize = 128;
const MOST_BYTES: usize = 2_560;

/// Who needs a secret.
#[derive(Debug, Default)]
struct Users {
    servers: Vec<ServerName>,
    clients: Vec<ClientName>,
    backends: Vec<String>,
}

impl Engine {
    /// The secrets that the config refers to, without their values.
    ///
    /// # Errors
    /// None: why the keyring cannot be used stands in the answer.
    pub async fn secrets(&self) -> Result<SecretsView, CommandError> {
        let users = users(&self.0.store.loaded().config);
        let names: Vec<String> = users.keys().cloned().collect();
        let looked = self.with_keyring(move |keyring| {
            let is_stored = |name: &String| Ok(keyring.get(name)?.is_some());
            names.iter().map(is_stored).collect::<Result<Vec<bool>, StoreError>>()
        });
        let (stored, problem) = match looked.await {
            Ok(stored) => (stored.into_iter().map(Some).collect(), None),
            Err(problem) => (vec![None; users.len()], Some(problem)),
        };
        let view = |((name, users), stored): ((String, Users), Option<bool>)| SecretView {
            name,
            stored,
            servers: users.servers,
            clients: users.clients,
            backends: users.backends,
        };
        Ok(SecretsView { problem, secrets: users.into_iter().zip(stored).map(view).collect() })
    }

    /// Keeps a secret in the keyring, in place of the one that was there. Servers that need it are
    /// started again with it.
    ///
    /// # Errors
    /// When name or value cannot be kept, or the keyring does not take them.
    pub async fn store_secret(&self, name: String, value: String) -> Result<(), CommandError> {
        let invalid = |sentence: &str| CommandError::new(ErrorCode::InvalidInput, sentence, "");
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > MOST_NAME || !name.chars().all(fits) {
            return Err(invalid("A secret's name has letters, digits and . _ - only."));
        }
        if value.is_empty() || value.len() > MOST_BYTES {
            return Err(invalid("A secret has between 1 and 2,560 bytes."));
        }
        let (key, value) = (name.clone(), Secret::new(value));
        let stored = self.with_keyring(move |keyring| keyring.set(&key, &value)).await;
        stored.map_err(CommandError::other)?;
        self.note(format!("Secret \"{name}\" stored"), None);
        self.secret_changed(&name).await;
        Ok(())
    }

    /// Removes a secret from the keyring. What runs with it goes on until it is started again.
    ///
    /// # Errors
    /// When the keyring does not let it go.
    pub async fn remove_secret(&self, name: String) -> Result<(), CommandError> {
        let key = name.clone();
        let removed = self.with_keyring(move |keyring| keyring.delete(&key)).await;
        removed.map_err(CommandError::other)?;
        self.note(format!("Secret \"{name}\" removed"), None);
        // The token of an app counts no more.
        self.0.controller.reload().await;
        Ok(())
    }

    async fn secret_changed(&self, name: &str) {
        let loaded = self.0.store.loaded();
        let Some(users) = users(&loaded.config).remove(name) else { return };
        for server in users.servers {
            // One that the person stopped stays stopped.
            let runs = self
                .server_view(&server)
                .is_ok_and(|view| view.enabled && view.state != ServerState::Stopped);
            if runs {
                self.0.controller.tell(Event::Restart(server)).await;
            }
        }
        if !users.clients.is_empty() {
            self.0.controller.reload().await;
        }
        if !users.backends.is_empty() {
            self.0.ask_backends.notify_one();
        }
    }

    /// Asks the keyring, which may ask the person first.
    async fn with_keyring<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn SecretStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let keyring = Arc::clone(&self.0.secrets);
        let asked = self.0.tasks.spawn_blocking(move || ask(keyring.as_ref()));
        values::keyring_answers(asked).await?.map_err(|error| error.problem())
    }
}

/// Who needs which secret, by its name.
fn users(config: &Config) -> BTreeMap<String, Users> {
    let mut all: BTreeMap<String, Users> = BTreeMap::new();
    for server in config.all_servers() {
        for name in texts(&server.transport).flat_map(names_in) {
            let users = all.entry(name).or_default();
            if users.servers.last() != Some(&server.name) {
                users.servers.push(server.name.clone());
            }
        }
    }
    for (client, entry) in &config.clients {
        if let TokenSource::Template(reference) = &entry.token {
            for name in names_in(reference) {
                all.entry(name).or_default().clients.push(client.clone());
            }
        }
    }
    for (name, entry) in &config.backends {
        for secret in entry.token.iter().flat_map(|token| names_in(token)) {
            all.entry(secret).or_default().backends.push(name.clone());
        }
    }
    all
}

/// Everything in which a reference may stand.
fn texts(transport: &Transport) -> Box<dyn Iterator<Item = &str> + '_> {
    match transport {
        Transport::Stdio(launch) => Box::new(
            std::iter::once(&launch.command)
                .chain(&launch.args)
                .chain(launch.env.values())
                .map(String::as_str),
        ),
        Transport::Http(endpoint) => Box::new(endpoint.headers.values().map(String::as_str)),
        Transport::BuiltIn => Box::new(std::iter::empty()),
    }
}

fn names_in(text: &str) -> Vec<String> {
    let references = template::references(text).unwrap_or_default();
    let secret = |reference| match reference {
        Reference::Secret(name) => Some(name),
        Reference::Env(_) => None,
    };
    references.into_iter().filter_map(secret).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    #[test]
    fn each_secret_is_listed_once_with_all_who_need_it() {
        let text = r#"{"mcpServers":{
            "a":{"command":"x","args":["${secret:one}"],"env":{"A":"${secret:two}${secret:two}"}},
            "b":{"url":"https://b.example","headers":{"Authorization":"Bearer ${secret:two}"}},
            "c":{"command":"x","env":{"A":"${env:HOME}"}}},
            "clients":{"script":{"token":"${secret:three}"}}}"#;
        let (config, _) = parse(text, Path::new("config")).expect("it is valid");
        let listed: Vec<_> = users(&config)
            .into_iter()
            .map(|(name, users)| {
                let servers: Vec<_> = users.servers.iter().map(ToString::to_string).collect();
                let clients: Vec<_> = users.clients.iter().map(ToString::to_string).collect();
                format!("{name}: {} / {}", servers.join(" "), clients.join(" "))
            })
            .collect();
        assert_eq!(listed, ["one: a / ", "three:  / script", "two: a b / "]);
    }
}
