//! Every string of a JSON text: what it says, where it stands, and which bytes it takes.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::{DEPTH, ScanFailed};

/// One step down from the top of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// To a member of an object.
    Key(Cow<'a, str>),
    /// To an element of an array.
    Index(usize),
}

/// A string without its escapes, and the way back to the bytes it came from.
#[derive(Debug)]
pub(super) struct Unescaped<'a> {
    pub(super) text: Cow<'a, str>,
    start: usize,
    /// After each escape: a position in `text`, and the same one in the JSON text.
    joints: Vec<(usize, usize)>,
}

impl Unescaped<'_> {
    /// The bytes in the JSON text from which a part of `text` comes. Its ends must lie between
    /// characters.
    pub(super) fn raw(&self, part: Range<usize>) -> Range<usize> {
        self.raw_at(part.start)..self.raw_at(part.end)
    }

    fn raw_at(&self, at: usize) -> usize {
        let before = self.joints.partition_point(|(text, _)| *text <= at);
        match before.checked_sub(1).and_then(|last| self.joints.get(last)) {
            Some((text, raw)) => raw + (at - text),
            None => self.start + at,
        }
    }
}

/// A string of a JSON text.
#[derive(Debug)]
pub(super) struct Found<'w, 'a> {
    /// The way to the member or element that it is, or whose name it is.
    pub(super) path: &'w [Step<'a>],
    /// Whether it is the name of a member.
    pub(super) is_key: bool,
    pub(super) string: &'w Unescaped<'a>,
}

impl Found<'_, '_> {
    pub(super) fn text(&self) -> &str {
        &self.string.text
    }

    /// The name of the member whose value it is.
    pub(super) fn key(&self) -> Option<&str> {
        match self.path.last() {
            Some(Step::Key(key)) if !self.is_key => Some(key),
            _ => None,
        }
    }
}

/// Visits every string of a JSON text in its order, names of members included.
///
/// It checks what it needs to tell strings apart: brackets, commas, colons, quotes and escapes.
/// Numbers and control characters inside strings are not held to the letter.
pub(super) fn each_string<'a>(
    json: &'a str,
    mut visit: impl FnMut(&Found<'_, 'a>),
) -> Result<(), ScanFailed> {
    let mut reader = Reader { json, at: 0 };
    // An element of an array is below an index, a member below a key: the path is the stack.
    let mut path: Vec<Step<'a>> = Vec::new();
    loop {
        match reader.token()? {
            b'{' => {
                if !reader.takes(b'}') {
                    reader.member(&mut path, &mut visit)?;
                    continue;
                }
            }
            b'[' => {
                if !reader.takes(b']') {
                    descend(&mut path, Step::Index(0))?;
                    continue;
                }
            }
            b'"' => {
                let string = reader.string()?;
                visit(&Found { path: &path, is_key: false, string: &string });
            }
            b't' => reader.word("rue")?,
            b'f' => reader.word("alse")?,
            b'n' => reader.word("ull")?,
            b'-' | b'0'..=b'9' => reader.number(),
            _ => return Err(reader.failed()),
        }
        loop {
            match path.last_mut() {
                None => return reader.end(),
                Some(Step::Index(index)) => {
                    if reader.takes(b',') {
                        *index += 1;
                        break;
                    }
                    reader.must_take(b']')?;
                    path.pop();
                }
                Some(Step::Key(_)) => {
                    path.pop();
                    if reader.takes(b',') {
                        reader.member(&mut path, &mut visit)?;
                        break;
                    }
                    reader.must_take(b'}')?;
                }
            }
        }
    }
}

fn descend<'a>(path: &mut Vec<Step<'a>>, step: Step<'a>) -> Result<(), ScanFailed> {
    if path.len() >= DEPTH {
        return Err(ScanFailed::TooDeep);
    }
    path.push(step);
    Ok(())
}

