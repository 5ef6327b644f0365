//! The commands only a desktop can carry out: clipboard, other programs, dialogs, the session.
//!
//! Their names and types are those of [`drawbridge_core::desktop_commands`].

use std::path::Path;

use drawbridge_core::bridge::{CommandError, ErrorCode};
use drawbridge_core::view::{ActivityFilter, ExportForm, Exported, TokenPlacement};
use drawbridge_model::Problem;
use tauri_plugin_autostart::ManagerExt as _;
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;
use tokio::sync::oneshot;

use crate::shell::Shell;

/// Where Ollama can be downloaded.
const OLLAMA_DOWNLOAD: &str = "https://ollama.com/download";

impl Shell {
    pub(crate) async fn copy_text(&self, text: String) -> Result<(), CommandError> {
        let copied = self.app().clipboard().write_text(text);
        copied.map_err(|error| failed("The text could not be copied.", error))
    }

    pub(crate) async fn copy_vscode_setup(
        &self,
        placement: TokenPlacement,
    ) -> Result<(), CommandError> {
        let setup = self.engine().vscode_setup(placement).await?;
        let clipboard = self.app().clipboard();
        let copied = match placement {
            // Clipboard histories are asked to leave a token alone.
            TokenPlacement::Inline => clipboard.write_secret(setup.content),
            TokenPlacement::Prompt => clipboard.write_text(setup.content),
        };
        copied.map_err(|error| failed("The setup could not be copied.", error))
    }

    pub(crate) async fn open_vscode_install(&self) -> Result<(), CommandError> {
        let setup = self.engine().vscode_setup(TokenPlacement::Prompt).await?;
        let opened = self.app().opener().open_url(setup.install_link, None::<&str>);
        opened.map_err(|error| {
            let sentence = "VS Code could not be opened. If it is installed, copy the setup into \
                            .vscode/mcp.json instead.";
            failed(sentence, error)
        })
    }

    pub(crate) async fn open_ollama_download(&self) -> Result<(), CommandError> {
        let opened = self.app().opener().open_url(OLLAMA_DOWNLOAD, None::<&str>);
        opened.map_err(|error| {
            failed("No browser could be opened. Ollama is at ollama.com/download.", error)
        })
    }

    pub(crate) async fn choose_folder(&self) -> Result<Option<String>, CommandError> {
        let (answer, chosen) = oneshot::channel();
        self.app().dialog().file().set_title("Choose a folder").pick_folder(|folder| {
            // The panel may have been closed meanwhile, and then nobody waits.
            let _ = answer.send(folder);
        });
        let Ok(Some(folder)) = chosen.await else { return Ok(None) };
        let folder = folder
            .into_path()
            .map_err(|error| failed("This place is not a folder on this computer.", error))?;
        match folder.into_os_string().into_string() {
            Ok(folder) => Ok(Some(folder)),
            Err(folder) => Err(failed(
                "The folder's name cannot be written as text. Choose another one.",
                folder.display(),
            )),
        }
    }

    pub(crate) async fn export_activity(
        &self,
        filter: ActivityFilter,
        form: ExportForm,
    ) -> Result<Option<Exported>, CommandError> {
        let (kind, extension) = match form {
            ExportForm::Csv => ("Comma-separated values", "csv"),
            ExportForm::JsonLines => ("JSON Lines", "jsonl"),
        };
        let (answer, chosen) = oneshot::channel();
        self.app()
            .dialog()
            .file()
            .set_title("Export activity")
            .set_file_name(format!("drawbridge-activity.{extension}"))
            .add_filter(kind, &[extension])
            .save_file(|file| {
                // The panel may have been closed meanwhile, and then nobody waits.
                let _ = answer.send(file);
            });
        let Ok(Some(file)) = chosen.await else { return Ok(None) };
        let file = file
            .into_path()
            .map_err(|error| failed("This place is not a file on this computer.", error))?;
        self.engine().export_activity_to(filter, form, file).await.map(Some)
    }

    pub(crate) async fn open_config_file(&self) -> Result<(), CommandError> {
        let file = &self.paths().config_file;
        // Before the first server is added there may be no file yet, but there is its folder.
        let place = if file.exists() { file } else { file.parent().unwrap_or(file) };
        self.open(place, "The config file could not be opened. Open it in an editor by its path.")
    }

    pub(crate) async fn open_log_folder(&self) -> Result<(), CommandError> {
        self.open(&self.paths().log_dir(), "The log folder could not be opened.")
    }

    fn open(&self, place: &Path, sentence: &str) -> Result<(), CommandError> {
        let opened = self.app().opener().open_path(place.to_string_lossy(), None::<&str>);
        opened.map_err(|error| failed(sentence, format!("{}: {error}", place.display())))
    }

    pub(crate) async fn start_at_login(&self) -> Result<bool, CommandError> {
        let enabled = self.app().autolaunch().is_enabled();
        enabled.map_err(|error| {
            failed("Whether Drawbridge starts when you log in could not be found out.", error)
        })
    }

    pub(crate) async fn set_start_at_login(&self, enabled: bool) -> Result<(), CommandError> {
        let autolaunch = self.app().autolaunch();
        let changed = if enabled { autolaunch.enable() } else { autolaunch.disable() };
        self.learn_start_at_login(autolaunch.is_enabled().ok());
        changed.map_err(|error| {
            let sentence = "Starting when you log in could not be changed. Your session's \
                            settings have a list of programs to start.";
            failed(sentence, error)
        })
    }

    pub(crate) async fn has_tray(&self) -> Result<bool, CommandError> {
        Ok(*self.tray_shown().borrow())
    }

    pub(crate) async fn quit(&self) -> Result<(), CommandError> {
        self.begin_to_quit();
        Ok(())
    }
}

fn failed(sentence: &str, error: impl std::fmt::Display) -> CommandError {
    CommandError { code: ErrorCode::Other, problem: Problem::new(sentence, error.to_string()) }
}
