//! The `drawbridge` program: the engine with a tray icon and a control panel.

// Without this Windows opens a console window beside the app.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    drawbridge_desktop::run()
}
