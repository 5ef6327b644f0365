//! Prints what the login shell of `$SHELL` says its `PATH` is.
#![allow(clippy::print_stdout, reason = "a program for tests")]

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("{:?}", drawbridge_supervisor::login_shell_path().await);
}
