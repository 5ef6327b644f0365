//! What is found is what is there, whatever is asked and however the index came about.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

#[path = "support/rows.rs"]
mod rows;

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};

use drawbridge_audit::{DividedBy, Filter, ReadError};
use drawbridge_model::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
use proptest::prelude::*;
use rows::{Plain, Row, Rows, all_pages};
use rusqlite::Connection;

const CLIENTS: [&str; 3] = ["", "vscode", "claude"];
const SERVERS: [&str; 3] = ["", "files", "git"];
const SUBJECTS: [&str; 4] = ["", "read_file", "write_file", "log"];
const KINDS: [&str; 4] = ["toolCall", "serverCrashed", "modelRequest", "requestRefused"];
const OUTCOMES: [&str; 4] = ["succeeded", "failed", "cancelled", "refused"];
const REASONS: [&str; 3] = ["", "mode", "pause"];
const TEXTS: [&str; 8] = [
    "",
    "/home/me/notes/todo.txt",
    "/home/me/todo",
    "notes of the day",
    "Today: ToDo",
    "txt notes",
    "me",
    "{\"a\":\"todo txt\"}",
];
const ASKED: [&str; 12] = [
    "todo",
    "tod",
    "todo.txt",
    "/home/me/notes",
    "notes me",
    "t",
    "vscode",
    "me/to",
    "...",
    "day .",
    "notes.",
    "me.",
];

#[derive(Debug, Clone)]
enum Act {
    Begin(Row),
    /// Which of the calls that run, and how.
    End(usize, Row),
    Note(Row),
    NewRun,
    CatchUp,
    /// How many of the rows that are left go, and how many of them are still in the file.
    Remove(i64, i64),
}