struct Reader<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn failed(&self) -> ScanFailed {
        ScanFailed::NotJson { at: self.at }
    }

    fn skip_space(&mut self) {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        self.at +=
            rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    fn token(&mut self) -> Result<u8, ScanFailed> {
        self.skip_space();
        let byte = self.json.as_bytes().get(self.at).copied().ok_or_else(|| self.failed())?;
        self.at += 1;
        Ok(byte)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let there = self.json.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn must_take(&mut self, byte: u8) -> Result<(), ScanFailed> {
        if self.takes(byte) { Ok(()) } else { Err(self.failed()) }
    }

    fn end(&mut self) -> Result<(), ScanFailed> {
        self.skip_space();
        if self.at == self.json.len() { Ok(()) } else { Err(self.failed()) }
    }

    fn word(&mut self, rest: &str) -> Result<(), ScanFailed> {
        if !self.json.get(self.at..).is_some_and(|text| text.starts_with(rest)) {
            return Err(self.failed());
        }
        self.at += rest.len();
        Ok(())
    }

    fn number(&mut self) {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        let part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        self.at += rest.iter().take_while(part).count();
    }

    fn member(
        &mut self,
        path: &mut Vec<Step<'a>>,
        visit: &mut impl FnMut(&Found<'_, 'a>),
    ) -> Result<(), ScanFailed> {
        self.must_take(b'"')?;
        let name = self.string()?;
        self.must_take(b':')?;
        descend(path, Step::Key(name.text.clone()))?;
        visit(&Found { path, is_key: true, string: &name });
        Ok(())
    }

    /// Reads on behind the opening quote, up to and with the closing one.
    fn string(&mut self) -> Result<Unescaped<'a>, ScanFailed> {
        let start = self.at;
        let mut text = String::new();
        let mut joints = Vec::new();
        loop {
            let from = self.at;
            let rest = self.json.as_bytes().get(from..).unwrap_or_default();
            let Some(plain) = memchr2(b'"', b'\\', rest) else {
                self.at = self.json.len();
                return Err(self.failed());
            };
            self.at = from + plain;
            let part = self.json.get(from..self.at).ok_or_else(|| self.failed())?;
            let closes = rest.get(plain) == Some(&b'"');
            if closes && joints.is_empty() {
                self.at += 1;
                return Ok(Unescaped { text: Cow::Borrowed(part), start, joints });
            }
            text.push_str(part);
            if closes {
                self.at += 1;
                return Ok(Unescaped { text: Cow::Owned(text), start, joints });
            }
            self.at += 1;
            text.push(self.escape()?);
            joints.push((text.len(), self.at));
        }
    }

    fn escape(&mut self) -> Result<char, ScanFailed> {
        let byte = self.json.as_bytes().get(self.at).copied().ok_or_else(|| self.failed())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.digits(self.at).ok_or_else(|| self.failed())?;
                self.at += 4;
                if !(0xd800..0xdc00).contains(&first) {
                    // A half of a pair alone is no character.
                    return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let pair = self.json.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
                match self.digits(self.at + 2).filter(|_| pair) {
                    Some(second) if (0xdc00..0xe000).contains(&second) => {
                        self.at += 6;
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    _ => char::REPLACEMENT_CHARACTER,
                }
            }
            _ => return Err(self.failed()),
        })
    }

    fn digits(&self, at: usize) -> Option<u32> {
        let digits = self.json.get(at..at + 4)?;
        // `from_str_radix` would take a sign.
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn strings(json: &str) -> Result<Vec<String>, ScanFailed> {
        let mut all = Vec::new();
        each_string(json, |found| all.push(found.text().to_owned()))?;
        Ok(all)
    }

    fn collect(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, all)),
            Value::Object(members) => {
                for (name, member) in members {
                    all.push(name.clone());
                    collect(member, all);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for broken in [
            "",
            " ",
            "{",
            "}",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "\"",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "[1]]",
            "[1}",
            "{\"a\":1]",
            "nul",
            "tru",
            "1 2",
            "\"a\"b",
            "\"\\u12é\"",
        ] {
            let read = strings(broken);
            assert!(matches!(read, Err(ScanFailed::NotJson { .. })), "{broken:?}: {read:?}");
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(strings(&deep(DEPTH + 1)), Ok(vec![]), "the innermost array is empty");
        assert_eq!(strings(&deep(DEPTH + 2)), Err(ScanFailed::TooDeep));
        assert_eq!(strings(&deep(200_000)), Err(ScanFailed::TooDeep));
    }

    #[test]
    fn a_part_of_a_string_is_found_again_in_the_bytes() {
        let json = r#"{"a":["x","\u00e9t\"\ud83d\ude00\/e\n\ud800z"]}"#;
        let mut seen = Vec::new();
        each_string(json, |found| {
            for (at, character) in found.text().char_indices() {
                let raw = found.string.raw(at..at + character.len_utf8());
                seen.push((character, json[raw].to_owned()));
            }
        })
        .expect("reads");
        let expected = [
            ('a', "a"),
            ('x', "x"),
            ('é', r"\u00e9"),
            ('t', "t"),
            ('"', r#"\""#),
            ('😀', r"\ud83d\ude00"),
            ('/', r"\/"),
            ('e', "e"),
            ('\n', r"\n"),
            (char::REPLACEMENT_CHARACTER, r"\ud800"),
            ('z', "z"),
        ];
        assert_eq!(seen, expected.map(|(character, raw)| (character, raw.to_owned())));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_the_strings_that_a_json_reader_reads(value in any_json(), wide in any::<bool>()) {
            let json = if wide { format!("{value:#}") } else { value.to_string() };
            let mut expected = Vec::new();
            collect(&value, &mut expected);
            prop_assert_eq!(strings(&json), Ok(expected));
        }

        #[test]
        fn whatever_a_json_reader_takes_it_takes(text in "[\\[\\]{},:\"\\\\u0-9a-f \\-.etrunls]{0,24}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let mut expected = Vec::new();
                collect(&value, &mut expected);
                let read = strings(&text);
                prop_assert!(read.is_ok(), "{text:?}: {read:?}");
            }
        }
    }
}
