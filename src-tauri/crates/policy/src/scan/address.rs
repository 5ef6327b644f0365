//! Secrets with an inner order: passwords in addresses, signed tokens, and keys of several lines.

use std::ops::Range;

use super::SecretKind;
use super::formats::url_safe;
use super::random::is_placeholder;

/// Most bytes of an address's authority that are looked at.
const AUTHORITY: usize = 512;

/// Most bytes behind the first line of a key in which its body must begin. Bounds like this one keep
/// a text made of beginnings alone from being read once for each of them.
const HEAD: usize = 2 << 10;
/// Most bytes of a signed token's header that are looked at before the whole text is read.
const HEADER: usize = 1 << 10;

/// What stands before a bot's secret: its number and a colon (Telegram's bot API).
pub(super) const TELEGRAM: &str = ":AA";
/// How the header of a signed token begins: `{"` in base64 (RFC 7519).
pub(super) const SIGNED: &str = "eyJ";
pub(super) const PEM: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";
pub(super) const PUTTY: &str = "PuTTY-User-Key-File-";
pub(super) const ADDRESS: &str = "://";
/// The same with slashes as some programs write them in JSON, and in JSON that is a string in JSON.
pub(super) const ESCAPED_ADDRESS: &[&str] = &[r":\/\/", r":\\/\\/"];
/// What stands before the last 31 to 34 letters of a secret of Microsoft Entra, behind three more.
pub(super) const AZURE: &[&str] = &["7Q~", "8Q~"];

type Hit = Option<(SecretKind, Range<usize>)>;

fn run(text: &[u8], at: usize, body: impl Fn(u8) -> bool) -> usize {
    run_up_to(usize::MAX, text, at, body)
}

fn run_up_to(most: usize, text: &[u8], at: usize, body: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().take(most).take_while(|byte| body(**byte)).count()
}

/// Whether an address whose `://` ends at `end` may hold a password. Bytes of JSON will do.
pub(super) fn may_be_address(json: &[u8], end: usize) -> bool {
    let authority = json.get(end..(end + AUTHORITY).min(json.len())).unwrap_or_default();
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'/' | b'?' | b'#');
    let authority = authority.split(ends).next().unwrap_or_default();
    memchr::memchr(b'@', authority).is_some()
}

/// The password of an address whose `://` begins at `at`.
pub(super) fn password(text: &str, at: usize) -> Hit {
    let start = at + ADDRESS.len();
    let rest = text.get(start..)?;
    let ends =
        |each: char| each.is_whitespace() || matches!(each, '"' | '/' | '?' | '#' | '<' | '`');
    let authority = rest.split(ends).next()?;
    if authority.len() > AUTHORITY {
        return None;
    }
    let (user, _) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    const WORDS: &[&str] = &["password", "passwd", "pass", "pwd", "secret", "token", "pw", "x"];
    let word = WORDS.iter().any(|word| password.eq_ignore_ascii_case(word));
    let shaped = password.starts_with(['$', '{', '%', '[', '('])
        && password.ends_with(['}', ')', ']', '%'])
        || password.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X'));
    if password.is_empty() || word || shaped || is_placeholder(password) {
        return None;
    }
    let start = start + name.len() + 1;
    Some((SecretKind::PasswordInAddress, start..start + password.len()))
}

/// Whether a signed token may begin at `at`. Bytes of JSON will do.
pub(super) fn may_be_signed(json: &[u8], at: usize) -> bool {
    let header = run_up_to(HEADER, json, at, url_safe);
    header == HEADER || header >= 12 && json.get(at + header) == Some(&b'.')
}

