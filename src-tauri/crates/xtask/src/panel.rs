//! The panel's build, made again when one of its sources changed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use anyhow::Context as _;

use crate::{places, setup, shell};

/// Builds the panel unless it stands as its sources are.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn build() -> anyhow::Result<()> {
    setup::panel_packages()?;
    let ui = places::root().join("ui");
    let mut hasher = DefaultHasher::new();
    for name in ["src", "index.html", "package-lock.json", "tsconfig.json", "vite.config.ts"] {
        hash(&ui.join(name), &mut hasher)?;
    }
    let now = format!("{:016x}", hasher.finish());
    let stamp = places::stamps().join("panel-build");
    let built = ui.join("dist/index.html").exists();
    if built && std::fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
        return Ok(());
    }
    println!("Building the panel.");
    shell::run(&mut shell::npm("ui", &["run", "build"]))?;
    shell::write(&stamp, &now)
}

/// Names and contents, in an order of their own.
fn hash(path: &Path, into: &mut DefaultHasher) -> anyhow::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path)
            .with_context(|| format!("{} cannot be read", path.display()))?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        entries.sort();
        for entry in entries {
            hash(&entry, into)?;
        }
    } else if let Ok(bytes) = std::fs::read(path) {
        path.hash(into);
        bytes.hash(into);
    }
    Ok(())
}
