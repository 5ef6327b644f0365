//! Who writes, and when.
//!
//! There is one pen. A call that finds it on the desk writes its row on its own thread, so that a
//! lone call is on record without waking another thread, which costs several times as much as the
//! writing. Close behind another call, its row goes into the [journal](crate::journal). Where other
//! calls are under way, whoever has the pen first lets the tasks run that are ready: each of them
//! that has a row adds it, and one write does for all. Whoever writes a row also does at once what
//! its caller wants done then, so that no task has to be woken in between.
//!
//! Nobody waits for the end of a call to be written: the [clerk](crate::clerk) writes ends, on a
//! thread beside the one that serves apps, and does what would have to wait. Nobody else waits for
//! anything but ready tasks while holding the pen, and a call that is dropped puts it back.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::Either;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::lead::{Awaited, Lead, Leading, left_before_it_ran};
use crate::marks::Mark;
use crate::pen::{AT_A_TIME, Pen, Stands, To, Unwritten};
use crate::row::{Awaits, Place, Row, Waiting};
use crate::told::{Afterwards, Begun, Gone, Recorded, Then, Told};
use crate::{CallEnded, EntryId, NotRecorded};

/// Most rows that wait while somebody waits for them. When they are that many: wait.
const AWAITED: usize = 1024;
/// Most ends of calls that wait. When they are that many: wait.
const ENDS: usize = 4096;
/// Most rows in a group of calls that wait.
const GROUP: usize = 64;
/// Pages in the log (16 MiB) that are worth carrying into the file.
const PAGES_TO_CARRY: usize = 8192;

pub(crate) struct Writer {
    desk: Mutex<Desk>,
    /// Rung when there is something for the clerk.
    bell: Condvar,
    awaited: Semaphore,
    ends: Semaphore,
    removing: tokio::sync::Mutex<()>,
    /// Cancelled when the clerk has let the file go.
    finished: CancellationToken,
    trouble: watch::Sender<Option<NotRecorded>>,
    newest: watch::Sender<i64>,
}

pub(crate) struct Desk {
    /// Rows that are awaited.
    waiting: VecDeque<Waiting>,
    /// Ends of calls, and what else nobody waits for.
    pub(crate) ends: VecDeque<Waiting>,
    pen: Option<Box<Pen>>,
    /// The pen on its way to the clerk.
    pub(crate) handed: Option<Box<Pen>>,
    /// The clerk waits for the pen, so whoever puts it back rings.
    pub(crate) wanted: bool,
    /// The clerk waits for the bell.
    clerk_waits: bool,
    /// There are so many pages in the log that they are to be carried into the file.
    pub(crate) carry_due: bool,
    /// The newest row in the database, when the pen was last put back.
    pub(crate) head: Mark,
    /// Who waits for the journal's rows to be in the database.
    pub(crate) readers: Vec<oneshot::Sender<()>>,
    /// Rows that are to be removed, and who asked.
    pub(crate) removal: Option<Removal>,
    /// Rows that stand in the journal and not in the database, when the pen was last put back.
    pub(crate) journaled: usize,
    /// The journal's file holds anything, be it in the database or not.
    pub(crate) journal_in_use: bool,
    /// Calls that began, or wait to, and have no end yet. Only a guide to how busy it is.
    under_way: usize,
    pub(crate) closed: bool,
}

/// Rows that are to be removed because of their age, the space they take, or because a person wants
/// it.
pub(crate) struct Removal {
    /// All rows with smaller numbers.
    pub(crate) before: i64,
    /// Told how many rows were removed.
    pub(crate) done: oneshot::Sender<Result<i64, NotRecorded>>,
}

/// What became of a group.
pub(crate) enum Group {
    /// It is on record and everyone was told.
    Written,
    /// Nothing waited.
    Empty,
    /// Another program holds the file; the group stays with the pen.
    Busy(NotRecorded),
    /// The clerk has the database; the group stays with the pen.
    Away,
    /// It could not be written, and everyone who waited knows.
    Failed,
}

/// Which rows go into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Those that somebody waits for.
    Awaited,
    /// Whatever is there, into the journal where that may be.
    Ahead,
    /// Whatever is there, into the database.
    All,
}

