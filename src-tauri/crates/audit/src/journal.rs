//! The journal: where calls that come close together are on record until the database has them.
//!
//! A commit of SQLite takes eight system calls and a page; to add a few bytes to a file takes one. So
//! a call that follows another at once is added here before it runs, and the clerk writes all of
//! them into the database together, a few milliseconds later. What the database has is written over.
//!
//! An entry is a row in the form that its chain is made from, its length before it and its chain
//! after it. The chain says whether an entry is whole, and whether it follows the newest row of the
//! database: nothing else has to say how much of the file counts. What was written over in part, or
//! is from before, does not follow.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rusqlite::Connection;

use crate::chain::{Chain, Field};
use crate::marks::Mark;
use crate::{os, row};

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "drawbridge.journal";
/// Most that each of its two halves holds. What does not fit goes to the database at once.
const HALF_BYTES: usize = 1024 * 1024;

/// A length that no entry has.
const NO_ENTRY: [u8; 4] = [0; 4];

/// The file. The pen has it.
///
/// It has two halves, so that one can be written while the database gets what is in the other.
pub(crate) struct Journal {
    file: File,
    /// The second half is written, and not the first.
    is_second: bool,
    /// Where in this half the next entry goes.
    end: usize,
    /// The database has what is in the other half.
    can_turn: bool,
    /// Entries were written since it was emptied.
    in_use: bool,
    /// Entries on their way into the file.
    adding: Vec<u8>,
}

impl Journal {
    /// Opens it, making it where it is not there, and gives what an earlier run left in it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<u8>)> {
        os::create_private_file(path)?;
        let file = File::options().read(true).write(true).open(path)?;
        let mut left = Vec::new();
        (&file).take(2 * HALF_BYTES as u64).read_to_end(&mut left)?;
        let journal = Self {
            file,
            is_second: false,
            end: 0,
            can_turn: true,
            in_use: true,
            adding: Vec::new(),
        };
        Ok((journal, left))
    }

    /// Takes an entry: a row in the form its chain is made from. It is on record when
    /// [`Journal::write`] has returned.
    pub(crate) fn add(&mut self, form: &[u8], chain: Chain) {
        // What is longer does not fit.
        let length = u32::try_from(form.len()).unwrap_or(u32::MAX);
        self.adding.extend_from_slice(&length.to_le_bytes());
        self.adding.extend_from_slice(form);
        self.adding.extend_from_slice(&chain.0);
    }

    /// Writes the entries that were taken, all or none. None is written where they do not fit.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let length = self.adding.len();
        let half = if self.is_second { HALF_BYTES } else { 0 };
        let written = if self.end + length > HALF_BYTES {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            os::write_at(&self.file, &self.adding, (half + self.end) as u64)
        };
        self.adding.clear();
        match written {
            Ok(()) => {
                self.end += length;
                self.in_use = true;
            }
            // The first of them may be in the file. Without its length it is nothing.
            Err(_) if self.end + NO_ENTRY.len() <= HALF_BYTES => {
                let _ = os::write_at(&self.file, &NO_ENTRY, (half + self.end) as u64);
            }
            Err(_) => {}
        }
        written
    }

    /// Whether there is anything in the file.
    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use
    }

    /// Whether the database has what is in the other half, so that it can be written over.
    pub(crate) fn can_turn(&self) -> bool {
        self.can_turn
    }

    /// Goes on in the other half. What is in this one is on its way into the database.
    pub(crate) fn turn(&mut self) {
        self.is_second = !self.is_second;
        self.end = 0;
        self.can_turn = false;
    }

    /// The database has what is in the other half.
    pub(crate) fn free_other_half(&mut self) {
        self.can_turn = true;
    }

    /// Nothing in it counts any more.
    pub(crate) fn begin_anew(&mut self) {
        self.end = 0;
        self.can_turn = true;
    }

    /// Leaves nothing in the file of what the database has.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.begin_anew();
        self.is_second = false;
        self.adding = Vec::new();
        self.file.set_len(0)?;
        self.in_use = false;
        Ok(())
    }
}

/// Writes into the database the entries that follow its newest row, which are not there because the
/// engine was killed. Gives the row that is the newest then.
pub(crate) fn restore(
    left: &[u8],
    connection: &mut Connection,
    mut newest: Mark,
) -> rusqlite::Result<Mark> {
    let all = connection.transaction()?;
    let (first, second) = left.split_at(left.len().min(HALF_BYTES));
    // Either half may be the older one.
    for half in [first, second, first] {
        newest = restore_half(half, &all, newest)?;
    }
    all.commit()?;
    Ok(newest)
}

fn restore_half(mut entries: &[u8], into: &Connection, mut newest: Mark) -> rusqlite::Result<Mark> {
    while let Some((form, chain, rest)) = entry(entries) {
        entries = rest;
        // Those that the database has come before those that it lacks.
        let Some(values) = row::values_of(form, newest.chain) else { continue };
        if let [Field::Whole(number), _, Field::Whole(at), ..] = values
            && number > newest.row
        {
            row::insert_whole(into, values, chain)?;
            newest = Mark { row: number, chain, at };
        }
    }
    Ok(newest)
}

