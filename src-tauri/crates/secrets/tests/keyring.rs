//! A secret in the keyring of this computer. It needs a session bus and an unlocked keyring, so it
//! runs where `DRAWBRIDGE_TEST_KEYRING=1` says that both are there:
//!
//! ```sh
//! dbus-run-session -- sh -c 'printf pw | gnome-keyring-daemon --unlock --components=secrets;
//!     DRAWBRIDGE_TEST_KEYRING=1 cargo test -p drawbridge-secrets --test keyring'
//! ```

#![expect(clippy::expect_used, reason = "a test stops where it cannot go on")]

use std::sync::Arc;

use drawbridge_secrets::{OsKeyring, Secret, SecretStore, StoreError};
use tokio_util::task::TaskTracker;

fn is_asked_for() -> bool {
    let asked = std::env::var_os("DRAWBRIDGE_TEST_KEYRING").is_some_and(|value| value == "1");
    if !asked {
        say("skipped: DRAWBRIDGE_TEST_KEYRING is not 1, so there may be no keyring");
    }
    asked
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn say(text: &str) {
    println!("{text}");
}

fn check_store(store: &dyn SecretStore) -> Result<(), StoreError> {
    store.delete("first")?;
    store.delete("second")?;
    assert_eq!(store.get("first")?, None);
    store.set("first", &Secret::new("1 ä \"quoted\"\nline".to_owned()))?;
    store.set("second", &Secret::new("2".to_owned()))?;
    assert_eq!(store.get("first")?, Some(Secret::new("1 ä \"quoted\"\nline".to_owned())));
    store.set("first", &Secret::new("replaced".to_owned()))?;
    assert_eq!(store.get("first")?, Some(Secret::new("replaced".to_owned())));
    store.delete("first")?;
    store.delete("first")?;
    assert_eq!(store.get("first")?, None);
    assert_eq!(store.get("second")?, Some(Secret::new("2".to_owned())));
    store.delete("second")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_kept_replaced_and_forgotten_by_the_keyring() {
    if !is_asked_for() {
        return;
    }
    let store: Arc<dyn SecretStore> = Arc::new(OsKeyring::under("drawbridge-test"));
    let tasks = TaskTracker::new();
    for _ in 0..2 {
        let store = Arc::clone(&store);
        let checked = tasks.spawn_blocking(move || check_store(&*store)).await;
        checked.expect("nothing panics").expect("the keyring answers");
    }
    let locked = tasks.spawn_blocking(move || check_locked(&*store)).await;
    locked.expect("nothing panics");
}

/// The keyring is locked, as a desktop does it, and nobody is there to unlock it.
fn check_locked(store: &dyn SecretStore) {
    store.set("kept", &Secret::new("a value".to_owned())).expect("it is still open");
    #[expect(clippy::disallowed_methods, reason = "the system's own way to lock it")]
    let lock = std::process::Command::new("dbus-send")
        .args(["--session", "--print-reply", "--dest=org.freedesktop.secrets"])
        .args(["/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock"])
        .arg("array:objpath:/org/freedesktop/secrets/collection/login")
        .output()
        .expect("it can be asked");
    assert!(lock.status.success(), "{}", String::from_utf8_lossy(&lock.stderr));
    for error in [
        store.get("kept").expect_err("it is locked"),
        store.set("kept", &Secret::new("another value".to_owned())).expect_err("it is locked"),
    ] {
        assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
        let sentence = error.problem().message;
        assert!(sentence.contains("is locked") && sentence.contains("Unlock"), "{sentence}");
        assert!(!format!("{error:?}").contains("value"), "{error:?}");
    }
}

#[tokio::test]
async fn without_a_keyring_the_person_reads_what_to_do() {
    if is_asked_for() {
        return;
    }
    let tasks = TaskTracker::new();
    let read = tasks.spawn_blocking(|| OsKeyring::under("drawbridge-test").get("first")).await;
    match read.expect("nothing panics") {
        // A developer's own keyring may answer.
        Ok(secret) => assert_eq!(secret, None),
        Err(error) => {
            let sentence = error.problem().message;
            assert!(sentence.contains("keyring"), "{sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }
}
