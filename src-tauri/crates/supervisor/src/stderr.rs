//! Reads a child's standard error into its log.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::log_book::{LINE_BYTES, LogBook, LogSource, WINDOW, printable, says_something};

/// Read in each [`WINDOW`]. Beyond it the child has to wait, as it would for a slow terminal, so
/// that a flood costs us little.
const BYTES_A_WINDOW: usize = 1024 * 1024;

/// The newest line that said something, kept even where the log had to drop it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLine(Arc<Mutex<Option<String>>>);

impl LastLine {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref().map(printable)
    }

    fn set(&self, line: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.get_or_insert_default();
        last.clear();
        last.push_str(line);
    }
}

/// Reads until the end of the stream.
pub(crate) async fn read_into(mut stderr: impl AsyncRead + Unpin, log: LogBook, last: LastLine) {
    let mut chunk = vec![0; LINE_BYTES];
    let mut lines = Lines::default();
    let mut take = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        let line = log.without_concealed(&line);
        if says_something(&line) {
            last.set(&line);
        }
        log.append(LogSource::Stderr, &line);
    };
    let mut window_ends = Instant::now() + WINDOW;
    let mut read = 0;
    loop {
        // In a quiet moment there is no timer: only a flood in this window sets one, so that what
        // was dropped is said even if nothing follows.
        let got = if read > 0 {
            match timeout_at(window_ends, stderr.read(&mut chunk)).await {
                Ok(got) => got,
                Err(_) => {
                    read = 0;
                    log.settle();
                    continue;
                }
            }
        } else {
            let got = stderr.read(&mut chunk).await;
            window_ends = Instant::now() + WINDOW;
            got
        };
        let Ok(len @ 1..) = got else { break };
        lines.feed(&chunk[..len], &mut take);
        read += len;
        if read >= BYTES_A_WINDOW {
            sleep_until(window_ends).await;
        }
        if Instant::now() >= window_ends {
            read = 0;
            log.settle();
        }
    }
    lines.finish(&mut take);
    log.settle();
}

/// Cuts a stream into lines of at most [`LINE_BYTES`] and a byte, by which the log knows that more
/// was there. The rest of a longer line is passed over.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.begun.is_empty() {
                take(&bytes[..end.min(LINE_BYTES + 1)]);
            } else {
                self.keep(&bytes[..end]);
                take(&self.begun);
                self.begun.clear();
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (LINE_BYTES + 1).saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn finish(&mut self, take: &mut impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            take(&std::mem::take(&mut self.begun));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let text = b"one\n\ntwo three\r\nlast";
        let whole = |pieces: &[&[u8]]| {
            let mut lines = Lines::default();
            let mut out = vec![];
            let mut take = |line: &[u8]| out.push(String::from_utf8_lossy(line).into_owned());
            for piece in pieces {
                lines.feed(piece, &mut take);
            }
            lines.finish(&mut take);
            out
        };
        let expected = whole(&[text]);
        assert_eq!(expected, ["one", "", "two three\r", "last"]);
        for cut in 0..=text.len() {
            assert_eq!(whole(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_line_is_held_in_bounds() {
        let mut lines = Lines::default();
        let mut longest = 0;
        for _ in 0..1_000 {
            lines.feed(&[b'x'; 4096], &mut |_| {});
        }
        assert!(lines.begun.len() <= LINE_BYTES + 1);
        lines.feed(b"\n", &mut |line| longest = line.len());
        assert_eq!(longest, LINE_BYTES + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_dropped_is_said_even_when_silence_follows() {
        use tokio::io::AsyncWriteExt;
        let (mut server, ours) = tokio::io::duplex(64 * 1024);
        let log = LogBook::in_memory();
        let last = LastLine::default();
        let mut news = log.follow();
        let reading = read_into(ours, log.clone(), last.clone());
        let writing = async {
            let flood: String = (0..600).map(|n| format!("line {n}\n")).collect();
            server.write_all(flood.as_bytes()).await.unwrap();
            // The stream stays open.
            loop {
                match news.recv().await {
                    Ok(line) if line.text.contains("dropped") => break line,
                    Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let said = tokio::select! {
            () = reading => panic!("the stream is open"),
            said = writing => said,
        };
        assert_eq!(said.text.as_ref(), "… 100 lines dropped");
        assert_eq!(last.get().as_deref(), Some("line 599"));
    }
}
