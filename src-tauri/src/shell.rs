//! What tray and panel have in common: doing what the person chose, saying when it did not work,
//! and quitting.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_core::Engine;
use drawbridge_core::bridge::CommandError;
use drawbridge_core::paths::Paths;
use drawbridge_core::view::{PauseScope, Snapshot, TokenPlacement};
use drawbridge_model::Mode;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt as _;
use tauri_plugin_notification::NotificationExt as _;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::os;
use crate::panel::{self, Wish};
use crate::tray::menu::{DesktopState, TrayAction};

/// How long quitting waits for calls in flight and for servers. The engine's own limits (5 s for
/// calls, 5 s for servers to end politely) fit in with room for the record.
const DRAIN_LIMIT: Duration = Duration::from_secs(12);
/// The same when the system ends the session and waits for nobody.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Clicks in the tray that wait to be taken up. Nobody clicks faster than they are.
const CHOICES: usize = 64;

/// The running app. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shell(Arc<Parts>);

struct Parts {
    app: AppHandle,
    engine: Engine,
    paths: Paths,
    tasks: TaskTracker,
    desktop: watch::Sender<DesktopState>,
    tray_shown: watch::Sender<bool>,
    /// Cancelled when the icon could not be made, whatever the desktop offers.
    no_tray: CancellationToken,
    /// Told when a native check mark may no longer say what is true.
    marks_doubtful: Notify,
    wishes: mpsc::Sender<Wish>,
    choices: mpsc::Sender<TrayAction>,
    /// Switches that were turned in the tray and are not settled.
    switching: AtomicUsize,
    quitting: Mutex<Quitting>,
    hurry: CancellationToken,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quitting {
    /// Nobody asked for it.
    No,
    /// Calls in flight are ending.
    Draining,
    /// Nothing is left to wait for.
    Done,
}

impl Shell {
    /// Takes over a started engine.
    pub(crate) fn begin(app: AppHandle, engine: Engine, paths: Paths) -> Self {
        let start_at_login = app.autolaunch().is_enabled().ok();
        let desktop = DesktopState { start_at_login, ..DesktopState::default() };
        let (wishes, wished) = panel::wishes();
        let (choices, chosen) = mpsc::channel(CHOICES);
        let shell = Self(Arc::new(Parts {
            app,
            engine,
            paths,
            tasks: TaskTracker::new(),
            desktop: watch::Sender::new(desktop),
            tray_shown: watch::Sender::new(false),
            no_tray: CancellationToken::new(),
            marks_doubtful: Notify::new(),
            wishes,
            choices,
            switching: AtomicUsize::new(0),
            quitting: Mutex::new(Quitting::No),
            hurry: CancellationToken::new(),
        }));
        shell.spawn(panel::keep(shell.clone(), wished));
        shell.spawn(shell.clone().carry_out_in_order(chosen));
        let (no_tray, shown) = (shell.0.no_tray.clone(), shell.0.tray_shown.clone());
        shell.spawn(async move {
            no_tray.run_until_cancelled(os::watch_tray(shown.clone())).await;
            if no_tray.is_cancelled() {
                shown.send_replace(false);
            }
        });
        shell
    }

    pub(crate) fn app(&self) -> &AppHandle {
        &self.0.app
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.0.paths
    }

    /// Whether this desktop shows tray icons, as it changes.
    pub(crate) fn tray_shown(&self) -> watch::Receiver<bool> {
        self.0.tray_shown.subscribe()
    }

    /// The icon could not be made, so the panel is all there is.
    pub(crate) fn tray_failed(&self) {
        self.0.no_tray.cancel();
        self.open_panel();
    }

    /// Takes note of whether Drawbridge starts when the person logs in.
    pub(crate) fn learn_start_at_login(&self, known: Option<bool>) {
        self.0
            .desktop
            .send_if_modified(|state| std::mem::replace(&mut state.start_at_login, known) != known);
    }

    /// What the tray shows beside the engine's snapshot, as it changes.
    pub(crate) fn desktop(&self) -> watch::Receiver<DesktopState> {
        self.0.desktop.subscribe()
    }

    /// Returns when a native check mark may no longer say what is true.
    pub(crate) async fn marks_doubtful(&self) {
        self.0.marks_doubtful.notified().await;
    }

    /// Runs a task that ends with the app.
    pub(crate) fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tauri::async_runtime::handle();
        self.0.tasks.spawn_on(task, runtime.inner());
    }

