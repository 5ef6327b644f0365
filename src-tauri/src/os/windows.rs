//! The notification area always exists. A console asks with Ctrl-C, Ctrl-Break or by closing; the
//! end of the session reaches the app through its event loop.

use tauri::WebviewWindow;
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
use tokio::sync::watch;

pub(super) async fn watch_tray(shown: watch::Sender<bool>) {
    shown.send_replace(true);
}

pub(super) async fn end_asked_for() -> std::io::Result<()> {
    let (mut interrupt, mut stop, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = stop.recv() => {}
        _ = close.recv() => {}
    }
    Ok(())
}

pub(super) fn make_frugal(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// The system's webview ends its helpers by itself.
pub(super) async fn end_idle_web_processes() {}
