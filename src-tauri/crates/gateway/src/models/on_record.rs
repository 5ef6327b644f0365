//! A model request on record: before it is passed on, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_audit::{CallBegan, CallEnded, EntryId, ModelUse, Note};
use drawbridge_llm::answer::Follower;
use drawbridge_model::{ActivityKind, ActivityOutcome, ActivityReason};
use http::StatusCode;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Refusal, Turn};
use crate::edge::Edge;

/// A request that is to go on record.
pub(super) struct Asked {
    edge: Arc<Edge>,
    call: CallBegan,
    model: String,
}

impl Asked {
    pub(super) fn new(turn: &Turn<'_>, model: Option<&str>) -> Self {
        let mut call = CallBegan::new(ActivityKind::ModelRequest);
        call.client = Some(turn.client.name.clone());
        call.subject = model.filter(|model| !model.is_empty()).map(Into::into);
        call.note = Some(format!("{} {}", turn.head.method, turn.head.path()).into());
        Self { edge: Arc::clone(turn.edge), call, model: model.unwrap_or_default().to_owned() }
    }

    /// It may not be passed on.
    pub(super) async fn refused(self, reason: ActivityReason, why: &str) {
        let note = Note::refused(self.call, reason, why);
        if let Err(error) = self.edge.shared.record.note(note).await {
            tracing::warn!(%error, "a refused model request is not on record");
        }
    }

    /// Puts it on record. What this gives is its end.
    pub(super) async fn begin(self) -> Result<OnRecord, Refusal> {
        let counted = self.edge.calls.token();
        match self.edge.shared.record.begin(self.call).await {
            Ok(id) => Ok(OnRecord {
                edge: self.edge,
                id,
                began: Instant::now(),
                first: None,
                model: self.model,
                answer: None,
                over: false,
                _counted: counted,
            }),
            Err(error) => {
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.problem().message))
            }
        }
    }
}

/// A request that is on record as begun. Dropped before it ended, it was cancelled.
pub(super) struct OnRecord {
    edge: Arc<Edge>,
    id: EntryId,
    began: Instant,
    first: Option<Duration>,
    model: String,
    /// The answer as far as it came.
    answer: Option<(StatusCode, Follower)>,
    over: bool,
    /// The end of the gateway waits for it.
    _counted: TaskTrackerToken,
}

impl OnRecord {
    /// An answer begins.
    pub(super) fn answered(&mut self, status: StatusCode, follower: Follower) {
        self.answer = Some((status, follower));
    }

    /// A piece of the answer is there.
    pub(super) fn piece(&mut self, piece: &[u8]) {
        if self.first.is_none() {
            self.first = Some(self.began.elapsed());
        }
        if let Some((_, follower)) = &mut self.answer {
            follower.feed(piece);
        }
    }

    /// No more of the answer comes.
    pub(super) fn ended(&mut self) {
        let Some((status, follower)) = &self.answer else { return };
        let told = follower.told();
        let (outcome, note) = match (status.is_success(), told.error) {
            (_, Some(error)) => (ActivityOutcome::Failed, Some(error)),
            (false, None) => (ActivityOutcome::Failed, Some(format!("It was answered {status}."))),
            (true, None) if !told.complete => {
                (ActivityOutcome::Failed, Some("The answer stops before its end.".to_owned()))
            }
            (true, None) => (ActivityOutcome::Succeeded, None),
        };
        self.end(outcome, note);
    }

    /// The backend broke off in the middle.
    pub(super) fn broke_off(&mut self) {
        let note = "The connection broke before the answer was complete.".to_owned();
        self.end(ActivityOutcome::Failed, Some(note));
    }

    /// It was not answered at all.
    pub(super) fn failed(&mut self, why: &str) {
        self.end(ActivityOutcome::Failed, Some(why.to_owned()));
    }

    fn end(&mut self, outcome: ActivityOutcome, note: Option<String>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let mut end = CallEnded::new(outcome, self.began.elapsed());
        let follower = self.answer.as_ref().map(|(_, follower)| follower);
        let told = follower.map(Follower::told).unwrap_or_default();
        end.note = note;
        end.result_bytes = follower.map(Follower::bytes);
        end.model = Some(ModelUse {
            model: std::mem::take(&mut self.model),
            prompt_tokens: told.prompt_tokens,
            answer_tokens: told.answer_tokens,
            first_token_ms: self
                .first
                .map(|first| u64::try_from(first.as_millis()).unwrap_or(u64::MAX)),
            tools: Vec::new(),
        });
        self.edge.shared.record.end_now(self.id, end);
    }
}

impl Drop for OnRecord {
    fn drop(&mut self) {
        // Many apps close as soon as they have read the mark of the end.
        if self.answer.as_ref().is_some_and(|(_, follower)| follower.saw_the_end()) {
            return self.ended();
        }
        let why = match self.edge.draining.is_cancelled() {
            true => "Drawbridge was quitting.",
            false => "The app left before the answer was complete.",
        };
        self.end(ActivityOutcome::Cancelled, Some(why.to_owned()));
    }
}
