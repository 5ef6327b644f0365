//! What differs between systems, behind one surface.

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{boot, end_tree_of, started};
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use macos::{boot, end_tree_of, started};
#[cfg(unix)]
pub(crate) use unix::{
    Holder, create_private_folder, end_session, is_executable, login_shell, passes_on,
    private_file, program_names, same_variable, start,
};
#[cfg(windows)]
pub(crate) use windows::{
    Holder, boot, create_private_folder, end_session, end_tree_of, is_executable, login_shell,
    passes_on, private_file, program_names, same_variable, start, started,
};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A program ready to be started: found, with its folder checked and its environment complete.
pub(crate) struct Order {
    pub(crate) guardian: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<OsString, OsString>,
    pub(crate) folder: PathBuf,
}

/// A program that runs.
pub(crate) struct Started {
    /// The server itself.
    pub(crate) pid: u32,
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
    pub(crate) holder: Holder,
}

/// How the server itself ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Whether the tree may have outlived its guardian, so that a search is due.
    pub(crate) unguarded: bool,
}

/// A process as it was written down: a pid says nothing without the time it started.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// In units of the system; comparable only within one boot.
    pub(crate) started: u64,
}

impl Identity {
    /// The process that has this pid, if there is one and the system tells.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        started(pid).map(|started| Self { pid, started })
    }
}
