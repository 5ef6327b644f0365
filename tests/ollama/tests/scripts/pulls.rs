//! Pulls.

use serde_json::{Value, json};

use crate::program::{Program, eventually, lines};

fn completed(line: &Value) -> u64 {
    line["completed"].as_u64().unwrap_or_default()
}

#[test]
fn a_pull_tells_how_far_it_is_and_the_model_is_there_after_it() {
    let script = json!({
        "library": [{"name": "big", "size": 3000, "layers": [2000, 1000]}],
        "pull": {"bytes_per_second": 10_000, "interval_ms": 10},
    });
    let program = Program::start(&script);
    let pull = program.post("/api/pull", &json!({"model": "big"}));
    let lines = lines(&pull);
    let statuses: Vec<&str> = lines.iter().filter_map(|line| line["status"].as_str()).collect();
    assert_eq!(statuses[0], "pulling manifest");
    let last = &statuses[statuses.len() - 3..];
    assert_eq!(last, ["verifying sha256 digest", "writing manifest", "success"]);
    let first: Vec<&Value> = lines.iter().filter(|line| line["total"] == 2000).collect();
    assert!(first.len() > 10);
    assert!(first.windows(2).all(|two| completed(two[0]) <= completed(two[1])));
    assert!(program.get("/api/tags").text().contains("\"name\":\"big:latest\""));
    let again = program.post("/api/pull", &json!({"model": "big", "stream": false}));
    assert_eq!(again.text(), r#"{"status":"success"}"#);
}

#[test]
fn layers_can_come_all_at_once() {
    let script = json!({
        "library": [{"name": "big", "layers": [1000, 1000]}],
        "pull": {"bytes_per_second": 10_000, "interval_ms": 10, "together": true},
    });
    let program = Program::start(&script);
    let lines = lines(&program.post("/api/pull", &json!({"model": "big"})));
    let digests: Vec<&str> = lines.iter().filter_map(|line| line["digest"].as_str()).collect();
    let changes = digests.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(changes > 5, "{digests:?}");
}

#[test]
fn a_pull_that_failed_goes_on_where_it_was_even_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let script = json!({
        "library": [{"name": "big", "layers": [1_000_000]}],
        "pull": {"fail": {"at_bytes": 600_000}},
    });
    let start = || {
        let program = Program::begin_in(folder.path().to_owned(), &script, &[]);
        program.wait_until_it_answers();
        program
    };
    let program = start();
    let failed = lines(&program.post("/api/pull", &json!({"model": "big"})));
    assert!(failed.last().unwrap()["error"].as_str().unwrap().contains("reset by peer"));
    drop(program);
    let blobs = folder.path().join("models/blobs");
    let names: Vec<String> = std::fs::read_dir(&blobs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("sha256-") && name.ends_with("-partial")));
    let program = start();
    let lines = lines(&program.post("/api/pull", &json!({"model": "big"})));
    assert!(completed(&lines[1]) > 600_000, "{}", lines[1]);
    assert_eq!(lines.last().unwrap()["status"], "success");
    assert_eq!(std::fs::read_dir(&blobs).unwrap().count(), 1);
}

#[test]
fn a_client_that_goes_away_stops_the_pull() {
    let script = json!({
        "library": [{"name": "big", "layers": [200_000]}],
        "pull": {"bytes_per_second": 100_000, "interval_ms": 10},
    });
    let program = Program::start(&script);
    let stream = program.open("/api/pull", &json!({"model": "big"}));
    std::thread::sleep(std::time::Duration::from_millis(300));
    drop(stream);
    eventually("the end", || program.record("end").iter().any(|end| end["client_gone"] == true));
    let lines = lines(&program.post("/api/pull", &json!({"model": "big"})));
    assert!(completed(&lines[1]) > 5_000 && completed(&lines[1]) < 150_000, "{}", lines[1]);
}

#[test]
fn a_pull_fails_in_the_ways_the_script_knows() {
    let cases = [
        (json!({"at_bytes": 500, "kind": "disk_full"}), "no space left on device"),
        (json!({"at_bytes": 500, "kind": "digest_mismatch"}), "digest mismatch"),
        (json!({"at_bytes": 500, "message": "EOF"}), "EOF"),
    ];
    for (fail, message) in cases {
        let script = json!({"library": [{"name": "big", "size": 1000}], "pull": {"fail": fail}});
        let program = Program::start(&script);
        let answer = program.post("/api/pull", &json!({"model": "big"}));
        assert_eq!(answer.status, 200);
        let last = lines(&answer).pop().unwrap();
        assert!(last["error"].as_str().unwrap().contains(message), "{last}");
    }
    let program = Program::start(&json!({}));
    let answer = program.post("/api/pull", &json!({"model": "nope"}));
    assert!(answer.text().ends_with("{\"error\":\"pull model manifest: file does not exist\"}\n"));
}
