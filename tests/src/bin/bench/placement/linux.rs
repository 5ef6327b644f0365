//! Processors, by sched_setaffinity(2).

use std::sync::LazyLock;

use anyhow::Context as _;
use drawbridge_tests::processes::descendants;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// Those that this program may run on, as it was started.
pub(super) fn allowed() -> Vec<usize> {
    static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect()
    });
    ALLOWED.clone()
}

/// Puts all threads of a program and of what it started on these processors, or the thread that
/// asks.
pub(super) fn put(program: Option<u32>, processors: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    processors.iter().for_each(|processor| set.set(*processor));
    let Some(program) = program else {
        return sched_setaffinity(None, &set).context("choose a processor for a thread");
    };
    let started = descendants(program).into_iter().map(|process| process.pid);
    for process in started.chain([program]) {
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
            let id: i32 = thread.file_name().to_string_lossy().parse()?;
            let put = sched_setaffinity(Pid::from_raw(id), &set);
            // A thread may have ended meanwhile.
            if put.is_err() && thread.path().exists() {
                put.context("choose a processor for a program")?;
            }
        }
    }
    Ok(())
}
