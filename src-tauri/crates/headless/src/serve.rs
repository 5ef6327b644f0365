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
    // Whoever waits for the line may ask for the end as soon as it is there.
    let mut ends = Ends::listen()?;
    println!("listening on {}", snapshot.gateway.address);

    ends.next().await?;
    tracing::info!("draining");
    tokio::select! {
        () = engine.shut_down() => {}
        // A second request to end means: now. Children end with us in any case.
        again = ends.next() => again?,
    }
    Ok(EXIT_OK)
}

/// Requests to end: SIGTERM where there are signals, and Ctrl-C.
struct Ends {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Ends {
    /// Listens from here on; what was asked before ends the process as the system does it.
    fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> std::io::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        Ok(())
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> std::io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
