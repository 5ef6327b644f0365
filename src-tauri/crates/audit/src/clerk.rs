//! The thread in the background that writes for calls that come together, and what nobody waits
//! for.
//!
//! Ends of calls, and rows that are in the journal so far, are gathered for a few milliseconds and
//! written together, which costs a fraction of what each would cost in a group of its own, off the
//! way of the calls. While calls come close together, ends go into the journal first, which is
//! quick; then the clerk takes the database aside and writes all of it there, and calls go on with
//! the journal meanwhile. The clerk also does what takes its time: it tries again while another
//! program holds the file, and carries pages from the log into the file.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::database::{Aside, Database};
use crate::lead::Leading;
use crate::marks::MarksKeeper;
use crate::pen::{AT_A_TIME, Pen};
use crate::writer::{Group, Removal, Take, Writer};
use crate::{DataFolderLock, NotRecorded, file};

/// How long rows are gathered that nobody waits for.
const LINGER: Duration = Duration::from_millis(5);
/// How long a row waits for another program to let go of the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked whether it did.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long after a failure it is tried again by itself.
const RETRY: Duration = Duration::from_secs(2);
/// When the journal is emptied after the last calls that came close together.
const CLEAR_AFTER: Duration = Duration::from_secs(1);
/// How long is waited for the pen to begin the log anew.
const PEN_PATIENCE: Duration = Duration::from_millis(200);

/// Works until the record is closed and nothing waits any more, then lets file and folder go.
/// Blocks.
pub(crate) fn work(writer: &Writer, file: &Path, mut marks: MarksKeeper, lock: DataFolderLock) {
    // When the journal is to be emptied, unless more calls come.
    let mut clear_at: Option<Instant> = None;
    let mut gathered_since = None;
    // Rows that were there when it was time to write them and are not written yet.
    let mut left = 0_usize;
    // What was taken last.
    let mut take = Take::Awaited;
    // Carrying that did not succeed is left alone for a while: its cause will not have gone.
    let mut carry_from = Instant::now();
    loop {
        let mut desk = writer.desk();
        let now = Instant::now();
        // A group that was left with the pen is written first.
        if desk.carry_due && desk.handed.is_none() && !desk.closed && carry_from <= now {
            desk.carry_due = false;
            drop(desk);
            if let Err(error) = carry_pages(writer, file) {
                tracing::warn!(%error, "the log of the record stays longer than it should");
                carry_from = now + RETRY;
            }
            continue;
        }
        if let Some(removal) = desk.removal.take().filter(|_| !desk.closed) {
            drop(desk);
            remove(writer, file, &mut marks, removal);
            continue;
        }
        let head = desk.head;
        let marks_due = marks.due_in(head, now);
        if marks_due.is_some_and(|time| time.is_zero()) {
            drop(desk);
            marks.keep(head);
            continue;
        }
        if !desk.journal_in_use {
            clear_at = None;
        } else if desk.journaled > 0 || clear_at.is_none() {
            clear_at = Some(now + CLEAR_AFTER);
        }
        let clear_in = clear_at.map(|at| at.saturating_duration_since(now));
        if clear_in.is_some_and(|time| time.is_zero()) {
            drop(desk);
            with_pen(writer, Pen::clear_journal);
            clear_at = None;
            continue;
        }
        gathered_since = match gathered_since {
            _ if desk.ends.is_empty() && desk.journaled == 0 => None,
            None => Some(now),
            since => since,
        };
        let wait = if writer.is_in_trouble() { RETRY } else { LINGER };
        let write_in = gathered_since.map(|since| (since + wait).saturating_duration_since(now));
        let ends_due = desk.closed || write_in.is_some_and(|time| time.is_zero());
        let wanted = ends_due || desk.is_awaited() || !desk.readers.is_empty();
        let Some(pen) = (if wanted { desk.want() } else { desk.handed.take() }) else {
            let next =
                write_in.filter(|_| !wanted).into_iter().chain(marks_due).chain(clear_in).min();
            drop(writer.wait(desk, next));
            continue;
        };
        if ends_due && left == 0 {
            left = desk.ends.len() + desk.journaled;
        }
        // Between two groups those who wait go first.
        take = match take {
            Take::Ahead | Take::All if desk.is_awaited() => Take::Awaited,
            _ if left > 0 && pen.can_set_aside() => Take::Ahead,
            _ if left > 0 => Take::All,
            _ => Take::Awaited,
        };
        let closed = desk.closed;
        let readers = std::mem::take(&mut desk.readers);
        drop(desk);
        let mut leading = Leading::new(writer, pen);
        let Some(pen) = &mut leading.pen else { continue };
        if closed {
            // What cannot be written now is lost.
            while write_group(writer, pen, Take::All) {}
            pen.clear_journal();
            if marks.due_in(pen.head(), now).is_some() {
                marks.keep(pen.head());
            }
            leading.pen = None;
            break;
        }
        while !readers.is_empty() && pen.journaled() > 0 && write_group(writer, pen, Take::All) {}
        drop(readers);
        let written = write_group(writer, pen, take);
        if take != Take::Awaited {
            left = if written { left.saturating_sub(AT_A_TIME) } else { 0 };
            if left == 0 {
                gathered_since = None;
            }
        }
        if take == Take::Ahead && left == 0 {
            write_aside(writer, leading);
        }
    }
    drop(lock);
    writer.finish();
}

