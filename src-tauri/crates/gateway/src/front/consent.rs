//! Calls that the person has to allow: the question, the wait, and what may come in between.

use std::time::Duration;

use drawbridge_mcp::wire;
use drawbridge_model::ToolName;
use drawbridge_policy::{Answer, Asked, Fingerprint, Heard, Question, Refusal, Use};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::accept::Forms;
use super::calls::{Crossing, Passage};
use super::decision::{Moment, Pass, Stop};
use super::exchange::{Said, Voice};
use crate::presence::now_ms;
use crate::session::Withdrawn;

/// What the app is told while the question waits.
const WAITING: &str = "Waiting for an answer in Drawbridge.";
/// How much of the progress one such message is. Progress has to grow (2025-11-25,
/// basic/utilities/progress), so this is less than a server's own first step, unless that is 0.
const PROGRESS_STEP: f64 = 0.001;

/// Most bytes of arguments that a person is asked about: 256 KiB. They are shown whole.
const MOST_SHOWN: usize = 256 * 1024;
/// Most lists and objects inside each other that a person is asked about.
const DEEPEST_SHOWN: usize = 64;

/// Why a call about which the person was asked does not run.
#[derive(Debug)]
pub(super) enum NotAllowed {
    Refused(Refusal),
    /// It was taken back: the sentence for the record, and whether the app still expects an answer.
    Withdrawn(&'static str, bool),
}

impl Passage {
    /// Asks the person about a call and waits for the answer, or for a rule that needs none.
    pub(super) async fn ask(
        &mut self,
        crossing: &Crossing,
        every_time: bool,
        voice: &Voice,
    ) -> Result<Pass, NotAllowed> {
        let token = self.progress_token(crossing);
        let limits = &self.edge.limits;
        let time = match &token {
            Some(_) => limits.question_time_with_progress,
            None => limits.question_time,
        };
        let (step, grace) = (limits.question_progress, limits.grace_after_loss);
        let (edge, session) = (self.edge.clone(), self.session.clone());
        // The answer is about the tool as it is asked about, whatever it is by then.
        let tool_asked = crossing.fingerprint(&edge, &edge.shared.policy.load());
        let asked =
            self.hand_in(crossing, every_time, tool_asked, time).map_err(NotAllowed::Refused)?;
        let decide = || crossing.decide(&edge, &session, Moment::OnArrival);
        let decided = decided(asked, decide, || {
            let _first = crossing.allowed.set(tool_asked);
        });
        let app_gone = async {
            voice.closed().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            biased;
            decided = decided => decided.map_err(NotAllowed::Refused),
            withdrawn = self.in_flight.withdrawn() => Err(match withdrawn {
                Withdrawn::ByApp(_) => {
                    NotAllowed::Withdrawn("The app cancelled it before it was answered.", false)
                }
                Withdrawn::WithSession => {
                    NotAllowed::Withdrawn("The session was closed before it was answered.", true)
                }
                Withdrawn::ByPerson => NotAllowed::Withdrawn(
                    "The person at this computer cancelled it before it was answered.",
                    true,
                ),
                Withdrawn::TooLong => {
                    NotAllowed::Withdrawn("It was not answered in the time a call may take.", true)
                }
            }),
            () = app_gone => {
                Err(NotAllowed::Withdrawn("The app went away before it was answered.", false))
            }
            () = edge.draining.cancelled() => Err(NotAllowed::Refused(Refusal::Quitting)),
            () = tokio::time::sleep(time) => Err(NotAllowed::Refused(Refusal::Unanswered)),
            () = keep_told(token, voice, step) => Err(NotAllowed::Refused(Refusal::Unanswered)),
        }
    }

    fn hand_in(
        &self,
        crossing: &Crossing,
        every_time: bool,
        fingerprint: Option<Fingerprint>,
        time: Duration,
    ) -> Result<Asked, Refusal> {
        let hello = &self.session.hello;
        // What is no name of a tool is no tool either.
        let tool = ToolName::new(&crossing.subject).map_err(|_| Refusal::ToolOff)?;
        let masked = crossing.suspicious.as_ref().and_then(|found| found.sent.as_ref());
        let arguments = match masked {
            Some((_, masked)) => Some(masked.as_str().into()),
            None => crossing.params.as_deref().and_then(arguments),
        };
        // What nobody can look through, nobody can allow.
        if arguments.as_deref().is_some_and(|arguments| !can_be_shown(arguments)) {
            return Err(Refusal::TooLongToShow);
        }
        let asked_at = now_ms();
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.edge.shared.questions.ask(Question {
            about: Use { client: hello.client.name.clone(), server: crossing.server.clone(), tool },
            client_says: hello.says.as_deref().map(str::to_owned),
            session: self.session.key,
            fingerprint,
            every_time,
            arguments,
            looks_like: crossing
                .suspicious
                .as_ref()
                .map_or_else(Vec::new, |found| found.looks_like().to_vec()),
            asked_at,
            expires_at: asked_at.saturating_add(time),
        })
    }

    /// The app's own token, where it can be told that its call goes on.
    fn progress_token(&self, crossing: &Crossing) -> Option<Box<str>> {
        if self.forms == Forms::Json {
            return None;
        }
        let params = crossing.params.as_deref()?;
        let token = wire::find(params, &["_meta", "progressToken"]).ok()??;
        Some(token.raw.into())
    }
}

/// Whether a person can look through these arguments: neither too long nor nested too deep.
fn can_be_shown(arguments: &str) -> bool {
    if arguments.len() > MOST_SHOWN {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in arguments.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST_SHOWN {
            return false;
        }
    }
    true
}

fn arguments(params: &RawValue) -> Option<Box<str>> {
    Some(wire::find(params, &["arguments"]).ok()??.raw.into())
}

/// Waits until the person's answer or a changed rule decides. `allow` is called when the person
/// allows the call, before the rules are asked again: what was switched off meanwhile wins.
async fn decided(
    mut asked: Asked,
    decide: impl Fn() -> Result<Pass, Stop>,
    allow: impl Fn(),
) -> Result<Pass, Refusal> {
    loop {
        match asked.next().await {
            Heard::Answer(Answer::Deny | Answer::DenyAndSwitchOff) => return Err(Refusal::Denied),
            Heard::Answer(Answer::AllowOnce | Answer::AllowForSession | Answer::AlwaysAllow) => {
                allow();
                return decide().map_err(Stop::refusal);
            }
            Heard::RulesChanged => match decide() {
                Ok(pass) => return Ok(pass),
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Ask { .. }) => {}
            },
        }
    }
}

/// Tells the app now and then that its call goes on. Never ends.
async fn keep_told(token: Option<Box<str>>, voice: &Voice, every: Duration) {
    let Some(token) = token else { return std::future::pending().await };
    let mut next = Instant::now();
    let mut progress = 0.0_f64;
    loop {
        tokio::time::sleep_until(next).await;
        progress += PROGRESS_STEP;
        let message = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress:.3},"message":"{WAITING}"}}}}"#
        );
        voice.say(Said::Message(message)).await;
        next += every;
    }
}
