use std::ops::ControlFlow;

use drawbridge_model::{ActivityKind, ActivityOutcome};
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::marks::MarksFile;
use crate::row::{Awaits, Place};
use crate::{
    CallBegan, CallEnded, DataFolderLock, EntryId, Excerpt, KEPT_BYTES, Note, check, journal,
};

async fn pen(folder: &Path) -> Box<Pen> {
    let lock = DataFolderLock::take(folder).expect("nobody else has it");
    let file = file::bring_up_to_date(folder, &lock).await.expect("tables");
    let opened = file::open(file, &MarksFile::in_folder(folder)).expect("opens");
    Pen::new(opened).expect("a pen")
}

/// Tries to put rows on record. They are given up where that is not possible.
fn try_write(pen: &mut Pen, rows: Vec<Row>, to: To) -> Result<Stands, Unwritten> {
    pen.group.extend(rows.into_iter().map(|row| Waiting::new(row, Awaits::Nobody, Place::Extra)));
    let written = pen.write(to);
    drop(pen.give_up());
    written
}

/// Puts a row on record.
fn write(pen: &mut Pen, row: Row) -> Stands {
    let Ok(stands) = try_write(pen, vec![row], To::Either) else { panic!("it is not written") };
    stands
}

fn began() -> Row {
    CallBegan::new(ActivityKind::ToolCall).into()
}

/// Eighty of them are too long for a half of the journal.
fn long_call() -> Row {
    Row::Began(Note {
        arguments: Some(Excerpt::of(&"x".repeat(KEPT_BYTES))),
        ..Note::new(ActivityKind::ToolCall)
    })
}

/// The folder after a kill and the next start.
fn kill(folder: &Path) -> tempfile::TempDir {
    let killed = tempfile::tempdir().expect("a folder");
    for file in [journal::FILE, "record-marks.json", file::FILE, "drawbridge.db-wal"] {
        std::fs::copy(folder.join(file), killed.path().join(file)).expect(file);
    }
    let marks = MarksFile::in_folder(killed.path());
    drop(file::open(killed.path().join(file::FILE).into(), &marks).expect("opens"));
    killed
}

fn end(call: i64) -> Row {
    Row::Ended(EntryId(call), CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO))
}

/// Puts calls on record until one stands in the journal, and gives its number.
fn journal_one(pen: &mut Pen) -> i64 {
    for _ in 0..1000 {
        if let Stands::InJournal(rows) = write(pen, began()) {
            return pen.newest_in_journal(rows).next().expect("it").id;
        }
    }
    panic!("calls that come close together are not journaled")
}

/// Row and call of each end, oldest first.
fn calls_of_ends(pen: &Pen) -> Vec<(i64, String)> {
    let eyes = file::connect(&pen.file).expect("opens");
    let mut statement = eyes
        .prepare(
            "SELECT ended.call, began.step FROM entries ended \
             JOIN entries began ON began.id = ended.call ORDER BY ended.id",
        )
        .expect("prepares");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("queries");
    rows.collect::<Result<_, _>>().expect("reads")
}

fn add_foreign_row(pen: &Pen, number: i64) {
    let other = file::connect(&pen.file).expect("opens");
    let sql = "INSERT INTO entries (id, run, at, step, kind, chain) \
         VALUES (?1, 1, 0, 'noted', 'server_started', zeroblob(32))";
    other.execute(sql, [number]).expect("it may add rows");
}

#[tokio::test]
async fn calls_that_come_at_once_are_journaled_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    // A busy machine may keep this thread from being close behind itself.
    let last = (0..100).find_map(|_| {
        let last = journal_one(&mut pen);
        let written = try_write(&mut pen, vec![began(), began(), began()], To::Either);
        matches!(written, Ok(Stands::InJournal(3))).then_some(last)
    });
    let last = last.expect("they are journaled");
    let numbers: Vec<_> = pen.newest_in_journal(3).map(|waiting| waiting.id).collect();
    assert_eq!(numbers, [last + 1, last + 2, last + 3]);
}

