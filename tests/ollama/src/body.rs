//! The bodies of answers: whole, or made piece by piece as the client takes them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::record::Passage;
use crate::server::Ender;

/// What comes next in a body.
pub(crate) enum What {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The connection breaks off.
    Cut,
    /// Nothing, for ever.
    Hang,
    /// The process ends.
    Crash(i32, String),
}

/// A piece of a body, so long after the one before.
pub(crate) struct Piece {
    pub(crate) wait: Duration,
    pub(crate) what: What,
}

impl Piece {
    pub(crate) fn now(bytes: Vec<u8>) -> Piece {
        Piece { wait: Duration::ZERO, what: What::Bytes(bytes) }
    }
}

/// What pieces come from.
pub(crate) type Pieces = Box<dyn Iterator<Item = Piece> + Send>;

/// A body made piece by piece. No piece is made before the one before was taken, so a client that
/// does not read holds it up; each is flushed on its own, as Ollama does.
pub(crate) struct Paced {
    pieces: Pieces,
    ender: Ender,
    timer: Pin<Box<Sleep>>,
    waiting: bool,
    next: Option<What>,
    flush: bool,
}

impl Paced {
    pub(crate) fn new(pieces: Pieces, ender: Ender) -> Paced {
        let timer = Box::pin(sleep_until(Instant::now()));
        Paced { pieces, ender, timer, waiting: false, next: None, flush: false }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if self.waiting {
                ready!(self.timer.as_mut().poll(context));
                self.waiting = false;
            }
            match self.next.take() {
                Some(What::Bytes(bytes)) => {
                    self.flush = true;
                    return Poll::Ready(Some(Ok(bytes.into())));
                }
                Some(What::Cut) => return Poll::Ready(Some(Err(Broken))),
                Some(What::Hang) => {
                    self.next = Some(What::Hang);
                    return Poll::Pending;
                }
                Some(What::Crash(code, stderr)) => {
                    self.ender.crash(code, &stderr);
                    self.next = Some(What::Hang);
                    return Poll::Pending;
                }
                None => {}
            }
            if self.flush {
                self.flush = false;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(piece) = self.pieces.next() else { return Poll::Ready(None) };
            self.next = Some(piece.what);
            if !piece.wait.is_zero() {
                self.waiting = true;
                let due = (self.timer.deadline() + piece.wait).max(Instant::now());
                self.timer.as_mut().reset(due);
            } else if self.timer.is_elapsed() {
                // Time that passes without a wait does not count towards the next one.
                self.timer.as_mut().reset(Instant::now());
            }
        }
    }
}

/// A body that was broken off.
#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text.write_str("broken off")
    }
}

impl std::error::Error for Broken {}

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Broken {
        match never {}
    }
}

/// Whole or in pieces.
pub(crate) enum Content {
    Whole(Option<Bytes>),
    Paced(Box<Paced>),
}

/// The body of an answer, which tells its record how far it came.
pub(crate) struct Answer {
    content: Content,
    passage: Option<Passage>,
}

impl Answer {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Answer {
        let bytes = bytes.into();
        Answer { content: Content::Whole((!bytes.is_empty()).then_some(bytes)), passage: None }
    }

    pub(crate) fn paced(pieces: Pieces, ender: Ender) -> Answer {
        Answer { content: Content::Paced(Box::new(Paced::new(pieces, ender))), passage: None }
    }

    pub(crate) fn recorded(mut self, mut passage: Passage) -> Answer {
        if matches!(self.content, Content::Whole(None)) {
            passage.ended = "complete";
        }
        self.passage = Some(passage);
        self
    }

    fn ends(&mut self, how: &'static str) {
        if let Some(passage) = &mut self.passage {
            passage.ended = how;
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        let next = match &mut this.content {
            Content::Whole(bytes) => bytes.take().map(Ok),
            Content::Paced(paced) => ready!(paced.poll(context)),
        };
        match &next {
            Some(Ok(bytes)) => {
                if let Some(passage) = &mut this.passage {
                    passage.sent += bytes.len() as u64;
                    passage.lines += 1;
                }
                if matches!(this.content, Content::Whole(_)) {
                    this.ends("complete");
                }
            }
            Some(Err(Broken)) => this.ends("cut"),
            None => this.ends("complete"),
        }
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Paced(_) => SizeHint::default(),
        }
    }
}

/// A request on its way in.
pub(crate) type Request = hyper::Request<Incoming>;
/// An answer on its way out.
pub(crate) type Response = hyper::Response<Answer>;
