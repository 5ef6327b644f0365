//! The tray's menu as plain data: what stands in it, and what each entry does.
//!
//! [`menu`] is a function of a [`Snapshot`] and of what only the desktop knows. It touches no
//! native menu, so that its tests compare values.
//!
//! A tool's entry is checked unless the tool is off; one that asks says so. Unchecking switches
//! the tool off. Checking gives back the mode it had when the tray switched it off, so that a slip
//! loses nothing, and else allows it, because a check mark promises that calls cross.

use std::collections::{BTreeMap, HashMap};

use drawbridge_core::view::{GatewayState, ServerView, Snapshot, ToolView};
use drawbridge_model::{Mode, ServerName, ServerState, ToolName};

use super::ollama;
use super::words::{self, clip};

/// Most tools listed for one server. Menus do not scroll well; the panel holds the rest.
const MOST_TOOLS: usize = 40;
/// Most servers listed.
const MOST_SERVERS: usize = 30;
/// Most characters of a name in the menu.
const NAME_LENGTH: usize = 48;
/// Most characters of a sentence in the menu.
const SENTENCE_LENGTH: usize = 100;
/// How long a short pause is, in minutes.
const SHORT_PAUSE: u32 = 15;

/// What an entry does when it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrayAction {
    /// Pauses or resumes all tools.
    SetPaused(bool),
    /// Pauses all tools for so many minutes.
    PauseForMinutes(u32),
    /// Sets one tool's mode.
    SetToolMode {
        /// The tool's server.
        server: ServerName,
        /// The tool.
        tool: ToolName,
        /// What it is set to.
        mode: Mode,
    },
    /// Switches all tools of a server off.
    AllToolsOff(ServerName),
    /// Switches a server on.
    EnableServer(ServerName),
    /// Starts a server that is stopped or was given up.
    StartServer(ServerName),
    /// Stops a server and starts it again.
    RestartServer(ServerName),
    /// Tries to listen again on the same port.
    RetryGateway,
    /// Moves the address to another port.
    MoveGateway(u16),
    /// Shows the control panel.
    OpenPanel,
    /// Bring up the questions that wait.
    ShowQuestions,
    /// Puts the VS Code setup on the clipboard.
    CopyVscodeSetup,
    /// Takes all models out of memory.
    UnloadAllModels,
    /// Starts Ollama.
    StartOllama,
    /// Stops the Ollama that Drawbridge started, and starts it again.
    RestartOllama,
    /// Starts, or no longer starts, Drawbridge when the person logs in.
    SetStartAtLogin(bool),
    /// Ends Drawbridge; the second time without waiting for calls.
    Quit,
}

impl TrayAction {
    /// Whether it turns something with a check mark on or off.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        matches!(self, Self::SetPaused(_) | Self::SetToolMode { .. } | Self::SetStartAtLogin(_))
    }
}

/// What the menu shows that only the desktop knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesktopState {
    /// Whether Drawbridge starts when the person logs in. `None` where that cannot be told.
    pub start_at_login: Option<bool>,
    /// A free port, looked for when the chosen one is taken.
    pub free_port: Option<u16>,
    /// Whether the person chose to quit and calls in flight are ending.
    pub quitting: bool,
    /// Why the last thing chosen in the tray did not work, until something works again.
    pub failure: Option<String>,
    /// The modes tools had when the tray switched them off.
    pub modes_before_off: BTreeMap<(ServerName, ToolName), Mode>,
}

/// A menu, from top to bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu(pub Vec<Entry>);

/// One entry of a menu. `key` names the entry for as long as it means the same thing, whatever it
/// says at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A line between groups.
    Separator,
    /// Words to read.
    Line {
        /// Names the entry.
        key: String,
        /// What it says.
        text: String,
    },
    /// Something to do.
    Command {
        /// Names the entry.
        key: String,
        /// What it says.
        text: String,
        /// What it does.
        action: TrayAction,
    },
    /// Something that is on or off.
    Check {
        /// Names the entry.
        key: String,
        /// What it says.
        text: String,
        /// Whether it is on.
        checked: bool,
        /// What checking it does.
        on: TrayAction,
        /// What unchecking it does.
        off: TrayAction,
    },
    /// A menu of its own.
    Submenu {
        /// Names the entry.
        key: String,
        /// What it says.
        text: String,
        /// What stands in it.
        entries: Vec<Entry>,
    },
}

