//! What the operating system says about processes (Linux: `/proc`).

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// One process, told apart from a later one with the same id by its start time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, in clock ticks since the system did.
    pub started: u64,
    /// Its command line, for messages.
    pub command: String,
}

impl Process {
    /// Whether it still runs; a zombie does not.
    #[must_use]
    pub fn runs(&self) -> bool {
        stat(self.pid).is_some_and(|now| now.started == self.started && now.state != 'Z')
    }
}

/// Fields of proc_pid_stat(5).
struct Stat {
    parent: u32,
    started: u64,
    state: char,
    worked: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields behind it do not.
    let rest = text.rsplit_once(") ")?.1;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        worked: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
    })
}

fn all() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn process(pid: u32) -> Option<Process> {
    let started = stat(pid)?.started;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(Process { pid, started, command: String::from_utf8_lossy(&command).replace('\0', " ") })
}

/// All running processes below `root`, itself left out.
#[must_use]
pub fn descendants(root: u32) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in all() {
        if let Some(stat) = stat(pid).filter(|stat| stat.state != 'Z') {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![root];
    while let Some(parent) = waiting.pop() {
        for &pid in children.get(&parent).into_iter().flatten() {
            if seen.insert(pid) {
                waiting.push(pid);
                found.extend(process(pid));
            }
        }
    }
    found
}

/// All running processes that carry `folder` somewhere in their environment. Every server of a test
/// engine does, and hands it down to what it starts, whoever its parent is by then.
#[must_use]
pub fn marked_with(folder: &Path) -> Vec<Process> {
    let marker = format!("{}={}", crate::engine::MARKER, folder.display()).into_bytes();
    all()
        .into_iter()
        .filter(|&pid| {
            std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment.split(|&byte| byte == 0).any(|variable| variable == marker)
            })
        })
        .filter_map(process)
        .filter(Process::runs)
        .collect()
}

/// Proportional set size of a process in KiB.
#[must_use]
pub fn proportional_kib(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time a process has taken, in clock ticks (proc_pid_stat(5): utime and stime).
#[must_use]
pub fn worked(pid: u32) -> Option<u64> {
    Some(stat(pid)?.worked)
}

/// Sends a signal to one process.
#[cfg(unix)]
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let raw = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = raw {
        // A process that has ended already is what the caller wanted.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether every thread of a process was stopped by a signal. The signal alone says nothing: each
/// thread runs on until it takes notice.
#[must_use]
pub fn stands_still(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:\tT"))
    })
}
