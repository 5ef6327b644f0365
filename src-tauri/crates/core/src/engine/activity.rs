//! The record as the panel shows it.

use std::fmt::Write as _;

use drawbridge_audit::{Entry, EntryDetail, Kept};

use super::Engine;
use crate::bridge::{CommandError, ErrorCode};
use crate::view::{ActivityDetail, ActivityEntry, ActivityPage, ActivityQuery};

/// Most entries of one page.
const PAGE: u32 = 200;

impl Engine {
    /// A page of the record, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn activity_page(&self, query: ActivityQuery) -> Result<ActivityPage, CommandError> {
        let limit = query.limit.clamp(1, PAGE);
        let page = self
            .0
            .record
            .page(query.before, limit)
            .await
            .map_err(|error| CommandError::other(error.problem()))?;
        let entries = page.entries.into_iter().map(entry_view).collect();
        Ok(ActivityPage { entries, more: page.more })
    }

    /// One entry of the record, whole.
    ///
    /// # Errors
    /// When the record cannot be read or has no such entry.
    pub async fn activity_detail(&self, id: i64) -> Result<ActivityDetail, CommandError> {
        let found =
            self.0.record.entry(id).await.map_err(|error| CommandError::other(error.problem()))?;
        let Some(EntryDetail { entry, arguments, result, result_bytes }) = found else {
            return Err(CommandError::new(
                ErrorCode::Other,
                "This entry is no longer on record.",
                "",
            ));
        };
        Ok(ActivityDetail {
            entry: entry_view(entry),
            arguments: arguments.map(|kept| laid_out(&kept)),
            result: result.map(|kept| laid_out(&kept)),
            result_bytes: result_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        })
    }
}

fn entry_view(entry: Entry) -> ActivityEntry {
    ActivityEntry {
        id: entry.id,
        at: entry.at,
        kind: entry.kind,
        client: entry.client,
        server: entry.server,
        subject: entry.subject,
        outcome: entry.outcome,
        duration_ms: entry.duration.and_then(|taken| i64::try_from(taken.as_millis()).ok()),
        note: entry.note,
    }
}

/// JSON with line ends and indentation; what was cut is shown as it was kept, and said so.
fn laid_out(kept: &Kept) -> String {
    if kept.is_cut() {
        let mut text = kept.text.clone();
        let _ = write!(text, "\n… cut: the whole has {} bytes", kept.bytes);
        if let Some(hash) = kept.sha256 {
            text.push_str(", SHA-256 ");
            for byte in hash {
                let _ = write!(text, "{byte:02x}");
            }
        }
        return text;
    }
    indented(&kept.text)
}

/// Steps of indentation at most: a text of nothing but brackets must not grow with their square.
const DEEPEST_INDENT: usize = 32;

/// Any JSON text, indented. Numbers keep their form, since what is shown is what was sent.
pub(crate) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST_INDENT)));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(inner) = chars.next() {
                    out.push(inner);
                    match inner {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn a_text_of_nothing_but_brackets_stays_within_bounds() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(indented(&deep).len() < deep.len() * 70);
    }

    #[test]
    fn json_is_laid_out_without_changing_a_value() {
        for (text, expected) in [
            (r#"{}"#, "{}"),
            (r#"{ }"#, "{}"),
            (r#"{"a":1e3,"b":[1,2]}"#, "{\n  \"a\": 1e3,\n  \"b\": [\n    1,\n    2\n  ]\n}"),
            (r#"{"a":"x, {y}: \" z"}"#, "{\n  \"a\": \"x, {y}: \\\" z\"\n}"),
            (r#"[]"#, "[]"),
            (r#""plain""#, "\"plain\""),
        ] {
            assert_eq!(indented(text), expected, "{text}");
        }
    }
}
