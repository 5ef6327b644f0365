//! The tools that were seen, for a computer where nobody can be asked: listed from the data folder,
//! and accepted by a file that the engine takes up, at once where it runs and else at its start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use drawbridge_audit::read_pins;
use drawbridge_model::{Problem, ServerName, ToolName};
use drawbridge_policy::{Fingerprint, ServerPins, Why};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::atomic_write;
use crate::config::FileWatch;
use crate::controller::{Controller, Event};
use crate::paths::Paths;

/// A tool and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedTool {
    /// Its server.
    pub server: ServerName,
    /// The tool.
    pub tool: ToolName,
    /// How it stands.
    pub state: PinState,
}

/// How a tool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinState {
    /// It was seen as it is.
    Known,
    /// It is held back: it came later.
    New,
    /// It is held back: it is not what was seen.
    Changed,
    /// It is held back for what its server says of it.
    Found,
}

impl fmt::Display for PinState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Known => "known",
            Self::New => "new",
            Self::Changed => "changed",
            Self::Found => "found",
        })
    }
}

/// What is accepted and not taken up yet.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Accepted(BTreeMap<ServerName, BTreeMap<ToolName, Fingerprint>>);

/// All tools that were seen or are held back, by server and name.
///
/// # Errors
/// When there is no data folder yet, or it cannot be read.
pub async fn list(paths: &Paths) -> Result<Vec<PinnedTool>, Problem> {
    let mut all = Vec::new();
    for (server, pins) in read(paths).await? {
        let known = pins.tools.keys().filter(|tool| !pins.held.contains_key(*tool));
        let known = known.map(|tool| (tool.clone(), PinState::Known));
        let held = pins.held.iter().map(|(tool, held)| {
            let state = match held.why {
                Why::New => PinState::New,
                Why::Changed => PinState::Changed,
                Why::Found => PinState::Found,
            };
            (tool.clone(), state)
        });
        let tools: BTreeMap<_, _> = known.chain(held).collect();
        all.extend(tools.into_iter().map(|(tool, state)| PinnedTool {
            server: server.clone(),
            tool,
            state,
        }));
    }
    Ok(all)
}

/// Accepts the tools that are held back: all, those of one server, or one, each as it is now. Gives
/// those that were.
///
/// # Errors
/// When the data folder cannot be read or written.
pub async fn accept(
    paths: &Paths,
    server: Option<&ServerName>,
    tool: Option<&ToolName>,
) -> Result<Vec<(ServerName, ToolName)>, Problem> {
    let mut accepted = read_accepted(&file(paths));
    let mut told = Vec::new();
    for (name, pins) in read(paths).await? {
        if server.is_some_and(|wanted| *wanted != name) {
            continue;
        }
        for (held, now) in &pins.held {
            if tool.is_none_or(|wanted| wanted == held) {
                let of_server = accepted.0.entry(name.clone()).or_default();
                of_server.insert(held.clone(), now.fingerprint);
                told.push((name.clone(), held.clone()));
            }
        }
    }
    if !told.is_empty() {
        let failed =
            |detail: String| Problem::new("What was accepted could not be written.", detail);
        let text = serde_json::to_string(&accepted).map_err(|error| failed(error.to_string()))?;
        let file = file(paths);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        atomic_write::write(&file, text.as_bytes()).map_err(|error| error.problem())?;
    }
    Ok(told)
}

/// Takes up what is accepted by command, from now on until `stop`.
pub(crate) async fn follow(paths: Paths, controller: Controller, stop: CancellationToken) {
    let file = file(&paths);
    if let Some(folder) = file.parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        tracing::warn!(%error, "what is accepted by command is taken up at the next start only");
    }
    let (mut watch, mut looks) = FileWatch::new();
    watch.follow(&file);
    loop {
        // Set aside first: what is accepted meanwhile is taken up at the next look.
        let taken = file.with_extension("taken");
        match std::fs::rename(&file, &taken) {
            Ok(()) => {
                for (server, tools) in read_accepted(&taken).0 {
                    let tools = tools.into_iter().collect();
                    controller.tell(Event::ToolsAccepted { server, tools }).await;
                }
                if let Err(error) = std::fs::remove_file(&taken) {
                    tracing::warn!(%error, "what was accepted by command could not be put away");
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "what is accepted by command is not taken up"),
        }
        tokio::select! {
            look = looks.recv() => if look.is_none() { return },
            () = stop.cancelled() => return,
        }
    }
}

async fn read(paths: &Paths) -> Result<BTreeMap<ServerName, ServerPins>, Problem> {
    let unreadable = |detail: String| {
        Problem::new(
            format!(
                "No tools are known in {}. Start the engine with this data folder first.",
                paths.data_dir.display()
            ),
            detail,
        )
    };
    read_pins(&paths.data_dir).await.map_err(|error| unreadable(error.to_string()))
}

/// What was accepted. A file that cannot be read accepts nothing.
fn read_accepted(file: &Path) -> Accepted {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// In a folder of its own kind of traffic: the database's would wake a watcher at each call.
fn file(paths: &Paths) -> PathBuf {
    paths.state_dir().join("accepted-tools.json")
}
