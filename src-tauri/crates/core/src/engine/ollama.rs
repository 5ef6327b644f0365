//! Commands about Ollama itself, and about other places with models.

use std::sync::{MutexGuard, PoisonError};

use drawbridge_llm::backend::{base_of, is_on_this_computer};
use drawbridge_model::ClientName;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::backends;
use crate::bridge::{CommandError, ErrorCode, PanelEvent};
use crate::config::edit::Edit;
use crate::config::{BackendEntry, ModelsEdit, is_backend_name, is_duration};
use crate::view::{BackendCheck, BackendDraft, LogLine, OllamaSettings};

impl Engine {
    /// Lets an app download, change and delete models, or no longer.
    ///
    /// # Errors
    /// When there is no such app or the config cannot be written.
    pub async fn set_client_manages_models(
        &self,
        client: ClientName,
        may: bool,
    ) -> Result<(), CommandError> {
        if !self.0.store.loaded().config.clients.contains_key(&client) {
            let message = format!("There is no app named \"{client}\" any more.");
            return Err(CommandError::new(ErrorCode::Other, message, ""));
        }
        self.models_edit(ModelsEdit::SetManagesModels(client.clone(), may)).await?;
        let what = if may { "may" } else { "may no longer" };
        self.note(format!("App \"{client}\" {what} download and delete models"), None);
        Ok(())
    }

    /// Sets what a person may set about Ollama.
    ///
    /// # Errors
    /// When a value cannot be used, or the config cannot be written.
    pub async fn set_ollama(&self, settings: OllamaSettings) -> Result<(), CommandError> {
        if settings.keep_alive.as_deref().is_some_and(|text| !is_duration(text)) {
            return Err(CommandError::new(
                ErrorCode::InvalidInput,
                "Write a time such as \"5m\", \"1h30m\", \"0\" for not at all or \"-1\" for good.",
                "keepAlive",
            ));
        }
        self.models_edit(ModelsEdit::SetOllama(Box::new(settings))).await?;
        self.note("Ollama's settings changed".to_owned(), None);
        Ok(())
    }

    /// Starts Ollama, and from now on with Drawbridge.
    ///
    /// # Errors
    /// When the config cannot be written.
    pub async fn start_ollama(&self) -> Result<(), CommandError> {
        let settings = self.0.store.loaded().config.ollama.clone();
        if !(settings.start && settings.enabled) {
            let settings = OllamaSettings { start: true, enabled: true, ..settings };
            self.models_edit(ModelsEdit::SetOllama(Box::new(settings))).await?;
        }
        self.0.ollama.begin().await;
        Ok(())
    }

    /// Stops the Ollama that Drawbridge started, and no longer starts it.
    ///
    /// # Errors
    /// When the config cannot be written.
    pub async fn stop_ollama(&self) -> Result<(), CommandError> {
        let settings = self.0.store.loaded().config.ollama.clone();
        if settings.start {
            let settings = OllamaSettings { start: false, ..settings };
            self.models_edit(ModelsEdit::SetOllama(Box::new(settings))).await?;
        }
        Ok(())
    }

    /// Stops the Ollama that Drawbridge started, and starts it as it is set now.
    ///
    /// # Errors
    /// None: how it goes stands in the snapshot.
    pub async fn restart_ollama(&self) -> Result<(), CommandError> {
        self.0.ollama.restart().await;
        Ok(())
    }

    /// Looks for Ollama again, and asks the other places.
    ///
    /// # Errors
    /// None: what was found stands in the snapshot.
    pub async fn look_for_ollama(&self) -> Result<(), CommandError> {
        self.0.ollama.look().await;
        self.0.ask_backends.notify_one();
        Ok(())
    }

    /// The last lines of the log of the Ollama that Drawbridge started; while `watch` is set, later
    /// ones follow as events.
    ///
    /// # Errors
    /// None.
    pub async fn ollama_log(&self, watch: bool) -> Result<Vec<LogLine>, CommandError> {
        let watch = watch.then_some(&self.0.ollama_log_watch);
        Ok(self.read_log(self.0.ollama.book.clone(), watch, PanelEvent::OllamaLogAppended))
    }

    /// Ends watching Ollama's log.
    ///
    /// # Errors
    /// None.
    pub async fn stop_ollama_log(&self) -> Result<(), CommandError> {
        self.0.ollama_log_watch.send_replace(CancellationToken::new()).cancel();
        Ok(())
    }

    /// Asks a drafted backend what it has. Nothing is added.
    ///
    /// # Errors
    /// None: what keeps it from being used stands in the answer.
    pub async fn check_backend(&self, draft: BackendDraft) -> Result<BackendCheck, CommandError> {
        let mut check = BackendCheck { models: Vec::new(), problem: None, cautions: Vec::new() };
        let entry = match entry_of(&draft) {
            Ok(entry) => entry,
            Err(error) => return Ok(BackendCheck { problem: Some(error.problem), ..check }),
        };
        if base_of(&entry.url).is_ok_and(|base| !is_on_this_computer(&base)) {
            check.cautions.push(
                "It is not on this computer: what apps send to its models leaves this computer."
                    .to_owned(),
            );
            if entry.url.trim().to_ascii_lowercase().starts_with("http://") {
                check.cautions.push(
                    "The way there is not encrypted (http): others on the network can read it."
                        .to_owned(),
                );
            }
        }
        let asked = async {
            let (secrets, tasks) = (&self.0.secrets, &self.0.tasks);
            let authorization = backends::authorization(&entry, secrets, tasks).await?;
            backends::models_of(&self.0.ollama.http, &entry, authorization).await
        };
        match asked.await {
            Ok(models) => check.models = models,
            Err(problem) => check.problem = Some(problem),
        }
        Ok(check)
    }

