//! What is exported is what is on record, in a form other programs read.

#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

#[path = "support/rows.rs"]
mod rows;

use std::ops::ControlFlow;

use drawbridge_audit::{ExportError, ExportForm, Exported, Filter};
use rows::{Row, Rows};
use rusqlite::params;
use serde_json::{Value, json};

fn exported(rows: &Rows, filter: &Filter, form: ExportForm) -> (String, Exported) {
    let mut bytes = Vec::new();
    let go_on = |_| ControlFlow::Continue(());
    let done = rows.reading().export(filter, form, &mut bytes, go_on).expect("exports");
    assert_eq!(done.bytes, bytes.len() as u64);
    (String::from_utf8(bytes).expect("text"), done)
}

/// As RFC 4180 has it.
fn parsed(csv: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut value, mut quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = csv.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                value.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut value)),
            '\r' if !quoted => assert_eq!(rest.peek(), Some(&'\n'), "only at the end of a line"),
            '\n' if !quoted => {
                line.push(std::mem::take(&mut value));
                lines.push(std::mem::take(&mut line));
            }
            character => value.push(character),
        }
    }
    assert!(line.is_empty() && value.is_empty() && !quoted, "it ends with a line");
    lines
}

fn odd_rows() -> Rows {
    let mut rows = Rows::new();
    let call = rows.begin(&Row {
        at: 1_763_642_307_089,
        kind: "toolCall",
        client: "vscode",
        client_says: "=HYPERLINK(\"http://x\")",
        server: "files",
        subject: "-1+1",
        decision: "allowed",
        reason: "mode",
        arguments: "{\n  \"path\": \"/a,b\"\r\n}".to_owned(),
        ..Row::default()
    });
    rows.end(
        call,
        &Row {
            at: 1_763_642_308_000,
            outcome: "succeeded",
            result: "{\"text\":\"say \\\"hi\\\"\\nthere\"}".to_owned(),
            note: "@one, \"two\"\nthree".to_owned(),
            ..Row::default()
        },
    );
    rows.note(&Row {
        at: -1,
        kind: "settingChanged",
        note: " spaces and ü ".to_owned(),
        arguments: "no JSON".to_owned(),
        ..Row::default()
    });
    let cut = rows.next;
    rows.file
        .execute(
            "INSERT INTO entries (id, run, at, step, kind, kept, waited_ms, request, details, \
             arguments, arguments_bytes, arguments_sha256, chain) VALUES \
             (?1, 1, 5, 'began', 'modelRequest', NULL, 7, '\"r1\"', NULL, '{\"a\":\"xxx', 20000, ?2, x'01')",
            params![cut, [0xab_u8; 32]],
        )
        .expect("a row");
    rows.file
        .execute(
            "INSERT INTO entries (id, run, at, step, call, outcome, duration_us, upstream, details, \
             result, result_bytes, sent_bytes, chain) VALUES (?1, 1, 9, 'ended', ?2, 'failed', \
             4000, 8, '{\"model\":\"llama\",\"answerTokens\":5}', '[1]', 3, 4, x'02')",
            params![cut + 1, cut],
        )
        .expect("a row");
    rows.next += 2;
    rows
}

#[test]
fn values_come_back_from_csv_and_formulas_are_made_harmless() {
    let rows = odd_rows();
    let (csv, done) = exported(&rows, &Filter::default(), ExportForm::Csv);
    assert_eq!(done.entries, 3);
    let lines = parsed(&csv);
    let names = &lines[0];
    let value = |line: usize, name: &str| {
        let place = names.iter().position(|it| it == name).expect(name);
        lines[line][place].as_str()
    };
    assert!(lines.iter().all(|line| line.len() == names.len()), "all lines have all values");
    for (line, name, wanted) in [
        (1, "id", "1"),
        (1, "time", "2025-11-20T12:38:27.089Z"),
        (1, "time_ms", "1763642307089"),
        (1, "ended", "2025-11-20T12:38:28.000Z"),
        (1, "kind", "toolCall"),
        (1, "client", "vscode"),
        (1, "client_says", "'=HYPERLINK(\"http://x\")"),
        (1, "subject", "'-1+1"),
        (1, "decision", "allowed"),
        (1, "outcome", "succeeded"),
        (1, "note", "'@one, \"two\"\nthree"),
        (1, "arguments", "{\n  \"path\": \"/a,b\"\r\n}"),
        (1, "result", "{\"text\":\"say \\\"hi\\\"\\nthere\"}"),
        (2, "time", "1969-12-31T23:59:59.999Z"),
        (2, "time_ms", "-1"),
        (2, "ended", ""),
        (2, "note", " spaces and ü "),
        (3, "waited_ms", "7"),
        (3, "duration_us", "4000"),
        (3, "request", "\"r1\""),
        (3, "upstream_request", "8"),
        (3, "arguments_bytes", "20000"),
        (3, "arguments_sha256", &"ab".repeat(32)),
        (3, "result_bytes", "3"),
        (3, "result_sent_bytes", "4"),
        (3, "model", "{\"model\":\"llama\",\"answerTokens\":5}"),
        (3, "kept", "content"),
    ] {
        assert_eq!(value(line, name), wanted, "{name} in line {line}");
    }
    for start in ['=', '+', '-', '@', '\t', '\r'] {
        let mut rows = Rows::new();
        rows.note(&Row { kind: "toolCall", note: format!("{start}1+1"), ..Row::default() });
        let (csv, _) = exported(&rows, &Filter::default(), ExportForm::Csv);
        assert!(parsed(&csv)[1].contains(&format!("'{start}1+1")), "{start:?}: {csv}");
    }
}

