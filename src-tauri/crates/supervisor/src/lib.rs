//! Child processes: start, watch, stop, and keep their logs. Nothing here knows MCP.
//!
//! # Theory
//!
//! On Linux and macOS each child is started through a small program of ours, `drawbridge-guardian`,
//! which is the child's parent. The child's standard input, output and error are pipes between the
//! child and us; the guardian passes them on and lets go of them, so it is never in the path of a
//! message. Between us and the guardian there is one socket pair, the *lifeline*:
//!
//! | direction | on the lifeline | meaning |
//! |---|---|---|
//! | to the guardian | `t` | ask the child's process group to end (SIGTERM) |
//! | to the guardian | end of file | end the whole tree at once (SIGKILL) |
//! | from the guardian | `started PID` | the program runs |
//! | from the guardian | `failed ERRNO` | the program could not be started |
//! | from the guardian | `exited CODE`, `signalled N` | the child ended; what it left is asked to end |
//! | from the guardian | end of file | nothing of the tree is left |
//!
//! The kernel closes our end of the lifeline whichever way we end, SIGKILL included, so no child
//! outlives us. On Linux the guardian is a child subreaper: a grandchild that made a session of its
//! own is still found and ended. If the guardian itself is killed, the kernel ends the child, and
//! we end what carries the tree's mark (a variable in its environment). On Windows there is no
//! guardian: a job object that closes with us does the same.
//!
//! A process that we did not start is never signalled: before each signal the process is held by a
//! handle and its start time is compared.
//!
//! # Stopping
//!
//! The owner of a child drops its standard input first, which is how a polite MCP server learns
//! that it is over. [`Running::stop`] then waits a second for it to end by itself, asks with
//! SIGTERM, and at the end of the grace (five seconds, counted from the call) ends the whole tree.
//! Dropping [`Running`] ends the whole tree at once.

mod environment;
mod find;
pub mod guardian;
mod launch;
mod leftovers;
pub mod lifecycle;
mod log_book;
mod log_file;
mod login_shell;
mod os;
mod spawner;
mod stderr;

pub use find::find_program;
pub use launch::{ResolvedLaunch, SpawnError};
pub use leftovers::{Leftover, sweep_leftovers};
pub use log_book::{LogBook, LogLine, LogSource};
pub use login_shell::login_shell_path;
pub use spawner::{ExitReport, Running, Spawned, Spawner, SpawnerSettings};
