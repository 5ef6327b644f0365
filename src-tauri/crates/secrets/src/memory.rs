use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Secret, SecretStore, StoreError};

/// Keeps secrets as long as the process lives: for tests, and for computers without a keyring.
#[derive(Debug, Default)]
pub struct InMemory {
    secrets: Mutex<BTreeMap<String, Secret>>,
}

impl InMemory {
    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretStore for InMemory {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.secrets().get(name).cloned())
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.secrets().insert(name.to_owned(), value.clone());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.secrets().remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_replaced_and_forgotten() {
        let store = InMemory::default();
        assert_eq!(store.get("a").expect("reads"), None);
        store.set("a", &Secret::new("1".to_owned())).expect("writes");
        store.set("a", &Secret::new("2".to_owned())).expect("writes");
        store.set("b", &Secret::new("3".to_owned())).expect("writes");
        assert_eq!(store.get("a").expect("reads"), Some(Secret::new("2".to_owned())));
        store.delete("a").expect("deletes");
        store.delete("a").expect("there being none is no error");
        assert_eq!(store.get("a").expect("reads"), None);
        assert_eq!(store.get("b").expect("reads"), Some(Secret::new("3".to_owned())));
        assert!(!format!("{store:?}").contains('3'), "a store does not show its secrets");
    }
}
