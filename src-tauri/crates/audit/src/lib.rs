//! The append-only record of what crossed, in SQLite.