fn row() -> impl Strategy<Value = Row> {
    let names = (0..KINDS.len(), 0..CLIENTS.len(), 0..SERVERS.len(), 0..SUBJECTS.len());
    let texts = (0..TEXTS.len(), 0..TEXTS.len(), 0..TEXTS.len());
    let ways = (0..OUTCOMES.len(), 0..REASONS.len(), -7_200_000_i64..7_200_000);
    (names, texts, ways).prop_map(|(names, texts, (outcome, reason, at))| Row {
        at,
        kind: KINDS[names.0],
        client: CLIENTS[names.1],
        client_says: CLIENTS[names.1],
        server: SERVERS[names.2],
        subject: SUBJECTS[names.3],
        decision: if reason == 0 { "" } else { ["allowed", "refused"][outcome % 2] },
        reason: REASONS[reason],
        outcome: OUTCOMES[outcome],
        note: TEXTS[texts.0].to_owned(),
        arguments: TEXTS[texts.1].to_owned(),
        result: TEXTS[texts.2].to_owned(),
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => row().prop_map(Act::Begin),
        6 => (any::<usize>(), row()).prop_map(|(which, row)| Act::End(which, row)),
        3 => row().prop_map(Act::Note),
        1 => Just(Act::NewRun),
        2 => Just(Act::CatchUp),
        1 => (0..20_i64, 0..5_i64).prop_map(|(rows, left)| Act::Remove(rows, left)),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let maybe = |names: &'static [&'static str]| {
        prop::option::weighted(0.3, prop::sample::select(names).prop_map(str::to_owned))
    };
    let time = || prop::option::weighted(0.3, -40_000_000_i64..40_000_000);
    let kinds = [ActivityKind::ToolCall, ActivityKind::ServerCrashed, ActivityKind::ModelRequest];
    let outcomes = [ActivityOutcome::Succeeded, ActivityOutcome::Failed, ActivityOutcome::Unknown];
    let decisions = [ActivityDecision::Allowed, ActivityDecision::Refused];
    let reasons = [ActivityReason::Mode, ActivityReason::Pause];
    (
        (maybe(&ASKED), maybe(&CLIENTS), maybe(&SERVERS), maybe(&SUBJECTS)),
        (time(), time()),
        prop::option::weighted(0.3, prop::sample::subsequence(kinds.to_vec(), 1..=2)),
        prop::option::weighted(0.3, prop::sample::subsequence(outcomes.to_vec(), 1..=2)),
        prop::option::weighted(0.2, prop::sample::subsequence(decisions.to_vec(), 1)),
        prop::option::weighted(0.2, prop::sample::subsequence(reasons.to_vec(), 1)),
    )
        .prop_map(|((text, client, server, subject), (from, until), k, o, d, r)| Filter {
            // A text without words is none.
            text,
            from,
            until,
            client,
            server,
            subject,
            kinds: k.unwrap_or_default(),
            outcomes: o.unwrap_or_default(),
            decisions: d.unwrap_or_default(),
            reasons: r.unwrap_or_default(),
        })
}

/// Words are kept in parts of so many rows.
const PART: i64 = 65_536;

fn play(acts: &[Act], first: i64) -> Rows {
    let mut rows = Rows::new();
    rows.next = first;
    let reading = rows.reading();
    let (mut running, mut at, mut low) = (Vec::new(), 0, first);
    for act in acts {
        match act {
            Act::Begin(row) => {
                at += row.at;
                running.push(rows.begin(&Row { at, outcome: "", ..row.clone() }));
            }
            Act::End(which, row) if !running.is_empty() => {
                // It stays, so that a call may have a second end, which does not count.
                let call = running[which % running.len()];
                rows.end(call, &Row { at, ..row.clone() });
            }
            Act::End(..) => {}
            Act::Note(row) => {
                at += row.at;
                rows.note(&Row { at, ..row.clone() });
            }
            Act::NewRun => {
                rows.new_run();
                running.clear();
            }
            Act::CatchUp => {
                reading.page(None, 1).expect("a page");
            }
            Act::Remove(count, still_there) => {
                low = (low + count).min(rows.next);
                rows.remove(low, *still_there);
            }
        }
    }
    rows
}

fn newest_first<'a>(all: &'a [Plain], filter: &Filter) -> Vec<&'a Plain> {
    all.iter().rev().filter(|entry| entry.fits(filter)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_asked_is_found_as_if_all_had_been_looked_at(
        acts in prop::collection::vec(act(), 0..250),
        filters in prop::collection::vec((filter(), 1..40_u32), 12),
        moment in (0..250_i64, -840..840_i32),
        first in prop::sample::select(vec![1, PART - 100, 3 * PART - 30]),
    ) {
        let rows = play(&acts, first);
        let (reading, all) = (rows.reading(), rows.plainly());
        for (filter, limit) in &filters {
            let expected = newest_first(&all, filter);
            let ids: Vec<i64> = expected.iter().map(|entry| entry.id).collect();
            prop_assert_eq!(all_pages(&reading, filter, *limit), ids, "{:?}", filter);
            let page = reading.find(filter, None, 1000).expect("a page");
            for (found, plain) in page.entries.iter().zip(&expected) {
                let word = |word: Option<serde_json::Value>| {
                    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
                };
                let json = |value| serde_json::to_value(value).ok();
                prop_assert_eq!(&word(found.outcome.and_then(json)), &plain.outcome);
                let json = |value| serde_json::to_value(value).ok();
                prop_assert_eq!(&word(found.decision.and_then(json)), &plain.decision);
                let json = |value| serde_json::to_value(value).ok();
                prop_assert_eq!(&word(found.reason.and_then(json)), &plain.reason);
                prop_assert_eq!(found.note.as_deref().unwrap_or_default(), &plain.note);
            }
        }
        let everything = filters.iter().map(|(filter, _)| filter);
        for filter in everything {
            check_picture(&rows, filter, moment.1, &all)?;
        }
        check_since(&rows, first + moment.0, &all)?;
        let size = reading.size().expect("a size");
        prop_assert_eq!(size.entries, all.len() as i64);
        prop_assert_eq!(size.oldest, all.first().map(|entry| entry.at));
        let clients: i64 =
            reading.choices().expect("choices").clients.iter().map(|it| it.entries).sum();
        let with_client = all.iter().filter(|entry| !entry.client.is_empty()).count();
        prop_assert_eq!(clients, with_client as i64);
    }

    #[test]
    fn no_text_is_too_odd_to_ask(texts in prop::collection::vec(any::<String>(), 8)) {
        let mut rows = Rows::new();
        for text in &texts {
            rows.call(&Row { kind: "toolCall", arguments: text.clone(), ..Row::default() });
        }
        let reading = rows.reading();
        for text in texts.iter().cloned().chain(
            ["\"", "\"\"", "a\"b*", "NEAR(a b)", "x:y", "^a", "{a}", "-a", "a OR", "\0"].map(str::to_owned),
        ) {
            let filter = Filter { text: Some(text), ..Filter::default() };
            reading.find(&filter, None, 5).expect("an answer");
        }
    }
}

