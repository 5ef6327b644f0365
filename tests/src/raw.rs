//! HTTP as bytes: a request exactly as written in the test, and the answer as it came.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// An answer, head and body.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The status code; 0 when the connection was closed without an answer.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as far as its length was announced; empty for a stream.
    pub body: String,
}

impl RawAnswer {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether any header's name begins with `prefix`, given in lower case.
    #[must_use]
    pub fn has_header_starting(&self, prefix: &str) -> bool {
        self.headers.iter().any(|(key, _)| key.starts_with(prefix))
    }
}

/// Sends `request` to the loopback port on a connection of its own and reads one answer.
///
/// # Panics
/// When nothing listens or no whole head arrives in time.
#[must_use]
pub fn exchange(port: u16, request: &[u8]) -> RawAnswer {
    let mut stream =
        TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("connect: {error}"));
    stream.set_read_timeout(Some(LIMIT)).unwrap_or_else(|error| panic!("set a limit: {error}"));
    // A server may answer and close before it has read everything; its answer still counts.
    let _ = stream.write_all(request);
    read_answer(&mut stream)
}

/// Reads one answer from an open connection.
///
/// # Panics
/// When no whole head arrives in time.
pub fn read_answer(stream: &mut TcpStream) -> RawAnswer {
    let mut read = Vec::new();
    let mut piece = [0; 8192];
    let end_of_head = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut piece) {
            Ok(0) => {
                assert!(read.is_empty(), "closed inside a head");
                return RawAnswer { status: 0, headers: Vec::new(), body: String::new() };
            }
            Ok(count) => read.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return RawAnswer { status: 0, headers: Vec::new(), body: String::new() };
            }
            Err(error) => panic!("no answer: {error}"),
        }
    };
    let head = String::from_utf8_lossy(&read[..end_of_head]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status line in {head:?}"));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse::<usize>().ok())
        .unwrap_or(0);
    let mut body = read[end_of_head + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => body.extend_from_slice(&piece[..count]),
        }
    }
    body.truncate(length);
    RawAnswer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}
