//! HTTP as bytes on a socket.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(10);

/// One connection.
pub struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Text of events that was read and not taken.
    events: String,
}

/// One answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn is_stream(&self) -> bool {
        self.header("content-type") == Some("text/event-stream")
    }

    /// The messages of the answer, in either form.
    pub fn messages(&self) -> Vec<Value> {
        if self.is_stream() {
            self.body.split("\n\n").filter_map(data_of).collect()
        } else {
            vec![self.json()]
        }
    }

    pub fn last_message(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message: {self:?}"))
    }
}

fn data_of(event: &str) -> Option<Value> {
    let data: Vec<&str> =
        event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    let data = data.join("\n");
    (!data.is_empty()).then(|| serde_json::from_str(&data).unwrap_or_else(|_| panic!("{event}")))
}

impl Line {
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it accepts");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, unread: Vec::new(), events: String::new() }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("it reads");
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await;
        let length = read.expect("it answers in time").unwrap_or(0);
        self.unread.extend_from_slice(&piece[..length]);
        length > 0
    }

    /// Whether the other side closes the connection in time.
    pub async fn closes(&mut self) -> bool {
        let closes = async { while self.more().await {} };
        tokio::time::timeout(PATIENCE, closes).await.is_ok()
    }

    /// Reads the head of an answer; the body is left.
    pub async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end;
            }
            assert!(self.more().await, "closed: {:?}", String::from_utf8_lossy(&self.unread));
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Answer { status, headers, body: String::new() }
    }

    /// Reads a whole answer, to the end of a stream if it is one.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
        } else {
            let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
            while self.unread.len() < length {
                assert!(self.more().await, "closed in mid-body");
            }
            body.extend(self.unread.drain(..length));
        }
        answer.body = String::from_utf8(body).expect("a body is text");
        answer
    }

    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let length: Vec<u8> = self.unread.drain(..end + 2).collect();
        let length = std::str::from_utf8(&length[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        while self.unread.len() < length + 2 {
            if !self.more().await {
                return None;
            }
        }
        let chunk: Vec<u8> = self.unread.drain(..length).collect();
        self.unread.drain(..2);
        (length > 0).then_some(chunk)
    }

    /// The next event's text without its blank line; comments count. `None` at the end.
    pub async fn event(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.events.find("\n\n") {
                let event: String = self.events.drain(..end + 2).collect();
                return Some(event.trim_end().to_owned());
            }
            let chunk = self.chunk().await?;
            self.events.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
    }

    /// The next message of a stream; comments and empty events are skipped.
    pub async fn message(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = data_of(&self.event().await?) {
                return Some(message);
            }
        }
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}
