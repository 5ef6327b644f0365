//! The append-only record of what crossed, in SQLite.
//!
//! A call leaves two rows, one before it runs and one when it ended; anything else leaves one.
//! [`Record::begin`] returns when the row is committed, which is what allows the call to run.
//! Rows are never changed: the file itself refuses it.
//!
//! The record does not decide what may cross, and it does not look into what it keeps: whoever
//! hands it arguments and results has taken tokens and secrets out.

mod clerk;
mod entry;
mod error;
mod file;
mod kept;
mod lock;
mod os;
mod pen;
mod read;
mod record;
mod row;
mod told;
mod words;
mod writer;

pub use entry::{
    CallBegan, CallEnded, Entry, EntryDetail, EntryId, Excerpt, KEPT_BYTES, Kept, Note, Page,
};
pub use error::{NotRecorded, OpenError, ReadError};
pub use kept::{KeptState, SwitchedOff, read_pins};
pub use lock::DataFolderLock;
pub use record::Record;
pub use told::{Afterwards, Begun, Recorded};
