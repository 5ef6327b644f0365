//! What a server writes on its standard output.

use std::sync::{Arc, OnceLock};

use bytes::{Buf as _, BytesMut};
use drawbridge_model::Problem;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::core::Core;
use crate::error::ConnectError;
use crate::event::ServerEvent;

/// Read at once, where there is as much.
const READ_SIZE: usize = 64 * 1024;
/// What is kept of a line that is no message.
const RUBBISH_KEPT: usize = 1024;
/// What is kept of both ends of a line that is too long, to find out whose answer it was.
const END_KEPT: usize = 512;

/// Cuts the stream into lines and hands each over where it lies, without copying it.
///
/// A line longer than the limit is dropped while it arrives. The call it answers ends with a
/// clear error and the connection goes on, if the line tells at its start or end which call that
/// is; otherwise a call would wait for ever, so the connection is closed.
pub(crate) struct Reader {
    core: Arc<Core>,
    limit: usize,
    first_rubbish: Arc<OnceLock<String>>,
    /// Set while the rest of a line that is too long is skipped.
    skipped: Option<Ends>,
}

/// The two ends of a line that was not kept.
#[derive(Default)]
struct Ends {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(core: Arc<Core>, limit: usize) -> Self {
        Self { core, limit, first_rubbish: Arc::default(), skipped: None }
    }

    pub(crate) fn first_rubbish(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.first_rubbish)
    }

    pub(crate) async fn run(mut self, mut stdout: impl AsyncRead + Unpin) {
        let mut buffer = BytesMut::with_capacity(READ_SIZE);
        let mut searched = 0;
        let problem = loop {
            if buffer.is_empty() && buffer.capacity() > 16 * READ_SIZE {
                // One large message should not hold its memory for ever.
                buffer = BytesMut::with_capacity(READ_SIZE);
            }
            if buffer.capacity() - buffer.len() < READ_SIZE / 4 {
                buffer.reserve(READ_SIZE);
            }
            let read = tokio::select! {
                biased;
                () = self.core.stop.cancelled() => {
                    break Problem::new("The server was stopped.", "");
                }
                read = stdout.read_buf(&mut buffer) => read,
            };
            match read {
                Ok(0) => {
                    self.line(&buffer);
                    break Problem::new("The server ended.", "standard output was closed");
                }
                Err(error) => break Problem::new("The server ended.", error.to_string()),
                Ok(_) => {}
            }
            while let Some(offset) = memchr::memchr(b'\n', &buffer[searched..]) {
                let end = searched + offset;
                self.line(&buffer[..end]);
                buffer.advance(end + 1);
                searched = 0;
            }
            searched = buffer.len();
            if searched > self.limit || (self.skipped.is_some() && searched > 0) {
                self.skipped.get_or_insert_default().add(&buffer);
                buffer.clear();
                searched = 0;
            }
            if self.core.ended.is_cancelled() {
                return;
            }
        };
        self.core.shut(&problem);
    }

    /// One line without its end, or the rest of one of which a part was skipped.
    fn line(&mut self, line: &[u8]) {
        if let Some(mut ends) = self.skipped.take() {
            ends.add(line);
            self.too_long(&ends);
            return;
        }
        if line.len() > self.limit {
            let mut ends = Ends::default();
            ends.add(line);
            self.too_long(&ends);
            return;
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        let taken = match std::str::from_utf8(line) {
            Ok(text) => self.core.received(text, None).is_ok(),
            Err(_) => false,
        };
        if !taken {
            let kept = &line[..line.len().min(RUBBISH_KEPT)];
            let text = String::from_utf8_lossy(kept).into_owned();
            let _ = self.first_rubbish.set(text.clone());
            let bytes = text.len();
            // What finds no room is counted by the mailbox.
            let _ = self.core.events.push(ServerEvent::Rubbish(text), bytes);
        }
    }

    fn too_long(&self, ends: &Ends) {
        let problem = ConnectError::TooLarge { limit: self.limit }.problem();
        match ends.whose() {
            Whose::Call(id) => self.core.lose(id, problem),
            Whose::Nobody => tracing::warn!("a notification that is too large was dropped"),
            Whose::Unknown => self.core.shut(&problem),
        }
    }
}

