use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drawbridge_audit::{Entry, ExportForm, Filter, Reading, check};
use drawbridge_model::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
use serde::de::DeserializeOwned;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime};

use crate::{EXIT_OK, EXIT_TROUBLE, Places};

/// Most entries asked for at a time.
const PAGE: u32 = 500;

/// Which entries are meant. All that is given has to hold.
#[derive(Args)]
pub(crate) struct Which {
    /// Words that all stand in the entry: in names, arguments, result or note.
    words: Vec<String>,
    /// Not before this moment, as in 2026-11-20 (midnight in UTC) or 2026-11-20T14:00:00Z.
    #[arg(long, value_parser = moment)]
    from: Option<i64>,
    /// Before this moment.
    #[arg(long, value_parser = moment)]
    until: Option<i64>,
    /// The app.
    #[arg(long)]
    app: Option<String>,
    /// The server.
    #[arg(long)]
    server: Option<String>,
    /// The tool, prompt or resource.
    #[arg(long)]
    tool: Option<String>,
    /// What happened, such as toolCall or serverCrashed. May be given several times.
    #[arg(long, value_parser = word::<ActivityKind>)]
    kind: Vec<ActivityKind>,
    /// What was decided: allowed or refused.
    #[arg(long, value_parser = word::<ActivityDecision>)]
    decision: Vec<ActivityDecision>,
    /// Why it was decided so, such as mode, person or pause. May be given several times.
    #[arg(long, value_parser = word::<ActivityReason>)]
    reason: Vec<ActivityReason>,
    /// How it ended, such as succeeded, failed or refused. May be given several times.
    #[arg(long, value_parser = word::<ActivityOutcome>)]
    outcome: Vec<ActivityOutcome>,
}

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// For spreadsheets.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl From<Which> for Filter {
    fn from(which: Which) -> Self {
        Self {
            text: (!which.words.is_empty()).then(|| which.words.join(" ")),
            from: which.from,
            until: which.until,
            client: which.app,
            server: which.server,
            subject: which.tool,
            kinds: which.kind,
            decisions: which.decision,
            reasons: which.reason,
            outcomes: which.outcome,
        }
    }
}

/// Checks whether the record is as it was written.
pub(crate) fn verify(places: Places) -> anyhow::Result<u8> {
    let folder = places.paths()?.data_dir;
    let checked = match check(&folder, |_| ControlFlow::Continue(())) {
        Ok(Some(checked)) => checked,
        // Nobody breaks it off.
        Ok(None) => return Ok(EXIT_TROUBLE),
        Err(error) => return Ok(trouble(&error.problem().message)),
    };
    match checked.broken {
        None => {
            println!("{} rows, as it was written", checked.rows);
            Ok(EXIT_OK)
        }
        Some(broken) => {
            println!("broken at row {}: {}", broken.row, broken.sentence());
            Ok(EXIT_TROUBLE)
        }
    }
}

/// Prints the newest entries that fit, a line each: time, app, server, tool, decision, why, outcome,
/// note.
pub(crate) fn search(which: Which, limit: u32, places: Places) -> anyhow::Result<u8> {
    let reading = match Reading::open(&places.paths()?.data_dir) {
        Ok(reading) => reading,
        Err(error) => return Ok(trouble(&error.problem().message)),
    };
    let filter = Filter::from(which);
    let (mut left, mut before) = (limit, None);
    while left > 0 {
        let page = match reading.find(&filter, before, left.min(PAGE)) {
            Ok(page) => page,
            Err(error) => return Ok(trouble(&error.problem().message)),
        };
        for entry in &page.entries {
            println!("{}", line(entry));
            left -= 1;
        }
        let Some(next) = page.next else { break };
        before = Some(next);
    }
    Ok(EXIT_OK)
}

/// Writes the entries that fit, oldest first, to a file or to standard output.
pub(crate) fn export(
    which: Which,
    form: Form,
    output: Option<PathBuf>,
    places: Places,
) -> anyhow::Result<u8> {
    let reading = match Reading::open(&places.paths()?.data_dir) {
        Ok(reading) => reading,
        Err(error) => return Ok(trouble(&error.problem().message)),
    };
    let form = match form {
        Form::Csv => ExportForm::Csv,
        Form::Jsonl => ExportForm::JsonLines,
    };
    let filter = Filter::from(which);
    let go_on = |_| ControlFlow::Continue(());
    let exported = match &output {
        Some(file) => {
            let opened = File::create(file).map_err(|error| {
                anyhow::anyhow!("{} cannot be written: {error}", file.display())
            })?;
            let mut writer = BufWriter::new(opened);
            let exported = reading.export(&filter, form, &mut writer, go_on);
            exported.and_then(|exported| Ok(writer.flush().map(|()| exported)?))
        }
        None => reading.export(&filter, form, &mut std::io::stdout().lock(), go_on),
    };
    match exported {
        Ok(exported) => {
            eprintln!("{} entries", exported.entries);
            Ok(EXIT_OK)
        }
        Err(error) => Ok(trouble(&error.problem().message)),
    }
}

fn trouble(sentence: &str) -> u8 {
    eprintln!("{sentence}");
    EXIT_TROUBLE
}

fn line(entry: &Entry) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(entry.at) * 1_000_000);
    let at = at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    [
        at,
        in_words(Some(entry.kind)),
        name(&entry.client),
        name(&entry.server),
        name(&entry.subject),
        in_words(entry.decision),
        in_words(entry.reason),
        in_words(entry.outcome),
        name(&entry.note),
    ]
    .map(|cell| cell.replace(char::is_control, " "))
    .join("\t")
}

/// The word the record has for something.
fn in_words<T: serde::Serialize>(value: Option<T>) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<i64, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| {
        let day = Date::parse(text, &Iso8601::DATE);
        day.map(|day| day.midnight().assume_utc())
    });
    let at =
        at.map_err(|_| "a day such as 2026-11-20, or a moment such as 2026-11-20T14:00:00Z")?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_words_are_read_as_people_write_them() {
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(moment("1970-01-02"), Ok(86_400_000));
        for wrong in ["yesterday", "2026-13-01", ""] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
        assert_eq!(word("toolCall"), Ok(ActivityKind::ToolCall));
        assert!(word::<ActivityOutcome>("wonderful").is_err());
    }
}
