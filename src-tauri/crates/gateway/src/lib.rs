//! The HTTP edge: guard, tokens, routes, sessions.

mod answer;
mod auth;
mod clients;
mod connections;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod guard;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod listener;
mod refusal;
mod route;

pub use clients::{Client, Clients, TokenPlace};
pub use guard::{GuardRules, Listening};
pub use limits::Limits;
pub use listener::{BindError, Listeners, bind};
