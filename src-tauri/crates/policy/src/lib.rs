//! May this call cross? Switches and their decisions.