impl Writer {
    pub(crate) fn new(pen: Box<Pen>) -> Self {
        let head = pen.head();
        let newest = watch::Sender::new(head.row);
        Self {
            desk: Mutex::new(Desk {
                waiting: VecDeque::new(),
                ends: VecDeque::new(),
                pen: Some(pen),
                handed: None,
                wanted: false,
                clerk_waits: false,
                carry_due: false,
                head,
                journaled: 0,
                journal_in_use: false,
                readers: Vec::new(),
                removal: None,
                under_way: 0,
                closed: false,
            }),
            bell: Condvar::new(),
            awaited: Semaphore::new(AWAITED),
            ends: Semaphore::new(ENDS),
            removing: tokio::sync::Mutex::new(()),
            finished: CancellationToken::new(),
            trouble: watch::Sender::new(None),
            newest,
        }
    }

    pub(crate) fn trouble(&self) -> watch::Receiver<Option<NotRecorded>> {
        self.trouble.subscribe()
    }

    pub(crate) fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Writes a row and returns its number when it is committed.
    pub(crate) async fn write(&self, row: Row) -> Recorded {
        let is_call = matches!(row, Row::Began(_));
        let (answer, answered) = oneshot::channel();
        let mut awaited = Awaited { writer: self, answered, is_call };
        let then = move |written| {
            // Whoever is gone is seen to by `Awaited`.
            let _ = answer.send(written);
            None
        };
        let _begun = self.write_then(row, Box::new(then)).await;
        (&mut awaited.answered).await.unwrap_or(Err(NotRecorded::Closed))
    }

    /// Writes a row and calls `then` the moment it is committed or could not be written, on the
    /// thread that wrote it. May return before that. The row is handed in before this is first
    /// polled, so that the future, which is part of each call's, is small.
    pub(crate) fn write_then(&self, row: Row, then: Then) -> impl Future<Output = Begun> + Send {
        let (told, begun) = Told::new(then);
        let handed_in = match self.awaited.try_acquire() {
            Ok(place) => {
                place.forget();
                Either::Left(ready(self.hand_in(row, told)))
            }
            Err(_none_free) => Either::Right(Box::pin(self.hand_in_later(row, told))),
        };
        async move {
            if let Some(lead) = handed_in.await {
                lead.write_until_told(&begun).await;
            }
            begun
        }
    }

