//! What the definition of a tool says to the model, looked at before the model reads it.

use std::ops::Range;

use super::encoded::encoded;
use super::hidden::{hidden, visible};
use super::instructions::instructions;
use super::needles::InText;
use super::others::{Surroundings, references};
use super::secrets::{place, replaced, secrets_of};
use super::strings::{Found, Step, each_string};
use super::{Rules, ScanFailed};

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Characters that are not shown, or that change how others are.
    HiddenCharacters,
    /// A sentence that speaks to the model instead of describing the tool.
    InstructionsToTheModel,
    /// A passage about the tool of another server.
    OtherServersTools,
    /// A name that another server's tool has too, or that looks like it.
    ShadowedName,
    /// Text that a person cannot read as it stands.
    EncodedContent,
    /// A secret of whoever wrote the definition.
    Secret,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look; honest servers have it too.
    Notice,
    /// Made to act against the person, as far as the text alone can tell.
    Severe,
}

/// Something in a definition that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The way to it in the definition: `description`, `inputSchema.properties.path`. Of a
    /// parameter's name it is the way to the parameter.
    pub place: String,
    /// The passage with a little of what surrounds it, hidden characters as `\u{202e}` and secrets
    /// masked; at most [`PASSAGE`] characters, the last of them `…` where it was cut.
    pub passage: String,
}

/// Where what is shown before `at` begins, when it would begin at `from`: with a whole word.
fn word_start(text: &str, from: usize, at: usize) -> usize {
    let inside = from > 0 && !text[..from].ends_with(char::is_whitespace);
    let before = text.get(from..at).unwrap_or_default();
    match before.find(char::is_whitespace) {
        _ if !inside => from,
        Some(blank) => at - before[blank..].trim_start().len(),
        None => at,
    }
}

/// Most characters of a passage.
pub const PASSAGE: usize = 200;
/// Most bytes of the text in front of and behind what was found that a passage shows.
const CONTEXT: usize = 40;
/// Most findings of one definition; a person reads no more. The severe ones come first.
const FINDINGS: usize = 100;

/// Looks through the definition of a tool, as its server sent it: `definition` is the raw JSON
/// object. Every string in it is read, names of parameters included.
///
/// The severe findings come first, then those of each string in its order; of one string and kind
/// only the worst is told.
///
/// # Errors
/// [`ScanFailed`] where the definition could not be read: nothing is known about it then.
pub fn scan_tool(
    rules: &Rules,
    server: &str,
    definition: &str,
    around: &Surroundings<'_>,
) -> Result<Vec<Finding>, ScanFailed> {
    let mut findings = Vec::new();
    let mut failed = None;
    each_string(definition, |found| {
        if let Err(why) = scan_string(rules, server, found, around, &mut findings) {
            failed = Some(why);
        }
    })?;
    if let Some(why) = failed {
        return Err(why);
    }
    findings.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    findings.truncate(FINDINGS);
    Ok(findings)
}

fn scan_string(
    rules: &Rules,
    server: &str,
    found: &Found<'_, '_>,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ScanFailed> {
    let text = found.text();
    let secrets = secrets_of(found)?;
    let mut seen: Vec<(FindingKind, Severity, Range<usize>)> = Vec::new();
    seen.extend(
        hidden(text).into_iter().map(|run| (FindingKind::HiddenCharacters, run.severity, run.span)),
    );
    seen.extend(
        instructions(rules, text)
            .into_iter()
            .map(|found| (FindingKind::InstructionsToTheModel, found.severity, found.span)),
    );
    seen.extend(
        references(rules, server, text, around)
            .into_iter()
            .map(|found| (FindingKind::OtherServersTools, found.severity, found.span)),
    );
    seen.extend(
        encoded(rules, text)
            .into_iter()
            .filter(|run| !secrets.iter().any(|(_, secret)| overlap(secret, &run.span)))
            .map(|run| (FindingKind::EncodedContent, run.severity, run.span)),
    );
    // It harms its owner, not the person.
    seen.extend(
        secrets.iter().map(|(_, span)| (FindingKind::Secret, Severity::Notice, span.clone())),
    );
    if is_name(found)
        && let Some(severity) = around.shadowed(server, text)
    {
        seen.push((FindingKind::ShadowedName, severity, 0..text.len()));
    }
    // The first of the worst of each kind stays.
    seen.sort_by_key(|(kind, severity, span)| (*kind, std::cmp::Reverse(*severity), span.start));
    seen.dedup_by_key(|(kind, ..)| *kind);
    findings.extend(seen.into_iter().map(|(kind, severity, span)| Finding {
        kind,
        severity,
        place: place(found.path),
        passage: passage(text, &span, &secrets),
    }));
    Ok(())
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn is_name(found: &Found<'_, '_>) -> bool {
    matches!(found.path, [Step::Key(key)] if key == "name") && !found.is_key
}

fn passage(text: &str, span: &Range<usize>, secrets: &[InText]) -> String {
    let shown = |context: usize| {
        let start = text.floor_char_boundary(span.start.saturating_sub(context));
        let end = text.ceil_char_boundary((span.end + context).min(text.len()));
        let start = word_start(text, start, span.start);
        let clipped = secrets
            .iter()
            .filter(|(_, secret)| overlap(secret, &(start..end)))
            .map(|(kind, secret)| {
                (*kind, secret.start.max(start) - start..secret.end.min(end) - start)
            })
            .collect();
        visible(&replaced(text.get(start..end).unwrap_or_default(), clipped))
    };
    let with_context = shown(CONTEXT);
    if with_context.chars().count() <= PASSAGE {
        return with_context;
    }
    let alone = shown(0);
    if alone.chars().count() <= PASSAGE {
        return alone;
    }
    alone.chars().take(PASSAGE - 1).chain(['…']).collect()
}
