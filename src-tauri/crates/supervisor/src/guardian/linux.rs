//! The guardian on Linux: it adopts every orphan of the tree, so it can find and end all of it.

use std::io;
use std::sync::Mutex;

use rustix::io::Errno;
use rustix::process::{
    Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getppid, set_child_subreaper,
    set_parent_process_death_signal, setsid, wait, waitid,
};

use super::unix::{Tree, lock};
use crate::os::linux::descendants;

/// Makes this process the parent of what loses its own.
pub(super) fn prepare() {
    // Fails on no kernel that can run this program.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Gives the server a session of its own, and has the kernel end it with the guardian.
pub(super) fn before_exec() -> impl FnMut() -> io::Result<()> + Send + Sync + 'static {
    let guardian = getpid();
    move || {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The guardian may have ended before the line above took effect.
        if getppid() != Some(guardian) {
            return Err(Errno::SRCH.into());
        }
        Ok(())
    }
}

/// Reaps children until none is left. When the server itself ends, what it left is asked to end;
/// we are told, and close the lifeline when that takes too long.
pub(super) fn wait_for_children(tree: &Mutex<Tree>) {
    loop {
        // Looks without reaping, so that reaping happens under the lock.
        match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        let mut tree = lock(tree);
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if Some(pid) == tree.server {
                tree.reaped(status);
                signal_all(Signal::TERM);
            }
        }
        if tree.ending {
            // What one look missed, since it was just being started, is an orphan by now.
            signal_all(Signal::KILL);
        }
    }
}

/// Ends everything. What is started meanwhile is found when its parent is reaped.
pub(super) fn end_all(tree: &Mutex<Tree>) {
    let mut tree = lock(tree);
    tree.ending = true;
    tree.signal_group(Signal::KILL);
    signal_all(Signal::KILL);
}

fn signal_all(signal: Signal) {
    for process in descendants(&[std::process::id()]) {
        process.signal(signal);
    }
}
