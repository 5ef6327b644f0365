//! What the panel is told when something does not work: which code each error has.

use drawbridge_model::ServerName;

use crate::bridge::{CommandError, ErrorCode};
use crate::config::ApplyError;
use crate::config::edit::EditError;
use crate::export::change::ChangeError;
use crate::snippet::DraftError;

pub(super) fn no_such_server(server: &ServerName) -> CommandError {
    CommandError::new(
        ErrorCode::Other,
        format!("There is no server named \"{server}\" any more."),
        "",
    )
}

pub(super) fn quitting() -> CommandError {
    CommandError::new(ErrorCode::Other, "Drawbridge is quitting.", "")
}

pub(super) fn draft_failed(error: DraftError) -> CommandError {
    let code = match error {
        DraftError::NameTaken(_) => ErrorCode::NameTaken,
        DraftError::BadName(_) | DraftError::BadField { .. } => ErrorCode::InvalidInput,
    };
    CommandError { code, problem: error.problem() }
}

pub(super) fn edit_failed(error: ApplyError) -> CommandError {
    let code = match &error {
        ApplyError::Edit(EditError::NameTaken(_) | EditError::Reserved(_)) => ErrorCode::NameTaken,
        ApplyError::Edit(EditError::Invalid(_)) => ErrorCode::InvalidInput,
        _ => ErrorCode::Other,
    };
    CommandError { code, problem: error.problem() }
}

pub(super) fn change_failed(error: ChangeError) -> CommandError {
    let code = match error {
        ChangeError::Changed(_) => ErrorCode::FileChanged,
        _ => ErrorCode::Other,
    };
    CommandError { code, problem: error.problem() }
}
