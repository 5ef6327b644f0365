//! `cargo xtask test`: everything that must hold, in the order in which a failure is cheapest.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

use crate::shell::{Tally, cargo, counted, npm, program};
use crate::{panel, places, setup};

/// How often `--full` repeats the tests in which something may happen in two orders.
const REPETITIONS: u32 = 10;

/// How many times slower than here `--full` lets the panel run, as on a computer with much to do.
const SLOWNESS: u32 = 8;

/// A part of the run with a heading of its own.
struct Steps {
    tally: Tally,
    started: Instant,
}

impl Steps {
    /// Runs a command. One that reports no tests counts as one check.
    fn step(&mut self, heading: &str, command: &mut Command) -> anyhow::Result<()> {
        self.heading(heading);
        let (tally, done) = counted(command);
        self.tally.passed += tally.passed;
        self.tally.failed += tally.failed;
        match &done {
            Ok(()) if tally.passed + tally.failed == 0 => self.tally.passed += 1,
            Err(_) if tally.failed == 0 => self.tally.failed += 1,
            _ => {}
        }
        done.with_context(|| format!("the step \"{heading}\" failed"))
    }

    fn heading(&self, heading: &str) {
        let at = self.started.elapsed().as_secs();
        println!("\n=== {heading} ({}:{:02}) ===", at / 60, at % 60);
    }
}

/// Checks, builds and tests everything.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn test(full: bool) -> anyhow::Result<()> {
    let mut steps = Steps { tally: Tally::default(), started: Instant::now() };
    let done = all(&mut steps, full);
    let at = steps.started.elapsed().as_secs();
    if done.is_err() && steps.tally.failed == 0 {
        steps.tally.failed = 1;
    }
    println!("\nDone after {}:{:02}.", at / 60, at % 60);
    println!("{} passed, {} failed", steps.tally.passed, steps.tally.failed);
    done
}

fn all(steps: &mut Steps, full: bool) -> anyhow::Result<()> {
    steps.heading("Set-up");
    setup::everything()?;

    steps.step("Formatting", cargo().args(["fmt", "--all", "--check"]))?;
    steps.step("Panel: types and lints", &mut npm("ui", &["run", "check"]))?;
    steps.step("Panel: units", &mut npm("ui", &["run", "test:unit"]))?;
    steps.heading("Panel: build");
    panel::build()?;
    steps.step("Panel: in a browser", &mut npm("ui", &["run", "test:browser"]))?;

    let lints = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    steps.step("Lints", cargo().args(lints))?;
    // One build for all that follows, so that every part is compiled with the same features.
    steps.step("Build", cargo().args(["build", "--workspace", "--all-targets"]))?;

    let programs = places::target().join("debug");
    let mut tests = cargo();
    tests.args(["test", "--workspace"]).env("DRAWBRIDGE_PROGRAMS", &programs);
    steps.step("Units, generated files, the whole engine", &mut tests)?;
    if full {
        long_runs(steps, &programs)?;
    }
    if cfg!(target_os = "linux") {
        let mut keyring = in_session("keyring", &["test", "--workspace", "--test", "keyring"]);
        keyring.env("DRAWBRIDGE_TEST_KEYRING", "1");
        steps.step("The real keyring", &mut keyring)?;
        let mut desktop = in_session("desktop", &["test", "--workspace", "--test", "desktop"]);
        // There is one pointer, one keyboard and one tray.
        desktop.args(["--", "--ignored", "--test-threads=1"]);
        desktop.env("DRAWBRIDGE_PROGRAMS", &programs);
        steps.step("The tray app on a desktop", &mut desktop)?;
    } else {
        println!("\nThe keyring and desktop tests run on Linux alone.");
    }
    Ok(())
}

/// What waits for minutes, and many repetitions of what kills, races and edits.
fn long_runs(steps: &mut Steps, programs: &Path) -> anyhow::Result<()> {
    let engine = |arguments: &[&str]| {
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--test", "engine", "--"]).args(arguments);
        tests.env("DRAWBRIDGE_PROGRAMS", programs);
        tests
    };
    let mut slow = npm("ui", &["run", "test:browser"]);
    slow.env("DRAWBRIDGE_TEST_SLOWNESS", SLOWNESS.to_string());
    steps.step("Panel: in a slow browser", &mut slow)?;
    steps.step("Long waits", &mut engine(&["--ignored"]))?;
    for round in 1..=REPETITIONS {
        let heading = format!("Kills, races and edits, round {round} of {REPETITIONS}");
        let again = ["processes::", "record::", "reload::", "remote::", "switches::"];
        steps.step(&heading, &mut engine(&again))?;
    }
    Ok(())
}

/// Cargo in a session of its own: a keyring, or a whole desktop.
fn in_session(what: &str, cargo_arguments: &[&str]) -> Command {
    let mut session = program("sh");
    session
        .arg(places::root().join("tests/desktop/session.sh"))
        .arg(what)
        .arg(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(cargo_arguments)
        .env("TAURI_DRIVER", places::driver().join("bin/tauri-driver"));
    session
}
