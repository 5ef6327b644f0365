//! What happens when the record cannot be written or opened: calls are refused with a sentence, go
//! on when the cause is gone, and nothing is damaged.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]
#![expect(clippy::disallowed_methods, reason = "a test mounts a disk, kills itself, breaks a file")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drawbridge_audit::{
    CallBegan, CallEnded, EntryId, Excerpt, KEPT_BYTES, NotRecorded, OpenError, Record,
};
use drawbridge_model::ActivityOutcome;
use rusqlite::Connection;
use support::{TestRecord, began, call, copy_as_it_is, count, eyes, hold, within};
use tokio_util::task::TaskTracker;

/// How long after the last rows a database is taken to be one that can be written.
const PROVEN: Duration = Duration::from_millis(20);

async fn fails_to_open(folder: &Path) -> OpenError {
    match Record::open(folder, &TaskTracker::new()).await {
        Ok(_) => panic!("{} opened", folder.display()),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    std::fs::File::create(&file).expect("a file");
    let error = fails_to_open(&file.join("data")).await;
    assert!(matches!(error, OpenError::Folder { .. }), "{error}");
    let problem = error.problem();
    assert!(problem.message.contains("cannot be used"), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_record_is_left_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("drawbridge.db");
    let text = "Dear diary, ".repeat(1000);
    std::fs::write(&file, &text).expect("a file");
    let error = fails_to_open(home.path()).await;
    assert!(matches!(error, OpenError::NotARecord { .. }), "{error}");
    assert!(error.problem().message.contains("Nothing was changed"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_database_is_left_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("drawbridge.db");
    let other = Connection::open(&file).expect("opens");
    other.execute_batch("CREATE TABLE bookmarks (url TEXT)").expect("a table");
    drop(other);
    let before = std::fs::read(&file).expect("is there");
    let error = fails_to_open(home.path()).await;
    assert!(matches!(error, OpenError::NotARecord { .. }), "{error}");
    assert_eq!(std::fs::read(&file).expect("is there"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_later_version_is_not_opened() {
    let test = TestRecord::open().await;
    test.record.close().await;
    let other = Connection::open(test.folder.join("drawbridge.db")).expect("opens");
    other
        .execute(
            "INSERT INTO _sqlx_migrations VALUES (99, 'later', '2030-01-01', TRUE, x'00', 0)",
            [],
        )
        .expect("writes");
    drop(other);
    let error = fails_to_open(&test.folder).await;
    assert!(matches!(error, OpenError::FromLaterVersion { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_open_is_not_opened_again() {
    let test = TestRecord::open().await;
    let error = fails_to_open(&test.folder).await;
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(error.problem().message.contains("already running"), "{error}");
    test.record.close().await;
    TestRecord::open_in(&test.folder).await.record.begin(call("next")).await.expect("recorded");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_read_the_record() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestRecord::open().await;
    test.record.begin(call("read_file")).await.expect("recorded");
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&test.folder), 0o700);
    for file in ["drawbridge.db", "drawbridge.db-wal", "drawbridge.db-shm", "drawbridge.journal"] {
        assert_eq!(mode(&test.folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_program_holds_the_file_calls_are_refused_in_time_and_then_go_on() {
    let test = TestRecord::open().await;
    let open = test.record.begin(call("open")).await.expect("recorded");
    let other = hold(&test.folder);
    let mut trouble = test.record.trouble();
    tokio::time::sleep(PROVEN).await;

    // An end comes at a bad time; it is not lost.
    test.record.end(open, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    let started = Instant::now();
    let calls = TaskTracker::new();
    let refused: Vec<_> = (0..8)
        .map(|n: u32| {
            let record = test.record.clone();
            calls.spawn(async move { record.begin(call(&n.to_string())).await })
        })
        .collect();
    for refused in refused {
        let refused = within("it is refused", refused).await.expect("no panic");
        let reason = refused.expect_err("the file is held");
        assert!(matches!(reason, NotRecorded::Locked(_)), "{reason}");
        assert!(reason.problem().message.contains("Another program"), "{reason}");
    }
    assert!(started.elapsed() < Duration::from_secs(4), "took {:?}", started.elapsed());
    within("the trouble is told", trouble.wait_for(Option::is_some)).await.expect("lives");

    other.execute_batch("COMMIT").expect("lets go");
    let id = test.record.begin(call("goes on")).await.expect("recorded");
    assert_eq!(*trouble.borrow_and_update(), None, "the trouble is over");
    within("the end was kept", test.ended(1)).await;
    let ended = test.record.entry(open.number()).await.expect("reads").expect("is there");
    assert_eq!(ended.entry.outcome, Some(ActivityOutcome::Succeeded));
    assert!(id > open);
    assert_eq!(count(&test.eyes(), "SELECT count(*) FROM entries"), 3, "refused calls left no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_run_before_it_shows_that_the_file_is_held_are_kept() {
    for _ in 0..5 {
        let test = TestRecord::open().await;
        let mut ran = BTreeSet::new();
        let mut begin = async || {
            let asked = Instant::now();
            let id = test.record.begin(call("read_file")).await?;
            ran.insert(id.number());
            Ok::<_, NotRecorded>(asked)
        };
        for _ in 0..20 {
            begin().await.expect("recorded");
        }
        let other = hold(&test.folder);
        let held = Instant::now();
        let mut last = held;
        let refused = loop {
            match begin().await {
                Ok(asked) => last = asked,
                Err(reason) => break reason,
            }
        };
        assert!(matches!(refused, NotRecorded::Locked(_)), "{refused}");
        assert!(last < held + PROVEN, "one ran {:?} after the file was held", last - held);
        let killed = copy_as_it_is(&test.folder);
        other.execute_batch("COMMIT").expect("lets go");
        begin().await.expect("goes on");
        test.record.page(None, 1).await.expect("what is read is in the file");
        let now_there = began(&test.eyes());
        assert_eq!(now_there, ran, "what ran is in the file, and what was refused is not");
        let next_run = TestRecord::open_in(killed.path()).await;
        let in_file = began(&next_run.eyes());
        assert_eq!(in_file.len() + 1, ran.len(), "a kill loses none of them");
        assert!(in_file.is_subset(&ran));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_hold_only_delays_a_call() {
    let test = TestRecord::open().await;
    let other = hold(&test.folder);
    let mut begin = Box::pin(test.record.begin(call("patient")));
    let early = tokio::time::timeout(Duration::from_millis(50), begin.as_mut()).await;
    assert!(early.is_err(), "it waits: {early:?}");
    other.execute_batch("COMMIT").expect("lets go");
    within("it goes on", begin).await.expect("recorded");
    assert_eq!(*test.record.trouble().borrow(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_given_up_while_it_is_being_written_reads_as_cancelled() {
    let test = TestRecord::open().await;
    let other = hold(&test.folder);
    let mut begin = Box::pin(test.record.begin(call("given up")));
    let early = tokio::time::timeout(Duration::from_millis(50), begin.as_mut()).await;
    assert!(early.is_err(), "it is with whoever writes: {early:?}");
    drop(begin);
    other.execute_batch("COMMIT").expect("lets go");
    test.record.begin(call("next")).await.expect("recorded");
    let test = test.reopen().await;
    let page = test.record.page(None, 10).await.expect("a page");
    let outcomes: Vec<_> = page.entries.iter().map(|entry| entry.outcome).collect();
    let (unknown, cancelled) = (ActivityOutcome::Unknown, ActivityOutcome::Cancelled);
    assert_eq!(outcomes, [Some(unknown), Some(cancelled)], "it did not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_ends_by_itself_when_its_cause_does() {
    let test = TestRecord::open().await;
    let other = hold(&test.folder);
    test.record.begin(call("refused")).await.expect_err("the file is held");
    let mut trouble = test.record.trouble();
    assert!(trouble.borrow_and_update().is_some());
    other.execute_batch("COMMIT").expect("lets go");
    within("it is tried again", trouble.wait_for(Option::is_none)).await.expect("lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_ever_for_a_file_that_is_held() {
    let test = TestRecord::open().await;
    let id = test.record.begin(call("open")).await.expect("recorded");
    let _other = hold(&test.folder);
    test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
    within("it closes", test.record.close()).await;
}

/// A file system of 6 MiB of its own, where this user may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path()));
        mounted.then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path()));
    }
}

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_calls_are_refused_and_go_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        return say("skipped: a file system cannot be mounted here");
    };
    let ballast = disk.0.path().join("ballast");
    let file = std::fs::File::create(&ballast).expect("a file");
    std::io::copy(&mut std::io::repeat(0).take(4 << 20), &mut &file).expect("there is room");
    drop(file);

    let test = TestRecord::open_in(&disk.0.path().join("data")).await;
    let big = CallBegan { arguments: Some(Excerpt::of(&"x".repeat(KEPT_BYTES))), ..call("big") };
    let mut recorded = BTreeSet::new();
    let reason = loop {
        match test.record.begin(big.clone()).await {
            Ok(id) => assert!(recorded.insert(id), "numbers are given once"),
            Err(reason) => break reason,
        }
        assert!(recorded.len() < 1000, "2 MiB never fill up");
    };
    let numbers = |recorded: &BTreeSet<EntryId>| recorded.iter().map(|id| id.number()).collect();
    let wanted: BTreeSet<i64> = numbers(&recorded);
    let killed = copy_as_it_is(&test.folder);
    let next_run = TestRecord::open_in(killed.path()).await;
    assert_eq!(began(&next_run.eyes()), wanted, "what was refused is not on record");
    assert!(matches!(reason, NotRecorded::DiskFull(_)), "{reason}");
    assert!(reason.problem().message.contains("disk"), "{reason}");
    let mut trouble = test.record.trouble();
    assert_eq!(*trouble.borrow_and_update(), Some(reason));
    for _ in 0..20 {
        test.record.begin(big.clone()).await.expect_err("it is still full");
    }
    let last = *recorded.last().expect("some were recorded");
    test.record.end(last, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;

    std::fs::remove_file(&ballast).expect("is there");
    within("it goes on by itself", trouble.wait_for(Option::is_none)).await.expect("lives");
    recorded.insert(test.record.begin(big).await.expect("there is room"));

    test.record.page(None, 1).await.expect("what is read is in the file");
    let in_file: BTreeSet<i64> = began(&test.eyes());
    assert_eq!(in_file, numbers(&recorded));
    let ended = test.record.entry(last.number()).await.expect("reads").expect("is there");
    assert_eq!(ended.entry.outcome, Some(ActivityOutcome::Succeeded), "the end was kept");
    let check: String = test
        .eyes()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("it can be checked");
    assert_eq!(check, "ok");
    let test = test.reopen().await;
    test.record.begin(call("next run")).await.expect("recorded");
    test.record.close().await;
}

const CHILD: &str = "DRAWBRIDGE_TEST_RECORD";

/// Not a test: what the next one starts and kills. Says the number of each call that is on record.
#[test]
fn a_program_that_records_calls_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let test = TestRecord::open_in(Path::new(&folder)).await;
        loop {
            let id = test.record.begin(call("read_file")).await.expect("recorded");
            say(&format!("began {}", id.number()));
            test.record.end(id, CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO)).await;
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_survives_a_kill_and_the_next_run_opens_it() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("data");
    let (mut said, mut in_journal) = (BTreeSet::new(), 0);
    for run in 1..=3 {
        let (program, folder) = (std::env::current_exe().expect("this test"), folder.clone());
        let lines =
            TaskTracker::new().spawn_blocking(move || killed_after(&program, &folder, 2_000));
        said.extend(within("it is killed", lines).await.expect("no panic"));
        let journal = home.path().join("data/drawbridge.journal");
        in_journal += std::fs::metadata(journal).expect("a journal").len();
        let test = TestRecord::open_in(home.path().join("data").as_path()).await;
        let in_file = began(&test.eyes());
        assert!(said.is_subset(&in_file), "run {run}: a call that was on record is gone");
        let page = test.record.page(None, 1000).await.expect("a page");
        assert!(page.entries.iter().all(|entry| entry.outcome.is_some()), "none of them runs");
        test.record.close().await;
        test.tasks.close();
        within("tasks end", test.tasks.wait()).await;
    }
    assert!(said.len() >= 6_000);
    assert!(in_journal > 0, "they came close together");
    let check: String =
        eyes(&folder).query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
    assert_eq!(check, "ok");
}

/// Starts the program above, kills it after so many calls, and returns all that it said.
fn killed_after(program: &Path, folder: &Path, calls: usize) -> Vec<i64> {
    let mut child = Command::new(program)
        .args(["--exact", "a_program_that_records_calls_until_it_is_killed", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut said = Vec::new();
    while said.len() < calls {
        let line = lines.next().expect("it goes on").expect("text");
        said.extend(number(&line));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    // What it said before it was killed, and not the part of a line at the end.
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    said.extend(rest.iter().take(rest.len().saturating_sub(1)).filter_map(|line| number(line)));
    said
}

fn number(line: &str) -> Option<i64> {
    line.split_once("began ")?.1.parse().ok()
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so; the child reports")]
fn say(text: &str) {
    println!("{text}");
}
