//! What is written to a server's standard input.
//!
//! Writing is direct: whoever has a message writes it, in its own task, without waking another
//! one. That is possible because writing to a pipe does not block: what the pipe does not take is
//! left for a task that waits until it does. Messages that arrive while somebody writes are
//! appended to the queue and written by that somebody in one go, so callers at the same time
//! share a system call and nobody waits for a lock. A message is queued whole before any of it is
//! written, so a caller that is dropped leaves no half line.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker, ready};

use drawbridge_model::Problem;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

use crate::core::Core;
use crate::mailbox::lock;

/// Above this many queued bytes new requests wait. A server that does not read is given no more.
const QUEUE_LIMIT: usize = 1024 * 1024;

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

pub(crate) struct Outbox {
    /// Whole lines that nobody has begun to write.
    queue: Mutex<Vec<u8>>,
    pipe: Mutex<Pipe>,
    /// Wakes the task: there is something to write that the pipe did not take at once.
    work: Notify,
    /// Wakes those who wait for room.
    room: Notify,
}

struct Pipe {
    /// `None` when closed.
    writer: Option<Writer>,
    /// Taken from the queue, written up to `written`.
    chunk: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// The task waits for the pipe and writes what is left. Others must keep off, because a pipe
    /// wakes only the last one who asked.
    task_writes: bool,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    pub(crate) fn new(writer: Writer) -> Self {
        Self {
            queue: Mutex::default(),
            pipe: Mutex::new(Pipe {
                writer: Some(writer),
                chunk: Vec::new(),
                written: 0,
                unflushed: false,
                task_writes: false,
            }),
            work: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Waits until the queue has room.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if !self.is_full() {
                return;
            }
            room.await;
        }
    }

    fn is_full(&self) -> bool {
        lock(&self.queue).len() > QUEUE_LIMIT
    }

    /// Queues the message that `write` appends, and writes what can be written at once.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        {
            let mut queue = lock(&self.queue);
            write(&mut queue);
            queue.push(b'\n');
        }
        self.write_now();
    }

    /// Queues a message for [`Outbox::write_now`].
    pub(crate) fn queue(&self, message: &[u8]) {
        let mut queue = lock(&self.queue);
        queue.extend_from_slice(message);
        queue.push(b'\n');
    }

    /// Queues a message without the wait for room and without writing: for cancellations and
    /// answers, of which there are no more than calls and questions, from places where there may
    /// be no runtime.
    pub(crate) fn push_soon(&self, message: &[u8]) {
        {
            let mut queue = lock(&self.queue);
            queue.extend_from_slice(message);
            queue.push(b'\n');
        }
        self.work.notify_one();
    }

    /// Closes the pipe and drops what is queued.
    pub(crate) fn close(&self) {
        let writer = lock(&self.pipe).writer.take();
        drop(writer);
        lock(&self.queue).clear();
        self.room.notify_waiters();
    }

    /// Writes what can be written at once.
    pub(crate) fn write_now(&self) {
        loop {
            // Whoever holds the pipe looks at the queue again after letting go.
            let Some(mut pipe) = try_lock(&self.pipe) else { return };
            if pipe.task_writes {
                return;
            }
            let mut nobody = Context::from_waker(Waker::noop());
            let wrote = self.write(&mut pipe, &mut nobody);
            // The task waits for a pipe that is full, and it is the one that reports a broken one.
            pipe.task_writes = !matches!(wrote, Poll::Ready(Ok(())));
            let left = pipe.task_writes;
            drop(pipe);
            if left {
                self.work.notify_one();
                return;
            }
            if lock(&self.queue).is_empty() {
                return;
            }
        }
    }

    /// Writes until nothing is queued.
    fn write(&self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Some(writer) = &mut pipe.writer else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            if pipe.written == pipe.chunk.len() {
                pipe.chunk.clear();
                pipe.written = 0;
                std::mem::swap(&mut pipe.chunk, &mut lock(&self.queue));
                if pipe.chunk.is_empty() {
                    if std::mem::take(&mut pipe.unflushed) {
                        let flushed = Pin::new(writer).poll_flush(context);
                        pipe.unflushed = flushed.is_pending();
                        return flushed;
                    }
                    // One large message should not hold its memory for ever.
                    if pipe.chunk.capacity() > QUEUE_LIMIT {
                        pipe.chunk = Vec::new();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
            let wrote = ready!(Pin::new(writer).poll_write(context, &pipe.chunk[pipe.written..]))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pipe.written += wrote;
            pipe.unflushed = true;
        }
    }

    async fn write_all(&self) -> io::Result<()> {
        std::future::poll_fn(|context| {
            let mut pipe = lock(&self.pipe);
            let wrote = self.write(&mut pipe, context);
            pipe.task_writes = wrote.is_pending();
            wrote
        })
        .await
    }
}

/// Writes what could not be written at once, until the connection ends.
pub(crate) async fn run(outbox: Arc<Outbox>, core: Arc<Core>) {
    loop {
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            () = outbox.work.notified() => {}
        }
        loop {
            let wrote = tokio::select! {
                biased;
                () = core.stop.cancelled() => return,
                wrote = outbox.write_all() => wrote,
            };
            if let Err(error) = wrote {
                let sentence = "The server closed its standard input.";
                core.shut(&Problem::new(sentence, error.to_string()));
                return;
            }
            outbox.room.notify_waiters();
            if lock(&outbox.queue).is_empty() {
                break;
            }
        }
    }
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
        Err(TryLockError::WouldBlock) => None,
    }
}
