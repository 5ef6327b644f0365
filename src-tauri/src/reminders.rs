//! Lets the person know what waits for their eyes: tools that are held back, servers that wait to
//! be started, and pauses that are left over from before.

use std::collections::BTreeSet;

use drawbridge_core::view::{PauseView, Snapshot};
use drawbridge_model::ServerState;

use crate::shell::Shell;
use crate::tray::words;

/// Most characters of a name in a notification.
const NAME_LENGTH: usize = 40;

/// Follows the snapshots until the engine is gone.
pub(crate) async fn follow(shell: Shell) {
    let mut snapshots = shell.engine().snapshots();
    let mut known = BTreeSet::new();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let waiting = waiting(&snapshot);
        let new: Vec<_> = waiting.difference(&known).collect();
        if let Some(sentence) = sentence(&new) {
            shell.notify(&sentence);
        }
        // What goes and comes back, as a server does that is started again, is told once; what the
        // person has looked at is told again when it changes again.
        known.retain(|waits| waiting.contains(waits) || !is_settled(waits, &snapshot));
        known.extend(waiting);
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

/// Something that waits for the person's eyes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    Paused,
    Start(String),
    Tool(String, String),
}

/// Whether nothing is left to look at, since the server runs without it or is gone.
fn is_settled(waits: &Waits, snapshot: &Snapshot) -> bool {
    let (Waits::Start(name) | Waits::Tool(name, _)) = waits else { return true };
    let server = snapshot.servers.iter().find(|server| server.name.as_str() == name);
    server.is_none_or(|server| matches!(server.state, ServerState::Ready { .. }))
}

fn waiting(snapshot: &Snapshot) -> BTreeSet<Waits> {
    let mut waiting = BTreeSet::new();
    let left_over = |pause: &Option<PauseView>| pause.is_some_and(|pause| pause.from_before);
    if left_over(&snapshot.paused)
        || snapshot.servers.iter().any(|server| left_over(&server.paused))
        || snapshot.clients.iter().any(|client| left_over(&client.paused))
    {
        waiting.insert(Waits::Paused);
    }
    for server in &snapshot.servers {
        let name = server.name.to_string();
        if server.start_waits && server.enabled {
            waiting.insert(Waits::Start(name.clone()));
        }
        let held = server.tools.iter().filter(|tool| words::is_held(tool));
        waiting.extend(held.map(|tool| Waits::Tool(name.clone(), tool.name.to_string())));
    }
    waiting
}

/// What a notification says of what is new. Names are other people's text, and a notification may
/// hold markup (Desktop Notifications Specification 1.2, markup), so its signs are left out.
fn sentence(new: &[&Waits]) -> Option<String> {
    let plain = |text: &str| words::clip(&text.replace(['<', '>', '&'], " "), NAME_LENGTH);
    let starts: Vec<_> = new.iter().filter(|waits| matches!(waits, Waits::Start(_))).collect();
    let tools: Vec<_> = new.iter().filter(|waits| matches!(waits, Waits::Tool(..))).collect();
    Some(match (starts.as_slice(), tools.as_slice()) {
        ([], []) if new.is_empty() => return None,
        ([], []) => "Still paused from before. Resume in the Drawbridge tray icon or panel.".into(),
        ([Waits::Start(server)], []) => format!(
            "{} was added or changed. It waits until you have looked in the Drawbridge panel.",
            plain(server)
        ),
        ([], [Waits::Tool(server, tool)]) => format!(
            "{} of {} is new or changed. Apps cannot use it until you have looked in the Drawbridge \
             panel.",
            plain(tool),
            plain(server)
        ),
        ([], several) => format!(
            "{} tools are new or changed. Apps cannot use them until you have looked in the \
             Drawbridge panel.",
            several.len()
        ),
        _ => "Servers and tools were changed. They wait until you have looked in the Drawbridge \
              panel."
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_waits_is_told_in_a_sentence() {
        let tool = |name: &str| Waits::Tool("files".into(), name.into());
        let start = Waits::Start("<b>files</b>".into());
        for (new, begins) in [
            (vec![], None),
            (vec![Waits::Paused], Some("Still paused from before.")),
            (vec![start.clone()], Some("b files /b was added or changed.")),
            (vec![tool("write")], Some("write of files is new or changed.")),
            (vec![tool("write"), tool("read")], Some("2 tools are new or changed.")),
            (vec![start, tool("read")], Some("Servers and tools were changed.")),
        ] {
            let said = sentence(&new.iter().collect::<Vec<_>>());
            match (&said, begins) {
                (None, None) => {}
                (Some(said), Some(begins)) => assert!(said.starts_with(begins), "{said}"),
                _ => panic!("{said:?} for {new:?}"),
            }
        }
    }
}
