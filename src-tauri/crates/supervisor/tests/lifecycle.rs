//! The table of a server's life, row by row, and what holds for every life.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use drawbridge_supervisor::lifecycle::{
    AfterStop, Effect, Event, FORGIVEN_AFTER, Happening, RETRY_AFTER, State, step,
};
use proptest::prelude::*;
use tokio::time::Instant;

use AfterStop::{Rest, Retry};
use Effect::{CancelRetry, Halt, Launch, Report, ScheduleRetry};
use Event::{BecameReady, ConnectFailed, Exited, Restart, RetryDue, Start, Stop, StopCompleted};
use Happening::{Crashed, GivenUp, Started, Stopped as WasStopped};
use State::{Failed, Ready, Starting, Stopped, Stopping, Waiting};

#[test]
fn every_row_of_the_table() {
    let now = Instant::now();
    let sec = |n| now + Duration::from_secs(n);
    let ready = Ready { since: now, failures: 2 };
    let waiting = Waiting { until: sec(4), failures: 3 };
    let stopping = |then| Stopping { then };
    let after = AfterStop::Start;
    let table: Vec<(State, Event, u64, State, Vec<Effect>)> = vec![
        (Stopped, Start, 0, Starting { failures: 0 }, vec![Launch]),
        (Stopped, Restart, 0, Starting { failures: 0 }, vec![Launch]),
        (Stopped, Stop, 0, Stopped, vec![]),
        (Stopped, Exited, 0, Stopped, vec![]),
        (Stopped, RetryDue, 0, Stopped, vec![]),
        (Starting { failures: 2 }, Start, 0, Starting { failures: 2 }, vec![]),
        (Starting { failures: 2 }, Stop, 0, stopping(Rest), vec![Halt]),
        (Starting { failures: 2 }, Restart, 0, stopping(after), vec![Halt]),
        (Starting { failures: 2 }, BecameReady, 0, ready, vec![Report(Started)]),
        (
            Starting { failures: 2 },
            ConnectFailed,
            0,
            stopping(Retry { failures: 3 }),
            vec![Report(Crashed), Halt],
        ),
        (
            Starting { failures: 2 },
            Exited,
            0,
            waiting,
            vec![Report(Crashed), ScheduleRetry(sec(4))],
        ),
        (Starting { failures: 6 }, Exited, 0, Failed, vec![Report(Crashed), Report(GivenUp)]),
        (Starting { failures: 2 }, RetryDue, 0, Starting { failures: 2 }, vec![]),
        (ready, Start, 0, ready, vec![]),
        (ready, Stop, 0, stopping(Rest), vec![Halt]),
        (ready, Restart, 0, stopping(after), vec![Halt]),
        (ready, Exited, 0, waiting, vec![Report(Crashed), ScheduleRetry(sec(4))]),
        (
            ready,
            Exited,
            60,
            Waiting { until: sec(61), failures: 1 },
            vec![Report(Crashed), ScheduleRetry(sec(61))],
        ),
        (ready, ConnectFailed, 59, stopping(Retry { failures: 3 }), vec![Report(Crashed), Halt]),
        (ready, ConnectFailed, 60, stopping(Retry { failures: 1 }), vec![Report(Crashed), Halt]),
        (waiting, Start, 0, Starting { failures: 0 }, vec![CancelRetry, Launch]),
        (waiting, Restart, 0, Starting { failures: 0 }, vec![CancelRetry, Launch]),
        (waiting, Stop, 0, Stopped, vec![CancelRetry, Report(WasStopped)]),
        (waiting, RetryDue, 4, Starting { failures: 3 }, vec![Launch]),
        (waiting, RetryDue, 3, waiting, vec![ScheduleRetry(sec(4))]),
        (waiting, Exited, 0, waiting, vec![]),
        (stopping(Rest), Start, 0, stopping(after), vec![]),
        (stopping(Rest), Restart, 0, stopping(after), vec![]),
        (stopping(after), Stop, 0, stopping(Rest), vec![]),
        (stopping(Retry { failures: 1 }), Stop, 0, stopping(Rest), vec![]),
        (stopping(Retry { failures: 1 }), Start, 0, stopping(after), vec![]),
        (stopping(Rest), Exited, 0, stopping(Rest), vec![]),
        (stopping(Rest), StopCompleted, 0, Stopped, vec![Report(WasStopped)]),
        (stopping(after), StopCompleted, 0, Starting { failures: 0 }, vec![Launch]),
        (stopping(Retry { failures: 3 }), StopCompleted, 0, waiting, vec![ScheduleRetry(sec(4))]),
        (stopping(Retry { failures: 7 }), StopCompleted, 0, Failed, vec![Report(GivenUp)]),
        (Failed, Start, 0, Starting { failures: 0 }, vec![Launch]),
        (Failed, Restart, 0, Starting { failures: 0 }, vec![Launch]),
        (Failed, Stop, 0, Stopped, vec![Report(WasStopped)]),
        (Failed, RetryDue, 0, Failed, vec![]),
    ];
    for (state, event, seconds, expected, effects) in table {
        let got = step(state, event, sec(seconds));
        assert_eq!(got, (expected, effects), "{state:?} with {event:?} after {seconds} s");
    }
}

