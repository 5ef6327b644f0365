//! The append-only record of what crossed, in SQLite.
//!
//! A call leaves two rows, one before it runs and one when it ended; anything else leaves one.
//! [`Record::begin`] returns when the row is committed, which is what allows the call to run.
//! Rows are never changed: the file itself refuses it.
//!
//! What is looked for is found by way of a second file, the search index, which is made from the
//! record and can be made anew at any time. [`Reading`] is that side alone, for programs that look
//! into a record an engine may be writing.
//!
//! The record does not decide what may cross, and it does not look into what it keeps: whoever
//! hands it arguments and results has taken tokens and secrets out.

mod catch_up;
mod chain;
mod clerk;
mod database;
mod entry;
mod error;
mod export;
mod file;
mod find;
mod index;
mod journal;
mod kept;
mod lead;
mod lock;
mod marks;
mod os;
mod pen;
mod picture;
mod read;
mod reads;
mod record;
mod row;
mod shorten;
mod text;
mod told;
mod verify;
mod words;
mod writer;

pub use entry::{
    CallBegan, CallEnded, Entry, EntryDetail, EntryId, Excerpt, KEPT_BYTES, Kept, ModelUse, Note,
    Page,
};
pub use error::{ExportError, NotRecorded, OpenError, ReadError};
pub use export::{ExportForm, Exported};
pub use find::Filter;
pub use kept::{KeptState, LookedAt, SwitchedOff, read_pins};
pub use lock::DataFolderLock;
pub use picture::{Choices, DividedBy, NameCount, Picture, Series, Since, Size, ToolCount};
pub use read::Reading;
pub use record::Record;
pub use told::{Afterwards, Begun, Recorded};
pub use verify::{Broken, Checked, Damage, check};
