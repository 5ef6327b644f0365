//! The commands the panel may give and the events it is told, declared once.
//!
//! [`engine_commands`] and [`desktop_commands`] hand the same list to whichever macro needs it:
//! the desktop makes its Tauri commands from it, a test writes `ui/src/ipc/bindings` from it, and
//! another compares it with the windows' capabilities. So a command that is missing on one side
//! does not compile, and one that is not granted fails a test.

use drawbridge_model::Problem;
use serde::Serialize;
use ts_rs::TS;

use crate::view::{ComputerView, LogLine, PullView, RecordWork, Snapshot};

/// Why a command was not carried out, for the panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// What the panel branches on.
    pub code: ErrorCode,
    /// What the person reads, and what a technician may want to know.
    pub problem: Problem,
}

impl CommandError {
    /// An error with its code, its sentence and its detail.
    pub fn new(code: ErrorCode, message: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, problem: Problem::new(message, detail) }
    }

    /// An error of which the panel only shows the sentence.
    pub fn other(problem: Problem) -> Self {
        Self { code: ErrorCode::Other, problem }
    }
}

/// What the panel branches on. A variant exists only where it does something of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// The text is not what was asked for: mark the field.
    InvalidInput,
    /// The name is taken: mark the name field.
    NameTaken,
    /// The file changed since the difference was shown: show it again.
    FileChanged,
    /// The person broke it off: say nothing.
    Cancelled,
    /// Anything else: show the sentence.
    Other,
}

/// What the panel is told without asking. The tag is the event's name.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "event", content = "payload", rename_all = "camelCase")]
pub enum PanelEvent {
    /// Something changed; this is how it all stands now.
    SnapshotChanged(Box<Snapshot>),
    /// The server whose log is being watched wrote lines.
    LogAppended(Vec<LogLine>),
    /// Something was put on record.
    ActivityRecorded,
    /// How far a check of the record or an export is; `null` when it is over.
    RecordWorkMoved(Option<RecordWork>),
    /// Models were installed, removed, loaded or unloaded: what was read of them is out of date.
    ModelsChanged,
    /// How far downloads are. Sent at most four times a second.
    PullsMoved(Vec<PullView>),
    /// What this computer does now, while somebody looks.
    ComputerMeasured(Box<ComputerView>),
    /// Ollama wrote lines to its log, while somebody looks.
    OllamaLogAppended(Vec<LogLine>),
}

