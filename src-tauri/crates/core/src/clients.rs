//! Apps that may connect, changed from a command line, and the file through which a stdio bridge
//! finds the running engine.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use drawbridge_model::{ClientName, Problem};
use drawbridge_secrets::{OsKeyring, Secret, SecretStore, Token};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::atomic_write::{self, WriteError};
use crate::config::edit::Edit;
use crate::config::{ClientEntry, Store, StoreSettings, TokenSource};
use crate::paths::Paths;

/// Where a new token is kept, beside its hash in the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepToken {
    /// In the system's keyring, so that the panel can export it again.
    InKeyring,
    /// Nowhere: it is shown once.
    Nowhere,
}

/// The name of an app's token in the keyring.
#[must_use]
pub fn secret_name(client: &ClientName) -> String {
    format!("client-{client}")
}

/// The config entry of an app with this token.
pub(crate) fn entry_of(token: &Token) -> ClientEntry {
    ClientEntry {
        token: TokenSource::Sha256(token.digest().to_string()),
        in_path: false,
        manages_models: false,
    }
}

/// Lets an app connect. An app of that name that exists already is an error, so that no working
/// token is replaced by accident.
///
/// # Errors
/// When the name is taken or the config cannot be written.
pub async fn add(paths: &Paths, name: &ClientName, keep: KeepToken) -> Result<Token, Problem> {
    with_store(paths, async |store, tasks| {
        if store.loaded().config.clients.contains_key(name) {
            return Err(Problem::new(
                format!("An app named \"{name}\" may connect already. Remove it first."),
                "",
            ));
        }
        let token = Token::generate().map_err(no_random_numbers)?;
        let edit = Edit::PutClient { client: name.clone(), entry: entry_of(&token) };
        store.apply(edit).await.map_err(|error| error.problem())?;
        if keep == KeepToken::InKeyring
            && let Err(problem) =
                keep_token(Arc::new(OsKeyring::default()), name, &token, tasks).await
        {
            tracing::warn!("the token is not kept in the keyring: {}", problem.message);
        }
        Ok(token)
    })
    .await
}

/// The apps that may connect, by name.
///
/// # Errors
/// When the config cannot be understood.
pub async fn list(paths: &Paths) -> Result<Vec<ClientName>, Problem> {
    with_store(paths, async |store, _| {
        let loaded = store.loaded();
        match &loaded.problem {
            Some(problem) => Err(Problem::new(problem.sentence(), "")),
            None => Ok(loaded.config.clients.keys().cloned().collect()),
        }
    })
    .await
}

/// Takes an app's permission away.
///
/// # Errors
/// When there is no such app or the config cannot be written.
pub async fn remove(paths: &Paths, name: &ClientName) -> Result<(), Problem> {
    with_store(paths, async |store, _| {
        store.apply(Edit::RemoveClient(name.clone())).await.map_err(|error| error.problem())?;
        Ok(())
    })
    .await
}

/// Keeps an app's token in a store of secrets. Waits for a keyring that asks for its password.
pub(crate) async fn keep_token(
    secrets: Arc<dyn SecretStore>,
    client: &ClientName,
    token: &Token,
    tasks: &TaskTracker,
) -> Result<(), Problem> {
    let (name, token) = (secret_name(client), token.clone());
    tasks
        .spawn_blocking(move || secrets.set(&name, token.secret()))
        .await
        .map_err(|error| Problem::new("The token could not be kept.", error.to_string()))?
        .map_err(|error| error.problem())
}

pub(crate) fn no_random_numbers(error: impl std::fmt::Display) -> Problem {
    Problem::new(
        "No token could be made, since the system gives no random numbers.",
        error.to_string(),
    )
}

async fn with_store<T>(
    paths: &Paths,
    work: impl AsyncFnOnce(&Store, &TaskTracker) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = Store::open(StoreSettings::new(paths, tasks.clone(), stop.clone())).await;
    let result = work(&store, &tasks).await;
    stop.cancel();
    drop(store);
    tasks.close();
    tasks.wait().await;
    result
}

/// How a stdio bridge reaches the running engine: its address, and a token for each app that is
/// valid for this run only. Readable by this user alone; gone after a clean end.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeFile {
    /// The base address, such as `http://127.0.0.1:7337`.
    pub address: String,
    tokens: BTreeMap<ClientName, String>,
}

/// Why the runtime file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeFileError {
    /// No engine has written one.
    #[error("there is none")]
    Absent,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is not what an engine of this version writes.
    #[error("it was written by another version")]
    Malformed,
}

impl RuntimeFile {
    pub(crate) fn new(address: &str, bridges: &BTreeMap<ClientName, Token>) -> Self {
        let tokens = bridges
            .iter()
            .map(|(name, token)| (name.clone(), token.secret().expose().to_owned()))
            .collect();
        Self { address: address.to_owned(), tokens }
    }

    /// Reads the file of the engine that uses these places.
    ///
    /// # Errors
    /// When there is none, or it cannot be understood.
    pub fn read(paths: &Paths) -> Result<Self, RuntimeFileError> {
        let text = std::fs::read(paths.runtime_file()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RuntimeFileError::Absent,
            _ => RuntimeFileError::Unreadable(error),
        })?;
        serde_json::from_slice(&text).map_err(|_| RuntimeFileError::Malformed)
    }

    /// The token with which the bridge of that app connects.
    #[must_use]
    pub fn token(&self, client: &ClientName) -> Option<Secret> {
        self.tokens.get(client).map(|token| Secret::new(token.clone()))
    }

    pub(crate) fn write(&self, paths: &Paths) -> Result<(), WriteError> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        atomic_write::write(&paths.runtime_file(), &text)
    }

    pub(crate) fn remove(paths: &Paths) {
        if let Err(error) = std::fs::remove_file(paths.runtime_file())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the runtime file could not be removed");
        }
    }
}
