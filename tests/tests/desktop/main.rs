//! The tray app itself on a desktop: its panel driven over WebDriver, its tray menu read and clicked
//! over D-Bus, and what an app then gets from the gateway. `tests/desktop/session.sh` gives these
//! tests their X server, window manager, tray and keyring; `cargo xtask test` runs them there.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test ends where it fails, and starts the programs it looks at"
)]

mod activity;
mod app;
mod looks;
mod models;
mod panel;
mod questions;
mod tray;
mod webdriver;
