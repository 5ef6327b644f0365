//! What is put on record, and how it reads afterwards.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::{
    ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason, ClientName, RecordRule,
    ServerName,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most bytes of arguments or of a result that the record keeps: 16 KiB.
pub const KEPT_BYTES: usize = 16 * 1024;

/// Names one row of the record. Grows with each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub(crate) i64);

impl EntryId {
    /// The number the row has in the record.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The part of a text that the record keeps. The texts are raw JSON as it crossed; whoever makes
/// an excerpt has taken care that it holds no token and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    pub(crate) text: Arc<str>,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<[u8; 32]>,
}

impl Excerpt {
    /// Takes the first [`KEPT_BYTES`] of a text, up to a border between characters. Only a text
    /// that is longer is hashed, since one kept whole can be hashed at any time.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let bytes = text.len() as u64;
        if text.len() <= KEPT_BYTES {
            return Self { text: text.into(), bytes, sha256: None };
        }
        let sha256 = Some(Sha256::digest(text).into());
        Self { text: text[..text.floor_char_boundary(KEPT_BYTES)].into(), bytes, sha256 }
    }

    /// What is kept in place of a text of so many bytes: nothing where `instead` is empty.
    #[must_use]
    pub fn instead_of(bytes: usize, instead: &str) -> Self {
        let end = instead.floor_char_boundary(instead.len().min(KEPT_BYTES));
        Self { text: instead[..end].into(), bytes: bytes as u64, sha256: None }
    }

    /// Length of the whole text, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A call that is about to run.
#[derive(Debug, Clone)]
pub struct CallBegan {
    /// What kind of call.
    pub kind: ActivityKind,
    /// The app it is for.
    pub client: Option<ClientName>,
    /// What the app calls itself.
    pub client_says: Option<Arc<str>>,
    /// The server it goes to.
    pub server: Option<ServerName>,
    /// The tool, prompt or resource, as its server calls it.
    pub subject: Option<Arc<str>>,
    /// What it is called with.
    pub arguments: Option<Excerpt>,
    /// Why it may run.
    pub reason: Option<ActivityReason>,
    /// How long it waited for the person.
    pub waited: Option<Duration>,
    /// The id the app gave the request, as JSON.
    pub request: Option<Arc<str>>,
    /// One sentence, where there is more to say.
    pub note: Option<Cow<'static, str>>,
    /// How much of arguments and result is kept. Whoever hands it in has kept to that.
    pub rule: RecordRule,
}

