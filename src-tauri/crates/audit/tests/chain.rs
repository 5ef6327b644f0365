//! Whatever is changed in the record shows, and shows where it was changed.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use drawbridge_audit::{Broken, CallEnded, Damage, Excerpt, ModelUse, Note, Record, check};
use drawbridge_model::{ActivityKind, ActivityOutcome, ActivityReason, RecordRule};
use rusqlite::Connection;
use support::{TestRecord, call, checked, count, within};

const CALLS: usize = 12;

fn broken(folder: &Path) -> Option<Broken> {
    checked(folder).broken
}

/// A folder with a record in which every column has a value somewhere, closed.
async fn written() -> TestRecord {
    let test = TestRecord::open().await;
    write_calls(&test.record, CALLS).await;
    close(&test).await;
    test
}

async fn write_calls(record: &Record, calls: usize) {
    for n in 0..calls {
        let mut began = call("write_file");
        began.reason = Some(ActivityReason::Person);
        began.waited = Some(Duration::from_secs(3));
        began.request = Some("\"r-7\"".into());
        began.note = Some("Allowed once by the person.".into());
        began.rule = if n % 2 == 0 { RecordRule::Content } else { RecordRule::Shapes };
        began.arguments = Some(Excerpt::of(&format!("{{\"text\":\"{}\"}}", "a".repeat(n * 3_000))));
        let id = record.begin(began).await.expect("recorded");
        let mut end = CallEnded::new(ActivityOutcome::Succeeded, Duration::from_micros(1_500));
        end.result = Some(Excerpt::of(&"b".repeat(n * 3_000)));
        end.result_bytes = Some(99);
        end.upstream = Some(41);
        end.refused = (n == 3).then_some(ActivityReason::Scan);
        end.note = Some("It was slow.".to_owned());
        end.model = Some(ModelUse { model: "small".to_owned(), ..ModelUse::default() });
        record.end(id, end).await;
        record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded");
    }
}

async fn close(test: &TestRecord) {
    test.record.close().await;
    test.tasks.close();
    within("tasks end", test.tasks.wait()).await;
}

