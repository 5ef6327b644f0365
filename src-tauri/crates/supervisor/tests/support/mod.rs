//! What the tests share: a spawner in a temporary folder, shell scripts as servers, and processes
//! that are watched until they end.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use drawbridge_supervisor::{LogBook, ResolvedLaunch, Running, Spawned, Spawner, SpawnerSettings};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::task::TaskTracker;

/// Long enough for a busy computer, short enough to notice.
pub const LIMIT: Duration = Duration::from_secs(20);

pub const GUARDIAN: &str = env!("CARGO_BIN_EXE_drawbridge-guardian");

pub struct Home {
    pub folder: TempDir,
    pub tasks: TaskTracker,
    pub spawner: Spawner,
    pub log: LogBook,
}

pub fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let tasks = TaskTracker::new();
    let spawner = Spawner::new(SpawnerSettings {
        guardian: GUARDIAN.into(),
        state_dir: folder.path().to_path_buf(),
        grace: Duration::from_millis(1_500),
        search_path: std::env::var_os("PATH").unwrap(),
        tasks: tasks.clone(),
    });
    Home { folder, tasks, spawner, log: LogBook::in_memory() }
}

impl Home {
    pub async fn sh(&self, script: &str) -> Server {
        Server::from(self.spawner.spawn(&sh(script), &self.log).await.unwrap())
    }

    /// Whether anything is written down as running.
    pub fn notes(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("children")).map_or(0, Iterator::count)
    }
}

pub fn sh(script: &str) -> ResolvedLaunch {
    ResolvedLaunch {
        command: "sh".into(),
        args: vec!["-c".into(), script.into()],
        cwd: Some("/".into()),
        ..ResolvedLaunch::default()
    }
}

pub struct Server {
    pub pid: u32,
    pub stdin: ChildStdin,
    pub stdout: Lines<BufReader<ChildStdout>>,
    pub running: Running,
}

impl From<Spawned> for Server {
    fn from(spawned: Spawned) -> Self {
        let Spawned { pid, stdin, stdout, running } = spawned;
        Self { pid, stdin, stdout: BufReader::new(stdout).lines(), running }
    }
}

impl Server {
    pub async fn line(&mut self) -> Option<String> {
        within(self.stdout.next_line()).await.unwrap()
    }

    /// Reads pids, one a line, until the line `ready`.
    pub async fn family(&mut self) -> Vec<Process> {
        let mut family = vec![];
        loop {
            match self.line().await.expect("the script says `ready`").as_str() {
                "ready" => return family,
                pid => family.push(Process::at(pid.parse().unwrap())),
            }
        }
    }
}

/// A process held by a handle, so that its end is seen whatever becomes of its pid.
pub struct Process {
    pub pid: u32,
    handle: OwnedFd,
}

impl Process {
    pub fn at(pid: u32) -> Self {
        let handle = pidfd_open(raw(pid), PidfdFlags::empty());
        Self { pid, handle: handle.expect("the process runs") }
    }

    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.handle, signal).unwrap();
    }

    pub fn has_ended_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            match poll(&mut [PollFd::new(&self.handle, PollFlags::IN)], Some(&left)) {
                // A child of the test ended meanwhile.
                Err(Errno::INTR) => {}
                ended => return ended.unwrap() == 1,
            }
        }
    }

    pub fn runs(&self) -> bool {
        !self.has_ended_within(Duration::ZERO)
    }

    /// Its parent's pid.
    pub fn parent(&self) -> u32 {
        self.status("PPid:").parse().unwrap()
    }

    /// Waits until SIGSTOP has reached all of its threads, which the system does not announce to
    /// anyone but its parent.
    pub async fn stopped(&self) {
        while !self.status("State:").starts_with('T') {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn status(&self, key: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().to_owned()
    }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

#[track_caller]
pub fn assert_all_end(family: &[Process]) {
    for process in family {
        assert!(process.has_ended_within(LIMIT), "process {} is still there", process.pid);
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it takes too long")
}

/// The example program of this name, which `cargo test` builds beside the tests.
pub fn example(name: &str) -> std::path::PathBuf {
    let program = Path::new(GUARDIAN).parent().unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is built by `cargo test` as a whole", program.display());
    program
}

/// A tree that does not want to end: the server and a child ignore the request, one grandchild made
/// a session of its own, another one lost its parent on top of that. Prints their pids.
pub const STUBBORN: &str = r#"
    trap "" TERM
    sleep 1000 & echo $!
    setsid sleep 1000 & echo $!
    setsid sh -c 'sleep 1000 >/dev/null & echo $!'
    echo $$
    echo ready
    while :; do sleep 1000 & wait; done
"#;
