//! What a text holds that a person should hear about: what servers say to the model in their
//! tools, and secrets that are about to cross.
//!
//! All of it is offline and depends on the text alone: no clock, no file, no list that changes
//! while Drawbridge runs. It cannot see everything; it is one more look, beside the switches and
//! the questions, never in their place.

mod address;
mod encoded;
mod formats;
mod hidden;
mod instructions;
mod named;
mod needles;
mod others;
mod plain;
mod random;
mod rules;
mod said;
mod secrets;
mod strings;

pub use others::Surroundings;
pub use rules::Rules;
pub use said::{Finding, FindingKind, PASSAGE, Severity, scan_tool};
pub use secrets::{SecretHit, SecretKind, find_secrets, mask_secrets};

/// Deepest nesting of objects and arrays that is looked through. `serde_json` reads no deeper
/// either, unless it is told to.
pub const DEPTH: usize = 128;

/// A text could not be looked through, so nothing is known about it. Whoever scans a text before
/// it crosses must hold it back then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanFailed {
    /// The text is not JSON.
    #[error("not readable as JSON at byte {at}")]
    NotJson {
        /// Where reading stopped, in bytes from the start.
        at: usize,
    },
    /// The text is nested deeper than [`DEPTH`].
    #[error("nested deeper than {DEPTH} levels")]
    TooDeep,
    /// The rules themselves could not be set up, which no text can cause.
    #[error("the rules of the scan could not be set up")]
    Rules,
}
