//! Secrets that are told by what they are called: `"password": …`, `API_KEY=…`, `token: …`.

use std::ops::Range;

use super::SecretKind;
use super::random::{SHORTEST, looks_random};

/// What the names of secrets end in, without case, and without what stands between words.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "authkey",
    "accountkey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "sharedkey",
    "subscriptionkey",
    "servicekey",
    "licensekey",
    "sessionkey",
];

/// What the names of such tokens end in as say where something goes on, or mark a place in it.
const HARMLESS: &[&str] = &[
    "pagetoken",
    "nexttoken",
    "prevtoken",
    "previoustoken",
    "progresstoken",
    "continuationtoken",
    "continuetoken",
    "paginationtoken",
    "pagingtoken",
    "csrftoken",
    "xsrftoken",
    "synctoken",
    "cursortoken",
    "resumetoken",
    "deltatoken",
    "skiptoken",
    "starttoken",
    "endtoken",
    "stoptoken",
    "bostoken",
    "eostoken",
    "padtoken",
    "unktoken",
    "masktoken",
    "canceltoken",
    "cancellationtoken",
    "clienttoken",
    "requesttoken",
    "idempotencytoken",
    "changetoken",
    "watchtoken",
    "positiontoken",
    "versiontoken",
    "markertoken",
    "offsettoken",
    "scrolltoken",
    "snapshottoken",
    "consistencytoken",
    "maxtoken",
    "mintoken",
    "lasttoken",
    "firsttoken",
];

/// The words of [`SECRET`] as they are searched for. What lies before them is looked at then.
pub(super) const NEEDLES: &[&str] = &[
    "assw", "ASSW", "assphr", "ASSPHR", "assco", "ASSCO", "pwd", "PWD", "ecret", "ECRET", "oken",
    "OKEN", "key", "Key", "KEY",
];

/// Longest value that is taken out of a longer text, in bytes. A longer one is no password, and one
/// name after the other would be read as the value of each before it.
const LONGEST: usize = 1 << 10;
/// Longest part of a name that is looked at, in letters and digits. Longer than every entry of the
/// lists above.
const NAME: usize = 24;

/// Whether a value of this name is taken for a secret if it looks like one.
pub(super) fn names_a_secret(name: &[u8]) -> bool {
    let mut letters = [0_u8; NAME];
    let name = squeezed(name, &mut letters);
    ends_in(name, SECRET) && !ends_in(name, HARMLESS)
}

/// What kind of secret a name tells.
fn kind(name: &[u8]) -> SecretKind {
    let mut letters = [0_u8; NAME];
    let name = squeezed(name, &mut letters);
    if ends_in(name, &["secretaccesskey", "awssecretkey"]) {
        SecretKind::AwsKey
    } else if ends_in(name, &["accountkey", "sharedaccesskey"]) {
        SecretKind::AzureKey
    } else {
        SecretKind::NamedSecret
    }
}

fn ends_in(name: &[u8], list: &[&str]) -> bool {
    list.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// The end of a name in lower case, without what stands between its words or counts it.
fn squeezed<'a>(name: &[u8], letters: &'a mut [u8; NAME]) -> &'a [u8] {
    let mut first = NAME;
    let uncounted = name.iter().rposition(|byte| !byte.is_ascii_digit() && *byte != b'_');
    let name = name.get(..uncounted.map_or(0, |last| last + 1)).unwrap_or_default();
    if !name.last().is_some_and(u8::is_ascii_alphabetic) {
        return &[];
    }
    for byte in name.iter().rev().take_while(|byte| in_name(**byte)) {
        if !byte.is_ascii_alphanumeric() {
            continue;
        }
        let Some(slot) = first.checked_sub(1).and_then(|slot| letters.get_mut(slot)) else { break };
        *slot = byte.to_ascii_lowercase();
        first -= 1;
    }
    letters.get(first..).unwrap_or_default()
}

/// Whether the value of a named member is a secret, and what kind.
pub(super) fn member(name: &str, value: &str) -> Option<SecretKind> {
    (names_a_secret(name.as_bytes()) && looks_random(value)).then(|| kind(name.as_bytes()))
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' ')
}

fn quotes(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b']')
}

/// The whole name around a needle at `at`, without the option's hyphens.
fn name_around(text: &[u8], at: usize) -> Range<usize> {
    let before = text.get(at.saturating_sub(2 * NAME)..at).unwrap_or_default();
    let start = at - before.iter().rev().take_while(|byte| in_name(**byte)).count();
    let after = text.get(at..).unwrap_or_default();
    let word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    start..at + after.iter().take(NAME).take_while(word).count()
}

/// Where the value begins that a name ending at `end` has in the same text.
fn value_after(text: &[u8], name: &Range<usize>, in_json: bool) -> Option<usize> {
    let byte = |at: usize| text.get(at).copied();
    let blank = |byte: u8| byte == b' ' || byte == b'\t' || in_json && byte.is_ascii_whitespace();
    let skip = |mut at: usize, over: &dyn Fn(u8) -> bool| {
        while byte(at).is_some_and(over) {
            at += 1;
        }
        at
    };
    let at = skip(name.end, &|byte| quotes(byte) || blank(byte));
    let marked = skip(at, &|byte| matches!(byte, b':' | b'=' | b'>'));
    let last = text.get(name.clone())?.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    // In bytes of JSON the letter of an escape may stand in front.
    let option = last.windows(2).any(|pair| pair == b"--");
    // `--token VALUE` has nothing but a blank between the two.
    if (marked == at && !(option && at > name.end)) || marked > at + 2 {
        return None;
    }
    let opens = |byte: u8| match byte {
        b']' => false,
        // A string of JSON may begin with one of these, which would be part of the value.
        b'\'' | b'`' => !in_json,
        _ => quotes(byte) || blank(byte),
    };
    Some(skip(marked, &opens))
}

