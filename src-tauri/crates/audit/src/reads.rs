//! Reading while the engine runs: on threads that may block, a few at a time, until the record is
//! closed. And the task that keeps the index up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ReadError;
use crate::read::Reading;

/// Most questions at a time. When they are that many: wait.
const AT_A_TIME: u32 = 4;
/// How long nothing was written before the index is brought up to date by itself.
const QUIET: Duration = Duration::from_secs(2);
/// So many rows are not left for later, however busy it is.
const FAR_BEHIND: i64 = 200_000;

pub(crate) struct Reads {
    reading: Reading,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    ending: CancellationToken,
    /// Rows were removed.
    removed: Notify,
}

impl Reads {
    pub(crate) fn new(folder: &Path, tasks: &TaskTracker) -> Self {
        let ending = CancellationToken::new();
        Self {
            reading: Reading::in_folder(folder, ending.clone()),
            tasks: tasks.clone(),
            places: Arc::new(Semaphore::new(AT_A_TIME as usize)),
            ending,
            removed: Notify::new(),
        }
    }

    /// Asks on a thread that may block. Dropping the future ends long work between two steps.
    pub(crate) async fn ask<T, E>(
        &self,
        question: impl FnOnce(&Reading) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        let place = self.ending.run_until_cancelled(Arc::clone(&self.places).acquire_owned());
        let Some(Ok(place)) = place.await else {
            return Err(ReadError::Closed.into());
        };
        let stop = self.ending.child_token();
        let reading = self.reading.until(stop.clone());
        let _nobody_waits = stop.drop_guard();
        let asking = self.tasks.spawn_blocking(move || {
            let answer = question(&reading);
            drop(place);
            answer
        });
        match asking.await {
            Ok(answer) => answer,
            Err(broke_off) => Err(ReadError::BrokeOff(broke_off.to_string()).into()),
        }
    }

    /// How many rows the index lacks while it is brought up to date; 0 otherwise.
    pub(crate) fn behind(&self) -> watch::Receiver<i64> {
        self.reading.behind()
    }

    /// Removed rows are to go from the index as well.
    pub(crate) fn forget_removed(&self) {
        self.removed.notify_one();
    }

    /// Ends the task and long work. Questions that wait or come later are not answered.
    pub(crate) fn shut(&self) {
        self.ending.cancel();
    }

    /// As [`Reads::shut`], and waits until the files are let go.
    pub(crate) async fn close(&self) {
        self.shut();
        // Gives nothing when it was closed before.
        let _all = self.places.acquire_many(AT_A_TIME).await;
        self.places.close();
    }

    /// Keeps the index up to date until the record is closed: when rows were written and then
    /// none for a while, so that it never competes with calls. Nothing wakes up while nothing is
    /// written.
    pub(crate) async fn keep_up(self: Arc<Self>, newest: watch::Receiver<i64>) {
        let ending = self.ending.clone();
        ending.run_until_cancelled(self.keep_up_for_good(newest)).await;
    }

    async fn keep_up_for_good(&self, mut newest: watch::Receiver<i64>) {
        let mut behind = 0;
        loop {
            let mut last = *newest.borrow_and_update();
            loop {
                tokio::time::sleep(QUIET).await;
                let now = *newest.borrow_and_update();
                behind += now - last;
                if now == last || behind >= FAR_BEHIND {
                    break;
                }
                last = now;
            }
            let watched = newest.clone();
            let caught_up = self.ask(move |reading| {
                let mut left = 0;
                reading
                    .catch_up(&mut |behind| {
                        left = behind;
                        behind >= FAR_BEHIND || !watched.has_changed().unwrap_or(true)
                    })
                    .map(|done| if done { 0 } else { left })
            });
            behind = match caught_up.await {
                Ok(left) => left,
                Err(ReadError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the search index is not up to date");
                    0
                }
            };
            if behind > 0 {
                continue;
            }
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = self.removed.notified() => {}
            }
        }
    }
}
