//! The menu bar always has room for an icon.

use tauri::WebviewWindow;
use tokio::sync::watch;

pub(super) async fn watch_tray(shown: watch::Sender<bool>) {
    shown.send_replace(true);
}

pub(super) fn make_frugal(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// The system's webview ends its helpers by itself.
pub(super) async fn end_idle_web_processes() {}
