//! What differs between operating systems: giving memory back, and where Ollama is.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as here;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as here;

use std::path::PathBuf;

use crate::view::OllamaRunBy;

/// Gives memory that is not used any more back to the system, where its allocator does not do so by
/// itself. Takes a few milliseconds. For after something large that is rarely done.
pub(crate) fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    here::give_memory_back();
}

/// Where Ollama's program is usually installed, apart from what a terminal finds.
pub(crate) fn ollama_places() -> Vec<PathBuf> {
    here::ollama_places()
}

/// Who runs the Ollama that answers on this computer, if it is none of ours. Reads files of the
/// system: not for a task that others wait for.
pub(crate) fn ollama_run_by() -> OllamaRunBy {
    here::ollama_run_by()
}
