//! The HTTP edge: guard, tokens, routes, sessions.
//!
//! [`bind`] takes the port on the loopback addresses and on no other; [`Gateway::serve`] answers
//! there until [`Gateway::drain`]. A request passes the guard (`Host`, `Origin`, fetch metadata),
//! then the token check, then its route; no byte of its body is read before. What decides is read
//! from tables that others swap whole ([`Shared`]), so that a request takes no lock of theirs.
//!
//! The gateway starts no process, changes no setting and does not read the record. It owns what
//! lasts between two requests of an app: sessions, streams, subscriptions and calls in flight.
//!
//! Invariants: nothing listens beyond loopback; no request with a foreign host or origin reaches a
//! route; no call runs that is not on record, and none that was refused; every call that began has
//! an end on record, whatever its app does; a token is never logged, recorded or passed on.

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
mod models;
mod presence;
mod refusal;
mod route;
pub mod serving;
mod session;

pub use clients::{Client, Clients, TokenPlace};
pub use edge::{Gateway, Shared};
pub use guard::GuardRules;
pub use health::{Health, ServerHealth};
pub use limits::Limits;
pub use listener::{BindError, Listeners, bind, port_holder};
pub use models::ModelAccess;
pub use presence::{ClientPresence, Presences};
pub use session::CallsOf;
