//! Who writes, and when.
//!
//! Rows wait at a desk on which the one pen lies. A call that puts its row there and finds the pen
//! takes it and writes on its own thread everything that waits, as one group; a call that finds it
//! taken waits for its answer. So a lone call commits without waking another thread, which costs
//! several times as much as the commit, and calls that come together are committed together.
//!
//! Nobody waits while holding the pen, so a call that is dropped cannot take it along. What would
//! have to wait is left to one task in the background: a file that another program holds, more
//! rows than a call should write for others, and ends of calls that no next call has taken along.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use drawbridge_model::ActivityOutcome;

use crate::pen::{Pen, Unwritten};
use crate::row::{Place, Row, Waiting};
use crate::{CallEnded, DataFolderLock, EntryId, NotRecorded, file};

/// Most rows that wait while somebody waits for them. When they are that many: wait.
const AWAITED: usize = 1024;
/// Most ends of calls that wait. When they are that many: wait.
const ENDS: usize = 4096;
/// Most rows in a group.
const GROUP: usize = 64;
/// Most groups that a call writes, its own included, before it leaves the rest to the background.
const GROUPS_PER_CALL: usize = 4;
/// How long an end waits for a call to take it along.
const LINGER: Duration = Duration::from_millis(5);
/// How long a row waits for another program to let go of the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked whether it did.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long after a failure it is tried again by itself.
const RETRY: Duration = Duration::from_secs(2);
/// Pages in the log (8 MiB) that are worth carrying into the file.
const PAGES_TO_CARRY: usize = 4096;
/// How often, and with which pause, whoever carries pages looks whether the pen is free.
const PEN_TRIES: usize = 100;
const PEN_PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Writer {
    file: Arc<Path>,
    desk: Mutex<Desk>,
    awaited: Semaphore,
    ends: Semaphore,
    wake: Notify,
    finished: CancellationToken,
    trouble: watch::Sender<Option<NotRecorded>>,
    newest: watch::Sender<i64>,
    tasks: TaskTracker,
}

struct Desk {
    waiting: VecDeque<Waiting>,
    pen: Option<Pen>,
    /// The pen on its way to the background.
    handed: Option<Pen>,
    /// Something waits that no call may come to take along.
    flush: bool,
    carry: Carry,
    closed: bool,
}

/// Whether pages are being carried from the log into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carry {
    /// There are few.
    Idle,
    /// The background is to begin with it.
    Due,
    /// A thread does it.
    Running,
}

/// What became of a group.
enum Group {
    /// It is committed and everyone has their answer.
    Written,
    /// Nothing waited.
    Empty,
    /// Another program holds the file; the group stays with the pen.
    Busy(NotRecorded),
    /// It could not be written, and everyone who waited knows.
    Failed,
}

impl Writer {
    pub(crate) fn new(pen: Pen, file: Arc<Path>, tasks: &TaskTracker) -> Self {
        let newest = watch::Sender::new(pen.newest());
        Self {
            file,
            desk: Mutex::new(Desk {
                waiting: VecDeque::new(),
                pen: Some(pen),
                handed: None,
                flush: false,
                carry: Carry::Idle,
                closed: false,
            }),
            awaited: Semaphore::new(AWAITED),
            ends: Semaphore::new(ENDS),
            wake: Notify::new(),
            finished: CancellationToken::new(),
            trouble: watch::Sender::new(None),
            newest,
            tasks: tasks.clone(),
        }
    }

    pub(crate) fn trouble(&self) -> watch::Receiver<Option<NotRecorded>> {
        self.trouble.subscribe()
    }

    pub(crate) fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Writes a row and returns its number when it is committed.
    pub(crate) async fn write(&self, row: Row) -> Result<EntryId, NotRecorded> {
        self.awaited.acquire().await.map_err(|_| NotRecorded::Closed)?.forget();
        let (answer, answered) = oneshot::channel();
        let mut awaited = Awaited { writer: self, answered, is_call: matches!(row, Row::Began(_)) };
        let pen = {
            let mut desk = self.desk();
            if desk.closed {
                return Err(NotRecorded::Closed);
            }
            desk.waiting.push_back(Waiting::new(row, Some(answer), Place::Awaited));
            desk.pen.take()
        };
        if let Some(pen) = pen {
            self.lead(pen);
        }
        (&mut awaited.answered).await.unwrap_or(Err(NotRecorded::Closed))
    }

