//! On Windows a job object does what the guardian does elsewhere.

use std::process::ExitCode;

pub(super) fn run() -> ExitCode {
    ExitCode::from(2)
}
