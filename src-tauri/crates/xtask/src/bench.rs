//! `cargo xtask bench`.

use crate::system::Needs;
use crate::{places, shell, system};

/// Builds what is measured in release and measures it.
///
/// # Errors
/// When it does not build, or a measurement does not count.
pub(crate) fn bench(calls: u32, rounds: u32) -> anyhow::Result<()> {
    system::ensure(Needs::Engine)?;
    shell::run(
        shell::cargo()
            .args(["build", "--release", "--package", "drawbridge-headless"])
            .args(["--package", "drawbridge-supervisor", "--package", "drawbridge-tests"])
            .args(["--bin", "drawbridged", "--bin", "drawbridge-guardian", "--bin", "bench"])
            .args(["--bin", "bare-forwarder", "--bin", "bench-server"])
            .args(["--package", "drawbridge-scripted-ollama", "--bin", "scripted-ollama"]),
    )?;
    shell::run(
        shell::program(places::program("release", "bench"))
            .args(["--calls", &calls.to_string(), "--rounds", &rounds.to_string()])
            .env("DRAWBRIDGE_PROGRAMS", places::target().join("release")),
    )
}
