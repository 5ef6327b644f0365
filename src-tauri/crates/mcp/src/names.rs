//! Names on the merged address: pure functions of a server's name and a tool's or prompt's name.
//!
//! - `slug(server)`: characters outside `[A-Za-z0-9_-]` become `_`, runs of `_` become one, and
//!   `_` at the end is left out, so that a slug never holds `__` and never ends in `_`. It has at
//!   most 32 characters. When any of this changed something, the slug ends in `_` and 8 hex digits
//!   of the SHA-256 of the server's name.
//! - `exposed_name(server, name)` is `slug(server)`, `__`, and the name with every character
//!   outside `[A-Za-z0-9_-]` as `_`. When the name had to change, or the whole exceeds 60
//!   characters, the whole is cut to 55 and ends in `_` and 8 hex digits of the SHA-256 of the
//!   name: 64 characters at most.
//! - A name that needs no change but looks as if it had been changed (it ends in `_` and 8
//!   lower-case hex digits) gets its digits too. So a changed name never meets an unchanged one,
//!   and two names meet only if the text that is left and 32 bits of their digests are equal.
//! - Resource URIs get a prefix in front of the original, which is kept whole:
//!   `drawbridge+SERVER:`. A URI's scheme knows no `_` and no upper case (RFC 3986, section 3.1,
//!   and parsers fold it), so SERVER is the slug where that is lower-case without `_`, else the
//!   same with `-` for each of them and the 8 digits at its end.

use sha2::{Digest, Sha256};

const SEPARATOR: &str = "__";
const SCHEME: &str = "drawbridge+";
/// Most characters of a slug: it leaves room for a name of 26 characters before digits are needed.
const SLUG_LIMIT: usize = 32;
/// Longest whole that goes without digits.
const NAME_LIMIT: usize = 60;
/// What is kept of a longer one: 64 less `_` and 8 digits.
const NAME_KEPT: usize = 55;

