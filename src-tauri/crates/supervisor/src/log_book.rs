//! The log of one server: the newest lines in memory, more of them in a file.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::log_file::LogFile;

/// Lines kept in memory.
const LINES: usize = 2_000;
/// Text kept in memory, in bytes: with long lines fewer than [`LINES`] are kept.
const BYTES: usize = 256 * 1024;
/// The longest line, in bytes; the rest of it is left out.
pub(crate) const LINE_BYTES: usize = 8 * 1024;
/// Lines taken in each [`WINDOW`]; further ones are counted and left out.
const LINES_A_WINDOW: u32 = 500;
/// See [`LINES_A_WINDOW`].
pub(crate) const WINDOW: Duration = Duration::from_secs(1);
/// Shorter values are written down, in bytes.
const SHORTEST_CONCEALED: usize = 6;
/// Lines a slow follower may lag behind; then it is told how many it missed.
const FOLLOW: usize = 256;

/// The log of one server. Cheap to clone; all clones are the same book.
///
/// A server that floods it loses lines, which are counted in a line of their own; it costs
/// neither memory nor the other servers anything.
#[derive(Debug, Clone)]
pub struct LogBook {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    concealed: RwLock<Vec<Concealed>>,
    pages: Mutex<Pages>,
    news: broadcast::Sender<LogLine>,
    file: Option<Arc<LogFile>>,
}

/// A value that is not written down.
struct Concealed(String);

impl fmt::Debug for Concealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

#[derive(Debug)]
struct Pages {
    lines: VecDeque<LogLine>,
    bytes: usize,
    next_seq: u64,
    window_began: Instant,
    taken: u32,
    dropped: u64,
    dropped_from: LogSource,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Grows by one with each line of the book, from 1.
    pub seq: u64,
    /// When it was read, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// Who wrote it.
    pub source: LogSource,
    /// At most 8 KiB, without control characters other than tabs.
    pub text: Arc<str>,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The server, on its standard error.
    Stderr,
    /// The server, on its standard output, where it should only speak MCP.
    Stdout,
    /// Drawbridge, about the server.
    Drawbridge,
}

impl LogSource {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::Stdout => "stdout",
            Self::Drawbridge => "drawbridge",
        }
    }
}

impl LogBook {
    /// A book that also writes `folder/NAME.log` (1 MiB, and two older ones beside it). A name that
    /// is no good file name is changed and told apart by a few digits. Writing happens in short
    /// blocking tasks of `tasks`; where it fails, a warning is logged once and the book goes on in
    /// memory. Must be called within a runtime.
    #[must_use]
    pub fn open(folder: &Path, name: &str, tasks: &TaskTracker) -> Self {
        Self::with_file(Some(Arc::new(LogFile::new(folder, name, tasks))))
    }

