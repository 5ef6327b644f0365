//! The record as it stands in the database.
