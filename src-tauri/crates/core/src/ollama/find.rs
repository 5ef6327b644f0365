//! Where Ollama's program is, who runs the one that answers, and where its models are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use drawbridge_supervisor::find_program;

use crate::os;
use crate::view::{OllamaRunBy, OllamaSettings};

/// Its program: as configured, else as a terminal finds it, else where it is usually installed.
pub(super) fn program(settings: &OllamaSettings, search_path: &OsStr) -> Option<PathBuf> {
    if let Some(configured) = &settings.path {
        return find_program(configured, search_path, None);
    }
    find_program("ollama", search_path, None).or_else(|| {
        os::ollama_places()
            .into_iter()
            .find_map(|place| find_program(place.to_str()?, search_path, None))
    })
}

/// Where the models of an Ollama are, as far as is known: `None` for one of which nobody says.
pub(super) fn models_folder(
    settings: &OllamaSettings,
    run_by: Option<OllamaRunBy>,
) -> Option<PathBuf> {
    let own = || std::env::home_dir().map(|home| home.join(".ollama").join("models"));
    match run_by {
        None | Some(OllamaRunBy::Drawbridge) => settings
            .models_folder
            .clone()
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("OLLAMA_MODELS").map(PathBuf::from))
            .or_else(own),
        Some(OllamaRunBy::Service) => {
            let folder = Path::new("/usr/share/ollama/.ollama/models");
            match folder.try_exists() {
                Ok(true) => Some(folder.to_path_buf()),
                Ok(false) => own(),
                // It is the service's own and not for us to see.
                Err(_) => None,
            }
        }
        Some(OllamaRunBy::App | OllamaRunBy::Other) => own().filter(|folder| folder.is_dir()),
    }
}
