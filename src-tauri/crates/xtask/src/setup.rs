//! Everything that is downloaded: the panel's packages, the test servers and clients, the WebDriver.
//! Each step leaves a stamp and is skipped while nothing it depends on has changed.

use std::path::Path;

use anyhow::Context as _;

use crate::system::{self, Needs};
use crate::{places, shell};

/// The WebDriver for the tray app's window.
const DRIVER: &str = "2.1.0";

/// What building and testing need, all of it.
///
/// # Errors
/// When something cannot be had, with how to get it.
pub(crate) fn everything() -> anyhow::Result<()> {
    system::ensure(Needs::Tests)?;
    panel_packages()?;
    test_clients()?;
    if cfg!(target_os = "linux") {
        driver()?;
    }
    println!("All set up.");
    Ok(())
}

/// Does `work` unless it was done for the same `input` and what it `makes` is still there.
fn once(
    name: &str,
    input: &str,
    makes: &Path,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = places::stamps().join(name);
    let done = std::fs::read_to_string(&stamp).is_ok_and(|before| before == input);
    if done && makes.exists() {
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);
    work()?;
    shell::write(&stamp, input)
}

fn text_of(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(places::root().join(path))
        .with_context(|| format!("{path} cannot be read"))
}

fn npm_packages(name: &str, folder: &str) -> anyhow::Result<()> {
    system::node()?;
    let modules = places::root().join(folder).join("node_modules");
    once(name, &text_of(&format!("{folder}/package-lock.json"))?, &modules, || {
        println!("Installing the packages of {folder}.");
        shell::run(&mut shell::npm(folder, &["ci", "--no-audit", "--no-fund"]))
    })
}

/// The packages the panel is built from.
pub(crate) fn panel_packages() -> anyhow::Result<()> {
    npm_packages("panel-packages", "ui")
}

/// The official clients and the real servers the tests call.
pub(crate) fn test_clients() -> anyhow::Result<()> {
    npm_packages("test-packages", "tests/clients")?;
    let python = system::python()?;
    let requirements = "tests/clients/python/requirements.txt";
    let environment = places::python_environment();
    once("python-packages", &text_of(requirements)?, &environment, || {
        println!("Installing the Python client and the Python test server into tests/.venv.");
        shell::run(shell::program(python).args(["-m", "venv", "--clear"]).arg(&environment))?;
        shell::run(
            shell::program(places::python("python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(["--requirement", requirements]),
        )
    })
}

/// The WebDriver, built once for the user.
pub(crate) fn driver() -> anyhow::Result<()> {
    let folder = places::driver();
    let program = folder.join("bin/tauri-driver");
    let there = std::fs::read_to_string(folder.join("tauri-driver.version"));
    if program.exists() && there.is_ok_and(|version| version == DRIVER) {
        return Ok(());
    }
    println!("Building tauri-driver {DRIVER} into {}.", folder.display());
    shell::run(
        shell::cargo()
            .args(["install", "tauri-driver", "--locked", "--version", DRIVER, "--force"])
            .arg("--root")
            .arg(&folder)
            // Beside our own target folder: it shares nothing with us.
            .env("CARGO_TARGET_DIR", folder.join("target")),
    )?;
    let _ = std::fs::remove_dir_all(folder.join("target"));
    shell::write(&folder.join("tauri-driver.version"), DRIVER)
}
