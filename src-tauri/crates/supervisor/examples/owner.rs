//! Starts a script through the spawner, passes its output on, and waits to be killed.
//! `owner GUARDIAN STATE_DIR SCRIPT`
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a program for tests")]

use std::time::Duration;

use drawbridge_supervisor::{LogBook, ResolvedLaunch, Spawner, SpawnerSettings};
use tokio_util::task::TaskTracker;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().expect("owner GUARDIAN STATE_DIR SCRIPT");
    let spawner = Spawner::new(SpawnerSettings {
        guardian: word().into(),
        state_dir: word().into(),
        grace: Duration::from_secs(5),
        search_path: std::env::var_os("PATH").unwrap(),
        tasks: TaskTracker::new(),
    });
    let launch = ResolvedLaunch {
        command: "sh".into(),
        args: vec!["-c".into(), word()],
        cwd: Some("/".into()),
        ..ResolvedLaunch::default()
    };
    let mut server = spawner.spawn(&launch, &LogBook::in_memory()).await.unwrap();
    tokio::io::copy(&mut server.stdout, &mut tokio::io::stdout()).await.unwrap();
    server.running.exited().await;
}
