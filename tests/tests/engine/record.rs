//! A call is on record before it runs.
