//! The windows: the control panel, and the one with the questions that wait. Each is made when it
//! is wished for, and closing it ends its webview: nothing of it stays in memory.
//!
//! One task owns the windows and what belongs to them, so that wishes are met in their order.

use std::time::Duration;

use drawbridge_core::Engine;
use drawbridge_core::bridge::PanelEvent;
use drawbridge_core::view::{ComputerView, LogLine, PullView, RecordWork};
use tauri::{AppHandle, Emitter, EventTarget, Manager, Url, WebviewUrl, WebviewWindowBuilder, Wry};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::os;
use crate::shell::Shell;

/// The panel's name, to which capabilities/panel.json grants its commands.
pub(crate) const LABEL: &str = "panel";
/// The name of the window with the questions, to which capabilities/question.json grants its own.
pub(crate) const QUESTION: &str = "question";
/// The one event the windows listen to.
const EVENT: &str = "panel-event";
/// How long after closing it what served the window is kept, for a person who thinks again.
const LINGER: Duration = Duration::from_secs(5);
/// Wishes that wait for the task. When more come, the ones that wait say it all.
const WAITING: usize = 64;
/// How long changes are gathered before they are shown, so that a burst is one drawing.
const GATHERING: Duration = Duration::from_millis(30);

/// What is wished of the windows' task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Bring the panel to the front, made anew where it was closed.
    Show,
    /// The panel was closed: let go of what belonged to it.
    LetGo,
    /// Let the questions be seen, without taking the keyboard from what the person is doing.
    ShowQuestions,
    /// The person wants to answer: bring the questions to the front.
    RaiseQuestions,
    /// Nothing waits any more: close their window.
    CloseQuestions,
    /// Their window was closed: let go of what belonged to it.
    LetQuestionsGo,
}

/// The task's letter box.
pub(crate) fn wishes() -> (mpsc::Sender<Wish>, mpsc::Receiver<Wish>) {
    mpsc::channel(WAITING)
}

/// Keeps the panel as it is wished, until nobody can wish any more.
pub(crate) async fn keep(shell: Shell, mut wishes: mpsc::Receiver<Wish>) {
    let mut feed: Option<DropGuard> = None;
    let mut questions: Option<DropGuard> = None;
    let mut serving = false;
    // The window with the questions was told to close, and is not gone yet.
    let mut closing = false;
    loop {
        let wish = if serving && feed.is_none() && questions.is_none() {
            match tokio::time::timeout(LINGER, wishes.recv()).await {
                Ok(wish) => wish,
                Err(_) => {
                    os::end_idle_web_processes().await;
                    serving = false;
                    continue;
                }
            }
        } else {
            wishes.recv().await
        };
        match wish {
            Some(Wish::Show) => match show(&shell) {
                Ok(()) => {
                    feed.get_or_insert_with(|| feed_window(&shell, LABEL));
                    serving = true;
                }
                Err(error) => tracing::error!(%error, "the panel could not be shown"),
            },
            // It comes up again once it is gone.
            Some(Wish::ShowQuestions | Wish::RaiseQuestions)
                if closing && shell.app().get_webview_window(QUESTION).is_some() => {}
            Some(wish @ (Wish::ShowQuestions | Wish::RaiseQuestions)) => {
                closing = false;
                match show_questions(&shell, wish == Wish::RaiseQuestions) {
                    Ok(()) => {
                        questions.get_or_insert_with(|| feed_window(&shell, QUESTION));
                        serving = true;
                    }
                    Err(error) => tracing::error!(%error, "the questions could not be shown"),
                }
            }
            Some(Wish::CloseQuestions) => {
                let window = shell.app().get_webview_window(QUESTION);
                match window.map(|window| window.close()) {
                    Some(Ok(())) => closing = true,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "the window with the questions stays open");
                    }
                    None => {}
                }
            }
            Some(Wish::LetQuestionsGo) => {
                questions = None;
                let waits = !shell.engine().current_snapshot().questions.is_empty();
                if std::mem::take(&mut closing) && waits {
                    shell.wish(Wish::ShowQuestions);
                }
            }
            Some(Wish::LetGo) => {
                feed = None;
                // Nobody reads a log any more; failing to say so costs nothing.
                let _ = shell.engine().stop_log().await;
            }
            None => return,
        }
    }
}

/// Tells a window what the engine says, until the guard is dropped.
fn feed_window(shell: &Shell, label: &'static str) -> DropGuard {
    let stop = CancellationToken::new();
    let task = forward(shell.app().clone(), shell.engine().clone(), label);
    let guard = stop.clone().drop_guard();
    shell.spawn(async move {
        stop.run_until_cancelled(task).await;
    });
    guard
}

fn show_questions(shell: &Shell, to_answer: bool) -> tauri::Result<()> {
    if let Some(window) = shell.app().get_webview_window(QUESTION) {
        if to_answer {
            window.unminimize()?;
            window.show()?;
            window.set_focus()?;
        }
        return Ok(());
    }
    let window = own_window(shell, QUESTION, WebviewUrl::App("question.html".into()))
        .title("A question – Drawbridge")
        .inner_size(540.0, 660.0)
        .min_inner_size(380.0, 420.0)
        // Whoever types into another window goes on typing there.
        .focused(to_answer)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        .build()?;
    os::make_frugal(&window)
}

/// A window that came up without the keyboard has not given it to its page either.
pub(crate) fn give_keyboard_to_page(app: &AppHandle) {
    let Some(window) = app.get_webview_window(QUESTION) else { return };
    let page: &tauri::Webview = window.as_ref();
    if let Err(error) = page.set_focus() {
        tracing::warn!(%error, "keys do not reach the window with the questions");
    }
}