    async fn hand_in_later(&self, row: Row, told: Told) -> Option<Lead<'_>> {
        let Ok(place) = self.awaited.acquire().await else {
            let _ = told.tell(Err(NotRecorded::Closed));
            return None;
        };
        place.forget();
        self.hand_in(row, told)
    }

    /// Adds a row to those that wait. Where nobody writes, it is for the caller to do so.
    fn hand_in(&self, row: Row, told: Told) -> Option<Lead<'_>> {
        let mut desk = self.desk();
        if desk.closed {
            drop(desk);
            let _ = told.tell(Err(NotRecorded::Closed));
            return None;
        }
        let alone = desk.under_way == 0;
        desk.under_way += usize::from(matches!(row, Row::Began(_)));
        desk.waiting.push_back(Waiting::new(row, Awaits::Caller(told), Place::Awaited));
        let pen = desk.pen.take()?;
        drop(desk);
        Some(Lead { leading: Leading::new(self, pen), alone })
    }

    /// Queues the end of a call, at once where there is room and else once there is.
    pub(crate) fn queue_end(&self, id: EntryId, end: CallEnded) -> impl Future<Output = ()> + Send {
        match self.ends.try_acquire() {
            Ok(place) => {
                place.forget();
                self.queue(Row::Ended(id, end), Place::End);
                Either::Left(ready(()))
            }
            Err(_none_free) => Either::Right(Box::pin(async move {
                if let Ok(place) = self.ends.acquire().await {
                    place.forget();
                    self.queue(Row::Ended(id, end), Place::End);
                }
            })),
        }
    }

    /// Queues the end of a call where nobody can wait for room.
    pub(crate) fn queue_end_now(&self, id: EntryId, end: CallEnded) {
        self.queue(Row::Ended(id, end), Place::Extra);
    }

    fn queue(&self, row: Row, place: Place) {
        let desk = self.desk();
        if !desk.closed {
            self.put_end(desk, row, place);
        }
    }

    fn put_end(&self, mut desk: MutexGuard<'_, Desk>, row: Row, place: Place) {
        desk.under_way = desk.under_way.saturating_sub(1);
        desk.ends.push_back(Waiting::new(row, Awaits::Nobody, place));
        // The clerk looks at the clock from the first one on.
        if desk.ends.len() == 1 {
            self.ring(&desk);
        }
    }

    /// Returns when what is on record is in the database too, which is what is read from, or could
    /// not be written there.
    pub(crate) async fn settle_journal(&self) {
        let (settled, answered) = oneshot::channel();
        {
            let mut desk = self.desk();
            // Whoever has the pen may be about to add a row to the journal.
            if desk.closed || (desk.journaled == 0 && desk.pen.is_some()) {
                return;
            }
            desk.readers.push(settled);
        }
        self.bell.notify_one();
        // The clerk drops it unanswered.
        let _ = answered.await;
    }

    /// Has rows removed, and says how many there were when that is done. One removal at a time: of
    /// two, the later one waits its turn.
    pub(crate) async fn remove_before(&self, before: i64) -> Result<i64, NotRecorded> {
        let _turn = self.removing.lock().await;
        // Rows that are to go may be on their way into the database.
        self.settle_journal().await;
        let (done, removed) = oneshot::channel();
        {
            let mut desk = self.desk();
            if desk.closed {
                return Err(NotRecorded::Closed);
            }
            desk.removal = Some(Removal { before, done });
        }
        self.bell.notify_one();
        removed.await.unwrap_or(Err(NotRecorded::Closed))
    }

    pub(crate) fn is_in_trouble(&self) -> bool {
        self.trouble.borrow().is_some()
    }

    /// Takes no more rows. What waits is still written.
    pub(crate) fn shut(&self) {
        self.desk().closed = true;
        self.bell.notify_one();
    }

    /// Takes no more rows, writes what waits and lets the file go.
    pub(crate) async fn close(&self) {
        self.shut();
        self.finished.cancelled().await;
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the bell, or until the time has passed.
    pub(crate) fn wait<'a>(
        &self,
        mut desk: MutexGuard<'a, Desk>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Desk> {
        desk.clerk_waits = true;
        let mut desk = match time {
            None => self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let waited = self.bell.wait_timeout(desk, time);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        desk.clerk_waits = false;
        desk
    }

    /// Rings for the clerk. One who is at work looks at the desk before waiting again, and to ring
    /// for nobody is a system call as well.
    fn ring(&self, desk: &Desk) {
        if desk.clerk_waits {
            self.bell.notify_one();
        }
    }

    /// Writes one group: what was left with the pen, or else what waits.
    pub(crate) fn write_group(&self, pen: &mut Pen, take: Take) -> Group {
        if pen.group.is_empty() {
            self.take_group(pen, take);
        }
        if pen.group.is_empty() && (take != Take::All || pen.journaled() == 0) {
            return Group::Empty;
        }
        let to = match take {
            Take::Awaited => To::Either,
            Take::Ahead => To::Journal,
            Take::All => To::Database,
        };
        match pen.write(to) {
            Ok(stands) => {
                self.answer(pen, stands);
                Group::Written
            }
            Err(Unwritten::Away) => Group::Away,
            Err(Unwritten::Busy(reason)) => Group::Busy(reason),
            Err(Unwritten::Failed(reason)) => {
                self.refuse(pen, &reason);
                Group::Failed
            }
        }
    }

    fn take_group(&self, pen: &mut Pen, take: Take) {
        // Rows in the journal go into the database first.
        let journaled = if take == Take::All { pen.journaled() } else { 0 };
        if journaled >= AT_A_TIME {
            return;
        }
        let group = &mut pen.group;
        let mut desk = self.desk();
        while group.len() < GROUP {
            match desk.waiting.pop_front() {
                None => break,
                Some(moot) if moot.is_moot() => {
                    desk.under_way = desk.under_way.saturating_sub(1);
                    self.release(moot.place);
                }
                Some(waiting) => group.push(waiting),
            }
        }
        if take != Take::Awaited {
            let ends = desk.ends.len().min(AT_A_TIME - journaled);
            group.extend(desk.ends.drain(..ends));
        }
    }

    /// Tells everyone whose row was written that it is on record.
    fn answer(&self, pen: &mut Pen, stands: Stands) {
        let afterwards: Vec<_> = match stands {
            Stands::InJournal(rows) => {
                let written = pen.newest_in_journal(rows);
                written.filter_map(|waiting| self.tell(waiting)).collect()
            }
            Stands::InDatabase => {
                self.tell_newest(pen.head());
                pen.group.drain(..).filter_map(|mut waiting| self.tell(&mut waiting)).collect()
            }
        };
        for left in afterwards {
            left();
        }
    }

    /// Tells that the database took rows. Whoever has the pen does, so that what is told stays true.
    pub(crate) fn tell_newest(&self, head: Mark) {
        let head = head.row;
        self.newest.send_if_modified(|newest| std::mem::replace(newest, head) < head);
        if self.trouble.send_if_modified(|trouble| trouble.take().is_some()) {
            // The clerk need not wait any longer with what could not be written.
            self.ring(&self.desk());
        }
    }

    /// Tells who waits for a row, if anybody does, and gives what is left to do then.
    fn tell(&self, waiting: &mut Waiting) -> Option<Afterwards> {
        self.release(waiting.place);
        let awaits = std::mem::replace(&mut waiting.awaits, Awaits::Nobody);
        let Awaits::Caller(caller) = awaits else { return None };
        let id = EntryId(waiting.id);
        match caller.tell(Ok(id)) {
            Ok(left) => left,
            // Also when it is closed: whoever has the pen writes on until nothing is left.
            Err(Gone) => {
                if matches!(waiting.row, Row::Began(_)) {
                    let end = Row::Ended(id, left_before_it_ran());
                    self.put_end(self.desk(), end, Place::Extra);
                }
                None
            }
        }
    }

    /// Tells everyone who waits that it could not be written. What nobody waits for is kept.
    pub(crate) fn refuse(&self, pen: &mut Pen, reason: &NotRecorded) {
        tracing::error!(%reason, "the record cannot be written");
        self.trouble.send_replace(Some(reason.clone()));
        let mut callers = Vec::new();
        let mut desk = self.desk();
        let queue = std::mem::take(&mut desk.waiting);
        for waiting in pen.give_up().chain(queue) {
            if matches!(waiting.row, Row::Began(_)) {
                desk.under_way = desk.under_way.saturating_sub(1);
            }
            match waiting.awaits {
                Awaits::Nobody => desk.ends.push_back(waiting),
                Awaits::Caller(caller) => {
                    self.release(waiting.place);
                    callers.push(caller);
                }
            }
        }
        if desk.ends.is_empty() && !desk.closed {
            // Something to try with, so that the trouble ends when its cause does.
            let row = Row::Kept { key: "tried".into(), value: String::new() };
            desk.ends.push_back(Waiting::new(row, Awaits::Nobody, Place::Extra));
        }
        drop(desk);
        self.bell.notify_one();
        for caller in callers {
            caller.tell_in_vain(reason);
        }
    }

    fn release(&self, place: Place) {
        match place {
            Place::Awaited => self.awaited.add_permits(1),
            Place::End => self.ends.add_permits(1),
            Place::Extra => {}
        }
    }

    /// Puts the pen on the desk, and rings where the clerk wants it. With a group that is left, only
    /// the clerk takes it.
    pub(crate) fn put_back(&self, pen: Box<Pen>) {
        let mut desk = self.desk();
        let head = pen.head();
        // The end of a call rings by itself.
        let only_notes = desk.under_way == 0 && head != desk.head;
        desk.head = head;
        desk.carry_due |= pen.unchecked_pages() >= PAGES_TO_CARRY;
        // The clerk looks at the clock from the first one on.
        let first_journaled = desk.journaled == 0 && pen.journaled() > 0;
        desk.journaled = pen.journaled();
        desk.journal_in_use = pen.is_journal_in_use();
        let ring = only_notes
            || first_journaled
            || desk.carry_due
            || desk.wanted
            || desk.closed
            || !desk.waiting.is_empty();
        if pen.group.is_empty() {
            desk.pen = Some(pen);
        } else {
            desk.handed = Some(pen);
        }
        if ring || desk.handed.is_some() {
            self.ring(&desk);
        }
    }

    /// Nothing is written any more; whoever still waits learns that it is closed.
    pub(crate) fn finish(&self) {
        self.awaited.close();
        self.ends.close();
        let left = {
            let mut desk = self.desk();
            desk.ends.clear();
            // Whoever waits for it learns that it is closed.
            desk.removal = None;
            desk.readers.clear();
            std::mem::take(&mut desk.waiting)
        };
        for waiting in left {
            if let Awaits::Caller(caller) = waiting.awaits {
                caller.tell_in_vain(&NotRecorded::Closed);
            }
        }
        self.finished.cancel();
    }
}

impl Desk {
    /// The pen, if it is there. If it is not, whoever has it rings when putting it back.
    pub(crate) fn want(&mut self) -> Option<Box<Pen>> {
        let pen = self.handed.take().or_else(|| self.pen.take());
        self.wanted = pen.is_none();
        pen
    }

    /// Whether anyone waits for a row to be written.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }
}
