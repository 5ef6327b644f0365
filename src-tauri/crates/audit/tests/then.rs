//! What a caller wants done when its call is on record is done then, once, or never.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drawbridge_audit::{CallEnded, NotRecorded};
use drawbridge_model::ActivityOutcome;
use support::{TestRecord, began, call, copy_as_it_is, count, hold, within};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_done_when_the_row_is_on_record_and_not_before() {
    let test = TestRecord::open().await;
    for turn in 0..30 {
        // Every other one comes close behind another, and so is in the journal first.
        if turn % 2 == 1 {
            test.record.begin(call("read_file")).await.expect("recorded");
        }
        let folder = test.folder.clone();
        let (tell, mut told) = mpsc::unbounded_channel();
        let begun = test
            .record
            .begin_then(call("read_file"), move |recorded| {
                let id = recorded.expect("recorded");
                tell.send((id, copy_as_it_is(&folder))).expect("somebody listens");
                None
            })
            .await;
        let (id, killed) = within("it is told", told.recv()).await.expect("told");
        let next_run = TestRecord::open_in(killed.path()).await;
        assert!(began(&next_run.eyes()).contains(&id.number()), "turn {turn}");
        assert_eq!(begun.settle(), Some(id), "the end is the caller's to write");
        assert!(told.recv().await.is_none(), "told once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_committed_together_are_all_told_before_what_comes_afterwards() {
    let test = TestRecord::open().await;
    let said = Arc::new(Mutex::new(Vec::new()));
    let other = hold(&test.folder);
    let mut begun = Vec::new();
    for _ in 0..5 {
        let said = Arc::clone(&said);
        let then = move |recorded: Result<_, NotRecorded>| {
            recorded.expect("recorded");
            said.lock().expect("sound").push("told");
            let said = Arc::clone(&said);
            let after = move || said.lock().expect("sound").push("afterwards");
            Some(Box::new(after) as Box<dyn FnOnce() + Send>)
        };
        begun.push(test.record.begin_then(call("together"), then).await);
    }
    other.execute_batch("COMMIT").expect("lets go");
    within("all are told", async {
        while said.lock().expect("sound").len() < 10 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    let said = said.lock().expect("sound").clone();
    // The first one was tried alone and found the file held.
    assert_eq!(said[..2], ["told", "afterwards"]);
    assert_eq!(said[2..6], ["told"; 4]);
    assert_eq!(said[6..], ["afterwards"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_before_is_never_called_and_the_call_reads_as_cancelled_or_not_at_all() {
    let test = TestRecord::open().await;
    let other = hold(&test.folder);
    let called = Arc::new(AtomicU32::new(0));
    let mut begun = Vec::new();
    for _ in 0..4 {
        let called = Arc::clone(&called);
        let then = move |_| {
            called.fetch_add(1, Ordering::Relaxed);
            None
        };
        begun.push(test.record.begin_then(call("given up"), then).await);
    }
    for begun in begun {
        assert_eq!(begun.settle(), None, "it does not run");
    }
    other.execute_batch("COMMIT").expect("lets go");
    test.record.begin(call("next")).await.expect("recorded");
    let test = test.reopen().await;
    assert_eq!(called.load(Ordering::Relaxed), 0);
    let open = "SELECT count(*) FROM entries b WHERE step = 'began' AND subject = 'given up'
         AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.call = b.id)";
    assert_eq!(count(&test.eyes(), open), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_recorded_is_told_why() {
    let test = TestRecord::open().await;
    let _other = hold(&test.folder);
    let (tell, mut told) = mpsc::unbounded_channel();
    let begun = test
        .record
        .begin_then(call("held up"), move |recorded| {
            tell.send(recorded).expect("somebody listens");
            None
        })
        .await;
    let recorded = within("it is told", told.recv()).await.expect("told");
    assert!(matches!(recorded, Err(NotRecorded::Locked(_))), "{recorded:?}");
    assert_eq!(begun.settle(), None, "it has no row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_crowd_where_some_leave_each_call_either_runs_or_does_not() {
    let test = TestRecord::open().await;
    let ran = Arc::new(Mutex::new(BTreeSet::new()));
    let crowd = TaskTracker::new();
    let calling: Vec<_> = (0..16_u32)
        .map(|caller| {
            let (record, ran) = (test.record.clone(), Arc::clone(&ran));
            crowd.spawn(async move {
                let mut own = BTreeSet::new();
                for n in 0..100_u32 {
                    let ran = Arc::clone(&ran);
                    let (tell, told) = oneshot::channel();
                    let then = move |recorded: Result<_, NotRecorded>| {
                        ran.lock().expect("sound").insert(recorded.expect("recorded"));
                        let _ = tell.send(());
                        None
                    };
                    let begun = record.begin_then(call("crowd"), then).await;
                    if (caller + n).is_multiple_of(2) {
                        told.await.expect("who stays is told");
                    } else {
                        for _ in 0..n % 4 {
                            tokio::task::yield_now().await;
                        }
                    }
                    if let Some(id) = begun.settle() {
                        own.insert(id);
                        record
                            .end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO))
                            .await;
                    }
                }
                own
            })
        })
        .collect();
    let mut owned = BTreeSet::new();
    for calling in calling {
        owned.extend(within("it ends", calling).await.expect("no panic"));
    }
    let folder = test.folder.clone();
    test.record.close().await;
    assert_eq!(*ran.lock().expect("sound"), owned, "what ran is what its caller knows to have run");
    assert!(owned.len() >= 800, "half of them stayed: {}", owned.len());
    let eyes = support::eyes(&folder);
    let succeeded = "SELECT count(*) FROM entries WHERE outcome = 'succeeded'";
    assert_eq!(count(&eyes, succeeded), i64::try_from(owned.len()).expect("few"));
    let open = "SELECT count(*) FROM entries b WHERE step = 'began'
         AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.call = b.id)";
    assert_eq!(count(&eyes, open), 0, "what began and did not run has an end");
}
