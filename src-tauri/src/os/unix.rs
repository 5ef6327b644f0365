//! Signals: SIGTERM from the session, SIGINT from a terminal, SIGHUP when the terminal closes.

use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn end_asked_for() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
