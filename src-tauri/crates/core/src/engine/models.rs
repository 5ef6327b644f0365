//! Commands about models: what is installed, what is downloaded, what is in memory.

use drawbridge_llm::api::{self, ApiError, Listed};
use drawbridge_llm::model_name;
use drawbridge_model::Problem;

use super::Engine;
use crate::bridge::{CommandError, ErrorCode, PanelEvent};
use crate::disk;
use crate::ollama::loaded_view;
use crate::pulls::Ask;
use crate::view::{DiskView, InstalledModel, ModelsView};

impl Engine {
    /// Models, and how they fit.
    ///
    /// # Errors
    /// None: why the installed models cannot be told stands in the answer.
    pub async fn models(&self) -> Result<ModelsView, CommandError> {
        self.0.ollama.look().await;
        let (installed, problem) = match self.installed().await {
            Ok(installed) => (installed, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Ok(ModelsView {
            installed,
            catalog: Vec::new(),
            catalog_date: String::new(),
            pulls: self.0.pulls.views().as_ref().clone(),
            disk: self.models_disk().await,
            problem,
        })
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
    /// When Ollama cannot load it.
    pub async fn load_model(&self, model: String) -> Result<(), CommandError> {
        let api = self.0.ollama.api();
        let embeds = self
            .capabilities(&model)
            .await
            .is_some_and(|all| !all.iter().any(|one| one == "completion"));
        let loaded = api.load(&model, embeds).await;
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

    fn models_changed(&self) {
        // Nobody may be looking.
        let _ = self.0.events.send(PanelEvent::ModelsChanged);
    }

    async fn installed(&self) -> Result<Vec<InstalledModel>, Problem> {
        let now = self.0.ollama.now();
        if let Some(sentence) = now.unavailable() {
            return Err(Problem::new(sentence, ""));
        }
        let listed =
            self.0.ollama.api().tags().await.map_err(|error| {
                Problem::new("Ollama did not list its models.", error.to_string())
            })?;
        let mut installed: Vec<_> = listed
            .into_iter()
            .map(|model| {
                let loaded = now.loaded.iter().find(|loaded| loaded.name == model.name);
                InstalledModel { loaded: loaded.map(loaded_view), ..installed_view(model) }
            })
            .collect();
        installed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(installed)
    }

    async fn capabilities(&self, model: &str) -> Option<Vec<String>> {
        let shown = self.0.ollama.api().show(model, false).await.ok()?;
        serde_json::from_value(shown.get("capabilities")?.clone()).ok()
    }

    async fn models_disk(&self) -> Option<DiskView> {
        let folder = self.0.ollama.now().models_folder.clone()?;
        self.blocking(move || disk::of(&folder)).await.ok()?
    }
}

fn installed_view(model: Listed) -> InstalledModel {
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    InstalledModel {
        cloud: model_name::is_cloud(&model.name) || model.remote_host.is_some(),
        name: model.name,
        size: model.size,
        modified_at: api::moment(&model.modified_at),
        parameters: said(model.details.parameter_size),
        quantization: said(model.details.quantization_level),
        capabilities: model.capabilities,
        loaded: None,
        fit: None,
    }
}

fn refused(message: &str, error: &ApiError) -> CommandError {
    CommandError::new(ErrorCode::Other, message, error.to_string())
}
