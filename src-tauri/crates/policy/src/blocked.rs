//! What was stopped because it held a key or token, and what of it the person lets through once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use drawbridge_model::{ClientName, ServerName};
use tokio::sync::watch;

use crate::Fingerprint;

/// Most entries that are remembered. An older one makes room.
const MOST: usize = 50;
/// How long something that was let through once may take to come again: ten minutes, in
/// milliseconds.
const LET_THROUGH_FOR: i64 = 10 * 60 * 1000;

/// Which way content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the server, as arguments.
    Arguments,
    /// To the app, as a result.
    Result,
}

/// Content as far as the person decides about it: who sends what to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The app.
    pub client: ClientName,
    /// The server.
    pub server: ServerName,
    /// The tool, prompt or resource, as its server names it.
    pub subject: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Stands for the secrets in it, not for the rest.
    pub secrets: Fingerprint,
}

/// Content that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Names it in this run.
    pub id: u64,
    /// Who sent what to whom.
    pub content: Content,
    /// What the secrets look like, in words such as "a GitHub token", each once.
    pub looks_like: Vec<&'static str>,
    /// When it was stopped last, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// Until when the same may cross once, in milliseconds since 1970 (UTC).
    pub let_through_until: Option<i64>,
}

/// What was stopped in this run.
#[derive(Debug)]
pub struct Blocked {
    list: Mutex<List>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct List {
    last: u64,
    /// The newest first.
    stopped: VecDeque<Stopped>,
}

impl Default for Blocked {
    fn default() -> Self {
        Self { list: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Blocked {
    /// Remembers that content was stopped. The same again is one entry.
    pub fn stopped(&self, content: Content, looks_like: Vec<&'static str>, at: i64) {
        let mut list = self.lock();
        list.last += 1;
        let id = list.last;
        list.stopped.retain(|stopped| stopped.content != content);
        list.stopped.push_front(Stopped { id, content, looks_like, at, let_through_until: None });
        list.stopped.truncate(MOST);
        drop(list);
        self.tell();
    }

    /// Whether content may cross although it holds secrets, because the person let the same through
    /// once. That is used up by asking.
    #[must_use]
    pub fn lets_through(&self, content: &Content, now: i64) -> bool {
        let mut list = self.lock();
        let fits = |stopped: &Stopped| {
            stopped.content == *content
                && stopped.let_through_until.is_some_and(|until| now <= until)
        };
        let Some(index) = list.stopped.iter().position(fits) else { return false };
        list.stopped.remove(index);
        drop(list);
        self.tell();
        true
    }

    /// Lets the same cross once, if it comes again within ten minutes. `false` when there is no such
    /// entry any more.
    pub fn let_through_once(&self, id: u64, now: i64) -> bool {
        let mut list = self.lock();
        let Some(stopped) = list.stopped.iter_mut().find(|stopped| stopped.id == id) else {
            return false;
        };
        stopped.let_through_until = Some(now.saturating_add(LET_THROUGH_FOR));
        drop(list);
        self.tell();
        true
    }

    /// Forgets an entry; what was let through by it is not any more.
    pub fn dismiss(&self, id: u64) {
        self.lock().stopped.retain(|stopped| stopped.id != id);
        self.tell();
    }

    /// All entries, the newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Stopped> {
        self.lock().stopped.iter().cloned().collect()
    }

    /// Grows with each change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(client: &str, secret: &str) -> Content {
        Content {
            client: ClientName::new(client).expect("a plain name"),
            server: ServerName::new("slack").expect("a plain name"),
            subject: "post".into(),
            direction: Direction::Arguments,
            secrets: Fingerprint::of([secret.as_bytes()]),
        }
    }

    #[test]
    fn what_is_let_through_crosses_once_and_only_that() {
        let blocked = Blocked::default();
        let it = content("editor", "one");
        blocked.stopped(it.clone(), vec!["a GitHub token"], 1);
        assert!(!blocked.lets_through(&it, 2), "nobody let it through");
        let id = blocked.all()[0].id;
        assert!(blocked.let_through_once(id, 2));
        for other in [
            content("chat", "one"),
            content("editor", "two"),
            Content { direction: Direction::Result, ..it.clone() },
            Content { subject: "delete".into(), ..it.clone() },
        ] {
            assert!(!blocked.lets_through(&other, 3), "{other:?}");
        }
        assert!(blocked.lets_through(&it, 3));
        assert!(!blocked.lets_through(&it, 3), "once");
        assert!(!blocked.let_through_once(id, 3), "it is gone");
    }

    #[test]
    fn it_has_to_come_again_soon_and_what_is_put_away_lets_nothing_through() {
        let blocked = Blocked::default();
        let it = content("editor", "one");
        blocked.stopped(it.clone(), vec![], 1);
        blocked.let_through_once(1, 0);
        assert!(!blocked.lets_through(&it, LET_THROUGH_FOR + 1), "too late");
        blocked.dismiss(1);
        assert!(!blocked.lets_through(&it, 1));
    }

    #[test]
    fn the_same_again_is_one_entry_and_older_ones_make_room() {
        let blocked = Blocked::default();
        for at in 0..3 {
            blocked.stopped(content("editor", "one"), vec![], at);
        }
        assert_eq!(blocked.all().iter().map(|stopped| stopped.at).collect::<Vec<_>>(), [2]);
        for index in 0..MOST {
            blocked.stopped(content("editor", &index.to_string()), vec![], 9);
        }
        assert_eq!(blocked.all().len(), MOST);
        assert!(blocked.all().iter().all(|stopped| stopped.at == 9));
    }
}