/// The signed or encrypted token that begins at `at` (RFC 7515 and 7516, compact form).
pub(super) fn signed(text: &str, at: usize) -> Hit {
    let bytes = text.as_bytes();
    let attached =
        at.checked_sub(1).and_then(|last| bytes.get(last)).is_some_and(|byte| url_safe(*byte));
    let mut end = at + run(bytes, at, url_safe);
    if attached || end - at < 12 {
        return None;
    }
    let mut parts = Vec::with_capacity(4);
    while parts.len() < 4 && bytes.get(end) == Some(&b'.') {
        let part = run(bytes, end + 1, url_safe);
        parts.push(part);
        end += 1 + part;
    }
    match *parts.as_slice() {
        // The dot behind a signature ends the sentence.
        [payload, signature, 0] if payload >= 2 && signature >= 20 => {
            Some((SecretKind::JsonWebToken, at..end - 1))
        }
        [payload, signature] if payload >= 2 && signature >= 20 => {
            Some((SecretKind::JsonWebToken, at..end))
        }
        [_, vector, sealed, tag] if vector >= 8 && sealed >= 2 && tag >= 8 => {
            Some((SecretKind::JsonWebToken, at..end))
        }
        _ => None,
    }
}

/// Whether a bot's token may stand around the `:AA` at `at`. Bytes of JSON will do.
pub(super) fn may_be_telegram(json: &[u8], at: usize) -> bool {
    run(json, at + 1, url_safe) == 35 && digits_before(json, at) >= 8
}

fn digits_before(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take(16).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The bot's token around the `:AA` at `at`.
pub(super) fn telegram(text: &str, at: usize) -> Hit {
    let digits = digits_before(text.as_bytes(), at);
    let fits = (8..=12).contains(&digits) && may_be_telegram(text.as_bytes(), at);
    fits.then(|| (SecretKind::TelegramToken, at - digits..at + 36))
}

fn in_azure(byte: u8) -> bool {
    url_safe(byte) || matches!(byte, b'~' | b'.')
}

/// The secret of Microsoft Entra around the `7Q~` or `8Q~` at `at`. Bytes of JSON will do.
pub(super) fn azure(text: &[u8], at: usize) -> Hit {
    let start = at.checked_sub(3)?;
    let before = text.get(start..at)?.iter().all(|byte| in_azure(*byte));
    let after = run_up_to(36, text, at + 3, in_azure);
    (before && (31..=35).contains(&after)).then(|| (SecretKind::AzureKey, start..at + 3 + after))
}

/// The private key whose `-----BEGIN ` stands at `at`: up to its end, or to that of the text.
pub(super) fn pem(text: &str, at: usize) -> Hit {
    let rest = text.get(at..)?;
    let (label, body) = rest.get(PEM.len()..)?.split_once("-----")?;
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    if label.len() > 64 || !label.contains("PRIVATE KEY") || !label.bytes().all(plain) {
        return None;
    }
    // A text about keys names the first line; a key has a body.
    let first = body.get(..body.floor_char_boundary(HEAD)).unwrap_or(body);
    let first = first.find(PEM_END).and_then(|close| first.get(..close)).unwrap_or(first);
    let in_body = |each: char| each.is_ascii_alphanumeric() || matches!(each, '+' | '/' | '=');
    if !first.split(|each| !in_body(each)).any(|line| line.len() >= 20) {
        return None;
    }
    let begun = rest.len() - body.len();
    let end = body.find(PEM_END).map_or(rest.len(), |close| {
        let tail = begun + close + PEM_END.len();
        let dashes = rest.get(tail..).and_then(|last| last.find("-----"));
        dashes.map_or(rest.len(), |dashes| tail + dashes + 5)
    });
    Some((SecretKind::PrivateKey, at..at + end))
}

/// The key file of PuTTY that begins at `at`: up to the end of its last line, or of the text.
pub(super) fn putty(text: &str, at: usize) -> Hit {
    const MAC: &str = "Private-MAC: ";
    let rest = text.get(at..)?;
    let key = rest.get(..rest.floor_char_boundary(HEAD))?.find("Private-Lines:")?;
    let end = rest.get(key..)?.find(MAC).map_or(rest.len(), |mac| {
        let digits = key + mac + MAC.len();
        digits + run(rest.as_bytes(), digits, |byte| byte.is_ascii_hexdigit())
    });
    Some((SecretKind::PrivateKey, at..at + end))
}