fn show(shell: &Shell) -> tauri::Result<()> {
    if let Some(window) = shell.app().get_webview_window(LABEL) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let window = own_window(shell, LABEL, WebviewUrl::default())
        .title("Drawbridge")
        .inner_size(1000.0, 720.0)
        .min_inner_size(380.0, 480.0)
        .center()
        .build()?;
    os::make_frugal(&window)
}

/// A window of ours, whichever it is: it stays on our own pages, opens no other and saves nothing.
fn own_window<'a>(
    shell: &'a Shell,
    label: &str,
    page: WebviewUrl,
) -> WebviewWindowBuilder<'a, Wry, AppHandle> {
    WebviewWindowBuilder::new(shell.app(), label, page)
        .data_directory(shell.paths().data_dir.join("webview"))
        .devtools(cfg!(debug_assertions))
        .disable_drag_drop_handler()
        .on_navigation(is_ours)
        .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny)
        .on_download(|_, _| false)
}

/// Whether a window may go there: nowhere but to its own pages.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// Tells a window what the engine says, until dropped.
async fn forward(app: AppHandle, engine: Engine, label: &'static str) {
    let mut snapshots = engine.snapshots();
    let mut events = engine.events();
    let tell = |event: PanelEvent| {
        let target = EventTarget::webview_window(label);
        if let Err(error) = app.emit_to(target, EVENT, event) {
            tracing::warn!(%error, "a window was not told");
        }
    };
    loop {
        let mut gathered = Gathered::default();
        let mut changed = false;
        tokio::select! {
            result = snapshots.changed() => match result {
                Ok(()) => changed = true,
                Err(_) => return,
            },
            event = events.recv() => match event {
                Ok(event) => gathered.take(event),
                // What was dropped is older than what follows, and the panel asks for the rest.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
        tokio::time::sleep(GATHERING).await;
        while let Ok(event) = events.try_recv() {
            gathered.take(event);
        }
        if changed || snapshots.has_changed().unwrap_or(false) {
            let snapshot = snapshots.borrow_and_update().as_ref().clone();
            tell(PanelEvent::SnapshotChanged(Box::new(snapshot)));
        }
        gathered.events().for_each(tell);
    }
}

/// Events of one moment, each kind once.
#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<LogLine>,
    recorded: bool,
    /// How far something is that is done with the record; the newest word counts.
    record_work: Option<Option<RecordWork>>,
    models_changed: bool,
    /// How far downloads are; the newest word counts.
    pulls: Option<Vec<PullView>>,
    /// What the computer does; the newest word counts.
    computer: Option<Box<ComputerView>>,
    ollama_lines: Vec<LogLine>,
}

impl Gathered {
    fn take(&mut self, event: PanelEvent) {
        match event {
            PanelEvent::LogAppended(lines) => self.lines.extend(lines),
            PanelEvent::ActivityRecorded => self.recorded = true,
            PanelEvent::RecordWorkMoved(work) => self.record_work = Some(work),
            PanelEvent::ModelsChanged => self.models_changed = true,
            PanelEvent::PullsMoved(pulls) => self.pulls = Some(pulls),
            PanelEvent::ComputerMeasured(computer) => self.computer = Some(computer),
            PanelEvent::OllamaLogAppended(lines) => self.ollama_lines.extend(lines),
            // The panel gets the newest one from the watch channel.
            PanelEvent::SnapshotChanged(_) => {}
        }
    }

    fn events(self) -> impl Iterator<Item = PanelEvent> {
        let lines = (!self.lines.is_empty()).then_some(PanelEvent::LogAppended(self.lines));
        let recorded = self.recorded.then_some(PanelEvent::ActivityRecorded);
        let work = self.record_work.map(PanelEvent::RecordWorkMoved);
        let models = self.models_changed.then_some(PanelEvent::ModelsChanged);
        let pulls = self.pulls.map(PanelEvent::PullsMoved);
        let computer = self.computer.map(PanelEvent::ComputerMeasured);
        let ollama = (!self.ollama_lines.is_empty())
            .then_some(PanelEvent::OllamaLogAppended(self.ollama_lines));
        let record = lines.into_iter().chain(recorded).chain(work);
        record.chain(models).chain(pulls).chain(computer).chain(ollama)
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_core::view::LogSource;

    use super::*;

    #[test]
    fn the_panel_goes_nowhere_else() {
        for (url, expected) in [
            ("tauri://localhost/", true),
            ("tauri://localhost/index.html#/tools", true),
            ("tauri://evil.example/", false),
            ("https://example.com/", false),
            ("http://localhost:7337/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,hi", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(is_ours(&url.parse().expect("a URL")), expected, "{url}");
        }
    }

    #[test]
    fn a_burst_of_events_is_told_once() {
        let line = |seq| LogLine { seq, at: 0, source: LogSource::Stderr, text: String::new() };
        let mut gathered = Gathered::default();
        for event in [
            PanelEvent::ActivityRecorded,
            PanelEvent::LogAppended(vec![line(1)]),
            PanelEvent::ActivityRecorded,
            PanelEvent::LogAppended(vec![line(2), line(3)]),
        ] {
            gathered.take(event);
        }
        let told: Vec<_> = gathered.events().collect();
        let lines = vec![line(1), line(2), line(3)];
        assert_eq!(told, [PanelEvent::LogAppended(lines), PanelEvent::ActivityRecorded]);
    }
}
