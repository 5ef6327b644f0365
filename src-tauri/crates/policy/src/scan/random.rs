//! Whether a value was drawn by chance, as secrets are, or written by somebody.

/// Shortest value that can be told from a word, in bytes.
pub(super) const SHORTEST: usize = 16;

/// Whether a value looks like drawn by chance: long, of several classes of characters and many
/// different ones, and neither words nor anything that is written like that for another reason
/// (hexadecimal digests, UUIDs, numbers, dates, addresses, placeholders).
pub(super) fn looks_random(value: &str) -> bool {
    if value.len() < SHORTEST
        || !value.chars().all(|each| !each.is_whitespace() && !each.is_control())
    {
        return false;
    }
    let (mut letters, mut digits, mut others) = (0, 0, 0);
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => letters += 1,
            b'0'..=b'9' => digits += 1,
            _ => others += 1,
        }
    }
    letters >= 2
        && digits + others >= 1
        && entropy(value.as_bytes()) >= 3.0
        && !is_of_words(value)
        && !is_written_for_another_reason(value)
}

/// Shannon's entropy of the bytes, in bits a byte: 4 for sixteen different ones, about 2.5 for
/// "aaaabbbbccccdddd1".
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / all;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// Whether all its parts are words, numbers, or words with a few digits, like `utf8` or `x86`.
fn is_of_words(value: &str) -> bool {
    value.split(|each: char| !each.is_alphanumeric()).all(|part| {
        let letters = part.trim_end_matches(|each: char| each.is_ascii_digit());
        let counted = part.len() - letters.len() <= 4;
        let word = letters.trim_start_matches(|each: char| each.is_ascii_digit());
        let only = word.chars().all(char::is_alphabetic);
        letters.is_empty() || only && (counted && word.len() == letters.len() || word.len() <= 3)
    })
}

fn is_written_for_another_reason(value: &str) -> bool {
    let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'));
    let digest = ["sha256", "sha384", "sha512", "md5"].iter().any(|start| value.starts_with(start));
    let time = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b'e' | b'E');
    let number = value
        .bytes()
        .all(|byte| time(byte) || matches!(byte, b':' | b'.' | b'+' | b'-' | b'/' | b','));
    let address = value.contains("://") || value.starts_with("mailto:");
    hex || digest || number || address || is_placeholder(value)
}

/// Whether it is what instructions write where a secret would stand.
pub(super) fn is_placeholder(value: &str) -> bool {
    const SIGNS: &[&str] = &["${", "{{", "***", "...", "…", "$(", "%(", "••"];
    const WORDS: &[&str] = &[
        "xxxx",
        "your",
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "redacted",
        "masked",
        "insert",
        "dummy",
        "sample",
    ];
    let lower = value.to_lowercase();
    let bracketed = matches!(value.as_bytes(), [b'<' | b'[' | b'{', .., b'>' | b']' | b'}']);
    let variable = value.starts_with('$')
        && value
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    bracketed
        || variable
        || SIGNS.iter().any(|sign| value.contains(sign))
        || WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_drawn_by_chance_are_told_from_written_ones() {
        for value in [
            "k3j9x0q2m5v8b1n7",
            "Tr0ub4dor&3xyzzy!Q",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzz",
            "aGVsbG8gd29ybGQhISE0Mg==",
            "a8Kd_92-kLmQ0pZx",
        ] {
            assert!(looks_random(value), "{value}");
        }
        for value in [
            "short1",
            "correct-horse-battery-staple",
            "aaaaaaaaaaaaaaaaaaa1",
            "my-secret-name-v2-prod",
            "123e4567-e89b-42d3-a456-426614174000",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
            "https://example.org/a1b2c3d4e5f6",
            "/usr/lib/x86_64-linux-gnu/libz",
            "2024-01-02T03:04:05Z",
            "1234567890123456789",
            "xxxxxxxxxxxxxxxx1",
            "<your-api-key-1>",
            "${SECRET_TOKEN_1}",
            "{{secrets.TOKEN1}}",
            "****************a1",
            "your_api_key_goes_here_123abc9",
            "The password, 8 characters",
            "$GITHUB_TOKEN_FOR_CI1",
            "sha256-47DEQpj8HBSa1TImW5JCeuQe",
        ] {
            assert!(!looks_random(value), "{value}");
        }
    }
}
