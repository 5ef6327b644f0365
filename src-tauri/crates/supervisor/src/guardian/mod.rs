//! The program `drawbridge-guardian`: the parent of one child process. It uses the standard library
//! and system calls alone, has no runtime, and sleeps until the lifeline or the child stirs.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

/// The descriptor on which the guardian finds the lifeline.
#[cfg(unix)]
pub(crate) const LIFELINE: i32 = 3;

/// The whole of the guardian's `main`: runs the program that its arguments name, until nothing of
/// it is left. Returns 2 when it was started by anyone but Drawbridge.
#[must_use]
pub fn run() -> ExitCode {
    #[cfg(unix)]
    return unix::run();
    #[cfg(windows)]
    return windows::run();
}

/// What the guardian says on the lifeline, one line each.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// The program runs, with this pid.
    Started(u32),
    /// The program could not be started, with this error number.
    Failed(i32),
    /// It ended with this code.
    Exited(i32),
    /// It was ended by this signal.
    Signalled(i32),
}

#[cfg(unix)]
impl Said {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (word, number) = line.trim_end().split_once(' ')?;
        match word {
            "started" => number.parse().ok().map(Self::Started),
            "failed" => number.parse().ok().map(Self::Failed),
            "exited" => number.parse().ok().map(Self::Exited),
            "signalled" => number.parse().ok().map(Self::Signalled),
            _ => None,
        }
    }

    fn line(self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Failed(errno) => format!("failed {errno}\n"),
            Self::Exited(code) => format!("exited {code}\n"),
            Self::Signalled(signal) => format!("signalled {signal}\n"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::Said;

    #[test]
    fn what_the_guardian_says_is_understood() {
        for said in [Said::Started(7), Said::Failed(13), Said::Exited(0), Said::Signalled(9)] {
            assert_eq!(Said::parse(&said.line()), Some(said));
        }
        assert_eq!(Said::parse("exited x\n"), None);
    }
}
