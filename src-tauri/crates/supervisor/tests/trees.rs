//! A tree of processes ends as a whole, whichever way it ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use drawbridge_supervisor::{ExitReport, sweep_leftovers};
use rustix::process::Signal;
use support::{GUARDIAN, Process, STUBBORN, assert_all_end, example, home, within};

#[tokio::test]
async fn a_stop_ends_the_whole_tree_however_stubborn() {
    let home = home();
    let mut server = home.sh(STUBBORN).await;
    let family = server.family().await;
    assert_eq!(family.len(), 4);
    assert_eq!(home.notes(), 1);
    drop(server.stdin);
    let report = within(server.running.stop()).await;
    assert_eq!(report.signal, Some(9), "it had to be ended by force");
    for process in &family {
        assert!(!process.runs(), "{} outlived the stop", process.pid);
    }
    assert_eq!(home.notes(), 0, "what is gone is not written down");
}

#[tokio::test]
async fn a_server_that_ends_with_its_input_is_not_signalled() {
    let home = home();
    let server = home.sh("cat; exit 5").await;
    drop(server.stdin);
    let report = within(server.running.stop()).await;
    assert_eq!((report.code, report.signal), (Some(5), None));
}

#[tokio::test]
async fn a_server_that_minds_the_request_ends_in_its_own_way() {
    let home = home();
    let mut server =
        home.sh(r#"trap "echo saved >&2; exit 7" TERM; echo ready; while :; do sleep 1000 & wait $!; done"#).await;
    server.family().await;
    drop(server.stdin);
    let report = within(server.running.stop()).await;
    assert_eq!(report.code, Some(7));
    assert_eq!(report.last_stderr.as_deref(), Some("saved"));
}

#[tokio::test]
async fn what_a_server_leaves_behind_ends_with_it() {
    let home = home();
    let mut server = home
        .sh(r#"trap "" TERM; setsid sleep 1000 & echo $!; trap - TERM; sleep 1000 & echo $!; echo ready; read end; exit 3"#)
        .await;
    let family = server.family().await;
    assert_eq!(family.len(), 2);
    drop(server.stdin);
    let report = within(server.running.exited()).await;
    assert_eq!(report.code, Some(3), "how the server ended counts, not what it left");
    assert!(family.iter().all(|process| !process.runs()));
    assert_eq!(within(server.running.exited()).await, report, "it may be asked again");
    assert_eq!(within(server.running.stop()).await, report, "a stop comes too late and says so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn dropping_the_hold_ends_the_tree() {
    let home = home();
    let mut server = home.sh(STUBBORN).await;
    let family = server.family().await;
    drop(server.running);
    assert_all_end(&family);
    home.tasks.close();
    within(home.tasks.wait()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stop_goes_on_when_nobody_waits_for_it() {
    let home = home();
    let mut server = home.sh(STUBBORN).await;
    let family = server.family().await;
    let mut stop = Box::pin(server.running.stop());
    assert!(futures_poll_once(&mut stop).await.is_none());
    drop(stop);
    assert_all_end(&family);
}

async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn killing_the_guardian_ends_the_tree_too() {
    let home = home();
    let mut server = home.sh(STUBBORN).await;
    let family = server.family().await;
    let guardian = Process::at(Process::at(server.pid).parent());
    guardian.signal(Signal::KILL);
    let report = within(server.running.exited()).await;
    assert_eq!(report, ExitReport { code: None, signal: Some(9), last_stderr: None });
    assert_all_end(&family);
    assert_eq!(home.notes(), 0);
}

#[tokio::test]
async fn the_guardian_minds_the_lifeline_alone() {
    let home = home();
    let mut server = home.sh("read line; echo $line").await;
    let guardian = Process::at(Process::at(server.pid).parent());
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        guardian.signal(signal);
    }
    use tokio::io::AsyncWriteExt;
    server.stdin.write_all(b"still here\n").await.unwrap();
    assert_eq!(server.line().await.as_deref(), Some("still here"));
    assert_eq!(within(server.running.exited()).await.code, Some(0));
}

#[tokio::test]
async fn a_tree_that_keeps_growing_is_ended() {
    let home = home();
    // Each process starts its successor in a session of its own and goes. The chain has an end, so
    // that a failure of this test leaves nothing for long.
    let link = r#"trap "" TERM; sleep 0.01; [ $LINKS = 0 ] && exit; LINKS=$((LINKS - 1)) setsid sh -c "$LINK" & exit 0"#;
    let link = format!("{link} # {}", std::process::id());
    let mut launch = support::sh(&link);
    launch.env = BTreeMap::from([("LINK".into(), link.clone()), ("LINKS".into(), "1000".into())]);
    let mut running = home.spawner.spawn(&launch, &home.log).await.unwrap().running;
    let report = within(running.exited()).await;
    assert_eq!(report.code, Some(0), "the first link ended well");
    let links = || {
        std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let env = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            env.split(|byte| *byte == 0)
                .any(|pair| pair.strip_prefix(b"LINK=") == Some(link.as_bytes()))
        })
    };
    assert_eq!(links().count(), 0, "no link is left");
}

/// A program that started a stubborn tree, and the tree.
fn owner(state_dir: &std::path::Path) -> (Child, Process, Vec<Process>) {
    #[expect(clippy::disallowed_methods, reason = "a second program that plays us")]
    let mut owner = Command::new(example("owner"))
        .args([GUARDIAN.as_ref(), state_dir.as_os_str(), STUBBORN.as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut family: Vec<Process> = lines
        .by_ref()
        .take_while(|line| line != "ready")
        .map(|pid| Process::at(pid.parse().unwrap()))
        .collect();
    assert_eq!(family.len(), 4);
    let guardian = family[3].parent();
    family.push(Process::at(guardian));
    (owner, Process::at(guardian), family)
}

#[test]
fn killing_the_owner_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, _, family) = owner(folder.path());
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert_all_end(&family);
}

#[tokio::test]
async fn what_outlives_owner_and_guardian_is_swept_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, guardian, family) = owner(folder.path());
    // The owner is stopped, so that it cannot act on the end of the guardian.
    let held = Process::at(owner.id());
    held.signal(Signal::STOP);
    within(held.stopped()).await;
    guardian.signal(Signal::KILL);
    assert!(guardian.has_ended_within(support::LIMIT));
    assert!(family[3].has_ended_within(support::LIMIT), "the system ends the server itself");
    owner.kill().unwrap();
    owner.wait().unwrap();
    let left: Vec<u32> = family.iter().filter(|process| process.runs()).map(|p| p.pid).collect();
    assert!(left.contains(&family[2].pid), "else there is nothing to sweep");

    let swept = sweep_leftovers(folder.path()).await;
    assert_all_end(&family);
    assert_eq!(swept.len(), 1);
    assert_eq!(swept[0].pid, family[3].pid);
    assert!(left.iter().all(|pid| swept[0].ended.contains(pid)), "{left:?} in {swept:?}");
    assert_eq!(sweep_leftovers(folder.path()).await, [], "once is enough");
}
