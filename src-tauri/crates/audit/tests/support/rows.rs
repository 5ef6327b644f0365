//! Records whose rows are written by the test itself, and a second, plain way to find in them.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drawbridge_audit::{Filter, Reading};
use rusqlite::{Connection, params};
use tempfile::TempDir;

/// One row; empty texts are absent.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub at: i64,
    pub kind: &'static str,
    pub client: &'static str,
    pub client_says: &'static str,
    pub server: &'static str,
    pub subject: &'static str,
    pub decision: &'static str,
    pub reason: &'static str,
    pub outcome: &'static str,
    pub note: String,
    pub arguments: String,
    pub result: String,
}

pub struct Rows {
    pub home: TempDir,
    pub file: Connection,
    pub run: i64,
    pub next: i64,
}

impl Rows {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let file = Connection::open(home.path().join("drawbridge.db")).expect("opens");
        file.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = off").expect("a log");
        file.execute_batch(include_str!("../../migrations/0001_record.sql")).expect("tables");
        file.execute_batch("INSERT INTO runs VALUES (1, 0)").expect("a run");
        Self { home, file, run: 1, next: 1 }
    }

    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    pub fn index(&self) -> PathBuf {
        self.folder().join("drawbridge-search.db")
    }

    pub fn reading(&self) -> Reading {
        Reading::open(self.folder()).expect("the record opens")
    }

    pub fn new_run(&mut self) {
        self.run += 1;
        self.file.execute("INSERT INTO runs VALUES (?1, 0)", [self.run]).expect("a run");
    }

    fn write(&mut self, step: &str, call: Option<i64>, row: &Row) -> i64 {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let kind = some(row.kind).filter(|_| call.is_none());
        let chain = [self.next.to_le_bytes(), row.at.to_le_bytes()].concat();
        self.file
            .prepare_cached(
                "INSERT INTO entries (id, run, at, step, call, kind, client, client_says, server, \
                 subject, decision, reason, outcome, note, arguments, result, chain) VALUES \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )
            .expect("prepares")
            .execute(params![
                self.next,
                self.run,
                row.at,
                step,
                call,
                kind,
                some(row.client),
                some(row.client_says),
                some(row.server),
                some(row.subject),
                some(row.decision),
                some(row.reason),
                some(row.outcome),
                some(&row.note),
                some(&row.arguments),
                some(&row.result),
                chain
            ])
            .expect("a row");
        self.next += 1;
        self.next - 1
    }

    pub fn begin(&mut self, row: &Row) -> i64 {
        self.write("began", None, row)
    }

    pub fn note(&mut self, row: &Row) -> i64 {
        self.write("noted", None, row)
    }

    pub fn end(&mut self, call: i64, row: &Row) -> i64 {
        self.write("ended", Some(call), row)
    }

    /// A call that succeeded.
    pub fn call(&mut self, row: &Row) -> i64 {
        let id = self.begin(row);
        self.end(id, &Row { outcome: "succeeded", at: row.at + 1, ..Row::default() });
        id
    }

    /// Rows below this one are removed, of which some are still there.
    pub fn remove(&mut self, before: i64, still_there: i64) {
        self.file
            .execute("UPDATE removal SET before = max(before, ?1)", [before])
            .expect("it may grow");
        self.file.execute("DELETE FROM entries WHERE id < ?1", [before - still_there]).expect("go");
    }

    /// All entries as they should be found, oldest first.
    pub fn plainly(&self) -> Vec<Plain> {
        let mut statement = self
            .file
            .prepare(
                "SELECT id, run, at, step, call, kind, client, client_says, server, subject, \
                 decision, reason, outcome, note, arguments, result FROM entries \
                 WHERE id >= (SELECT before FROM removal) ORDER BY id",
            )
            .expect("prepares");
        let mut all: BTreeMap<i64, Plain> = BTreeMap::new();
        let mut rows = statement.query([]).expect("reads");
        while let Some(row) = rows.next().expect("reads") {
            let text = |column: usize| {
                row.get::<_, Option<String>>(column).expect("a text").unwrap_or_default()
            };
            let number = |column: usize| row.get::<_, i64>(column).expect("a number");
            if text(3) != "ended" {
                all.insert(
                    number(0),
                    Plain {
                        id: number(0),
                        at: number(2),
                        kind: text(5),
                        client: text(6),
                        client_says: text(7),
                        server: text(8),
                        subject: text(9),
                        decision: text(10),
                        reason: text(11),
                        outcome: match text(12) {
                            none if none.is_empty() && text(3) == "began" => {
                                if number(1) < self.run { "unknown".into() } else { String::new() }
                            }
                            outcome => outcome,
                        },
                        note: text(13),
                        arguments: text(14),
                        result: String::new(),
                        ended: text(3) != "began",
                    },
                );
                continue;
            }
            let Some(story) = all.get_mut(&number(4)).filter(|story| !story.ended) else {
                continue;
            };
            story.ended = true;
            story.outcome = text(12);
            story.result = text(15);
            for (value, mine) in [
                (text(10), &mut story.decision),
                (text(11), &mut story.reason),
                (text(13), &mut story.note),
            ] {
                if !value.is_empty() {
                    *mine = value;
                }
            }
        }
        all.into_values().collect()
    }
}

