//! How a request ends: what its app is told, and what stands on record.

use std::time::{Duration, Instant};

use drawbridge_audit::CallEnded;
use drawbridge_mcp::Outcome;
use drawbridge_mcp::wire;
use drawbridge_model::{ActivityOutcome, ActivityReason, RecordRule};
use drawbridge_policy::Refusal;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use super::calls::{Crossing, Passage};
use super::content::{self, Found, Inspected};
use super::kept::excerpt;
use crate::session::Withdrawn;

/// How a request ended.
pub(super) enum Ending {
    Answered(Outcome),
    /// The policy refused it at the last moment.
    Refused(Refusal),
    /// It could not be put on record, so it did not run. The sentence says why.
    NotRecorded(String),
    /// The server is not there, or was lost. The sentence says so.
    Failed(String),
    /// The parameters cannot be sent.
    Malformed(String),
    Withdrawn(Withdrawn),
    /// The app closed its connection and did not come back in time.
    AppGone,
}

impl Ending {
    /// What came back, where that is too long to be looked through at once.
    fn long_text(&self) -> Option<&str> {
        let Self::Answered(Outcome::Result(text) | Outcome::Error(text)) = self else {
            return None;
        };
        Some(text.get()).filter(|text| text.len() > content::AT_ONCE)
    }

    /// Looks through what came back, where that takes a while.
    pub(super) fn looked_through(
        &self,
        tasks: &TaskTracker,
    ) -> Option<impl Future<Output = Found> + Send + use<>> {
        let (tasks, text) = (tasks.clone(), self.long_text()?.to_owned());
        Some(async move { content::look_elsewhere(&tasks, text).await })
    }
}

impl Passage {
    /// The answer to the app and the end on record.
    pub(super) fn close(
        &self,
        crossing: &Crossing,
        ending: Ending,
        found: Option<Found>,
        since: Instant,
    ) -> (Option<String>, CallEnded) {
        let end = |outcome| CallEnded::new(outcome, since.elapsed());
        let noted = |outcome, note: &str| {
            let mut end = end(outcome);
            end.note = Some(note.to_owned());
            end
        };
        let refused = |sentence: &str| Some(crossing.gate.refused(&self.id, sentence));
        match ending {
            Ending::Answered(Outcome::Result(result)) => {
                let failed = is_error(&result);
                let mut end = end(match failed {
                    true => ActivityOutcome::Failed,
                    false => ActivityOutcome::Succeeded,
                });
                let Some(result) = self.inspected(crossing, result, found, &mut end) else {
                    return (end.note.as_deref().and_then(refused), end);
                };
                let translated = crossing.translated(&result);
                let text = translated.as_deref().unwrap_or(&result).get();
                (Some(wire::result_message(&self.id, text)), end)
            }
            Ending::Answered(Outcome::Error(error)) => {
                let mut end = end(ActivityOutcome::Failed);
                let Some(error) = self.inspected(crossing, error, found, &mut end) else {
                    return (end.note.as_deref().and_then(refused), end);
                };
                // What a server says about an error is content as well.
                if end.note.is_none() && crossing.kept(&self.edge) == RecordRule::Content {
                    end.note = message_of(&error);
                }
                (Some(wire::error_message(Some(&self.id), error.get())), end)
            }
            Ending::Refused(refusal) => {
                self.tell_the_person(crossing, refusal);
                let sentence = refusal.sentence(crossing.server.as_str(), &crossing.subject);
                let mut end = noted(ActivityOutcome::Refused, &sentence);
                end.refused = Some(refusal.reason());
                (refused(&sentence), end)
            }
            Ending::Failed(sentence) | Ending::NotRecorded(sentence) => {
                (refused(&sentence), noted(ActivityOutcome::Failed, &sentence))
            }
            Ending::Malformed(why) => {
                let answer = wire::error_response(Some(&self.id), wire::INVALID_PARAMS, &why);
                (Some(answer), noted(ActivityOutcome::Failed, &why))
            }
            Ending::Withdrawn(Withdrawn::ByApp(_)) => {
                (None, noted(ActivityOutcome::Cancelled, "The app cancelled it."))
            }
            Ending::Withdrawn(Withdrawn::ByPerson) => {
                let sentence = "The person at this computer cancelled the call.";
                (refused(sentence), noted(ActivityOutcome::Cancelled, sentence))
            }
            Ending::Withdrawn(Withdrawn::TooLong) => {
                let time = in_words(self.edge.limits.call_time);
                let sentence =
                    format!("The server did not finish within {time}, so the call was ended.");
                (refused(&sentence), noted(ActivityOutcome::Failed, &sentence))
            }
            Ending::Withdrawn(Withdrawn::WithSession) => {
                let sentence = if self.edge.draining.is_cancelled() {
                    "Drawbridge is quitting, so the call was cancelled."
                } else {
                    "The session was closed, so the call was cancelled."
                };
                (refused(sentence), noted(ActivityOutcome::Cancelled, sentence))
            }
            Ending::AppGone => {
                (None, noted(ActivityOutcome::Cancelled, "The app went away before the answer."))
            }
        }
    }

    /// What came back, as it crosses; `None` when it does not, and then the end says why. The end
    /// is told what is kept of it.
    fn inspected(
        &self,
        crossing: &Crossing,
        came_back: Box<RawValue>,
        found: Option<Found>,
        end: &mut CallEnded,
    ) -> Option<Box<RawValue>> {
        let (crosses, on_record, note) =
            match crossing.inspect(&self.edge, &self.session, &came_back, found) {
                Inspected::Clean => {
                    end.result = Some(excerpt(crossing.kept(&self.edge), came_back.get()));
                    return Some(came_back);
                }
                Inspected::Marked { note, on_record } => (Some(came_back), on_record, note),
                Inspected::Masked { note, text } => {
                    let on_record = text.get().to_owned();
                    (Some(text), on_record, note)
                }
                Inspected::Withheld { sentence, on_record } => {
                    end.outcome = ActivityOutcome::Refused;
                    end.refused = Some(ActivityReason::Scan);
                    (None, on_record, sentence)
                }
            };
        end.result = Some(excerpt(crossing.kept(&self.edge), &on_record));
        end.note = Some(note);
        crosses
    }
}

/// Whether a tool result says that the tool failed.
fn is_error(result: &RawValue) -> bool {
    result.get().contains("\"isError\"")
        && wire::find(result, &["isError"]).ok().flatten().is_some_and(|field| field.is_true())
}

/// A time in its largest unit, rounded down; in the unit below where there is but one of it.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    }
}

fn message_of(error: &RawValue) -> Option<String> {
    let message = wire::find(error, &["message"]).ok()??.text()?.into_owned();
    Some(message.chars().take(500).collect())
}