#[tokio::test]
async fn no_call_is_journaled_once_the_database_took_no_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let journaled = journal_one(&mut pen);
    let other = file::connect(&pen.file).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let mut is_busy =
        |row| matches!(try_write(&mut pen, vec![row], To::Either), Err(Unwritten::Busy(_)));
    assert!(is_busy(end(journaled)), "ends are not journaled");
    // Of three calls in a row, one at least is close behind another.
    assert!(is_busy(began()) && is_busy(began()) && is_busy(began()));
    other.execute_batch("COMMIT").expect("lets go");
    assert_eq!(write(&mut pen, end(journaled)), Stands::InDatabase);
    journal_one(&mut pen);
}

#[tokio::test]
async fn an_end_finds_its_call_though_another_program_took_the_calls_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let (first, second) = (journal_one(&mut pen), journal_one(&mut pen));
    let journaled = pen.journaled();
    add_foreign_row(&pen, first);

    assert_eq!(write(&mut pen, end(second)), Stands::InDatabase);
    assert_eq!(pen.journaled(), 0);
    let newest = pen.head().row;
    assert_eq!(calls_of_ends(&pen), [(newest - 1, "began".to_owned())]);
    assert!(newest - 1 - i64::try_from(journaled).expect("few") >= second, "no number twice");
}

#[tokio::test]
async fn rows_whose_numbers_were_taken_survive_a_kill_before_they_are_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let (first, _second) = (journal_one(&mut pen), journal_one(&mut pen));
    add_foreign_row(&pen, first);
    let database = pen.database.take().expect("is there");
    pen.pass_over_taken_numbers(&database).expect("reads");
    let left = std::fs::read(folder.path().join(journal::FILE)).expect("the journal");
    let newest = database.newest().expect("reads").expect("a row");
    let mut connection = file::connect(&pen.file).expect("opens");
    let restored = journal::restore(&left, &mut connection, newest).expect("writes");
    assert_eq!(Some(restored.row), pen.journaled.back().map(|waiting| waiting.id));
}

#[tokio::test]
async fn an_end_in_the_journal_finds_its_call_though_another_program_took_the_calls_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let (first, second) = (journal_one(&mut pen), journal_one(&mut pen));
    let ends = try_write(&mut pen, vec![end(second)], To::Journal);
    assert!(matches!(ends, Ok(Stands::InJournal(1))));
    add_foreign_row(&pen, first);
    assert_eq!(write(&mut pen, end(first)), Stands::InDatabase);
    let newest = pen.head().row;
    let (moved_first, moved_second) = (newest - 3, newest - 2);
    let began = |call| (call, "began".to_owned());
    assert_eq!(calls_of_ends(&pen), [began(moved_second), began(moved_first)]);
}

/// Sets rows of the journal aside. A busy machine may not be quick enough at the first try.
fn set_aside(pen: &mut Pen) -> Aside {
    let aside = (0..100).find_map(|_| {
        journal_one(pen);
        pen.set_aside()
    });
    aside.expect("rows of the journal can be set aside")
}

#[tokio::test]
async fn while_the_database_is_away_rows_go_into_the_journal_or_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let note = || Row::Noted(Note::new(ActivityKind::ToolCall));
    let kept = || Row::Kept { key: "a".into(), value: "b".to_owned() };
    let mut went = false;
    for _ in 0..100 {
        let mut aside = set_aside(&mut pen);
        let away = pen.journaled();
        assert!(away > 0, "whoever reads waits for them");
        std::thread::sleep(CLOSE);
        let call = try_write(&mut pen, vec![began()], To::Either);
        let both = try_write(&mut pen, vec![note(), end(1)], To::Either);
        let key = try_write(&mut pen, vec![kept()], To::Either);
        assert!(matches!(key, Err(Unwritten::Away)), "it has no place in the journal");
        assert!(pen.set_aside().is_none(), "it is away");
        aside.write().expect("nobody holds it");
        pen.take_back(aside);
        assert_eq!(write(&mut pen, kept()), Stands::InDatabase);
        assert_eq!(pen.journaled(), 0);
        went = matches!((call, both), (Ok(Stands::InJournal(1)), Ok(Stands::InJournal(2))));
        if went {
            break;
        }
    }
    assert!(went, "calls and notes go on");
}

