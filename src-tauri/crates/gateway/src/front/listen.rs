//! The stream a session listens on (2025-11-25, basic/transports, listening for messages from the
//! server).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use tokio::sync::mpsc;

use super::exchange::KEEP_ALIVE;
use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::session::{Revision, Session};

/// Opens a stream. It ends with the session, when the app may no longer connect, and when the
/// gateway drains.
pub(crate) fn listen(edge: &Arc<Edge>, session: Arc<Session>) -> Response<Answer> {
    let incoming = session.listen(edge.limits.streams_per_session);
    let first = prime(session.hello.revision, session.next_stream());
    let listener = Listener { edge: Arc::clone(edge), session, incoming };
    answer::events(stream::unfold((Some(first), listener), |(first, mut listener)| async move {
        let event = match first {
            Some(first) => first,
            None => listener.next().await?,
        };
        Some((event, (None, listener)))
    }))
}

/// What a stream begins with. Since 2025-11-25 an event with an id and no data, from which an app
/// knows how to come back; apps of earlier revisions would take it for a broken message, and get
/// only the time after which to come back.
fn prime(revision: Revision, stream: u64) -> Bytes {
    if revision >= Revision::Newest {
        format!("id: {stream}\nretry: 3000\ndata:\n\n").into()
    } else {
        Bytes::from_static(b"retry: 3000\n\n")
    }
}

struct Listener {
    edge: Arc<Edge>,
    session: Arc<Session>,
    incoming: mpsc::Receiver<Bytes>,
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        match tokio::time::timeout(self.edge.limits.keep_alive, self.incoming.recv()).await {
            Ok(event) => event,
            Err(_elapsed) => self.edge.still_connected(&self.session).then_some(KEEP_ALIVE),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.session.touch();
    }
}