/// What a line that is too long was about.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// The answer to a call.
    Call(u64),
    /// No answer.
    Nobody,
    /// Cannot be told.
    Unknown,
}

impl Ends {
    fn add(&mut self, part: &[u8]) {
        let room = END_KEPT.saturating_sub(self.head.len()).min(part.len());
        self.head.extend_from_slice(&part[..room]);
        let from = part.len().saturating_sub(END_KEPT);
        self.tail.extend_from_slice(&part[from..]);
        let surplus = self.tail.len().saturating_sub(END_KEPT);
        self.tail.drain(..surplus);
    }

    /// Looks for the id among the short members at either end of the envelope: some servers write
    /// it first, some last.
    fn whose(&self) -> Whose {
        let mut rest = self.head.trim_ascii().strip_prefix(b"{").unwrap_or_default();
        loop {
            rest = rest.trim_ascii_start();
            if let Some(value) = member(rest, b"\"id\"") {
                return number(value).map_or(Whose::Unknown, Whose::Call);
            }
            if member(rest, b"\"method\"").is_some() {
                return Whose::Nobody;
            }
            let Some(value) = member(rest, b"\"jsonrpc\"") else { break };
            let Some(comma) = memchr::memchr(b',', value) else { break };
            rest = &value[comma + 1..];
        }
        self.tail_id().map_or(Whose::Unknown, Whose::Call)
    }

    /// The id as the last member: `,"id":7}`, perhaps followed by the version.
    fn tail_id(&self) -> Option<u64> {
        let mut rest = self.tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
        if let Some(before) = rest.strip_suffix(b"\"2.0\"") {
            let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
            let before = before.strip_suffix(b"\"jsonrpc\"")?.trim_ascii_end();
            rest = before.strip_suffix(b",")?.trim_ascii_end();
        }
        let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (before, id) = rest.split_at(rest.len() - digits);
        let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        before.strip_suffix(b"\"id\"")?.trim_ascii_end().strip_suffix(b",")?;
        std::str::from_utf8(id).ok()?.parse().ok()
    }
}

/// What follows `key :`.
fn member<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let rest = text.strip_prefix(key)?.trim_ascii_start().strip_prefix(b":")?;
    Some(rest.trim_ascii_start())
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_of_a_long_line_is_found_at_either_end() {
        let long = "x".repeat(3 * END_KEPT);
        for (line, expected) in [
            (format!(r#"{{"jsonrpc":"2.0","id":12,"result":"{long}"}}"#), Whose::Call(12)),
            (format!(r#" {{ "id" : 12 , "result":"{long}"}}"#), Whose::Call(12)),
            (format!(r#"{{"result":"{long}","jsonrpc":"2.0","id":12}}"#), Whose::Call(12)),
            (format!(r#"{{"result":"{long}", "id" : 12, "jsonrpc" : "2.0" }} "#), Whose::Call(12)),
            (format!(r#"{{"jsonrpc":"2.0","method":"a","params":"{long}"}}"#), Whose::Nobody),
            (format!(r#"{{"result":{{"a":"{long}","id":12}}}}"#), Whose::Unknown),
            (format!(r#"{{"id":"12","result":"{long}"}}"#), Whose::Unknown),
            (long.clone(), Whose::Unknown),
        ] {
            for size in [1, 7, 100, 5000] {
                let mut ends = Ends::default();
                line.as_bytes().chunks(size).for_each(|part| ends.add(part));
                assert_eq!(ends.whose(), expected, "{} in parts of {size}", &line[..40]);
            }
        }
    }
}
