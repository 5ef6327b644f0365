//! The HTTP server below the door. It knows connections, bodies, forms of answer and times, and
//! nothing of clients, tools or the record: what those cost is measured against this alone.

use std::convert::Infallible;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub use crate::answer::{Answer, json};
pub use crate::front::accept::{Forms, forms};
pub use crate::front::body::{Unread, is_json, read as read_body, read_up_to as read_body_up_to};
pub use crate::front::exchange::{Exchange, Pace, Said, Voice, respond};
use crate::limits::Limits;

/// How a connection is told to end.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Nothing more is accepted: the request under way is answered, then the connection closes.
    pub draining: CancellationToken,
    /// The connection is closed as it is. Cancelled with `draining` too.
    pub leave: CancellationToken,
    /// What is still open after `draining` is closed as it is.
    pub cut: CancellationToken,
}

/// Serves one connection until either side ends it.
///
/// # Errors
/// What broke the connection.
pub async fn connection<F>(
    stream: TcpStream,
    limits: &Limits,
    ending: &Ending,
    answer: impl Fn(Request<Incoming>) -> F,
) -> Result<(), hyper::Error>
where
    F: Future<Output = Response<Answer>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    // Not an `async` block: that would hold the future twice.
    let service = service_fn(|request| answer(request).map(Ok::<_, Infallible>));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = ending.leave.cancelled() => {
            if !ending.draining.is_cancelled() {
                return Ok(());
            }
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = ending.cut.cancelled() => Ok(()),
            }
        }
    }
}