#[test]
fn a_server_that_always_fails_is_retried_six_times_and_then_given_up() {
    let mut now = Instant::now();
    let (mut state, mut effects) = step(Stopped, Start, now);
    let mut pauses = vec![];
    loop {
        assert_eq!(effects.last(), Some(&Launch));
        (state, effects) = step(state, Exited, now);
        let Waiting { until, .. } = state else { break };
        pauses.push((until - now).as_secs());
        now = until;
        (state, effects) = step(state, RetryDue, now);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30]);
    assert_eq!(state, Failed);
    assert_eq!(effects, [Report(Crashed), Report(GivenUp)]);
}

/// The world around the table: it performs effects, and knows what may happen next.
#[derive(Debug)]
struct World {
    state: State,
    now: Instant,
    children: u32,
    halting: bool,
    connected: bool,
    timer: Option<Instant>,
    failures: u32,
}

impl World {
    fn new() -> Self {
        Self {
            state: Stopped,
            now: Instant::now(),
            children: 0,
            halting: false,
            connected: false,
            timer: None,
            failures: 0,
        }
    }

    fn feed(&mut self, event: Event) {
        let (state, effects) = step(self.state, event, self.now);
        self.state = state;
        for effect in effects {
            match effect {
                Launch => {
                    assert_eq!(self.children, 0, "never two live children");
                    assert_eq!(self.timer, None, "a start leaves no retry behind");
                    (self.children, self.connected) = (1, false);
                }
                Halt => {
                    assert!(!self.halting, "one halt at a time");
                    self.halting = true;
                }
                ScheduleRetry(at) => {
                    assert!(at >= self.now && at <= self.now + RETRY_AFTER[5]);
                    assert_eq!(self.children, 0);
                    self.timer = Some(at);
                }
                CancelRetry => self.timer = None,
                Report(Crashed) => self.failures += 1,
                Report(GivenUp) => assert!(self.failures > RETRY_AFTER.len() as u32),
                Report(Started) => self.connected = true,
                Report(WasStopped) => {}
            }
        }
        let runs = matches!(self.state, Starting { .. } | Ready { .. });
        assert_eq!(runs, self.children == 1 && !self.halting, "{:?}", self.state);
        assert_eq!(matches!(self.state, Stopping { .. }), self.halting, "{:?}", self.state);
        assert_eq!(matches!(self.state, Waiting { .. }), self.timer.is_some(), "{:?}", self.state);
    }

    /// Something that can happen in this world, chosen by a number.
    fn happen(&mut self, choice: u8, pause: u64) {
        self.now += Duration::from_secs(pause);
        match choice {
            0 => self.feed(Start),
            1 => self.feed(Stop),
            2 => self.feed(Restart),
            3 if self.halting => {
                (self.halting, self.children) = (false, 0);
                self.feed(StopCompleted);
            }
            4 if self.children == 1 && !self.halting => {
                self.children = 0;
                self.feed(Exited);
            }
            5 if self.children == 1 && !self.halting => self.feed(ConnectFailed),
            6 if self.children == 1 && !self.halting && !self.connected => self.feed(BecameReady),
            7 if self.timer.is_some() => {
                let due = self.timer.take().unwrap();
                self.now = self.now.max(due);
                self.feed(RetryDue);
            }
            // Late news of something long over changes nothing that matters.
            8 if !self.halting => self.feed(StopCompleted),
            9 if self.children == 0 && !self.halting => self.feed(Exited),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn there_are_never_two_children_and_every_stop_ends(
        life in prop::collection::vec((0_u8..10, 0_u64..90), 1..200)
    ) {
        let mut world = World::new();
        for (choice, pause) in life {
            world.happen(choice, pause);
        }
        // From wherever it is, a stop comes to rest once what was asked for is done.
        world.feed(Stop);
        world.happen(3, 0);
        prop_assert_eq!(world.state, Stopped);
        prop_assert_eq!((world.children, world.timer), (0, None));
    }

    #[test]
    fn a_server_left_alone_ends_ready_or_given_up(answers in prop::collection::vec(4_u8..7, 0..40)) {
        let mut world = World::new();
        world.feed(Start);
        for answer in answers {
            world.happen(answer, 0);
            world.happen(3, 0);
            world.happen(7, 0);
        }
        let settled = matches!(world.state, Starting { .. } | Ready { .. } | Failed);
        prop_assert!(settled, "{:?}", world.state);
    }

    #[test]
    fn a_minute_of_health_forgives_all_failures(failures in 0_u32..7, seconds in 0_u64..200) {
        let since = Instant::now();
        let now = since + Duration::from_secs(seconds);
        let (state, _) = step(Ready { since, failures }, Exited, now);
        let forgiven = now - since >= FORGIVEN_AFTER;
        let expected = if forgiven { 1 } else { failures + 1 };
        match state {
            Waiting { failures, .. } => prop_assert_eq!(failures, expected),
            other => prop_assert!(other == Failed && expected == 7),
        }
    }
}
