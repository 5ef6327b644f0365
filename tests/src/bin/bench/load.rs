//! The load: callers that send one request after another over a connection they keep, and note how
//! long each took. Plain sockets, so that the caller costs as little as may be.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::placement::Placement;

/// One side of the comparison.
#[derive(Clone)]
pub(crate) struct Side {
    /// Where it listens.
    pub(crate) port: u16,
    /// The token; empty where none is needed.
    pub(crate) token: String,
    /// The session of each caller.
    pub(crate) sessions: Vec<String>,
}

/// What one round gave.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// The middle of all calls' times.
    pub(crate) median: Duration,
    /// The time that 99 of 100 calls stayed below.
    pub(crate) slow: Duration,
    /// Calls a second, all callers together.
    pub(crate) per_second: f64,
}

/// A caller's connection.
pub(crate) struct Caller {
    stream: TcpStream,
    head: String,
    /// What was read last.
    piece: Box<[u8]>,
    read: Vec<u8>,
    next_id: u64,
}

impl Caller {
    /// Connects.
    pub(crate) fn connect(side: &Side, number: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", side.port)).context("connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut head = format!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
            side.port, side.token
        );
        if let Some(session) = side.sessions.get(number) {
            head.push_str(&format!(
                "Mcp-Session-Id: {session}\r\nMcp-Protocol-Version: 2025-11-25\r\n"
            ));
        }
        Ok(Self {
            stream,
            head,
            piece: vec![0; 64 * 1024].into(),
            read: Vec::with_capacity(64 * 1024),
            next_id: 1,
        })
    }

    /// Makes a request and reads its answer whole. `around` is everything of the message but the
    /// id.
    pub(crate) fn request(&mut self, around: [&str; 2]) -> anyhow::Result<&[u8]> {
        let id = self.next_id.to_string();
        self.next_id += 1;
        let length = around[0].len() + id.len() + around[1].len();
        let text =
            format!("{}Content-Length: {length}\r\n\r\n{}{id}{}", self.head, around[0], around[1]);
        self.stream.write_all(text.as_bytes())?;
        self.read.clear();
        loop {
            let count = self.stream.read(&mut self.piece)?;
            if count == 0 {
                bail!("the connection was closed");
            }
            self.read.extend_from_slice(&self.piece[..count]);
            if let Some(body) = body_of(&self.read)? {
                return Ok(&self.read[body..]);
            }
        }
    }

    /// Makes calls one after the other, and says how long each took.
    fn calls(&mut self, count: u32) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let asked = Instant::now();
            let answer = self.request(CALL)?;
            times.push(asked.elapsed());
            if !answer.ends_with(b"lazy dog.\"}]}}") {
                bail!("a wrong answer: {}", String::from_utf8_lossy(answer));
            }
        }
        Ok(times)
    }
}

/// Where the body begins, once it is whole.
fn body_of(read: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&read[..end])?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("answered with {}", head.lines().next().unwrap_or_default());
    }
    let length = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        })
        .with_context(|| format!("an answer without a length: {head}"))?;
    Ok((read.len() - end - 4 >= length).then_some(end + 4))
}

/// A call of the server's first tool, around its id.
pub(crate) const CALL: [&str; 2] = [
    r#"{"jsonrpc":"2.0","id":"#,
    r#","method":"tools/call","params":{"name":"bench__tool_0","arguments":{"path":"/home/me/notes/shopping list.txt","depth":3}}}"#,
];

/// `calls` calls by `callers` callers at once, after as many that are not measured.
///
/// A system that chooses processors by how busy everybody was lately keeps programs that rested
/// together on one of them for a while, and then spreads them. What is measured is what it comes to.
pub(crate) fn round(
    side: &Side,
    (callers, placement): (usize, Placement),
    calls: u32,
) -> anyhow::Result<Round> {
    let each = calls.div_ceil(u32::try_from(callers)?);
    let mut connected = Vec::new();
    for number in 0..callers {
        connected.push(Caller::connect(side, number)?);
    }
    let ready = Barrier::new(callers + 1);
    let (all, took) = std::thread::scope(|scope| {
        let callers: Vec<_> = connected
            .into_iter()
            .map(|mut caller| {
                let ready = &ready;
                scope.spawn(move || {
                    let placed = placement.put_caller();
                    let run_in = placed.and_then(|()| caller.calls(each));
                    ready.wait();
                    run_in.and_then(|_not_measured| caller.calls(each))
                })
            })
            .collect();
        ready.wait();
        let started = Instant::now();
        let all: anyhow::Result<Vec<Vec<Duration>>> = callers
            .into_iter()
            .map(|caller| caller.join().unwrap_or_else(|_| bail!("a caller broke off")))
            .collect();
        (all, started.elapsed())
    });
    let mut times: Vec<Duration> = all?.into_iter().flatten().collect();
    times.sort_unstable();
    let count = u32::try_from(times.len())?;
    Ok(Round {
        median: times[times.len() / 2],
        slow: times[times.len() * 99 / 100],
        per_second: f64::from(count) / took.as_secs_f64(),
    })
}

/// How many calls a round makes in truth.
pub(crate) fn calls_of_a_round(callers: usize, calls: u32) -> u64 {
    2 * u64::from(calls.div_ceil(u32::try_from(callers).unwrap_or(1))) * callers as u64
}

/// The middle value.
pub(crate) fn median<T: PartialOrd + Copy>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}
