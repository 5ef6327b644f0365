//! MCP: wire, connections to servers, and the catalog of what they offer.
//!
//! This crate speaks the protocol and decides nothing: which call may cross, what goes on record
//! and which process runs are questions for others. It keeps one promise: **what is forwarded is
//! not changed**. Messages stay raw text of which only the envelope is read ([`wire`]), and the
//! events of a call reach its caller in the order the server sent them ([`Call`]).
//!
//! - [`stdio::connect`] and [`http::connect`] open a server and give a [`Connection`], the one
//!   front for both, and its [`ServerEvents`].
//! - [`follow`] reads what a server offers into the [`CatalogStore`] and keeps it current.
//! - [`Upstreams`] says which connection serves a client; [`Bulletin`] tells sessions what
//!   changed.
//! - [`names`] makes the names under which the merged address shows it all.
//!
//! How a connection is opened is all that depends on the protocol's era. It lives in the private
//! module `legacy`; [`Opening`], [`Request`] and [`Call`] assume neither a session nor
//! `initialize`.

pub mod catalog;
pub mod http;
pub mod names;
pub mod sse;
pub mod stdio;
pub mod wire;

mod bulletin;
mod call;
mod connection;
mod core;
mod error;
mod event;
mod follow;
mod legacy;
mod mailbox;
mod opening;
mod peer;
mod question;
mod upstreams;

pub use bulletin::{Bulletin, Notice};
pub use call::{Call, CallEvent, CallLost, Outcome};
pub use catalog::{Catalog, CatalogStore, Offer};
pub use connection::{Connection, Prepared, Request, SendError, Sent};
pub use error::ConnectError;
pub use event::{ListKind, LogLevel, ServerEvent, ServerEvents};
pub use follow::{FollowInto, Publish, follow, relay};
pub use opening::{ConnectOptions, Opening, ServerCapabilities};
pub use peer::{Caller, PeerFeatures};
pub use question::ServerRequest;
pub use upstreams::{OpenConnection, PerClient, Reach, Unavailable, Upstream, Upstreams};
