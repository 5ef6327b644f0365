//! The models that can be downloaded, each with how it would fit.

use drawbridge_hardware::catalog::{self, Entry, Purpose};
use drawbridge_hardware::probe::Computer;
use drawbridge_llm::api::Listed;
use drawbridge_llm::model_name;

use super::fit::Question;
use super::{Shelf, Wanted};
use crate::ollama::OllamaNow;
use crate::view::{CatalogModel, ModelFit};

impl Shelf {
    /// The catalog, as this computer is now.
    pub(crate) async fn catalog(&self) -> Vec<CatalogModel> {
        let now = self.0.ollama.now();
        let computer = self.look().await;
        let installed: Vec<Listed> = self.listed(&now).await.unwrap_or_default();
        let view = |entry| {
            let fit = self.entry_fit(entry, &Wanted::AS_SET, &computer, &now);
            let here = installed.iter().any(|model| model_name::same(&model.name, &entry.name));
            view(entry, fit, here)
        };
        catalog::entries().iter().map(view).collect()
    }

    /// How an entry of the catalog would fit.
    pub(super) fn entry_fit(
        &self,
        entry: &Entry,
        wanted: &Wanted,
        computer: &Computer,
        now: &OllamaNow,
    ) -> ModelFit {
        let question = Question {
            name: &entry.name,
            digest: None,
            shape: Some(&entry.shape),
            wanted,
            purpose: entry.purpose,
            tools: entry.purpose != Purpose::Embedding,
        };
        self.fit(&question, computer, now)
    }
}

fn view(entry: &Entry, fit: ModelFit, installed: bool) -> CatalogModel {
    let capabilities: &[&str] = match entry.purpose {
        Purpose::Embedding => &["embedding"],
        Purpose::Vision => &["completion", "vision"],
        Purpose::Reasoning => &["completion", "thinking"],
        Purpose::Chat | Purpose::Code => &["completion"],
    };
    CatalogModel {
        name: entry.name.clone(),
        title: entry.title.clone(),
        purpose: entry.about.clone(),
        download: entry.download,
        capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect(),
        licence: entry.licence.clone(),
        source: entry.source.clone(),
        installed,
        fit,
    }
}