    /// A book without a file.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::with_file(None)
    }

    fn with_file(file: Option<Arc<LogFile>>) -> Self {
        let pages = Pages {
            lines: VecDeque::new(),
            bytes: 0,
            next_seq: 1,
            window_began: Instant::now(),
            taken: 0,
            dropped: 0,
            dropped_from: LogSource::Stderr,
        };
        let concealed = RwLock::default();
        let inner = Inner {
            concealed,
            pages: Mutex::new(pages),
            news: broadcast::Sender::new(FOLLOW),
            file,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Leaves these values out of every line from here on: secrets the server was given and may
    /// print. Very short ones are not secret and would only make the log unreadable.
    pub fn conceal(&self, values: impl IntoIterator<Item = String>) {
        let mut concealed = self.inner.concealed.write().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            // A server prints a value of several lines line by line.
            for line in value.lines().filter(|line| line.len() >= SHORTEST_CONCEALED) {
                if !concealed.iter().any(|known| known.0 == line) {
                    concealed.push(Concealed(line.to_owned()));
                }
            }
        }
        // The longest first, so that none leaves a part of another behind.
        concealed.sort_by_key(|value| std::cmp::Reverse(value.0.len()));
    }

    /// Adds a line, or several where `text` holds line breaks.
    pub fn append(&self, source: LogSource, text: &str) {
        let text = &*self.without_concealed(text);
        let mut pages = self.pages();
        for line in text.trim_end_matches(['\r', '\n']).split('\n') {
            pages.settle(&self.inner);
            if source != LogSource::Drawbridge {
                if pages.taken >= LINES_A_WINDOW {
                    pages.dropped += 1;
                    pages.dropped_from = source;
                    continue;
                }
                pages.taken += 1;
            }
            pages.push(&self.inner, source, printable(line));
        }
    }

    /// The newest `n` lines, oldest first.
    #[must_use]
    pub fn tail(&self, n: usize) -> Vec<LogLine> {
        let mut pages = self.pages();
        pages.settle(&self.inner);
        let skip = pages.lines.len().saturating_sub(n);
        pages.lines.iter().skip(skip).cloned().collect()
    }

    /// The newest line that the server wrote on its standard error and that says something.
    #[must_use]
    pub fn last_stderr(&self) -> Option<String> {
        let pages = self.pages();
        let line = pages
            .lines
            .iter()
            .rev()
            .find(|l| l.source == LogSource::Stderr && says_something(&l.text));
        line.map(|line| line.text.to_string())
    }

    /// Lines from here on. A follower that lags by more than 256 lines is told how many it missed.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<LogLine> {
        self.inner.news.subscribe()
    }

    /// Writes down how many lines were left out, if any were, even though the flood goes on.
    pub(crate) fn settle(&self) {
        self.pages().settle_at(&self.inner, None);
    }

    /// A text without the values that are not written down.
    pub(crate) fn without_concealed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let concealed = self.inner.concealed.read().unwrap_or_else(PoisonError::into_inner);
        concealed.iter().fold(Cow::Borrowed(text), |text, Concealed(value)| {
            match text.contains(value) {
                true => Cow::Owned(text.replace(value, "[secret]")),
                false => text,
            }
        })
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.inner.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn settle(&mut self, inner: &Inner) {
        self.settle_at(inner, Some(Instant::now()));
    }

    /// Ends the window if `now` is behind its end; `None` ends it in any case.
    fn settle_at(&mut self, inner: &Inner, now: Option<Instant>) {
        if now.is_some_and(|now| now.duration_since(self.window_began) < WINDOW) {
            return;
        }
        self.window_began = now.unwrap_or_else(Instant::now);
        self.taken = 0;
        if self.dropped > 0 {
            let text = match std::mem::take(&mut self.dropped) {
                1 => "… 1 line dropped".to_owned(),
                n => format!("… {n} lines dropped"),
            };
            self.push(inner, self.dropped_from, text);
        }
    }

    fn push(&mut self, inner: &Inner, source: LogSource, text: String) {
        let at = OffsetDateTime::now_utc();
        let line = LogLine {
            seq: self.next_seq,
            at: (at.unix_timestamp_nanos() / 1_000_000) as i64,
            source,
            text: text.into(),
        };
        self.next_seq += 1;
        self.bytes += line.text.len();
        while self.lines.len() >= LINES || (self.bytes > BYTES && !self.lines.is_empty()) {
            self.bytes -= self.lines.pop_front().map_or(0, |old| old.text.len());
        }
        if let Some(file) = &inner.file {
            file.append(at, &line);
        }
        // Fails when nobody follows, which is no failure.
        let _ = inner.news.send(line.clone());
        self.lines.push_back(line);
    }
}

/// Whether a line is worth showing alone: not empty, and more than a bracket.
pub(crate) fn says_something(line: &str) -> bool {
    line.contains(char::is_alphanumeric)
}

