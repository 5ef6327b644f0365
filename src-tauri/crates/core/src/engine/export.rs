//! Telling VS Code how to connect, and taking permissions away.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use drawbridge_model::{ClientName, Problem};
use drawbridge_secrets::{Secret, Token};

use super::Engine;
use super::failure::change_failed;
use crate::bridge::{CommandError, ErrorCode};
use crate::clients::{entry_of, keep_token, no_random_numbers, secret_name};
use crate::config::TokenSource;
use crate::config::edit::Edit;
use crate::export::change::PlannedChange;
use crate::export::vscode::{self, Setup};
use crate::view::{FileChange, FileWritten, TokenPlacement, VscodeSetup};

/// The app that "Copy VS Code setup" is about.
const VSCODE: &str = "vscode";

impl Engine {
    /// What VS Code needs to connect. Makes the app `vscode` when it does not exist.
    ///
    /// # Errors
    /// When the app cannot be made, or its token is to stand in the file and is not known any more.
    pub async fn vscode_setup(
        &self,
        placement: TokenPlacement,
    ) -> Result<VscodeSetup, CommandError> {
        let setup = self.setup(placement).await?;
        let content =
            vscode::content(&setup).map_err(|error| CommandError::other(error.problem()))?;
        let install_link = vscode::install_link(&setup.address);
        Ok(VscodeSetup { content, install_link, token: setup.token })
    }

    /// Makes a new token for the app `vscode`; the old one stops working.
    ///
    /// # Errors
    /// When the config cannot be written.
    pub async fn renew_vscode_token(&self) -> Result<(), CommandError> {
        self.make_vscode_token().await?;
        self.note("New token for the app \"vscode\"".into(), None);
        Ok(())
    }

    /// What writing `.vscode/mcp.json` into a folder would change.
    ///
    /// # Errors
    /// When the folder or the file in it cannot be used.
    pub async fn preview_vscode_file(
        &self,
        folder: String,
        placement: TokenPlacement,
    ) -> Result<FileChange, CommandError> {
        let setup = self.setup(placement).await?;
        let folder = PathBuf::from(folder);
        let planned = self
            .blocking(move || vscode::preview(&folder, &setup).map_err(|error| error.problem()))
            .await?
            .map_err(CommandError::other)?;
        let view = planned.view();
        self.0.planned.lock().unwrap_or_else(PoisonError::into_inner).replace(planned);
        Ok(view)
    }

    /// Writes what the preview showed.
    ///
    /// # Errors
    /// When the file changed since, or cannot be written.
    pub async fn write_vscode_file(&self, id: String) -> Result<FileWritten, CommandError> {
        let planned = self.0.planned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(planned) = planned.filter(|planned: &PlannedChange| planned.id() == id) else {
            return Err(CommandError::new(
                ErrorCode::FileChanged,
                "This difference was shown a while ago. Look at it again.",
                "",
            ));
        };
        let backups = self.0.paths.backup_dir();
        let now = crate::clock::now_ms();
        let written =
            self.blocking(move || planned.write(&backups, now)).await?.map_err(change_failed)?;
        let mut view = written.view();
        self.note(format!("{} written", view.path), None);
        view.undo = self.0.written.put(written);
        Ok(view)
    }

    /// Puts back what was there before.
    ///
    /// # Errors
    /// When that was done already, or the file changed since.
    pub async fn undo_vscode_file(&self, undo: String) -> Result<(), CommandError> {
        let written = self.0.written.take(&undo).ok_or_else(|| {
            CommandError::new(ErrorCode::Other, "This cannot be undone any more.", "")
        })?;
        let path = written.view().path;
        self.blocking(move || written.undo()).await?.map_err(change_failed)?;
        self.note(format!("{path} put back as it was"), None);
        Ok(())
    }