impl CallBegan {
    /// A call of which nothing but its kind is known. Of what models are asked and answer nothing
    /// is kept, unless somebody says otherwise.
    #[must_use]
    pub fn new(kind: ActivityKind) -> Self {
        let rule = match kind {
            ActivityKind::ModelRequest => RecordRule::Nothing,
            _ => RecordRule::Content,
        };
        Self {
            kind,
            client: None,
            client_says: None,
            server: None,
            subject: None,
            arguments: None,
            reason: None,
            waited: None,
            request: None,
            note: None,
            rule,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct CallEnded {
    /// How it ended.
    pub outcome: ActivityOutcome,
    /// How long it took.
    pub duration: Duration,
    /// What came back.
    pub result: Option<Excerpt>,
    /// Size of what came back as it was sent on, in bytes; where absent, that of `result`.
    pub result_bytes: Option<u64>,
    /// The id the request had on its way to the server.
    pub upstream: Option<u64>,
    /// What was decided at the last moment, where that is not what was decided before.
    pub refused: Option<ActivityReason>,
    /// One sentence: the error, or why it was cancelled.
    pub note: Option<String>,
    /// What the model that was asked did, where one was.
    pub model: Option<ModelUse>,
}

/// What a request to a model took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelUse {
    /// The model, as its backend calls it.
    pub model: String,
    /// Tokens of the prompt, where the backend says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, where the backend says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_tokens: Option<u64>,
    /// Time until the first token, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// The tools it used, in order, as `server/tool`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

impl CallEnded {
    /// An end of which nothing but outcome and duration is known.
    #[must_use]
    pub fn new(outcome: ActivityOutcome, duration: Duration) -> Self {
        Self {
            outcome,
            duration,
            result: None,
            result_bytes: None,
            upstream: None,
            refused: None,
            note: None,
            model: None,
        }
    }
}

/// Something that happened at one moment: a refusal, a step in a server's life, a changed setting.
#[derive(Debug, Clone)]
pub struct Note {
    /// What kind of thing.
    pub kind: ActivityKind,
    /// The app, where one was involved.
    pub client: Option<ClientName>,
    /// What the app calls itself.
    pub client_says: Option<Arc<str>>,
    /// The server, where one was involved.
    pub server: Option<ServerName>,
    /// The tool, prompt, resource or setting.
    pub subject: Option<Arc<str>>,
    /// What a refused call was called with.
    pub arguments: Option<Excerpt>,
    /// What was decided, where something was.
    pub decision: Option<ActivityDecision>,
    /// Why it was decided so.
    pub reason: Option<ActivityReason>,
    /// How it ended, where that means something: `Refused` for a refusal.
    pub outcome: Option<ActivityOutcome>,
    /// How long it waited for the person.
    pub waited: Option<Duration>,
    /// The id the app gave the request, as JSON.
    pub request: Option<Arc<str>>,
    /// One sentence: why it was refused, what was changed.
    pub note: Option<String>,
    /// How much of the arguments is kept.
    pub rule: RecordRule,
}

impl Note {
    /// A note of which nothing but its kind is known.
    #[must_use]
    pub fn new(kind: ActivityKind) -> Self {
        Self {
            kind,
            client: None,
            client_says: None,
            server: None,
            subject: None,
            arguments: None,
            decision: None,
            reason: None,
            outcome: None,
            waited: None,
            request: None,
            note: None,
            rule: RecordRule::Content,
        }
    }

    /// The note that a call was refused, and why.
    #[must_use]
    pub fn refused(call: CallBegan, reason: ActivityReason, why: impl Into<String>) -> Self {
        let mut note = Self::instead_of(call, ActivityOutcome::Refused, why);
        note.decision = Some(ActivityDecision::Refused);
        note.reason = Some(reason);
        note
    }

    /// The note that a call was given up before it ran, and why.
    #[must_use]
    pub fn cancelled(call: CallBegan, why: impl Into<String>) -> Self {
        Self::instead_of(call, ActivityOutcome::Cancelled, why)
    }

    fn instead_of(call: CallBegan, outcome: ActivityOutcome, why: impl Into<String>) -> Self {
        Self {
            kind: call.kind,
            client: call.client,
            client_says: call.client_says,
            server: call.server,
            subject: call.subject,
            arguments: call.arguments,
            decision: None,
            reason: None,
            outcome: Some(outcome),
            waited: call.waited,
            request: call.request,
            note: Some(why.into()),
            rule: call.rule,
        }
    }
}

/// One thing on record: a note, or a call with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of its row, or of the row that says the call began.
    pub id: i64,
    /// When it began, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// What kind of thing.
    pub kind: ActivityKind,
    /// The app.
    pub client: Option<String>,
    /// What the app calls itself.
    pub client_says: Option<String>,
    /// The server.
    pub server: Option<String>,
    /// The tool, prompt, resource, model or setting.
    pub subject: Option<String>,
    /// What was decided, where something was.
    pub decision: Option<ActivityDecision>,
    /// Why it was decided so.
    pub reason: Option<ActivityReason>,
    /// How it ended: absent while a call is running, `Unknown` for a call whose end an earlier run
    /// of Drawbridge did not live to see.
    pub outcome: Option<ActivityOutcome>,
    /// How long a call took.
    pub duration: Option<Duration>,
    /// One sentence: the refusal, the error, the change.
    pub note: Option<String>,
}

/// One thing on record, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDetail {
    /// As in the list.
    pub entry: Entry,
    /// What the call was made with.
    pub arguments: Option<Kept>,
    /// What came back.
    pub result: Option<Kept>,
    /// Size of what came back as it was sent on, in bytes.
    pub result_bytes: Option<u64>,
    /// Size of the arguments, in bytes.
    pub arguments_bytes: Option<u64>,
    /// How long it waited for the person.
    pub waited: Option<Duration>,
    /// When it ended, in milliseconds since 1970 (UTC).
    pub ended_at: Option<i64>,
    /// The id the app gave the request, as JSON.
    pub request: Option<String>,
    /// The id the request had on its way to the server.
    pub upstream_request: Option<i64>,
    /// How much of arguments and result is kept.
    pub rule: RecordRule,
    /// What the model that was asked did, where one was.
    pub model: Option<ModelUse>,
}

/// A text as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its beginning, at most [`KEPT_BYTES`].
    pub text: String,
    /// Length of the whole, in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole, where it was cut.
    pub sha256: Option<[u8; 32]>,
}

impl Kept {
    /// Whether the end of the text is missing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.bytes > self.text.len() as u64
    }
}

/// A page of the record, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries. May be fewer than asked for although older ones follow.
    pub entries: Vec<Entry>,
    /// What to go on before; `None` where nothing older is left.
    pub next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_border_between_characters_and_hashed_only_then() {
        let whole = Excerpt::of("{\"a\":1}");
        assert_eq!((&*whole.text, whole.bytes, whole.sha256), ("{\"a\":1}", 7, None));
        let at_the_limit = Excerpt::of(&"x".repeat(KEPT_BYTES));
        assert_eq!((at_the_limit.text.len(), at_the_limit.sha256), (KEPT_BYTES, None));
        let long = format!("{}ä{}", "x".repeat(KEPT_BYTES - 1), "y".repeat(9));
        let cut = Excerpt::of(&long);
        assert_eq!(cut.text.len(), KEPT_BYTES - 1, "the ä would end one byte too late");
        assert_eq!(cut.bytes, long.len() as u64);
        assert_eq!(cut.sha256, Some(Sha256::digest(&long).into()), "the hash is of the whole");
    }
}