#[tokio::test]
async fn rows_that_come_while_others_are_aside_are_set_aside_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let next = (0..100).find_map(|_| {
        let mut aside = set_aside(&mut pen);
        let call = try_write(&mut pen, vec![began()], To::Either);
        aside.write().expect("nobody holds it");
        pen.take_back(aside);
        call.is_ok().then(|| pen.set_aside())?
    });
    assert_eq!(next.expect("they can be set aside").rows.len(), 1);
}

#[tokio::test]
async fn while_the_database_is_away_too_long_nothing_is_put_on_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let aside = set_aside(&mut pen);
    std::thread::sleep(PROVEN);
    let call = try_write(&mut pen, vec![began()], To::Either);
    assert!(matches!(call, Err(Unwritten::Away)));
    pen.take_back(aside);
    assert_eq!(write(&mut pen, began()), Stands::InDatabase, "nor is it tried in the journal");

    let mut aside = set_aside(&mut pen);
    aside.write().expect("nobody holds it");
    std::thread::sleep(PROVEN);
    pen.take_back(aside);
    let late = try_write(&mut pen, vec![began()], To::Journal);
    assert!(matches!(late, Ok(Stands::InDatabase)), "it took rows too long ago");
}

#[tokio::test]
async fn a_database_that_took_no_row_for_a_while_is_not_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    journal_one(&mut pen);
    std::thread::sleep(PROVEN);
    assert!(pen.set_aside().is_none(), "calls would wait for it");
}

#[tokio::test]
async fn rows_that_could_not_be_written_aside_are_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let aside = (0..100).find_map(|_| {
        journal_one(&mut pen);
        let crowd = (0..AT_A_TIME).map(|_| began()).collect();
        let _in_journal = try_write(&mut pen, crowd, To::Journal);
        pen.set_aside()
    });
    let mut aside = aside.expect("rows of the journal can be set aside");
    let rows = aside.rows.len();
    let other = file::connect(&pen.file).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    aside.write().expect_err("it is held");
    pen.take_back(aside);
    let call = try_write(&mut pen, vec![began()], To::Either);
    assert!(matches!(call, Err(Unwritten::Busy(_))), "no more calls are to run");
    other.execute_batch("COMMIT").expect("lets go");

    assert!(rows > AT_A_TIME);
    assert_eq!(pen.journaled(), rows);
    assert!(try_write(&mut pen, Vec::new(), To::Database).is_ok());
    assert_eq!(pen.journaled(), rows - AT_A_TIME);
    assert!(pen.set_aside().is_none(), "the other half has rows that are nowhere else");
    while pen.journaled() > 0 {
        assert!(try_write(&mut pen, Vec::new(), To::Database).is_ok());
    }
    set_aside(&mut pen);
}

#[tokio::test]
async fn rows_too_long_for_the_journal_get_other_numbers_where_theirs_were_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let last = journal_one(&mut pen);
    add_foreign_row(&pen, last);
    let long = (0..80).map(|_| long_call()).collect();
    assert!(matches!(try_write(&mut pen, long, To::Journal), Ok(Stands::InDatabase)));
    assert!(pen.head().row >= last + 81);
    assert_eq!(pen.journaled(), 0);
}

