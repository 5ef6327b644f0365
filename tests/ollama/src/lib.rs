//! An Ollama that does what a script says.
//!
//! It speaks the HTTP interface of Ollama 0.33, its start and its end included, and every fault the
//! app has to live with: see [`Script`]. The binary `scripted-ollama` stands in for `ollama`; a
//! test that needs no process of its own uses [`run`] or [`Server`].

mod body;
mod chat;
mod clock;
mod cloud;
mod compat;
mod embed;
mod environment;
mod go;
mod guard;
mod infer;
mod loaded;
mod log;
mod manage;
mod messages;
mod models;
mod native;
mod pull;
mod record;
mod responses;
mod route;
mod script;
mod server;

pub use environment::{Environment, KeepAlive};
pub use log::server_config;
pub use script::{
    Account, Call, Cloud, Crash, Delays, Device, Engine, Exit, Fault, FaultKind, Model, Pull,
    PullFailure, PullFault, Reply, Runner, Script, Tensor, Turn,
};
pub use server::{Ended, Ender, Server, run};
