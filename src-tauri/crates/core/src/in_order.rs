//! Runs changes of the config one after the other, in the order they were asked for.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Changes that wait. Whoever asks for one more waits.
const WAITING: usize = 64;

/// The queue's entrance.
#[derive(Clone)]
pub(crate) struct InOrder(mpsc::Sender<Job>);

impl InOrder {
    /// Starts the task that runs what is queued, until `stop`.
    pub(crate) fn start(tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let (queue, mut jobs) = mpsc::channel::<Job>(WAITING);
        let stop = stop.clone();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    job = jobs.recv() => match job {
                        Some(job) => job.await,
                        None => return,
                    },
                }
            }
        });
        Self(queue)
    }

    /// Queues a job and waits for what it answers; `None` when the engine ends first. A job that
    /// was queued is run even if nobody waits any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::pin(async move { drop(answer.send(job.await)) });
        self.0.send(job).await.ok()?;
        answered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn jobs_run_one_after_the_other_in_the_order_they_were_asked_for() {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let queue = InOrder::start(&tasks, &stop);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let jobs = (0..8).map(|number| {
            let seen = Arc::clone(&seen);
            queue.run(async move {
                // A job that takes longer must not be overtaken.
                for _ in 0..(8 - number) {
                    tokio::task::yield_now().await;
                }
                seen.lock().expect("not poisoned").push(number);
            })
        });
        for answer in futures_util::future::join_all(jobs).await {
            assert_eq!(answer, Some(()));
        }
        assert_eq!(*seen.lock().expect("not poisoned"), (0..8).collect::<Vec<_>>());
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        assert_eq!(queue.run(async {}).await, None, "an ended queue says so");
    }
}
