//! What is put on record is there, in order, and stays.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use drawbridge_audit::{
    CallBegan, CallEnded, Excerpt, KEPT_BYTES, NotRecorded, Note, OpenError, Record, SwitchedOff,
    read_pins,
};
use drawbridge_model::{ActivityKind, ActivityOutcome, ActivityReason, ServerName, ToolName};
use support::{
    TestRecord, assert_append_only, began, call, checked, copy_as_it_is, count, eyes, within,
};
use tokio_util::task::TaskTracker;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_on_record_the_moment_begin_returns() {
    let test = TestRecord::open().await;
    let (mut begun, mut from_journal) = (BTreeSet::new(), 0);
    for _ in 0..20 {
        // One that comes by itself, and two close behind it.
        for _ in 0..3 {
            let id = test.record.begin(call("read_file")).await.expect("it is recorded");
            begun.insert(id.number());
        }
        let killed = copy_as_it_is(&test.folder);
        let in_database = began(&eyes(killed.path())).len();
        let next_run = TestRecord::open_in(killed.path()).await;
        assert_eq!(began(&next_run.eyes()), begun);
        from_journal += begun.len() - in_database;
        let last = begun.last().copied().expect("one");
        let detail = next_run.record.entry(last).await.expect("reads").expect("is there");
        assert_eq!(detail.entry.client.as_deref(), Some("vscode"));
        assert_eq!(detail.entry.outcome, Some(ActivityOutcome::Unknown), "nobody knows its end");
        let arguments = detail.arguments.expect("were kept");
        assert_eq!(arguments.text, "{\"path\":\"/home/me/notes.md\"}");
        next_run.record.close().await;
        assert_eq!(checked(killed.path()).broken, None, "the record is whole");
    }
    assert!(from_journal > 0, "calls that come close together are in the journal first");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_in_the_journal_while_the_database_gets_earlier_ones() {
    // The second half of the file is only used then.
    const HALF: u64 = 1024 * 1024;
    let test = TestRecord::open().await;
    let journal = test.folder.join("drawbridge.journal");
    let mut calls = 0;
    while std::fs::metadata(&journal).expect("is there").len() <= HALF {
        calls += 1;
        assert!(calls < 20_000, "each of them waits for the database");
        let id = test.record.begin(call("read_file")).await.expect("recorded");
        test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    }
    let killed = copy_as_it_is(&test.folder);
    let all = 2 * i64::try_from(calls).expect("few");
    let mut newest = test.record.newest();
    within("all are told", newest.wait_for(|newest| *newest == all)).await.expect("lives");
    let next_run = TestRecord::open_in(killed.path()).await;
    assert_eq!(began(&next_run.eyes()).len(), calls);
    next_run.record.close().await;
    test.record.close().await;
    for folder in [killed.path(), &test.folder] {
        assert_eq!(checked(folder).broken, None, "the record is whole");
    }
    let ends = "SELECT count(*) FROM entries WHERE step = 'ended'";
    assert_eq!(count(&eyes(&test.folder), ends), all / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_written_by_itself_and_read_with_its_call() {
    let test = TestRecord::open().await;
    let mut newest = test.record.newest();
    let id = test.record.begin(call("read_file")).await.expect("it is recorded");
    let running = test.record.page(None, 10).await.expect("a page").entries.remove(0);
    assert_eq!((running.outcome, running.duration), (None, None), "it runs");

    let end = CallEnded {
        result: Some(Excerpt::of("{\"content\":[]}")),
        result_bytes: Some(99),
        note: Some("It was slow.".to_owned()),
        ..CallEnded::new(ActivityOutcome::Succeeded, Duration::from_micros(1500))
    };
    test.record.end(id, end).await;
    within("no other call comes", newest.wait_for(|newest| *newest > id.number()))
        .await
        .expect("the record lives");

    let entry = test.record.page(None, 10).await.expect("a page").entries.remove(0);
    assert_eq!(entry.id, id.number());
    assert_eq!(entry.outcome, Some(ActivityOutcome::Succeeded));
    assert_eq!(entry.duration, Some(Duration::from_micros(1500)));
    assert_eq!(entry.note.as_deref(), Some("It was slow."));
    assert_eq!(entry.client_says.as_deref(), Some("Visual Studio Code 1.130"));
    let detail = test.record.entry(entry.id).await.expect("reads").expect("is there");
    assert_eq!(detail.entry, entry);
    assert_eq!(detail.arguments.expect("kept").text, "{\"path\":\"/home/me/notes.md\"}");
    assert_eq!(detail.result.expect("kept").text, "{\"content\":[]}");
    assert_eq!(detail.result_bytes, Some(99));
    assert_eq!(
        test.record.entry(id.number() + 1).await.expect("reads"),
        None,
        "an end is no entry"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_together_get_each_their_own_number_in_one_order() {
    const CALLERS: usize = 64;
    const CALLS: usize = 20;
    let test = TestRecord::open().await;
    let callers = TaskTracker::new();
    let calling: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let record = test.record.clone();
            callers.spawn(async move {
                let mut ids = Vec::new();
                for n in 0..CALLS {
                    let id = record.begin(call(&format!("{caller}/{n}"))).await.expect("recorded");
                    let end = CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO);
                    record.end(id, end).await;
                    ids.push(id.number());
                }
                ids
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for (caller, calling) in calling.into_iter().enumerate() {
        let ids = within("a caller ends", calling).await.expect("no panic");
        assert!(ids.is_sorted(), "a caller's calls stand in its order");
        for (n, id) in ids.into_iter().enumerate() {
            assert!(all.insert(id), "number {id} was given twice");
            let entry = test.record.entry(id).await.expect("reads").expect("is there").entry;
            assert_eq!(entry.subject, Some(format!("{caller}/{n}")), "the answers were mixed up");
        }
    }
    let folder = test.folder.clone();
    test.record.close().await;
    let eyes = support::eyes(&folder);
    let expected = (CALLERS * CALLS) as i64;
    assert_eq!(count(&eyes, "SELECT count(*) FROM entries WHERE step = 'began'"), expected);
    assert_eq!(count(&eyes, "SELECT count(*) FROM entries WHERE step = 'ended'"), expected);
    assert_eq!(count(&eyes, "SELECT max(id) FROM entries"), 2 * expected, "numbers have no gaps");
    assert_eq!(
        count(
            &eyes,
            "SELECT count(*) FROM entries e JOIN entries b ON b.id = e.call WHERE e.id < b.id"
        ),
        0,
        "no call ended before it began"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_leaves_takes_nobody_elses_row_along() {
    let test = TestRecord::open().await;
    let callers = TaskTracker::new();
    let calling: Vec<_> = (0..200)
        .map(|n: u32| {
            let record = test.record.clone();
            callers.spawn(async move {
                let subject = format!("call {n}");
                let mut begin = pin!(record.begin(call(&subject)));
                if n.is_multiple_of(2) {
                    return Some(begin.await.expect("recorded"));
                }
                // Leaves after one look, whether it leads, follows or has its answer.
                match begin.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(id) => {
                        let id = id.expect("recorded");
                        record.end_now(
                            id,
                            CallEnded::new(ActivityOutcome::Cancelled, Duration::ZERO),
                        );
                        None
                    }
                    Poll::Pending => None,
                }
            })
        })
        .collect();
    let mut stayed = 0;
    for calling in calling {
        if let Some(id) = within("whoever stays gets an answer", calling).await.expect("no panic") {
            stayed += 1;
            let entry = test.record.entry(id.number()).await.expect("reads").expect("is there");
            assert_eq!(entry.entry.outcome, None, "it runs");
        }
    }
    assert_eq!(stayed, 100);
    let last = within("the record goes on", test.record.begin(call("last"))).await;
    last.expect("recorded");

    let folder = test.folder.clone();
    test.record.close().await;
    let without_end = count(
        &support::eyes(&folder),
        "SELECT count(*) FROM entries b WHERE step = 'began'
         AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.call = b.id)",
    );
    assert_eq!(without_end, 101, "a call whose caller left before it ran has an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_an_earlier_run_left_open_reads_as_unknown() {
    let test = TestRecord::open().await;
    test.record.begin(call("left open")).await.expect("recorded");
    let ended = test.record.begin(call("ended")).await.expect("recorded");
    test.record.end(ended, CallEnded::new(ActivityOutcome::Failed, Duration::ZERO)).await;
    test.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded");

    let test = test.reopen().await;
    test.record.begin(call("runs")).await.expect("recorded");
    let page = test.record.page(None, 10).await.expect("a page");
    let read: Vec<_> =
        page.entries.iter().map(|entry| (entry.subject.as_deref(), entry.outcome)).collect();
    assert_eq!(
        read,
        [
            (Some("runs"), None),
            (None, None),
            (Some("ended"), Some(ActivityOutcome::Failed)),
            (Some("left open"), Some(ActivityOutcome::Unknown)),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let test = TestRecord::open().await;
    for n in 0..25 {
        let id = test.record.begin(call(&n.to_string())).await.expect("recorded");
        test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = test.record.page(before, 10).await.expect("a page");
        before = page.entries.last().map(|entry| entry.id);
        seen.extend(page.entries.into_iter().map(|entry| entry.subject.expect("a subject")));
        if page.next.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..25).rev().map(|n: i32| n.to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_one_row_with_its_reason() {
    let test = TestRecord::open().await;
    let id = test
        .record
        .note(Note::refused(call("write_file"), ActivityReason::Pause, "All tools are paused."))
        .await
        .expect("recorded");
    let detail = test.record.entry(id.number()).await.expect("reads").expect("is there");
    assert_eq!(detail.entry.kind, ActivityKind::ToolCall);
    assert_eq!(detail.entry.outcome, Some(ActivityOutcome::Refused));
    assert_eq!(detail.entry.note.as_deref(), Some("All tools are paused."));
    assert!(detail.arguments.is_some(), "what it was called with is kept");
    let test = test.reopen().await;
    let entry = test.record.page(None, 1).await.expect("a page").entries.remove(0);
    assert_eq!(entry.outcome, Some(ActivityOutcome::Refused), "and it stays refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_cut_and_keep_their_length_and_hash() {
    let test = TestRecord::open().await;
    let long = format!("\"{}\"", "ä".repeat(KEPT_BYTES));
    let mut newest = test.record.newest();
    let began = CallBegan { arguments: Some(Excerpt::of(&long)), ..call("big") };
    let id = test.record.begin(began).await.expect("recorded");
    let end = CallEnded {
        result: Some(Excerpt::of(&long)),
        ..CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)
    };
    test.record.end(id, end).await;
    within("the end is written", newest.wait_for(|newest| *newest > id.number()))
        .await
        .expect("the record lives");
    let detail = test.record.entry(id.number()).await.expect("reads").expect("is there");
    for kept in [detail.arguments.expect("kept"), detail.result.expect("kept")] {
        assert!(kept.is_cut() && long.starts_with(&kept.text));
        assert_eq!(kept.text.len(), KEPT_BYTES - 1, "16 KiB less half an ä");
        assert_eq!(kept.bytes, long.len() as u64);
        assert!(kept.sha256.is_some());
    }
    assert_eq!(detail.result_bytes, Some(long.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_cannot_be_changed_or_removed() {
    let test = TestRecord::open().await;
    test.record.begin(call("read_file")).await.expect("recorded");
    assert_append_only(&test.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_end_of_a_call_changes_nothing_about_the_first() {
    let test = TestRecord::open().await;
    let id = test.record.begin(call("once")).await.expect("recorded");
    for outcome in [ActivityOutcome::Succeeded, ActivityOutcome::Failed] {
        test.record.end(id, CallEnded::new(outcome, Duration::ZERO)).await;
    }
    within("both are written", test.ended(2)).await;
    test.record.end(id, CallEnded::new(ActivityOutcome::Failed, Duration::ZERO)).await;
    within("the third is written", test.ended(3)).await;
    assert_eq!(*test.record.trouble().borrow(), None);
    let entry = test.record.entry(id.number()).await.expect("reads").expect("is there").entry;
    assert_eq!(entry.outcome, Some(ActivityOutcome::Succeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_writes_what_waits_and_refuses_what_comes_later() {
    let test = TestRecord::open().await;
    let mut ids = Vec::new();
    for _ in 0..300 {
        ids.push(test.record.begin(call("read_file")).await.expect("recorded"));
    }
    for id in ids {
        test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    }
    within("it closes", test.record.close()).await;
    let late = test.record.begin(call("late")).await;
    assert_eq!(late, Err(NotRecorded::Closed));
    assert!(test.record.page(None, 1).await.is_err(), "reading ends as well");
    let ends =
        count(&support::eyes(&test.folder), "SELECT count(*) FROM entries WHERE step = 'ended'");
    assert_eq!(ends, 300);
    within("closing twice is fine", test.record.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_lets_the_folder_go() {
    let test = TestRecord::open().await;
    let id = test.record.begin(call("read_file")).await.expect("recorded");
    test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    let TestRecord { record, folder, tasks, .. } = &test;
    let refused = Record::open(folder, tasks).await;
    assert!(matches!(refused, Err(OpenError::InUse(_))), "one engine a folder");
    let (folder, tasks) = (folder.clone(), tasks.clone());
    let _ = record;
    let TestRecord { record, _home, .. } = test;
    drop(record);
    tasks.close();
    within("its tasks end", tasks.wait()).await;
    let again = TestRecord::open_in(&folder).await;
    let entry = again.record.page(None, 1).await.expect("a page").entries.remove(0);
    assert_eq!(entry.outcome, Some(ActivityOutcome::Succeeded), "what waited was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_are_kept_from_one_run_to_the_next() {
    let test = TestRecord::open().await;
    let kept = test.record.kept();
    assert_eq!(kept.pauses::<Vec<String>>().await.expect("reads"), None);
    assert!(kept.switched_off().await.expect("reads").is_empty());
    let files = ServerName::new("files").expect("a plain name");
    let off = BTreeSet::from([
        SwitchedOff { server: files.clone(), tool: None },
        SwitchedOff {
            server: files.clone(),
            tool: Some(ToolName::new("write_file").expect("plain")),
        },
    ]);
    let all = vec!["all".to_owned()];
    let pins = BTreeMap::from([(files.clone(), "known".to_owned())]);
    kept.set_pauses(&all).await.expect("writes");
    kept.set_switched_off(&off).await.expect("writes");
    kept.set_pins(&files, &"known").await.expect("writes");
    assert_eq!(kept.pauses().await.expect("reads"), Some(all.clone()), "it holds at once");
    let beside: BTreeMap<_, String> = read_pins(&test.folder).await.expect("reads beside");
    assert_eq!(beside, pins);
    drop(kept);

    let test = test.reopen().await;
    let kept = test.record.kept();
    assert_eq!(kept.pauses().await.expect("reads"), Some(all));
    assert_eq!(kept.switched_off().await.expect("reads"), off);
    assert_eq!(kept.pins::<String>().await.expect("reads"), pins);
    kept.set_switched_off(&BTreeSet::new()).await.expect("writes");
    assert!(kept.switched_off().await.expect("reads").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_carried_into_the_file_while_calls_go_on() {
    let test = TestRecord::open().await;
    let long = "x".repeat(KEPT_BYTES);
    let log = test.folder.join("drawbridge.db-wal");
    // 16 KiB a call are about 10 pages, so that 4,000 calls are ten times what is carried at once.
    for _ in 0..4000 {
        let began = CallBegan { arguments: Some(Excerpt::of(&long)), ..call("big") };
        let id = test.record.begin(began).await.expect("recorded");
        let end = CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO);
        test.record.end(id, end).await;
    }
    let bytes = std::fs::metadata(&log).expect("the log").len();
    assert!(bytes < 40 << 20, "the log has {bytes} bytes after 64 MiB of calls");
    within("the ends are written", test.ended(4000)).await;
    assert_eq!(count(&test.eyes(), "SELECT count(*) FROM entries WHERE step = 'began'"), 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_in_the_journal_when_no_more_calls_come() {
    let test = TestRecord::open().await;
    let journal = test.folder.join("drawbridge.journal");
    let bytes = || std::fs::metadata(&journal).expect("the journal").len();
    let fill = async || {
        while bytes() == 0 {
            test.record.begin(call("read_file")).await.expect("recorded");
        }
    };
    within("calls come close together", fill()).await;
    let emptied = async {
        while bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("it is emptied", emptied).await;
    within("calls come close together", fill()).await;
    test.record.close().await;
    assert_eq!(bytes(), 0, "nor when it is closed");
}