/// Commands of the engine: `name(argument: Type, …) -> Type;`, each an async method of
/// [`crate::Engine`] that returns `Result<Type, CommandError>`.
#[macro_export]
macro_rules! engine_commands {
    ($then:ident) => {
        $then! {
            /// How everything stands now.
            snapshot() -> Snapshot;
            /// Sets one tool's mode.
            set_tool_mode(server: ServerName, tool: ToolName, mode: Mode) -> ();
            /// Sets the mode of all tools of a server.
            set_all_tools(server: ServerName, mode: Mode) -> ();
            /// Sets the mode of a server's tools without one of their own, and lets those run that
            /// the person confirmed.
            set_preset(server: ServerName, preset: Preset, allowed: Vec<ToolName>) -> ();
            /// Switches a server on or off.
            set_server_enabled(server: ServerName, enabled: bool) -> ();
            /// Starts a server that was stopped or given up.
            start_server(server: ServerName) -> ();
            /// Stops a server until it is started again.
            stop_server(server: ServerName) -> ();
            /// Stops a server and starts it again.
            restart_server(server: ServerName) -> ();
            /// Pauses, and says how many calls are still under way. `minutes`: until it ends by
            /// itself.
            pause(scope: PauseScope, minutes: Option<u32>) -> u32;
            /// Ends a pause.
            resume(scope: PauseScope) -> ();
            /// Cancels the calls under way, and says how many there were.
            cancel_calls(scope: PauseScope) -> u32;
            /// Answers calls that wait for the person.
            answer_questions(questions: Vec<u64>, answer: QuestionAnswer) -> ();
            /// Denies every call that waits for the person.
            deny_all_questions() -> ();
            /// Takes remembered answers back: from the next call on the person is asked again.
            take_back_answers(answers: Vec<u64>) -> ();
            /// What is new or changed about the tools of a server that are held back.
            tool_differences(server: ServerName) -> Vec<ToolDifference>;
            /// Lets apps use tools the person has looked at, each as it was shown.
            accept_tools(server: ServerName, tools: Vec<SeenTool>) -> ();
            /// How a server would be started that waits for the person to agree.
            start_review(server: ServerName) -> StartReview;
            /// Starts a server as it was shown.
            agree_to_start(server: ServerName, fingerprint: String) -> ();
            /// Says what is done about keys and tokens in a server's arguments and results.
            set_secrets_rule(server: ServerName, rule: SecretsRule) -> ();
            /// Lets what was blocked cross once, if it comes again soon.
            let_through_once(blocked: u64) -> ();
            /// Puts away what was blocked.
            dismiss_blocked(blocked: u64) -> ();
            /// The secrets that the config refers to, without their values.
            secrets() -> SecretsView;
            /// Keeps a secret in the keyring, in place of the one that was there.
            store_secret(name: String, value: String) -> ();
            /// Removes a secret from the keyring.
            remove_secret(name: String) -> ();
            /// A tool with its schemas.
            tool_detail(server: ServerName, tool: ToolName) -> ToolDetail;
            /// Reads servers out of a pasted snippet. Nothing is added.
            read_snippet(text: String) -> Vec<ServerDraft>;
            /// What starting a drafted server would do. `replaces` is the server being edited.
            preview_start(draft: ServerDraft, replaces: Option<ServerName>) -> StartPreview;
            /// Adds a server the person agreed to start.
            add_server(draft: ServerDraft, first_modes: FirstModes) -> ();
            /// A configured server as a draft to edit, values left out.
            server_draft(server: ServerName) -> ServerDraft;
            /// Changes a server the person agreed to start.
            edit_server(server: ServerName, draft: ServerDraft) -> ();
            /// Removes a server.
            remove_server(server: ServerName) -> RemovedServer;
            /// Puts a removed server back.
            restore_server(undo: String) -> ();
            /// The last lines of a server's log; while `watch` is set, later ones follow as
            /// events. One server is watched at a time.
            server_log(server: ServerName, watch: bool) -> Vec<LogLine>;
            /// Ends watching.
            stop_log() -> ();
            /// A page of the record.
            activity_page(query: ActivityQuery) -> ActivityPage;
            /// One entry of the record, whole.
            activity_detail(id: i64) -> ActivityDetail;
            /// What there is to filter by.
            activity_choices() -> ActivityChoices;
            /// How much happened over time. Bars of a day and more begin at midnight where the
            /// person is: `utc_offset_minutes` is added to UTC for that.
            activity_picture(filter: ActivityFilter, grouping: ActivityGrouping, utc_offset_minutes: i32) -> ActivityPicture;
            /// What happened since the person last looked; nothing where nothing did.
            away() -> Option<Away>;
            /// The person has looked at what happened up to this entry.
            looked_at_activity(newest: i64) -> ();
            /// What the record takes, and how long it is kept.
            record_state() -> RecordState;
            /// Says how long the record is kept and how large it may grow.
            set_record_limits(keep_days: Option<u32>, keep_megabytes: Option<u32>) -> ();
            /// Says how much of the content of a server's calls is kept on record.
            set_record_rule(server: ServerName, rule: RecordRule) -> ();
            /// Checks whether the record is as it was written.
            check_record() -> RecordCheck;
            /// Breaks off what is being done with the record: a check or an export, which then
            /// fails with `cancelled`.
            cancel_record_work() -> ();
            /// Removes all there is on record, but for the entry that says so.
            delete_activity() -> ();
            /// What VS Code needs to connect; makes the app `vscode` when it does not exist.
            vscode_setup(placement: TokenPlacement) -> VscodeSetup;
            /// Makes a new token for the app `vscode`; the old one stops working.
            renew_vscode_token() -> ();
            /// What writing `.vscode/mcp.json` into a folder would change.
            preview_vscode_file(folder: String, placement: TokenPlacement) -> FileChange;
            /// Writes what the preview showed.
            write_vscode_file(id: String) -> FileWritten;
            /// Puts back what was there before.
            undo_vscode_file(undo: String) -> ();
            /// Removes an app: its token stops working at once.
            remove_client(client: ClientName) -> ();
            /// Lets an app download, change and delete models, or no longer.
            set_client_manages_models(client: ClientName, may: bool) -> ();
            /// Sets what a person may set about Ollama.
            set_ollama(settings: OllamaSettings) -> ();
            /// Starts Ollama, and from now on with Drawbridge.
            start_ollama() -> ();
            /// Stops the Ollama that Drawbridge started, and no longer starts it.
            stop_ollama() -> ();
            /// Stops the Ollama that Drawbridge started, and starts it as it is set now.
            restart_ollama() -> ();
            /// Looks for Ollama again.
            look_for_ollama() -> ();
            /// The last lines of the log of the Ollama that Drawbridge started; while `watch` is
            /// set, later ones follow as events.
            ollama_log(watch: bool) -> Vec<LogLine>;
            /// Ends watching Ollama's log.
            stop_ollama_log() -> ();
            /// Models, and how they fit.
            models() -> ModelsView;
            /// How an installed model, or one of the catalog, would fit with a conversation of so
            /// many tokens, kept this exactly.
            model_fit(model: String, context: u32, cache: CacheType) -> ModelFit;
            /// Downloads a model, or the newest of one that is installed.
            pull_model(model: String) -> ();
            /// Pauses a download.
            pause_pull(model: String) -> ();
            /// Goes on with a download that was paused or failed.
            resume_pull(model: String) -> ();
            /// Gives a download up, or puts away one that is done.
            cancel_pull(model: String) -> ();
            /// Deletes an installed model.
            delete_model(model: String) -> ();
            /// Loads a model into memory, and measures what it takes.
            load_model(model: String) -> ();
            /// Takes a model out of memory.
            unload_model(model: String) -> ();
            /// Takes all models out of memory, and says how many there were.
            unload_all_models() -> u32;
            /// What this computer is made of; while `watch` is set, what it does now follows as
            /// events.
            computer(watch: bool) -> ComputerView;
            /// Ends watching the computer.
            stop_computer() -> ();
            /// Asks a drafted backend what it has. Nothing is added.
            check_backend(draft: BackendDraft) -> BackendCheck;
            /// Adds a backend, or changes the one it replaces.
            save_backend(draft: BackendDraft, replaces: Option<String>) -> ();
            /// Uses a backend, or does not.
            set_backend_enabled(name: String, enabled: bool) -> ();
            /// Says where models without a prefix are looked for; Ollama with nothing.
            set_default_backend(name: Option<String>) -> ();
            /// Removes a backend.
            remove_backend(name: String) -> ();
            /// Tries to listen again on the same port.
            retry_gateway() -> ();
            /// Moves the address to another port.
            move_gateway(port: u16) -> ();
        }
    };
}

