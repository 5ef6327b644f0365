//! The HTTP edge: guard, tokens, routes, sessions.

mod answer;
mod auth;
mod clients;
mod connections;
mod door;
mod edge;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod front;
mod guard;
mod health;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod listener;
mod presence;
mod refusal;
mod route;
mod session;

pub use clients::{Client, Clients, TokenPlace};
pub use edge::{Gateway, Shared};
pub use guard::GuardRules;
pub use health::{Health, ServerHealth};
pub use limits::Limits;
pub use listener::{BindError, Listeners, bind};
pub use presence::{ClientPresence, Presences};
