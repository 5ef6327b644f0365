//! The files that are written from the Rust types.

use crate::shell;

/// Writes them anew. Tests fail while they differ from what the types say.
///
/// # Errors
/// When the types do not build.
pub(crate) fn bless() -> anyhow::Result<()> {
    shell::run(
        shell::cargo().args(["test", "--package", "drawbridge-core"]).env("DRAWBRIDGE_BLESS", "1"),
    )
}
