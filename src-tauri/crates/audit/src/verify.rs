//! Checking that the record is as it was written.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use crate::ReadError;
use crate::chain::{Chain, Field};
use crate::file::{self, FILE, PATIENCE};
use crate::marks::{Mark, Marks, MarksFile};
use crate::row::COLUMNS;

/// Rows between two reports of how far the check is.
const REPORT_EVERY: i64 = 5_000;

/// What a check of the record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many rows are as they were written, up to where it is broken; a call has two.
    pub rows: i64,
    /// When the first of them was made, in milliseconds since 1970 (UTC).
    pub from: Option<i64>,
    /// Where the record is first not as it was written.
    pub broken: Option<Broken>,
}

/// Where the record is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the row at which it shows.
    pub row: i64,
    /// When that row, or the one before it, was made, in milliseconds since 1970 (UTC).
    pub at: Option<i64>,
    /// What is wrong there.
    pub what: Damage,
}

/// What can be wrong with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Something in this row, or its place, was changed.
    Changed,
    /// This row is missing, and those after it up to another one, or to the end.
    Missing {
        /// The first row that is there again; `None` where the end is missing.
        until: Option<i64>,
    },
    /// The rows agree with each other, but this one is not what it was: everything after the row
    /// `since` was written anew.
    WrittenAnew {
        /// The last row that is what it was.
        since: i64,
    },
    /// What is kept apart from the record, in `record-marks.json`, is missing or damaged, so that
    /// the end cannot be told from one that was cut.
    EndUnknown,
}

impl Broken {
    /// What the person reads.
    #[must_use]
    pub fn sentence(&self) -> String {
        let row = self.row;
        match self.what {
            Damage::Changed => format!(
                "Row {row} is not as it was written: something in it was changed, or it was put in \
                 another row's place."
            ),
            Damage::Missing { until: Some(until) } if until == row + 1 => {
                format!("Row {row} is missing.")
            }
            Damage::Missing { until: Some(until) } => {
                format!("Rows {row} to {} are missing.", until - 1)
            }
            Damage::Missing { until: None } => format!(
                "The end of the record is missing, from row {row} on. Either the power failed at \
                 that moment, or the end was cut off."
            ),
            Damage::WrittenAnew { since } => format!(
                "The record was written anew by another program, somewhere after row {since} and \
                 up to row {row}."
            ),
            Damage::EndUnknown => {
                "The file record-marks.json, which is kept beside the record, is \
                 missing or damaged. The rows agree with each other, but it cannot be told whether \
                 some are missing at the end."
                    .to_owned()
            }
        }
    }
}

/// Checks a record that an engine may be writing to: each row against the one before, and all of
/// them against what is kept apart. `progress` is told how many rows are done, and can break off;
/// then there is no result. Blocks.
///
/// # Errors
/// When the record cannot be read.
pub fn check(
    folder: &Path,
    progress: impl FnMut(i64) -> ControlFlow<()>,
) -> Result<Option<Checked>, ReadError> {
    let file = folder.join(FILE);
    if !file.exists() {
        return Err(ReadError::NotThere(folder.to_owned()));
    }
    // Before the rows: what is kept apart is then never newer than they are.
    let marks = MarksFile::in_folder(folder).read();
    let marks = marks.map_err(ReadError::Marks)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(check_rows(&connection, marks.as_ref(), progress)?)
}

fn check_rows(
    connection: &Connection,
    marks: Option<&Marks>,
    mut progress: impl FnMut(i64) -> ControlFlow<()>,
) -> rusqlite::Result<Option<Checked>> {
    let columns = COLUMNS.join(", ");
    let rows = format!("SELECT {columns}, chain FROM entries WHERE id > ?1 ORDER BY id");
    let mut rows = connection.prepare(&rows)?;
    let mut passed = marks.map_or(&[][..], |marks| &marks.passed).iter().peekable();
    let mut last = match marks {
        Some(marks) => marks.removed,
        None => file::removed(connection)?,
    };
    let mut sure = last.row;
    let mut checked = Checked { rows: 0, from: None, broken: None };
    let mut buffer = Vec::new();
    let mut reading = rows.query([last.row])?;
    while let Some(row) = reading.next()? {
        let (id, at): (i64, i64) = (row.get(0)?, row.get(2)?);
        let stored = chain_of(row)?;
        let broken = |row, what| Some(Broken { row, at: Some(at), what });
        if id != last.row + 1 {
            checked.broken = broken(last.row + 1, Damage::Missing { until: Some(id) });
        } else if last.chain.then(fields(row)?, &mut buffer) != stored {
            checked.broken = broken(id, Damage::Changed);
        }
        while let Some(mark) = passed.next_if(|mark| mark.row <= id) {
            match mark.row == id && mark.chain != stored {
                true if checked.broken.is_none() => {
                    checked.broken = broken(id, Damage::WrittenAnew { since: sure });
                }
                _ => sure = mark.row,
            }
        }
        if let Some(marks) = marks.filter(|marks| marks.head.row == id)
            && marks.head.chain != stored
            && checked.broken.is_none()
        {
            checked.broken = broken(id, Damage::WrittenAnew { since: sure });
        }
        if checked.broken.is_some() {
            return Ok(Some(checked));
        }
        checked.rows += 1;
        checked.from = checked.from.or(Some(at));
        last = Mark { row: id, chain: stored, at };
        if checked.rows % REPORT_EVERY == 0 && progress(checked.rows).is_break() {
            return Ok(None);
        }
    }
    let at = (last.row > 0).then_some(last.at);
    checked.broken = match marks {
        Some(marks) if marks.head.row > last.row => {
            Some(Broken { row: last.row + 1, at, what: Damage::Missing { until: None } })
        }
        None if checked.rows > 0 => Some(Broken { row: last.row, at, what: Damage::EndUnknown }),
        _ => None,
    };
    Ok(Some(checked))
}

fn chain_of(row: &Row<'_>) -> rusqlite::Result<Chain> {
    // A chain of another length or type was changed, and is no row's.
    let chain = match row.get_ref(COLUMNS.len())? {
        ValueRef::Blob(bytes) => bytes.try_into().ok(),
        _ => None,
    };
    Ok(chain.map_or(Chain([0xff; 32]), Chain))
}

fn fields<'a>(row: &'a Row<'_>) -> rusqlite::Result<[Field<'a>; COLUMNS.len()]> {
    let mut fields = [Field::Null; COLUMNS.len()];
    for (index, field) in fields.iter_mut().enumerate() {
        *field = match row.get_ref(index)? {
            ValueRef::Null => Field::Null,
            ValueRef::Integer(number) => Field::Whole(number),
            // What is no UTF-8 was not written by us, and is not hashed like anything that was.
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Field::Text(text),
                Err(_) => Field::Bytes(text),
            },
            ValueRef::Blob(bytes) => Field::Bytes(bytes),
            ValueRef::Real(_) => Field::Bytes(b"a fraction, which no column holds"),
        };
    }
    Ok(fields)
}
