//! One search for every beginning of a secret at once.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, Span};

use super::address::{
    ADDRESS, AZURE, ESCAPED_ADDRESS, PEM, PUTTY, SIGNED, TELEGRAM, azure, may_be_address,
    may_be_signed, may_be_telegram, password, pem, putty, signed, telegram,
};
use super::formats::{FORMATS, Format};
use super::named::{self, BEARER};
use super::{ScanFailed, SecretKind};

/// What was come across.
enum Needle {
    Format(&'static Format),
    Name,
    Bearer,
    Address,
    EscapedAddress,
    Signed,
    Telegram,
    Azure,
    Pem,
    Putty,
    /// `\u00`: a letter written as an escape, by which each of the others could be hidden.
    Escape,
}

struct Needles {
    search: Search,
    kinds: Vec<Needle>,
}

/// Vector instructions where the processor has them, else an automaton: several times slower.
enum Search {
    Packed(Searcher),
    Automaton(AhoCorasick),
}

static NEEDLES: LazyLock<Option<Needles>> = LazyLock::new(Needles::new);

/// A secret in a text without escapes: its kind and its bytes.
pub(super) type InText = (SecretKind, std::ops::Range<usize>);

impl Needles {
    fn new() -> Option<Self> {
        let mut all: Vec<(&'static str, Needle)> =
            FORMATS.iter().map(|format| (format.needle(), Needle::Format(format))).collect();
        all.extend(named::NEEDLES.iter().map(|needle| (*needle, Needle::Name)));
        all.extend(AZURE.iter().map(|needle| (*needle, Needle::Azure)));
        all.extend(ESCAPED_ADDRESS.iter().map(|needle| (*needle, Needle::EscapedAddress)));
        all.extend([
            (BEARER, Needle::Bearer),
            (ADDRESS, Needle::Address),
            (SIGNED, Needle::Signed),
            (TELEGRAM, Needle::Telegram),
            (PEM, Needle::Pem),
            (PUTTY, Needle::Putty),
            (r"\u00", Needle::Escape),
        ]);
        let (texts, kinds): (Vec<&str>, Vec<Needle>) = all.into_iter().unzip();
        let packed = Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .heuristic_pattern_limits(false)
            .builder()
            .extend(&texts)
            .build();
        let search = match packed {
            Some(searcher) => Search::Packed(searcher),
            None => Search::Automaton(automaton(&texts)?),
        };
        Some(Self { search, kinds })
    }

    /// The first needle at or behind `from`, with its place.
    fn next(&self, text: &[u8], from: usize) -> Option<(&Needle, usize, usize)> {
        let span = Span { start: from, end: text.len() };
        let found = match &self.search {
            Search::Packed(searcher) => searcher.find_in(text, span)?,
            Search::Automaton(automaton) => automaton.find(Input::new(text).span(span))?,
        };
        Some((self.kinds.get(found.pattern().as_usize())?, found.start(), found.end()))
    }
}

fn automaton(texts: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .match_kind(aho_corasick::MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(texts)
        .ok()
}

/// Whether a JSON text may hold a secret. It allocates nothing.
pub(super) fn may_hold_a_secret(json: &[u8]) -> Result<bool, ScanFailed> {
    let needles = NEEDLES.as_ref().ok_or(ScanFailed::Rules)?;
    let mut from = 0;
    while let Some((needle, at, end)) = needles.next(json, from) {
        let may_be = match needle {
            Needle::Format(format) => format.may_be(json, at),
            Needle::Name => named::may_be(json, at),
            Needle::Address | Needle::EscapedAddress => may_be_address(json, end),
            Needle::Signed => may_be_signed(json, at),
            Needle::Telegram => may_be_telegram(json, at),
            Needle::Azure => azure(json, at).is_some(),
            Needle::Bearer | Needle::Pem | Needle::Putty => true,
            Needle::Escape => may_hide(json.get(end..end + 2)),
        };
        if may_be {
            return Ok(true);
        }
        from = at + 1;
    }
    Ok(false)
}

/// Whether the letter with these last two digits could be one of a needle, or of what surrounds it.
fn may_hide(digits: Option<&[u8]>) -> bool {
    // `<`, `>` and `&`, which some programs always write so, are in none.
    !matches!(
        digits,
        Some([b'3', b'c' | b'C' | b'e' | b'E'] | [b'2', b'6'] | [b'0' | b'1' | b'8'..=b'9', _])
    ) && !matches!(digits, Some([b'a'..=b'f' | b'A'..=b'F', _]))
}

/// The secrets in a text without escapes, in the order of their beginnings. They may overlap.
pub(super) fn in_text(text: &str) -> Result<Vec<InText>, ScanFailed> {
    let needles = NEEDLES.as_ref().ok_or(ScanFailed::Rules)?;
    let mut all: Vec<InText> = Vec::new();
    let mut from = 0;
    while let Some((needle, at, end)) = needles.next(text.as_bytes(), from) {
        from = at + 1;
        let hit = match needle {
            Needle::Format(format) => format.read(text, at),
            Needle::Name => named::read(text, at),
            Needle::Bearer => named::bearer(text, at),
            Needle::Address => password(text, at),
            // The last slash ends it as that of `://` does.
            Needle::EscapedAddress => password(text, end - ADDRESS.len()),
            Needle::Signed => signed(text, at),
            Needle::Telegram => telegram(text, at),
            Needle::Azure => azure(text.as_bytes(), at),
            Needle::Pem => pem(text, at),
            Needle::Putty => putty(text, at),
            Needle::Escape => None,
        };
        if let Some((kind, span)) = hit {
            // What lies inside a key of several lines is that key.
            if matches!(kind, SecretKind::PrivateKey) {
                from = span.end;
            }
            all.push((kind, span));
        }
    }
    all.sort_by_key(|(_, span)| (span.start, span.end));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_search_find_the_same() {
        let needles = NEEDLES.as_ref().expect("builds");
        let mut texts: Vec<&str> = FORMATS.iter().map(Format::needle).collect();
        texts.extend(named::NEEDLES);
        texts.extend(AZURE);
        texts.extend(ESCAPED_ADDRESS);
        texts.extend([BEARER, ADDRESS, SIGNED, TELEGRAM, PEM, PUTTY, r"\u00"]);
        let automaton = automaton(&texts).expect("builds");
        for (index, text) in texts.iter().enumerate() {
            for padding in [0, 1, 15, 16, 31, 64, 100] {
                let text = format!("{}{text}{}", " ".repeat(padding), " ".repeat(100 - padding));
                let found = needles.next(text.as_bytes(), 0).map(|(_, start, end)| (start, end));
                let other = automaton.find(&text).expect("there");
                assert_eq!(found, Some((other.start(), other.end())), "{text:?}");
                assert_eq!(other.pattern().as_usize(), index, "{text:?}");
            }
        }
    }

    #[test]
    fn escapes_that_could_hide_a_letter_are_looked_into() {
        for digits in ["61", "5F", "2d", "2e", "3A", "3d", "22", "27", "20", "7e", "2b"] {
            assert!(may_hide(Some(digits.as_bytes())), "{digits}");
        }
        for digits in ["3c", "3E", "26", "0a", "1b", "e9", "FC", "9f"] {
            assert!(!may_hide(Some(digits.as_bytes())), "{digits}");
        }
        assert!(may_hide(None) && may_hide(Some(b"6")), "what cannot be told is looked into");
    }
}
