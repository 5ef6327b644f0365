//! Characters that nobody sees, or that change how others are shown.

use std::ops::Range;

use super::Severity;

/// Longest run of such characters that may stand there by accident.
const RUN: usize = 2;
/// Most of them in one string that may stand there by accident.
const SCATTERED: usize = 7;

/// A run of hidden characters, in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    pub(super) span: Range<usize>,
    pub(super) severity: Severity,
}

/// What a character does that is not seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Shows the text that follows in another order than it is read.
    Reorders,
    /// Stands for a letter that nothing shows (Unicode's tags).
    Tag,
    /// Selects how the character before it is drawn.
    Selector,
    /// Takes no room, or is blank without being a space.
    Blank,
    /// Steers a terminal.
    Steers,
    /// Has no meaning that all programs share.
    Odd,
}

fn class(character: char) -> Option<Class> {
    Some(match character {
        '\u{1b}' | '\u{9b}' => Class::Steers,
        '\n' | '\r' | '\t' => return None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Class::Reorders,
        '\u{e0000}'..='\u{e007f}' => Class::Tag,
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Class::Selector,
        '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{ffa0}' => Class::Blank,
        '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{f0000}'..='\u{10ffff}' => Class::Odd,
        _ if character.is_control() => Class::Odd,
        _ => return None,
    })
}

/// Whether a character is not shown, or changes how others are, wherever it stands.
pub(super) fn is_hidden(character: char) -> bool {
    class(character).is_some()
}

/// Whether it stands in an emoji, or can be drawn as one.
fn is_pictured(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{200d}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}' | '#' | '*' | '0'..='9')
}

/// Whether letters of its script join, or break lines, by characters without width.
fn needs_joiners(character: char) -> bool {
    matches!(character,
        '\u{600}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a840}'..='\u{abff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{11000}'..='\u{11fff}')
}

fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a hidden character has its ordinary use between these two.
fn is_ordinary(character: char, before: Option<char>, after: Option<char>, to_left: bool) -> bool {
    let beside = |is: fn(char) -> bool| before.is_some_and(is) || after.is_some_and(is);
    match character {
        '\u{200d}' if before.is_some_and(is_pictured) && after.is_some_and(is_pictured) => true,
        '\u{200b}'..='\u{200d}' => beside(needs_joiners),
        '\u{200e}' | '\u{200f}' | '\u{61c}' => to_left,
        '\u{180b}'..='\u{180f}' | '\u{17b4}' | '\u{17b5}' => beside(needs_joiners),
        '\u{fe00}'..='\u{fe0f}' => {
            let drawn = |before: char| !before.is_ascii() || is_pictured(before);
            before.is_some_and(|before| drawn(before) && !is_selector(before))
        }
        '\u{e0100}'..='\u{e01ef}' => before.is_some_and(is_ideograph),
        _ => false,
    }
}

fn is_selector(character: char) -> bool {
    class(character) == Some(Class::Selector)
}

/// Runs of hidden characters that have no ordinary use where they stand.
pub(super) fn hidden(text: &str) -> Vec<Hidden> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return Vec::new();
    }
    let all: Vec<(usize, char)> = text.char_indices().collect();
    let at = |index: usize| all.get(index).map(|(_, character)| *character);
    let to_left = all.iter().any(|(_, character)| is_right_to_left(*character));
    let mut runs: Vec<Hidden> = Vec::new();
    let (mut length, mut scattered, mut index) = (0, 0, 0);
    while let Some((start, character)) = all.get(index).copied() {
        let flag = flag(&all, index);
        let before = index.checked_sub(1).and_then(at);
        let found = class(character).filter(|_| flag == 0);
        let found = found.filter(|_| !is_ordinary(character, before, at(index + 1), to_left));
        index += flag.max(1);
        let Some(class) = found else { continue };
        let adjoins = runs.last().is_some_and(|run| run.span.end == start);
        length = if adjoins { length + 1 } else { 1 };
        scattered += usize::from(matches!(class, Class::Blank | Class::Selector));
        let severe = match class {
            Class::Tag | Class::Steers => true,
            // In a text that is read from left to right alone, nothing needs to be turned.
            Class::Reorders => {
                matches!(character, '\u{202d}' | '\u{202e}')
                    || !to_left && matches!(character, '\u{202b}' | '\u{2067}')
            }
            Class::Selector | Class::Blank => length > RUN || scattered > SCATTERED,
            Class::Odd => false,
        };
        let severity = if severe { Severity::Severe } else { Severity::Notice };
        let end = start + character.len_utf8();
        match runs.last_mut() {
            Some(run) if adjoins => {
                run.span.end = end;
                run.severity = run.severity.max(severity);
            }
            _ => runs.push(Hidden { span: start..end, severity }),
        }
    }
    runs
}

