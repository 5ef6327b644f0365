//! What other apps are told, so that they find the gateway.
//!
//! The shape of each app's file is a module of its own, a pure function from the text that is
//! there to the text that shall be there. [`change`] shows the difference, writes it and takes it
//! back.

pub mod change;
pub mod vscode;
