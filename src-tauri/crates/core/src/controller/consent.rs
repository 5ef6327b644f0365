//! Questions and remembered answers as a person sees them.

use drawbridge_mcp::catalog::Catalog;
use drawbridge_policy::{Answers, Blocked, Direction, Lasts, Question, Stopped};

use super::Consent;
use super::snapshot::claims;
use crate::engine::indented;
use crate::view::{AllowedAnswer, AnswerLasts, BlockedView, QuestionView, ToolClaims};

pub(super) fn questions(consent: &Consent, catalog: &Catalog) -> Vec<QuestionView> {
    let waiting = consent.questions.waiting();
    waiting.iter().map(|(id, question)| view(*id, question, consent, catalog)).collect()
}

/// A tool that changes while the question waits is shown as it is now; the answer then does not
/// count, since it is tied to the tool as it was.
fn view(id: u64, question: &Question, consent: &Consent, catalog: &Catalog) -> QuestionView {
    let about = &question.about;
    let tool = catalog.tool_of(about.server.as_str(), about.tool.as_str()).map(|(_, tool)| tool);
    QuestionView {
        id,
        client: about.client.clone(),
        client_says: question.client_says.clone(),
        server: about.server.clone(),
        tool: about.tool.clone(),
        title: tool.and_then(|tool| tool.title.clone()),
        description: tool.and_then(|tool| tool.description.clone()).unwrap_or_default(),
        claims: tool.map_or_else(ToolClaims::default, claims),
        arguments: question.arguments.as_deref().map(indented).unwrap_or_default(),
        asked_at: question.asked_at,
        expires_at: question.expires_at,
        allowed_before: consent.answers.allowed_before(about),
        every_time: question.every_time,
        looks_like: question.looks_like.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// The newest first.
pub(super) fn blocked(blocked: &Blocked) -> Vec<BlockedView> {
    let view = |stopped: Stopped| BlockedView {
        id: stopped.id,
        client: stopped.content.client,
        server: stopped.content.server,
        subject: stopped.content.subject,
        direction: match stopped.content.direction {
            Direction::Arguments => crate::view::Direction::Arguments,
            Direction::Result => crate::view::Direction::Result,
        },
        looks_like: stopped.looks_like.into_iter().map(ToOwned::to_owned).collect(),
        at: stopped.at,
        let_through: stopped.let_through_until.is_some(),
    };
    blocked.all().into_iter().map(view).collect()
}

/// By app, server and tool.
pub(super) fn allowed_answers(answers: &Answers) -> Vec<AllowedAnswer> {
    let mut all = answers.all();
    all.sort_by(|left, right| (&left.about, left.id).cmp(&(&right.about, right.id)));
    all.iter()
        .map(|remembered| AllowedAnswer {
            id: remembered.id,
            client: remembered.about.client.clone(),
            server: remembered.about.server.clone(),
            tool: remembered.about.tool.clone(),
            lasts: match remembered.lasts {
                Lasts::Session(_) => AnswerLasts::Session,
                Lasts::Always => AnswerLasts::Always,
            },
            given_at: remembered.given_at,
            last_used: remembered.last_used(),
            used: remembered.used(),
        })
        .collect()
}
