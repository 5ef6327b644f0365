//! A bounded queue with one reader and a place kept free for the last word.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Locks a mutex that guards plain data, which a panic elsewhere cannot have left half changed.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most events that wait, and most bytes of them. One event is always taken, however large.
const EVENTS_LIMIT: usize = 1024;
const BYTES_LIMIT: usize = 4 * 1024 * 1024;

/// Events in their order, and at last one that always finds room. Writers never wait: when the
/// queue is full an event is dropped and counted, because a slow reader of one call must not
/// hold up the others that share its connection.
///
/// Cheaper than a channel for the usual call, which has one event: nothing is allocated for it.
#[derive(Debug)]
pub(crate) struct Mailbox<E> {
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E> {
    queue: VecDeque<(E, usize)>,
    bytes: usize,
    last: Option<E>,
    finished: bool,
    waker: Option<Waker>,
    dropped: u64,
}

impl<E> Mailbox<E> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                last: None,
                finished: false,
                waker: None,
                dropped: 0,
            }),
        }
    }

    /// Queues an event of about `bytes` bytes, or gives it back when the queue is full or the
    /// last word was said.
    pub(crate) fn push(&self, event: E, bytes: usize) -> Result<(), E> {
        let waker = {
            let mut state = lock(&self.state);
            let full = state.queue.len() >= EVENTS_LIMIT
                || (!state.queue.is_empty() && state.bytes + bytes > BYTES_LIMIT);
            if state.finished || full {
                state.dropped += 1;
                return Err(event);
            }
            state.bytes += bytes;
            state.queue.push_back((event, bytes));
            state.waker.take()
        };
        wake(waker);
        Ok(())
    }

    /// Queues an event that carries no data unless an equal one waits already. It always finds
    /// room: there are only as many as there are kinds of it.
    pub(crate) fn push_once(&self, event: E, same: impl Fn(&E) -> bool) {
        let waker = {
            let mut state = lock(&self.state);
            if state.finished || state.queue.iter().any(|(waiting, _)| same(waiting)) {
                return;
            }
            state.queue.push_back((event, 0));
            state.waker.take()
        };
        wake(waker);
    }

    /// Says the last word. Only the first one counts.
    pub(crate) fn finish(&self, last: E) {
        let waker = {
            let mut state = lock(&self.state);
            if state.finished {
                return;
            }
            state.finished = true;
            state.last = Some(last);
            state.waker.take()
        };
        wake(waker);
    }

    /// How many events found no room.
    pub(crate) fn dropped(&self) -> u64 {
        lock(&self.state).dropped
    }

    /// The next event; `None` after the last word.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<E>> {
        let mut state = lock(&self.state);
        if let Some((event, bytes)) = state.queue.pop_front() {
            state.bytes -= bytes;
            return Poll::Ready(Some(event));
        }
        if state.finished {
            return Poll::Ready(state.last.take());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// Outside the lock: whoever is woken may want it at once.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next<E>(mailbox: &Mailbox<E>) -> Poll<Option<E>> {
        mailbox.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_last_word_comes_after_all_events_and_finds_room_in_a_full_queue() {
        let mailbox = Mailbox::new();
        assert_eq!(next(&mailbox), Poll::Pending);
        for event in 0..EVENTS_LIMIT + 5 {
            assert_eq!(mailbox.push(event, 1).is_ok(), event < EVENTS_LIMIT);
        }
        mailbox.finish(7777);
        mailbox.finish(8888);
        assert_eq!(mailbox.push(1, 1), Err(1), "nothing follows the last word");
        for event in 0..EVENTS_LIMIT {
            assert_eq!(next(&mailbox), Poll::Ready(Some(event)));
        }
        assert_eq!(next(&mailbox), Poll::Ready(Some(7777)));
        assert_eq!(next(&mailbox), Poll::Ready(None));
        assert_eq!(mailbox.dropped(), 6);
    }

    #[test]
    fn large_events_are_bounded_by_their_bytes() {
        let mailbox = Mailbox::new();
        assert!(mailbox.push("first", BYTES_LIMIT * 2).is_ok(), "one is always taken");
        assert!(mailbox.push("second", 1).is_err());
        assert_eq!(next(&mailbox), Poll::Ready(Some("first")));
        assert!(mailbox.push("third", 1).is_ok());
    }
}