    /// Brings the panel to the front.
    pub(crate) fn open_panel(&self) {
        self.wish(Wish::Show);
    }

    /// The panel's window is gone. Where there is no tray to come back from, so is the app.
    pub(crate) fn panel_closed(&self) {
        self.wish(Wish::LetGo);
        if !*self.0.tray_shown.borrow() {
            self.begin_to_quit();
        }
    }

    /// The window with the questions is gone. What waits goes on waiting.
    pub(crate) fn questions_closed(&self) {
        self.wish(Wish::LetQuestionsGo);
    }

    pub(crate) async fn show_questions(&self) -> Result<(), CommandError> {
        self.wish(Wish::RaiseQuestions);
        Ok(())
    }

    pub(crate) fn wish(&self, wish: Wish) {
        if let Err(error) = self.0.wishes.try_send(wish) {
            tracing::warn!(%error, "a wish for the panel was left out");
        }
    }

    /// Does what was chosen in the tray, after what was chosen before.
    pub(crate) fn choose(&self, action: TrayAction) {
        let is_switch = action.is_switch();
        self.0.switching.fetch_add(usize::from(is_switch), Ordering::Relaxed);
        if let Err(error) = self.0.choices.try_send(action) {
            tracing::warn!(%error, "a click in the tray was left out");
            self.settled(is_switch);
        }
    }

    /// Whether a check mark in the tray is ahead of what is true.
    pub(crate) fn is_switching(&self) -> bool {
        self.0.switching.load(Ordering::Relaxed) > 0
    }

    fn settled(&self, is_switch: bool) {
        self.0.switching.fetch_sub(usize::from(is_switch), Ordering::Relaxed);
        self.0.marks_doubtful.notify_one();
    }

