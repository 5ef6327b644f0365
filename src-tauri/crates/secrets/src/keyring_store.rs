#![expect(clippy::disallowed_types, reason = "this is the crate that touches the keyring")]

use keyring::v1::{Entry, Error};

use crate::{Secret, SecretStore, StoreError};

/// The keyring of the operating system: the Secret Service on Linux, the Keychain on macOS, the
/// Credential Manager on Windows. Entries stand under the service `drawbridge`, the secret's name
/// being the user name.
#[derive(Debug, Clone, Copy)]
pub struct OsKeyring {
    service: &'static str,
}

impl Default for OsKeyring {
    fn default() -> Self {
        Self { service: "drawbridge" }
    }
}

impl OsKeyring {
    /// The keyring with entries of another service's name, so that tests and development leave
    /// those of the person alone.
    #[must_use]
    pub fn under(service: &'static str) -> Self {
        Self { service }
    }

    fn entry(self, name: &str) -> Result<Entry, StoreError> {
        Entry::new(self.service, name).map_err(|error| match Entry::store_status() {
            Err(at_start) => StoreError::Missing(at_start.to_string()),
            Ok(()) => store_error(&error),
        })
    }
}

impl SecretStore for OsKeyring {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        match self.entry(name)?.get_password() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.entry(name)?.set_password(value.expose()).map_err(|error| store_error(&error))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }
}

/// Only what `Display` says is kept: some variants carry the bytes of the secret, and `Debug`
/// would print them.
fn store_error(error: &Error) -> StoreError {
    let text = error.to_string();
    match error {
        Error::NoStorageAccess(_) => StoreError::Locked(text),
        Error::NoDefaultStore => StoreError::Missing(text),
        _ => StoreError::Other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_keyring_says_becomes_what_a_person_can_act_on() {
        let locked = store_error(&Error::NoStorageAccess("locked".into()));
        assert!(matches!(locked, StoreError::Locked(_)), "{locked}");
        assert!(locked.problem().message.contains("Unlock the keyring"));
        let missing = store_error(&Error::NoDefaultStore);
        assert!(matches!(missing, StoreError::Missing(_)), "{missing}");
        let other = store_error(&Error::BadEncoding(b"hunter2".to_vec()));
        assert!(matches!(other, StoreError::Other(_)), "{other}");
        let shown = format!("{other:?} {other} {:?}", other.problem());
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
    }
}
