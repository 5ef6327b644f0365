use crate::{Secret, StoreError};

/// Keeps secrets by name.
///
/// The calls block, for as long as the person takes to unlock a keyring: make them from a task
/// that may block (`TaskTracker::spawn_blocking`).
pub trait SecretStore: Send + Sync {
    /// The secret of that name; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be reached or does not let us in.
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError>;

    /// Keeps a secret under a name, in place of the one that was there.
    ///
    /// # Errors
    /// When the store cannot be reached or does not let us in.
    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError>;

    /// Forgets the secret of that name. There being none is no error.
    ///
    /// # Errors
    /// When the store cannot be reached or does not let us in.
    fn delete(&self, name: &str) -> Result<(), StoreError>;
}
