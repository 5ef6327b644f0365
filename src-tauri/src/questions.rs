//! Lets the person know that a call waits for an answer: the window comes up beside what they are
//! doing, and a notification says who asks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use drawbridge_core::view::QuestionView;

use crate::panel::Wish;
use crate::shell::Shell;
use crate::tray::words;

/// Most characters of a name in a notification.
const NAME_LENGTH: usize = 40;
/// At least between two notifications. The window shows what waits in any case.
const BETWEEN_NOTIFICATIONS: Duration = Duration::from_secs(3);

/// Follows the questions until the engine is gone.
pub(crate) async fn follow(shell: Shell) {
    let mut snapshots = shell.engine().snapshots();
    let mut known = BTreeSet::new();
    let mut notified: Option<Instant> = None;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let waiting: BTreeSet<u64> = snapshot.questions.iter().map(|asked| asked.id).collect();
        let new: Vec<_> = snapshot.questions.iter().filter(|a| !known.contains(&a.id)).collect();
        if !new.is_empty() {
            shell.wish(Wish::ShowQuestions);
            // An app that asks and takes back in turns does not fill the screen.
            if notified.is_none_or(|at| at.elapsed() >= BETWEEN_NOTIFICATIONS) {
                shell.notify(&sentence(&new));
                notified = Some(Instant::now());
            }
        } else if waiting.is_empty() && !known.is_empty() {
            shell.wish(Wish::CloseQuestions);
        }
        known = waiting;
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

/// What the notification says. Names are other people's text, and a notification may hold markup
/// (Desktop Notifications Specification 1.2, markup), so its signs are left out.
fn sentence(new: &[&QuestionView]) -> String {
    let plain = |text: &str| words::clip(&text.replace(['<', '>', '&'], " "), NAME_LENGTH);
    match new {
        [one] => format!(
            "{} wants to use {} of {}. Answer in the Drawbridge window.",
            plain(one.client.as_str()),
            plain(one.title.as_deref().unwrap_or(one.tool.as_str())),
            plain(one.server.as_str())
        ),
        several => {
            format!("{} calls wait for your answer in the Drawbridge window.", several.len())
        }
    }
}

/// A question about a tool, for tests.
#[cfg(test)]
pub(crate) fn question(id: u64, tool: &str) -> QuestionView {
    QuestionView {
        id,
        client: "editor".parse().expect("a plain name"),
        client_says: None,
        server: "files".parse().expect("a plain name"),
        tool: tool.parse().expect("a tool's name"),
        title: None,
        description: String::new(),
        claims: drawbridge_core::view::ToolClaims::default(),
        arguments: String::new(),
        asked_at: 0,
        expires_at: 50_000,
        allowed_before: 0,
        every_time: false,
        looks_like: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_says_who_asks_and_holds_no_markup_of_others() {
        let (plain, sly) = (question(1, "write_file"), question(2, "<a href=x>\u{202e}click</a>"));
        assert_eq!(
            sentence(&[&plain]),
            "editor wants to use write_file of files. Answer in the Drawbridge window."
        );
        let text = sentence(&[&sly]);
        assert!(!text.contains(['<', '>', '&', '\u{202e}']), "{text}");
        assert_eq!(
            sentence(&[&plain, &sly]),
            "2 calls wait for your answer in the Drawbridge window."
        );
    }
}