/// How many characters of the flag of a part of a country begin here: a black flag, the letters of
/// the part as tags, and the tag that ends them. 0 where none begins.
fn flag(all: &[(usize, char)], index: usize) -> usize {
    let mut rest = all.iter().skip(index).map(|(_, character)| *character);
    if rest.next() != Some('\u{1f3f4}') {
        return 0;
    }
    let letter = |tag: &char| matches!(tag, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let letters = rest.clone().take_while(letter).count();
    let ends = rest.nth(letters) == Some('\u{e007f}');
    if ends && (3..=6).contains(&letters) { letters + 2 } else { 0 }
}

/// The text with its hidden characters written as escapes, such as `\u{202e}`.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for run in hidden(text) {
        shown.push_str(text.get(from..run.span.start).unwrap_or_default());
        let characters = text.get(run.span.clone()).unwrap_or_default().chars();
        shown.extend(characters.flat_map(char::escape_unicode));
        from = run.span.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(text: &str) -> Option<Severity> {
        hidden(text).into_iter().map(|run| run.severity).max()
    }

    #[test]
    fn ordinary_texts_hide_nothing() {
        for text in [
            "plain\ttext\r\n",
            "Größe, naïve café",
            "👩‍👩‍👧‍👦 family",
            "❤️ and ☕︎ and 1️⃣",
            "🏳️‍🌈",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} England",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "ภาษา\u{200b}ไทย",
            "葛\u{e0100}城",
            "שלום\u{200e} (v2)",
            "日本語\u{3000}です",
        ] {
            assert_eq!(hidden(text), [], "{text:?}");
        }
    }

    #[test]
    fn what_hides_is_found_and_weighed() {
        use Severity::{Notice, Severe};
        for (text, severity) in [
            ("a\u{200b}b", Notice),
            ("a\u{200b}\u{200c}\u{200d}b", Severe),
            ("a\u{202e}b", Severe),
            ("a\u{2066}b\u{2069}", Notice),
            ("a\u{2067}b", Severe),
            ("א\u{2067}ב", Notice),
            ("a\u{e0041}", Severe),
            ("soft\u{ad}hyphen", Notice),
            ("a\u{0}b", Notice),
            ("a\u{1b}[8mb", Severe),
            ("😀\u{fe01}\u{fe02}\u{fe03}\u{fe04}", Severe),
            ("a\u{fe00}", Notice),
            ("a\u{e0101}", Notice),
            ("x\u{3164}", Notice),
            ("x\u{e001}", Notice),
            ("\u{feff}x", Notice),
            ("a\u{200e}b", Notice),
            ("🏴\u{e0067}\u{e0062}", Severe),
            (&"a\u{200b}".repeat(8), Severe),
        ] {
            assert_eq!(worst(text), Some(severity), "{text:?}");
        }
    }

    #[test]
    fn what_is_hidden_is_written_out() {
        assert_eq!(visible("a\u{202e}b 👩‍👩‍👧"), "a\\u{202e}b 👩‍👩‍👧");
    }
}
