//! The record is kept as short as the person wants it, its space goes back to the disk, and calls go
//! on meanwhile.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

mod support;

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use drawbridge_audit::{CallEnded, Excerpt, Filter, Note, check};
use drawbridge_model::{ActivityKind, ActivityOutcome};
use rusqlite::Connection;
use support::{TestRecord, call, count, within};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("a moment")
}

/// Calls with a few kilobytes each.
async fn calls(test: &TestRecord, count: i64) {
    for n in 0..count {
        let id = test.record.begin(call("read_file")).await.expect("recorded");
        let mut end = CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO);
        end.result = Some(Excerpt::of(&format!("{{\"word{n}\":\"{}\"}}", "x".repeat(4_000))));
        test.record.end(id, end).await;
    }
}

async fn found(test: &TestRecord, text: &str) -> usize {
    let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
    test.record.find(&filter, None, 100).await.expect("a page").entries.len()
}

fn is_sound(test: &TestRecord) -> bool {
    let checked = check(&test.folder, |_| ControlFlow::Continue(()));
    checked.expect("reads").expect("not broken off").broken.is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_wanted_is_removed_and_found_no_more() {
    let test = TestRecord::open().await;
    calls(&test, 5).await;
    within("they ended", test.ended(5)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    calls(&test, 3).await;
    within("all ended", test.ended(8)).await;
    assert_eq!(found(&test, "word4").await, 1);

    assert_eq!(test.record.remove_older_than(0).await, Ok(0), "nothing is that old");
    assert_eq!(test.record.remove_older_than(between).await, Ok(10));
    assert_eq!(test.record.page(None, 100).await.expect("a page").entries.len(), 3);
    assert_eq!((found(&test, "word4").await, found(&test, "word2").await), (0, 1));
    assert_eq!(test.record.remove_older_than(between).await, Ok(0), "once is enough");
    assert!(is_sound(&test));
    assert_eq!(test.record.remove_older_than(now() + 1_000).await, Ok(6));
    assert_eq!(test.record.page(None, 100).await.expect("a page").entries.len(), 0);
    assert_eq!(test.record.remove_older_than(now()).await, Ok(0), "nothing is left");
    assert!(is_sound(&test));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_came_before_is_removed_while_calls_go_on() {
    let test = TestRecord::open().await;
    let (record, tasks) = (test.record.clone(), TaskTracker::new());
    let stop = CancellationToken::new();
    let calling = tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
        loop {
            let id = record.begin(call("read_file")).await.expect("recorded");
            record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
        }
    }));
    for turn in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let note = test.record.note(Note::new(ActivityKind::RecordShortened)).await;
        let note = note.expect("recorded").number();
        test.record.remove_before(note).await.expect("removed");
        let oldest = count(&test.eyes(), "SELECT min(id) FROM entries");
        assert_eq!(oldest, note, "turn {turn}");
    }
    stop.cancel();
    calling.await.expect("no panic");
    test.record.close().await;
    assert!(is_sound(&test));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_room_is_removed_oldest_first_and_the_room_is_given_back() {
    let test = TestRecord::open().await;
    // Ends are many times as large as beginnings and stand together in dozens, so that a share of few
    // rows may be more than that share of the bytes.
    calls(&test, 5_000).await;
    within("all ended", test.ended(5_000)).await;
    let before = test.record.size().await.expect("a size");
    assert_eq!(test.record.remove_down_to(before.bytes * 2).await, Ok(0), "there is room");

    let wanted = before.bytes / 2;
    let removed = within("it is shorter", test.record.remove_down_to(wanted)).await;
    let removed = removed.expect("removes");
    assert!((4_000..8_000).contains(&removed), "{removed} of 10000 rows");
    // The index is made shorter behind it.
    let after = within("the room is given back", async {
        loop {
            let size = test.record.size().await.expect("a size");
            if size.bytes <= wanted {
                return size;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(after.entries < before.entries);
    assert_eq!((found(&test, "word0").await, found(&test, "word4999").await), (0, 1));
    assert!(is_sound(&test));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_while_rows_are_removed() {
    let test = TestRecord::open().await;
    calls(&test, 2_000).await;
    within("all ended", test.ended(2_000)).await;
    let tasks = TaskTracker::new();
    let record = test.record.clone();
    let removing = tasks.spawn(async move { record.remove_before(3_001).await });
    let (mut meanwhile, mut ended) = (0, 0);
    let eyes = test.eyes();
    while !removing.is_finished() {
        let began = within("a call is written", test.record.begin(call("meanwhile"))).await;
        let end = CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO);
        test.record.end(began.expect("recorded"), end).await;
        meanwhile += 1;
        ended = count(&eyes, "SELECT count(*) FROM entries WHERE id > 4000 AND call > 4000");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(ended > 0, "ends are written while rows are removed");
    assert_eq!(removing.await.expect("no panic"), Ok(3_000));
    assert!(meanwhile > 3, "{meanwhile}");
    assert_eq!(count(&eyes, "SELECT min(id) FROM entries"), 3_001);
    within("the last ended", async {
        while count(&eyes, "SELECT count(*) FROM entries") < 1_000 + 2 * meanwhile {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert!(is_sound(&test));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_broken_off_goes_on_at_the_next_start() {
    let test = TestRecord::open().await;
    calls(&test, 50).await;
    within("all ended", test.ended(50)).await;
    test.record.close().await;
    // As a kill leaves it between the marks and the first step.
    let marks = test.folder.join("record-marks.json");
    let file = Connection::open(test.folder.join("drawbridge.db")).expect("opens");
    let chain: Vec<u8> = file
        .query_row("SELECT chain FROM entries WHERE id = 20", [], |row| row.get(0))
        .expect("is there");
    drop(file);
    let hex: String = chain.iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = std::fs::read(&marks).expect("reads");
    let mut kept: serde_json::Value = serde_json::from_slice(&kept).expect("JSON");
    kept["removed"] = serde_json::json!({"row": 20, "at": 5, "chain": hex});
    let mut file = File::create(&marks).expect("opens");
    file.write_all(kept.to_string().as_bytes()).expect("writes");
    let again = TestRecord::open_in(&test.folder).await;
    let eyes = again.eyes();
    within("it goes on", async {
        while count(&eyes, "SELECT min(id) FROM entries") < 21 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert!(is_sound(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_not_left_in_the_journal() {
    let test = TestRecord::open().await;
    let journal = test.folder.join("drawbridge.journal");
    let in_journal = || std::fs::read(&journal).expect("the journal");
    let mut secret = call("read_file");
    secret.arguments = Some(Excerpt::of("{\"path\":\"/home/me/diary.md\"}"));
    let filled = async {
        while in_journal().is_empty() {
            test.record.begin(secret.clone()).await.expect("recorded");
        }
    };
    within("calls come close together", filled).await;
    let all = i64::MAX;
    assert!(test.record.remove_older_than(all).await.expect("removed") > 0);
    assert!(!in_journal().windows(8).any(|part| part == b"diary.md"));
}
