//! Every kind of secret is found wherever it stands, masked, and nothing else is.

mod planted;

use drawbridge_policy::scan::{ScanFailed, SecretKind, find_secrets, mask_secrets};
use planted::{Draw, Planted, planted};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The ways into a JSON text, by number.
const PLACES: usize = 9;

fn put(planted: &Planted, place: usize) -> Value {
    let text = format!("{}{}{}", planted.before, planted.secret, planted.after);
    match place {
        0 => json!(text),
        1 => json!({ "a": [1, { "b": text }], "c": null }),
        2 => {
            json!({ "content": [{ "type": "text", "text": format!("It is \"{text}\" – für dich.") }] })
        }
        3 => json!({ "note": format!("first\n{text}\nlast\tline \\ with 😀") }),
        4 => json!({ "text": json!({ "inner": text }).to_string() }),
        5 => json!({ "text": json!({ "inner": json!([text]).to_string() }).to_string() }),
        6 => json!([[[[[[[[format!("É {text} é")]]]]]]]]),
        7 => json!({ format!("{text}"): 1 }),
        _ => {
            json!({ "before": "x".repeat(300), "text": format!("({text})"), "after": "y".repeat(300) })
        }
    }
}

/// JSON in which some letters of the strings are written as escapes.
fn written(value: &Value, escaped: &[bool]) -> String {
    fn string(text: &str, escaped: &mut dyn Iterator<Item = bool>) -> String {
        let letter = |each: char| {
            let plain = each.is_ascii_graphic() && !matches!(each, '"' | '\\');
            match each {
                _ if plain && !escaped.next().unwrap_or_default() => each.to_string(),
                '/' => r"\/".to_owned(),
                _ => each
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}"))
                    .collect(),
            }
        };
        format!("\"{}\"", text.chars().map(letter).collect::<String>())
    }
    fn write(value: &Value, escaped: &mut dyn Iterator<Item = bool>) -> String {
        match value {
            Value::String(text) => string(text, escaped),
            Value::Array(all) => {
                let all: Vec<_> = all.iter().map(|each| write(each, escaped)).collect();
                format!("[{}]", all.join(" , "))
            }
            Value::Object(all) => {
                let member = |(name, each): (&String, &Value)| {
                    format!("{} :\n{}", string(name, escaped), write(each, escaped))
                };
                let all: Vec<_> = all.iter().map(member).collect();
                format!("{{{}}}", all.join(","))
            }
            other => other.to_string(),
        }
    }
    write(value, &mut escaped.iter().copied().cycle())
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all
            .iter()
            .flat_map(|(name, each)| [vec![name.clone()], strings(each)].concat())
            .collect(),
        _ => vec![],
    }
}

/// Looks for one planted secret, masks it, and tells what is wrong.
fn check(planted: &Planted, place: usize, json: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {planted:?} at place {place} in {json}"));
    let hits = find_secrets(json).map_err(|why| format!("{why}: {json}"))?;
    let [hit] = hits.as_slice() else { return wrong(&format!("{} hits", hits.len())) };
    if hit.kind != planted.kind {
        return wrong(&format!("found as {:?}", hit.kind));
    }
    // Escaped once more in each text inside a text.
    let mut secret = planted.secret.clone();
    for _ in 0..match place {
        4 => 1,
        5 => 2,
        _ => 0,
    } {
        secret = json!(secret).to_string().trim_matches('"').to_owned();
    }
    let said: Result<String, _> = serde_json::from_str(&format!("\"{}\"", &json[hit.span.clone()]));
    if said.ok().as_deref() != Some(&*secret) {
        return wrong(&format!("the span is {:?}", &json[hit.span.clone()]));
    }
    if hit.place.contains(&planted.secret) {
        return wrong("the place tells the secret");
    }
    let masked = mask_secrets(json, &hits);
    let Ok(value) = serde_json::from_str::<Value>(&masked) else { return wrong("no longer JSON") };
    let words = planted.kind.words();
    let mask = format!("[masked: {}]", words.split_once(' ').map_or(words, |words| words.1));
    let Ok(original) = serde_json::from_str::<Value>(json) else { return wrong("never was JSON") };
    let expected: Vec<String> =
        strings(&original).into_iter().map(|text| text.replace(&secret, &mask)).collect();
    let (mut left, mut right) = (strings(&value), expected);
    left.sort();
    right.sort();
    if left != right {
        return wrong(&format!("masked as {masked}"));
    }
    match find_secrets(&masked) {
        Ok(again) if again.is_empty() => Ok(()),
        again => wrong(&format!("still found: {again:?}")),
    }
}

