//! Commands about models: what is installed, what is downloaded, what is in memory.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_llm::api::ApiError;
use drawbridge_llm::model_name;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::bridge::{CommandError, ErrorCode, PanelEvent};
use crate::pulls::Ask;
use crate::shelf::Wanted;
use crate::view::{CacheType, ComputerView, ModelFit, ModelsView};

/// How often what the computer does is told while somebody looks: more often than a look counts.
const MEASURED_EVERY: Duration = Duration::from_secs(2);

impl Engine {
    /// Models, and how they fit.
    ///
    /// # Errors
    /// None: why the installed models cannot be told stands in the answer.
    pub async fn models(&self) -> Result<ModelsView, CommandError> {
        let shelf = &self.0.shelf;
        self.0.ollama.look_soon().await;
        let (installed, problem) = match shelf.installed().await {
            Ok(installed) => (installed, None),
            // How Ollama is stands in the snapshot.
            Err(_) if !self.0.ollama.now().is_ready() => (Vec::new(), None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Ok(ModelsView {
            installed,
            catalog: shelf.catalog().await,
            catalog_date: drawbridge_hardware::catalog::checked().to_owned(),
            pulls: self.0.pulls.views().as_ref().clone(),
            disk: shelf.disk().await,
            problem,
        })
    }

    /// How an installed model, or one of the catalog, would fit with a conversation of so many
    /// tokens, kept this exactly.
    ///
    /// # Errors
    /// When there is no such model.
    pub async fn model_fit(
        &self,
        model: String,
        context: u32,
        cache: CacheType,
    ) -> Result<ModelFit, CommandError> {
        let wanted = Wanted { context: Some(context), cache: Some(cache) };
        self.0.shelf.fit_of(&model, &wanted).await.map_err(CommandError::other)
    }

    /// What this computer is made of; while `watch` is set, what it does now follows as events.
    ///
    /// # Errors
    /// None.
    pub async fn computer(&self, watch: bool) -> Result<ComputerView, CommandError> {
        if watch {
            let token = self.0.stop.child_token();
            self.0.computer_watch.send_replace(token.clone()).cancel();
            let (shelf, events) = (self.0.shelf.clone(), self.0.events.clone());
            self.0.tasks.spawn(async move {
                // A window that is gone listens no more, whether or not it said that it goes.
                while events.receiver_count() > 0 {
                    tokio::select! {
                        () = token.cancelled() => return,
                        () = tokio::time::sleep(MEASURED_EVERY) => {}
                    }
                    let measured = Box::new(shelf.computer().await);
                    let _ = events.send(PanelEvent::ComputerMeasured(measured));
                }
            });
        }
        Ok(self.0.shelf.computer().await)
    }

    /// Ends watching the computer.
    ///
    /// # Errors
    /// None.
    pub async fn stop_computer(&self) -> Result<(), CommandError> {
        self.0.computer_watch.send_replace(CancellationToken::new()).cancel();
        Ok(())
    }

    /// Downloads a model, or the newest of one that is installed.
    ///
    /// # Errors
    /// When that is no name of a model, or it would run in Ollama's cloud, which is switched off.
    pub async fn pull_model(&self, model: String) -> Result<(), CommandError> {
        let model = model.trim().to_owned();
        if model_name::is_cloud(&model) && !self.0.store.loaded().config.ollama.cloud {
            return Err(CommandError::new(
                ErrorCode::InvalidInput,
                "This model runs in Ollama's cloud and not on this computer. The cloud is switched \
                 off in the settings.",
                "",
            ));
        }
        let asked = self.0.pulls.ask(Ask::Pull(model.clone())).await;
        asked.map_err(|problem| CommandError { code: ErrorCode::InvalidInput, problem })?;
        self.note(format!("Download of \"{model}\" began"), None);
        Ok(())
    }

    /// Pauses a download.
    ///
    /// # Errors
    /// When it is not there any more.
    pub async fn pause_pull(&self, model: String) -> Result<(), CommandError> {
        self.0.pulls.ask(Ask::Pause(model)).await.map_err(CommandError::other)
    }

    /// Goes on with a download that was paused or failed.
    ///
    /// # Errors
    /// When it is not there any more.
    pub async fn resume_pull(&self, model: String) -> Result<(), CommandError> {
        self.0.pulls.ask(Ask::Resume(model)).await.map_err(CommandError::other)
    }

    /// Gives a download up, or puts away one that is done.
    ///
    /// # Errors
    /// When it is not there any more.
    pub async fn cancel_pull(&self, model: String) -> Result<(), CommandError> {
        self.0.pulls.ask(Ask::Cancel(model)).await.map_err(CommandError::other)
    }

    /// Deletes an installed model.
    ///
    /// # Errors
    /// When Ollama does not do it.
    pub async fn delete_model(&self, model: String) -> Result<(), CommandError> {
        let deleted = self.0.ollama.api().delete(&model).await;
        deleted.map_err(|error| refused(&format!("\"{model}\" could not be deleted."), &error))?;
        self.note(format!("Model \"{model}\" deleted"), None);
        self.models_changed();
        Ok(())
    }

    /// Loads a model into memory, and measures what it takes.
    ///
    /// # Errors
    /// When Ollama cannot load it, or it is taken out of memory meanwhile.
    pub async fn load_model(&self, model: String) -> Result<(), CommandError> {
        let api = self.0.ollama.api();
        let embeds = self
            .capabilities(&model)
            .await
            .is_some_and(|all| !all.iter().any(|one| one == "completion"));
        let token = self.0.stop.child_token();
        self.loading().insert(model.clone(), token.clone());
        let loaded = tokio::select! {
            loaded = api.load(&model, embeds) => loaded,
            // The request is dropped with it, which is how Ollama learns of it.
            () = token.cancelled() => {
                return Err(CommandError::new(ErrorCode::Cancelled, "The load was broken off.", ""));
            }
        };
        self.loading().remove(&model);
        loaded.map_err(|error| refused(&format!("\"{model}\" could not be loaded."), &error))?;
        self.0.ollama.look().await;
        self.models_changed();
        Ok(())
    }

    /// Takes a model out of memory.
    ///
    /// # Errors
    /// When Ollama does not do it.
    pub async fn unload_model(&self, model: String) -> Result<(), CommandError> {
        let loading = self.loading().remove(&model);
        if let Some(loading) = loading {
            loading.cancel();
        }
        let unloaded = self.0.ollama.api().unload(&model).await;
        let message = format!("\"{model}\" could not be taken out of memory.");
        unloaded.map_err(|error| refused(&message, &error))?;
        self.0.ollama.look().await;
        self.models_changed();
        Ok(())
    }

    /// Takes all models out of memory, and says how many there were.
    ///
    /// # Errors
    /// When Ollama does not do it for one of them.
    pub async fn unload_all_models(&self) -> Result<u32, CommandError> {
        let api = self.0.ollama.api();
        let message = "The models could not be taken out of memory.";
        let loaded = api.ps().await.map_err(|error| refused(message, &error))?;
        for model in &loaded {
            api.unload(&model.name).await.map_err(|error| refused(message, &error))?;
        }
        self.0.ollama.look().await;
        self.models_changed();
        Ok(u32::try_from(loaded.len()).unwrap_or(u32::MAX))
    }

    fn loading(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn models_changed(&self) {
        // Nobody may be looking.
        let _ = self.0.events.send(PanelEvent::ModelsChanged);
    }

    async fn capabilities(&self, model: &str) -> Option<Vec<String>> {
        let shown = self.0.ollama.api().show(model, false).await.ok()?;
        serde_json::from_value(shown.get("capabilities")?.clone()).ok()
    }
}

fn refused(message: &str, error: &ApiError) -> CommandError {
    CommandError::new(ErrorCode::Other, message, error.to_string())
}
