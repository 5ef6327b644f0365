//! Starting into a job object that closes with us.
//!
//! Batch files (`npx.cmd`) are run by `cmd.exe`, which reads its command line anew. The standard
//! library quotes the arguments for it and refuses what cannot be quoted safely; that is why such a
//! file is always handed over by its whole name and never through a shell of ours.
#![expect(unsafe_code, reason = "job objects and suspended threads have no safe wrapper")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::mem;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr;

use tokio::process::Child;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, OpenThread, ResumeThread, THREAD_SUSPEND_RESUME,
};

use super::{End, Identity, Order, Origin, Started};
use crate::SpawnError;

/// Whether a variable of ours is on the short list for children: without these, programs do not
/// find the system, their data or a place for temporary files.
pub(crate) fn passes_on(name: &str) -> bool {
    const LIST: [&str; 19] = [
        "APPDATA",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "NUMBER_OF_PROCESSORS",
        "OS",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "PROGRAMFILES(X86)",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
    ];
    LIST.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Whether two names mean the same variable.
pub(crate) fn same_variable(one: &OsStr, other: &OsStr) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The file names a command stands for.
pub(crate) fn program_names(command: &str) -> Vec<OsString> {
    let endings = env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".to_owned());
    let endings: Vec<&str> = endings.split(';').filter(|ending| ending.len() > 1).collect();
    let has_one = endings.iter().any(|ending| {
        let at = command.len().saturating_sub(ending.len());
        command.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
    });
    if has_one {
        return vec![command.into()];
    }
    endings
        .iter()
        .map(|ending| format!("{command}{}", ending.to_ascii_lowercase()).into())
        .collect()
}

/// Whether this process may run a file: here its name decides.
pub(crate) fn is_executable(_file: &Path) -> bool {
    true
}

/// Options for a file in the person's own folder, which others do not read.
pub(crate) fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a folder with those above it.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

/// There is no login shell to ask: programs get the whole `PATH`.
pub(crate) fn login_shell(_script: &str) -> Option<Command> {
    None
}

/// Nothing to end, since no login shell is started.
pub(crate) fn end_session(_shell: &Child) {}

/// Nothing is written down: a job object leaves nothing behind.
pub(crate) fn origin(_pid: u32) -> Option<Origin> {
    None
}

/// See [`origin`].
pub(crate) fn boot() -> String {
    String::new()
}

/// See [`origin`].
pub(crate) fn end_tree_of(_known: &[Identity], _mark: &str) -> Vec<u32> {
    vec![]
}

/// Starts the program suspended, puts it into a job, and lets it run: so nothing that it starts is
/// ever outside of the job.
pub(crate) async fn start(order: &Order, _guardian: &Path) -> Result<Started, SpawnError> {
    let Order { program, args, env, folder } = order;
    let other = |source| SpawnError::Other { program: program.clone(), source };
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(env)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .creation_flags(CREATE_NO_WINDOW | CREATE_SUSPENDED);
    let job = Job::new().map_err(other)?;
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => SpawnError::Arguments { program: program.clone(), source },
        io::ErrorKind::PermissionDenied => {
            SpawnError::NotExecutable { program: program.clone(), reason: source.to_string() }
        }
        _ => other(source),
    })?;
    // On an early return the child is dropped and ended, still suspended.
    let pid = child.id().ok_or_else(|| other(io::Error::other("it ended at once")))?;
    job.take(&child).map_err(other)?;
    resume(pid).map_err(other)?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => {
            Ok(Started { pid, stdin, stdout, stderr, holder: Holder { child, job, end: None } })
        }
        _ => Err(other(io::Error::other("a pipe is missing"))),
    }
}

/// Our end of one tree.
#[derive(Debug)]
pub(crate) struct Holder {
    child: Child,
    job: Job,
    end: Option<End>,
}

impl Holder {
    /// There is no guardian.
    pub(crate) fn guardian(&self) -> Option<u32> {
        None
    }

    /// Waits until the server itself has ended. May be given up and called again.
    pub(crate) async fn ended(&mut self) -> End {
        if let Some(end) = self.end {
            return end;
        }
        let code = self.child.wait().await.ok().and_then(|status| status.code());
        let end = End { code, ..End::default() };
        self.end = Some(end);
        end
    }

    /// Waits until the server has ended and ends what it left behind. May be given up and called
    /// again.
    pub(crate) async fn gone(&mut self) -> End {
        let end = self.ended().await;
        self.job.end();
        end
    }

    /// A program without a window or a console cannot be asked: closing its standard input was the
    /// asking.
    pub(crate) fn ask(&mut self) {}

    /// Ends the whole tree.
    pub(crate) fn end_now(&mut self) {
        self.job.end();
    }

    /// Ends the server itself.
    pub(crate) fn abandon(&mut self) {
        let _ = self.child.start_kill();
    }
}

/// A job object that ends everything in it when its last handle closes, whichever way we end.
#[derive(Debug)]
struct Job(OwnedHandle);

impl Job {
    fn new() -> io::Result<Self> {
        // SAFETY: both pointers may be null: default security, no name.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is valid and nobody else's.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        // SAFETY: the structure is plain data, for which all zeros is a valid value.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { mem::zeroed() };
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        // SAFETY: the pointer and the size are those of one structure of the named kind.
        let set = unsafe {
            SetInformationJobObject(
                job.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                mem::size_of_val(&limits) as u32,
            )
        };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(job) }
    }

    fn take(&self, child: &Child) -> io::Result<()> {
        let process = child.raw_handle().ok_or_else(|| io::Error::other("it ended at once"))?;
        // SAFETY: both handles are open through the call.
        let taken = unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn end(&self) {
        // SAFETY: the handle is open. A job in which nothing is left is no failure.
        unsafe {
            TerminateJobObject(self.0.as_raw_handle(), 1);
        }
    }
}

/// Lets the threads of a process that was started suspended run; there is one.
fn resume(pid: u32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is valid and nobody else's.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    // SAFETY: the structure is plain data, for which all zeros is a valid value.
    let mut entry: THREADENTRY32 = unsafe { mem::zeroed() };
    entry.dwSize = mem::size_of::<THREADENTRY32>() as u32;
    let mut resumed = 0;
    // SAFETY: the entry knows its size and lives through the call.
    let mut more = unsafe { Thread32First(snapshot.as_raw_handle(), &mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == pid {
            // SAFETY: takes no pointer.
            let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) };
            if thread.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the handle is valid and nobody else's.
            let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
            // SAFETY: the handle is open.
            if unsafe { ResumeThread(thread.as_raw_handle()) } == u32::MAX {
                return Err(io::Error::last_os_error());
            }
            resumed += 1;
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot.as_raw_handle(), &mut entry) };
    }
    if resumed == 0 { Err(io::Error::other("its first thread was not found")) } else { Ok(()) }
}