    /// Takes up what is chosen in the order of the clicks: of two that contradict each other the
    /// last one counts. Nobody waits for one before to be done, since one may be slow and "off" and
    /// "pause" count at once.
    async fn carry_out_in_order(self, mut chosen: mpsc::Receiver<TrayAction>) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                // One that was just taken up is begun before the next one is.
                biased;
                Some(()) = under_way.next() => {}
                Some(action) = chosen.recv() => under_way.push(self.settle(action)),
                else => return,
            }
        }
    }

    /// Carries one out. What fails is said in the menu, in a notification and in the log, since no
    /// single one of them reaches everybody.
    async fn settle(&self, action: TrayAction) {
        tracing::debug!(?action, "chosen in the tray");
        let is_switch = action.is_switch();
        let failure = self.carry_out(action).await.err().map(|error| error.problem);
        if let Some(problem) = &failure {
            tracing::warn!(message = problem.message, detail = problem.detail, "did not work");
            self.notify(&problem.message);
        }
        let failure = failure.map(|problem| problem.message);
        self.0.desktop.send_if_modified(|state| {
            let changed = state.failure != failure;
            state.failure = failure;
            changed
        });
        self.settled(is_switch);
    }

    async fn carry_out(&self, action: TrayAction) -> Result<(), CommandError> {
        let engine = &self.0.engine;
        match action {
            TrayAction::SetPaused(true) => engine.pause(PauseScope::All, None).await.map(drop),
            TrayAction::SetPaused(false) => engine.resume(PauseScope::All).await,
            TrayAction::PauseForMinutes(minutes) => {
                engine.pause(PauseScope::All, Some(minutes)).await.map(drop)
            }
            TrayAction::SetToolMode { server, tool, mode } => {
                if mode == Mode::Off {
                    self.remember_modes(|s, t| *s == server && *t == tool);
                }
                engine.set_tool_mode(server, tool, mode).await
            }
            TrayAction::AllToolsOff(server) => {
                self.remember_modes(|s, _| *s == server);
                engine.set_all_tools(server, Mode::Off).await
            }
            TrayAction::EnableServer(server) => engine.set_server_enabled(server, true).await,
            TrayAction::StartServer(server) => engine.start_server(server).await,
            TrayAction::RestartServer(server) => engine.restart_server(server).await,
            TrayAction::RetryGateway => engine.retry_gateway().await,
            TrayAction::MoveGateway(port) => engine.move_gateway(port).await,
            TrayAction::OpenPanel => {
                self.open_panel();
                Ok(())
            }
            TrayAction::ShowQuestions => self.show_questions().await,
            TrayAction::CopyVscodeSetup => {
                self.copy_vscode_setup(TokenPlacement::Inline).await?;
                self.notify(
                    "Copied. Paste it into .vscode/mcp.json. It holds your token, so keep that \
                     file to yourself.",
                );
                Ok(())
            }
            TrayAction::UnloadAllModels => engine.unload_all_models().await.map(drop),
            TrayAction::StartOllama => engine.start_ollama().await,
            TrayAction::RestartOllama => engine.restart_ollama().await,
            TrayAction::SetStartAtLogin(enabled) => self.set_start_at_login(enabled).await,
            TrayAction::Quit => {
                self.begin_to_quit();
                Ok(())
            }
        }
    }

    /// Keeps the modes of tools that are about to be switched off from the tray.
    fn remember_modes(
        &self,
        concerned: impl Fn(&drawbridge_model::ServerName, &drawbridge_model::ToolName) -> bool,
    ) {
        let snapshot = self.0.engine.snapshots().borrow().clone();
        let tools = snapshot.servers.iter().flat_map(|s| s.tools.iter().map(move |t| (s, t)));
        let modes = tools
            .filter(|(server, tool)| tool.mode != Mode::Off && concerned(&server.name, &tool.name))
            .map(|(server, tool)| ((server.name.clone(), tool.name.clone()), tool.mode));
        self.0.desktop.send_modify(|state| state.modes_before_off.extend(modes));
    }

    /// Looks for a free port while the chosen one is taken, so that the menu can offer it.
    pub(crate) fn look_for_a_port(&self, snapshot: &Snapshot) {
        let taken =
            matches!(snapshot.gateway.state, drawbridge_core::view::GatewayState::PortInUse { .. });
        self.0.desktop.send_if_modified(|state| {
            let free = match (taken, state.free_port) {
                (false, _) => None,
                (true, Some(known)) => Some(known),
                (true, None) => free_port_after(snapshot.gateway.port),
            };
            std::mem::replace(&mut state.free_port, free) != free
        });
    }

    pub(crate) fn notify(&self, text: &str) {
        let shown = self.0.app.notification().builder().title("Drawbridge").body(text).show();
        if let Err(error) = shown {
            tracing::warn!(%error, text, "a notification was not shown");
        }
    }

    /// Ends the app once calls in flight have ended; asked again, at once.
    pub(crate) fn begin_to_quit(&self) {
        {
            let mut quitting = self.0.quitting.lock().unwrap_or_else(PoisonError::into_inner);
            if *quitting != Quitting::No {
                self.0.hurry.cancel();
                return;
            }
            *quitting = Quitting::Draining;
        }
        self.0.desktop.send_modify(|state| state.quitting = true);
        let shell = self.clone();
        self.spawn(async move {
            shell.drain().await;
            shell.0.app.exit(0);
        });
    }

    async fn drain(&self) {
        tracing::info!("draining");
        tokio::select! {
            () = self.0.hurry.cancelled() => tracing::info!("asked to hurry"),
            drained = tokio::time::timeout(DRAIN_LIMIT, self.0.engine.shut_down()) => {
                if drained.is_err() {
                    tracing::warn!("some calls or servers did not end in time");
                }
            }
        }
        *self.0.quitting.lock().unwrap_or_else(PoisonError::into_inner) = Quitting::Done;
    }

    /// The event loop ended. When nobody asked for that, the session is ending.
    pub(crate) fn end(&self) {
        let quitting = *self.0.quitting.lock().unwrap_or_else(PoisonError::into_inner);
        if quitting != Quitting::Done {
            let drained = tauri::async_runtime::block_on(async {
                tokio::time::timeout(END_LIMIT, self.0.engine.shut_down()).await
            });
            tracing::info!(in_time = drained.is_ok(), "the session ended");
        }
    }
}

/// The first port after `port` that nothing listens on, among the next hundred.
fn free_port_after(port: u16) -> Option<u16> {
    (1..=100)
        .filter_map(|step| port.checked_add(step))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_one_that_nobody_holds() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = held.local_addr().expect("its address").port();
        let free = free_port_after(port - 1).expect("one of a hundred is free");
        assert_ne!(free, port);
    }

    #[test]
    fn there_is_no_port_after_the_last() {
        assert_eq!(free_port_after(u16::MAX), None);
    }
}
