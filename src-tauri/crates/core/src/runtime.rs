//! The threads of the engine.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The runtime that the engine, and whatever serves with it, runs on: one thread for all that is
/// asynchronous, and others for what blocks.
///
/// One thread, because a call is a few short steps between waits. With several, each step wakes
/// another thread to look for work, which costs more than the step (docs/decisions/0005). Work that
/// blocks or takes milliseconds goes to `spawn_blocking`.
///
/// # Errors
/// When the operating system gives no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).thread_name("drawbridge").enable_all().build()
}
