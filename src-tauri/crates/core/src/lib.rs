//! The engine: config, controller, snapshot, requests, and what other apps are told.
//!
//! [`Engine`] is the whole of it behind one cheap handle: each command of [`bridge`] is one of its
//! methods, and what stands in a [`view::Snapshot`] is what it publishes. It joins the leaves
//! (processes, MCP, policy, record, secrets) and the gateway; it knows no desktop.

pub mod atomic_write;
pub mod bridge;
pub mod clients;
pub mod clock;
pub mod config;
pub mod export;
pub mod paths;
pub mod pins;
pub mod snippet;
pub mod view;

mod access;
mod attendance;
mod backends;
mod computer;
mod controller;
mod difference;
mod draft;
mod engine;
mod findings;
mod gateway_port;
mod in_order;
mod logs;
mod ollama;
mod os;
mod pulls;
mod runtime;
mod shelf;
mod undo;
mod values;

pub use attendance::Attendance;
pub use engine::{Engine, EngineSettings, StartError};
pub use runtime::runtime;
