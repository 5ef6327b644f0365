//! Calls that wait for the person's answer.
//!
//! A call hands its question in and waits; whoever shows the questions answers them by their
//! number. A call that leaves takes its question with it, and each question is answered once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_model::ClientName;
use tokio::sync::{oneshot, watch};

use crate::answers::Use;
use crate::{Fingerprint, Refusal};

/// Most questions of one app that wait. One more is refused: whoever floods the person with
/// questions hopes for an answer that was not thought about.
pub const WAITING_PER_CLIENT: usize = 10;

/// What the person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// This call may run.
    AllowOnce,
    /// This app may use this tool until its session ends.
    AllowForSession,
    /// This app may use this tool until the answer is taken back or lapses.
    AlwaysAllow,
    /// This call may not run.
    Deny,
    /// This call may not run, and the tool is switched off.
    DenyAndSwitchOff,
}

/// A call as the person is asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whom and what it is about.
    pub about: Use,
    /// What the app calls itself.
    pub client_says: Option<String>,
    /// The key of the app's session.
    pub session: u64,
    /// The tool as it is now; `None` when its server does not tell.
    pub fingerprint: Option<Fingerprint>,
    /// The tool is one about which the person is asked every time: an answer counts once.
    pub every_time: bool,
    /// The arguments as raw JSON, whole.
    pub arguments: Option<Box<str>>,
    /// What seems to be secret in them, in words such as "a GitHub token", each once.
    pub looks_like: Vec<&'static str>,
    /// When it was asked, in milliseconds since 1970 (UTC).
    pub asked_at: i64,
    /// When it is denied by itself, in milliseconds since 1970 (UTC).
    pub expires_at: i64,
}

/// All questions that wait.
#[derive(Debug)]
pub struct Questions {
    /// Whether there is somebody to ask.
    attended: bool,
    desk: Mutex<Desk>,
    changed: watch::Sender<u64>,
    rules: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Desk {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    question: Arc<Question>,
    answer: oneshot::Sender<Answer>,
}

impl Questions {
    /// No questions yet. Where nobody is there to ask, none is taken.
    #[must_use]
    pub fn new(attended: bool) -> Self {
        Self {
            attended,
            desk: Mutex::default(),
            changed: watch::Sender::new(0),
            rules: watch::Sender::new(0),
        }
    }

    /// Hands a question in.
    ///
    /// # Errors
    /// [`Refusal::NobodyToAsk`], or [`Refusal::TooManyQuestions`] of the same app.
    pub fn ask(self: &Arc<Self>, question: Question) -> Result<Asked, Refusal> {
        if !self.attended {
            return Err(Refusal::NobodyToAsk);
        }
        let (answer, answered) = oneshot::channel();
        let mut rules = self.rules.subscribe();
        rules.mark_unchanged();
        let id = {
            let mut desk = self.lock();
            if desk.of(&question.about.client) >= WAITING_PER_CLIENT {
                return Err(Refusal::TooManyQuestions);
            }
            desk.last += 1;
            let id = desk.last;
            desk.waiting.insert(id, Waiting { question: Arc::new(question), answer });
            id
        };
        self.tell();
        Ok(Asked { id, answered, rules, among: Arc::clone(self) })
    }

    /// Takes a question off the desk to answer it. Whoever takes it drops it only to deny it.
    #[must_use]
    pub fn take(&self, id: u64) -> Option<Taken> {
        let Waiting { question, answer } = self.lock().waiting.remove(&id)?;
        self.tell();
        Some(Taken { question, answer })
    }

    /// Those that wait, the oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<(u64, Arc<Question>)> {
        let desk = self.lock();
        desk.waiting.iter().map(|(id, waiting)| (*id, Arc::clone(&waiting.question))).collect()
    }

    /// Grows with each question that comes or goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Switches or remembered answers changed: calls that wait may be decided without an answer.
    pub fn rules_changed(&self) {
        self.rules.send_modify(|revision| *revision += 1);
    }

