//! The tray icon and its menu.
//!
//! [`menu`] and [`look`] say as plain data what is to be seen; `native` shows it.

use std::time::Duration;

pub mod look;
pub mod menu;
mod native;
mod ollama;
#[cfg(test)]
mod tests;
pub mod words;

use tokio::sync::oneshot;

use crate::shell::Shell;
use look::Look;
use menu::menu;
use native::{Marks, Tray};

/// Shortest time between two changes of the native menu, so that a burst of snapshots is a few.
const BREATH: Duration = Duration::from_millis(100);

/// Shows the tray and keeps it at what is true, until the engine ends.
pub(crate) async fn follow(shell: Shell) {
    let mut snapshots = shell.engine().snapshots();
    let mut desktop = shell.desktop();
    let mut tray: Option<Tray> = None;
    let mut marks = Marks::Trusted;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        shell.look_for_a_port(&snapshot);
        desktop.mark_unchanged();
        let app = shell.app().clone();
        let chosen = shell.clone();
        let (done, shown) = oneshot::channel();
        // Native menus belong to the main thread; one trip there does it all.
        let asked = shell.app().run_on_main_thread(move || {
            // Clicks come on this thread too, so none comes in between. What is settled by now is
            // in the newest snapshot, and only there: an older one would turn marks back.
            let marks = if chosen.is_switching() { Marks::Ahead } else { marks };
            let snapshot = chosen.engine().current_snapshot();
            let menu = menu(&snapshot, &chosen.desktop().borrow());
            let (look, status) = (Look::of(&snapshot), words::status(&snapshot));
            let result = match tray {
                Some(mut tray) => tray.show(&app, menu, look, &status, marks).map(|()| tray),
                None => Tray::new(&app, chosen, menu, look, &status),
            };
            let _ = done.send(result);
        });
        tray = match (asked, shown.await) {
            (Ok(()), Ok(Ok(tray))) => Some(tray),
            (Ok(()), Ok(Err(error))) => {
                tracing::error!(%error, "the tray cannot be shown");
                shell.tray_failed();
                return;
            }
            // The event loop has ended.
            (_, Err(_)) | (Err(_), _) => return,
        };
        tokio::time::sleep(BREATH).await;
        marks = tokio::select! {
            changed = snapshots.changed() => match changed {
                Ok(()) => Marks::Trusted,
                Err(_) => return,
            },
            _ = desktop.changed() => Marks::Trusted,
            () = shell.marks_doubtful() => Marks::Doubtful,
        };
    }
}
