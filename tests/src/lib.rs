//! Shared parts of the integration tests: an engine started as its own program, clients that speak
//! to it over HTTP as any app would, and a look at the processes and the record it leaves.
//!
//! Nothing here reaches into the engine: a test sees what its command line, its HTTP address, its
//! files and the operating system show.

pub mod client;
pub mod engine;
pub mod files;
pub mod forwarder;
pub mod official;
pub mod ollama;
pub mod processes;
pub mod programs;
pub mod raw;
pub mod record;
pub mod wait;

pub use client::{Exchange, McpClient};
pub use engine::{Setup, TestEngine};
pub use wait::eventually;
