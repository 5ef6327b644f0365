//! Whoever has the pen, and how it comes back.

use std::time::Duration;

use drawbridge_model::ActivityOutcome;
use tokio::sync::oneshot;

use crate::CallEnded;
use crate::pen::Pen;
use crate::told::{Begun, Recorded};
use crate::writer::{Group, Take, Writer};

/// Whoever found the pen on the desk.
pub(crate) struct Lead<'a> {
    pub(crate) leading: Leading<'a>,
    /// No other call is under way.
    pub(crate) alone: bool,
}

impl Lead<'_> {
    /// Writes until the caller's own row is settled.
    pub(crate) async fn write_until_told(mut self, begun: &Begun) {
        if !self.alone {
            tokio::task::yield_now().await;
        }
        let writer = self.leading.writer;
        while let (true, Some(pen)) = (begun.is_waiting(), &mut self.leading.pen) {
            let Group::Written = writer.write_group(pen, Take::Awaited) else { break };
        }
    }
}

/// Whoever writes. The pen goes back, whatever happens.
pub(crate) struct Leading<'a> {
    writer: &'a Writer,
    pub(crate) pen: Option<Box<Pen>>,
}

impl<'a> Leading<'a> {
    pub(crate) fn new(writer: &'a Writer, pen: Box<Pen>) -> Self {
        Self { writer, pen: Some(pen) }
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let Some(mut pen) = self.pen.take() else { return };
        if std::thread::panicking() {
            // What made this thread panic must not make the next one.
            drop(pen.give_up());
        }
        self.writer.put_back(pen);
    }
}

/// A caller who waits for an answer. A call that is given up while its answer is on the way did
/// not run.
pub(crate) struct Awaited<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) answered: oneshot::Receiver<Recorded>,
    pub(crate) is_call: bool,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.answered.close();
        if let Ok(Ok(id)) = self.answered.try_recv()
            && self.is_call
        {
            self.writer.queue_end_now(id, left_before_it_ran());
        }
    }
}

/// How a call ends whose caller was gone when its row was committed.
pub(crate) fn left_before_it_ran() -> CallEnded {
    let mut end = CallEnded::new(ActivityOutcome::Cancelled, Duration::ZERO);
    end.note = Some("The app left before the call ran.".to_owned());
    end
}
