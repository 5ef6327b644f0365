//! How long it takes to find, index and export entries of a large record, and what they take.
//!
//! ```sh
//! cargo run --release -p drawbridge-audit --example find_speed [ENTRIES]
//! ```

#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drawbridge_audit::{DividedBy, ExportForm, Filter, Reading, Record};
use drawbridge_model::{ActivityKind, ActivityOutcome, ActivityReason};
use rusqlite::{Connection, params};
use tokio_util::task::TaskTracker;

const ENTRIES: i64 = 1_000_000;
const MOST: i64 = 20_000_000;
const ROUNDS: usize = 9;
/// Of the first entry, in milliseconds since 1970.
const START: i64 = 1_750_000_000_000;
/// Between two entries.
const STEP_MS: i64 = 20_000;

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Anything<()> {
    let entries = match std::env::args().nth(1) {
        Some(text) => text.parse::<i64>()?.clamp(1_000, MOST),
        None => ENTRIES,
    };
    let folder = std::env::temp_dir().join(format!("find-speed-{}", std::process::id()));
    let measured = measure(&folder, entries).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &Path, entries: i64) -> Anything<()> {
    make_record(folder, entries).await?;
    let file = Connection::open(folder.join("drawbridge.db"))?;
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(file);

    let reading = Reading::open(folder)?;
    let started = Instant::now();
    reading.page(None, 1)?;
    let took = started.elapsed();
    let rows = entries * 2;
    let bytes = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    println!("{entries} entries, {rows} rows");
    println!("record: {} bytes a row", bytes("drawbridge.db") / rows.unsigned_abs());
    println!("index: {} bytes a row", bytes("drawbridge-search.db") / rows.unsigned_abs());
    println!(
        "index from nothing: {:.1} s, {:.0} rows/s",
        took.as_secs_f64(),
        rows as f64 / took.as_secs_f64()
    );

    println!("\nfirst page of 50, median of {ROUNDS}:");
    for (name, filter) in filters(entries) {
        time(name, || {
            let page = reading.find(&filter, None, 50)?;
            Ok(format!(
                "{} found{}",
                page.entries.len(),
                if page.next.is_some() { ", more" } else { "" }
            ))
        })?;
    }
    let deep = Filter { client: Some("editor".to_owned()), ..Filter::default() };
    let app =
        Filter { client: Some("claude".to_owned()), text: text("report"), ..Filter::default() };
    for (name, filter) in [("deep down: app", &deep), ("deep down: app and word", &app)] {
        time(name, || {
            Ok(format!("{} found", reading.find(filter, Some(rows / 50), 50)?.entries.len()))
        })?;
    }
    time("one entry", || Ok(reading.entry(rows / 2 + 1)?.map_or("none", |_| "there").to_owned()))?;
    time("choices", || Ok(format!("{} tools", reading.choices()?.tools.len())))?;
    for (name, by) in [("picture by app", DividedBy::Client), ("picture by tool", DividedBy::Tool)]
    {
        time(name, || {
            let picture = reading.picture(&Filter::default(), by, 120)?;
            Ok(format!("{} bars", picture.bars))
        })?;
    }
    let half = rows / 2;
    time("since the middle", || Ok(format!("{} calls", reading.since(half)?.calls)))?;
    time("size", || Ok(format!("{} bytes", reading.size()?.bytes)))?;

    println!();
    for (name, form) in [("CSV", ExportForm::Csv), ("JSON Lines", ExportForm::JsonLines)] {
        let (before, mut peak) = (resident(), 0);
        let started = Instant::now();
        let progress = |_| {
            peak = peak.max(resident());
            ControlFlow::Continue(())
        };
        let done = reading.export(&Filter::default(), form, &mut std::io::sink(), progress)?;
        println!(
            "export as {name}: {} entries, {:.0} entries/s, {} MB, memory grew by {} KiB",
            done.entries,
            done.entries as f64 / started.elapsed().as_secs_f64(),
            done.bytes / 1_000_000,
            peak.saturating_sub(before)
        );
    }
    Ok(())
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn filters(entries: i64) -> Vec<(&'static str, Filter)> {
    let any = Filter::default;
    let of = |from: i64, until: i64| Filter {
        from: Some(START + from * STEP_MS),
        until: Some(START + until * STEP_MS),
        ..any()
    };
    vec![
        ("everything", any()),
        ("common tool", Filter { subject: text("read_file"), ..any() }),
        ("rare tool", Filter { subject: text("rare_tool"), ..any() }),
        ("app", Filter { client: text("editor"), ..any() }),
        (
            "app and outcome",
            Filter { client: text("editor"), outcomes: vec![ActivityOutcome::Failed], ..any() },
        ),
        (
            "kind and reason, rare",
            Filter {
                kinds: vec![ActivityKind::ToolCall],
                reasons: vec![ActivityReason::Pause],
                ..any()
            },
        ),
        ("common word, open", Filter { text: text("path"), ..any() }),
        ("common word, closed", Filter { text: text("path "), ..any() }),
        ("beginning of common words", Filter { text: text("pa"), ..any() }),
        ("beginning of many words", Filter { text: text("doc1"), ..any() }),
        ("one letter and more", Filter { text: text("report.t"), ..any() }),
        ("rare word", Filter { text: text("zanzibar"), ..any() }),
        ("no such word", Filter { text: text("nowhere"), ..any() }),
        ("two words", Filter { text: text("report budget"), ..any() }),
        ("common words that never meet", Filter { text: text("read_file write_file"), ..any() }),
        ("path", Filter { text: text("/home/me/notes/doc77.md"), ..any() }),
        (
            "common word and rare tool",
            Filter { text: text("path"), subject: text("rare_tool"), ..any() },
        ),
        (
            "word and app and outcome",
            Filter {
                text: text("report."),
                client: text("editor"),
                outcomes: vec![ActivityOutcome::Failed],
                ..any()
            },
        ),
        ("a day", of(entries / 3, entries / 3 + 86_400_000 / STEP_MS)),
        (
            "a day and rare tool",
            Filter {
                subject: text("rare_tool"),
                ..of(entries / 3, entries / 3 + 86_400_000 / STEP_MS)
            },
        ),
        (
            "a month long ago and a word",
            Filter { text: text("report"), ..of(0, 30 * 86_400_000 / STEP_MS) },
        ),
        (
            "a month long ago, app, outcome",
            Filter {
                client: text("claude"),
                outcomes: vec![ActivityOutcome::Failed],
                ..of(0, 30 * 86_400_000 / STEP_MS)
            },
        ),
    ]
}

fn time(name: &str, mut find: impl FnMut() -> Anything<String>) -> Anything<()> {
    let mut times = Vec::new();
    let mut found = String::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        found = find()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let worst = times.last().copied().unwrap_or(Duration::ZERO);
    println!(
        "  {name:32} {:7.2} ms (worst {:6.2})  {found}",
        times[ROUNDS / 2].as_secs_f64() * 1e3,
        worst.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Resident memory in KiB, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        // The first are more frequent.
        let limit = choices.len() as u64;
        let place = self.below(limit).min(self.below(limit));
        choices[usize::try_from(place).unwrap_or(0)]
    }
}

const CLIENTS: [&str; 5] = ["vscode", "claude", "editor", "shell", "notes"];
const SERVERS: [&str; 4] = ["files", "git", "web", "mail"];
const TOOLS: [&str; 8] =
    ["read_file", "write_file", "list_directory", "search", "fetch", "status", "commit", "send"];
const WORDS: [&str; 32] = [
    "report", "budget", "meeting", "invoice", "garden", "kitchen", "window", "river", "mountain",
    "letter", "summer", "winter", "project", "deadline", "draft", "review", "notes", "train",
    "holiday", "music", "library", "picture", "recipe", "bread", "coffee", "paper", "school",
    "market", "doctor", "ticket", "weather", "travel",
];

async fn make_record(folder: &Path, entries: i64) -> Anything<()> {
    let tasks = TaskTracker::new();
    let record = Record::open(folder, &tasks).await?;
    record.close().await;
    tasks.close();
    tasks.wait().await;
    let mut file = Connection::open(PathBuf::from(folder).join("drawbridge.db"))?;
    file.execute_batch("PRAGMA synchronous = off")?;
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut n = 0;
    while n < entries {
        let transaction = file.transaction()?;
        let mut begin = transaction.prepare_cached(
            "INSERT INTO entries (id, run, at, step, kind, client, client_says, server, subject, \
             decision, reason, request, arguments, arguments_bytes, chain) \
             VALUES (?1, 1, ?2, 'began', 'toolCall', ?3, ?4, ?5, ?6, 'allowed', ?7, ?8, ?9, ?10, \
             zeroblob(32))",
        )?;
        let mut end = transaction.prepare_cached(
            "INSERT INTO entries (id, run, at, step, call, outcome, duration_us, upstream, result, \
             result_bytes, chain) \
             VALUES (?1, 1, ?2, 'ended', ?3, ?4, ?5, ?6, ?7, ?8, zeroblob(32))",
        )?;
        let until = entries.min(n + 50_000);
        while n < until {
            let (id, at) = (n * 2 + 1, START + n * STEP_MS);
            let client = chance.of(&CLIENTS);
            let tool = if n % 10_007 == 5 { "rare_tool" } else { chance.of(&TOOLS) };
            let reason = if n % 5_003 == 7 { "pause" } else { "mode" };
            let document = chance.below(5_000);
            let arguments = format!(
                "{{\"path\":\"/home/me/notes/doc{document}.md\",\"head\":{},\"query\":\"{} {}\"}}",
                chance.below(100),
                chance.of(&WORDS),
                chance.of(&WORDS)
            );
            let mut words = String::new();
            for _ in 0..20 {
                words.push_str(chance.of(&WORDS));
                words.push_str(if chance.below(8) == 0 { "\\n" } else { " " });
            }
            if n % 100_003 == 11 {
                words.push_str("zanzibar");
            }
            let result = format!(
                "{{\"content\":[{{\"type\":\"text\",\"text\":\"{words} entry {n} of {:x}\"}}]}}",
                chance.below(1 << 40)
            );
            let outcome = if chance.below(50) == 0 { "failed" } else { "succeeded" };
            let server = SERVERS[usize::try_from(document % 4)?];
            begin.execute(params![
                id,
                at,
                client,
                format!("{client} 1.130.0"),
                server,
                tool,
                reason,
                n.to_string(),
                arguments,
                i64::try_from(arguments.len())?
            ])?;
            end.execute(params![
                id + 1,
                at + 40,
                id,
                outcome,
                40_000,
                n,
                result,
                i64::try_from(result.len())?
            ])?;
            n += 1;
        }
        drop((begin, end));
        transaction.commit()?;
    }
    Ok(())
}