#[tokio::test]
async fn nothing_is_journaled_behind_rows_that_are_in_no_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let crowd = || (0..50).map(|_| long_call()).collect();
    let aside = (0..100).find_map(|_| {
        journal_one(&mut pen);
        let _in_journal = try_write(&mut pen, crowd(), To::Journal);
        let aside = pen.set_aside()?;
        if matches!(try_write(&mut pen, crowd(), To::Journal), Ok(Stands::InJournal(50))) {
            return Some(aside);
        }
        pen.take_back(aside);
        None
    });
    let mut aside = aside.expect("both halves hold calls");
    let first = aside.rows.front().expect("a row").id;
    add_foreign_row(&pen, first);
    aside.write().expect_err("its number was taken");
    pen.take_back(aside);
    let database = pen.database.take().expect("is there");
    pen.pass_over_taken_numbers(&database).expect("reads");
    pen.database = Some(database);
    assert!(pen.journaled() > AT_A_TIME, "they do not fit into a half");

    assert!(try_write(&mut pen, Vec::new(), To::Database).is_ok(), "some are written");
    assert!(pen.set_aside().is_none());
    let behind = try_write(&mut pen, vec![began()], To::Journal);
    assert!(matches!(behind, Ok(Stands::InDatabase)));
    assert_eq!(pen.journaled(), 0);
    set_aside(&mut pen);
}

#[tokio::test]
async fn what_follows_rows_that_were_all_removed_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pen = pen(folder.path()).await;
    let mut calls = 0;
    for _ in 0..100 {
        journal_one(&mut pen);
        while pen.journaled() > 0 {
            assert!(try_write(&mut pen, Vec::new(), To::Database).is_ok());
        }
        let head = pen.head();
        pen.database().expect("is there").remove(head, i64::MAX).expect("removes");
        let journaled = try_write(&mut pen, vec![began(), began()], To::Journal);
        calls = pen.journaled();
        if matches!(journaled, Ok(Stands::InJournal(2))) {
            break;
        }
    }
    assert_eq!(calls, 2, "they are journaled");
    let killed = kill(folder.path());
    let rows: i64 = Connection::open(killed.path().join(file::FILE))
        .and_then(|eyes| eyes.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)))
        .expect("reads");
    assert_eq!(rows, 2);
}

/// What may happen to a pen.
#[derive(Debug, Clone, Copy)]
enum Step {
    Call,
    LongCall,
    Note,
    /// The oldest calls that run end, at most so many.
    Ends(usize),
    SetAside,
    WriteAside,
    /// Another program holds the file meanwhile.
    WriteAsideInVain,
    TakeBack,
    /// Rows of the journal go into the database.
    Carry,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Call),
        1 => Just(Step::LongCall),
        1 => Just(Step::Note),
        3 => (1..6_usize).prop_map(Step::Ends),
        3 => Just(Step::SetAside),
        2 => Just(Step::WriteAside),
        1 => Just(Step::WriteAsideInVain),
        3 => Just(Step::TakeBack),
        1 => Just(Step::Carry),
    ];
    prop::collection::vec(step, 1..60)
}

/// A pen, and what it said is on record.
struct Desk {
    pen: Box<Pen>,
    aside: Option<Aside>,
    /// Step and name of each row, oldest first.
    on_record: Vec<(&'static str, String)>,
    /// Number and name of the calls that run.
    run: VecDeque<(i64, String)>,
}

impl Desk {
    fn take(&mut self, step: Step) {
        let name = format!("row {}", self.on_record.len());
        let noted = |arguments| Note {
            subject: Some(name.clone().into()),
            arguments,
            ..Note::new(ActivityKind::ToolCall)
        };
        match step {
            Step::Call => self.put(vec![Row::Began(noted(None))], To::Either),
            Step::LongCall => {
                let arguments = Excerpt::of(&"x".repeat(KEPT_BYTES));
                self.put(vec![Row::Began(noted(Some(arguments)))], To::Either);
            }
            Step::Note => self.put(vec![Row::Noted(noted(None))], To::Either),
            Step::Ends(most) => {
                let ends = self.run.drain(..most.min(self.run.len())).map(|(call, name)| {
                    let end = CallEnded::new(ActivityOutcome::Succeeded, Duration::ZERO);
                    Row::Ended(EntryId(call), CallEnded { note: Some(name), ..end })
                });
                let ends: Vec<_> = ends.collect();
                if !ends.is_empty() {
                    self.put(ends, To::Journal);
                }
            }
            Step::SetAside if self.aside.is_none() => self.aside = self.pen.set_aside(),
            Step::WriteAside => {
                if let Some(aside) = self.aside.as_mut().filter(|aside| !aside.rows.is_empty()) {
                    aside.write().expect("nobody holds it");
                }
            }
            Step::WriteAsideInVain => {
                if let Some(aside) = self.aside.as_mut().filter(|aside| !aside.rows.is_empty()) {
                    let other = file::connect(&self.pen.file).expect("opens");
                    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
                    aside.write().expect_err("it is held");
                }
            }
            Step::TakeBack => {
                if let Some(aside) = self.aside.take() {
                    self.pen.take_back(aside);
                }
            }
            Step::Carry if self.aside.is_none() && self.pen.journaled() > 0 => {
                assert!(try_write(&mut self.pen, Vec::new(), To::Database).is_ok());
            }
            Step::SetAside | Step::Carry => {}
        }
    }

