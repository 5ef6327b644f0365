//! What it costs to look for secrets in ordinary JSON, and in the same with one secret at its end.
//!
//! Run with `cargo run --release -p drawbridge-policy --example scan_cost`. Prints nanoseconds for
//! one text, the median of several rounds.
#![allow(clippy::print_stdout, reason = "a measurement for a person to read")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use drawbridge_policy::scan::{
    Rules, ScanFailed, Surroundings, find_secrets, mask_secrets, scan_tool,
};

const ROUNDS: usize = 15;

/// A list of files such as a server gives, of about `size` bytes.
fn ordinary(size: usize) -> String {
    let mut json = String::from(r#"{"content":[{"type":"text","text":"Found these:"}],"files":["#);
    let mut index: usize = 0;
    while json.len() + 140 < size {
        let comma = if index == 0 { "" } else { "," };
        let number = index.wrapping_mul(2_654_435_761) % 1_000_000_007;
        let _ = write!(
            json,
            r#"{comma}{{"name":"report {index}.md","url":"https://example.org/{number}","size":{number},"note":"A line of text, with \"quotes\""}}"#
        );
        index += 1;
    }
    json.push_str(r#"],"nextPageToken":"CAUQAA","isError":false}"#);
    json
}

fn median(turns: usize, mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let since = Instant::now();
            for _ in 0..turns {
                work();
            }
            since.elapsed().as_nanos() / turns.max(1) as u128
        })
        .collect();
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), ScanFailed> {
    for (label, size) in
        [("200 B", 200), ("1 KiB", 1 << 10), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20)]
    {
        let json = ordinary(size);
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let holding = json.replace("CAUQAA", &token);
        let turns = (20_000_000 / (size + 1000)).max(3);
        assert_eq!(find_secrets(&json)?, [], "the text is ordinary");
        let hits = find_secrets(&holding)?;
        assert!(!mask_secrets(&holding, &hits).contains(&token), "the secret is masked");
        let clean = median(turns, || drop(black_box(find_secrets(black_box(&json)))));
        let found =
            median((turns / 10).max(3), || drop(black_box(find_secrets(black_box(&holding)))));
        println!("{label}: {} bytes, ordinary {clean} ns, with a secret {found} ns", json.len());
    }
    // Made to be slow: a mebibyte of beginnings.
    let mut worst = (0, "");
    for part in [
        "eyJ",
        "ya29.",
        "8Q~",
        "token:",
        "key=",
        "://",
        ":AA",
        "-----BEGIN PRIVATE KEY-----",
        "db_",
        "PuTTY-User-Key-File-",
        "Bearer ",
        "password=a1",
        "xoxe",
        "eyJ.",
        "https://a:b",
        "api_key: ",
    ] {
        // With an escape in front it is read string by string at once.
        for escape in ["", "\\u0061"] {
            let json = format!("[\"{escape}{}\"]", part.repeat((1 << 20) / part.len()));
            let since = Instant::now();
            find_secrets(&json)?;
            worst = worst.max((since.elapsed().as_millis(), part));
        }
    }
    println!("1 MiB of {:?}, the slowest: {} ms", worst.1, worst.0);
    let tool = r#"{"name":"read_file","description":"Reads a file and returns its text. Fails when the file is larger than 1 MiB or lies outside the allowed folders.","inputSchema":{"type":"object","properties":{"path":{"type":"string","description":"Path of the file, relative to the first allowed folder."},"lines":{"type":"integer","description":"How many lines to return."}},"required":["path"]}}"#;
    let around = Surroundings::new([("files", "read_file"), ("mail", "send_mail")]);
    let rules = Rules::shared()?;
    scan_tool(&rules, "files", tool, &around)?;
    let cost =
        median(200, || drop(black_box(scan_tool(&rules, "files", black_box(tool), &around))));
    println!("a tool's definition of {} bytes: {cost} ns", tool.len());
    Ok(())
}
