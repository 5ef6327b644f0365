//! The server's own stream: what it says apart from calls.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::Problem;
use http::StatusCode;
use tokio::time::Instant;

use super::link::HttpLink;
use super::stream::{self, Place};
use crate::core::{Core, Link};

const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// A stream that lasted this long was in order, whatever ended it.
const GOOD_STREAM: Duration = Duration::from_secs(10);

/// Lives as long as the connection: listens while there is something to listen to, and ends the
/// session at the end.
pub(crate) async fn run(core: Arc<Core>) {
    let Link::Http(link) = &core.link else { return };
    tokio::select! {
        () = core.stop.cancelled() => {}
        () = async {
            listen(&core, link).await;
            core.stop.cancelled().await;
        } => {}
    }
    core.shut(&Problem::new("The server was stopped.", ""));
    link.end_session().await;
}

/// Ends when the server has no such stream (405, or another refusal at the first attempt).
async fn listen(core: &Arc<Core>, link: &HttpLink) {
    let mut place = Place::default();
    let mut wait = WAIT_FIRST;
    let mut worked = false;
    loop {
        let session = link.session();
        match link.get(&session, place.last_id.as_deref()).await {
            Ok(response)
                if response.status().is_success() && stream::is_event_stream(&response) =>
            {
                worked = true;
                let since = Instant::now();
                let ended = tokio::select! {
                    ended = stream::read_events(core, response, None, &mut place, link) => ended,
                    () = link.later_than(session.generation) => {
                        place = Place::default();
                        continue;
                    }
                };
                if since.elapsed() >= GOOD_STREAM || ended.is_ok_and(|ended| ended.messages > 0) {
                    wait = WAIT_FIRST;
                }
            }
            Ok(response) => match response.status() {
                StatusCode::NOT_FOUND if worked && session.id.is_some() => {
                    place = Place::default();
                    if link.reopen(core, session.generation).await.is_ok() {
                        continue;
                    }
                }
                StatusCode::METHOD_NOT_ALLOWED => return,
                status if !worked && !status.is_server_error() => return,
                _ => {}
            },
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(place.retry.unwrap_or_default().max(wait)) => {
                wait = (wait * 2).min(WAIT_LIMIT);
            }
            () = link.later_than(session.generation) => place = Place::default(),
        }
    }
}
