//! Many callers while switches flip, answers are given and taken back, the tool changes and is
//! looked at, and pauses come and go: what the server saw is exactly what was let through, and
//! nothing crosses while it is closed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use drawbridge_model::{ClientName, Mode, ServerName};
use drawbridge_policy::{Answer, Known, Lasts};
use serde_json::json;
use support::server::{Script, Scripted};
use support::{Stage, quick, said};

const CALLERS: u64 = 16;
/// Calls that are decided at least.
const CALLS: u64 = 2_000;
/// Calls after which it ends, whatever came of them.
const MOST_CALLS: u64 = 40_000;

/// A small generator of numbers (xorshift64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Default)]
struct Tally {
    ran: AtomicU64,
    refused: AtomicU64,
    over: AtomicBool,
    /// Whether the person is at the computer.
    there: AtomicBool,
}

impl Tally {
    fn is_enough(&self) -> bool {
        let (ran, refused) =
            (self.ran.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed));
        let all = ran + refused;
        all >= MOST_CALLS || (all >= CALLS && ran * 4 >= all && refused * 4 >= all)
    }
}

fn seen(files: &Scripted) -> Vec<u64> {
    let numbers = files.heard("tools/call");
    numbers.iter().map(|call| call["params"]["arguments"]["n"].as_u64().unwrap()).collect()
}

fn change_the_tool(stage: &Stage) {
    let mut offer = {
        let catalog = stage.shared.catalog.load();
        catalog.server("files").expect("it is there").offer.clone()
    };
    for tool in Arc::make_mut(&mut offer.tools) {
        tool.digest[0] = tool.digest[0].wrapping_add(1);
    }
    stage.shared.catalog.publish(&ServerName::new("files").unwrap(), offer);
}

/// The person looks at the tool as it is now, or at none.
fn look_at_the_tool(stage: &Stage, looks: bool) {
    let catalog = stage.shared.catalog.snapshot();
    let tools = &catalog.server("files").expect("it is there").offer.tools;
    let seen = tools.iter().filter(|_| looks);
    let seen = seen.map(|tool| (tool.name.clone(), tool.digest.into())).collect();
    stage.policy(|policy| {
        let rules = policy.servers.get_mut("files").expect("it is there");
        rules.known = Known::Only(Arc::new(seen));
    });
}

fn pause_server(stage: &Stage, paused: bool) {
    stage.policy(|policy| {
        policy.servers.values_mut().for_each(|rules| rules.paused = paused);
    });
}

fn pause_app(stage: &Stage, paused: bool) {
    let editor = ClientName::new("editor").unwrap();
    stage.policy(|policy| {
        policy.paused_clients = paused.then_some(editor).into_iter().collect();
    });
}

/// Answers what waits, as it comes, while the person is there.
async fn person(stage: &Stage, tally: &Tally) {
    let mut dice = Dice(0x9e37_79b9);
    while !tally.over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if !tally.there.load(Ordering::Relaxed) {
            continue;
        }
        for (id, _) in stage.shared.questions.waiting() {
            let Some(taken) = stage.shared.questions.take(id) else { continue };
            let question = Arc::clone(&taken.question);
            let (answer, lasts) = match dice.throw(8) {
                0..3 => (Answer::AllowOnce, None),
                3 => (Answer::AllowForSession, Some(Lasts::Session(question.session))),
                4 => (Answer::AlwaysAllow, Some(Lasts::Always)),
                _ => (Answer::Deny, None),
            };
            if let (Some(lasts), Some(fingerprint)) = (lasts, question.fingerprint) {
                let about = question.about.clone();
                stage.shared.answers.remember(about, lasts, fingerprint, 1);
            }
            let _left = taken.answer(answer);
        }
    }
}

