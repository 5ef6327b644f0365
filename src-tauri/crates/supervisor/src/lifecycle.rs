//! The life of a server as a pure function. [`step`] is the specification; whoever calls it
//! performs the effects and feeds back what happened.
//!
//! The same life serves child processes, remote servers and what is built in. What the caller
//! owes the table:
//!
//! - Each [`Effect::Launch`] is answered by [`Event::BecameReady`], [`Event::ConnectFailed`] or
//!   [`Event::Exited`].
//! - Each [`Effect::Halt`] is answered by exactly one [`Event::StopCompleted`], also when there
//!   was nothing left to stop; from the `Halt` on nothing else is told about that launch.
//! - No event of a launch is fed in after its `Exited` or `StopCompleted`.
//! - [`Effect::ScheduleRetry`] replaces a retry that was scheduled before.

use std::time::Duration;

use tokio::time::Instant;

/// How long is waited before each retry. As many retries are made, then the server is given up.
pub const RETRY_AFTER: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(30),
];

/// A server that was ready for this long has its failures forgiven.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// What a server is doing. `failures` counts failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not to run.
    Stopped,
    /// Launched, and not ready yet.
    Starting {
        /// Failures before this launch.
        failures: u32,
    },
    /// Answering.
    Ready {
        /// Since when.
        since: Instant,
        /// Failures before this launch; forgiven after [`FORGIVEN_AFTER`].
        failures: u32,
    },
    /// It failed and is tried again.
    Waiting {
        /// When.
        until: Instant,
        /// Failures so far, from 1.
        failures: u32,
    },
    /// Being stopped.
    Stopping {
        /// What comes when nothing of it is left.
        then: AfterStop,
    },
    /// Given up until someone starts it again.
    Failed,
}

/// What comes after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterStop {
    /// Nothing: it is not to run.
    Rest,
    /// A fresh start.
    Start,
    /// A retry after a pause, since the stop cleans up after a failure.
    Retry {
        /// Failures so far, from 1.
        failures: u32,
    },
}

/// What a person asks for, or what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is to run. Where it waits or was given up, it starts at once.
    Start,
    /// It is not to run.
    Stop,
    /// It is to run afresh.
    Restart,
    /// It answered.
    BecameReady,
    /// It does not answer, or no longer; its process may still be there.
    ConnectFailed,
    /// Nothing of it is left, or it could not be started at all.
    Exited,
    /// The stop that [`Effect::Halt`] asked for is complete; nothing of it is left.
    StopCompleted,
    /// The time of the scheduled retry has come.
    RetryDue,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start it and connect.
    Launch,
    /// End it with everything it started.
    Halt,
    /// Feed [`Event::RetryDue`] in at this time.
    ScheduleRetry(Instant),
    /// The scheduled retry is not wanted any more.
    CancelRetry,
    /// Tell people and the record.
    Report(Happening),
}

/// What people and the record are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// It answers.
    Started,
    /// It was stopped because it is not to run.
    Stopped,
    /// It failed, and is tried again unless [`Happening::GivenUp`] follows.
    Crashed,
    /// It failed too often in a row.
    GivenUp,
}

/// One step. Events that make no sense in a state change nothing.
#[must_use]
pub fn step(state: State, event: Event, now: Instant) -> (State, Vec<Effect>) {
    use Effect::{CancelRetry, Halt, Launch, Report, ScheduleRetry};
    use Event as E;
    use State as S;

    let halt = |then| (S::Stopping { then }, vec![Halt]);
    match (state, event) {
        (S::Stopped | S::Failed, E::Start | E::Restart) => launch(0),
        (S::Failed, E::Stop) => (S::Stopped, vec![Report(Happening::Stopped)]),

        (S::Starting { .. } | S::Ready { .. }, E::Stop) => halt(AfterStop::Rest),
        (S::Starting { .. } | S::Ready { .. }, E::Restart) => halt(AfterStop::Start),
        (S::Starting { failures }, E::BecameReady) => {
            (S::Ready { since: now, failures }, vec![Report(Happening::Started)])
        }
        (S::Starting { .. } | S::Ready { .. }, E::ConnectFailed) => (
            S::Stopping { then: AfterStop::Retry { failures: one_more(state, now) } },
            vec![Report(Happening::Crashed), Halt],
        ),
        (S::Starting { .. } | S::Ready { .. }, E::Exited) => {
            let (state, rest) = wait_or_give_up(one_more(state, now), now);
            (state, [vec![Report(Happening::Crashed)], rest].concat())
        }

        (S::Waiting { .. }, E::Start | E::Restart) => {
            (S::Starting { failures: 0 }, vec![CancelRetry, Launch])
        }
        (S::Waiting { .. }, E::Stop) => (S::Stopped, vec![CancelRetry, Report(Happening::Stopped)]),
        (S::Waiting { until, failures }, E::RetryDue) if now >= until => launch(failures),
        // A timer of an older wait, or one that fired early: the retry must not be lost.
        (S::Waiting { until, .. }, E::RetryDue) => (state, vec![ScheduleRetry(until)]),

        (S::Stopping { .. }, E::Start | E::Restart) => {
            (S::Stopping { then: AfterStop::Start }, vec![])
        }
        (S::Stopping { .. }, E::Stop) => (S::Stopping { then: AfterStop::Rest }, vec![]),
        (S::Stopping { then }, E::StopCompleted) => match then {
            AfterStop::Rest => (S::Stopped, vec![Report(Happening::Stopped)]),
            AfterStop::Start => launch(0),
            AfterStop::Retry { failures } => wait_or_give_up(failures, now),
        },

        (S::Stopped, E::Stop)
        | (S::Starting { .. } | S::Ready { .. }, E::Start)
        | (S::Ready { .. }, E::BecameReady)
        | (S::Stopping { .. }, E::BecameReady | E::ConnectFailed | E::Exited | E::RetryDue)
        | (S::Starting { .. } | S::Ready { .. }, E::StopCompleted | E::RetryDue)
        | (
            S::Stopped | S::Failed | S::Waiting { .. },
            E::BecameReady | E::ConnectFailed | E::Exited | E::StopCompleted,
        )
        | (S::Stopped | S::Failed, E::RetryDue) => (state, vec![]),
    }
}

fn launch(failures: u32) -> (State, Vec<Effect>) {
    (State::Starting { failures }, vec![Effect::Launch])
}

fn one_more(state: State, now: Instant) -> u32 {
    match state {
        State::Ready { since, .. } if now.duration_since(since) >= FORGIVEN_AFTER => 1,
        State::Starting { failures } | State::Ready { failures, .. } => failures + 1,
        _ => 1,
    }
}

fn wait_or_give_up(failures: u32, now: Instant) -> (State, Vec<Effect>) {
    match RETRY_AFTER.get(failures.saturating_sub(1) as usize) {
        Some(pause) => {
            let until = now + *pause;
            (State::Waiting { until, failures }, vec![Effect::ScheduleRetry(until)])
        }
        None => (State::Failed, vec![Effect::Report(Happening::GivenUp)]),
    }
}
