// Written by `cargo test -p drawbridge-core --test bindings`. Do not edit.
import type { ActivityChoices } from "./ActivityChoices";
import type { ActivityDetail } from "./ActivityDetail";
import type { ActivityFilter } from "./ActivityFilter";
import type { ActivityGrouping } from "./ActivityGrouping";
import type { ActivityPage } from "./ActivityPage";
import type { ActivityPicture } from "./ActivityPicture";
import type { ActivityQuery } from "./ActivityQuery";
import type { Away } from "./Away";
import type { BackendCheck } from "./BackendCheck";
import type { BackendDraft } from "./BackendDraft";
import type { CacheType } from "./CacheType";
import type { ClientName } from "./ClientName";
import type { ComputerView } from "./ComputerView";
import type { ExportForm } from "./ExportForm";
import type { Exported } from "./Exported";
import type { FileChange } from "./FileChange";
import type { FileWritten } from "./FileWritten";
import type { FirstModes } from "./FirstModes";
import type { LogLine } from "./LogLine";
import type { Mode } from "./Mode";
import type { ModelFit } from "./ModelFit";
import type { ModelsView } from "./ModelsView";
import type { OllamaSettings } from "./OllamaSettings";
import type { PauseScope } from "./PauseScope";
import type { Preset } from "./Preset";
import type { QuestionAnswer } from "./QuestionAnswer";
import type { RecordCheck } from "./RecordCheck";
import type { RecordRule } from "./RecordRule";
import type { RecordState } from "./RecordState";
import type { RemovedServer } from "./RemovedServer";
import type { SecretsRule } from "./SecretsRule";
import type { SecretsView } from "./SecretsView";
import type { SeenTool } from "./SeenTool";
import type { ServerDraft } from "./ServerDraft";
import type { ServerName } from "./ServerName";
import type { Snapshot } from "./Snapshot";
import type { StartPreview } from "./StartPreview";
import type { StartReview } from "./StartReview";
import type { TokenPlacement } from "./TokenPlacement";
import type { ToolDetail } from "./ToolDetail";
import type { ToolDifference } from "./ToolDifference";
import type { ToolName } from "./ToolName";
import type { VscodeSetup } from "./VscodeSetup";