/// Cuts a line and takes out what would act on a terminal: colour codes vanish, other control
/// characters become visible.
pub(crate) fn printable(line: &str) -> String {
    let end = line.floor_char_boundary(LINE_BYTES - '…'.len_utf8());
    let cut = line.len() > LINE_BYTES;
    let line = if cut { &line[..end] } else { line };
    let mut out = String::with_capacity(line.len().min(LINE_BYTES));
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                // A control sequence ends with a byte from `@` to `~` (ECMA-48, 5.4).
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\t' => out.push('\t'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    if cut {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(book: &LogBook, n: usize) -> Vec<String> {
        book.tail(n).iter().map(|line| line.text.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_lines_stay_and_old_ones_go() {
        let book = LogBook::in_memory();
        for n in 0..LINES + 10 {
            book.append(LogSource::Drawbridge, &format!("line {n}"));
        }
        let tail = book.tail(usize::MAX);
        assert_eq!(tail.len(), LINES);
        assert_eq!(tail[0].text.as_ref(), "line 10");
        assert_eq!(tail[LINES - 1].seq, (LINES + 10) as u64);
        assert_eq!(texts(&book, 2), ["line 2008", "line 2009"]);
    }

    #[tokio::test(start_paused = true)]
    async fn long_lines_are_cut_and_do_not_fill_the_memory() {
        let book = LogBook::in_memory();
        for _ in 0..200 {
            book.append(LogSource::Stderr, &"ä".repeat(LINE_BYTES));
        }
        let tail = book.tail(usize::MAX);
        assert!(tail.iter().all(|line| line.text.len() <= LINE_BYTES && line.text.ends_with('…')));
        let bytes: usize = tail.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= BYTES, "{bytes} bytes are kept");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_dropped_counted_and_over_when_the_server_calms_down() {
        let book = LogBook::in_memory();
        for n in 0..LINES_A_WINDOW + 7 {
            book.append(LogSource::Stderr, &format!("flood {n}"));
        }
        book.append(LogSource::Drawbridge, "ours is kept");
        assert_eq!(texts(&book, 2), ["flood 499", "ours is kept"]);
        tokio::time::advance(WINDOW).await;
        book.append(LogSource::Stderr, "calm");
        assert_eq!(texts(&book, 2), ["… 7 lines dropped", "calm"]);
    }

    #[tokio::test(start_paused = true)]
    async fn followers_get_each_line_once() {
        let book = LogBook::in_memory();
        book.append(LogSource::Stderr, "before");
        let mut news = book.follow();
        book.append(LogSource::Stdout, "one\ntwo\n");
        assert_eq!(news.recv().await.unwrap().text.as_ref(), "one");
        let two = news.recv().await.unwrap();
        assert_eq!((two.seq, two.source, two.text.as_ref()), (3, LogSource::Stdout, "two"));
        assert!(news.try_recv().is_err());
    }

    #[test]
    fn a_line_cannot_act_on_a_terminal() {
        for (line, shown) in [
            ("\u{1b}[31merror\u{1b}[0m\r", "error"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("a\tb", "a\tb"),
            ("", ""),
        ] {
            assert_eq!(printable(line), shown, "{line:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_line_that_says_something_is_found() {
        let book = LogBook::in_memory();
        assert_eq!(book.last_stderr(), None);
        book.append(LogSource::Stderr, "Error: no key\n}\n\n");
        book.append(LogSource::Drawbridge, "it ended");
        assert_eq!(book.last_stderr().as_deref(), Some("Error: no key"));
    }

    #[tokio::test]
    async fn what_is_concealed_is_in_no_line() {
        let book = LogBook::in_memory();
        book.conceal([
            "hunter2".to_owned(),
            "hunter2-and-more\nline two".to_owned(),
            "ab".to_owned(),
        ]);
        book.append(LogSource::Stderr, "key=hunter2\nbad key hunter2-and-more, tab line two");
        let lines: Vec<_> = book.tail(9).iter().map(|line| line.text.to_string()).collect();
        assert_eq!(lines, ["key=[secret]", "bad key [secret], tab [secret]"]);
        assert!(!format!("{book:?}").contains("hunter2"));
    }
}