#[test]
fn each_kind_is_found_at_each_place() {
    let numbers: Vec<u8> =
        (0..=250).map(|number: u8| number.wrapping_mul(101).wrapping_add(17)).collect();
    for planted in planted(&mut Draw(numbers.iter().cycle())) {
        for place in 0..PLACES {
            let json = put(&planted, place);
            assert_eq!(check(&planted, place, &json.to_string()), Ok(()));
            assert_eq!(check(&planted, place, &format!("{json:#}")), Ok(()));
        }
    }
}

#[test]
fn a_member_is_a_secret_by_its_name() {
    let password = Draw([1, 7, 3, 9, 12, 20, 31, 44, 58, 71, 90].iter().cycle()).password();
    for name in ["password", "apiKey", "API_KEY", "client_secret", "access-token", "X-Api-Key"] {
        let json = json!({ "env": { name: password } }).to_string();
        let hits = find_secrets(&json).expect("reads");
        let found: Vec<_> = hits.iter().map(|hit| (hit.kind, &json[hit.span.clone()])).collect();
        assert_eq!(found, [(SecretKind::NamedSecret, &*password)], "{json}");
        assert!(hits[0].place.starts_with("env."), "{}", hits[0].place);
    }
    let member = json!({ "secretAccessKey": format!("{password}{password}") }).to_string();
    assert_eq!(find_secrets(&member).expect("reads")[0].kind, SecretKind::AwsKey);
}

