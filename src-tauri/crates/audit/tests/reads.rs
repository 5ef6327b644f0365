//! Reading while the engine runs.

mod support;

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::Duration;

use drawbridge_audit::{
    CallBegan, CallEnded, Excerpt, ExportError, ExportForm, Filter, ModelUse, Note, ReadError,
    Reading,
};
use drawbridge_model::{
    ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason, RecordRule,
};
use rusqlite::{Connection, OpenFlags};
use support::{TestRecord, call, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_read_whole() {
    let test = TestRecord::open().await;
    let began = CallBegan {
        reason: Some(ActivityReason::Person),
        waited: Some(Duration::from_millis(1_200)),
        request: Some("\"abc\"".into()),
        note: Some("Asked first.".into()),
        rule: RecordRule::Shapes,
        ..call("read_file")
    };
    let id = test.record.begin(began).await.expect("recorded");
    let model = ModelUse {
        model: "llama".to_owned(),
        answer_tokens: Some(9),
        tools: vec!["files/read_file".to_owned()],
        ..ModelUse::default()
    };
    let end = CallEnded {
        upstream: Some(17),
        refused: Some(ActivityReason::Limit),
        model: Some(model.clone()),
        ..CallEnded::new(ActivityOutcome::Refused, Duration::from_millis(3))
    };
    test.record.end(id, end).await;
    within("the end is written", test.ended(1)).await;
    let detail = test.record.entry(id.number()).await.expect("reads").expect("is there");
    assert_eq!(detail.entry.decision, Some(ActivityDecision::Refused), "the last word counts");
    assert_eq!(detail.entry.reason, Some(ActivityReason::Limit));
    assert_eq!(detail.entry.note.as_deref(), Some("Asked first."), "the end had none");
    assert_eq!(detail.waited, Some(Duration::from_millis(1_200)));
    assert!(detail.ended_at.is_some_and(|ended| ended >= detail.entry.at));
    assert_eq!(detail.request.as_deref(), Some("\"abc\""));
    assert_eq!(detail.upstream_request, Some(17));
    assert_eq!(detail.rule, RecordRule::Shapes);
    assert_eq!(detail.model, Some(model));
    assert_eq!(detail.arguments_bytes, detail.arguments.map(|kept| kept.bytes));
    let nothing = CallBegan { rule: RecordRule::Nothing, arguments: None, ..call("read_file") };
    let id = test.record.begin(nothing).await.expect("recorded");
    let detail = test.record.entry(id.number()).await.expect("reads").expect("is there");
    assert_eq!((detail.arguments, detail.rule), (None, RecordRule::Nothing));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_found_at_once_and_by_others_as_well() {
    let test = TestRecord::open().await;
    let beside = Reading::open(&test.folder).expect("opens");
    for n in 0..30 {
        let subject = format!("tool{n}");
        let id = test.record.begin(call(&subject)).await.expect("recorded").number();
        let filter = Filter { text: Some(format!("{subject} ")), ..Filter::default() };
        let found = test.record.find(&filter, None, 10).await.expect("found");
        assert_eq!(found.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id]);
        assert_eq!(beside.find(&filter, None, 10).expect("found"), found);
    }
    let running = Filter { outcomes: vec![ActivityOutcome::Unknown], ..Filter::default() };
    assert_eq!(test.record.find(&running, None, 10).await.expect("found").entries, []);
    let test = test.reopen().await;
    let lost = test.record.find(&running, None, 100).await.expect("found");
    assert_eq!(lost.entries.len(), 30, "their end will never be known");
    assert_eq!(beside.find(&running, None, 100).expect("found"), lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_brought_up_to_date_by_itself() {
    let test = TestRecord::open().await;
    for n in 0..50 {
        test.record.begin(call(&n.to_string())).await.expect("recorded");
    }
    let index = test.folder.join("drawbridge-search.db");
    within("nobody asks", async {
        loop {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let rows = Connection::open_with_flags(&index, flags).and_then(|index| {
                index.query_row("SELECT row FROM progress", [], |row| row.get(0))
            });
            if rows == Ok(50_i64) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&index).expect("is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else can read it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_no_longer_found() {
    let test = TestRecord::open().await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(test.record.begin(call(&n.to_string())).await.expect("recorded").number());
    }
    assert_eq!(test.record.size().await.expect("a size").entries, 20);
    test.record.remove_before(ids[12]).await.expect("removed");
    let page = test.record.page(None, 100).await.expect("a page");
    let left: Vec<_> = page.entries.iter().rev().map(|entry| entry.id).collect();
    assert_eq!(left, ids[12..]);
    assert_eq!(test.record.entry(ids[11]).await.expect("reads"), None);
    let size = test.record.size().await.expect("a size");
    assert_eq!((size.entries, size.oldest), (8, page.entries.last().map(|entry| entry.at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_an_export_and_reading() {
    let test = TestRecord::open().await;
    for n in 0..10 {
        test.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded");
        let _ = n;
    }
    let (told, tell) = (mpsc::channel(), mpsc::channel::<()>());
    let record = test.record.clone();
    let exporting = test.tasks.spawn(async move {
        let (at_the_first_page, wait) = (told.0, tell.1);
        let progress = move |_| {
            at_the_first_page.send(()).expect("somebody listens");
            let _ = wait.recv();
            ControlFlow::Continue(())
        };
        record.export(Filter::default(), ExportForm::Csv, Vec::new(), progress).await
    });
    let first = test.tasks.spawn_blocking(move || told.1.recv());
    within("it begins", first).await.expect("no panic").expect("is told");
    let (record, tasks) = (test.record.clone(), test.tasks.clone());
    let closing = tasks.spawn(async move { record.close().await });
    within("reading ends", async {
        while !matches!(test.record.page(None, 1).await, Err(ReadError::Closed)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(tell.0);
    let exported = within("the export ends", exporting).await.expect("no panic");
    assert!(matches!(exported, Err(ExportError::Read(ReadError::Closed))), "{exported:?}");
    within("it closes", closing).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_gives_back_what_it_wrote_to() {
    let test = TestRecord::open().await;
    let began = CallBegan { arguments: Some(Excerpt::of("{\"a\":1}")), ..call("read_file") };
    test.record.begin(began).await.expect("recorded");
    let go_on = |_| ControlFlow::Continue(());
    let exporting = test.record.export(Filter::default(), ExportForm::JsonLines, Vec::new(), go_on);
    let (bytes, done) = within("it exports", exporting).await.expect("exports");
    let line: serde_json::Value = serde_json::from_slice(&bytes).expect("one line");
    assert_eq!((line["arguments"]["a"].as_i64(), done.entries), (Some(1), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn questions_that_come_together_all_see_the_newest_entry_of_a_long_record() {
    let test = TestRecord::open().await;
    test.record.close().await;
    let many =
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 200000)
        INSERT INTO entries (id, run, at, step, kind, subject, chain)
        SELECT id, 1, id, 'noted', 'toolCall', 'tool ' || id % 100, zeroblob(32) FROM n";
    let file = Connection::open(test.folder.join("drawbridge.db")).expect("opens");
    file.execute_batch(many).expect("writes");
    drop(file);
    let again = TestRecord::open_in(&test.folder).await;
    let newest =
        again.record.note(Note::new(ActivityKind::ServerStarted)).await.expect("recorded").number();
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let record = again.record.clone();
            again.tasks.spawn(async move { record.page(None, 1).await.expect("a page") })
        })
        .collect();
    for page in asking {
        assert_eq!(page.await.expect("no panic").entries[0].id, newest);
    }
    // Also for several programs that ask at the same time, when it has to be made.
    again.record.close().await;
    std::fs::remove_file(test.folder.join("drawbridge-search.db")).expect("removes");
    let programs: Vec<_> = (0..3)
        .map(|_| {
            let folder = test.folder.clone();
            again.tasks.spawn_blocking(move || {
                Reading::open(&folder).expect("opens").page(None, 1).expect("a page")
            })
        })
        .collect();
    for page in programs {
        assert_eq!(page.await.expect("no panic").entries[0].id, newest);
    }
}