    /// Queues the end of a call, once there is room.
    pub(crate) async fn queue_end(&self, id: EntryId, end: CallEnded) {
        if let Ok(place) = self.ends.acquire().await {
            place.forget();
            self.queue(Row::Ended(id, end), Place::End);
        }
    }

    /// Queues the end of a call where nobody can wait for room.
    pub(crate) fn queue_end_now(&self, id: EntryId, end: CallEnded) {
        self.queue(Row::Ended(id, end), Place::Extra);
    }

    fn queue(&self, row: Row, place: Place) {
        let mut desk = self.desk();
        if desk.closed {
            return;
        }
        desk.waiting.push_back(Waiting::new(row, None, place));
        if !std::mem::replace(&mut desk.flush, true) {
            self.wake.notify_one();
        }
    }

    /// Takes no more rows, writes what waits and lets the file go.
    pub(crate) async fn close(&self) {
        self.desk().closed = true;
        self.wake.notify_one();
        self.finished.cancelled().await;
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes as much as a call should write, on the thread of the call.
    fn lead(&self, pen: Pen) {
        let mut leading = Leading { writer: self, pen: Some(pen) };
        let Some(pen) = &mut leading.pen else { return };
        for _ in 0..GROUPS_PER_CALL {
            let Group::Written = self.write_group(pen) else { return };
        }
    }

    /// Writes everything that waits, and waits for other programs that hold the file.
    async fn work_off(&self, leading: &mut Leading<'_>) {
        let Some(pen) = &mut leading.pen else { return };
        loop {
            match self.write_group(pen) {
                Group::Written => tokio::task::yield_now().await,
                Group::Empty | Group::Failed => return,
                Group::Busy(reason) if pen.waiting_since().elapsed() >= PATIENCE => {
                    return self.refuse(pen, &reason);
                }
                Group::Busy(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    fn write_group(&self, pen: &mut Pen) -> Group {
        if pen.group.is_empty() {
            self.take_group(&mut pen.group);
        }
        if pen.group.is_empty() {
            return Group::Empty;
        }
        match pen.write() {
            Ok(()) => self.answer(pen),
            Err(Unwritten::Busy(reason)) => return Group::Busy(reason),
            Err(Unwritten::Failed(reason)) => {
                self.refuse(pen, &reason);
                return Group::Failed;
            }
        }
        Group::Written
    }

    fn take_group(&self, group: &mut Vec<Waiting>) {
        let mut desk = self.desk();
        while group.len() < GROUP {
            match desk.waiting.pop_front() {
                None => break,
                Some(moot) if moot.is_moot() => self.release(moot.place),
                Some(waiting) => group.push(waiting),
            }
        }
    }

    fn answer(&self, pen: &mut Pen) {
        self.newest.send_if_modified(|newest| {
            let grew = *newest < pen.newest();
            *newest = pen.newest();
            grew
        });
        self.trouble.send_if_modified(|trouble| trouble.take().is_some());
        for waiting in pen.group.drain(..) {
            self.release(waiting.place);
            let Some(answer) = waiting.answer else { continue };
            let id = EntryId(waiting.id);
            if answer.send(Ok(id)).is_err() && matches!(waiting.row, Row::Began(_)) {
                self.queue_end_now(id, left_before_it_ran());
            }
        }
    }

    /// Tells everyone who waits that it could not be written. What nobody waits for is kept.
    fn refuse(&self, pen: &mut Pen, reason: &NotRecorded) {
        tracing::error!(%reason, "the record cannot be written");
        self.trouble.send_replace(Some(reason.clone()));
        let mut desk = self.desk();
        let queue = std::mem::take(&mut desk.waiting);
        for waiting in pen.group.drain(..).chain(queue) {
            match waiting.answer {
                None => desk.waiting.push_back(waiting),
                Some(answer) => {
                    self.release(waiting.place);
                    // Whoever is gone needs no answer.
                    let _ = answer.send(Err(reason.clone()));
                }
            }
        }
        if desk.waiting.is_empty() && !desk.closed {
            // Something to try with, so that the trouble ends when its cause does.
            let row = Row::Kept { key: "tried", value: String::new() };
            desk.waiting.push_back(Waiting::new(row, None, Place::Extra));
        }
    }

    fn release(&self, place: Place) {
        match place {
            Place::Awaited => self.awaited.add_permits(1),
            Place::End => self.ends.add_permits(1),
            Place::Extra => {}
        }
    }

    /// Puts the pen on the desk, or hands it to the background when somebody waits for it.
    fn put_back(&self, pen: Pen) {
        let mut desk = self.desk();
        let mut wake = desk.closed;
        if pen.unchecked_pages >= PAGES_TO_CARRY && desk.carry == Carry::Idle {
            desk.carry = Carry::Due;
            wake = true;
        }
        if !desk.waiting.is_empty() {
            wake |= !std::mem::replace(&mut desk.flush, true);
        }
        if !pen.group.is_empty() || desk.waiting.iter().any(|waiting| waiting.answer.is_some()) {
            desk.handed = Some(pen);
            wake = true;
        } else {
            desk.pen = Some(pen);
        }
        drop(desk);
        if wake {
            self.wake.notify_one();
        }
    }

    /// The one task in the background. It ends when the record is closed or its last handle was
    /// dropped, and nothing waits any more; then it lets the folder go.
    pub(crate) async fn run(self: Arc<Self>, dropped: CancellationToken, lock: DataFolderLock) {
        let mut carrying = None;
        let mut flush_at = None;
        loop {
            let closed = self.desk().closed;
            let mut flush_now = false;
            tokio::select! {
                () = dropped.cancelled(), if !closed => self.desk().closed = true,
                () = self.wake.notified() => {}
                () = until(flush_at) => flush_now = true,
            }
            let (pen, carry, closed) = {
                let mut desk = self.desk();
                if flush_now {
                    flush_at = None;
                    desk.flush = false;
                }
                let pen = match desk.handed.take() {
                    None if flush_now || desk.closed => desk.pen.take(),
                    handed => handed,
                };
                let carry = desk.carry == Carry::Due && !desk.closed;
                if carry {
                    desk.carry = Carry::Running;
                }
                (pen, carry, desk.closed)
            };
            if carry {
                let writer = Arc::clone(&self);
                carrying = Some(self.tasks.spawn_blocking(move || writer.carry_pages()));
            }
            if let Some(pen) = pen {
                let mut leading = Leading { writer: &self, pen: Some(pen) };
                self.work_off(&mut leading).await;
                if closed {
                    leading.pen = None;
                    break;
                }
            }
            if flush_at.is_none() && self.desk().flush {
                let wait = if self.trouble.borrow().is_some() { RETRY } else { LINGER };
                flush_at = Some(Instant::now() + wait);
            }
        }
        self.awaited.close();
        self.ends.close();
        self.desk().waiting.clear();
        if let Some(carrying) = carrying {
            // It was finished or it panicked; either way it holds the file no longer.
            let _ = carrying.await;
        }
        drop(lock);
        self.finished.cancel();
    }

    /// Carries pages from the log into the file, on a thread that may block.
    ///
    /// Most are carried while calls go on. The pen is then taken for the few that came meanwhile,
    /// so that the log can begin anew however busy it is.
    fn carry_pages(&self) {
        let carried = file::connect(&self.file).and_then(|connection| {
            file::carry(&connection)?;
            for _ in 0..PEN_TRIES {
                let Some(pen) = self.desk().pen.take() else {
                    std::thread::sleep(PEN_PAUSE);
                    continue;
                };
                let mut leading = Leading { writer: self, pen: Some(pen) };
                file::carry(&connection)?;
                leading.pen.as_mut().map_or(Ok(()), Pen::begin_log_anew)?;
                break;
            }
            Ok(())
        });
        if let Err(error) = carried {
            tracing::warn!(%error, "the log of the record stays longer than it should");
        }
        self.desk().carry = Carry::Idle;
    }
}

fn left_before_it_ran() -> CallEnded {
    let mut end = CallEnded::new(ActivityOutcome::Cancelled, Duration::ZERO);
    end.note = Some("The app left before the call ran.".to_owned());
    end
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Whoever writes. The pen goes back, whatever happens.
struct Leading<'a> {
    writer: &'a Writer,
    pen: Option<Pen>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let Some(mut pen) = self.pen.take() else { return };
        if std::thread::panicking() {
            // What made this thread panic must not make the next one.
            pen.group.clear();
        }
        self.writer.put_back(pen);
    }
}

/// A caller who waits for an answer. A call that is given up while its answer is on the way did
/// not run.
struct Awaited<'a> {
    writer: &'a Writer,
    answered: oneshot::Receiver<Result<EntryId, NotRecorded>>,
    is_call: bool,
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
