//! What a script asks for is what the program does: its starts and ends, its faults, its pulls, the
//! calls its models make and the record it keeps.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod faults;
#[path = "../common/http.rs"]
mod http;
mod library;
mod process;
mod program;
mod pulls;
mod replies;
