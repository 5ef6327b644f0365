//! What differs between operating systems, behind one interface: whether a tray is shown, how the
//! system asks a program to end, and what a webview costs.

use tauri::WebviewWindow;
use tokio::sync::watch;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as desktop;
#[cfg(target_os = "macos")]
use macos as desktop;
#[cfg(windows)]
use windows as desktop;

#[cfg(unix)]
use unix as signals;
#[cfg(windows)]
use windows as signals;

/// Keeps `shown` at whether this desktop shows tray icons.
pub(crate) async fn watch_tray(shown: watch::Sender<bool>) {
    desktop::watch_tray(shown).await;
}

/// Returns when the system or a terminal asks the program to end.
///
/// # Errors
/// When the system does not let the program hear that.
pub(crate) async fn end_asked_for() -> std::io::Result<()> {
    signals::end_asked_for().await
}

/// Leaves out what a webview could do and the panel never asks of it.
///
/// # Errors
/// When the window is gone already.
pub(crate) fn make_frugal(window: &WebviewWindow) -> tauri::Result<()> {
    desktop::make_frugal(window)
}

/// Ends helper processes that the system's webview keeps although no webview is left.
pub(crate) async fn end_idle_web_processes() {
    desktop::end_idle_web_processes().await;
}