#[test]
fn each_line_is_a_json_object() {
    let rows = odd_rows();
    let (text, _) = exported(&rows, &Filter::default(), ExportForm::JsonLines);
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 3, "a line for each entry");
    assert_eq!(lines[0]["arguments"], json!({"path": "/a,b"}), "JSON stays JSON");
    assert_eq!(lines[0]["arguments"].get("argumentsCut"), None);
    assert_eq!(lines[0]["result"]["text"], "say \"hi\"\nthere");
    assert_eq!(lines[0]["clientSays"], "=HYPERLINK(\"http://x\")", "it is no spreadsheet");
    assert_eq!(lines[1]["arguments"], "no JSON");
    assert_eq!(lines[1]["argumentsCut"], false, "it is a text, and whole");
    assert_eq!(lines[1].get("client"), None, "what is absent is left out");
    assert_eq!(lines[2]["arguments"], "{\"a\":\"xxx");
    assert_eq!(lines[2]["argumentsCut"], true);
    assert_eq!(lines[2]["argumentsSha256"], "ab".repeat(32));
    assert_eq!(lines[2]["request"], "r1");
    assert_eq!(lines[2]["upstreamRequest"], 8);
    assert_eq!(lines[2]["model"], json!({"model": "llama", "answerTokens": 5}));
}

#[test]
fn an_export_holds_what_the_filter_finds_oldest_first_and_can_be_broken_off() {
    let mut rows = Rows::new();
    rows.file.execute_batch("BEGIN").expect("begins");
    for n in 0..5_000_i64 {
        rows.call(&Row {
            at: n,
            kind: "toolCall",
            client: if n % 3 == 0 { "vscode" } else { "claude" },
            arguments: format!("word{} and", n % 10),
            ..Row::default()
        });
    }
    rows.file.execute_batch("COMMIT").expect("commits");
    let any = Filter::default;
    for filter in [
        any(),
        Filter { client: Some("vscode".to_owned()), ..any() },
        Filter { text: Some("word3 an".to_owned()), from: Some(1_000), ..any() },
        Filter { text: Some("nowhere".to_owned()), ..any() },
        Filter { client: Some("nobody".to_owned()), until: Some(9), ..any() },
    ] {
        let (text, done) = exported(&rows, &filter, ExportForm::JsonLines);
        let ids: Vec<i64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect(line)["id"].as_i64().expect("id")
            })
            .collect();
        let mut found = rows::all_pages(&rows.reading(), &filter, 1000);
        found.reverse();
        assert_eq!(ids, found, "{filter:?}");
        assert_eq!(done.entries, ids.len() as u64);
        assert_eq!(done.looked_at, done.of, "{filter:?}");
    }
    let mut told = Vec::new();
    let progress = |exported: Exported| {
        told.push((exported.looked_at, exported.of));
        if told.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let broken = rows.reading().export(&any(), ExportForm::Csv, &mut Vec::new(), progress);
    assert!(matches!(broken, Err(ExportError::BrokenOff)), "{broken:?}");
    assert_eq!(told, [(2_000, 5_000), (4_000, 5_000)]);
    let full =
        rows.reading().export(&any(), ExportForm::Csv, &mut [0_u8; 100].as_mut_slice(), |_| {
            ControlFlow::Continue(())
        });
    assert!(matches!(full, Err(ExportError::Write(_))), "{full:?}");
}
