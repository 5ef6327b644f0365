//! Processes as Linux shows them in `/proc`.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::{Identity, Origin};
use crate::environment::MARK;

/// How long ending leftovers may take; longer takes only what hangs in the kernel.
const SWEEP_LIMIT: Duration = Duration::from_secs(2);

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    parent: u32,
    /// Clock ticks since boot.
    started: u64,
    /// It has ended, and its parent has not looked yet.
    zombie: bool,
}

impl Process {
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let mut stat = String::new();
        // The name in the second field may hold anything, also bytes that are no text.
        let mut bytes = Vec::new();
        fs::File::open(format!("/proc/{pid}/stat")).ok()?.read_to_end(&mut bytes).ok()?;
        stat.push_str(&String::from_utf8_lossy(&bytes));
        Self::parse(pid, &stat)
    }

    fn parse(pid: u32, stat: &str) -> Option<Self> {
        // proc_pid_stat(5): the name stands in brackets and may hold brackets and spaces itself.
        let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { pid, parent, started, zombie: matches!(state, "Z" | "X") })
    }

    /// Signals this process and no other: it is held by a handle while its start time is compared,
    /// so a pid that went to a stranger meanwhile is left alone.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return };
        let still_it = || Self::read(self.pid).is_some_and(|now| now.started == self.started);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) if still_it() => {
                // It may have ended by itself, or belong to someone else (setuid).
                let _ = pidfd_send_signal(handle, signal);
            }
            Err(Errno::NOSYS) if still_it() => {
                let _ = kill_process(pid, signal);
            }
            _ => {}
        }
    }

    /// Waits until it has ended.
    fn wait(&self, limit: Duration) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return };
        if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
            && Self::read(self.pid).is_some_and(|now| now.started == self.started && !now.zombie)
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let until = Instant::now() + limit;
            // Ready when the process has ended; a limit that passed is no failure.
            let look = || {
                let left = until.saturating_duration_since(Instant::now());
                let left = Timespec::try_from(left).ok();
                poll(&mut [PollFd::new(&handle, PollFlags::IN)], left.as_ref())
            };
            // A signal to this process, as when a child ends, does not end the waiting.
            while look() == Err(Errno::INTR) {}
        }
    }
}

/// Every process that can be seen.
fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return vec![] };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect()
}

/// Everything below `roots`, without them, as far as parents are still there.
pub(crate) fn descendants(roots: &[u32]) -> Vec<Process> {
    let mut rest = all();
    let mut family: HashSet<u32> = roots.iter().copied().collect();
    let mut found = vec![];
    loop {
        let (children, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|process| family.contains(&process.parent));
        if children.is_empty() {
            return found;
        }
        family.extend(children.iter().map(|child| child.pid));
        found.extend(children.into_iter().filter(|child| !roots.contains(&child.pid)));
        rest = others;
    }
}

/// Everything that carries the mark of one tree in the environment it was started with.
fn carriers(mark: &str) -> Vec<Process> {
    // Without randomness there was no mark to give.
    if mark.is_empty() {
        return vec![];
    }
    let wanted = format!("{MARK}={mark}");
    let carries = |process: &Process| {
        fs::read(format!("/proc/{}/environ", process.pid))
            .is_ok_and(|env| env.split(|byte| *byte == 0).any(|pair| pair == wanted.as_bytes()))
    };
    all().into_iter().filter(carries).collect()
}

/// Where a process comes from; its start in clock ticks since boot.
pub(crate) fn origin(pid: u32) -> Option<Origin> {
    Process::read(pid).map(|Process { parent, started, .. }| Origin { parent, started })
}

/// Names this boot: start times of another one mean nothing.
pub(crate) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Ends those of `known` that are still the processes that were written down, everything below
/// them, and everything that carries `mark`. Gives the pids of what was ended. Blocks, at most for
/// [`SWEEP_LIMIT`].
pub(crate) fn end_tree_of(known: &[Identity], mark: &str) -> Vec<u32> {
    let deadline = Instant::now() + SWEEP_LIMIT;
    let mut ended: Vec<Process> = vec![];
    // What a process starts between two looks is found by the next look.
    while Instant::now() < deadline {
        let mut found: Vec<Process> = known
            .iter()
            .filter_map(|known| Process::read(known.pid).filter(|now| now.started == known.started))
            .collect();
        let roots: Vec<u32> = found.iter().map(|process| process.pid).collect();
        found.extend(descendants(&roots));
        found.extend(carriers(mark));
        found.retain(|process| !process.zombie);
        if found.is_empty() {
            break;
        }
        for process in &found {
            process.signal(Signal::KILL);
        }
        for process in found {
            process.wait(deadline.saturating_duration_since(Instant::now()));
            if !ended.contains(&process) {
                ended.push(process);
            }
        }
    }
    let mut pids: Vec<u32> = ended.iter().map(|process| process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_disguise_the_fields_behind_it() {
        let tail = "S 7 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4242 9 9";
        for name in ["(sh)", "(a) Z 99 (b)", "(x y)"] {
            let stat = format!("12 {name} {tail}\n");
            let process = Process::parse(12, &stat).unwrap();
            assert_eq!(process, Process { pid: 12, parent: 7, started: 4242, zombie: false });
        }
        assert_eq!(Process::parse(12, "12 (sh) S"), None);
    }

    #[test]
    fn a_process_with_another_start_time_is_not_signalled() {
        #[expect(clippy::disallowed_methods, reason = "a process to be left alone")]
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let real = Process::read(sleeper.id()).unwrap();
        Process { started: real.started + 1, ..real }.signal(Signal::KILL);
        assert!(sleeper.try_wait().unwrap().is_none(), "a stranger must be left alone");
        real.signal(Signal::KILL);
        assert!(!sleeper.wait().unwrap().success(), "the process itself is ended");
    }
}
