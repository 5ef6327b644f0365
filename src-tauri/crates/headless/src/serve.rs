use std::sync::Arc;

use drawbridge_core::view::GatewayState;
use drawbridge_core::{Attendance, Engine, EngineSettings, StartError};
use drawbridge_secrets::OsKeyring;

use crate::{EXIT_BAD_CONFIG, EXIT_OK, EXIT_TROUBLE, Places};

/// Runs the engine until SIGTERM or Ctrl-C, then drains.
pub(crate) async fn serve(places: Places, port: Option<u16>) -> anyhow::Result<u8> {
    let paths = places.paths()?;
    let config_file = paths.config_file.clone();
    let settings =
        EngineSettings::new(paths, Attendance::Unattended, Arc::new(OsKeyring::default()))
            .with_port(port);
    let engine = match Engine::start(settings).await {
        Ok(engine) => engine,
        Err(error) => {
            let problem = error.problem();
            eprintln!("{}", problem.message);
            if !problem.detail.is_empty() {
                eprintln!("{}", problem.detail);
            }
            return Ok(match error {
                StartError::BadConfig(_) => EXIT_BAD_CONFIG,
                _ => EXIT_TROUBLE,
            });
        }
    };
    // The Controller hears of the port a moment after the sockets are bound.
    let mut snapshots = engine.snapshots();
    let snapshot = snapshots
        .wait_for(|snapshot| matches!(snapshot.gateway.state, GatewayState::Listening))
        .await?
        .clone();
    if snapshot.clients.is_empty() {
        eprintln!(
            "No app may connect yet. Make a token with: drawbridged client add NAME --config {}",
            config_file.display()
        );
    }
    println!("listening on {}", snapshot.gateway.address);

    end_asked_for().await?;
    tracing::info!("draining");
    tokio::select! {
        () = engine.shut_down() => {}
        // A second request to end means: now. Children end with us in any case.
        again = async { end_asked_for().await } => again?,
    }
    Ok(EXIT_OK)
}

#[cfg(unix)]
async fn end_asked_for() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        result = tokio::signal::ctrl_c() => result,
    }
}

#[cfg(not(unix))]
async fn end_asked_for() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
