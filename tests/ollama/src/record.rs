//! The record of what came: one JSON object a line, one when a request arrived and one when it
//! ended, so that a test sees a request that is still under way.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

/// Where lines are appended; nowhere where no file was named.
pub(crate) struct Recorder {
    file: Option<Mutex<File>>,
    started: Instant,
}

impl Recorder {
    pub(crate) fn open(path: Option<&Path>) -> std::io::Result<Recorder> {
        let open = |path| File::options().create(true).append(true).open(path);
        let file = path.map(open).transpose()?.map(Mutex::new);
        Ok(Recorder { file, started: Instant::now() })
    }

    pub(crate) fn wanted(&self) -> bool {
        self.file.is_some()
    }

    /// Appends one line, with the milliseconds since the start.
    pub(crate) fn write(&self, mut line: Value) {
        let Some(file) = &self.file else { return };
        if let Some(line) = line.as_object_mut() {
            line.insert("at_ms".to_owned(), millis(self.started).into());
        }
        let mut text = line.to_string();
        text.push('\n');
        // A record that cannot be written is missed by the test that reads it.
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
    }
}

pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// One request on its way. When it goes before its answer was whole, its client went away.
pub(crate) struct Passage {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) number: u64,
    pub(crate) arrived: Instant,
    pub(crate) status: u16,
    pub(crate) sent: u64,
    pub(crate) lines: u64,
    pub(crate) ended: &'static str,
}

impl Drop for Passage {
    fn drop(&mut self) {
        if !self.recorder.wanted() {
            return;
        }
        self.recorder.write(serde_json::json!({
            "event": "end",
            "n": self.number,
            "status": self.status,
            "sent_bytes": self.sent,
            "chunks": self.lines,
            "end": self.ended,
            "client_gone": self.ended == "client_gone",
            "after_ms": millis(self.arrived),
        }));
    }
}