    fn tell(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn of(&self, client: &ClientName) -> usize {
        self.waiting.values().filter(|waiting| waiting.question.about.client == *client).count()
    }
}

/// A question that was taken off the desk. Dropped, it is denied.
#[derive(Debug)]
pub struct Taken {
    /// What was asked.
    pub question: Arc<Question>,
    answer: oneshot::Sender<Answer>,
}

impl Taken {
    /// Answers it. `false` when its call left meanwhile.
    pub fn answer(self, answer: Answer) -> bool {
        self.answer.send(answer).is_ok()
    }
}

/// The waiting call's side. Dropped, the question is withdrawn.
#[derive(Debug)]
pub struct Asked {
    id: u64,
    answered: oneshot::Receiver<Answer>,
    rules: watch::Receiver<u64>,
    among: Arc<Questions>,
}

/// What a waiting call hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The person's answer. Nothing follows it.
    Answer(Answer),
    /// Switches or remembered answers changed.
    RulesChanged,
}

impl Asked {
    /// Waits for the answer, or for a change of the rules. Cancel-safe.
    pub async fn next(&mut self) -> Heard {
        tokio::select! {
            biased;
            answer = &mut self.answered => Heard::Answer(answer.unwrap_or(Answer::Deny)),
            Ok(()) = self.rules.changed() => Heard::RulesChanged,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.among.lock().waiting.remove(&self.id).is_some() {
            self.among.tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_model::{ServerName, ToolName};

    use super::*;

    fn question(client: &str) -> Question {
        Question {
            about: Use {
                client: ClientName::new(client).expect("a plain name"),
                server: ServerName::new("files").expect("a plain name"),
                tool: ToolName::new("write").expect("a plain name"),
            },
            client_says: None,
            session: 1,
            fingerprint: None,
            every_time: false,
            arguments: None,
            looks_like: Vec::new(),
            asked_at: 0,
            expires_at: 50_000,
        }
    }

    #[tokio::test]
    async fn a_question_is_answered_once_and_by_its_number() {
        let questions = Arc::new(Questions::new(true));
        let mut first = questions.ask(question("editor")).expect("there is room");
        let mut second = questions.ask(question("editor")).expect("there is room");
        let ids: Vec<u64> = questions.waiting().iter().map(|(id, _)| *id).collect();
        assert!(questions.take(ids[1]).expect("it waits").answer(Answer::AlwaysAllow));
        assert!(questions.take(ids[1]).is_none(), "it is answered");
        assert_eq!(second.next().await, Heard::Answer(Answer::AlwaysAllow));
        drop(questions.take(ids[0]).expect("it waits"));
        assert_eq!(first.next().await, Heard::Answer(Answer::Deny), "let go is denied");
        assert!(questions.waiting().is_empty());
    }

    #[tokio::test]
    async fn a_call_that_leaves_takes_its_question_along() {
        let questions = Arc::new(Questions::new(true));
        let asked = questions.ask(question("editor")).expect("there is room");
        let mut changes = questions.changes();
        changes.mark_unchanged();
        drop(asked);
        assert!(changes.has_changed().expect("it is there"));
        assert!(questions.waiting().is_empty());
        let asked = questions.ask(question("editor")).expect("there is room");
        let taken = questions.take(questions.waiting()[0].0).expect("it waits");
        drop(asked);
        assert!(!taken.answer(Answer::AllowOnce), "nobody waits for it any more");
    }

    #[tokio::test]
    async fn changed_rules_are_heard_and_an_answer_comes_first() {
        let questions = Arc::new(Questions::new(true));
        questions.rules_changed();
        let mut asked = questions.ask(question("editor")).expect("there is room");
        questions.rules_changed();
        assert_eq!(asked.next().await, Heard::RulesChanged);
        questions.rules_changed();
        assert!(questions.take(1).expect("it waits").answer(Answer::AllowOnce));
        assert_eq!(asked.next().await, Heard::Answer(Answer::AllowOnce));
    }

    #[test]
    fn an_app_cannot_flood_the_person_and_does_not_keep_others_out() {
        let questions = Arc::new(Questions::new(true));
        let asked: Vec<_> = (0..WAITING_PER_CLIENT)
            .map(|_| questions.ask(question("editor")).expect("there is room"))
            .collect();
        assert_eq!(questions.ask(question("editor")).err(), Some(Refusal::TooManyQuestions));
        assert!(questions.ask(question("chat")).is_ok());
        drop(asked);
        assert!(questions.ask(question("editor")).is_ok());
    }

    #[test]
    fn where_nobody_is_there_nothing_is_asked() {
        let questions = Arc::new(Questions::new(false));
        assert_eq!(questions.ask(question("editor")).err(), Some(Refusal::NobodyToAsk));
    }
}