/// Writes a group, and waits for other programs that hold the file. Gives false when there was
/// nothing, or it could not be written.
fn write_group(writer: &Writer, pen: &mut Pen, take: Take) -> bool {
    loop {
        match writer.write_group(pen, take) {
            Group::Written => return true,
            Group::Empty | Group::Failed | Group::Away => return false,
            Group::Busy(reason) if pen.held_up_for() >= PATIENCE => {
                writer.refuse(pen, &reason);
                return false;
            }
            Group::Busy(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Writes rows of the journal into the database while others have the pen.
fn write_aside(writer: &Writer, mut leading: Leading<'_>) {
    let Some(aside) = leading.pen.as_mut().and_then(|pen| pen.set_aside()) else { return };
    drop(leading);
    let mut away = Away { writer, aside: Some(aside) };
    // They are tried again with the pen in hand, where it is told.
    if let Some(Err(error)) = away.aside.as_mut().map(Aside::write) {
        tracing::debug!(%error, "the database takes no row");
    }
}

/// What was set aside. The pen gets it back, whatever happens.
struct Away<'a> {
    writer: &'a Writer,
    aside: Option<Aside>,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        let Some(aside) = self.aside.take() else { return };
        let mut desk = self.writer.desk();
        let mut pen = loop {
            match desk.want() {
                Some(pen) => break pen,
                None => desk = self.writer.wait(desk, None),
            }
        };
        drop(desk);
        let is_written = aside.took_rows.is_some();
        pen.take_back(aside);
        if is_written {
            self.writer.tell_newest(pen.head());
        }
        self.writer.put_back(pen);
    }
}

/// Asks for the pen and waits for it a while.
fn fetch(writer: &Writer) -> Option<Box<Pen>> {
    let until = Instant::now() + PEN_PATIENCE;
    let mut desk = writer.desk();
    loop {
        if let Some(pen) = desk.want() {
            return Some(pen);
        }
        let time = until.saturating_duration_since(Instant::now());
        if time.is_zero() {
            desk.wanted = false;
            return None;
        }
        desk = writer.wait(desk, Some(time));
    }
}

/// Carries pages from the log into the file.
///
/// Most are carried while calls go on. The pen is then taken for the few that came meanwhile, so
/// that the log can begin anew however busy it is.
fn carry_pages(writer: &Writer, file: &Path) -> rusqlite::Result<()> {
    let connection = file::connect(file)?;
    file::carry(&connection)?;
    let Some(pen) = fetch(writer) else { return Ok(()) };
    let mut leading = Leading::new(writer, pen);
    // A group that waits with the pen is written first.
    let free = leading.pen.as_mut().filter(|pen| pen.group.is_empty());
    let Some(database) = free.and_then(|pen| pen.database()) else { return Ok(()) };
    file::carry(&connection)?;
    let mut begun = database.begin_log_anew();
    // Whoever begins to read holds the log for a moment.
    for _ in 0..5 {
        if !begun.as_ref().is_err_and(file::is_busy) {
            break;
        }
        std::thread::sleep(LOOK_AGAIN / 5);
        begun = database.begin_log_anew();
    }
    begun
}

/// Rows that are removed at a time: the pen is held for about a millisecond.
const ROWS_AT_A_TIME: i64 = 200;
/// Pages that are given back to the disk at a time.
const PAGES_AT_A_TIME: u32 = 100;
/// Most groups of waiting rows that are written between two steps.
const GROUPS_IN_BETWEEN: usize = 32;
/// How long is waited between two steps, so that calls come first.
const BREATH: Duration = Duration::from_millis(2);

/// Removes rows in small steps between which calls are written, and gives their space back.
fn remove(writer: &Writer, file: &Path, marks: &mut MarksKeeper, removal: Removal) {
    let Removal { before, done } = removal;
    let removed = remove_rows(writer, file, marks, before);
    if let Err(error) = &removed {
        tracing::warn!(%error, "old rows of the record could not be removed");
    }
    // Whoever asked may be gone.
    let _ = done.send(removed);
}

fn remove_rows(
    writer: &Writer,
    file: &Path,
    marks: &mut MarksKeeper,
    before: i64,
) -> Result<i64, NotRecorded> {
    let sqlite = |error: rusqlite::Error| NotRecorded::from_sqlite(&error, file);
    let connection = file::connect(file).map_err(sqlite)?;
    // The last of them is what the first that is left follows. It is kept apart before any goes.
    if let Some(last) = file::last_before(&connection, before).map_err(sqlite)?
        && last.row > marks.removed().row
    {
        marks.remove_up_to(last).map_err(|error| {
            NotRecorded::Unwritable(format!("{}: {error}", file.display()).into())
        })?;
    }
    let up_to = marks.removed();
    let mut removed = 0;
    while !writer.desk().closed {
        let step = with_database(writer, |database| database.remove(up_to, ROWS_AT_A_TIME));
        attend(writer, file, marks);
        let Some(rows) = step.transpose().map_err(sqlite)? else { continue };
        removed += rows;
        if rows == 0 {
            break;
        }
        std::thread::sleep(BREATH);
    }
    let mut pages = i64::MAX;
    while !writer.desk().closed {
        let step = with_database(writer, |database| database.give_pages_back(PAGES_AT_A_TIME));
        attend(writer, file, marks);
        match step.transpose().map_err(sqlite)? {
            // A file that was made by another program may not be able to give any back.
            Some(left) if left == 0 || left >= pages => break,
            Some(left) => pages = left,
            None => {}
        }
        std::thread::sleep(BREATH);
    }
    // What was given back shows once the log is carried into the file, and is cut.
    carry_pages(writer, file).map_err(sqlite)?;
    with_pen(writer, Pen::clear_journal);
    let cut = with_database(writer, Database::cut_log);
    cut.transpose().map_err(sqlite)?;
    Ok(removed)
}

/// Does something with the pen, if it can be had in time and no group is left with it.
fn with_pen<T>(writer: &Writer, act: impl FnOnce(&mut Pen) -> T) -> Option<T> {
    let mut leading = Leading::new(writer, fetch(writer)?);
    let pen = leading.pen.as_mut()?;
    // Ends of calls are written as ever.
    for _ in 0..GROUPS_IN_BETWEEN {
        if !write_group(writer, pen, Take::All) {
            break;
        }
    }
    pen.group.is_empty().then(|| act(pen))
}

/// As [`with_pen`], with the database, all rows of the journal in it that were there.
fn with_database<T>(writer: &Writer, act: impl FnOnce(&mut Database) -> T) -> Option<T> {
    with_pen(writer, |pen| pen.database().map(act)).flatten()
}

/// Does between two steps of a removal what else the clerk is there for.
fn attend(writer: &Writer, file: &Path, marks: &mut MarksKeeper) {
    let (head, carry_due, mut readers) = {
        let mut desk = writer.desk();
        let carry_due = std::mem::take(&mut desk.carry_due) && desk.handed.is_none();
        (desk.head, carry_due, std::mem::take(&mut desk.readers))
    };
    if !readers.is_empty() && with_pen(writer, |_journal_is_settled| ()).is_none() {
        writer.desk().readers.append(&mut readers);
    }
    drop(readers);
    if marks.due_in(head, Instant::now()).is_some_and(|time| time.is_zero()) {
        marks.keep(head);
    }
    if carry_due && let Err(error) = carry_pages(writer, file) {
        tracing::warn!(%error, "the log of the record stays longer than it should");
    }
}
