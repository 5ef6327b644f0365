//! The operating system's keyring behind a trait, and types that never print what they hold.
//!
//! This is the only crate that touches the keyring. It does not know which secrets there are:
//! whoever calls it gives them names. A [`Secret`] cannot be printed and cannot be serialised;
//! taking the text out is a visible act, [`Secret::expose`].

mod error;
mod keyring_store;
mod memory;
mod secret;
mod store;
mod token;

pub use error::StoreError;
pub use keyring_store::OsKeyring;
pub use memory::InMemory;
pub use secret::Secret;
pub use store::SecretStore;
pub use token::{Token, TokenDigest, TokenDigestError};
