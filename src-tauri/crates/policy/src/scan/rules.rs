//! The rules by which definitions of tools are read, as regular expressions. Once used they take
//! several megabytes, and they are needed for moments only: whoever scans makes them, scans all there
//! is to scan, and lets them go.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::ScanFailed;
use super::encoded::EncodedRules;
use super::instructions::InstructionRules;
use super::others::ReferenceRules;

/// Everything [`scan_tool`](super::scan_tool) reads by.
pub struct Rules {
    pub(super) instructions: InstructionRules,
    pub(super) encoded: EncodedRules,
    pub(super) references: ReferenceRules,
}

/// Those that somebody is using right now.
static IN_USE: Mutex<Weak<Rules>> = Mutex::new(Weak::new());

impl Rules {
    /// The rules, shared with whoever scans at the same time.
    ///
    /// # Errors
    /// [`ScanFailed::Rules`], which no text can cause.
    pub fn shared() -> Result<Arc<Self>, ScanFailed> {
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = in_use.upgrade() {
            return Ok(rules);
        }
        let rules = Arc::new(Self::new().map_err(|_| ScanFailed::Rules)?);
        *in_use = Arc::downgrade(&rules);
        Ok(rules)
    }

    fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            instructions: InstructionRules::new()?,
            encoded: EncodedRules::new()?,
            references: ReferenceRules::new()?,
        })
    }
}