/// Whether a needle at `at` may be a name with a secret behind it. Bytes of JSON will do.
pub(super) fn may_be(json: &[u8], at: usize) -> bool {
    let name = name_around(json, at);
    if !json.get(name.clone()).is_some_and(names_a_secret) {
        return false;
    }
    // `>`, as some programs always write it.
    if json.get(name.end..).is_some_and(|rest| rest.starts_with(br"\u003")) {
        return true;
    }
    let Some(start) = value_after(json, &name, true) else { return false };
    let value = json.get(start..).unwrap_or_default();
    let length = value.iter().take(256).take_while(|byte| in_value(**byte)).count();
    // A backslash ends or escapes what is seen here, so that a value with one is looked at.
    let between = json.get(name.end..start).unwrap_or_default();
    between.contains(&b'\\')
        || value.get(length) == Some(&b'\\')
        || length >= SHORTEST && value.iter().take(length).any(|byte| !byte.is_ascii_alphabetic())
}

fn in_value(byte: u8) -> bool {
    byte > b' ' && !matches!(byte, b'"' | b'\\')
}

/// The secret whose name lies around `at` in a text without escapes.
pub(super) fn read(text: &str, at: usize) -> Option<(SecretKind, Range<usize>)> {
    let bytes = text.as_bytes();
    let name = name_around(bytes, at);
    let letters = bytes.get(name.clone())?;
    if !names_a_secret(letters) {
        return None;
    }
    let start = value_after(bytes, &name, false)?;
    let quote = start.checked_sub(1).and_then(|last| bytes.get(last)).copied();
    let start = start + if text.get(start..)?.starts_with("Bearer ") { 7 } else { 0 };
    let rest = window(text, start)?;
    let value = match quote.filter(|byte| matches!(byte, b'"' | b'\'' | b'`')) {
        Some(quote) => {
            let close = |each: char| each == char::from(quote) || matches!(each, '\\' | '\n');
            rest.split(close).next().unwrap_or(rest)
        }
        None => bare(rest),
    };
    let fits = value.len() <= LONGEST && looks_random(value);
    fits.then(|| (kind(letters), start..start + value.len()))
}

/// The secret behind `Bearer ` or `bearer `, whose second letter on is the needle at `at`.
pub(super) fn bearer(text: &str, at: usize) -> Option<(SecretKind, Range<usize>)> {
    let start = at + BEARER.len();
    let value = bare(window(text, start)?);
    let fits = value.len() <= LONGEST && looks_random(value);
    fits.then(|| (SecretKind::NamedSecret, start..start + value.len()))
}

/// How the credential of an `Authorization` header begins, from its second letter on.
pub(super) const BEARER: &str = "earer ";

/// The text from `start` on, as far as a value can reach and one byte or more beyond.
fn window(text: &str, start: usize) -> Option<&str> {
    let rest = text.get(start..)?;
    rest.get(..rest.ceil_char_boundary(LONGEST + 1))
}

/// A value without quotes: up to a blank or to what would end it in most notations.
fn bare(rest: &str) -> &str {
    let ends = |each: char| {
        each.is_whitespace()
            || matches!(
                each,
                '"' | '\'' | '`' | '\\' | ',' | ';' | '&' | ')' | ']' | '}' | '<' | '>'
            )
    };
    rest.split(ends).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets_from_places() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword2",
            "api_key",
            "apiKey",
            "X-Api-Key",
            "API KEY",
            "token",
            "access_token",
            "GITHUB_TOKEN",
            "client-secret",
            "aws_secret_access_key",
            "privateKey",
            "TOKEN_1",
            "--api-key",
            "pwd",
            "passphrase",
        ] {
            assert!(names_a_secret(name.as_bytes()), "{name}");
        }
        for name in [
            "nextPageToken",
            "next_page_token",
            "progressToken",
            "max_tokens",
            "tokenCount",
            "csrfToken",
            "key",
            "keyboard",
            "primary_key",
            "public_key",
            "monkey",
            "secretName",
            "passwordField",
            "cursor",
            "continuation-token",
            "sort_key",
            "eos_token",
            "",
            "1",
        ] {
            assert!(!names_a_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn values_are_found_behind_their_names() {
        let value = "k3j9x0q2m5v8b1n7";
        for (before, after) in [
            ("API_KEY=", "\nOTHER=1"),
            ("api_key: ", ""),
            ("export DB_PASSWORD=\"", "\""),
            ("{\"token\": \"", "\"}"),
            ("{\\\"token\\\":\\\"", "\\\"}"),
            ("?api_key=", "&page=2"),
            ("--token ", " --verbose"),
            ("--password=", ""),
            ("config['secret'] = '", "'"),
            ("Authorization-Token: Bearer ", ""),
            ("apiKey => ", ";"),
        ] {
            let text = format!("{before}{value}{after}");
            let hit = NEEDLES.iter().filter_map(|needle| read(&text, text.find(needle)?)).next();
            assert_eq!(
                hit.map(|hit| hit.1),
                Some(before.len()..before.len() + value.len()),
                "{text}"
            );
        }
        for text in
            ["the token k3j9x0q2m5v8b1n7", "token is: k3j9x0q2m5v8b1n7", "token:\nk3j9x0q2m5v8b1n7"]
        {
            assert_eq!(read(text, text.find("oken").expect("there")), None, "{text}");
        }
    }
}