/// Another program that can do anything.
fn intruder(folder: &Path) -> Connection {
    let other = Connection::open(folder.join("drawbridge.db")).expect("opens");
    let disarm = "DROP TRIGGER entries_are_not_changed; DROP TRIGGER entries_are_not_removed;
                  PRAGMA ignore_check_constraints = ON;";
    other.execute_batch(disarm).expect("it can");
    other
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for file in ["drawbridge.db", "record-marks.json"] {
        std::fs::copy(from.join(file), to.path().join(file)).expect("copies");
    }
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_as_it_was_written_is_sound_while_it_is_written_and_over_restarts() {
    let test = TestRecord::open().await;
    write_calls(&test.record, 3).await;
    assert_eq!(broken(&test.folder), None, "also while the engine runs");
    let test = test.reopen().await;
    write_calls(&test.record, 2).await;
    close(&test).await;
    let checked = checked(&test.folder);
    assert_eq!((checked.rows, checked.broken), (15, None));
    assert!(checked.from.is_some());
    let columns = "SELECT count(*) FROM pragma_table_info('entries')";
    assert_eq!(count(&test.eyes(), columns), 28);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_value_of_each_column_is_found_in_its_row() {
    let test = written().await;
    let names: Vec<String> = {
        let eyes = test.eyes();
        let mut names = eyes.prepare("SELECT name FROM pragma_table_info('entries')").expect("sql");
        let names = names.query_map([], |row| row.get(0)).expect("reads");
        names.collect::<Result<_, _>>().expect("names")
    };
    for name in names.iter().filter(|name| *name != "id") {
        let folder = copy(&test.folder);
        let other = intruder(folder.path());
        let row: i64 = other
            .query_row(
                &format!("SELECT id FROM entries WHERE {name} IS NOT NULL AND id > 4 LIMIT 1"),
                [],
                |row| row.get(0),
            )
            .unwrap_or_else(|error| panic!("no row has a {name}: {error}"));
        // One bit where it is a number or bytes, one letter where it is a text.
        let flipped = format!(
            "UPDATE entries SET {name} = CASE typeof({name})
                 WHEN 'integer' THEN {name} | 1 << 40
                 WHEN 'blob' THEN randomblob(length({name}))
                 ELSE substr({name}, 1, length({name}) - 1) || '~' END
             WHERE id = {row}"
        );
        assert_eq!(other.execute(&flipped, []).expect(&flipped), 1);
        drop(other);
        let found = broken(folder.path()).unwrap_or_else(|| panic!("{name} was flipped unseen"));
        assert_eq!((found.row, found.what), (row, Damage::Changed), "{name}");
        assert!(found.sentence().contains(&format!("Row {row}")), "{}", found.sentence());
    }
    // A value that is taken away, or comes where there was none.
    for change in
        ["note = NULL WHERE id = 7", "note = '' WHERE id = 6", "outcome = x'00' WHERE id = 8"]
    {
        let folder = copy(&test.folder);
        let other = intruder(folder.path());
        let strict = format!("UPDATE entries SET {change}");
        if other.execute(&strict, []).is_err() {
            continue;
        }
        drop(other);
        let row = change.rsplit(' ').next().and_then(|row| row.parse().ok());
        assert_eq!(broken(folder.path()).map(|found| found.row), row, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_missing_swapped_or_put_in_are_found_and_placed() {
    let test = written().await;
    let rows = 3 * CALLS as i64;
    let missing = |until| Damage::Missing { until };
    for (what, sql, row, damage) in [
        ("one deleted", "DELETE FROM entries WHERE id = 9", 9, missing(Some(10))),
        ("three deleted", "DELETE FROM entries WHERE id IN (9, 10, 11)", 9, missing(Some(12))),
        ("the first deleted", "DELETE FROM entries WHERE id = 1", 1, missing(Some(2))),
        ("the tail cut", "DELETE FROM entries WHERE id > 30", 31, missing(None)),
        ("one cut", "DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)", rows, missing(None)),
        ("all deleted", "DELETE FROM entries", 1, missing(None)),
        (
            "two swapped",
            "UPDATE entries SET id = -1 WHERE id = 9; UPDATE entries SET id = 9 WHERE id = 12;
             UPDATE entries SET id = 12 WHERE id = -1",
            9,
            Damage::Changed,
        ),
        (
            "one deleted and the gap closed",
            "DELETE FROM entries WHERE id = 9; UPDATE entries SET id = -id WHERE id > 9;
             UPDATE entries SET id = -id - 1 WHERE id < 0",
            9,
            Damage::Changed,
        ),
        (
            "one put in",
            "UPDATE entries SET id = -id WHERE id > 9; UPDATE entries SET id = 1 - id WHERE id < 0;
             INSERT INTO entries (id, run, at, step, kind, chain)
                 SELECT 10, run, at, 'noted', 'serverStarted', chain FROM entries WHERE id = 9",
            10,
            Damage::Changed,
        ),
        (
            "one added",
            "INSERT INTO entries (id, run, at, step, kind, chain)
                 SELECT max(id) + 1, run, at, 'noted', 'serverStarted', randomblob(32) FROM entries",
            rows + 1,
            Damage::Changed,
        ),
    ] {
        let folder = copy(&test.folder);
        let other = intruder(folder.path());
        other.execute_batch(sql).expect(what);
        drop(other);
        let found = broken(folder.path()).unwrap_or_else(|| panic!("{what}, unseen"));
        assert_eq!((found.row, found.what), (row, damage), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_written_anew_is_told_from_the_one_that_was_kept() {
    let test = written().await;
    // Another record with as many rows, sound in itself.
    let other = written().await;
    std::fs::copy(other.folder.join("drawbridge.db"), test.folder.join("drawbridge.db"))
        .expect("copies");
    let found = broken(&test.folder).expect("it is another one");
    assert_eq!(found.what, Damage::WrittenAnew { since: 0 });
    // Starting with it does not make it the one that was kept.
    let again = TestRecord::open_in(&test.folder).await;
    let told = again.record.page(None, 1).await.expect("a page").entries.remove(0);
    assert!(told.note.expect("a sentence").contains("wrote them anew"));
    write_calls(&again.record, 2).await;
    close(&again).await;
    let found = broken(&test.folder).expect("it still is another one");
    assert_eq!((found.row, found.what), (36, Damage::WrittenAnew { since: 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_while_nothing_ran_is_told_at_the_next_start_and_stays_found() {
    let test = written().await;
    intruder(&test.folder).execute_batch("DELETE FROM entries WHERE id > 30").expect("cuts");
    let again = TestRecord::open_in(&test.folder).await;
    let told = again.record.page(None, 1).await.expect("a page").entries.remove(0);
    assert_eq!(told.kind, ActivityKind::RecordShortened);
    assert!(told.note.expect("a sentence").contains("last 6 rows"), "it says how many");
    assert_eq!(told.id, 37, "numbers are not given again");
    write_calls(&again.record, 2).await;
    close(&again).await;
    let found = broken(&test.folder).expect("the gap stays");
    assert_eq!((found.row, found.what), (31, Damage::Missing { until: Some(37) }));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_is_kept_apart_the_end_is_not_vouched_for() {
    let test = written().await;
    std::fs::remove_file(test.folder.join("record-marks.json")).expect("removes");
    assert_eq!(broken(&test.folder).expect("nothing vouches for it").what, Damage::EndUnknown);
    let again = TestRecord::open_in(&test.folder).await;
    let told = again.record.page(None, 1).await.expect("a page").entries.remove(0);
    assert!(told.note.expect("a sentence").contains("record-marks.json"));
    close(&again).await;
    assert_eq!(broken(&test.folder), None, "from there on it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_on_purpose_leaves_a_sound_record() {
    let test = TestRecord::open().await;
    write_calls(&test.record, CALLS).await;
    within("ends are written", test.ended(CALLS as i64)).await;
    assert_eq!(within("removes", test.record.remove_before(10)).await, Ok(9));
    assert_eq!(count(&test.eyes(), "SELECT min(id) FROM entries"), 10);
    support::assert_append_only(&test.folder);
    assert_eq!(broken(&test.folder), None);
    let test = test.reopen().await;
    assert_eq!(within("again", test.record.remove_before(5)).await, Ok(0), "nothing is left there");
    write_calls(&test.record, 1).await;
    let newest = 3 * (CALLS as i64 + 1);
    let mut rows = test.record.newest();
    within("the end is written", rows.wait_for(|row| *row == newest)).await.expect("lives");
    within("all", test.record.remove_before(newest + 1)).await.expect("removes");
    assert_eq!(count(&test.eyes(), "SELECT count(*) FROM entries"), 0);
    assert_eq!(broken(&test.folder), None, "an empty record is sound");
    let test = test.reopen().await;
    let id = test.record.begin(call("next")).await.expect("recorded");
    assert_eq!(id.number(), newest + 1, "the chain goes on");
    close(&test).await;
    assert_eq!(broken(&test.folder), None);
    // What was removed is signed off once: the rest cannot be removed under its cover.
    intruder(&test.folder)
        .execute_batch("UPDATE removal SET before = 99; DELETE FROM entries")
        .expect("ok");
    assert!(broken(&test.folder).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_another_program_took_is_passed_over_and_its_row_is_found() {
    let test = TestRecord::open().await;
    let first = test.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded");
    let theirs = first.number() + 1;
    let put_in = "INSERT INTO entries (id, run, at, step, kind, chain)
        SELECT id + 1, run, at, step, kind, randomblob(32) FROM entries WHERE id = ?1";
    let other = Connection::open(test.folder.join("drawbridge.db")).expect("opens");
    other.execute(put_in, [first.number()]).expect("it can");
    drop(other);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let ours = test.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded");
    assert_eq!(ours.number(), theirs + 1);
    close(&test).await;
    let found = broken(&test.folder).expect("it does not belong there");
    assert_eq!((found.row, found.what), (theirs, Damage::Changed));
    // What is kept apart tells of the newest row all the same.
    let marks = std::fs::read(test.folder.join("record-marks.json")).expect("it was written");
    let marks: serde_json::Value = serde_json::from_slice(&marks).expect("JSON");
    let at = count(&test.eyes(), "SELECT at FROM entries ORDER BY id DESC LIMIT 1");
    let head = &marks["head"];
    assert_eq!((head["row"].as_i64(), head["at"].as_i64()), (Some(ours.number()), Some(at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_can_be_broken_off() {
    let test = TestRecord::open().await;
    let mut ids = Vec::new();
    for _ in 0..5_200 {
        ids.push(test.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded"));
    }
    let mut seen = 0;
    let result = check(&test.folder, |rows| {
        seen = rows;
        ControlFlow::Break(())
    });
    assert_eq!(result.expect("reads"), None);
    assert_eq!(seen, 5_000);
}
