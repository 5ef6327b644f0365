//! The record as the panel shows it.

use std::fmt::Write as _;

use drawbridge_audit::{
    Choices, DividedBy, Entry, EntryDetail, Filter, Kept, LookedAt, NameCount, ReadError, Series,
    Since,
};
use drawbridge_model::RecordRule;

use super::Engine;
use crate::bridge::{CommandError, ErrorCode};
use crate::clock::now_ms;
use crate::view::{
    ActivityChoices, ActivityDetail, ActivityEntry, ActivityFilter, ActivityGrouping, ActivityPage,
    ActivityPicture, ActivityQuery, ActivitySeries, Away, RecordedName, RecordedTool,
};

/// Most entries of one page.
const PAGE: u32 = 200;
/// Who looked less than this long ago, in this run, was not away.
const AWAY_MS: i64 = 10 * 60 * 1000;

impl Engine {
    /// A page of the record, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn activity_page(&self, query: ActivityQuery) -> Result<ActivityPage, CommandError> {
        let (filter, limit) = (filter_of(query.filter), query.limit.clamp(1, PAGE));
        let page = self.0.record.find(&filter, query.before, limit).await.map_err(read_failed)?;
        let entries = page.entries.into_iter().map(entry_view).collect();
        Ok(ActivityPage { entries, next: page.next })
    }

    /// One entry of the record, whole.
    ///
    /// # Errors
    /// When the record cannot be read or has no such entry.
    pub async fn activity_detail(&self, id: i64) -> Result<ActivityDetail, CommandError> {
        let found = self.0.record.entry(id).await.map_err(read_failed)?;
        match found {
            Some(detail) => Ok(detail_view(detail)),
            None => {
                Err(CommandError::new(ErrorCode::Other, "This entry is no longer on record.", ""))
            }
        }
    }

    /// What there is to filter by.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn activity_choices(&self) -> Result<ActivityChoices, CommandError> {
        let Choices { clients, servers, tools } =
            self.0.record.choices().await.map_err(read_failed)?;
        let tools = tools.into_iter().map(|tool| RecordedTool {
            server: tool.server,
            tool: tool.tool,
            entries: tool.entries,
        });
        Ok(ActivityChoices {
            clients: clients.into_iter().map(recorded_name).collect(),
            servers: servers.into_iter().map(recorded_name).collect(),
            tools: tools.collect(),
        })
    }

    /// How much happened over time. Bars of a day and more begin at midnight of the place that is
    /// `utc_offset_minutes` ahead of UTC.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn activity_picture(
        &self,
        filter: ActivityFilter,
        grouping: ActivityGrouping,
        utc_offset_minutes: i32,
    ) -> Result<ActivityPicture, CommandError> {
        let by = match grouping {
            ActivityGrouping::Client => DividedBy::Client,
            ActivityGrouping::Tool => DividedBy::Tool,
        };
        let picture = self.0.record.picture(&filter_of(filter), by, utc_offset_minutes).await;
        let picture = picture.map_err(read_failed)?;
        let series = |Series { client, server, tool, counts }| ActivitySeries {
            client,
            server,
            tool,
            counts,
        };
        Ok(ActivityPicture {
            from: picture.from,
            bar_ms: picture.bar_ms,
            bars: picture.bars,
            series: picture.series.into_iter().map(series).collect(),
            without_text: picture.without_text,
        })
    }

    /// What happened since the person last looked; `None` where nothing did, where they looked just
    /// now, and the first time.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn away(&self) -> Result<Option<Away>, CommandError> {
        let Some(last) = self.0.record.kept().looked_at().await.map_err(read_failed)? else {
            let newest = *self.0.record.newest().borrow();
            return self.looked_at_activity(newest).await.map(|()| None);
        };
        if last.at >= self.0.started_at && now_ms() - last.at < AWAY_MS {
            return Ok(None);
        }
        let Since { calls, refused, failed, crashes, clients, newest } =
            self.0.record.since(last.entry).await.map_err(read_failed)?;
        Ok((calls + crashes > 0).then(|| Away {
            since: last.at,
            calls,
            refused,
            failed,
            crashes,
            clients: clients.into_iter().map(recorded_name).collect(),
            newest,
        }))
    }

    /// The person has looked at what happened up to this entry.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub async fn looked_at_activity(&self, newest: i64) -> Result<(), CommandError> {
        let kept = self.0.record.kept();
        let before = kept.looked_at().await.map_err(read_failed)?;
        let entry = before.map_or(newest, |before| before.entry.max(newest));
        let kept = kept.set_looked_at(LookedAt { entry, at: now_ms() }).await;
        kept.map_err(|error| CommandError::other(error.problem()))
    }
}

pub(super) fn read_failed(error: ReadError) -> CommandError {
    CommandError::other(error.problem())
}

pub(super) fn filter_of(filter: ActivityFilter) -> Filter {
    Filter {
        text: filter.text,
        from: filter.from,
        until: filter.until,
        client: filter.client,
        server: filter.server,
        subject: filter.subject,
        kinds: filter.kinds,
        decisions: filter.decisions,
        reasons: filter.reasons,
        outcomes: filter.outcomes,
    }
}

fn recorded_name(counted: NameCount) -> RecordedName {
    RecordedName { name: counted.name, entries: counted.entries }
}

fn entry_view(entry: Entry) -> ActivityEntry {
    ActivityEntry {
        id: entry.id,
        at: entry.at,
        kind: entry.kind,
        client: entry.client,
        server: entry.server,
        subject: entry.subject,
        decision: entry.decision,
        reason: entry.reason,
        outcome: entry.outcome,
        duration_ms: entry.duration.and_then(|taken| i64::try_from(taken.as_millis()).ok()),
        note: entry.note,
    }
}

fn detail_view(detail: EntryDetail) -> ActivityDetail {
    let size = |bytes: Option<u64>| bytes.and_then(|bytes| i64::try_from(bytes).ok());
    let shown = |kept: Option<Kept>| {
        let kept = kept.filter(|kept| !kept.text.is_empty())?;
        Some(match detail.rule {
            RecordRule::Content => laid_out(&kept),
            RecordRule::Shapes | RecordRule::Nothing => indented(&kept.text),
        })
    };
    ActivityDetail {
        client_says: detail.entry.client_says.clone(),
        waited_ms: detail.waited.and_then(|waited| i64::try_from(waited.as_millis()).ok()),
        ended_at: detail.ended_at,
        request: detail.request,
        upstream_request: detail.upstream_request.map(|id| id.to_string()),
        arguments: shown(detail.arguments),
        arguments_bytes: size(detail.arguments_bytes),
        result: shown(detail.result),
        result_bytes: size(detail.result_bytes),
        kept_less: detail.rule != RecordRule::Content,
        entry: entry_view(detail.entry),
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
