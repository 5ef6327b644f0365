//! Waiting for a condition, with a limit and a name for what did not come.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Looks at `probe` until it answers `Some`, and gives that answer.
///
/// # Panics
/// When `limit` passes first; `what` says what was waited for.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(started.elapsed() < limit, "after {limit:?} still not true: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The limit for what takes milliseconds on an idle computer and seconds on a busy one.
pub const SOON: Duration = Duration::from_secs(20);
