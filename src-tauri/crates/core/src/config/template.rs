//! `${secret:NAME}` and `${env:NAME}`: values that are kept elsewhere.
//!
//! A text is read once, from left to right, and what a reference stands for is never read again,
//! so a value that looks like a reference stays what it is. Any other `${…}` is left alone, since
//! it may mean something to the program it is handed to.

use std::ops::Range;

use drawbridge_model::Problem;

/// A reference in a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `${secret:NAME}`: a value in the system's keyring.
    Secret(String),
    /// `${env:NAME}`: a variable of Drawbridge's own environment.
    Env(String),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(name) => write!(formatter, "${{secret:{name}}}"),
            Self::Env(name) => write!(formatter, "${{env:{name}}}"),
        }
    }
}

/// Why a text could not be resolved. Holds references, never what they stand for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A reference begins and does not end.
    #[error("a reference that begins with ${{{0}: has no closing brace")]
    Unclosed(&'static str),
    /// A reference whose name is empty or holds blanks, quotes, `$` or `{`.
    #[error("a reference that begins with ${{{0}: has no valid name")]
    BadName(&'static str),
    /// Nothing is kept under that name.
    #[error("nothing is kept for {0}")]
    Missing(Reference),
    /// The place where values are kept did not answer.
    #[error("{0} could not be read: {message}", message = .1.message)]
    Unreadable(Reference, Problem),
}

impl TemplateError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Missing(Reference::Env(name)) => format!(
                "The environment variable {name} is not set, but ${{env:{name}}} asks for it. Set \
                 it and start Drawbridge again, or change the setting."
            ),
            Self::Missing(Reference::Secret(name)) => format!(
                "No secret named {name} is stored, but ${{secret:{name}}} asks for it. Store it, \
                 or change the setting."
            ),
            Self::Unreadable(_, problem) => problem.message.clone(),
            Self::Unclosed(_) | Self::BadName(_) => {
                "A reference is written as ${env:NAME} or ${secret:NAME}; one in the settings is \
                 not."
                    .to_owned()
            }
        };
        Problem::new(message, self.to_string())
    }
}

/// The references in a text, in order.
///
/// # Errors
/// When a reference is malformed.
pub fn references(text: &str) -> Result<Vec<Reference>, TemplateError> {
    let mut found = Vec::new();
    scan(text, |part| {
        if let Part::Reference(reference) = part {
            found.push(reference);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether a text is exactly one reference.
#[must_use]
pub fn is_one_reference(text: &str) -> bool {
    references(text).is_ok_and(|found| found.len() == 1 && found[0].to_string() == text)
}

/// The text with each reference replaced by what `lookup` finds for it; `None` means that nothing
/// is kept under that name.
///
/// # Errors
/// When a reference is malformed or stands for nothing, or the lookup fails.
pub fn resolve(
    text: &str,
    mut lookup: impl FnMut(&Reference) -> Result<Option<String>, Problem>,
) -> Result<String, TemplateError> {
    let mut resolved = String::with_capacity(text.len());
    scan(text, |part| {
        match part {
            Part::Text(text) => resolved.push_str(text),
            Part::Reference(reference) => match lookup(&reference) {
                Ok(Some(value)) => resolved.push_str(&value),
                Ok(None) => return Err(TemplateError::Missing(reference)),
                Err(problem) => return Err(TemplateError::Unreadable(reference, problem)),
            },
        }
        Ok(())
    })?;
    Ok(resolved)
}

/// Where in a text the `${…}` stand that only mean something to VS Code.
pub(crate) fn vscode_variable(text: &str) -> Option<Range<usize>> {
    const NAMES: [&str; 6] =
        ["input:", "command:", "workspaceFolder", "userHome", "config:", "pathSeparator"];
    NAMES.iter().find_map(|name| {
        let start = text.find(&format!("${{{name}"))?;
        let end = start + text[start..].find('}')? + 1;
        Some(start..end)
    })
}

enum Part<'a> {
    Text(&'a str),
    Reference(Reference),
}

fn scan<'a>(
    text: &'a str,
    mut take: impl FnMut(Part<'a>) -> Result<(), TemplateError>,
) -> Result<(), TemplateError> {
    let mut rest = text;
    while let Some((start, kind)) = next_opening(rest) {
        take(Part::Text(&rest[..start]))?;
        let after = &rest[start + "${".len() + kind.len() + ":".len()..];
        let end = after.find('}').ok_or(TemplateError::Unclosed(kind))?;
        let name = &after[..end];
        let bad = |c: char| c.is_whitespace() || c.is_control() || "${\"'`\\".contains(c);
        if name.is_empty() || name.contains(bad) {
            return Err(TemplateError::BadName(kind));
        }
        let name = name.to_owned();
        take(Part::Reference(match kind {
            "secret" => Reference::Secret(name),
            _ => Reference::Env(name),
        }))?;
        rest = &after[end + 1..];
    }
    take(Part::Text(rest))
}

fn next_opening(text: &str) -> Option<(usize, &'static str)> {
    let secret = text.find("${secret:").map(|at| (at, "secret"));
    let env = text.find("${env:").map(|at| (at, "env"));
    secret.into_iter().chain(env).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_values(text: &str) -> Result<String, TemplateError> {
        resolve(text, |reference| {
            Ok(match reference {
                Reference::Secret(name) if name == "key" => Some("k3y".to_owned()),
                Reference::Env(name) if name == "HOME" => Some("/home/me".to_owned()),
                Reference::Env(name) if name == "LOOKS" => Some("${secret:key}".to_owned()),
                _ => None,
            })
        })
    }

    #[test]
    fn references_are_replaced_once_and_everything_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("${secret:key}", "k3y"),
            ("Bearer ${secret:key}", "Bearer k3y"),
            ("${env:HOME}/a:${env:HOME}/b", "/home/me/a:/home/me/b"),
            ("${env:LOOKS}", "${secret:key}"),
            (
                "${input:x} $HOME ${HOME} ${workspaceFolder}",
                "${input:x} $HOME ${HOME} ${workspaceFolder}",
            ),
            ("$${secret:key}}", "$k3y}"),
            ("ä${secret:key}ö", "äk3yö"),
        ] {
            assert_eq!(with_values(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_reference_that_stands_for_nothing_is_named_without_any_value() {
        let missing = Reference::Env("NOPE".to_owned());
        assert_eq!(with_values("${secret:key}${env:NOPE}"), Err(TemplateError::Missing(missing)));
        let error = with_values("${secret:key}${env:NOPE}").unwrap_err();
        assert!(error.problem().message.contains("NOPE"), "the person must learn which one");
        assert!(!format!("{:?}", error.problem()).contains("k3y"), "values are never shown");
        assert_eq!(with_values("${env:HOME"), Err(TemplateError::Unclosed("env")));
        assert_eq!(with_values("${secret:}"), Err(TemplateError::BadName("secret")));
        assert_eq!(with_values("${secret:a ${env:HOME}}"), Err(TemplateError::BadName("secret")));
    }

    #[test]
    fn only_a_text_that_is_one_reference_counts_as_one() {
        for (text, expected) in [
            ("${env:A}", true),
            ("${secret:client-vscode}", true),
            ("${env:A}${env:B}", false),
            (" ${env:A}", false),
            ("${env:}", false),
            ("db_abc", false),
            ("${input:a}", false),
        ] {
            assert_eq!(is_one_reference(text), expected, "{text}");
        }
    }
}
