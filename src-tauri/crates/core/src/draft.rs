//! What a person sees before a drafted server is started for the first time.

use std::path::PathBuf;

use drawbridge_model::{Problem, display_argv};

use crate::view::{DraftTransport, ServerDraft, StartPreview};

/// What starting a drafted server would do, as far as the draft itself tells.
pub(crate) fn preview_of(
    draft: ServerDraft,
    resolved_path: Option<PathBuf>,
    cautions: Vec<String>,
    problem: Option<Problem>,
) -> StartPreview {
    let (words, cwd, names) = match &draft.transport {
        DraftTransport::Local { command, args, env, cwd } => {
            let mut words = vec![command.clone()];
            words.extend(args.iter().cloned());
            (words, cwd.clone(), env)
        }
        DraftTransport::Remote { headers, .. } => (Vec::new(), None, headers),
    };
    StartPreview {
        argv: words.iter().map(|word| escaped(word)).collect(),
        command_line: display_argv(words.iter().map(String::as_str)),
        resolved_path: resolved_path.map(|path| path.display().to_string()),
        cwd,
        value_names: names.iter().map(|value| value.name.clone()).collect(),
        cautions,
        problem,
        draft,
    }
}

/// A word as it is, or quoted with escapes when something in it would not be seen.
fn escaped(word: &str) -> String {
    let hidden = |c: char| c.is_control() || (!c.is_ascii() && !c.is_alphanumeric());
    if word.chars().any(hidden) { display_argv([word]) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_character_in_an_argument_is_shown() {
        let draft = ServerDraft {
            name: "files".into(),
            transport: DraftTransport::Local {
                command: "npx".into(),
                args: vec!["-y".into(), "a b".into(), "a\u{202e}b".into()],
                env: Vec::new(),
                cwd: None,
            },
        };
        let preview = preview_of(draft, None, Vec::new(), None);
        assert_eq!(preview.argv, ["npx", "-y", "a b", "\"a\\u{202e}b\""]);
        assert_eq!(preview.command_line, "npx -y \"a b\" \"a\\u{202e}b\"");
    }
}
