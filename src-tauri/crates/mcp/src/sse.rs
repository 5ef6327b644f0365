//! Server-sent events: reading them in whatever pieces they arrive, and writing them (WHATWG HTML,
//! section 9.2).

/// Longest event that is taken, in bytes.
pub const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` unless it said otherwise.
    pub kind: String,
    /// Its data, lines joined by line feeds.
    pub data: String,
}

/// The stream holds an event that is longer than the limit. What follows cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {0} bytes")]
pub struct EventTooLong(pub usize);

/// Reads a stream piece by piece.
#[derive(Debug)]
pub struct EventReader {
    limit: usize,
    /// The line that is not complete.
    line: Vec<u8>,
    /// The last byte was a CR, so an LF now belongs to the same line end.
    after_cr: bool,
    /// No line was complete yet, so a byte order mark may stand in front.
    at_start: bool,
    kind: String,
    data: String,
    has_data: bool,
    /// Takes effect with the blank line, also where the event has no data.
    id: Option<String>,
    last_id: Option<String>,
    retry_ms: Option<u64>,
}

impl Default for EventReader {
    fn default() -> Self {
        Self::new(EVENT_LIMIT)
    }
}

impl EventReader {
    /// A reader at the start of a stream that takes events of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            kind: String::new(),
            data: String::new(),
            has_data: false,
            id: None,
            last_id: None,
            retry_ms: None,
        }
    }

    /// Reads the next piece and hands over every event that it completes.
    ///
    /// # Errors
    /// [`EventTooLong`]; the reader is of no use after that.
    pub fn feed(
        &mut self,
        mut piece: &[u8],
        mut event: impl FnMut(Event),
    ) -> Result<(), EventTooLong> {
        if self.after_cr && !piece.is_empty() {
            self.after_cr = false;
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', piece) {
            self.check(end)?;
            let rest = &piece[end + 1..];
            let next = if piece[end] == b'\n' {
                rest
            } else if rest.is_empty() {
                self.after_cr = true;
                rest
            } else {
                rest.strip_prefix(b"\n").unwrap_or(rest)
            };
            if self.line.is_empty() {
                self.take_line(&piece[..end], &mut event);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&piece[..end]);
                self.take_line(&line, &mut event);
                line.clear();
                self.line = line;
            }
            piece = next;
        }
        self.check(piece.len())?;
        self.line.extend_from_slice(piece);
        Ok(())
    }

    /// The id to resume after: that of the last complete event that had one.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants to be left alone before a reconnection, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn check(&self, more: usize) -> Result<(), EventTooLong> {
        if self.line.len() + self.data.len() + more > self.limit {
            return Err(EventTooLong(self.limit));
        }
        Ok(())
    }

    fn take_line(&mut self, mut line: &[u8], event: &mut impl FnMut(Event)) {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(event);
            return;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            // A comment.
            Some(0) => return,
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        let value = String::from_utf8_lossy(value);
        match field {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(&value);
            }
            b"event" => self.kind = value.into_owned(),
            b"id" if !value.contains('\0') => self.id = Some(value.into_owned()),
            b"retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            _ => {}
        }
    }

    fn end_event(&mut self, event: &mut impl FnMut(Event)) {
        if let Some(id) = self.id.take() {
            // An empty id means that there is none to resume after.
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        // An event with an id and empty data only sets the id; the data line is not passed on.
        if std::mem::take(&mut self.has_data) && !data.is_empty() {
            let kind = if kind.is_empty() { "message".to_owned() } else { kind };
            event(Event { kind, data });
        }
    }
}

/// Appends an event. Line breaks in the data become several `data` lines, and a reader joins them
/// again; a lone CR becomes a line break, which in JSON can only stand where any space can.
pub fn write_event(out: &mut String, kind: Option<&str>, id: Option<&str>, data: &str) {
    for (field, value) in [("event", kind), ("id", id)] {
        if let Some(value) = value {
            out.push_str(field);
            out.push_str(": ");
            out.extend(value.chars().filter(|c| !matches!(c, '\n' | '\r' | '\0')));
            out.push('\n');
        }
    }
    out.reserve(data.len() + 16);
    let mut rest = data;
    loop {
        out.push_str("data: ");
        match memchr::memchr2(b'\n', b'\r', rest.as_bytes()) {
            Some(end) => {
                out.push_str(&rest[..end]);
                let after = &rest[end..];
                rest = after.strip_prefix("\r\n").unwrap_or(&after[1..]);
                out.push('\n');
            }
            None => {
                out.push_str(rest);
                break;
            }
        }
    }
    out.push_str("\n\n");
}

/// Appends a comment, which keeps a connection from looking idle.
pub fn write_comment(out: &mut String, comment: &str) {
    out.push_str(": ");
    out.extend(comment.chars().filter(|c| !matches!(c, '\n' | '\r')));
    out.push_str("\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<Event>, EventReader) {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader.feed(piece, |event| events.push(event)).expect("no event is long");
        }
        (events, reader)
    }

    fn message(data: &str) -> Event {
        Event { kind: "message".into(), data: data.into() }
    }

    const SAMPLE: &str = "\u{feff}: hello\n\ndata: {\"a\":\"ü\"}\r\nid: 1\r\n\r\nevent: endpoint\rdata:/x\r\r\
        id: 2\nretry: 1500\ndata\n\ndata: one\ndata: two\ndata:  three\n\nid: 3\r\ndata: \r\n\r\n\
        unknown: x\ndata: last\r\n\r\ndata: not complete";

    #[test]
    fn a_stream_reads_the_same_wherever_it_is_cut() {
        let expected = vec![
            message("{\"a\":\"ü\"}"),
            Event { kind: "endpoint".into(), data: "/x".into() },
            message("one\ntwo\n three"),
            message("last"),
        ];
        let bytes = SAMPLE.as_bytes();
        for cut in 0..=bytes.len() {
            let (events, reader) = read(&[&bytes[..cut], &bytes[cut..]]);
            assert_eq!(events, expected, "cut at {cut}");
            assert_eq!(reader.last_id(), Some("3"));
            assert_eq!(reader.retry_ms(), Some(1500));
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).0, expected, "byte by byte");
    }

    #[test]
    fn an_event_over_the_limit_is_refused_in_one_piece_and_in_many() {
        let long = format!("data: {}", "x".repeat(100));
        let mut reader = EventReader::new(50);
        assert_eq!(reader.feed(long.as_bytes(), |_| {}), Err(EventTooLong(50)));
        let mut reader = EventReader::new(50);
        let mut pieces = long.as_bytes().chunks(3);
        assert!(pieces.any(|piece| reader.feed(piece, |_| {}).is_err()));
        let mut reader = EventReader::new(50);
        let many = "data: 0123456789\n".repeat(10);
        assert!(reader.feed(many.as_bytes(), |_| {}).is_err(), "lines of one event add up");
    }

    proptest! {
        #[test]
        fn any_stream_reads_the_same_in_any_pieces(
            lines in prop::collection::vec(("(data|id|event|retry|)", "(:| :|: |)", "[ a:\u{e9}0-9]{0,6}", "(\n|\r|\r\n)"), 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let text: String = lines.iter().map(|(field, colon, value, end)| format!("{field}{colon}{value}{end}")).collect();
            let whole = read(&[text.as_bytes()]);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let cut = read(&pieces);
            prop_assert_eq!(&whole.0, &cut.0);
            prop_assert_eq!(whole.1.last_id(), cut.1.last_id());
        }

        #[test]
        fn what_is_written_reads_back(data in "[^\r\0]{1,60}", id in "[a-z0-9]{1,5}") {
            prop_assume!(!data.is_empty());
            let mut out = String::new();
            write_comment(&mut out, "keep\nalive");
            write_event(&mut out, Some("message"), Some(&id), &data);
            let (events, reader) = read(&[out.as_bytes()]);
            prop_assert_eq!(events, vec![message(&data)]);
            prop_assert_eq!(reader.last_id(), Some(id.as_str()));
        }
    }
}
