//! Starts a program and owns it until nothing of it is left.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::environment;
use crate::find::{Found, look_up};
use crate::launch::{ResolvedLaunch, SpawnError};
use crate::leftovers::Note;
use crate::log_book::LogBook;
use crate::os::{self, Holder, Order, Started};
use crate::stderr::{LastLine, read_into};

/// How long a server may take to end by itself once its standard input was closed.
const BY_ITSELF: Duration = Duration::from_secs(1);
/// How long what a server left behind may take to end once it was asked to.
const LEFT_BEHIND: Duration = Duration::from_secs(2);
/// How long the system may take to end a tree. Longer takes only what hangs in the kernel.
const BY_FORCE: Duration = Duration::from_secs(3);
/// How long the last words of a server may take to arrive, a flood that is being held back
/// included. Longer takes only a pipe that something outside of the tree holds open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a [`Spawner`] needs to know.
#[derive(Debug, Clone)]
pub struct SpawnerSettings {
    /// The program `drawbridge-guardian`. Not used on Windows.
    pub guardian: PathBuf,
    /// A folder of ours in which it is written down what runs, for [`crate::sweep_leftovers`].
    pub state_dir: PathBuf,
    /// How long a stop may be polite; five seconds unless there is a reason.
    pub grace: Duration,
    /// The children's `PATH`, and where commands are looked up: see [`crate::login_shell_path`].
    pub search_path: OsString,
    /// Owns the task of each child.
    pub tasks: TaskTracker,
}

/// Starts programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spawner {
    settings: std::sync::Arc<SpawnerSettings>,
}

/// A program that was started. Its standard error goes to the log.
#[derive(Debug)]
pub struct Spawned {
    /// The program's own process.
    pub pid: u32,
    /// Its standard input. Dropping it tells a polite server that it is over.
    pub stdin: ChildStdin,
    /// Its standard output.
    pub stdout: ChildStdout,
    /// The hold on it.
    pub running: Running,
}

/// The hold on a running program: exactly one task owns the process, and this is its handle.
/// Dropping it ends the whole tree at once.
#[derive(Debug)]
pub struct Running {
    pid: u32,
    stop: oneshot::Sender<()>,
    report: watch::Receiver<Option<ExitReport>>,
}

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitReport {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, on Linux and macOS. Neither is known where the system did not
    /// tell in time.
    pub signal: Option<i32>,
    /// The last line of its standard error that said something.
    pub last_stderr: Option<String>,
}

impl fmt::Display for ExitReport {
    /// As a fragment: "ended with code 1", "was ended by signal 9 (SIGKILL)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "ended with code {code}"),
            (None, Some(signal)) => match signal_name(signal) {
                Some(name) => write!(f, "was ended by signal {signal} ({name})"),
                None => write!(f, "was ended by signal {signal}"),
            },
            (None, None) => f.write_str("ended, and the system did not tell how"),
        }
    }
}

/// The names of signals whose numbers are the same on Linux and macOS.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

impl Running {
    /// The program's own process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until nothing of the tree is left. May be given up and called again.
    pub async fn exited(&mut self) -> ExitReport {
        match self.report.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_default(),
            // The task was torn down with its runtime, and the tree ends with it.
            Err(_) => ExitReport::default(),
        }
    }

    /// Ends it: waits a second for it to end by itself, since its standard input was dropped before,
    /// then asks, and at the end of the grace ends the whole tree by force. Takes no longer than
    /// the grace and three seconds. The stop goes on when this future is dropped.
    pub async fn stop(self) -> ExitReport {
        let Self { stop, mut report, .. } = self;
        // Fails when it has ended already.
        let _ = stop.send(());
        match report.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_default(),
            Err(_) => ExitReport::default(),
        }
    }
}

impl Spawner {
    /// A spawner with these settings.
    #[must_use]
    pub fn new(settings: SpawnerSettings) -> Self {
        Self { settings: settings.into() }
    }

    /// The children's `PATH`.
    #[must_use]
    pub fn search_path(&self) -> &std::ffi::OsStr {
        &self.settings.search_path
    }

