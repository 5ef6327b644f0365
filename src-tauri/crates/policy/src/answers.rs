//! Remembered answers: this app may use this tool without being asked.
//!
//! The table is swapped whole when an answer is given or taken back, so that a call looks into it
//! without a lock, and what is taken back counts from the next look on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use drawbridge_model::{ClientName, ServerName, ToolName};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::Fingerprint;

/// Whom and what an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Use {
    /// The app.
    pub client: ClientName,
    /// The server.
    pub server: ServerName,
    /// The tool, as its server names it.
    pub tool: ToolName,
}

/// How long an answer is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Until the app's session with this key ends.
    Session(u64),
    /// Until it is taken back or lapses.
    Always,
}

/// One remembered answer.
#[derive(Debug)]
pub struct Remembered {
    /// Names it in this run.
    pub id: u64,
    /// Whom and what it is about.
    pub about: Use,
    /// How long it lasts.
    pub lasts: Lasts,
    /// The tool it was given for.
    pub fingerprint: Fingerprint,
    /// When it was given, in milliseconds since 1970 (UTC).
    pub given_at: i64,
    last_used: AtomicI64,
    used: AtomicU32,
}

impl Remembered {
    /// A call runs because of it, at this time in milliseconds since 1970 (UTC).
    pub fn touch(&self, now: i64) {
        self.last_used.store(now, Ordering::Relaxed);
        self.used.fetch_add(1, Ordering::Relaxed);
    }