const NONE: [i64; 0] = [];
const CALLS: [&str; 4] = ["toolCall", "promptUse", "resourceRead", "modelRequest"];

fn check_picture(
    rows: &Rows,
    filter: &Filter,
    offset: i32,
    all: &[Plain],
) -> Result<(), TestCaseError> {
    const BUCKET: i64 = 300_000;
    // A range is widened to whole five minutes, and the text left out.
    let filter = Filter {
        from: filter.from.map(|from| from.div_euclid(BUCKET) * BUCKET),
        until: filter.until.map(|until| (until - 1).div_euclid(BUCKET) * BUCKET + BUCKET),
        ..filter.clone()
    };
    let textless = Filter { text: None, ..filter.clone() };
    for by in [DividedBy::Client, DividedBy::Tool] {
        let picture = rows.reading().picture(&filter, by, offset).expect("a picture");
        prop_assert_eq!(picture.without_text, filter.text.is_some());
        let mut expected: BTreeMap<(String, String), BTreeMap<i64, i64>> = BTreeMap::new();
        let counted = |entry: &&Plain| {
            entry.fits(&textless)
                && (CALLS.contains(&entry.kind.as_str()) || entry.kind == "requestRefused")
        };
        for entry in all.iter().filter(counted) {
            let name = match by {
                DividedBy::Client => (entry.client.clone(), String::new()),
                DividedBy::Tool => (entry.server.clone(), entry.subject.clone()),
            };
            let bar = (entry.at - picture.from).div_euclid(picture.bar_ms);
            prop_assert!((0..i64::from(picture.bars)).contains(&bar), "outside of the picture");
            *expected.entry(name).or_default().entry(bar).or_default() += 1;
        }
        prop_assert!(picture.bars <= 60);
        let mut shown = 0;
        for series in &picture.series {
            prop_assert_eq!(series.counts.len(), picture.bars as usize);
            let total: i64 = series.counts.iter().sum();
            shown += total;
            let name = match by {
                DividedBy::Client => (series.client.clone(), None),
                DividedBy::Tool => (series.server.clone(), series.tool.clone()),
            };
            if name == (None, None) {
                continue;
            }
            let name = (name.0.unwrap_or_default(), name.1.unwrap_or_default());
            for (bar, count) in series.counts.iter().enumerate() {
                let naive = expected[&name].get(&(bar as i64)).copied().unwrap_or(0);
                prop_assert_eq!(*count, naive, "{:?} in bar {}", name, bar);
            }
        }
        let all: i64 = expected.values().flat_map(BTreeMap::values).sum();
        prop_assert_eq!(shown, all);
        prop_assert!(picture.series.len() <= 7);
    }
    Ok(())
}

fn check_since(rows: &Rows, id: i64, all: &[Plain]) -> Result<(), TestCaseError> {
    let since = rows.reading().since(id).expect("counts");
    let later: Vec<_> = all.iter().filter(|entry| entry.id > id).collect();
    let calls: Vec<_> = later.iter().filter(|entry| CALLS.contains(&entry.kind.as_str())).collect();
    let with = |outcome| calls.iter().filter(|entry| entry.outcome == outcome).count() as i64;
    prop_assert_eq!(since.calls, calls.len() as i64);
    prop_assert_eq!(since.refused, with("refused"));
    prop_assert_eq!(since.failed, with("failed"));
    let crashes = later.iter().filter(|entry| entry.kind == "serverCrashed").count();
    prop_assert_eq!(since.crashes, crashes as i64);
    prop_assert_eq!(since.newest, all.last().map_or(0, |entry| entry.id));
    Ok(())
}

fn ask(rows: &Rows, text: &str) -> Vec<i64> {
    all_pages(&rows.reading(), &Filter { text: Some(text.to_owned()), ..Filter::default() }, 7)
}