/// Commands only a desktop can carry out.
#[macro_export]
macro_rules! desktop_commands {
    ($then:ident) => {
        $then! {
            /// Puts a text on the clipboard.
            copy_text(text: String) -> ();
            /// Puts the VS Code setup on the clipboard, token included where it is inlined.
            copy_vscode_setup(placement: TokenPlacement) -> ();
            /// Opens VS Code's own page for adding this server.
            open_vscode_install() -> ();
            /// Lets the person choose a folder; `null` when they change their mind.
            choose_folder() -> Option<String>;
            /// Lets the person choose a file and writes entries to it, oldest first; `null` when they
            /// change their mind before it begins.
            export_activity(filter: ActivityFilter, form: ExportForm) -> Option<Exported>;
            /// Opens the page where Ollama can be downloaded.
            open_ollama_download() -> ();
            /// Opens the config file in the person's editor.
            open_config_file() -> ();
            /// Opens the folder with the servers' logs.
            open_log_folder() -> ();
            /// Whether Drawbridge starts when the person logs in.
            start_at_login() -> bool;
            /// Starts, or no longer starts, Drawbridge when the person logs in.
            set_start_at_login(enabled: bool) -> ();
            /// Brings up the window with the questions that wait.
            show_questions() -> ();
            /// Whether this desktop shows a tray icon.
            has_tray() -> bool;
            /// Ends Drawbridge after calls in flight have ended.
            quit() -> ();
        }
    };
}
