//! The desktop shell: a tray icon, a control panel, and nothing the engine could do without them.
//!
//! This is the only crate that knows Tauri. It asks the engine for what the person chose and shows
//! what the engine's snapshot says; it decides nothing about servers, tools or calls.
//!
//! - [`tray`]: the menu as plain data, and the adapter that shows it.
//! - `panel`: the windows, made when they are wished for and gone when they are closed.
//! - `questions`: lets the person know that a call waits for an answer.
//! - `reminders`: lets the person know what else waits for their eyes.
//! - `commands`: one command for each entry of the lists in [`drawbridge_core::bridge`].
//! - `shell`: what tray and panel have in common: doing what was chosen, and quitting.
//! - `os`: what differs between operating systems.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use drawbridge_core::paths::Paths;
use drawbridge_core::{Attendance, Engine, EngineSettings};
use drawbridge_model::Problem;
use drawbridge_secrets::OsKeyring;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

mod arguments;
mod commands;
mod desktop;
mod log;
mod os;
mod panel;
mod questions;
mod reminders;
mod shell;
pub mod tray;

use arguments::{Arguments, Start};
use shell::Shell;

/// How long a tray may take to appear after login. Desktops start their bar and the apps of the
/// session side by side, so that its absence in the first moment means nothing.
const TRAY_GRACE: Duration = Duration::from_secs(10);

/// Runs the app until it quits.
///
/// A second start with the same data folder shows the first one's panel and ends.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let paths = arguments.paths();
    log::begin(paths.as_ref().ok());
    // Its own, beside the desktop's: a plugin that waits for the desktop must not hold up a call.
    let runtime = match drawbridge_core::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no threads");
            return ExitCode::FAILURE;
        }
    };
    let mut context = tauri::generate_context!();
    if let Some(suffix) = arguments.instance() {
        context.config_mut().identifier.push_str(&suffix);
    }
    // Apps wait for the gateway, not for the desktop: the engine starts while the desktop is still
    // being reached. In a second copy it finds the data folder in use and leaves it alone.
    let starting = runtime.spawn(start_engine(paths, arguments.port));
    let start = arguments.start();
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, words, _folder| {
            // A session that starts a second one wants no more than that one runs.
            let by_person = !words.iter().any(|word| word == arguments::HIDDEN);
            if let (true, Some(shell)) = (by_person, app.try_state::<Shell>()) {
                shell.open_panel();
            }
        }))
        .plugin(tauri_plugin_autostart::Builder::new().arg(arguments::HIDDEN).build())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(commands::handler())
        .setup(move |app| {
            let started = tauri::async_runtime::block_on(starting);
            let started = started.unwrap_or_else(|error| {
                Err(Problem::new("Drawbridge met a mistake of its own.", error.to_string()))
            });
            match started {
                Ok((engine, paths)) => begin(app.handle(), engine, paths, start),
                Err(problem) => give_up(app.handle(), &problem),
            }
            Ok(())
        })
        .build(context);
    let code = match built {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(on_event)).unwrap_or(1)),
        Err(error) => {
            tracing::error!(%error, "the desktop could not be reached");
            ExitCode::FAILURE
        }
    };
    // The engine has ended by now, or was given the time there was.
    runtime.shutdown_background();
    code
}

async fn start_engine(
    paths: Result<Paths, Problem>,
    port: Option<u16>,
) -> Result<(Engine, Paths), Problem> {
    let paths = paths?;
    let secrets = Arc::new(OsKeyring::default());
    let settings = EngineSettings::new(paths.clone(), Attendance::Attended, secrets);
    let engine = Engine::start(settings.with_port(port)).await.map_err(|e| e.problem())?;
    Ok((engine, paths))
}

fn begin(app: &AppHandle, engine: Engine, paths: Paths, start: Start) {
    let shell = Shell::begin(app.clone(), engine, paths);
    app.manage(shell.clone());
    let asked = shell.clone();
    shell.spawn(async move {
        while os::end_asked_for().await.is_ok() {
            asked.begin_to_quit();
        }
    });
    shell.spawn(tray::follow(shell.clone()));
    shell.spawn(questions::follow(shell.clone()));
    shell.spawn(reminders::follow(shell.clone()));
    match start {
        Start::ByPerson => shell.open_panel(),
        Start::AtLogin => shell.clone().spawn(async move {
            let mut shown = shell.tray_shown();
            let waited = tokio::time::timeout(TRAY_GRACE, shown.wait_for(|shown| *shown)).await;
            if !matches!(waited, Ok(Ok(_))) {
                shell.open_panel();
            }
        }),
    }
}

/// Says why Drawbridge cannot start, and ends once that was read.
fn give_up(app: &AppHandle, problem: &Problem) {
    tracing::error!(message = problem.message, detail = problem.detail, "not started");
    let text = [problem.message.as_str(), problem.detail.as_str()];
    let text = text.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let app = app.clone();
    app.dialog()
        .message(text)
        .title("Drawbridge cannot start")
        .kind(MessageDialogKind::Error)
        .show(move |_| app.exit(1));
}

fn on_event(app: &AppHandle, event: RunEvent) {
    let Some(shell) = app.try_state::<Shell>() else {
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            // No window was ever open: the dialog that says why is still to be read.
            api.prevent_exit();
        }
        return;
    };
    match event {
        // The last window closed. The tray goes on.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. }
            if label == panel::LABEL =>
        {
            shell.panel_closed();
        }
        RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. }
            if label == panel::QUESTION =>
        {
            shell.questions_closed();
        }
        RunEvent::WindowEvent { label, event: WindowEvent::Focused(true), .. }
            if label == panel::QUESTION =>
        {
            panel::give_keyboard_to_page(app);
        }
        RunEvent::Exit => shell.end(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => shell.open_panel(),
        _ => {}
    }
}
