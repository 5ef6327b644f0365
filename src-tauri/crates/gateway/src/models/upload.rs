//! A request's body that is passed on as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio_util::task::TaskTracker;

/// How much is still read of a body that nobody wants any more, in bytes, and for how long: what
/// Ollama's own server does (Go, net/http, `maxPostHandlerReadBytes`).
const READ_IN_VAIN: usize = 256 * 1024;
const IN_VAIN_FOR: Duration = Duration::from_secs(2);

/// A body on its way to Ollama. Ollama may answer before it has all of it, as for a file it has
/// already. The rest is then read here, within bounds: a connection that is closed on an app which
/// is still sending takes the answer with it.
pub(super) struct Upload {
    body: Option<Incoming>,
    tasks: TaskTracker,
}

impl Upload {
    pub(super) fn new(body: Incoming, tasks: &TaskTracker) -> Self {
        Self { body: Some(body), tasks: tasks.clone() }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            self.tasks.spawn(async move {
                let _in_time = tokio::time::timeout(IN_VAIN_FOR, read_in_vain(body)).await;
            });
        }
    }
}

async fn read_in_vain(mut body: Incoming) {
    let mut read = 0;
    while read < READ_IN_VAIN {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { return };
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}
