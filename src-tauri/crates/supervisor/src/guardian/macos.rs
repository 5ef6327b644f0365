//! The guardian on macOS, where it can reach the server's process group and no further.

use std::io;
use std::sync::Mutex;

use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, WaitOptions, setsid, waitid, waitpid};

use super::unix::{Tree, lock};

/// Nothing to prepare: there are no subreapers.
pub(super) fn prepare() {}

/// Gives the server a session and a process group of its own.
pub(super) fn before_exec() -> impl FnMut() -> io::Result<()> + Send + Sync + 'static {
    || setsid().map(drop).map_err(io::Error::from)
}

/// Waits for the server, and ends what it leaves in its process group.
pub(super) fn wait_for_children(tree: &Mutex<Tree>) {
    let Some(server) = lock(tree).server else { return };
    while let Err(Errno::INTR) =
        waitid(WaitId::Pid(server), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
    let mut tree = lock(tree);
    // The number of the group is surely the server's as long as the server was not reaped.
    tree.signal_group(Signal::KILL);
    if let Ok(Some((_, status))) = waitpid(Some(server), WaitOptions::empty()) {
        tree.reaped(status);
    }
}

/// Ends the process group.
pub(super) fn end_all(tree: &Mutex<Tree>) {
    let mut tree = lock(tree);
    tree.ending = true;
    tree.signal_group(Signal::KILL);
}