/** Each command: what it takes and what it answers. */
export type Commands = {
  /** How everything stands now. */
  snapshot: { args: Record<string, never>; result: Snapshot };
  /** Sets one tool's mode. */
  set_tool_mode: { args: { server: ServerName; tool: ToolName; mode: Mode }; result: null };
  /** Sets the mode of all tools of a server. */
  set_all_tools: { args: { server: ServerName; mode: Mode }; result: null };
  /** Sets the mode of a server's tools without one of their own, and lets those run that  the person confirmed. */
  set_preset: { args: { server: ServerName; preset: Preset; allowed: Array<ToolName> }; result: null };
  /** Switches a server on or off. */
  set_server_enabled: { args: { server: ServerName; enabled: boolean }; result: null };
  /** Starts a server that was stopped or given up. */
  start_server: { args: { server: ServerName }; result: null };
  /** Stops a server until it is started again. */
  stop_server: { args: { server: ServerName }; result: null };
  /** Stops a server and starts it again. */
  restart_server: { args: { server: ServerName }; result: null };
  /** Pauses, and says how many calls are still under way. `minutes`: until it ends by  itself. */
  pause: { args: { scope: PauseScope; minutes: number | null }; result: number };
  /** Ends a pause. */
  resume: { args: { scope: PauseScope }; result: null };
  /** Cancels the calls under way, and says how many there were. */
  cancel_calls: { args: { scope: PauseScope }; result: number };
  /** Answers calls that wait for the person. */
  answer_questions: { args: { questions: Array<number>; answer: QuestionAnswer }; result: null };
  /** Denies every call that waits for the person. */
  deny_all_questions: { args: Record<string, never>; result: null };
  /** Takes remembered answers back: from the next call on the person is asked again. */
  take_back_answers: { args: { answers: Array<number> }; result: null };
  /** What is new or changed about the tools of a server that are held back. */
  tool_differences: { args: { server: ServerName }; result: Array<ToolDifference> };
  /** Lets apps use tools the person has looked at, each as it was shown. */
  accept_tools: { args: { server: ServerName; tools: Array<SeenTool> }; result: null };
  /** How a server would be started that waits for the person to agree. */
  start_review: { args: { server: ServerName }; result: StartReview };
  /** Starts a server as it was shown. */
  agree_to_start: { args: { server: ServerName; fingerprint: string }; result: null };
  /** Says what is done about keys and tokens in a server's arguments and results. */
  set_secrets_rule: { args: { server: ServerName; rule: SecretsRule }; result: null };
  /** Lets what was blocked cross once, if it comes again soon. */
  let_through_once: { args: { blocked: number }; result: null };
  /** Puts away what was blocked. */
  dismiss_blocked: { args: { blocked: number }; result: null };
  /** The secrets that the config refers to, without their values. */
  secrets: { args: Record<string, never>; result: SecretsView };
  /** Keeps a secret in the keyring, in place of the one that was there. */
  store_secret: { args: { name: string; value: string }; result: null };
  /** Removes a secret from the keyring. */
  remove_secret: { args: { name: string }; result: null };
  /** A tool with its schemas. */
  tool_detail: { args: { server: ServerName; tool: ToolName }; result: ToolDetail };
  /** Reads servers out of a pasted snippet. Nothing is added. */
  read_snippet: { args: { text: string }; result: Array<ServerDraft> };
  /** What starting a drafted server would do. `replaces` is the server being edited. */
  preview_start: { args: { draft: ServerDraft; replaces: ServerName | null }; result: StartPreview };
  /** Adds a server the person agreed to start. */
  add_server: { args: { draft: ServerDraft; firstModes: FirstModes }; result: null };
  /** A configured server as a draft to edit, values left out. */
  server_draft: { args: { server: ServerName }; result: ServerDraft };
  /** Changes a server the person agreed to start. */
  edit_server: { args: { server: ServerName; draft: ServerDraft }; result: null };
  /** Removes a server. */
  remove_server: { args: { server: ServerName }; result: RemovedServer };
  /** Puts a removed server back. */
  restore_server: { args: { undo: string }; result: null };
  /** The last lines of a server's log; while `watch` is set, later ones follow as  events. One server is watched at a time. */
  server_log: { args: { server: ServerName; watch: boolean }; result: Array<LogLine> };
  /** Ends watching. */
  stop_log: { args: Record<string, never>; result: null };
  /** A page of the record. */
  activity_page: { args: { query: ActivityQuery }; result: ActivityPage };
  /** One entry of the record, whole. */
  activity_detail: { args: { id: number }; result: ActivityDetail };
  /** What there is to filter by. */
  activity_choices: { args: Record<string, never>; result: ActivityChoices };
  /** How much happened over time. Bars of a day and more begin at midnight where the  person is: `utc_offset_minutes` is added to UTC for that. */
  activity_picture: { args: { filter: ActivityFilter; grouping: ActivityGrouping; utcOffsetMinutes: number }; result: ActivityPicture };
  /** What happened since the person last looked; nothing where nothing did. */
  away: { args: Record<string, never>; result: Away | null };
  /** The person has looked at what happened up to this entry. */
  looked_at_activity: { args: { newest: number }; result: null };
  /** What the record takes, and how long it is kept. */
  record_state: { args: Record<string, never>; result: RecordState };
  /** Says how long the record is kept and how large it may grow. */
  set_record_limits: { args: { keepDays: number | null; keepMegabytes: number | null }; result: null };
  /** Says how much of the content of a server's calls is kept on record. */
  set_record_rule: { args: { server: ServerName; rule: RecordRule }; result: null };
  /** Checks whether the record is as it was written. */
  check_record: { args: Record<string, never>; result: RecordCheck };
  /** Breaks off what is being done with the record: a check or an export, which then  fails with `cancelled`. */
  cancel_record_work: { args: Record<string, never>; result: null };
  /** Removes all there is on record, but for the entry that says so. */
  delete_activity: { args: Record<string, never>; result: null };
  /** What VS Code needs to connect; makes the app `vscode` when it does not exist. */
  vscode_setup: { args: { placement: TokenPlacement }; result: VscodeSetup };
  /** Makes a new token for the app `vscode`; the old one stops working. */
  renew_vscode_token: { args: Record<string, never>; result: null };
  /** What writing `.vscode/mcp.json` into a folder would change. */
  preview_vscode_file: { args: { folder: string; placement: TokenPlacement }; result: FileChange };
  /** Writes what the preview showed. */
  write_vscode_file: { args: { id: string }; result: FileWritten };
  /** Puts back what was there before. */
  undo_vscode_file: { args: { undo: string }; result: null };
  /** Removes an app: its token stops working at once. */
  remove_client: { args: { client: ClientName }; result: null };
  /** Lets an app download, change and delete models, or no longer. */
  set_client_manages_models: { args: { client: ClientName; may: boolean }; result: null };
  /** Sets what a person may set about Ollama. */
  set_ollama: { args: { settings: OllamaSettings }; result: null };
  /** Starts Ollama, and from now on with Drawbridge. */
  start_ollama: { args: Record<string, never>; result: null };
  /** Stops the Ollama that Drawbridge started, and no longer starts it. */
  stop_ollama: { args: Record<string, never>; result: null };
  /** Stops the Ollama that Drawbridge started, and starts it as it is set now. */
  restart_ollama: { args: Record<string, never>; result: null };
  /** Looks for Ollama again. */
  look_for_ollama: { args: Record<string, never>; result: null };
  /** The last lines of the log of the Ollama that Drawbridge started; while `watch` is  set, later ones follow as events. */
  ollama_log: { args: { watch: boolean }; result: Array<LogLine> };
  /** Ends watching Ollama's log. */
  stop_ollama_log: { args: Record<string, never>; result: null };
  /** Models, and how they fit. */
  models: { args: Record<string, never>; result: ModelsView };
  /** How an installed model, or one of the catalog, would fit with a conversation of so  many tokens, kept this exactly. */
  model_fit: { args: { model: string; context: number; cache: CacheType }; result: ModelFit };
  /** Downloads a model, or the newest of one that is installed. */
  pull_model: { args: { model: string }; result: null };
  /** Pauses a download. */
  pause_pull: { args: { model: string }; result: null };
  /** Goes on with a download that was paused or failed. */
  resume_pull: { args: { model: string }; result: null };
  /** Gives a download up, or puts away one that is done. */
  cancel_pull: { args: { model: string }; result: null };
  /** Deletes an installed model. */
  delete_model: { args: { model: string }; result: null };
  /** Loads a model into memory, and measures what it takes. */
  load_model: { args: { model: string }; result: null };
  /** Takes a model out of memory. */
  unload_model: { args: { model: string }; result: null };
  /** Takes all models out of memory, and says how many there were. */
  unload_all_models: { args: Record<string, never>; result: number };
  /** What this computer is made of; while `watch` is set, what it does now follows as  events. */
  computer: { args: { watch: boolean }; result: ComputerView };
  /** Ends watching the computer. */
  stop_computer: { args: Record<string, never>; result: null };
  /** Asks a drafted backend what it has. Nothing is added. */
  check_backend: { args: { draft: BackendDraft }; result: BackendCheck };
  /** Adds a backend, or changes the one it replaces. */
  save_backend: { args: { draft: BackendDraft; replaces: string | null }; result: null };
  /** Uses a backend, or does not. */
  set_backend_enabled: { args: { name: string; enabled: boolean }; result: null };
  /** Says where models without a prefix are looked for; Ollama with nothing. */
  set_default_backend: { args: { name: string | null }; result: null };
  /** Removes a backend. */
  remove_backend: { args: { name: string }; result: null };
  /** Tries to listen again on the same port. */
  retry_gateway: { args: Record<string, never>; result: null };
  /** Moves the address to another port. */
  move_gateway: { args: { port: number }; result: null };
  /** Puts a text on the clipboard. */
  copy_text: { args: { text: string }; result: null };
  /** Puts the VS Code setup on the clipboard, token included where it is inlined. */
  copy_vscode_setup: { args: { placement: TokenPlacement }; result: null };
  /** Opens VS Code's own page for adding this server. */
  open_vscode_install: { args: Record<string, never>; result: null };
  /** Lets the person choose a folder; `null` when they change their mind. */
  choose_folder: { args: Record<string, never>; result: string | null };
  /** Lets the person choose a file and writes entries to it, oldest first; `null` when they  change their mind before it begins. */
  export_activity: { args: { filter: ActivityFilter; form: ExportForm }; result: Exported | null };
  /** Opens the page where Ollama can be downloaded. */
  open_ollama_download: { args: Record<string, never>; result: null };
  /** Opens the config file in the person's editor. */
  open_config_file: { args: Record<string, never>; result: null };
  /** Opens the folder with the servers' logs. */
  open_log_folder: { args: Record<string, never>; result: null };
  /** Whether Drawbridge starts when the person logs in. */
  start_at_login: { args: Record<string, never>; result: boolean };
  /** Starts, or no longer starts, Drawbridge when the person logs in. */
  set_start_at_login: { args: { enabled: boolean }; result: null };
  /** Brings up the window with the questions that wait. */
  show_questions: { args: Record<string, never>; result: null };
  /** Whether this desktop shows a tray icon. */
  has_tray: { args: Record<string, never>; result: boolean };
  /** Ends Drawbridge after calls in flight have ended. */
  quit: { args: Record<string, never>; result: null };
};