#[test]
fn a_word_is_found_wherever_it_stands() {
    let mut rows = Rows::new();
    let row = |n: i64| Row { kind: "toolCall", at: n, ..Row::default() };
    let client = rows.call(&Row { client: "anna", ..row(1) });
    let says = rows.call(&Row { client_says: "Bert Studio 1.2", ..row(2) });
    let server = rows.call(&Row { server: "carl", ..row(3) });
    let subject = rows.call(&Row { subject: "dora_file", ..row(4) });
    let arguments = rows.call(&Row {
        arguments: r#"{"path":"/home/me/emil.txt","text":"one\nfritz\u00e9 C:\\notes"}"#.to_owned(),
        ..row(5)
    });
    let ended = rows.begin(&row(6));
    rows.reading().page(None, 1).expect("it is in the index while it runs");
    assert_eq!(ask(&rows, "gustav"), NONE);
    rows.end(
        ended,
        &Row {
            result: r#"{"content":[{"text":"Gustav geht"}]}"#.to_owned(),
            note: "Hans says no.".to_owned(),
            outcome: "failed",
            ..row(7)
        },
    );
    let noted = rows.note(&Row { note: "Ida came in.".to_owned(), ..row(8) });
    for (text, id) in [
        ("anna", client),
        ("bert studio", says),
        ("CARL", server),
        ("dora_file", subject),
        ("dora", subject),
        ("emil.txt", arguments),
        ("/home/me/emil", arguments),
        ("fritze", arguments),
        ("C:\\notes", arguments),
        ("gustav hans", ended),
        ("geht", ended),
        ("no.", ended),
        ("ida", noted),
    ] {
        assert_eq!(ask(&rows, text), [id], "{text}");
    }
    for text in ["me/home", "emil/txt/x", "nfritz", "gustav anna", "ann.", "txt.emil"] {
        assert_eq!(ask(&rows, text), NONE, "{text}");
    }
}

#[test]
fn words_of_other_scripts_are_found() {
    let mut rows = Rows::new();
    let texts = ["Über Öl und Käse", "これは東京都の天気です", "Привет, мир", "สวัสดีชาวโลก"];
    let ids = texts.map(|text| {
        rows.call(&Row { kind: "toolCall", arguments: text.to_owned(), ..Row::default() })
    });
    for (text, place) in
        [("kase", 0), ("ÜBER", 0), ("東京", 1), ("天気", 1), ("привет", 2), ("ми", 2), ("ชาว", 3)]
    {
        assert_eq!(ask(&rows, text), [ids[place]], "{text}");
    }
    assert_eq!(ask(&rows, "京東"), NONE, "in this order they do not stand there");
}

fn some_calls() -> Rows {
    let mut rows = Rows::new();
    some_calls_in(&mut rows);
    rows
}

fn some_calls_in(rows: &mut Rows) {
    for n in 0..300 {
        rows.call(&Row {
            at: n * 1000,
            kind: "toolCall",
            client: CLIENTS[n as usize % 3],
            subject: "read_file",
            arguments: format!("{{\"n\":\"number{n}\"}}"),
            ..Row::default()
        });
    }
}

