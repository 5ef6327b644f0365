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
pub(crate) use linux::{boot, end_tree_of, origin};
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use macos::{boot, end_tree_of, origin};
#[cfg(unix)]
pub(crate) use unix::{
    Holder, create_private_folder, end_session, is_executable, login_shell, passes_on,
    private_file, program_names, same_variable, start,
};
#[cfg(windows)]
pub(crate) use windows::{
    Holder, boot, create_private_folder, end_session, end_tree_of, is_executable, login_shell,
    origin, passes_on, private_file, program_names, same_variable, start,
};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A program ready to be started: found, with its folder checked and its environment complete.
pub(crate) struct Order {
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
    /// The child of ours that has this pid. It must not have been waited for, else the pid may be
    /// a stranger's.
    pub(crate) fn of_child(pid: u32) -> Option<Self> {
        origin(pid).map(|origin| Self { pid, started: origin.started })
    }

    /// The process that has this pid, if it is a child of `parent`: a pid that went to a stranger
    /// meanwhile does not count.
    pub(crate) fn of_grandchild(pid: u32, parent: &Self) -> Option<Self> {
        let origin = origin(pid).filter(|origin| origin.parent == parent.pid)?;
        Some(Self { pid, started: origin.started })
    }
}

/// Where a process comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) parent: u32,
    /// See [`Identity::started`].
    pub(crate) started: u64,
}