/// A server's part of the names on the merged address: 1 to 32 of `[A-Za-z0-9_-]`.
#[must_use]
pub fn slug(server: &str) -> String {
    let mut slug = String::with_capacity(server.len());
    for character in server.chars() {
        let character = if is_plain(character) { character } else { '_' };
        if character != '_' || !slug.ends_with('_') {
            slug.push(character);
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    if slug == server && slug.len() <= SLUG_LIMIT && !looks_digested(&slug, '_') {
        return slug;
    }
    digested(&slug, server, SLUG_LIMIT, '_')
}

/// The name of a tool or prompt on the merged address: at most 64 of `[A-Za-z0-9_-]`.
#[must_use]
pub fn exposed_name(server: &str, name: &str) -> String {
    exposed_in(&slug(server), name)
}

/// The same as [`exposed_name`] for a slug that is known.
#[must_use]
pub fn exposed_in(slug: &str, name: &str) -> String {
    let mut whole = String::with_capacity(slug.len() + SEPARATOR.len() + name.len());
    whole.push_str(slug);
    whole.push_str(SEPARATOR);
    let mut changed = name.is_empty();
    for character in name.chars() {
        let plain = is_plain(character);
        changed |= !plain;
        whole.push(if plain { character } else { '_' });
    }
    if !changed && whole.len() <= NAME_LIMIT && !looks_digested(name, '_') {
        return whole;
    }
    whole.truncate(NAME_KEPT);
    whole.push('_');
    whole.push_str(&digits(name));
    whole
}

/// What stands in front of every resource URI of a server on the merged address, the colon
/// included.
#[must_use]
pub fn uri_prefix(server: &str) -> String {
    let slug = slug(server);
    let scheme: String = slug
        .chars()
        .map(|character| if character == '_' { '-' } else { character.to_ascii_lowercase() })
        .collect();
    let part = if scheme == server && !looks_digested(&scheme, '-') {
        scheme
    } else {
        digested(scheme.trim_end_matches('-'), server, SLUG_LIMIT, '-')
    };
    format!("{SCHEME}{part}:")
}

/// A server's resource URI (or URI template) as it stands on the merged address.
#[must_use]
pub fn exposed_uri(server: &str, uri: &str) -> String {
    uri_prefix(server) + uri
}

/// Splits a URI of the merged address into the prefix, as [`uri_prefix`] makes it, and the
/// original URI. Upper case in the prefix is folded, because a scheme has no case.
#[must_use]
pub fn split_uri(exposed: &str) -> Option<(String, &str)> {
    let scheme = exposed.get(..SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let end = exposed.find(':')?;
    let (prefix, original) = exposed.split_at(end + 1);
    Some((prefix.to_ascii_lowercase(), original))
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

fn looks_digested(name: &str, separator: char) -> bool {
    name.len() > 8
        && name.is_char_boundary(name.len() - 8)
        && name[..name.len() - 8].ends_with(separator)
        && name[name.len() - 8..].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Cuts an ASCII text so that it and its digits stay within the limit.
fn digested(text: &str, original: &str, limit: usize, separator: char) -> String {
    let kept = text[..text.len().min(limit - 9)].trim_end_matches(separator);
    let kept = if kept.is_empty() { "server" } else { kept };
    format!("{kept}{separator}{}", digits(original))
}

fn digits(original: &str) -> String {
    let digest = Sha256::digest(original.as_bytes());
    digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(exposed: &str) -> (&str, &str) {
        exposed.split_once(SEPARATOR).expect("a slug and a name")
    }

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(exposed_name("files", "read_file"), "files__read_file");
        assert_eq!(exposed_name("git-hub", "__x"), "git-hub____x");
        assert_eq!(uri_prefix("files"), "drawbridge+files:");
        assert_eq!(exposed_uri("files", "file:///a b"), "drawbridge+files:file:///a b");
        assert_eq!(
            split_uri("Drawbridge+Files:file:///A"),
            Some(("drawbridge+files:".into(), "file:///A"))
        );
        assert_eq!(split_uri("file:///a"), None);
        assert_eq!(split_uri("drawbridge+files"), None);
    }

    #[test]
    fn changed_names_end_in_digits_of_the_original() {
        // `printf 'my notes' | sha256sum` and `printf 'fs.read' | sha256sum`.
        assert_eq!(slug("my notes"), format!("my_notes_{}", digits("my notes")));
        let exposed = exposed_name("files", "fs.read");
        assert!(exposed.starts_with("files__fs_read_"), "{exposed}");
        assert_eq!(digits("abc"), "ba7816bf", "the first digits of a digest everybody knows");
    }

    #[test]
    fn two_servers_whose_slugs_would_be_equal_stay_distinct() {
        let servers = [
            "a b", "a_b", "a.b", "a__b", "a_b_", "A_b", "a-b", "a b ", "ä b", "_", "__", "日本",
            "server",
        ];
        for one in servers {
            for other in servers.iter().filter(|other| **other != one) {
                assert_ne!(slug(one), slug(other), "{one} and {other}");
                assert_ne!(uri_prefix(one), uri_prefix(other), "{one} and {other}");
                assert_ne!(exposed_name(one, "t"), exposed_name(other, "t"), "{one} and {other}");
            }
        }
        let forged = slug("a b");
        assert_ne!(slug(&forged), forged, "a name that looks changed is changed");
        let forged = exposed_name("s", "a b");
        assert_ne!(exposed_name("s", split(&forged).1), forged);
    }

    proptest! {
        #[test]
        fn exposed_names_keep_to_the_alphabet_and_the_length(server in "\\PC{1,64}", tool in "\\PC{1,200}") {
            let exposed = exposed_name(&server, &tool);
            prop_assert!(exposed.len() <= 64, "{exposed} has {} characters", exposed.len());
            prop_assert!(exposed.chars().all(is_plain));
            prop_assert_eq!(split(&exposed).0, slug(&server), "the slug can be told from the name");
            prop_assert_eq!(exposed_name(&server, &tool), exposed, "the same every time");
        }

        #[test]
        fn slugs_hold_no_separator(server in "[a-z_. -]{1,64}") {
            let slug = slug(&server);
            prop_assert!(!slug.contains(SEPARATOR) && !slug.ends_with('_') && !slug.is_empty());
            prop_assert!(slug.len() <= SLUG_LIMIT);
        }

        #[test]
        fn different_names_are_exposed_differently(one in "[ab._-]{1,70}", other in "[ab._-]{1,70}") {
            prop_assume!(one != other);
            prop_assert_ne!(exposed_name("s", &one), exposed_name("s", &other));
            prop_assert_ne!(slug(&one), slug(&other));
            prop_assert_ne!(uri_prefix(&one), uri_prefix(&other));
        }

        #[test]
        fn a_prefix_is_a_scheme_that_parsers_keep(server in "\\PC{1,64}", uri in "[a-z]{1,5}:[ -~]{0,20}") {
            let exposed = exposed_uri(&server, &uri);
            let scheme = exposed.split(':').next().expect("a scheme");
            prop_assert!(scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c)));
            prop_assert_eq!(split_uri(&exposed), Some((uri_prefix(&server), uri.as_str())));
        }
    }
}
