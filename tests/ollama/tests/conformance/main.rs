//! The scripted Ollama beside the real one: the same requests, the same answers.
//!
//! What the real one answered lies in `expected.json`. The scripted one is compared with it always.
//! Where `DRAWBRIDGE_TEST_OLLAMA` names the binary of a real one, that is compared as well; and
//! with `DRAWBRIDGE_WRITE_EXPECTED=1` its answers become what is expected.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod gguf;
#[path = "../common/http.rs"]
mod http;
mod requests;
mod shape;
mod target;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use target::Target;

fn expected_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/expected.json")
}

fn real() -> Option<Target> {
    std::env::var_os("DRAWBRIDGE_TEST_OLLAMA").map(|path| Target::real(path.into()))
}

/// All answers of a server, by the name of the request, and what is seen of its process.
fn observed(target: &Target) -> Value {
    let mut seen = Map::new();
    let running = target.start();
    for request in requests::all() {
        let answer = request.send(running.port);
        seen.insert(request.name.to_owned(), shape::of(&answer));
    }
    seen.insert("process: version with a server".to_owned(), target.version(running.port));
    seen.insert("process: port taken".to_owned(), target.start_again(running.port));
    seen.insert("process: log at the start".to_owned(), json!(running.log_at_start()));
    seen.insert("process: end by SIGTERM".to_owned(), running.end("TERM"));
    let again = target.start_with(&[("OLLAMA_NO_CLOUD", "1")]);
    for request in requests::without_cloud() {
        let answer = request.send(again.port);
        seen.insert(request.name.to_owned(), shape::of(&answer));
    }
    seen.insert("process: end by SIGINT".to_owned(), again.end("INT"));
    seen.insert(
        "process: version without a server".to_owned(),
        target.version(target::free_port()),
    );
    seen.insert("process: models folder not usable".to_owned(), target.start_without_folder());
    Value::Object(seen)
}

/// Where two observations differ, one line each.
fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let none = Map::new();
    let (expected, got) = (expected.as_object().unwrap_or(&none), got.as_object().unwrap_or(&none));
    let mut names: Vec<&String> = expected.keys().chain(got.keys()).collect();
    names.sort();
    names.dedup();
    let differ = |name: &&&String| expected.get(**name) != got.get(**name);
    names
        .iter()
        .filter(differ)
        .map(|name| {
            let of =
                |from: &Map<String, Value>| from.get(*name).unwrap_or(&Value::Null).to_string();
            format!("{name}\n  expected {}\n       got {}", of(expected), of(got))
        })
        .collect()
}

/// One line for each request.
fn by_lines(observed: &Value) -> String {
    let all = observed.as_object().unwrap();
    let lines: Vec<String> =
        all.iter().map(|(name, shape)| format!("  {}: {shape}", json!(name))).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(expected_file()).unwrap()).unwrap()
}

#[test]
fn the_scripted_one_answers_as_the_real_one_did() {
    let differences = differences(&expected(), &observed(&Target::scripted()));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_real_one_answers_as_it_is_expected_to() {
    let Some(real) = real() else { return };
    let observed = observed(&real);
    if std::env::var_os("DRAWBRIDGE_WRITE_EXPECTED").is_some() {
        use std::io::Write as _;
        let mut file = std::fs::File::create(expected_file()).unwrap();
        file.write_all(by_lines(&observed).as_bytes()).unwrap();
        return;
    }
    let differences = differences(&expected(), &observed);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