#[test]
fn escapes_that_some_programs_always_write_hide_nothing() {
    let password = Draw([1, 7, 3, 9, 12, 20, 31, 44, 58, 71, 90].iter().cycle()).password();
    for (before, after) in [
        (r#"{"a":"https:\/\/me:"#, r#"@example.org\/x"}"#),
        (r#"{"a":"{\"u\":\"https:\\/\\/me:"#, r#"@example.org\\/\"}"}"#),
        (r#"{"a":"{\u0022password\u0022:\u0022"#, r#"\u0022}"}"#),
        (r#"{"a":"\u003cpassword\u003e"#, r#"\u003c/password\u003e"}"#),
        (r#"{"a":"token\u003d"#, r#"\u0026page=2"}"#),
        (r#"{"a":"run\n--token "#, r#" --verbose"}"#),
        (r#"{"a":"one\r\nDB_PASSWORD="#, r#"\r\ntwo"}"#),
        (r#"{"\u0070assword":"#, r#"}"#),
    ] {
        let quote = if before.ends_with(':') && after == "}" { "\"" } else { "" };
        let json = format!("{before}{quote}{password}{quote}{after}");
        let hits = find_secrets(&json).expect("reads");
        let found: Vec<_> = hits.iter().map(|hit| &json[hit.span.clone()]).collect();
        assert_eq!(found, [&*password], "{json}");
    }
}

#[test]
fn the_same_secret_has_the_same_digest_however_it_is_written() {
    let token = format!("db_{}", "a1-B_".repeat(9).get(..43).expect("long enough"));
    let json = format!(r#"["{token}", "\u0064b_{}", "{token}x"]"#, &token[3..]);
    let hits = find_secrets(&json).expect("reads");
    assert_eq!(hits.len(), 2);
    assert_eq!(hits[0].digest, hits[1].digest);
    assert_eq!(hits[1].place, "[1]");
    let expected = drawbridge_policy::Fingerprint::of([token.as_bytes()]);
    assert_eq!(hits[0].digest, expected);
}

#[test]
fn a_text_that_must_be_read_and_cannot_be_is_an_error() {
    let token = format!("ghp_{}", "a1".repeat(18));
    for broken in [
        format!("{{\"a\":\"{token}\""),
        format!("\"{token}"),
        token.clone(),
        format!("[\"{token}\",]"),
    ] {
        let found = find_secrets(&broken);
        assert!(matches!(found, Err(ScanFailed::NotJson { .. })), "{broken}: {found:?}");
    }
    let deep = format!("{}\"{token}\"{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(find_secrets(&deep), Err(ScanFailed::TooDeep));
}

#[test]
fn ordinary_json_holds_no_secret() {
    for json in [
        json!({ "type": "object", "properties": { "token": { "type": "string", "description": "An API token; keep it secret." }, "password": { "type": "string", "minLength": 8 } }, "required": ["token", "password"] }),
        json!({ "nextPageToken": "CAUQAA8kd92Kd82ksLLqpw0129", "progressToken": "a8Kd92kLmQ0pZx77", "next_cursor": "eyJvZmZzZXQiOjEwMH0" }),
        json!({ "usage": { "max_tokens": 4096, "tokenCount": 12, "total_tokens": 99 } }),
        json!({ "sha": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "id": "123e4567-e89b-42d3-a456-426614174000" }),
        json!({ "content": [{ "type": "image", "mimeType": "image/png", "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==" }] }),
        json!({ "text": "Set API_KEY=<your-key-here-123456> or token: ${GITHUB_TOKEN_VALUE1}, password=************1234" }),
        json!({ "text": "postgres://user:password@localhost:5432/db, https://$USER:$PASS@host and redis://localhost:6379/0@x" }),
        json!({ "text": "Use a key that starts with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----" }),
        json!({ "text": "AKIAIOSFODNN7EXAMPLE is Amazon's example, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx a placeholder" }),
        json!({ "class": "sk-folding-cube sk-folding-cube-with-many-names", "db_name": "db_main", "task": "risk-assessment-of-the-whole-project-2024" }),
        json!({ "password": "correct horse battery staple", "secret": "my-kubernetes-secret-name-v2" }),
        json!({ "token": "123e4567-e89b-42d3-a456-426614174000", "secret": "https://example.org/a/b1c2d3e4f5" }),
        json!({ "key": "aG9sZGluZzEyMzQ1Njc4OTA", "primary_key": "k3j9x0q2m5v8b1n7", "publicKey": "k3j9x0q2m5v8b1n7" }),
        json!({ "cert": "-----BEGIN CERTIFICATE-----\nMIIBkTCB+wIJAKHHCgVZU2XyMA0GCSqGSIb3DQEBCwUA\n-----END CERTIFICATE-----" }),
        json!({ "text": "git@github.com:someone/project.git, mailto:a@example.org, https://example.org/@someone" }),
    ] {
        assert_eq!(find_secrets(&json.to_string()), Ok(vec![]), "{json}");
    }
}

fn fragment() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "ghp_",
        "sk-",
        "db_",
        "eyJ",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----END ",
        "://",
        "@",
        ":AA",
        "8Q~",
        "token",
        "\"",
        "\\",
        "\\u00",
        "\\u0064",
        "\\ud83d",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "=",
        "password",
        "api_key",
        "Bearer ",
        "PuTTY-User-Key-File-",
        "Private-Lines:",
        "hooks.slack.com/",
        "--token ",
        "\n",
        "é",
        "😀",
        ".",
        " ",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[A-Za-z0-9_-]{1,48}", any::<String>()]
}

proptest! {
    #[test]
    fn a_planted_secret_is_found_and_masked(
        numbers in prop::collection::vec(any::<u8>(), 300..600),
        which in any::<prop::sample::Index>(),
        place in 0..PLACES,
        escaped in prop::collection::vec(prop::bool::weighted(0.1), 1..200),
    ) {
        let all = planted(&mut Draw(numbers.iter().cycle()));
        let planted = &all[which.index(all.len())];
        let json = written(&put(planted, place), &escaped);
        prop_assert_eq!(check(planted, place, &json), Ok(()));
    }

    #[test]
    fn ids_under_harmless_names_are_no_secrets(
        name in prop::sample::select(vec![
            "id", "cursor", "nextPageToken", "page_token", "sha", "commit", "etag", "key", "parent",
            "progressToken", "hash", "data", "uuid", "continuationToken", "sort_key", "name",
        ]),
        value in prop_oneof![
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "[0-9a-f]{32}", "[0-9a-f]{40}", "[0-9a-f]{64}", "[A-Za-z0-9_-]{10,60}",
        ],
    ) {
        for json in [json!({ name: value }), json!({ "text": format!("{name}: {value}") }), json!([value])] {
            prop_assert_eq!(find_secrets(&json.to_string()), Ok(vec![]), "{}", json);
        }
    }

    #[test]
    fn no_text_makes_it_panic(parts in prop::collection::vec(fragment(), 0..12)) {
        let text = parts.concat();
        if let Ok(hits) = find_secrets(&text) {
            let _ = mask_secrets(&text, &hits);
        }
        let _ = mask_secrets("é", &find_secrets(&json!(text).to_string()).unwrap_or_default());
    }

    #[test]
    fn passing_over_a_text_misses_nothing_that_reading_it_finds(
        parts in prop::collection::vec(fragment(), 0..8),
        name in fragment(),
    ) {
        let value = json!({ name: parts.concat() });
        let quick = find_secrets(&value.to_string()).expect("reads");
        // An escape that could hide something makes the whole be read.
        let slow = find_secrets(&format!(r#"[{value},"\u0061"]"#)).expect("reads");
        let kinds = |hits: &[drawbridge_policy::scan::SecretHit]| -> Vec<_> {
            hits.iter().map(|hit| (hit.kind, hit.digest)).collect()
        };
        prop_assert_eq!(kinds(&quick), kinds(&slow), "{}", value);
    }
}
