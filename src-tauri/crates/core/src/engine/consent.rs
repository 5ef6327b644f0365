//! The person's answers: to calls that wait, for those that come later, and taken back.

use std::collections::BTreeSet;
use std::sync::Arc;

use drawbridge_audit::Note;
use drawbridge_model::{ActivityKind, ActivityOutcome, Mode, ServerName, ToolName};
use drawbridge_policy::{Answer, Lasts, Question, Remembered, Use};

use super::Engine;
use super::failure::quitting;
use crate::bridge::{CommandError, ErrorCode};
use crate::clock::now_ms;
use crate::view::QuestionAnswer;

impl Engine {
    /// Answers calls that wait for the person. One that waits no more is left out.
    ///
    /// # Errors
    /// When an answer for good could not be kept, or a tool could not be switched off for good. The
    /// calls were answered all the same: allowed once, or denied.
    pub async fn answer_questions(
        &self,
        questions: Vec<u64>,
        answer: QuestionAnswer,
    ) -> Result<(), CommandError> {
        let mut switch_off: BTreeSet<(ServerName, ToolName)> = BTreeSet::new();
        let mut failed = None;
        for id in questions {
            let Some(taken) = self.0.questions.take(id) else { continue };
            let question = Arc::clone(&taken.question);
            let answer = match answer {
                QuestionAnswer::AllowForSession | QuestionAnswer::AlwaysAllow
                    if question.every_time =>
                {
                    Answer::AllowOnce
                }
                QuestionAnswer::AllowOnce => Answer::AllowOnce,
                QuestionAnswer::AllowForSession => {
                    self.remember(&question, Lasts::Session(question.session));
                    Answer::AllowForSession
                }
                QuestionAnswer::AlwaysAllow => match self.remember_for_good(&question).await {
                    Ok(()) => Answer::AlwaysAllow,
                    Err(error) => {
                        failed = Some(error);
                        Answer::AllowOnce
                    }
                },
                QuestionAnswer::Deny => Answer::Deny,
                QuestionAnswer::DenyAndSwitchOff => {
                    let about = question.about.clone();
                    switch_off.insert((about.server, about.tool));
                    Answer::DenyAndSwitchOff
                }
            };
            if !matches!(answer, Answer::Deny | Answer::DenyAndSwitchOff) {
                self.0.answers.count(&question.about);
            }
            // A call that left meanwhile needs no answer.
            let _waits = taken.answer(answer);
        }
        for (server, tool) in switch_off {
            if let Err(error) = self.set_tool_mode(server, tool, Mode::Off).await {
                failed = Some(error);
            }
        }
        self.0.questions.rules_changed();
        failed.map_or(Ok(()), Err)
    }

    /// Denies every call that waits for the person.
    ///
    /// # Errors
    /// None at present.
    pub async fn deny_all_questions(&self) -> Result<(), CommandError> {
        for (id, _) in self.0.questions.waiting() {
            if let Some(taken) = self.0.questions.take(id) {
                let _waits = taken.answer(Answer::Deny);
            }
        }
        Ok(())
    }

    /// Takes remembered answers back. They count no more from the next call on, written or not.
    ///
    /// # Errors
    /// When that could not be kept, so that those given for good would come back after a restart.
    pub async fn take_back_answers(&self, answers: Vec<u64>) -> Result<(), CommandError> {
        let picked: BTreeSet<u64> = answers.into_iter().collect();
        let taken = self.0.answers.take_back(|remembered| picked.contains(&remembered.id));
        for Remembered { about, .. } in taken.iter().map(Arc::as_ref) {
            let text =
                format!("\"{}\" has to ask again before using \"{}\"", about.client, about.tool);
            self.put_on_record(answer_note(ActivityKind::AnswerTakenBack, about, text));
        }
        if taken.iter().any(|remembered| remembered.lasts == Lasts::Always) {
            self.keep_answers().await?;
        }
        Ok(())
    }

    /// Lets what was blocked cross once, if it comes again within ten minutes.
    ///
    /// # Errors
    /// When it was put away, or let through already.
    pub async fn let_through_once(&self, blocked: u64) -> Result<(), CommandError> {
        match self.0.blocked.let_through_once(blocked, now_ms()) {
            true => {
                self.note("Something that holds a key or token may cross once".to_owned(), None);
                Ok(())
            }
            false => Err(CommandError::new(ErrorCode::Other, "This is settled already.", "")),
        }
    }

    /// Puts away what was blocked.
    ///
    /// # Errors
    /// None; commands share one shape.
    pub async fn dismiss_blocked(&self, blocked: u64) -> Result<(), CommandError> {
        self.0.blocked.dismiss(blocked);
        Ok(())
    }

    fn remember(&self, question: &Question, lasts: Lasts) {
        // Of a tool that its server does not tell about, nothing can be remembered.
        let Some(fingerprint) = question.fingerprint else { return };
        let about = &question.about;
        if self.0.answers.has(about, lasts, fingerprint) {
            return;
        }
        self.0.answers.remember(about.clone(), lasts, fingerprint, now_ms());
        let how_long = match lasts {
            Lasts::Session(_) => "until its session ends",
            Lasts::Always => "without being asked",
        };
        let text = format!("\"{}\" may use \"{}\" {how_long}", about.client, about.tool);
        self.put_on_record(answer_note(ActivityKind::AnswerGiven, about, text));
    }

    /// Remembers an answer once it is written, so that it cannot be forgotten after it counted.
    /// Both are one step among all that are written: else the next answer would be written without
    /// this one.
    async fn remember_for_good(&self, question: &Arc<Question>) -> Result<(), CommandError> {
        let Some(fingerprint) = question.fingerprint else { return Ok(()) };
        let (engine, question) = (self.clone(), Arc::clone(question));
        let written = self.0.edits.run(async move {
            let answers = &engine.0.answers;
            if answers.has(&question.about, Lasts::Always, fingerprint) {
                return Ok(());
            }
            let kept = answers.kept_with(&question.about, fingerprint, now_ms());
            engine.0.record.kept().set_answers(&kept).await.map_err(|error| {
                CommandError::new(
                    ErrorCode::Other,
                    "The answer could not be remembered, so this call alone was allowed.",
                    error.to_string(),
                )
            })?;
            engine.remember(&question, Lasts::Always);
            Ok(())
        });
        written.await.unwrap_or_else(|| Err(quitting()))
    }

    async fn keep_answers(&self) -> Result<(), CommandError> {
        let engine = self.clone();
        let written = self.0.edits.run(async move {
            engine.0.record.kept().set_answers(&engine.0.answers.kept()).await.map_err(|error| {
                CommandError::new(
                    ErrorCode::Other,
                    "The answers are taken back for now, but could not be removed for good: they \
                     would count again after a restart.",
                    error.to_string(),
                )
            })
        });
        written.await.unwrap_or_else(|| Err(quitting()))
    }

    /// Keeps when and how often answers were used.
    pub(super) async fn keep_use_of_answers(&self) {
        if let Err(error) = self.0.record.kept().set_answers(&self.0.answers.kept()).await {
            tracing::warn!(%error, "when answers were last used is not kept");
        }
    }
}

/// That an answer is remembered, or not any more.
fn answer_note(kind: ActivityKind, about: &Use, text: String) -> Note {
    let mut note = Note::new(kind);
    note.outcome = Some(ActivityOutcome::Succeeded);
    note.client = Some(about.client.clone());
    note.server = Some(about.server.clone());
    note.subject = Some(about.tool.clone().into());
    note.note = Some(text);
    note
}
