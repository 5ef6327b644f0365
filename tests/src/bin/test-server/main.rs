//! MCP servers for the tests, each named by how it behaves: `test-server BEHAVIOUR [ARGUMENT …]`.
//!
//! All are written by hand over lines of JSON. What they are sent is kept in the file named by
//! `TEST_SERVER_LOG`, one message a line, so that a test can see what reached a server and what
//! did not.

mod answers;
mod asks_back;
mod broken;
mod http;
mod listens_in;
mod lists;
mod raw;
mod tells;
mod wire;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let behaviour = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match behaviour.as_str() {
        "answers" => answers::run(),
        "asks-back" => asks_back::run(),
        "changes-tools" => lists::changes_tools(),
        "pages" => lists::pages(),
        "raw" => raw::run(),
        "tells" => tells::run(&rest),
        "http" => http::run(&rest),
        "listens-in" => listens_in::run(&rest),
        "never-answers" => broken::never_answers(),
        "exits-at-once" => broken::exits_at_once(),
        "prints-rubbish" => broken::prints_rubbish(),
        "prints-rubbish-between" => broken::prints_rubbish_between(),
        "floods-stderr" => broken::floods_stderr(),
        "ignores-sigterm" => broken::ignores_sigterm(),
        "forks-a-grandchild" => broken::forks_a_grandchild(),
        "sleeps" => broken::sleeps(),
        other => {
            let known = "answers, asks-back, changes-tools, pages, raw, tells, http, listens-in, \
                never-answers, exits-at-once, prints-rubbish, prints-rubbish-between, \
                floods-stderr, ignores-sigterm, forks-a-grandchild";
            wire::say(&format!("unknown behaviour {other:?}; there are {known}"));
            std::process::exit(2);
        }
    }
}