/// Turns what can be turned, and looks at the server whenever nothing may cross.
async fn switches(stage: &Stage, files: &Scripted, tally: &Tally) {
    let mut dice = Dice(0x2545_f491);
    let moment = |dice: &mut Dice| Duration::from_millis(2 + dice.throw(12));
    while !tally.is_enough() {
        tally.there.store(true, Ordering::Relaxed);
        for _ in 0..4 {
            match dice.throw(6) {
                0 | 1 => stage.set_mode("files", "echo", Mode::Allow),
                2..5 => stage.set_mode("files", "echo", Mode::Ask),
                _ => stage.set_mode("files", "echo", Mode::Off),
            }
            if dice.throw(3) == 0 {
                change_the_tool(stage);
                // Now and then it stays unseen until the next turn.
                if dice.throw(4) > 0 {
                    look_at_the_tool(stage, true);
                }
            }
            match dice.throw(10) {
                0 => pause_server(stage, true),
                1 => pause_app(stage, true),
                2.. => {
                    pause_server(stage, false);
                    pause_app(stage, false);
                    look_at_the_tool(stage, true);
                }
            }
            if dice.throw(3) == 0 {
                stage.shared.answers.take_back(|remembered| remembered.id % 2 == 0);
            }
            tokio::time::sleep(moment(&mut dice)).await;
        }

        // Nobody answers and nothing is remembered, or a switch says no.
        tally.there.store(false, Ordering::Relaxed);
        match dice.throw(8) {
            4 => pause_server(stage, true),
            5 => pause_app(stage, true),
            6 => look_at_the_tool(stage, false),
            // What was seen is not what it is now.
            7 => change_the_tool(stage),
            0 => stage.set_mode("files", "echo", Mode::Off),
            1 => stage.policy(|policy| policy.paused = true),
            2 => stage.policy(|policy| {
                policy.servers.values_mut().for_each(|rules| rules.enabled = false);
            }),
            _ => {
                stage.set_mode("files", "echo", Mode::Ask);
                stage.shared.answers.take_back(|_| true);
            }
        }
        // What was handed over before has arrived by then.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let before = files.heard("tools/call").len();
        tokio::time::sleep(moment(&mut dice)).await;
        assert_eq!(
            files.heard("tools/call").len(),
            before,
            "something crossed while it was closed"
        );
        stage.policy(|policy| {
            policy.paused = false;
            policy.servers.values_mut().for_each(|rules| rules.enabled = true);
        });
        pause_server(stage, false);
        pause_app(stage, false);
        look_at_the_tool(stage, true);
    }
    tally.there.store(true, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_saw_is_exactly_what_was_let_through() {
    let stage = Arc::new(Stage::attended(quick()).await);
    let files = stage.add("files", Script::Everything).await;
    look_at_the_tool(&stage, true);
    let tally = Arc::new(Tally::default());
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let (stage, tally) = (Arc::clone(&stage), Arc::clone(&tally));
        callers.push(stage.tasks.clone().spawn(async move {
            let mut app = stage.app("/mcp").await;
            let mut let_through = Vec::new();
            for call in 0.. {
                if tally.over.load(Ordering::Relaxed) {
                    break;
                }
                let n = call * CALLERS + caller;
                let answer = app.call("files__echo", json!({"n": n})).await;
                if answer["result"]["isError"] == true {
                    assert!(said(&answer).starts_with("Drawbridge refused"), "{answer}");
                    tally.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(3)).await;
                } else {
                    assert!(answer["result"]["content"].is_array(), "{answer}");
                    let_through.push(n);
                    tally.ran.fetch_add(1, Ordering::Relaxed);
                }
            }
            let_through
        }));
    }
    let answering = {
        let (stage, tally) = (Arc::clone(&stage), Arc::clone(&tally));
        stage.tasks.clone().spawn(async move { person(&stage, &tally).await })
    };
    switches(&stage, &files, &tally).await;
    tally.over.store(true, Ordering::Relaxed);
    stage.policy(|policy| policy.paused = true);
    answering.await.expect("the person stays");

    let mut let_through = BTreeSet::new();
    for caller in callers {
        let_through.extend(caller.await.expect("a caller ends"));
    }
    let seen = seen(&files);
    let unique: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!(unique.len(), seen.len(), "none runs twice");
    assert_eq!(unique, let_through);
    let (ran, refused) = (tally.ran.load(Ordering::Relaxed), tally.refused.load(Ordering::Relaxed));
    assert!(
        ran + refused >= CALLS && ran * 4 >= ran + refused && refused * 4 >= ran + refused,
        "at least a quarter each way: {ran} ran, {refused} refused"
    );
}
