//! Running other programs, with their output passed on as it comes.
#![expect(
    clippy::disallowed_methods,
    reason = "starting cargo, npm and the like is what this program is for"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::places;

/// How many tests a step reported.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

/// A program to be run in the repository's folder, without standard input.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(places::root()).stdin(Stdio::null());
    command
}

/// Cargo, the one that runs us.
pub(crate) fn cargo() -> Command {
    let mut cargo = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` sets for us must not reach a build script as if it were its own.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// npm in a folder of the repository.
pub(crate) fn npm(folder: &str, arguments: &[&str]) -> Command {
    let mut npm = program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args(arguments).current_dir(places::root().join(folder));
    npm
}

/// How a command reads in a message.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs a command to its end and insists that it went well.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let words = shown(command);
    println!("$ {words}");
    let status = command.status().with_context(|| format!("`{words}` cannot be started"))?;
    if !status.success() {
        bail!("`{words}` ended with {status}");
    }
    Ok(())
}

/// Runs a command, passes its standard output on and counts the tests it reports.
///
/// # Errors
/// With the tally as far as it came, when the command fails.
pub(crate) fn counted(command: &mut Command) -> (Tally, anyhow::Result<()>) {
    let words = shown(command);
    println!("$ {words}");
    let mut tally = Tally::default();
    let done = (|| {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{words}` cannot be started"))?;
        if let Some(output) = child.stdout.take() {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(&line).and_then(|()| out.flush());
                count(&String::from_utf8_lossy(&line), &mut tally);
                line.clear();
            }
        }
        let status = child.wait().with_context(|| format!("`{words}` was lost"))?;
        if !status.success() {
            bail!("`{words}` ended with {status}");
        }
        Ok(())
    })();
    (tally, done)
}

/// Adds what a summary line of cargo or vitest says.
fn count(line: &str, tally: &mut Tally) {
    let plain = without_colours(line);
    let plain = plain.trim();
    let summary = plain.strip_prefix("test result:").or_else(|| plain.strip_prefix("Tests "));
    let Some(summary) = summary else { return };
    let words: Vec<&str> = summary.split_whitespace().collect();
    for pair in words.windows(2) {
        let Ok(number) = pair[0].parse::<u64>() else { continue };
        match pair[1].trim_end_matches([';', ',']) {
            "passed" => tally.passed += number,
            "failed" => tally.failed += number,
            _ => {}
        }
    }
}

fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

/// What a command prints, `None` when it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Becomes the command, so that Ctrl-C and the exit code are the command's own.
pub(crate) fn become_program(mut command: Command) -> anyhow::Result<()> {
    command.stdin(Stdio::inherit());
    let words = shown(&command);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        let error = command.exec();
        Err(error).with_context(|| format!("`{words}` cannot be started"))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().with_context(|| format!("`{words}` cannot be started"))?;
        std::process::exit(status.code().unwrap_or(1));
    }
}

/// Writes a file, its folder included.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_cargo_and_vitest_are_counted() {
        let mut tally = Tally::default();
        count(
            "test result: ok. 12 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out",
            &mut tally,
        );
        count(
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m2 failed\u{1b}[39m | 30 passed (32)\n",
            &mut tally,
        );
        count("test calls::a_call ... ok", &mut tally);
        assert_eq!((tally.passed, tally.failed), (42, 3));
    }
}
