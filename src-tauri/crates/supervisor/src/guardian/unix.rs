//! The guardian on Linux and macOS.
//!
//! Two threads sleep in system calls: this one reads the lifeline, the other one waits for
//! children. What they share is behind a lock, under which a child is reaped, so that a signal
//! never meets a pid that is free again.
#![expect(unsafe_code, reason = "an inherited descriptor, a hook before exec, ignored signals")]

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, exit};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::process::{Pid, Signal, WaitStatus, kill_process_group};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

#[cfg(target_os = "linux")]
use super::linux as os;
#[cfg(not(target_os = "linux"))]
use super::macos as os;
use super::{LIFELINE, Said};

/// The tree as both threads see it.
pub(super) struct Tree {
    /// The server, until it was reaped. It leads a process group of the same number.
    pub(super) server: Option<Pid>,
    /// Whether everything is to end at once.
    pub(super) ending: bool,
    lifeline: UnixStream,
}

pub(super) fn run() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let (Some(program), Some(lifeline)) = (words.next(), take_lifeline()) else {
        let _ = io::stderr().write_all(b"drawbridge-guardian is started by Drawbridge alone\n");
        return ExitCode::from(2);
    };
    close_what_leaked();
    let Ok(mut orders) = lifeline.try_clone() else { return ExitCode::FAILURE };

    os::prepare();
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts processes")]
    let mut command = Command::new(program);
    command.args(words);
    let hook = os::before_exec();
    // SAFETY: between fork and exec the hook makes system calls alone, all async-signal-safe, and
    // allocates nothing.
    unsafe {
        command.pre_exec(hook);
    }
    let server = match command.spawn() {
        // From here on it is waited for as any other child.
        Ok(child) => Pid::from_child(&child),
        Err(error) => {
            say(&lifeline, Said::Failed(error.raw_os_error().unwrap_or(libc::EINVAL)));
            return ExitCode::FAILURE;
        }
    };
    drop(command);
    let_go_of_pipes_and_folder();
    only_the_lifeline_ends_us();
    say(&lifeline, Said::Started(server.as_raw_nonzero().get().cast_unsigned()));

    let tree = Arc::new(Mutex::new(Tree { server: Some(server), ending: false, lifeline }));
    let waiting = Arc::clone(&tree);
    // The death signal of the server follows the thread that started it: this one, which stays.
    let waiter = thread::Builder::new().stack_size(128 * 1024).spawn(move || {
        os::wait_for_children(&waiting);
        exit(0);
    });
    if waiter.is_err() {
        os::end_all(&tree);
        return ExitCode::FAILURE;
    }

    let mut order = [0];
    loop {
        match orders.read(&mut order) {
            Ok(1..) if order == *b"t" => lock(&tree).signal_group(Signal::TERM),
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The end of the line, or a line that broke because the other end was killed.
            Ok(0) | Err(_) => break,
        }
    }
    os::end_all(&tree);
    loop {
        // The other thread ends the process when nothing is left.
        thread::park();
    }
}

impl Tree {
    /// Signals the server's process group, as long as its number is surely the server's.
    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(server) = self.server {
            let _ = kill_process_group(server, signal);
        }
    }

    /// Notes how the server ended and tells.
    pub(super) fn reaped(&mut self, status: WaitStatus) {
        self.server = None;
        let said = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Said::Exited(code),
            (None, Some(signal)) => Said::Signalled(signal),
            (None, None) => return,
        };
        say(&self.lifeline, said);
    }
}

pub(super) fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(mut lifeline: &UnixStream, said: Said) {
    // Fails when nobody listens any more, and then the line ends too.
    let _ = lifeline.write_all(said.line().as_bytes());
}

/// The lifeline, which no child of ours inherits.
fn take_lifeline() -> Option<UnixStream> {
    // SAFETY: the descriptor is only looked at; a number that is not open gives an error.
    let there = unsafe { rustix::fd::BorrowedFd::borrow_raw(LIFELINE) };
    fcntl_getfd(there).ok()?;
    fcntl_setfd(there, FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, and nothing else in this process knows it.
    let line = unsafe { OwnedFd::from_raw_fd(LIFELINE) };
    rustix::net::getsockname(&line).ok()?;
    Some(line.into())
}

/// Descriptors that came to us, or that a library of ours opened, without the mark that keeps them
/// from programs we start: the server gets its three pipes and nothing else.
fn close_what_leaked() {
    let Ok(open) = std::fs::read_dir("/dev/fd") else { return };
    let open: Vec<i32> =
        open.flatten().filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > LIFELINE) {
        // SAFETY: nothing in this process uses it: it has nothing open but the
        // lifeline, and the listing above is closed already.
        unsafe {
            libc::close(fd);
        }
    }
}

/// The pipes are the server's alone: were they open here too, neither side would see the other one
/// close them. And a folder in use cannot be unmounted.
fn let_go_of_pipes_and_folder() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = dup2_stdin(&null);
        let _ = dup2_stdout(&null);
        let _ = dup2_stderr(&null);
    }
    let _ = env::set_current_dir("/");
}

/// A signal that goes to everyone, as at the end of a desktop session, must not end the guardian
/// before the server had its grace. Comes after the start: what is ignored is inherited.
fn only_the_lifeline_ends_us() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE] {
        // SAFETY: to ignore a signal runs no code of ours.
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}
