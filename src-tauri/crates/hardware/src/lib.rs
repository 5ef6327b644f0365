//! What is in this computer, and which models fit in it.
//!
//! [`probe`] looks at the computer. [`sizing`] says how much memory a model takes and where it
//! would lie. [`verdict`] puts that into words. [`learn`] corrects the estimate by what was seen
//! when a model ran, [`log`] reads what Ollama tells about it, and [`catalog`] holds the shapes of
//! models that are not installed yet. Only [`probe`] looks outside itself: it reads files of the
//! system and asks drivers. Nothing here starts a program or uses the network.

pub mod catalog;
pub mod learn;
pub mod log;
pub mod probe;
pub mod sizing;
pub mod verdict;
