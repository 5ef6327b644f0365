//! Whether anybody is there.

/// Whether a person is there to see and decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// A desktop: trouble is shown, and a choice is offered.
    Attended,
    /// A server: trouble at the start ends it with an exit code.
    Unattended,
}
