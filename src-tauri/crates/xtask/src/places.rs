//! Where things are.

use std::path::{Path, PathBuf};

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(3).unwrap_or(own).to_path_buf()
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Stamps of what was set up for this checkout. They live and die with the target folder.
pub(crate) fn stamps() -> PathBuf {
    target().join("cache")
}

/// The user's cache folder, for tools that outlive a target folder.
pub(crate) fn user_cache() -> PathBuf {
    let home = || std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
    let base = if cfg!(windows) {
        std::env::var_os("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| Path::new(&home).join("Library/Caches"))
    } else {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| home().map(|home| Path::new(&home).join(".cache")))
    };
    base.unwrap_or_else(target).join("drawbridge")
}

/// A program cargo built in the profile's folder.
pub(crate) fn program(profile: &str, name: &str) -> PathBuf {
    target().join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The tests' Python environment.
pub(crate) fn python_environment() -> PathBuf {
    root().join("tests/.venv")
}

/// A program of the tests' Python environment.
pub(crate) fn python(program: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    python_environment().join(folder).join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

/// The folder of the WebDriver that drives the tray app's window.
pub(crate) fn driver() -> PathBuf {
    user_cache().join("tools")
}
