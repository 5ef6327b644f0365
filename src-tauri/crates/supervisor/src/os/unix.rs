//! Starting through the guardian, and what Linux and macOS share.
#![expect(unsafe_code, reason = "a hook between fork and exec is unsafe to install")]

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::fs::{Access, access};
use rustix::net::{Shutdown, shutdown};
use tokio::net::UnixStream;
use tokio::process::Child;

use super::{End, Order, Started};
use crate::SpawnError;
use crate::guardian::{LIFELINE, Said};

/// Whether a variable of ours is on the short list for children.
pub(crate) fn passes_on(name: &str) -> bool {
    const LIST: [&str; 14] = [
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
        "__CF_USER_TEXT_ENCODING",
    ];
    LIST.contains(&name) || name.starts_with("LC_")
}

/// Whether two names mean the same variable.
pub(crate) fn same_variable(one: &OsStr, other: &OsStr) -> bool {
    one == other
}

/// The file names a command stands for.
pub(crate) fn program_names(command: &str) -> Vec<OsString> {
    vec![command.into()]
}

/// Whether this process may run a file.
pub(crate) fn is_executable(file: &Path) -> bool {
    access(file, Access::EXEC_OK).is_ok()
}

/// Options for a file that only its owner reads.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a folder that only its owner enters, with those above it.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A command for the person's login shell that runs `script` in a session of its own: an
/// interactive shell would otherwise take the terminal from us, or wait for it.
pub(crate) fn login_shell(script: &str) -> Option<Command> {
    let shell = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute())?;
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = Command::new(shell);
    command.args(["-l", "-i", "-c", script]);
    // SAFETY: between fork and exec only `setsid` is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
    Some(command)
}

/// Starts the guardian, and through it the program. Given up halfway, it leaves nothing: the
/// lifeline ends with the future.
pub(crate) async fn start(order: &Order, guardian: &Path) -> Result<Started, SpawnError> {
    let by_guardian = |source| SpawnError::Guardian { guardian: guardian.to_path_buf(), source };
    let (ours, theirs) = StdUnixStream::pair().map_err(by_guardian)?;
    ours.set_nonblocking(true).map_err(by_guardian)?;
    let lifeline = UnixStream::from_std(ours).map_err(by_guardian)?;

    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = Command::new(guardian);
    command
        .arg(&order.program)
        .args(&order.args)
        .env_clear()
        .envs(&order.env)
        .current_dir(&order.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in a terminal is for us, not for what we guard.
        .process_group(0)
        .fd_mappings(vec![FdMapping { parent_fd: theirs.into(), child_fd: LIFELINE }])
        .map_err(|error| by_guardian(io::Error::other(error)))?;
    let mut command = tokio::process::Command::from(command);
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => {
            SpawnError::Arguments { program: order.program.clone(), source }
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if !order.folder.is_dir() => {
            SpawnError::Folder { folder: order.folder.clone(), source }
        }
        _ => by_guardian(source),
    })?;
    // Our copy of the guardian's end, which the command still holds, would keep the line open.
    drop(command);
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut holder = Holder { guardian: child, lifeline, heard: Vec::new(), end: None };
    match holder.hear().await {
        Some(Said::Started(pid)) => {
            let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
                return Err(by_guardian(io::Error::other("a pipe is missing")));
            };
            Ok(Started { pid, stdin, stdout, stderr, holder })
        }
        Some(Said::Failed(errno)) => {
            let source = io::Error::from_raw_os_error(errno);
            Err(match source.kind() {
                // The program was there a moment ago: what is missing is the interpreter that its
                // first line names, or its loader.
                io::ErrorKind::NotFound => SpawnError::NotExecutable {
                    program: order.program.clone(),
                    reason: "its interpreter is missing".to_owned(),
                },
                io::ErrorKind::PermissionDenied => SpawnError::NotExecutable {
                    program: order.program.clone(),
                    reason: source.to_string(),
                },
                _ if errno == libc::ENOEXEC => SpawnError::NotExecutable {
                    program: order.program.clone(),
                    reason: source.to_string(),
                },
                io::ErrorKind::InvalidInput => {
                    SpawnError::Arguments { program: order.program.clone(), source }
                }
                _ => SpawnError::Other { program: order.program.clone(), source },
            })
        }
        _ => {
            let status = holder.guardian.wait().await.map_err(by_guardian)?;
            Err(by_guardian(io::Error::other(format!("it ended at once ({status})"))))
        }
    }
}

/// Our end of one tree.
#[derive(Debug)]
pub(crate) struct Holder {
    guardian: Child,
    lifeline: UnixStream,
    heard: Vec<u8>,
    end: Option<End>,
}

impl Holder {
    /// The pid of the guardian, while it is known to be there.
    pub(crate) fn guardian(&self) -> Option<u32> {
        self.guardian.id()
    }

    /// Waits until the server itself has ended. May be given up and called again.
    pub(crate) async fn ended(&mut self) -> End {
        if let Some(end) = self.end {
            return end;
        }
        let end = loop {
            match self.hear().await {
                Some(Said::Exited(code)) => break End { code: Some(code), ..End::default() },
                Some(Said::Signalled(signal)) => {
                    break End { signal: Some(signal), ..End::default() };
                }
                Some(Said::Started(_) | Said::Failed(_)) => {}
                // The guardian was killed, and with it the server.
                None => {
                    let status = self.guardian.wait().await.ok();
                    let signal = status.and_then(|status| status.signal());
                    break End { code: None, signal, unguarded: true };
                }
            }
        };
        self.end = Some(end);
        end
    }

    /// Waits until nothing of the tree is left. May be given up and called again.
    pub(crate) async fn gone(&mut self) -> End {
        let end = self.ended().await;
        // The only failure is a process that was waited for already.
        let _ = self.guardian.wait().await;
        end
    }

    /// Asks the server to end.
    pub(crate) fn ask(&mut self) {
        // One byte fits unless the guardian is gone, and then there is nobody to ask.
        let _ = self.lifeline.try_write(b"t");
    }

    /// Ends the whole tree.
    pub(crate) fn end_now(&mut self) {
        // Half of the line stays, for the guardian to tell how it ended.
        let _ = shutdown(&self.lifeline, Shutdown::Write);
    }

    /// Ends the guardian itself, when it cannot end the tree: something in it cannot be killed.
    pub(crate) fn abandon(&mut self) {
        let _ = self.guardian.start_kill();
    }

    /// The next thing the guardian says; nothing when it is gone. May be given up and called
    /// again.
    async fn hear(&mut self) -> Option<Said> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                if let Some(said) = str::from_utf8(&line).ok().and_then(Said::parse) {
                    return Some(said);
                }
                continue;
            }
            let mut bytes = [0; 64];
            self.lifeline.readable().await.ok()?;
            match self.lifeline.try_read(&mut bytes) {
                Ok(0) => return None,
                Ok(len) => self.heard.extend_from_slice(&bytes[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }
}

/// Ends a shell that [`login_shell`] started, with what it left in its process group.
pub(crate) fn end_session(shell: &Child) {
    let pid = shell.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}
