//! Processes as macOS shows them. It has no subreapers and no death signals: the guardian ends the
//! process group, and a grandchild that made a session of its own is out of its reach.
#![expect(unsafe_code, reason = "proc_pidinfo has no safe wrapper")]

use std::mem;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Identity, Origin};

/// Where a process comes from; its start in microseconds since 1970.
pub(crate) fn origin(pid: u32) -> Option<Origin> {
    let size = mem::size_of::<libc::proc_bsdinfo>() as libc::c_int;
    // SAFETY: the structure is plain data, for which all zeros is a valid value.
    let mut info: libc::proc_bsdinfo = unsafe { mem::zeroed() };
    // SAFETY: the buffer is as large as the size says and lives through the call.
    let filled = unsafe {
        libc::proc_pidinfo(
            libc::c_int::try_from(pid).ok()?,
            libc::PROC_PIDTBSDINFO,
            0,
            (&raw mut info).cast(),
            size,
        )
    };
    (filled == size).then(|| Origin {
        parent: info.pbi_ppid,
        started: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec,
    })
}

/// Start times are absolute here, so all boots are one.
pub(crate) fn boot() -> String {
    String::new()
}

/// Ends the process groups of those of `known` that are still the processes that were written
/// down. A guardian and a server each lead a group. Gives their pids.
pub(crate) fn end_tree_of(known: &[Identity], _mark: &str) -> Vec<u32> {
    let mut ended = vec![];
    for known in known {
        if origin(known.pid).is_some_and(|origin| origin.started == known.started)
            && let Some(pid) = i32::try_from(known.pid).ok().and_then(Pid::from_raw)
            && kill_process_group(pid, Signal::KILL).is_ok()
        {
            ended.push(known.pid);
        }
    }
    ended
}