    /// Starts a program. It has started when this returns: what is wrong with its file, its folder
    /// or its interpreter is an error here and never looks like a crash. Dropping the future leaves
    /// nothing running.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub async fn spawn(
        &self,
        launch: &ResolvedLaunch,
        log: &LogBook,
    ) -> Result<Spawned, SpawnError> {
        let settings = &self.settings;
        let mark = random_mark();
        let order = self.order(launch, &mark)?;
        let Started { pid, stdin, stdout, stderr, holder } =
            os::start(&order, &settings.guardian).await?;

        let state_dir = settings.state_dir.clone();
        let guardian = holder.guardian();
        let note = move || Note::write(&state_dir, pid, guardian, mark);
        let note = settings.tasks.spawn_blocking(note).await;
        let last = LastLine::default();
        let enough = CancellationToken::new();
        let reading = settings.tasks.spawn({
            let reading = read_into(stderr, log.clone(), last.clone());
            let enough = enough.clone();
            async move {
                enough.run_until_cancelled(reading).await;
            }
        });
        let (stop, stop_asked) = oneshot::channel();
        let (report, reported) = watch::channel(None);
        let grace = settings.grace;
        let tasks = settings.tasks.clone();
        settings.tasks.spawn(async move {
            let end = hold(holder, stop_asked, grace).await;
            // Without a runtime to write it down on, there is no note to remove either.
            if let Ok(note) = note {
                let closing = move || if end.unguarded { note.end_tree() } else { note.remove() };
                let _ = tasks.spawn_blocking(closing).await;
            }
            // On macOS and Windows a grandchild may have got away with the pipe in its hands.
            let _ = timeout(LAST_WORDS, reading).await;
            enough.cancel();
            let end = ExitReport { code: end.code, signal: end.signal, last_stderr: last.get() };
            // Fails when nobody wants to know.
            let _ = report.send(Some(end));
        });
        Ok(Spawned { pid, stdin, stdout, running: Running { pid, stop, report: reported } })
    }

    /// Finds the program, checks its folder, completes its environment.
    fn order(&self, launch: &ResolvedLaunch, mark: &str) -> Result<Order, SpawnError> {
        let settings = &self.settings;
        let folder = match &launch.cwd {
            Some(folder) => folder.clone(),
            None => std::env::home_dir().unwrap_or_else(|| Path::new("/").to_path_buf()),
        };
        match std::fs::metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let source = std::io::ErrorKind::NotADirectory.into();
                return Err(SpawnError::Folder { folder, source });
            }
            Err(source) => return Err(SpawnError::Folder { folder, source }),
        }
        let mut env =
            environment::for_child(std::env::vars_os(), &settings.search_path, &launch.env);
        let path = env
            .iter()
            .find(|(name, _)| os::same_variable(name, "PATH".as_ref()))
            .map_or_else(OsString::new, |(_, path)| path.clone());
        let program = match look_up(&launch.command, &path, Some(&folder)) {
            Found::Program(program) => program,
            Found::NotExecutable(program) => {
                let reason = "it is not marked as a program".to_owned();
                return Err(SpawnError::NotExecutable { program, reason });
            }
            Found::Nothing => {
                let command = launch.command.clone();
                return Err(SpawnError::CommandNotFound { command, path });
            }
        };
        env.insert(environment::MARK.into(), mark.into());
        Ok(Order { program, args: launch.args.clone(), env, folder })
    }
}

/// Holds a tree until nothing of it is left.
async fn hold(mut holder: Holder, mut stop: oneshot::Receiver<()>, grace: Duration) -> os::End {
    enum Why {
        Ended,
        Asked,
        Dropped,
    }
    let why = tokio::select! {
        biased;
        _ = holder.ended() => Why::Ended,
        asked = &mut stop => if asked.is_ok() { Why::Asked } else { Why::Dropped },
    };
    match why {
        Why::Ended => {
            // What it left was asked to end when it ended.
            let _ = timeout(LEFT_BEHIND, holder.gone()).await;
        }
        Why::Asked => {
            let deadline = Instant::now() + grace;
            if timeout(BY_ITSELF.min(grace), holder.ended()).await.is_err() {
                holder.ask();
            }
            let _ = timeout_at(deadline, holder.gone()).await;
        }
        Why::Dropped => {}
    }
    holder.end_now();
    if let Ok(end) = timeout(BY_FORCE, holder.gone()).await {
        return end;
    }
    tracing::warn!("something a server started cannot be ended");
    holder.abandon();
    // What was heard so far; a guardian that was just killed leaves a tree to search.
    let end = timeout(BY_FORCE, holder.ended()).await.unwrap_or_default();
    os::End { unguarded: true, ..end }
}

/// Random, so that nothing but this tree carries it.
fn random_mark() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // An empty mark is never searched for.
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reads_as_a_fragment() {
        for (code, signal, shown) in [
            (Some(0), None, "ended with code 0"),
            (None, Some(9), "was ended by signal 9 (SIGKILL)"),
            (None, Some(34), "was ended by signal 34"),
            (None, None, "ended, and the system did not tell how"),
        ] {
            let report = ExitReport { code, signal, last_stderr: None };
            assert_eq!(report.to_string(), shown);
        }
    }
}