    fn put(&mut self, rows: Vec<Row>, to: To) {
        let rows = rows.into_iter().map(|row| Waiting::new(row, Awaits::Nobody, Place::Extra));
        self.pen.group.extend(rows);
        let rows: Vec<_> = match self.pen.write(to) {
            Ok(Stands::InJournal(rows)) => {
                self.pen.newest_in_journal(rows).map(|waiting| named(waiting)).collect()
            }
            Ok(Stands::InDatabase) => self.pen.group.iter().map(named).collect(),
            Err(_) => Vec::new(),
        };
        drop(self.pen.give_up());
        for (number, step, name) in rows {
            self.on_record.push((step, name.clone()));
            if step == "began" {
                self.run.push_back((number, name));
            }
        }
    }
}

/// Number, step and name of a row.
fn named(waiting: &Waiting) -> (i64, &'static str, String) {
    let (step, name) = match &waiting.row {
        Row::Began(note) => ("began", note.subject.as_deref()),
        Row::Noted(note) => ("noted", note.subject.as_deref()),
        Row::Ended(_, end) => ("ended", end.note.as_deref()),
        Row::Kept { .. } => panic!("none is kept here"),
    };
    (waiting.id, step, name.expect("a name").to_owned())
}

/// Step and name of each row in the file, oldest first. An end has the name of its call.
fn rows_in(file: &Path) -> Vec<(String, String)> {
    let eyes = Connection::open(file).expect("opens");
    let sql = "SELECT row.step, coalesce(row.subject, call.subject) FROM entries row \
         LEFT JOIN entries call ON call.id = row.call AND call.subject = row.note ORDER BY row.id";
    let mut statement = eyes.prepare(sql).expect("prepares");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("queries");
    rows.collect::<Result<_, _>>().expect("reads")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_clerk_does_a_kill_loses_no_row_that_is_on_record(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let pen = runtime.block_on(pen(folder.path()));
        let mut desk = Desk { pen, aside: None, on_record: Vec::new(), run: VecDeque::new() };
        for step in steps {
            desk.take(step);
        }
        let wanted: Vec<_> =
            desk.on_record.iter().map(|(step, name)| ((*step).to_owned(), name.clone())).collect();

        let killed = kill(folder.path());
        prop_assert_eq!(rows_in(&killed.path().join(file::FILE)), wanted.clone());

        desk.take(Step::TakeBack);
        while desk.pen.journaled() > 0 {
            desk.take(Step::Carry);
        }
        prop_assert_eq!(rows_in(&folder.path().join(file::FILE)), wanted);
        for folder in [killed.path(), folder.path()] {
            let checked = check(folder, |_| ControlFlow::Continue(())).expect("reads");
            prop_assert_eq!(checked.expect("not broken off").broken, None);
        }
    }
}