    /// When a call last ran because of it, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn last_used(&self) -> Option<i64> {
        Some(self.last_used.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// How many calls ran because of it.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}

/// What outlives a restart: answers that last always, and how often each app was allowed what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptAnswers {
    answers: Vec<KeptAnswer>,
    allowed: Vec<(Use, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptAnswer {
    #[serde(flatten)]
    about: Use,
    fingerprint: Fingerprint,
    given_at: i64,
    last_used: Option<i64>,
    used: u32,
}

type Table = HashMap<ClientName, HashMap<ServerName, HashMap<ToolName, Vec<Arc<Remembered>>>>>;

/// All remembered answers.
#[derive(Debug)]
pub struct Answers {
    table: ArcSwap<Table>,
    /// How often the person allowed a use, remembered or once. Also who may change the table.
    allowed: Mutex<HashMap<Use, u32>>,
    next: AtomicU64,
    changed: watch::Sender<u64>,
}

impl Default for Answers {
    fn default() -> Self {
        Self::restored(KeptAnswers::default())
    }
}

impl Answers {
    /// Those that were kept over a restart.
    #[must_use]
    pub fn restored(kept: KeptAnswers) -> Self {
        let answers = Self {
            table: ArcSwap::default(),
            allowed: Mutex::new(kept.allowed.into_iter().collect()),
            next: AtomicU64::new(1),
            changed: watch::Sender::new(0),
        };
        for kept in kept.answers {
            let remembered = Remembered {
                last_used: AtomicI64::new(kept.last_used.unwrap_or_default()),
                used: AtomicU32::new(kept.used),
                ..answers.made(kept.about, Lasts::Always, kept.fingerprint, kept.given_at)
            };
            answers.insert(remembered);
        }
        answers
    }

    /// What is to be kept over a restart.
    #[must_use]
    pub fn kept(&self) -> KeptAnswers {
        let mut answers: Vec<_> = self
            .all()
            .iter()
            .filter(|remembered| remembered.lasts == Lasts::Always)
            .map(|remembered| KeptAnswer {
                about: remembered.about.clone(),
                fingerprint: remembered.fingerprint,
                given_at: remembered.given_at,
                last_used: remembered.last_used(),
                used: remembered.used(),
            })
            .collect();
        answers.sort_by(|left, right| left.about.cmp(&right.about));
        let counts = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut allowed: Vec<_> =
            counts.iter().map(|(about, count)| (about.clone(), *count)).collect();
        allowed.sort();
        KeptAnswers { answers, allowed }
    }

    /// The same, with one more that lasts always.
    #[must_use]
    pub fn kept_with(&self, about: &Use, fingerprint: Fingerprint, now: i64) -> KeptAnswers {
        let mut kept = self.kept();
        kept.answers.retain(|known| known.about != *about);
        kept.answers.push(KeptAnswer {
            about: about.clone(),
            fingerprint,
            given_at: now,
            last_used: None,
            used: 0,
        });
        kept
    }

    /// The answer that lets this session of an app use this very tool.
    #[must_use]
    pub fn letting(
        &self,
        client: &str,
        session: u64,
        server: &str,
        tool: &str,
        fingerprint: Fingerprint,
    ) -> Option<Arc<Remembered>> {
        let table = self.table.load();
        let answers = table.get(client)?.get(server)?.get(tool)?;
        let fits = |remembered: &&Arc<Remembered>| {
            remembered.fingerprint == fingerprint
                && match remembered.lasts {
                    Lasts::Session(key) => key == session,
                    Lasts::Always => true,
                }
        };
        answers.iter().find(fits).cloned()
    }

    /// Remembers an answer, in place of one for the same use that lasts as long. The time is in
    /// milliseconds since 1970 (UTC).
    pub fn remember(&self, about: Use, lasts: Lasts, fingerprint: Fingerprint, now: i64) {
        self.insert(self.made(about, lasts, fingerprint, now));
    }

    /// The person allowed a use.
    pub fn count(&self, about: &Use) {
        {
            let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
            match allowed.get_mut(about) {
                Some(count) => *count = count.saturating_add(1),
                None => drop(allowed.insert(about.clone(), 1)),
            }
        }
        self.changed.send_modify(|revision| *revision += 1);
    }

    /// How often the person allowed a use.
    #[must_use]
    pub fn allowed_before(&self, about: &Use) -> u32 {
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        allowed.get(about).copied().unwrap_or_default()
    }

    /// Whether this very answer is remembered already.
    #[must_use]
    pub fn has(&self, about: &Use, lasts: Lasts, fingerprint: Fingerprint) -> bool {
        self.all().iter().any(|known| {
            known.lasts == lasts && known.fingerprint == fingerprint && known.about == *about
        })
    }

    /// Takes those answers back that the closure picks, and gives them.
    pub fn take_back(&self, pick: impl Fn(&Remembered) -> bool) -> Vec<Arc<Remembered>> {
        let mut taken = Vec::new();
        let found = self.all().iter().any(|remembered| pick(remembered));
        if found {
            self.change(|table| {
                let tools = table.values_mut().flat_map(HashMap::values_mut);
                for answers in tools.flat_map(HashMap::values_mut) {
                    taken.extend(answers.extract_if(.., |remembered| pick(remembered)));
                }
            });
        }
        taken
    }

    /// A session ended, and its answers with it.
    pub fn end_session(&self, key: u64) {
        self.take_back(|remembered| remembered.lasts == Lasts::Session(key));
    }

    /// All of them, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Remembered>> {
        let table = self.table.load();
        let tools = table.values().flat_map(HashMap::values).flat_map(HashMap::values);
        tools.flatten().cloned().collect()
    }

    /// Grows with each answer that is given or taken back.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn made(&self, about: Use, lasts: Lasts, fingerprint: Fingerprint, now: i64) -> Remembered {
        Remembered {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            about,
            lasts,
            fingerprint,
            given_at: now,
            last_used: AtomicI64::new(0),
            used: AtomicU32::new(0),
        }
    }

    fn insert(&self, remembered: Remembered) {
        let Use { client, server, tool } = remembered.about.clone();
        self.change(|table| {
            let of_client = table.entry(client).or_default();
            let answers = of_client.entry(server).or_default().entry(tool).or_default();
            answers.retain(|known| known.lasts != remembered.lasts);
            answers.push(Arc::new(remembered));
        });
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        {
            // One at a time, so that none is lost.
            let _alone = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
            let mut table = Table::clone(&self.table.load());
            change(&mut table);
            self.table.store(Arc::new(table));
        }
        self.changed.send_modify(|revision| *revision += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(client: &str, tool: &str) -> Use {
        Use {
            client: ClientName::new(client).expect("a plain name"),
            server: ServerName::new("files").expect("a plain name"),
            tool: ToolName::new(tool).expect("a plain name"),
        }
    }

    fn print(text: &str) -> Fingerprint {
        Fingerprint::of([text.as_bytes()])
    }

    #[test]
    fn an_answer_holds_for_one_app_one_tool_and_what_the_tool_was() {
        let answers = Answers::default();
        answers.remember(about("editor", "write"), Lasts::Always, print("v1"), 5);
        let lets = |client, server, tool, version| {
            answers.letting(client, 9, server, tool, print(version)).is_some()
        };
        assert!(lets("editor", "files", "write", "v1"));
        assert!(!lets("editor", "files", "write", "v2"), "the tool changed");
        assert!(!lets("editor", "files", "read", "v1"));
        assert!(!lets("editor", "mail", "write", "v1"));
        assert!(!lets("chat", "files", "write", "v1"));
    }

    #[test]
    fn an_answer_for_a_session_ends_with_it() {
        let answers = Answers::default();
        answers.remember(about("editor", "write"), Lasts::Session(7), print("v1"), 5);
        let lets = |key| answers.letting("editor", key, "files", "write", print("v1")).is_some();
        assert!(lets(7) && !lets(8));
        answers.end_session(8);
        assert!(lets(7));
        answers.end_session(7);
        assert!(!lets(7));
    }

    #[test]
    fn what_is_taken_back_does_not_hold_and_the_rest_does() {
        let answers = Answers::default();
        answers.remember(about("editor", "write"), Lasts::Always, print("v1"), 5);
        answers.remember(about("editor", "write"), Lasts::Session(7), print("v1"), 6);
        answers.remember(about("chat", "write"), Lasts::Always, print("v1"), 7);
        let mut changes = answers.changes();
        changes.mark_unchanged();
        assert!(answers.take_back(|remembered| remembered.id == 99).is_empty());
        assert!(!changes.has_changed().expect("it is there"), "nothing changed");
        let taken = answers.take_back(|remembered| remembered.about.client.as_str() == "editor");
        assert_eq!(taken.len(), 2);
        assert!(changes.has_changed().expect("it is there"));
        assert!(answers.letting("editor", 7, "files", "write", print("v1")).is_none());
        assert!(answers.letting("chat", 7, "files", "write", print("v1")).is_some());
    }

    #[test]
    fn a_newer_answer_takes_the_place_of_the_older_one() {
        let answers = Answers::default();
        answers.remember(about("editor", "write"), Lasts::Always, print("v1"), 5);
        answers.remember(about("editor", "write"), Lasts::Always, print("v2"), 6);
        assert_eq!(answers.all().len(), 1);
        assert!(answers.letting("editor", 1, "files", "write", print("v1")).is_none());
    }

    #[test]
    fn what_lasts_always_comes_back_after_a_restart_with_its_use() {
        let answers = Answers::default();
        answers.remember(about("editor", "write"), Lasts::Always, print("v1"), 5);
        answers.remember(about("editor", "read"), Lasts::Session(1), print("v1"), 5);
        answers.count(&about("editor", "write"));
        answers.letting("editor", 1, "files", "write", print("v1")).expect("it holds").touch(77);
        let json = serde_json::to_string(&answers.kept()).expect("it is written");
        let back = Answers::restored(serde_json::from_str(&json).expect("it is read"));
        assert_eq!(back.kept(), answers.kept());
        let again = back.letting("editor", 9, "files", "write", print("v1")).expect("it holds");
        assert_eq!((again.used(), again.last_used(), again.given_at), (1, Some(77), 5));
        assert!(back.letting("editor", 1, "files", "read", print("v1")).is_none());
        assert_eq!(back.allowed_before(&about("editor", "write")), 1);
    }
}
