//! Starts another server and stands in between, writing down what it is sent: the server's own log
//! for servers that keep none.
#![expect(clippy::disallowed_methods, reason = "this test server starts the one it listens in on")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::wire::say;

pub(crate) fn run(command: &[String]) {
    let Some((program, arguments)) = command.split_first() else {
        return say("listens-in: which command?");
    };
    let child = Command::new(program)
        .args(arguments)
        .env_remove("TEST_SERVER_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::inherit())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return say(&format!("listens-in: {program}: {error}")),
    };
    let log = std::env::var_os("TEST_SERVER_LOG")
        .and_then(|path| std::fs::File::options().create(true).append(true).open(path).ok());
    if let (Some(mut to), Some(mut log)) = (child.stdin.take(), log) {
        std::thread::spawn(move || {
            for line in BufReader::new(std::io::stdin()).lines().map_while(Result::ok) {
                let noted = writeln!(log, "{line}").and_then(|()| log.flush());
                let passed = writeln!(to, "{line}").and_then(|()| to.flush());
                if noted.and(passed).is_err() {
                    break;
                }
            }
        });
    }
    let code = child.wait().ok().and_then(|status| status.code()).unwrap_or(1);
    std::process::exit(code);
}
