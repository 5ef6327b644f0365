use std::path::PathBuf;

use crate::view::OllamaRunBy;

/// Inside its app, which also links it into `/usr/local/bin`, and where Homebrew puts it.
pub(super) fn ollama_places() -> Vec<PathBuf> {
    [
        "/usr/local/bin/ollama",
        "/Applications/Ollama.app/Contents/Resources/ollama",
        "/opt/homebrew/bin/ollama",
    ]
    .map(PathBuf::from)
    .into()
}

/// The app leaves the number of its process in a file.
pub(super) fn ollama_run_by() -> OllamaRunBy {
    let file =
        std::env::home_dir().map(|home| home.join("Library/Application Support/Ollama/ollama.pid"));
    if file.is_some_and(|file| file.exists()) { OllamaRunBy::App } else { OllamaRunBy::Other }
}
