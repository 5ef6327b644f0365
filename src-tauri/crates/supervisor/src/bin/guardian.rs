//! The parent of one child process. It is started by Drawbridge, never by a person; see the
//! documentation of `drawbridge_supervisor` for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    drawbridge_supervisor::guardian::run()
}