impl Menu {
    /// What the entry named `key` does when it is chosen; one with a check mark, when that has
    /// become `mark`. What the person sees decides, so that a second click undoes the first
    /// however soon it comes.
    #[must_use]
    pub fn action(&self, key: &str, mark: bool) -> Option<&TrayAction> {
        find(&self.0, key, mark)
    }

    /// Whether both have the same entries in the same order, whatever they say.
    #[must_use]
    pub fn has_the_entries_of(&self, other: &Self) -> bool {
        same_entries(&self.0, &other.0)
    }
}

impl Entry {
    /// What names it.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Separator => None,
            Self::Line { key, .. }
            | Self::Command { key, .. }
            | Self::Check { key, .. }
            | Self::Submenu { key, .. } => Some(key),
        }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Separator => None,
            Self::Line { text, .. }
            | Self::Command { text, .. }
            | Self::Check { text, .. }
            | Self::Submenu { text, .. } => Some(text),
        }
    }
}

fn same_entries(some: &[Entry], others: &[Entry]) -> bool {
    let same = |(one, other): (&Entry, &Entry)| {
        std::mem::discriminant(one) == std::mem::discriminant(other)
            && one.key() == other.key()
            && match (one, other) {
                (Entry::Submenu { entries: a, .. }, Entry::Submenu { entries: b, .. }) => {
                    same_entries(a, b)
                }
                _ => true,
            }
    };
    some.len() == others.len() && some.iter().zip(others).all(same)
}

fn find<'a>(entries: &'a [Entry], sought: &str, mark: bool) -> Option<&'a TrayAction> {
    entries.iter().find_map(|entry| match entry {
        Entry::Command { key, action, .. } => (key == sought).then_some(action),
        Entry::Check { key, on, off, .. } => (key == sought).then_some(if mark { on } else { off }),
        Entry::Submenu { entries, .. } => find(entries, sought, mark),
        Entry::Separator | Entry::Line { .. } => None,
    })
}

/// The menu that goes with a state.
#[must_use]
pub fn menu(snapshot: &Snapshot, desktop: &DesktopState) -> Menu {
    if desktop.quitting {
        return Menu(vec![
            line("status", "Quitting. Calls in flight are ending."),
            command("quit", "Quit without waiting", TrayAction::Quit),
        ]);
    }
    let mut entries = vec![line("status", words::status(snapshot))];
    entries.extend(
        words::answer(snapshot).map(|text| command("answer", text, TrayAction::ShowQuestions)),
    );
    entries.extend(words::look(snapshot).map(|text| command("look", text, TrayAction::OpenPanel)));
    if words::trouble(snapshot).is_some() {
        entries.push(line("count", words::count(snapshot)));
    }
    entries.extend(desktop.failure.as_deref().map(|failure| {
        line("failure", format!("Did not work: {}", clip(failure, SENTENCE_LENGTH)))
    }));
    entries.extend(port_conflict(snapshot, desktop));
    entries.push(check(
        "pause",
        "Pause all tools",
        snapshot.paused.is_some(),
        [true, false].map(TrayAction::SetPaused),
    ));
    entries.push(command(
        "pause-a-while",
        format!("Pause for {SHORT_PAUSE} minutes"),
        TrayAction::PauseForMinutes(SHORT_PAUSE),
    ));
    entries.push(Entry::Separator);
    entries.extend(snapshot.servers.iter().take(MOST_SERVERS).map(|s| server(s, desktop)));
    if snapshot.servers.len() > MOST_SERVERS {
        entries.push(command("more", "More in the control panel…", TrayAction::OpenPanel));
    }
    entries.extend(ollama::entry(&snapshot.ollama));
    entries.push(Entry::Separator);
    entries.push(command("panel", "Open control panel", TrayAction::OpenPanel));
    entries.push(command("vscode", "Copy VS Code setup", TrayAction::CopyVscodeSetup));
    entries.extend(desktop.start_at_login.map(|on| {
        check("login", "Start at login", on, [true, false].map(TrayAction::SetStartAtLogin))
    }));
    entries.push(Entry::Separator);
    entries.push(command("quit", "Quit", TrayAction::Quit));
    Menu(entries)
}

fn port_conflict(snapshot: &Snapshot, desktop: &DesktopState) -> Option<Entry> {
    let GatewayState::PortInUse { holder, .. } = &snapshot.gateway.state else { return None };
    let port = snapshot.gateway.port;
    let by = holder.as_deref().map_or("another program".to_owned(), |name| clip(name, NAME_LENGTH));
    let mut entries = vec![
        line("port/why", format!("Port {port} is used by {by}")),
        command("port/retry", format!("Try port {port} again"), TrayAction::RetryGateway),
    ];
    entries.extend(desktop.free_port.map(|free| {
        let text = format!("Move to port {free} (set apps up again)");
        command("port/move", text, TrayAction::MoveGateway(free))
    }));
    entries.push(command("port/panel", "Open control panel", TrayAction::OpenPanel));
    Some(Entry::Submenu {
        key: "port".to_owned(),
        text: "Resolve port conflict".to_owned(),
        entries,
    })
}

