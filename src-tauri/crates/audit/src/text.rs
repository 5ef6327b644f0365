//! Texts as words are looked for in them, and what a person types as a question to the index.

use std::borrow::Cow;

/// Most of what a person types that is looked for, in characters.
const ASKED: usize = 1_000;
/// Most parts of it, each between spaces.
const PARTS: usize = 32;

/// The text behind raw JSON: escapes become what they stand for, so that the word after `\n` is
/// found. The text may have been cut anywhere.
pub(crate) fn unescaped(json: &str) -> Cow<'_, str> {
    if !json.contains('\\') {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut following = after.chars();
        match following.next() {
            Some('n' | 'r' | 't' | 'b' | 'f') => text.push(' '),
            Some('u') => {
                let (character, left) = code_point(following.as_str());
                text.push(character);
                rest = left;
                continue;
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = following.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// What stands after `\u`, and what follows it. What cannot be read is a space.
fn code_point(text: &str) -> (char, &str) {
    let Some((unit, rest)) = unit(text) else { return (' ', text) };
    if let Some(character) = char::from_u32(unit) {
        return (character, rest);
    }
    let low = rest.strip_prefix("\\u").and_then(self::unit);
    match low {
        Some((low @ 0xDC00..=0xDFFF, after)) if unit < 0xDC00 => {
            let both = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(both).unwrap_or(' '), after)
        }
        _ => (' ', rest),
    }
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unit = hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())??;
    Some((unit, rest))
}

/// Puts spaces around the characters of scripts that have none between words, so that a word
/// within a sentence is found: each such character is a word, and several are a phrase.
pub(crate) fn apart(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(stands_alone) {
        return text;
    }
    let mut spaced = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if stands_alone(character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    Cow::Owned(spaced)
}

fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{0E00}'..='\u{0EFF}'      // Thai, Lao
        | '\u{1000}'..='\u{109F}'    // Myanmar
        | '\u{1780}'..='\u{17FF}'    // Khmer
        | '\u{3040}'..='\u{30FF}'    // Hiragana, Katakana
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'    // Han
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}'    // Katakana of half width
        | '\u{20000}'..='\u{323AF}')
}

/// What a person typed, as a question to the index: parts between spaces, each of whose words have
/// to stand in a row, the last perhaps as the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// In the language of FTS5.
    pub(crate) asked: String,
    /// Its last word is the beginning of one, for which FTS5 gathers all that begins so before it
    /// gives the first.
    pub(crate) open: bool,
    /// The same without the last word, where that is open and not the only one.
    pub(crate) closed: Option<String>,
}

impl Question {
    /// `None` when no word is in the text. Only its first 1,000 characters and 32 parts count.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let end = text.char_indices().nth(ASKED).map_or(text.len(), |(end, _)| end);
        let parts: Vec<&str> = text[..end]
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|part| part.chars().any(is_of_a_word))
            .take(PARTS)
            .collect();
        let (last, others) = parts.split_last()?;
        let open = last.chars().nth(1).is_some() && last.ends_with(is_of_a_word);
        let all = phrases(&parts);
        let closed = open.then(|| {
            let rest = last.trim_end_matches(is_of_a_word);
            let last = Some(rest).filter(|rest| rest.chars().any(is_of_a_word));
            phrases(&others.iter().copied().chain(last).collect::<Vec<_>>())
        });
        Some(Self {
            asked: if open { all + "*" } else { all },
            open,
            closed: closed.filter(|closed| !closed.is_empty()),
        })
    }
}

/// Within quotes all but a quote stands for itself, and a quote is no part of a word.
fn phrases(parts: &[&str]) -> String {
    let phrase = |part: &&str| format!("\"{}\"", apart(Cow::Owned(part.replace('"', " "))));
    parts.iter().map(phrase).collect::<Vec<_>>().join(" ")
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '\u{E000}'..='\u{F8FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<String> {
        Question::of(text).map(|question| question.asked)
    }

    #[test]
    fn parts_become_phrases_and_the_last_may_be_the_beginning_of_a_word() {
        assert_eq!(asked("/home/me/notes").as_deref(), Some("\"/home/me/notes\"*"));
        assert_eq!(asked(" a  todo.txt ").as_deref(), Some("\"a\" \"todo.txt\"*"));
        assert_eq!(asked("x").as_deref(), Some("\"x\""), "one character is no beginning");
        assert_eq!(asked("done.").as_deref(), Some("\"done.\""), "the word is complete");
        assert_eq!(asked("- \" ' * AND").as_deref(), Some("\"AND\"*"));
        assert_eq!(asked("say\"hi").as_deref(), Some("\"say hi\"*"));
        assert_eq!(asked("a\0b").as_deref(), Some("\"a\" \"b\""));
        assert_eq!(asked("東京").as_deref(), Some("\" 東  京 \"*"));
        for nothing in ["", "  ", "...", "\"\"", "\0", "🙂"] {
            assert_eq!(asked(nothing), None, "{nothing:?}");
        }
        let closed = |text| Question::of(text).and_then(|question| question.closed);
        assert_eq!(closed("/home/me/todo").as_deref(), Some("\"/home/me/\""));
        assert_eq!(closed("a bc").as_deref(), Some("\"a\""));
        assert_eq!(closed("todo"), None);
        assert_eq!(closed("todo done."), None, "nothing is open");
        let long = "word ".repeat(100_000);
        assert!(asked(&long).expect("words").len() < 2 * ASKED);
    }

    #[test]
    fn escapes_become_what_they_stand_for() {
        for (json, text) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r"one\ntwo\tthree", "one two three"),
            (r#"say \"hi\" C:\\notes\/x"#, r#"say "hi" C:\notes/x"#),
            (r"\u00e4\u4e1c \ud83d\ude42.", "\u{e4}\u{4e1c} \u{1f642}."),
            (r"\ud83d\n \ude42 \u12", "    12"),
            (r"\uzäöü", " zäöü"),
            (r"cut\", "cut"),
            (r"cut\u00e", "cut 00e"),
        ] {
            assert_eq!(
                unescaped(json).split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>(),
                "{json}"
            );
        }
    }
}