/// An entry as it should be found.
#[derive(Debug, Clone)]
pub struct Plain {
    pub id: i64,
    pub at: i64,
    pub kind: String,
    pub client: String,
    pub client_says: String,
    pub server: String,
    pub subject: String,
    pub decision: String,
    pub reason: String,
    pub outcome: String,
    pub note: String,
    pub arguments: String,
    pub result: String,
    ended: bool,
}

impl Plain {
    pub fn fits(&self, filter: &Filter) -> bool {
        let name = |wanted: &Option<String>, mine: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == mine)
        };
        filter.from.is_none_or(|from| from <= self.at)
            && filter.until.is_none_or(|until| self.at < until)
            && name(&filter.client, &self.client)
            && name(&filter.server, &self.server)
            && name(&filter.subject, &self.subject)
            && any(&filter.kinds, &self.kind)
            && any(&filter.decisions, &self.decision)
            && any(&filter.reasons, &self.reason)
            && any(&filter.outcomes, &self.outcome)
            && filter.text.as_ref().is_none_or(|text| self.has(text))
    }

    /// For plain ASCII texts.
    fn has(&self, text: &str) -> bool {
        let fields = [
            &self.client,
            &self.client_says,
            &self.server,
            &self.subject,
            &self.note,
            &self.arguments,
            &self.result,
        ];
        let fields: Vec<Vec<String>> = fields.into_iter().map(|field| words(field)).collect();
        let parts: Vec<&str> = text.split_whitespace().filter(|it| !words(it).is_empty()).collect();
        parts.iter().enumerate().all(|(place, part)| {
            let wanted = words(part);
            let open = place + 1 == parts.len()
                && part.len() > 1
                && part.ends_with(|c: char| c.is_ascii_alphanumeric());
            fields.iter().any(|field| {
                field.windows(wanted.len()).any(|found| {
                    let (last, others) = wanted.split_last().expect("a word");
                    let (end, begin) = found.split_last().expect("a word");
                    begin == others && if open { end.starts_with(last) } else { end == last }
                })
            })
        })
    }
}

fn any<T: serde::Serialize>(wanted: &[T], mine: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| serde_json::json!(it) == mine)
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// All pages of a filter, one after the other, as the numbers of their entries.
pub fn all_pages(reading: &Reading, filter: &Filter, limit: u32) -> Vec<i64> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = reading.find(filter, before, limit).expect("a page");
        assert!(page.entries.len() <= limit as usize, "more than asked for");
        all.extend(page.entries.iter().map(|entry| entry.id));
        assert!(page.next.is_none() || page.next < before.or(Some(i64::MAX)), "it goes on");
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}
