//! The words of the tray: one line for each thing a snapshot can say.

use drawbridge_core::view::{GatewayState, ServerView, Snapshot, ToolView};
use drawbridge_model::{Mode, ServerState};

/// Most characters of a name that stands inside a sentence.
const NAME_LENGTH: usize = 32;

/// How it all stands, in one line.
#[must_use]
pub fn status(snapshot: &Snapshot) -> String {
    match (&snapshot.gateway.state, trouble(snapshot)) {
        (GatewayState::Draining, _) => "Quitting".to_owned(),
        (GatewayState::Starting, _) => "Starting…".to_owned(),
        (_, Some(trouble)) if snapshot.paused.is_some() => format!("Paused. Trouble: {trouble}"),
        (_, Some(trouble)) => format!("Trouble: {trouble}"),
        (_, None) if !snapshot.questions.is_empty() => {
            let waiting = snapshot.questions.len();
            let verb = if waiting == 1 { "waits" } else { "wait" };
            format!("{} {verb} for your answer", number(waiting, "call"))
        }
        (_, None) if to_look_at(snapshot) > 0 => {
            let waiting = to_look_at(snapshot);
            let verb = if waiting == 1 { "waits" } else { "wait" };
            let paused = if snapshot.paused.is_some() { "Paused. " } else { "" };
            format!("{paused}{} {verb} until you have looked", number(waiting, "change"))
        }
        (_, None) if snapshot.paused.is_some() => format!("Paused — {}", count(snapshot)),
        (_, None) => format!("Open — {}", count(snapshot)),
    }
}

/// What answering is called, while something waits for it.
#[must_use]
pub fn answer(snapshot: &Snapshot) -> Option<String> {
    let waiting = snapshot.questions.len();
    (waiting > 0).then(|| format!("Answer {}…", number(waiting, "question")))
}

/// What looking at changes is called, while some wait for it.
#[must_use]
pub fn look(snapshot: &Snapshot) -> Option<String> {
    let waiting = to_look_at(snapshot);
    (waiting > 0).then(|| format!("Look at {}…", number(waiting, "change")))
}

/// How many tools and starts of servers wait until the person has looked at them.
#[must_use]
pub fn to_look_at(snapshot: &Snapshot) -> usize {
    let enabled = || snapshot.servers.iter().filter(|server| server.enabled);
    let starts = enabled().filter(|server| server.start_waits).count();
    starts + enabled().flat_map(|server| &server.tools).filter(|tool| is_held(tool)).count()
}

/// Whether a tool waits until the person has looked at it. One that is off has no need to.
#[must_use]
pub fn is_held(tool: &ToolView) -> bool {
    tool.held.is_some() && tool.mode != Mode::Off
}

/// How much is offered: servers that are to run, and their tools that are not off.
#[must_use]
pub fn count(snapshot: &Snapshot) -> String {
    let enabled = || snapshot.servers.iter().filter(|server| server.enabled);
    let tools = enabled().flat_map(|server| &server.tools);
    let tools = tools.filter(|tool| tool.mode != Mode::Off).count();
    format!("{}, {}", number(enabled().count(), "server"), number(tools, "tool"))
}

/// What is wrong, the worst first, or nothing.
#[must_use]
pub fn trouble(snapshot: &Snapshot) -> Option<String> {
    if snapshot.record_problem.is_some() {
        return Some("calls cannot be recorded, so none may cross".to_owned());
    }
    match &snapshot.gateway.state {
        GatewayState::PortInUse { holder, .. } => {
            let by =
                holder.as_deref().map_or("another program".to_owned(), |h| clip(h, NAME_LENGTH));
            return Some(format!("port {} is used by {by}", snapshot.gateway.port));
        }
        GatewayState::Failed { .. } => return Some("apps cannot connect".to_owned()),
        GatewayState::Starting | GatewayState::Listening | GatewayState::Draining => {}
    }
    let silent: Vec<_> = snapshot.servers.iter().filter(|server| is_silent(server)).collect();
    match silent.as_slice() {
        [] => {}
        [one] => return Some(format!("{} is not answering", clip(one.name.as_str(), NAME_LENGTH))),
        several => return Some(format!("{} are not answering", number(several.len(), "server"))),
    }
    snapshot.config.problem.as_ref().map(|_| "the config file has an error".to_owned())
}

fn is_silent(server: &ServerView) -> bool {
    server.enabled && matches!(server.state, ServerState::Waiting { .. } | ServerState::Failed)
}

/// A server's name, and how it stands where that is not as it should be.
#[must_use]
pub fn server_name(server: &ServerView) -> String {
    let name = clip(server.name.as_str(), NAME_LENGTH);
    let state = match server.state {
        _ if !server.enabled => "off",
        _ if server.start_waits => "waits for you",
        ServerState::Ready { .. } if server.paused.is_some() => "paused",
        ServerState::Ready { .. } => return name,
        ServerState::Stopped => "stopped",
        ServerState::Starting { .. } => "starting",
        ServerState::Waiting { .. } | ServerState::Failed => "not answering",
        ServerState::Stopping => "stopping",
    };
    format!("{name} — {state}")
}

/// What a server is doing, in one line.
#[must_use]
pub fn server_state(server: &ServerView) -> String {
    match &server.state {
        _ if !server.enabled => "Switched off".to_owned(),
        _ if server.start_waits => "Waits until you have looked at how it is started".to_owned(),
        ServerState::Ready { .. } if server.paused.is_some() => "Paused".to_owned(),
        ServerState::Stopped => "Stopped".to_owned(),
        ServerState::Starting { .. } => "Starting…".to_owned(),
        ServerState::Ready { .. } => {
            let off = server.tools.iter().filter(|tool| tool.mode == Mode::Off).count();
            match (server.tools.len(), off) {
                (all, 0) => format!("Running — {}", number(all, "tool")),
                (all, off) => format!("Running — {}, {off} off", number(all, "tool")),
            }
        }
        ServerState::Waiting { attempt, .. } => {
            format!("Not answering — will be tried again (failed {})", times(*attempt))
        }
        ServerState::Stopping => "Stopping…".to_owned(),
        ServerState::Failed => "Not answering — given up until started again".to_owned(),
    }
}

/// Why no tool of a server is listed.
#[must_use]
pub fn no_tools(server: &ServerView) -> &'static str {
    match server.state {
        ServerState::Ready { .. } => "It offers no tools",
        _ => "Its tools stand here once it answers",
    }
}

fn number(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Somebody else's text as one short line: blanks for control characters, nothing that cannot be
/// seen, an ellipsis where it was cut.
#[must_use]
pub fn clip(text: &str, most: usize) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    let line: String = seen.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut cut: String = line.chars().take(most - 1).collect();
    cut.push('…');
    cut
}

/// Zero-width and bidirectional characters (Unicode Technical Report 36, section 2.6).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2028}'..='\u{2029}'
        | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{061C}' | '\u{00AD}')
}
