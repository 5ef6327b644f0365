//! What is to be started, and why it could not be.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use drawbridge_model::Problem;

/// A launch with every `${…}` in it resolved. `Debug` shows the names of variables and never their
/// values; arguments are shown by count, since they may hold secrets too.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResolvedLaunch {
    /// A program's name, looked up in `PATH`, or its path.
    pub command: String,
    /// Its arguments, one element each, never read by a shell.
    pub args: Vec<String>,
    /// Variables added to the short list every child gets. A `PATH` here is used for the lookup
    /// too.
    pub env: BTreeMap<String, String>,
    /// The folder it starts in; the person's home folder when absent.
    pub cwd: Option<PathBuf>,
}

impl fmt::Debug for ResolvedLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedLaunch")
            .field("command", &self.command)
            .field("args", &self.args.len())
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// Why a program could not be started. A program that starts and then ends is no such error.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No program of this name was found.
    #[error("find the command {command}")]
    CommandNotFound {
        /// As configured.
        command: String,
        /// Where it was looked for.
        path: OsString,
    },
    /// The file is there and cannot be run.
    #[error("run {}: {reason}", program.display())]
    NotExecutable {
        /// The file that was found.
        program: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The folder it is to start in is not there or cannot be entered.
    #[error("enter the folder {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An argument or a variable cannot be handed to a program: it holds a null character, or, for
    /// a Windows batch file, something `cmd.exe` would read as a command.
    #[error("hand the arguments to {}: {source}", program.display())]
    Arguments {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Part of Drawbridge itself could not be started.
    #[error("start the guardian {}: {source}", guardian.display())]
    Guardian {
        /// Where the guardian should be.
        guardian: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Anything else the system had against it.
    #[error("start {}: {source}", program.display())]
    Other {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SpawnError {
    /// The same for a person: what happened and what to do.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = format!("failed to {self}");
        match self {
            Self::CommandNotFound { command, path } => Problem::new(
                format!("The command `{command}` was not found. {}", advice_for(command)),
                format!("Looked for in {}", path.to_string_lossy()),
            ),
            Self::NotExecutable { program, .. } => Problem::new(
                format!(
                    "`{}` cannot be run. Check that it is a program for this computer and that \
                     you may run it.",
                    program.display()
                ),
                detail,
            ),
            Self::Folder { folder, .. } => Problem::new(
                format!(
                    "The folder `{}`, where the server is to start, cannot be used. Create it or \
                     choose another one.",
                    folder.display()
                ),
                detail,
            ),
            Self::Arguments { program, .. } => Problem::new(
                format!(
                    "The arguments or variables for `{}` hold characters that cannot be handed \
                     to it. Change them in the server's settings.",
                    program.display()
                ),
                detail,
            ),
            Self::Guardian { .. } => Problem::new(
                "A part of Drawbridge is missing or cannot be run, so no server can be started. \
                 Install Drawbridge again.",
                detail,
            ),
            Self::Other { program, .. } => Problem::new(
                format!(
                    "`{}` could not be started. Details say what the system reports.",
                    program.display()
                ),
                detail,
            ),
        }
    }
}

/// What brings a command that servers commonly need.
fn advice_for(command: &str) -> &'static str {
    match command.trim_end_matches(".cmd").trim_end_matches(".exe") {
        "npx" | "npm" | "node" => "Install Node.js, or choose another command.",
        "uvx" | "uv" => "Install uv, or choose another command.",
        "python" | "python3" | "pip" | "pipx" => "Install Python, or choose another command.",
        "docker" => "Install Docker, or choose another command.",
        "podman" => "Install Podman, or choose another command.",
        "bun" | "bunx" => "Install Bun, or choose another command.",
        "deno" => "Install Deno, or choose another command.",
        "dotnet" | "dnx" => "Install .NET, or choose another command.",
        "java" => "Install Java, or choose another command.",
        "cargo" => "Install Rust, or choose another command.",
        "go" => "Install Go, or choose another command.",
        _ => "Install it, or write the whole path of the program.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value_and_no_argument() {
        let launch = ResolvedLaunch {
            command: "npx".into(),
            args: vec!["--token=hunter2".into()],
            env: BTreeMap::from([("API_KEY".into(), "hunter2".into())]),
            cwd: None,
        };
        let shown = format!("{launch:?}");
        assert!(shown.contains("API_KEY"), "the name helps to find a mistake: {shown}");
        assert!(!shown.contains("hunter2"), "a value is a secret: {shown}");
    }

    #[test]
    fn a_missing_runtime_is_named() {
        let error = SpawnError::CommandNotFound { command: "npx".into(), path: "/bin".into() };
        let problem = error.problem();
        assert!(problem.message.contains("`npx`") && problem.message.contains("Node.js"));
        assert!(problem.detail.contains("/bin"));
    }
}