    /// Removes an app: its token stops working at once.
    ///
    /// # Errors
    /// When there is no such app or the config cannot be written.
    pub async fn remove_client(&self, client: ClientName) -> Result<(), CommandError> {
        self.edit(vec![Edit::RemoveClient(client.clone())]).await?;
        self.note(format!("App \"{client}\" removed"), None);
        let secrets = Arc::clone(&self.0.secrets);
        let name = secret_name(&client);
        let deleted = self.blocking(move || secrets.delete(&name)).await?;
        if let Err(error) = deleted {
            tracing::info!("the app's token was not in the keyring: {}", error.problem().message);
        }
        Ok(())
    }

    /// Tries to listen again on the same port.
    ///
    /// # Errors
    /// None: how it went stands in the snapshot.
    pub async fn retry_gateway(&self) -> Result<(), CommandError> {
        self.0.gateway.listen(self.current_snapshot().gateway.port).await;
        Ok(())
    }

    /// Moves the address to another port and keeps it in the config.
    ///
    /// # Errors
    /// When the config cannot be written; then the address stays where it is.
    pub async fn move_gateway(&self, port: u16) -> Result<(), CommandError> {
        if port == 0 {
            return Err(CommandError::new(
                ErrorCode::InvalidInput,
                "A port is a number from 1 to 65535.",
                "",
            ));
        }
        self.edit(vec![Edit::SetPort(port)]).await?;
        self.note(format!("Address moved to port {port}"), None);
        if self.current_snapshot().gateway.port != port {
            self.0.gateway.listen(port).await;
        }
        Ok(())
    }

    async fn setup(&self, placement: TokenPlacement) -> Result<Setup, CommandError> {
        let token = self.vscode_token().await?;
        Ok(Setup {
            address: self.current_snapshot().gateway.address.clone(),
            token: token.map(|token| token.secret().expose().to_owned()),
            placement,
        })
    }

    /// The token of the app `vscode`, which is made when it does not exist; `None` when it exists
    /// and its token is not known any more.
    async fn vscode_token(&self) -> Result<Option<Token>, CommandError> {
        let name = vscode_client()?;
        let loaded = self.0.store.loaded();
        let Some(entry) = loaded.config.clients.get(&name) else {
            return self.make_vscode_token().await.map(Some);
        };
        let TokenSource::Sha256(digits) = &entry.token else { return Ok(None) };
        let fits = |token: &Token| token.digest().to_string() == *digits;

        let known =
            self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some(token) = known.filter(|token| fits(token)) {
            return Ok(Some(token));
        }
        let secrets = Arc::clone(&self.0.secrets);
        let secret = secret_name(&name);
        let kept: Result<Option<Secret>, _> = self.blocking(move || secrets.get(&secret)).await?;
        match kept {
            Ok(kept) => Ok(kept.map(Token::from_secret).filter(|token| fits(token))),
            Err(error) => {
                tracing::info!("the keyring was not read: {}", error.problem().message);
                Ok(None)
            }
        }
    }

    async fn make_vscode_token(&self) -> Result<Token, CommandError> {
        let name = vscode_client()?;
        let token =
            Token::generate().map_err(|error| CommandError::other(no_random_numbers(error)))?;
        self.edit(vec![Edit::PutClient { client: name.clone(), entry: entry_of(&token) }]).await?;
        self.0
            .tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone(), token.clone());
        // Without a keyring the token is known until Drawbridge ends; after that a new one is made.
        let secrets = Arc::clone(&self.0.secrets);
        if let Err(problem) = keep_token(secrets, &name, &token, &self.0.tasks).await {
            tracing::info!("the token is not kept in the keyring: {}", problem.message);
        }
        Ok(token)
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        self.0.tasks.spawn_blocking(work).await.map_err(|error| {
            CommandError::new(ErrorCode::Other, "Something broke off.", error.to_string())
        })
    }
}

fn vscode_client() -> Result<ClientName, CommandError> {
    ClientName::new(VSCODE)
        .map_err(|error| CommandError::other(Problem::new(error.to_string(), "")))
}
