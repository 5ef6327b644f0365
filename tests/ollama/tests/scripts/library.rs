//! The library, without a process of its own.

use drawbridge_scripted_ollama::{Ended, Environment, Model, Script, Server, run};
use tokio::runtime::Runtime;

use crate::http;

fn script() -> Script {
    let model = Model { name: "tiny".to_owned(), ..Model::default() };
    Script { models: vec![model], ..Script::default() }
}

#[test]
fn a_server_runs_inside_a_test_and_ends_when_it_is_told_to() {
    let runtime = Runtime::new().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let bound = Server::bind(script(), Environment::default(), any);
    let server = runtime.block_on(bound).unwrap();
    let (port, ender) = (server.address().port(), server.ender());
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| runtime.block_on(server.serve()));
        let tags = http::send(port, "GET", "/api/tags", &[], b"").unwrap();
        assert!(tags.text().contains("tiny:latest"));
        ender.stop();
        assert_eq!(ended.join().unwrap(), Ended { code: 0, stderr: None });
    });
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = Runtime::new().unwrap();
    let error = runtime.block_on(run(script(), taken.local_addr().unwrap())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn a_script_is_the_same_once_written_and_read() {
    let text = serde_json::to_string(&script()).unwrap();
    assert_eq!(serde_json::from_str::<Script>(&text).unwrap(), script());
    assert_eq!(serde_json::from_str::<Script>("{}").unwrap(), Script::default());
}
