use std::path::PathBuf;

use crate::view::OllamaRunBy;

fn local(rest: &str) -> Option<PathBuf> {
    std::env::var_os("LOCALAPPDATA").map(|folder| PathBuf::from(folder).join(rest))
}

/// Where its installer puts it.
pub(super) fn ollama_places() -> Vec<PathBuf> {
    local(r"Programs\Ollama\ollama.exe").into_iter().collect()
}

/// The app leaves the number of its process in a file.
pub(super) fn ollama_run_by() -> OllamaRunBy {
    let file = local(r"Ollama\ollama.pid");
    if file.is_some_and(|file| file.exists()) { OllamaRunBy::App } else { OllamaRunBy::Other }
}