    /// Adds a backend, or changes the one it replaces.
    ///
    /// # Errors
    /// When the draft cannot be used, its name is taken, or the config cannot be written.
    pub async fn save_backend(
        &self,
        draft: BackendDraft,
        replaces: Option<String>,
    ) -> Result<(), CommandError> {
        let mut entry = entry_of(&draft)?;
        let loaded = self.0.store.loaded();
        let known = &loaded.config.backends;
        if known.contains_key(&draft.name) && replaces.as_deref() != Some(&draft.name) {
            let message = format!("A place named \"{}\" is there already.", draft.name);
            return Err(CommandError::new(ErrorCode::NameTaken, message, ""));
        }
        let mut edits = Vec::new();
        let removed = || self.removed_backend().clone().filter(|(name, _)| *name == draft.name);
        let before = match &replaces {
            Some(name) => known.get(name).cloned(),
            None => removed().map(|(_, entry)| entry).filter(|entry| entry.url == draft.url),
        };
        if let Some(before) = before {
            (entry.enabled, entry.default) = (before.enabled, before.default);
            // The panel knows of secrets alone, and not of what stands in the environment. That is
            // for the address it was written for.
            let elsewhere = |token: &String| backends::secret_name(token).is_none();
            let token = before.token.filter(elsewhere).filter(|_| before.url == entry.url);
            entry.token = entry.token.or(token);
        }
        if let Some(replaced) = replaces.filter(|name| *name != draft.name) {
            edits.push(Edit::Models(ModelsEdit::RemoveBackend(replaced)));
        }
        edits.push(Edit::Models(ModelsEdit::PutBackend(draft.name.clone(), entry)));
        self.edit(edits).await?;
        self.note(format!("Place with models \"{}\" saved", draft.name), None);
        Ok(())
    }

    /// Uses a backend, or does not.
    ///
    /// # Errors
    /// When there is no such backend or the config cannot be written.
    pub async fn set_backend_enabled(
        &self,
        name: String,
        enabled: bool,
    ) -> Result<(), CommandError> {
        let entry = BackendEntry { enabled, ..self.backend(&name)? };
        self.models_edit(ModelsEdit::PutBackend(name.clone(), entry)).await?;
        let word = if enabled { "on" } else { "off" };
        self.note(format!("Place with models \"{name}\" switched {word}"), None);
        Ok(())
    }

    /// Says where models without a prefix are looked for; Ollama with nothing.
    ///
    /// # Errors
    /// When there is no such backend or the config cannot be written.
    pub async fn set_default_backend(&self, name: Option<String>) -> Result<(), CommandError> {
        let loaded = self.0.store.loaded();
        let edit = match &name {
            Some(name) => {
                let entry = BackendEntry { default: true, ..self.backend(name)? };
                ModelsEdit::PutBackend(name.clone(), entry)
            }
            None => match loaded.config.backends.iter().find(|(_, entry)| entry.default) {
                Some((name, entry)) => ModelsEdit::PutBackend(
                    name.clone(),
                    BackendEntry { default: false, ..entry.clone() },
                ),
                None => return Ok(()),
            },
        };
        self.models_edit(edit).await?;
        let place = name.as_deref().unwrap_or("Ollama");
        self.note(format!("Models without a prefix are looked for at {place}"), None);
        Ok(())
    }

    /// Removes a backend.
    ///
    /// # Errors
    /// When the config cannot be written.
    pub async fn remove_backend(&self, name: String) -> Result<(), CommandError> {
        let entry = self.backend(&name).ok();
        self.models_edit(ModelsEdit::RemoveBackend(name.clone())).await?;
        *self.removed_backend() = entry.map(|entry| (name.clone(), entry));
        self.note(format!("Place with models \"{name}\" removed"), None);
        Ok(())
    }

    pub(super) async fn models_edit(&self, edit: ModelsEdit) -> Result<(), CommandError> {
        self.edit(vec![Edit::Models(edit)]).await
    }

    fn removed_backend(&self) -> MutexGuard<'_, Option<(String, BackendEntry)>> {
        self.0.removed_backend.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backend(&self, name: &str) -> Result<BackendEntry, CommandError> {
        self.0.store.loaded().config.backends.get(name).cloned().ok_or_else(|| {
            let message = format!("There is no place named \"{name}\" any more.");
            CommandError::new(ErrorCode::Other, message, "")
        })
    }
}

fn entry_of(draft: &BackendDraft) -> Result<BackendEntry, CommandError> {
    let invalid = |message: &str, field: &str| {
        Err(CommandError::new(ErrorCode::InvalidInput, message, field))
    };
    if !is_backend_name(&draft.name) {
        let message = "Give it a name of letters, digits, - _ and . only. It stands before the \
                       names of its models, as in name/model.";
        return invalid(message, "name");
    }
    if let Err(error) = base_of(&draft.url) {
        return invalid(&error.to_string(), "url");
    }
    let secret = draft.secret.as_ref().filter(|secret| !secret.is_empty());
    Ok(BackendEntry {
        kind: draft.kind,
        url: draft.url.trim().to_owned(),
        token: secret.map(|name| format!("${{secret:{name}}}")),
        enabled: true,
        default: false,
    })
}