fn server(server: &ServerView, desktop: &DesktopState) -> Entry {
    let name = &server.name;
    let key = |what: &str| format!("server/{name}/{what}");
    let mut entries = vec![line(key("state"), words::server_state(server))];
    if server.enabled {
        entries.push(Entry::Separator);
        let labels = tool_labels(&server.tools);
        entries.extend(
            server
                .tools
                .iter()
                .zip(labels)
                .take(MOST_TOOLS)
                .map(|(shown, label)| tool(server, shown, label, desktop)),
        );
        if server.tools.is_empty() {
            entries.push(line(key("tools"), words::no_tools(server)));
        } else if server.tools.len() > MOST_TOOLS {
            let text = format!("{} more in the control panel…", server.tools.len() - MOST_TOOLS);
            entries.push(command(key("more"), text, TrayAction::OpenPanel));
        }
        entries.push(Entry::Separator);
        if server.tools.iter().any(|shown| shown.mode != Mode::Off) {
            let action = TrayAction::AllToolsOff(name.clone());
            entries.push(command(key("all-off"), "All tools off", action));
        }
    }
    entries.push(match (server.enabled, &server.state) {
        (false, _) => command(key("enable"), "Switch on", TrayAction::EnableServer(name.clone())),
        (true, _) if server.start_waits => {
            command(key("look"), "Look at how it is started…", TrayAction::OpenPanel)
        }
        (true, ServerState::Stopped | ServerState::Failed) => {
            command(key("start"), "Start", TrayAction::StartServer(name.clone()))
        }
        (true, _) => command(key("restart"), "Restart", TrayAction::RestartServer(name.clone())),
    });
    Entry::Submenu { key: format!("server/{name}"), text: words::server_name(server), entries }
}

fn tool(server: &ServerView, tool: &ToolView, label: String, desktop: &DesktopState) -> Entry {
    let before = (server.name.clone(), tool.name.clone());
    let (checked, text, mode_when_on) = match tool.mode {
        mode if words::is_held(tool) => (true, format!("{label} (look at it first)"), mode),
        Mode::Allow => (true, label, Mode::Allow),
        Mode::Ask => (true, format!("{label} (asks)"), Mode::Ask),
        Mode::AskEveryTime => (true, format!("{label} (asks every time)"), Mode::AskEveryTime),
        Mode::Off => {
            let mode = desktop.modes_before_off.get(&before).copied().unwrap_or(Mode::Allow);
            (false, label, mode)
        }
    };
    let (server, tool) = before;
    let key = format!("tool/{server}/{tool}");
    let set = |mode| TrayAction::SetToolMode { server: server.clone(), tool: tool.clone(), mode };
    check(key, text, checked, [set(mode_when_on), set(Mode::Off)])
}

/// The title of each tool where it has one of its own, and its name beside a title that another
/// tool has too.
fn tool_labels(tools: &[ToolView]) -> Vec<String> {
    let title = |tool: &ToolView| {
        let title = clip(tool.title.as_deref().unwrap_or_default(), NAME_LENGTH);
        if title.is_empty() { clip(tool.name.as_str(), NAME_LENGTH) } else { title }
    };
    let mut uses: HashMap<String, usize> = HashMap::new();
    for tool in tools {
        *uses.entry(title(tool)).or_default() += 1;
    }
    tools
        .iter()
        .map(|tool| match title(tool) {
            title if uses[&title] > 1 => {
                format!("{title} ({})", clip(tool.name.as_str(), NAME_LENGTH))
            }
            title => title,
        })
        .collect()
}

pub(super) fn line(key: impl Into<String>, text: impl Into<String>) -> Entry {
    Entry::Line { key: key.into(), text: text.into() }
}

pub(super) fn command(
    key: impl Into<String>,
    text: impl Into<String>,
    action: TrayAction,
) -> Entry {
    Entry::Command { key: key.into(), text: text.into(), action }
}

fn check(
    key: impl Into<String>,
    text: impl Into<String>,
    checked: bool,
    [on, off]: [TrayAction; 2],
) -> Entry {
    Entry::Check { key: key.into(), text: text.into(), checked, on, off }
}
