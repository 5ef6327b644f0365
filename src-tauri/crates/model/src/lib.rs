//! The words of the domain as types: who connects, what is offered, what may cross.
//!
//! Nothing here does I/O, and nothing here knows a protocol or a desktop. Every other crate of
//! the engine depends on this one, and this one on none of them.

mod activity;
mod command_line;
pub mod gigabytes;
mod id;
mod mode;
mod problem;
mod server;

pub use activity::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
pub use command_line::display_argv;
pub use id::{ClientName, NameError, ServerName, ToolName};
pub use mode::{ChangedTools, Mode, Preset, RecordRule, SecretsRule};
pub use problem::Problem;
pub use server::{
    BUILT_IN_COMPUTER, Endpoint, Isolation, Launch, ServerDefinition, ServerState, Transport,
};