fn all_are_found(rows: &Rows) {
    let all: Vec<i64> = rows.plainly().iter().rev().map(|entry| entry.id).collect();
    assert_eq!(all_pages(&rows.reading(), &Filter::default(), 50), all);
    assert_eq!(
        ask(rows, "number7"),
        [7, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79]
            .map(|n| n * 2 + 1)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn an_index_that_is_gone_or_damaged_is_made_anew() {
    let rows = some_calls();
    all_are_found(&rows);
    std::fs::remove_file(rows.index()).expect("is there");
    all_are_found(&rows);
    let length = std::fs::metadata(rows.index()).expect("is there").len();
    for from in [0, 100, 4_096, 4 * 4_096, length / 2] {
        let mut file = std::fs::OpenOptions::new().write(true).open(rows.index()).expect("opens");
        file.seek(SeekFrom::Start(from)).expect("seeks");
        file.write_all(&vec![0x5a; usize::try_from(length - from).expect("small")])
            .expect("writes");
        drop(file);
        all_are_found(&rows);
    }
    for length in [1, 5_000, length / 2] {
        let file = std::fs::OpenOptions::new().write(true).open(rows.index()).expect("opens");
        file.set_len(length).expect("is cut");
        drop(file);
        all_are_found(&rows);
    }
}

#[test]
fn an_index_of_another_version_or_program_is_made_anew() {
    let rows = some_calls();
    all_are_found(&rows);
    for sql in [
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 7",
        "DROP TABLE stories",
        "DROP TABLE words_0",
    ] {
        let other = Connection::open(rows.index()).expect("opens");
        other.execute_batch(sql).expect(sql);
        drop(other);
        all_are_found(&rows);
    }
}

#[test]
fn an_index_of_another_record_is_made_anew() {
    let rows = some_calls();
    all_are_found(&rows);
    let other = some_calls();
    other.file.execute_batch("DROP TRIGGER entries_are_not_changed").expect("drops");
    other.file.execute_batch("UPDATE entries SET chain = zeroblob(32)").expect("changes");
    std::fs::copy(rows.index(), other.index()).expect("copies");
    other.file.execute_batch("UPDATE entries SET subject = 'x' WHERE id = 1").expect("changes");
    let filter = Filter { subject: Some("x".to_owned()), ..Filter::default() };
    assert_eq!(all_pages(&other.reading(), &filter, 5), [1]);

    let shorter = Rows::new();
    std::fs::copy(rows.index(), shorter.index()).expect("copies");
    assert_eq!(all_pages(&shorter.reading(), &Filter::default(), 5), NONE);
}

#[test]
fn an_index_that_cannot_be_made_is_told() {
    let rows = some_calls();
    std::fs::create_dir(rows.index()).expect("a folder is in its place");
    let error = rows.reading().page(None, 1).expect_err("cannot be opened");
    assert!(matches!(error, ReadError::Index { .. }), "{error}");
    assert!(error.problem().message.contains("drawbridge-search.db"));
    let nowhere = drawbridge_audit::Reading::open(&rows.folder().join("nowhere"));
    assert!(matches!(nowhere, Err(ReadError::NotThere(_))), "{nowhere:?}");
}

#[test]
fn while_another_program_holds_the_index_what_it_has_is_shown() {
    let mut rows = some_calls();
    all_are_found(&rows);
    let newest = rows.reading().page(None, 1).expect("a page");
    let other = Connection::open(rows.index()).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let id = rows.call(&Row { kind: "toolCall", ..Row::default() });
    assert_eq!(rows.reading().page(None, 1).expect("a page"), newest);
    let detail = rows.reading().entry(id).expect("reads").expect("is there");
    assert_eq!(detail.entry.outcome, Some(ActivityOutcome::Succeeded), "its end is found");
    other.execute_batch("COMMIT").expect("lets go");
    assert_eq!(rows.reading().page(None, 1).expect("a page").entries[0].id, id);
}

#[test]
fn several_at_once_make_one_index() {
    let mut rows = Rows::new();
    let mut write = |count: i64| {
        rows.file.execute_batch("BEGIN").expect("begins");
        for n in 0..count {
            rows.call(&Row {
                at: n * 1000,
                kind: "toolCall",
                client: "vscode",
                arguments: format!("number{n}"),
                ..Row::default()
            });
        }
        rows.file.execute_batch("COMMIT").expect("commits");
    };
    write(4_000);
    let readings: Vec<_> = (0..3).map(|_| rows.reading()).collect();
    std::thread::scope(|scope| {
        let asking: Vec<_> = readings
            .iter()
            .map(|reading| {
                scope.spawn(|| {
                    (0..20).map(|_| reading.size().expect("a size").entries).collect::<Vec<_>>()
                })
            })
            .collect();
        for asking in asking {
            let seen = asking.join().expect("no panic");
            assert!(seen.iter().all(|entries| *entries == 4_000), "{seen:?}");
        }
    });
    let filter = Filter { client: Some("vscode".to_owned()), ..Filter::default() };
    assert_eq!(all_pages(&rows.reading(), &filter, 1000).len(), 4_000);
}

fn check_removal(first: i64) {
    let mut rows = Rows::new();
    rows.next = first;
    some_calls_in(&mut rows);
    let with = |word: &str| Row { kind: "toolCall", arguments: word.into(), ..Row::default() };
    let secret = rows.call(&with("zanzibarish"));
    let kept = rows.call(&with("madagascan"));
    assert_eq!(ask(&rows, "zanzibarish"), [secret]);
    rows.remove(kept, 10);
    assert_eq!(ask(&rows, "zanzibarish"), NONE);
    assert_eq!(ask(&rows, "madagascan"), [kept]);
    let reading = rows.reading();
    assert_eq!(reading.size().expect("a size").entries, 1);
    assert_eq!(reading.entry(secret).expect("reads"), None, "although its row is still there");
    assert_eq!(reading.choices().expect("choices").clients, []);
    drop(reading);
    let bytes = std::fs::read(rows.index()).expect("reads");
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(has(b"adagascan"), "this is how words stand there");
    assert!(!has(b"anzibarish"), "the word is still in the file");
}

#[test]
fn what_was_removed_leaves_the_index_with_its_words() {
    check_removal(1);
    // The entry that stays is the first of the next part.
    check_removal(PART - 602);
}