/// The first entry, if it is whole: the row as its chain is made from it, its chain, and what comes
/// after it.
fn entry(bytes: &[u8]) -> Option<(&[u8], Chain, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (form, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (chain, rest) = rest.split_first_chunk()?;
    let chain = Chain(*chain);
    (chain == Chain::of(form)).then_some((form, chain, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::file::{self, TABLES};
    use crate::row::COLUMNS;

    /// A record in memory with its first row, and entries that follow one another and it.
    fn record(texts: &[String]) -> (Connection, Mark, Vec<Vec<u8>>) {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(TABLES).expect("tables");
        let mut last = Chain::START;
        let mut form_of = |number, text| {
            let mut form = Vec::new();
            last = last.then(values(number, text), &mut form);
            (form, last)
        };
        let (form, chain) = form_of(1, "");
        let first = row::values_of(&form, Chain::START).expect("follows nothing");
        row::insert_whole(&connection, first, chain).expect("a row");
        let entries = (2..).zip(texts).map(|(number, text)| {
            let (form, chain) = form_of(number, text);
            let length = u32::try_from(form.len()).expect("short").to_le_bytes();
            [&length[..], &form, &chain.0].concat()
        });
        let entries = entries.collect();
        (connection, Mark { row: 1, chain, at: 1 }, entries)
    }

    /// A call that began, without most of what it may have.
    fn values(number: i64, text: &str) -> [Field<'_>; COLUMNS.len()] {
        let mut values = [Field::Null; COLUMNS.len()];
        values[..4].copy_from_slice(&[
            Field::Whole(number),
            Field::Whole(1),
            Field::Whole(number),
            Field::Text("began"),
        ]);
        (values[5], values[25]) = (Field::Text("tool_call"), Field::Text(text));
        values[21] = Field::Bytes(&[7; 32]);
        values
    }

    fn texts(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT arguments FROM entries WHERE id > 1 ORDER BY id")
            .expect("prepares");
        let rows = statement.query_map([], |row| row.get(0)).expect("queries");
        rows.collect::<Result<_, _>>().expect("reads")
    }

    proptest! {
        #[test]
        fn what_is_whole_is_restored_and_nothing_that_follows_damage(
            wanted in prop::collection::vec("[a-z]{0,40}", 1..6),
            has in 0..6_usize,
            place in any::<prop::sample::Index>(),
            flips in 0..=255_u8,
        ) {
            let (mut connection, mut newest, entries) = record(&wanted);
            let has = has.min(wanted.len());
            // The database has the first of them.
            newest = restore(&entries[..has].concat(), &mut connection, newest).expect("writes");
            prop_assert_eq!(newest.row, 1 + i64::try_from(has).expect("few"));

            let mut bytes = entries.concat();
            let place = place.index(bytes.len());
            // 0 leaves it whole, 255 cuts it there.
            match flips {
                255 => bytes.truncate(place),
                flips => bytes[place] ^= flips,
            }
            let mut end = 0;
            let whole = entries.iter().take_while(|entry| {
                end += entry.len();
                flips == 0 || end <= place
            });
            let whole = whole.count().max(has);
            let restored = restore(&bytes, &mut connection, newest).expect("writes");
            prop_assert_eq!(texts(&connection), &wanted[..whole]);
            prop_assert_eq!(Some(restored), file::newest(&connection).expect("reads"));
        }
    }

    #[test]
    fn entries_from_before_are_not_restored_again() {
        let wanted: Vec<_> = (0..6).map(|n| format!("text {n}")).collect();
        let (mut connection, newest, entries) = record(&wanted);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let (mut journal, left) = Journal::open(&path).expect("opens");
        assert!(left.is_empty());
        let add = |journal: &mut Journal, entry: &[u8]| {
            let (form, chain, _) = super::entry(entry).expect("whole");
            journal.add(form, chain);
            journal.write().expect("writes");
        };
        for entry in &entries[..4] {
            add(&mut journal, entry);
        }
        let newest = restore(&entries[..4].concat(), &mut connection, newest).expect("writes");
        journal.begin_anew();
        for entry in &entries[4..] {
            add(&mut journal, entry);
        }
        let (mut journal, left) = Journal::open(&path).expect("opens");
        assert_eq!(left, [&entries[4..], &entries[2..4]].concat().concat(), "some are older");
        restore(&left, &mut connection, newest).expect("writes");
        assert_eq!(texts(&connection), wanted);
        journal.clear().expect("is emptied");
        assert_eq!(std::fs::metadata(&path).expect("is there").len(), 0);
    }

    #[test]
    fn what_follows_a_row_that_is_gone_is_not_restored() {
        let wanted: Vec<_> = (0..3).map(|n| format!("text {n}")).collect();
        let (mut connection, newest, entries) = record(&wanted);
        let restored = restore(&entries[1..].concat(), &mut connection, newest).expect("writes");
        assert_eq!(restored, newest);
        assert!(texts(&connection).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let (mut journal, _) = Journal::open(&path).expect("opens");
        journal.add(&vec![0; HALF_BYTES], Chain::START);
        journal.write().expect_err("too much");
        journal.add(b"row", Chain::START);
        journal.write().expect("fits");
        assert_eq!(std::fs::metadata(&path).expect("is there").len(), 4 + 3 + 32);
    }

    #[test]
    fn what_was_written_in_part_is_no_entry() {
        let wanted: Vec<_> = (0..2).map(|n| format!("text {n}")).collect();
        let (mut connection, newest, entries) = record(&wanted);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let (mut journal, _) = Journal::open(&path).expect("opens");
        let (form, chain, _) = super::entry(&entries[0]).expect("whole");
        journal.add(form, chain);
        journal.write().expect("fits");
        // The disk was full behind the second one.
        os::write_at(&journal.file, &entries[1], journal.end as u64).expect("there is room");
        journal.add(&vec![0; HALF_BYTES], Chain::START);
        journal.write().expect_err("too much");
        let (_, left) = Journal::open(&path).expect("opens");
        restore(&left, &mut connection, newest).expect("writes");
        assert_eq!(texts(&connection), wanted[..1], "nobody was told of the second");
    }
}
